"use strict";

// Turns flags in the admin list without leaving the page. The state that is shown is always the server's.
(() => {
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".flag-switch");
    if (button && button.ariaBusy !== "true") press(button);
  });

  async function press(button) {
    const on = button.getAttribute("aria-checked") !== "true";
    const reason = button.dataset.protected === "true" ? await askReason(button, on) : "";
    if (reason === null) return;
    say(button, "");
    button.ariaBusy = "true";
    try {
      show(button, await send(button.dataset.url, { enabled: String(on), reason }));
    } catch (error) {
      say(button, error.message);
    } finally {
      button.ariaBusy = "false";
    }
  }

  async function send(url, fields) {
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    let response;
    try {
      response = await fetch(url, { method: "POST", headers: { "X-CSRFToken": token }, body: new URLSearchParams(fields) });
    } catch {
      throw new Error("The server does not answer. Nothing is known of the change: reload the page.");
    }
    const isJson = (response.headers.get("Content-Type") || "").includes("json");
    const answer = isJson ? await response.json() : {};
    if (isJson && response.ok) return answer;
    throw new Error(answer.detail || (response.redirected ? "You are signed out: reload the page." : `Refused (${response.status}).`));
  }

  function show(button, { enabled, version, changed, bar, note }) {
    button.setAttribute("aria-checked", String(enabled));
    const cell = button.closest(".flag-cell");
    cell.querySelector(".flag-state").textContent = enabled ? "on" : "off";
    cell.querySelector(".flag-note").textContent = note || "";
    button.dispatchEvent(new CustomEvent("flag:switched", { bubbles: true, detail: { enabled, version } }));
    const row = button.closest("tr");
    if (!row) return;
    row.querySelector(".flag-changed").textContent = changed;
    row.querySelector(".flag-rollout").outerHTML = bar;
  }

  function say(button, text) {
    button.parentElement.querySelector(".flag-error").textContent = text;
  }

  // Resolves to the reason, or to null when it is called off.
  function askReason(button, on) {
    const dialog = document.createElement("dialog");
    dialog.className = "flag-dialog";
    dialog.innerHTML = `<form method="dialog"><label for="flag-reason"></label>
      <input id="flag-reason" maxlength="200" required autocomplete="off">
      <menu><button type="button">Cancel</button><button value="go"></button></menu></form>`;
    const name = button.getAttribute("aria-label");
    dialog.querySelector("label").textContent = `${name} is protected. Why do you turn it ${on ? "on" : "off"}?`;
    dialog.querySelector("[value=go]").textContent = on ? "Turn on" : "Turn off";
    dialog.querySelector("[type=button]").addEventListener("click", () => dialog.close());
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("input").focus();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        resolve(dialog.returnValue === "go" ? dialog.querySelector("input").value : null);
        dialog.remove();
        button.focus();
      });
    });
  }
})();
