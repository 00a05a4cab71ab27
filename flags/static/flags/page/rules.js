// The rules of a flag, in their order, and everybody else.

import { announce, button, h, iconButton } from "./dom.js";
import { constraintList } from "./constraints.js";
import { copy, newRule } from "./draft.js";
import { checkbox, field, input, moment, percent, select } from "./fields.js";
import { serving } from "./serving.js";

const isForAll = (rule) => !(rule.constraints.length || rule.segments.length || rule.starts_at || rule.ends_at);

export function rulesEditor(root, { draft, known }) {
  const touch = () => draft.touch();
  const rules = () => draft.value.rules;
  // A last rule that singles nobody out is shown as "everybody else"; while it is being edited it stays that.
  let rest = null;

  function draw(focus = null) {
    const last = rules().at(-1);
    rest = last && isForAll(last) ? last : null;
    const targeted = rules().filter((rule) => rule !== rest);
    root.replaceChildren(
      h("h2", {}, "Rules"),
      h("p.flag-help", {}, "From the top: the first rule that fits somebody decides what they get."),
      h("ol.flag-rules", {}, targeted.map((rule, index) => card(rule, index, targeted.length))),
      h("div", { "data-place": "rules" }, h("p.flag-error")),
      button("+ Rule", add),
      everybody(targeted.length),
    );
    if (focus) root.querySelector(focus)?.focus();
  }

  function changed(focus) {
    draw(focus);
    touch();
  }

  // What everybody else gets must not change because rules come or go.
  function keepRest() {
    if (!rest) rules().push(newRule({ percent: rules().length ? 0 : 100 }));
  }

  function add() {
    keepRest();
    const at = rules().length - 1;
    rules().splice(at, 0, newRule({ variant: draft.isBoolean ? "on" : "" }));
    rules()[at].constraints.push({ field: "", operator: "IN", values: [], inverted: false, case_insensitive: false });
    changed(`[data-place="rules[${at}].name"] input`);
  }

  function remove(index) {
    keepRest();
    rules().splice(index, 1);
    announce(`Rule ${index + 1} is removed.`);
    changed(index ? `[data-rule="${index - 1}"] .flag-rule-name` : ":scope > button");
  }

  function duplicate(index) {
    const twin = { ...copy(rules()[index]), id: newRule().id, name: `${rules()[index].name} (copy)`.trim() };
    rules().splice(index + 1, 0, twin);
    changed(`[data-rule="${index + 1}"] .flag-rule-name`);
  }

  function move(from, to, sign = null) {
    const [rule] = rules().splice(from, 1);
    rules().splice(to, 0, rule);
    announce(`Rule ${from + 1} is now rule ${to + 1}.`);
    const wanted = sign && `[data-rule="${to}"] [data-move="${sign}"]:not(:disabled)`;
    changed(wanted && `${wanted}, [data-rule="${to}"] [data-move]:not(:disabled)`);
  }

  function card(rule, index, count) {
    const at = `rules[${index}]`;
    const set = (name) => (value) => {
      rule[name] = value;
      touch();
    };
    const part = { draft, touch, redraw: changed };
    return h(
      "li.flag-rule",
      { "data-place": at, "data-rule": index, ...dropping(index) },
      h(
        "div.flag-rule-head",
        {},
        h("span.flag-grip.material-symbols-outlined", { "aria-hidden": "true", draggable: "true", title: "Drag", ...dragging(index) }, "drag_indicator"),
        h("span.flag-rule-number", { "aria-hidden": "true" }, index + 1),
        named(rule, index, set("name")),
        iconButton("arrow_upward", `Move rule ${index + 1} up`, () => move(index, index - 1, "up"), { disabled: index === 0, "data-move": "up" }),
        iconButton("arrow_downward", `Move rule ${index + 1} down`, () => move(index, index + 1, "down"), { disabled: index === count - 1, "data-move": "down" }),
        iconButton("content_copy", `Copy rule ${index + 1}`, () => duplicate(index)),
        iconButton("close", `Remove rule ${index + 1}`, () => remove(index)),
      ),
      constraintList(rule.constraints, { place: `${at}.constraints`, known, touch, redraw: changed }),
      segments(rule, at),
      h(
        "div.flag-then",
        {},
        percent(`Part of those whom rule ${index + 1} fits`, rule.percent, set("percent"), { place: `${at}.percent` }),
        serving(rule, { variant: "variant", split: "split", label: "of them get", place: (name) => `${at}.${name}`, inherit: inherited(rule), ...part }),
      ),
      more(rule, at, set),
      h("p.flag-error"),
    );
  }

  const named = (rule, index, set) =>
    h(
      "div.flag-field.flag-rule-title",
      { "data-place": `rules[${index}].name` },
      input(rule.name, set, { class: "flag-input flag-rule-name", "aria-label": `Name of rule ${index + 1}`, placeholder: "Name of the rule", maxlength: 150 }),
      h("p.flag-error"),
    );

  const inherited = (rule) => (draft.isBoolean && rule.variant ? null : draft.isBoolean ? "on" : "what is served while on");

  function segments(rule, at) {
    if (!known.segments.length && !rule.segments.length) return null;
    const toggle = (key) => (checked) => {
      rule.segments = checked ? [...rule.segments, key].sort() : rule.segments.filter((each) => each !== key);
      touch();
    };
    const keys = [...new Set([...known.segments.map((segment) => segment.key), ...rule.segments])];
    return h(
      "fieldset.flag-segments",
      { "data-place": `${at}.segments` },
      h("legend", {}, rule.constraints.length ? "and is in" : "Is in"),
      keys.map((key) => checkbox(key, rule.segments.includes(key), toggle(key))),
      h("p.flag-error"),
    );
  }

  const more = (rule, at, set) =>
    h(
      "details.flag-more",
      { open: Boolean(rule.starts_at || rule.ends_at) },
      h("summary", {}, "Time window and stickiness"),
      h(
        "div.flag-grid",
        {},
        field("From (UTC)", moment(rule.starts_at, set("starts_at")), { place: `${at}.starts_at` }),
        field("Until (UTC)", moment(rule.ends_at, set("ends_at")), { place: `${at}.ends_at` }),
        sticky(rule, at, set),
        field("Salt", input(rule.salt, set("salt"), { placeholder: draft.value.salt || draft.value.key }), {
          place: `${at}.salt`,
          help: "Flags with the same salt choose the same people.",
        }),
      ),
    );

  const sticky = (holder, at, set) =>
    field("Who keeps the same answer", select(known.stickiness, holder.stickiness, set("stickiness")), { place: at ? `${at}.stickiness` : "stickiness" });

  // The slider that most people come for.
  function everybody(count) {
    const flag = draft.value;
    const index = rules().length - (rest ? 1 : 0);
    const at = `rules[${index}]`;
    const share = rest ? rest.percent : count ? 0 : 100;
    const setShare = (value) => {
      if (!rest) rules().push((rest = newRule()));
      rest.percent = value;
      touch();
    };
    const own = rest && (rest.variant || rest.split.length) && !draft.isBoolean;
    const part = { draft, touch, redraw: changed, label: "of them get" };
    const what = own
      ? serving(rest, { variant: "variant", split: "split", place: (name) => `${at}.${name}`, inherit: "what is served while on", ...part })
      : serving(flag, { variant: "on_variant", split: "on_split", place: (name) => name, ...part });
    const set = (name) => (value) => {
      flag[name] = value;
      touch();
    };
    const variants = draft.variantNames().map((name) => [name, name]);
    return h(
      "section.flag-rest",
      { "aria-labelledby": "flag-rest-title" },
      h("h2", { id: "flag-rest-title" }, count ? "Everybody else" : "Everybody"),
      h(
        "div.flag-then",
        {},
        percent(count ? "Part of everybody else" : "Part of everybody", share, setShare, { place: `${at}.percent` }),
        draft.isBoolean ? h("p.flag-serving", {}, "of them get ", h("strong", {}, flag.on_variant || "on")) : what,
      ),
      h(
        "div.flag-grid",
        {},
        !draft.isBoolean && field("The others get", select(variants, flag.fallthrough_variant, set("fallthrough_variant")), { place: "fallthrough_variant" }),
        !draft.isBoolean &&
          field("While the flag is off", select([["", "the default of the code"], ...variants], flag.off_variant, set("off_variant")), { place: "off_variant" }),
        rest ? sticky(rest, at, (name) => (value) => ((rest[name] = value), touch())) : sticky(flag, "", set),
      ),
    );
  }

  // Dragging is for the mouse; the arrows beside it do the same.
  let dragged = null;
  const dragging = (index) => ({
    ondragstart: (event) => {
      dragged = index;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setDragImage(event.target.closest("li"), 12, 12);
    },
    ondragend: () => (dragged = null),
  });
  const dropping = (index) => ({
    ondragover: (event) => dragged !== null && event.preventDefault(),
    ondragenter: (event) => dragged !== null && event.currentTarget.classList.add("flag-drop"),
    ondragleave: (event) => event.currentTarget.contains(event.relatedTarget) || event.currentTarget.classList.remove("flag-drop"),
    ondrop: (event) => {
      event.preventDefault();
      if (dragged !== null && dragged !== index) move(dragged, index);
      else event.currentTarget.classList.remove("flag-drop");
    },
  });

  return { draw };
}
