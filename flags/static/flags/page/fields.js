// Labelled controls. Each knows its place in the flag ("rules[0].percent"), where the site's errors find it.

import { h, percentText, uniqueId } from "./dom.js";

// A control with its label, its help, and room for what is wrong.
export function field(label, control, { place = null, help = "", hidden = false, kind = "" } = {}) {
  const id = (control.id ||= uniqueId());
  control.setAttribute("aria-describedby", `${id}-help ${id}-error`);
  return h(
    "div.flag-field",
    { "data-place": place, "data-kind": kind },
    h("label", { for: id, class: hidden ? "flag-unseen" : null }, label),
    control,
    h("p.flag-help", { id: `${id}-help` }, help),
    h("p.flag-error", { id: `${id}-error` }),
  );
}

export const input = (value, onvalue, more = {}) =>
  h("input.flag-input", { type: "text", autocomplete: "off", value, oninput: (event) => onvalue(event.target.value), ...more });

export const textarea = (value, onvalue, more = {}) =>
  h("textarea.flag-input", { rows: 2, value, oninput: (event) => onvalue(event.target.value), ...more });

// Choices are [value, text]; a value that is none of them is shown as what it is.
export function select(choices, value, onvalue, more = {}) {
  const known = choices.some(([each]) => each === value) ? choices : [[value, value ? `${value} (unknown)` : "choose…"], ...choices];
  const options = known.map(([each, text]) => h("option", { value: each }, text));
  return h("select.flag-input", { value, onchange: (event) => onvalue(event.target.value), ...more }, options);
}

export function checkbox(label, checked, onvalue, { place = null, help = "" } = {}) {
  const control = h("input", { type: "checkbox", id: uniqueId(), checked, onchange: (event) => onvalue(event.target.checked) });
  return h(
    "div.flag-field.flag-check",
    { "data-place": place },
    h("label", {}, control, ` ${label}`),
    h("p.flag-help", {}, help),
    h("p.flag-error", {}),
  );
}

// Several values, one per line.
export const lines = (values, onvalues, more = {}) =>
  textarea(values.join("\n"), (text) => onvalues(text.split("\n").map((line) => line.trim()).filter(Boolean)), {
    rows: Math.min(6, Math.max(1, values.length)),
    ...more,
  });

// A moment, in UTC as everything here.
export function moment(value, onvalue, more = {}) {
  const shown = value ? new Date(value).toISOString().slice(0, 16) : "";
  return h("input.flag-input", {
    type: "datetime-local",
    value: shown,
    oninput: (event) => onvalue(event.target.value ? `${event.target.value}:00Z` : null),
    ...more,
  });
}

// A slider with a box for exact figures: both say the same.
export function percent(label, value, onvalue, { place = null } = {}) {
  const slider = h("input.flag-slider", { type: "range", min: 0, max: 100, step: 1, value, "aria-label": label });
  const box = h("input.flag-input.flag-number", { type: "number", min: 0, max: 100, step: 0.001, value, "aria-label": `${label}, exactly` });
  const show = (number) => {
    slider.value = number;
    slider.setAttribute("aria-valuetext", percentText(number));
    slider.style.setProperty("--part", `${number}%`);
  };
  slider.addEventListener("input", () => {
    box.value = slider.value;
    show(slider.value);
    onvalue(Number(slider.value));
  });
  box.addEventListener("input", () => {
    show(box.value);
    onvalue(box.value === "" ? null : Number(box.value)); // no number: the site says so beside it
  });
  show(value);
  return h("div.flag-field.flag-slide", { "data-place": place }, slider, h("span.flag-boxed", {}, box, " %"), h("p.flag-error", {}));
}
