// The smaller parts of a flag: its variants, the exceptions for single subjects, what it depends on, what is said of it.

import { button, h, iconButton } from "./dom.js";
import { checkbox, field, input, lines, moment, select, textarea } from "./fields.js";

// A list of rows with "add" and "remove"; `row(item, at, set)` draws one.
function list(root, draft, name, { title, help, empty, noun, fresh, row }) {
  function draw(focus = null) {
    const items = draft.value[name];
    const changed = (wanted) => {
      draw(wanted);
      draft.touch();
    };
    const remove = (index) => {
      items.splice(index, 1);
      changed(":scope > button");
    };
    const add = () => {
      items.push(fresh());
      changed(`[data-place="${name}[${items.length - 1}]"] :is(input, select)`);
    };
    const rows = items.map((item, index) => {
      const set = (key) => (value) => {
        item[key] = value;
        draft.touch();
      };
      const take = iconButton("close", `Remove ${noun} ${index + 1}`, () => remove(index));
      return h("li.flag-part-row", { "data-place": `${name}[${index}]` }, h("div.flag-part-fields", {}, row(item, `${name}[${index}]`, set, draw)), take, h("p.flag-error"));
    });
    root.replaceChildren(
      h("h2", {}, title),
      h("p.flag-help", {}, help),
      items.length ? h("ul.flag-part-rows", {}, rows) : h("p.flag-none", {}, empty),
      h("div", { "data-place": name }, h("p.flag-error")),
      button(`+ ${noun[0].toUpperCase()}${noun.slice(1)}`, add),
    );
    if (focus) root.querySelector(focus)?.focus();
  }
  return { draw };
}

const choicesOf = (draft) => draft.variantNames().map((name) => [name, name]);

export function variantsEditor(root, { draft }) {
  if (draft.isBoolean && draft.base.key) {
    return { draw: () => root.replaceChildren(h("h2", {}, "Variants"), h("p", {}, "A flag of this type answers on or off, nothing else.")) };
  }
  const blank = { string: "", number: 0, object: {} };
  const listed = list(root, draft, "variants", {
    title: "Variants",
    help: "What the flag may answer. Which of them somebody gets, the rules say.",
    empty: "None yet: add what the flag may answer.",
    noun: "variant",
    fresh: () => ({ key: "", value: blank[draft.value.type] ?? "", description: "" }),
    row: (variant, at, set) => [
      field("Name", input(variant.key, rename(variant), { maxlength: 100 }), { place: `${at}.key` }),
      field("Value", valueControl(variant, draft.value.type, set("value")), { place: `${at}.value` }),
      field("Description", input(variant.description, set("description")), { place: `${at}.description` }),
    ],
  });
  // Whatever names the variant goes along.
  const rename = (variant) => (name) => {
    const [old, flag] = [variant.key, draft.value];
    const follow = (holder, key) => old && holder[key] === old && (holder[key] = name);
    variant.key = name;
    for (const key of ["on_variant", "off_variant", "fallthrough_variant"]) follow(flag, key);
    for (const share of flag.on_split) follow(share, "variant");
    for (const rule of flag.rules) [rule, ...rule.split].forEach((holder) => follow(holder, "variant"));
    for (const override of flag.overrides) follow(override, "variant");
    if (!old && flag.variants.length === 1) flag.on_variant = flag.fallthrough_variant = name; // the first of a new flag
    draft.touch();
  };
  return { draw: () => (draft.isBoolean ? root.replaceChildren(h("p", {}, "It answers on or off.")) : listed.draw()) };
}

// Text as it is, numbers and objects as JSON; what is no JSON is kept as text, and the site says what is wrong with it.
function valueControl(variant, type, set) {
  if (type === "string") return input(variant.value, set);
  const read = (text) => {
    try {
      set(JSON.parse(text));
    } catch {
      set(text);
    }
  };
  const shown = typeof variant.value === "string" ? variant.value : JSON.stringify(variant.value, null, type === "object" ? 2 : 0);
  return type === "number" ? input(shown, read, { inputmode: "decimal" }) : textarea(shown, read, { rows: 4, spellcheck: "false", class: "flag-input flag-code" });
}

