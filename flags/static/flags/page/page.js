// The page of one flag: its parts, put together.

import { acts } from "./acts.js";
import { announce } from "./dom.js";
import { Draft } from "./draft.js";
import { explain } from "./explain.js";
import { aboutEditor, overridesEditor, prerequisitesEditor, variantsEditor } from "./parts.js";
import { planning } from "./plans.js";
import { preview } from "./preview.js";
import { rulesEditor } from "./rules.js";
import { savingBar } from "./saving.js";
import { redraw } from "./server.js";
import { tabs } from "./tabs.js";

const { flag, version, urls, known, mayChange } = JSON.parse(document.getElementById("flag-data").textContent);
const at = (id) => document.getElementById(id);
const draft = new Draft(flag, version);
const { open: openTab } = tabs(at("flag-tabs"));

const page = { draft, urls, known, openTab, redrawAll, refresh };
const editors = {
  "flag-targeting": rulesEditor,
  "flag-variants": variantsEditor,
  "flag-overrides": overridesEditor,
  "flag-prerequisites": prerequisitesEditor,
  "flag-about": aboutEditor,
};
const drawn = Object.entries(editors).map(([id, editor]) => editor(at(id), page));

// Everything that shows the draft, after it was changed as a whole.
function redrawAll(focus = null) {
  for (const each of drawn) each.draw();
  if (!mayChange) lock();
  if (focus) document.querySelector(focus)?.focus();
}

// What the site draws of plans and history, and what it says about the last change.
function refresh(note = "") {
  at("flag-note").textContent = note;
  return redraw("flag-head-badges", "flag-plans", "flag-plan-count", "flag-history", "flag-changed");
}

function lock() {
  for (const control of document.querySelectorAll(".flag-edited :is(input, select, textarea, button)")) control.disabled = true;
}

redrawAll();
// Switching tabs must not cost what was opened or typed: what depends on other tabs is drawn anew when it is shown.
at("flag-tabs").addEventListener("click", () => drawn.slice(0, 3).forEach((each) => each.draw()));
if (mayChange) savingBar(at("flag-saving"), page);
if (urls.preview) {
  preview(at("flag-preview"), page).look();
  explain(at("flag-explain"), page);
}
if (urls.plan && mayChange) planning(at("flag-planning"), { ...page, adoptSaved: () => (draft.discard(), redrawAll()) });

// Reverted, approved, called off: the flag may be another one now.
acts(document.querySelector(".flag-page"), (answer) => {
  if (answer.reload) return location.reload();
  if (answer.flag) {
    const both = draft.rebase(answer.flag, answer.version);
    redrawAll();
    showState(answer.flag.enabled);
    if (both.length) announce(`${answer.note} What you typed is kept, and not saved.`);
  }
  return refresh(answer.note).then(keepFocus);
});

// The button that was pressed may be gone: the keyboard goes on where it was.
function keepFocus() {
  if (document.activeElement === document.body) document.querySelector("[role=tabpanel]:not([hidden])").focus();
}

// The switch saves at once; what is being edited stays, on the version that the switch has made.
document.addEventListener("flag:switched", ({ detail }) => {
  if (detail.version === draft.version + 1) draft.version = detail.version;
  draft.base.enabled = draft.value.enabled = detail.enabled;
  draft.touch();
  refresh();
});

function showState(enabled) {
  const button = document.querySelector(".flag-page .flag-switch");
  button.setAttribute("aria-checked", String(enabled));
  button.closest(".flag-cell").querySelector(".flag-state").textContent = enabled ? "on" : "off";
}
