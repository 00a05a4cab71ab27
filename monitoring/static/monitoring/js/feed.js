// Orders and cashback as they happen. A row stays where it is while its order moves on; what is older comes back to the top.

import { perFrame } from "../../events/per_frame.js";
import { capitalised, clock, count, money } from "./format.js";

const LONGEST = 30;
const MOST_WAITING = 2 * LONGEST; // of so many rows at least LONGEST are new, and push all older ones out
const SETTLES_AFTER = 30_000;

export class Feed {
  #list;
  #blank;
  #empty;
  #waiting = new Map();
  #drawSoon = perFrame(() => this.#paused || this.#draw());
  #paused = false;
  #pauseButton;

  constructor(panel) {
    this.#list = panel.querySelector(".feed ol");
    this.#blank = panel.querySelector("template").content.firstElementChild;
    this.#empty = panel.querySelector(".empty");
    this.#list.addEventListener("animationend", ({ target }) => target.classList.remove("fresh"));
    this.#pauseButton = panel.querySelector("[data-pause]");
    this.#pauseButton.addEventListener("click", () => this.#pause(!this.#paused));
    for (const tab of panel.querySelectorAll("[data-show]")) tab.addEventListener("click", () => this.#show(panel, tab));
  }

  /** Take a row as the server describes it; many in one frame are drawn together. */
  take(row) {
    const key = `${row.kind}:${row.key}`;
    const known = this.#waiting.get(key);
    const states = [...(known?.states ?? []), ...(row.states ?? row.state).split(" ")];
    this.#waiting.delete(key);
    this.#waiting.set(key, { ...(known && known.at > row.at ? known : row), states });
    if (this.#waiting.size > MOST_WAITING) this.#waiting.delete(this.#waiting.keys().next().value);
    if (this.#paused) this.#label();
    else this.#drawSoon();
  }

  #draw() {
    for (const row of this.#waiting.values()) this.#place(row);
    this.#waiting.clear();
    while (this.#list.children.length > LONGEST) this.#list.lastElementChild.remove();
    this.#empty.hidden = this.#list.children.length > 0;
  }

  #place(row) {
    const element = this.#find(row) ?? this.#make(row);
    const at = new Date(row.at);
    element.dataset.states = [...new Set([...(element.dataset.states ?? "").split(" "), ...row.states])].join(" ").trim();
    if (element.dataset.at && new Date(element.dataset.at) > at) return;
    const isLate = !element.isConnected || at - new Date(element.dataset.enteredAt || row.at) > SETTLES_AFTER;
    this.#fill(element, row, at);
    if (isLate) {
      element.dataset.enteredAt = row.at;
      element.classList.remove("fresh");
      this.#list.prepend(element);
      requestAnimationFrame(() => element.classList.add("fresh"));
    }
  }

  #find(row) {
    return this.#list.querySelector(`[data-${row.kind}="${CSS.escape(row.key)}"]`);
  }

  #make(row) {
    const element = this.#blank.cloneNode(true);
    delete element.dataset.order;
    element.dataset[row.kind] = row.key;
    element.dataset.enteredAt = row.at;
    return element;
  }

  #fill(element, row, at) {
    element.dataset.at = row.at;
    element.dataset.state = row.state;
    if (row.kind === "cashback") element.dataset.cashbackState = row.state;
    const time = element.querySelector("time");
    time.dateTime = row.at;
    time.title = at.toLocaleString();
    time.firstChild.data = clock(at);
    const number = element.querySelector(".number");
    number.textContent = row.title;
    if (number.dataset.orders !== undefined) {
      number.href = `${row.kind === "order" ? number.dataset.orders : number.dataset.cashbacks}?q=${encodeURIComponent(row.search)}`;
    }
    // An event doesn't say which order its cashback is for; the row that the server drew does.
    if (row.kind === "order" || !element.isConnected) element.querySelector(".about").textContent = row.about;
    element.querySelector(".amount").textContent = money(row.minor, row.currency);
    element.querySelector(".pill").textContent = capitalised(row.state);
  }

  #pause(paused) {
    this.#paused = paused;
    this.#pauseButton.setAttribute("aria-pressed", String(paused));
    this.#label();
    if (!paused) this.#draw();
  }

  #label() {
    const waiting = this.#paused && this.#waiting.size ? ` (${count(this.#waiting.size)}${this.#waiting.size < MOST_WAITING ? "" : "+"} new)` : "";
    this.#pauseButton.textContent = this.#paused ? `Resume${waiting}` : "Pause";
  }

  #show(panel, chosen) {
    panel.querySelector(".feed").dataset.filter = chosen.dataset.show;
    for (const tab of panel.querySelectorAll("[data-show]")) tab.setAttribute("aria-pressed", String(tab === chosen));
  }
}
