// Alerts that fire: the worst first, then the oldest. The panel is there only while there are any.

import { age } from "./format.js";

const SEVERITIES = ["critical", "warning", "info"];

export class Alerts {
  #panel;
  #list;
  #blank;

  constructor(panel) {
    this.#panel = panel;
    this.#list = panel.querySelector("ul");
    this.#blank = panel.querySelector("template").content.firstElementChild;
    this.tick();
  }

  /** An alert as an event tells it. */
  take(alert) {
    this.#row(alert.alert)?.remove();
    if (alert.state === "firing") this.#insert(alert);
    this.#panel.hidden = !this.#list.children.length;
  }

  /** All that fire, as the server knows them. */
  replace(alerts) {
    this.#list.replaceChildren();
    for (const alert of alerts) this.take({ ...alert, state: "firing" });
    this.#panel.hidden = !alerts.length;
  }

  /** Say anew for how long they have been firing. */
  tick() {
    for (const time of this.#list.querySelectorAll("time")) {
      time.textContent = `for ${age(Date.now() - Date.parse(time.dateTime))}`;
    }
  }

  #row(id) {
    return this.#list.querySelector(`[data-alert="${CSS.escape(id)}"]`);
  }

  #insert(alert) {
    const row = this.#blank.cloneNode(true);
    row.dataset.alert = alert.alert;
    row.dataset.severity = alert.severity;
    row.querySelector(".pill").textContent = alert.severity || "unknown";
    row.querySelector(".name").textContent = alert.alertname;
    row.querySelector(".service").textContent = alert.service;
    row.querySelector(".summary").textContent = alert.summary;
    row.querySelector("time").dateTime = alert.starts_at;
    for (const link of row.querySelectorAll("[data-page]")) {
      const address = alert[link.dataset.page];
      link.hidden = !address;
      if (address) link.href = address;
    }
    const next = [...this.#list.children].find((other) => before(row, other));
    this.#list.insertBefore(row, next ?? null);
    this.tick();
  }
}

function rank(row) {
  const place = SEVERITIES.indexOf(row.dataset.severity);
  return place < 0 ? SEVERITIES.length : place;
}

function before(row, other) {
  if (rank(row) !== rank(other)) return rank(row) < rank(other);
  return row.querySelector("time").dateTime < other.querySelector("time").dateTime;
}