export const overridesEditor = (root, { draft }) =>
  list(root, draft, "overrides", {
    title: "Overrides",
    help: "What a single subject gets, whatever the rules say: for a test account, or while a complaint is looked into.",
    empty: "None: the rules decide for everybody.",
    noun: "override",
    fresh: () => ({ subject: "", variant: draft.variantNames()[0] || "", reason: "", expires_at: null }),
    row: (override, at, set) => [
      field("Subject", input(override.subject, set("subject"), { placeholder: "a customer's id", maxlength: 200 }), { place: `${at}.subject` }),
      field("gets", select(choicesOf(draft), override.variant, set("variant")), { place: `${at}.variant` }),
      field("Why", input(override.reason, set("reason"), { maxlength: 200 }), { place: `${at}.reason` }),
      field("Until (UTC)", moment(override.expires_at, set("expires_at")), { place: `${at}.expires_at` }),
    ],
  });

export function prerequisitesEditor(root, { draft, known }) {
  const others = () => known.flags.filter((flag) => flag.key !== draft.value.key);
  const names = (key) => others().find((flag) => flag.key === key)?.variants || [];
  return list(root, draft, "prerequisites", {
    title: "Prerequisites",
    help: "While another flag does not answer so, this one gives its off value.",
    empty: "None: it depends on no other flag.",
    noun: "prerequisite",
    fresh: () => ({ flag: others()[0]?.key || "", on: true, variants: [] }),
    row: (required, at, set, draw) => [
      field("Flag", select(others().map(({ key }) => [key, key]), required.flag, (key) => ((required.flag = key), (required.variants = []), draw(), draft.touch())), {
        place: `${at}.flag`,
      }),
      field("must be", select([["on", "on"], ["off", "off"]], required.on ? "on" : "off", (value) => set("on")(value === "on")), { place: `${at}.on` }),
      names(required.flag).length > 0 &&
        field("and answer one of", lines(required.variants, set("variants"), { placeholder: names(required.flag).join("\n") }), {
          place: `${at}.variants`,
          help: "One per line; empty: any.",
        }),
    ],
  });
}

export function aboutEditor(root, { draft, known, redrawAll }) {
  function draw() {
    const flag = draft.value;
    const isNew = !draft.base.key;
    const set = (name) => (value) => {
      flag[name] = value;
      draft.touch();
    };
    const setType = (type) => {
      Object.assign(flag, type === "boolean" ? BOOLEAN : OTHER, { type, variants: [] });
      redrawAll("[data-place='type'] select");
    };
    const commas = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);
    root.replaceChildren(
      h("h2", {}, "About"),
      h(
        "div.flag-grid",
        {},
        isNew && field("Name", input(flag.key, set("key"), { placeholder: "checkout.new_flow", maxlength: 150 }), { place: "key", help: "As the code asks for it; it stays for good." }),
        isNew && field("Type", select(known.types, flag.type, setType), { place: "type", help: "What the code gets." }),
        field("Kind", select(known.kinds, flag.kind, set("kind")), { place: "kind", help: "How long such flags live." }),
        field("Owner", input(flag.owner, set("owner"), { maxlength: 120 }), { place: "owner", help: "Person or team to ask." }),
        field("Tags", input(flag.tags.join(", "), (text) => set("tags")(commas(text))), { place: "tags", help: "Separated by commas." }),
        field("Review on (UTC)", moment(flag.review_at, set("review_at")), { place: "review_at", help: "When somebody should ask whether it may go." }),
      ),
      field("Description", textarea(flag.description, set("description"), { rows: 3 }), { place: "description", help: "What is different while it is on." }),
      field("Guard", lines(flag.guard, set("guard"), { placeholder: "names of alerts, one per line" }), {
        place: "guard",
        help: "When one of these alerts fires, the flag is turned off. It never comes on by itself.",
      }),
      checkbox("Protected", flag.protected, set("protected"), {
        place: "protected",
        help: "Every change needs a reason, and what lets more happen needs a second person.",
      }),
      checkbox("Visible to clients", flag.client_visible, set("client_visible"), { place: "client_visible", help: "Shop fronts may read it without being flag editors." }),
    );
  }
  return { draw };
}

const BOOLEAN = { on_variant: "on", on_split: [], off_variant: "off", fallthrough_variant: "off" };
const OTHER = { on_variant: "", on_split: [], off_variant: "", fallthrough_variant: "" };
