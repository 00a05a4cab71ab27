// The bar that says what is not saved yet, saves it, and settles a conflict without losing anything.

import { clearErrors, firstError, showErrors } from "./errors.js";
import { announce, button, h } from "./dom.js";
import { input } from "./fields.js";
import { ask } from "./server.js";

export function savingBar(root, { draft, urls, known, redrawAll, refresh, openTab }) {
  const reason = input("", () => {}, { maxlength: 200, placeholder: "Why (goes into the history)", "aria-label": "Why" });
  const said = h("span.flag-unsaved", { role: "status" });
  const trouble = h("div.flag-trouble", { role: "alert" });
  const save = button("Save", () => run(), { look: "main" });
  const discard = button("Discard", () => {
    draft.discard();
    trouble.replaceChildren();
    clearErrors();
    redrawAll();
  });
  root.replaceChildren(trouble, h("div.flag-save", {}, said, h("span.flag-reason", {}, reason, h("span.flag-error", {})), discard, save));

  function show() {
    const names = draft.changed();
    root.dataset.dirty = String(names.length > 0);
    said.textContent = names.length ? `Not saved: ${names.map((name) => known.labels[name] || name).join(", ")}` : trouble.childNodes.length ? "" : "Everything is saved.";
    save.disabled = discard.disabled = !names.length;
  }

  async function run() {
    const [why, needed] = [reason.value.trim(), draft.base.protected && draft.base.key];
    if (needed && !why) return complain("It is protected: say why it is changed.", reason);
    save.disabled = true;
    trouble.replaceChildren();
    reason.removeAttribute("aria-invalid");
    clearErrors();
    try {
      done(await ask(urls.save, { patch: draft.patch(), version: draft.version, reason: why }));
    } catch (error) {
      if (error.conflict) conflict(error.conflict);
      else {
        const homeless = showErrors(error.errors);
        const rest = error.errors.length ? homeless.map(({ message }) => message).join(" ") : error.message;
        complain(rest || "Nothing is saved: see what is marked.");
        firstError(openTab);
      }
    }
    show();
  }

  function done({ flag, version, note, next }) {
    if (next) {
      draft.base = draft.value; // nothing is left unsaved
      return location.assign(next); // a page of its own
    }
    draft.adopt(flag, version);
    reason.value = "";
    redrawAll();
    refresh();
    if (note) trouble.replaceChildren(h("p.flag-said", {}, note));
    announce(note || "Saved.");
  }

  function complain(text, control = null) {
    trouble.replaceChildren(h("p.flag-complaint", {}, text));
    control?.setAttribute("aria-invalid", "true");
    control?.focus();
  }

  // Somebody else was faster. What was typed stays; it is theirs or ours per field, never silently.
  function conflict({ who, when, what, flag, version }) {
    const theirs = h("ul", {}, what.map((line) => h("li", {}, line)));
    const keep = () => {
      const both = draft.rebase(flag, version);
      redrawAll();
      const names = both.map((name) => known.labels[name] || name).join(", ");
      trouble.replaceChildren(h("p", {}, both.length ? `You both changed: ${names}. Saving replaces theirs.` : "Yours is on top of theirs now: save when it looks right."));
      show();
      save.focus();
    };
    const drop = () => {
      draft.adopt(flag, version);
      trouble.replaceChildren();
      redrawAll();
      show();
    };
    trouble.replaceChildren(
      h("p", {}, h("strong", {}, `${who} changed this ${when}.`), " What you typed is still here and not saved."),
      theirs,
      h("div.flag-buttons", {}, button("Keep mine on top of theirs", keep, { look: "main" }), button("Take theirs, drop mine", drop)),
    );
    refresh();
    trouble.querySelector("button").focus();
  }

  // An edit answers a complaint, but settles no conflict.
  draft.onChange(() => trouble.querySelector(":scope > .flag-complaint")?.remove());
  draft.onChange(show);
  show();
  window.addEventListener("beforeunload", (event) => draft.changed().length && event.preventDefault());
}
