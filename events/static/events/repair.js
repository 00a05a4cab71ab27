// After a gap the page loads its state again. Events that come meanwhile wait, so that old state never covers a newer event.

import { Backoff } from "./backoff.js";

const MOST_HELD = 5000;

export class Repair {
  #refetch;
  #deliver;
  #needs = [];
  #held = [];
  #isRunning = false;
  #backoff = new Backoff();
  #retryNow = () => {};

  /** `refetch(needs)` loads what is shown; its promise ends when that is done. `deliver(frame)` hands an event on. */
  constructor(refetch, deliver) {
    this.#refetch = refetch;
    this.#deliver = deliver;
  }

  /** The state must be loaded: `{channel, reason, from, to}`. Many needs are one load. */
  need(need) {
    if (!this.#refetch) return;
    this.#needs.push(need);
    if (!this.#isRunning) this.#run();
  }

  take(frame) {
    if (!this.#isRunning) {
      this.#deliver(frame);
      return;
    }
    this.#held.push(frame);
    if (this.#held.length <= MOST_HELD) return;
    // Too many to keep: the next load has them all.
    this.#held = [];
    this.#needs.push({ channel: frame.channel, reason: "limit" });
  }

  /** Try again now, if a load has failed: the network is back. */
  wake() {
    this.#retryNow();
  }

  async #run() {
    this.#isRunning = true;
    while (this.#needs.length) {
      const needs = this.#needs.splice(0);
      try {
        await this.#refetch(needs);
        this.#backoff.reset();
      } catch (error) {
        console.warn("The state could not be loaded, it will be again:", error);
        this.#needs.unshift(...needs);
        await this.#pause(this.#backoff.next());
      }
    }
    this.#isRunning = false;
    for (const frame of this.#held.splice(0)) this.#deliver(frame);
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#retryNow = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
