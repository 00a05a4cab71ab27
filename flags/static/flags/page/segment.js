// The page of a segment: its constraints, and who is in it.

import { acts } from "./acts.js";
import { constraintList } from "./constraints.js";
import { h } from "./dom.js";
import { Draft, wholeSegment } from "./draft.js";
import { field, input, textarea } from "./fields.js";
import { preview } from "./preview.js";
import { savingBar } from "./saving.js";
import { redraw } from "./server.js";

const { segment, version, urls, known, mayChange } = JSON.parse(document.getElementById("flag-data").textContent);
const draft = new Draft(segment, version, wholeSegment);
const root = document.getElementById("segment-form");
const touch = () => draft.touch();

function draw(focus = null) {
  const value = draft.value;
  const set = (name) => (text) => {
    value[name] = text;
    touch();
  };
  const changed = (wanted) => {
    draw(wanted);
    touch();
  };
  root.replaceChildren(
    ...(draft.base.key ? [] : [field("Name", input(value.key, set("key"), { maxlength: 150 }), { place: "key", help: "Rules name it so; it stays for good." })]),
    field("Description", textarea(value.description, set("description")), { place: "description" }),
    h("h2", {}, "In it is who fits all of this"),
    constraintList(value.constraints, { place: "constraints", known, touch, redraw: changed }),
  );
  if (!mayChange) for (const control of root.querySelectorAll("input, select, textarea, button")) control.disabled = true;
  if (focus) root.querySelector(focus)?.focus();
}

draw();
preview(document.getElementById("flag-preview"), { draft, urls }).look();
if (mayChange) {
  const refresh = () => redraw("segment-history");
  savingBar(document.getElementById("flag-saving"), { draft, urls, known, redrawAll: draw, refresh, openTab: () => {} });
}
acts(document.querySelector(".flag-page"), ({ next }) => location.assign(next));
