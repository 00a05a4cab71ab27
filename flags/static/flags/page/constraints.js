// Questions about fields of the context: for rules and for segments.

import { button, h, iconButton } from "./dom.js";
import { checkbox, field, input, lines, moment, select } from "./fields.js";

const SINGLE = /^(NUM|DATE|SEMVER)_|^REGEX$/;
const TEXTUAL = /^(IN|NOT_IN|STR_.*|REGEX)$/;

// `constraints` is edited in place; `touch` is called after each edit, `redraw(focus)` after one that changes the form.
export function constraintList(constraints, { place, known, touch, redraw }) {
  const rows = constraints.map((constraint, index) => row(constraint, index, { constraints, place, known, touch, redraw }));
  const add = () => {
    constraints.push({ field: "", operator: "IN", values: [], inverted: false, case_insensitive: false });
    redraw(`[data-place="${place}[${constraints.length - 1}].field"] input`);
  };
  return h("div.flag-constraints", { "data-place": place }, h("ul", {}, rows), button("+ Condition", add, { look: "bare" }), h("p.flag-error"));
}

function row(constraint, index, { constraints, place, known, touch, redraw }) {
  const at = `${place}[${index}]`;
  const set = (name) => (value) => {
    constraint[name] = value;
    touch();
  };
  const changeOperator = (operator) => {
    constraint.operator = operator;
    if (SINGLE.test(operator)) constraint.values = constraint.values.slice(0, 1);
    redraw(`[data-place="${at}.operator"] select`);
  };
  const remove = () => {
    constraints.splice(index, 1);
    redraw(index ? `[data-place="${place}[${index - 1}].field"] input` : `[data-place="${place}"] > button`);
  };
  return h(
    "li.flag-constraint",
    { "data-place": at },
    field("Field", input(constraint.field, set("field"), { list: "flag-context-fields", placeholder: "such as userId" }), { place: `${at}.field` }),
    field("Question", select(known.operators, constraint.operator, changeOperator), { place: `${at}.operator` }),
    values(constraint, at, set("values")),
    h(
      "div.flag-options",
      {},
      checkbox("Not", constraint.inverted, set("inverted")),
      TEXTUAL.test(constraint.operator) && checkbox("Ignore case", constraint.case_insensitive, set("case_insensitive")),
    ),
    iconButton("close", `Remove condition ${index + 1}`, remove),
    h("p.flag-error"),
  );
}

function values({ operator, values: held }, at, set) {
  const place = `${at}.values`;
  if (operator.startsWith("DATE_")) return field("Moment (UTC)", moment(held[0], (value) => set(value ? [value] : [])), { place });
  if (SINGLE.test(operator)) {
    const more = { placeholder: operator.startsWith("SEMVER") ? "1.2.3" : "", inputmode: operator.startsWith("NUM") ? "decimal" : "text" };
    return field("Value", input(held[0] || "", (value) => set(value ? [value] : []), more), { place });
  }
  return field("Values", lines(held, set, { placeholder: "one per line" }), { place });
}
