// What is answered: one variant, or several by weight.

import { h, percentText } from "./dom.js";
import { field, select } from "./fields.js";

const BY_WEIGHT = "=split";

// `holder` has `variant` and `split` under the names given; `inherit` names what an empty variant means, if it may be empty.
export function serving(holder, { variant, split, label, place, draft, inherit = null, touch, redraw }) {
  const names = draft.variantNames();
  const isSplit = holder[split].length > 0;
  const choices = [
    ...(inherit === null ? [] : [["", inherit]]),
    ...names.map((name) => [name, name]),
    ...(draft.isBoolean ? [] : [[BY_WEIGHT, "by weight…"]]),
  ];
  const choose = (value) => {
    holder[variant] = value === BY_WEIGHT ? "" : value;
    holder[split] = value === BY_WEIGHT ? evenly(names) : [];
    redraw(`[data-place="${place(variant)}"] select`);
  };
  return h(
    "div.flag-serving",
    {},
    field(label, select(choices, isSplit ? BY_WEIGHT : holder[variant], choose), { place: place(variant) }),
    isSplit && weights(holder, split, names, place(split), touch),
  );
}

const evenly = (names) => names.map((name) => ({ variant: name, weight: 1 }));

// A figure per variant, and what part of everybody it comes to.
function weights(holder, split, names, place, touch) {
  const gone = holder[split].map((share) => share.variant).filter((name) => !names.includes(name));
  const weightOf = (name) => holder[split].find((share) => share.variant === name)?.weight || 0;
  const parts = new Map();
  const show = () => {
    const sum = holder[split].reduce((total, share) => total + (share.weight || 0), 0);
    for (const [name, output] of parts) output.textContent = sum ? percentText((100 * weightOf(name)) / sum) : "–";
  };
  const set = (name, text) => {
    const share = holder[split].find((each) => each.variant === name);
    const weight = text === "" ? 0 : Number(text);
    if (share) share.weight = weight;
    else holder[split].push({ variant: name, weight });
    show();
    touch();
  };
  const rows = [...names, ...gone].map((name) => {
    const box = h("input.flag-input.flag-number", { type: "number", min: 0, step: 1, value: weightOf(name), oninput: (event) => set(name, event.target.value) });
    parts.set(name, h("output"));
    return h("label.flag-weight", {}, h("span", {}, name), box, parts.get(name));
  });
  show();
  return h("fieldset.flag-weights", { "data-place": place }, h("legend", {}, "Weights"), rows, h("p.flag-error"));
}
