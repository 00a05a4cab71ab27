// Switches of feature flags. The server's answer decides, and everybody's switch follows the event.

import { notify } from "./notice.js";

class ReasonRequired extends Error {}

export class Flags {
  #panel;
  #blank;
  #token;
  #dialog;

  constructor(panel, token) {
    this.#panel = panel;
    this.#blank = panel.querySelector("template").content.firstElementChild;
    this.#token = token;
    this.#dialog = panel.querySelector("dialog");
    panel.addEventListener("click", (event) => {
      const button = event.target.closest("[data-flag]");
      if (button && button.getAttribute("aria-busy") !== "true") this.#flip(button);
    });
  }

  /** Show a flag as an event or the server's state tells it. */
  show({ key, enabled }) {
    const button = this.#panel.querySelector(`[data-flag="${CSS.escape(key)}"]`) ?? this.#make(key);
    button.setAttribute("aria-checked", String(enabled));
  }

  #make(key) {
    const row = this.#blank.cloneNode(true);
    row.querySelector(".key").textContent = key;
    row.querySelector(".key").id = `flag-${key}`;
    const button = row.querySelector("button");
    button.dataset.flag = key;
    button.setAttribute("aria-labelledby", `flag-${key}`);
    const list = this.#panel.querySelector("ul");
    const next = [...list.children].find((other) => other.querySelector("[data-flag]")?.dataset.flag > key);
    list.insertBefore(row, next ?? null);
    this.#panel.querySelector(".empty").hidden = true;
    return button;
  }

  async #flip(button) {
    const key = button.dataset.flag;
    const enabled = button.getAttribute("aria-checked") !== "true";
    button.setAttribute("aria-busy", "true");
    try {
      await this.#change(key, enabled, button.dataset.protected === "true");
    } catch (error) {
      notify(error.message);
    } finally {
      button.removeAttribute("aria-busy");
      button.focus();
    }
  }

  async #change(key, enabled, isProtected) {
    const reason = isProtected ? await this.#askReason(key, enabled) : "";
    if (isProtected && !reason) return;
    try {
      await this.#put(key, enabled, reason);
    } catch (error) {
      // Somebody has protected it since this page was drawn.
      if (!(error instanceof ReasonRequired) || isProtected) throw error;
      await this.#change(key, enabled, true);
    }
  }

  async #put(key, enabled, reason) {
    const address = `/api/v1/flags/${encodeURIComponent(key)}?enabled=${enabled}`;
    const headers = { "X-CSRFToken": this.#token, "Content-Type": "application/json", Accept: "application/json" };
    const body = reason ? JSON.stringify({ reason }) : undefined;
    const response = await fetch(address, { method: "PUT", headers, body, credentials: "same-origin" }).catch(() => null);
    if (!response) throw new Error(`${key} was not changed: no connection to the site.`);
    const answer = await response.json().catch(() => ({}));
    const refusal = `${key} was not changed: ${answer.detail ?? `the site answered ${response.status}.`}`;
    if (answer.code === "reason_required") throw new ReasonRequired(refusal);
    if (!response.ok) throw new Error(refusal);
    if (response.status === 202) notify(`${key}: the change is planned and waits for approval.`);
    else this.show({ key, enabled });
  }

  #askReason(key, enabled) {
    const dialog = this.#dialog;
    dialog.querySelector("h2").textContent = `Turn ${key} ${enabled ? "on" : "off"}?`;
    const input = dialog.querySelector("textarea");
    input.value = "";
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "change" ? input.value.trim() : ""), { once: true });
    });
  }
}
