// Buttons in what the site has drawn: revert a change, approve or call off a plan. Pressed twice: once to be asked, once to do it.

import { announce, h } from "./dom.js";
import { ask } from "./server.js";

export function acts(root, done) {
  root.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-act]");
    if (!pressed) return;
    if (pressed.dataset.instant === undefined) confirmed(pressed, done);
    else atOnce(pressed, done);
  });
}

// What can itself be taken back needs no question.
async function atOnce(pressed, done) {
  pressed.disabled = true;
  pressed.parentElement.querySelector(":scope > .flag-error")?.remove();
  try {
    const answer = await ask(pressed.dataset.act, {});
    announce(answer.note);
    await done(answer);
  } catch (error) {
    pressed.after(h("p.flag-error", { role: "alert" }, error.message));
  }
  pressed.disabled = false;
}

function confirmed(pressed, done) {
  const { act, title, about = "", go, silent } = pressed.dataset;
  const trouble = h("p.flag-error", { role: "alert" });
  const reason = h("input", { maxlength: 200, autocomplete: "off", id: "flag-act-reason" });
  const run = async (event) => {
    event.preventDefault();
    trouble.textContent = "";
    try {
      const answer = await ask(act, { reason: reason.value.trim() });
      dialog.close();
      announce(answer.note);
      done(answer);
    } catch (error) {
      trouble.textContent = error.message;
    }
  };
  const cancel = h("button.flag-button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const dialog = h(
    "dialog.flag-dialog",
    {
      "aria-labelledby": "flag-act-title",
      onclose: () => {
        dialog.remove();
        pressed.focus();
      },
    },
    h(
      "form",
      { onsubmit: run },
      h("h2", { id: "flag-act-title" }, title),
      h("p", {}, about),
      silent === undefined && [h("label", { for: "flag-act-reason" }, "Why"), reason],
      trouble,
      h("menu", {}, cancel, h("button.flag-button", { type: "submit", "data-look": "main" }, go)),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}
