// One connection that is kept: opened, watched, opened again, by socket or, where that fails, by stream. Knows no channel.

import { Backoff } from "./backoff.js";
import { watchPage } from "./page.js";

const STAYS_CLOSED = new Set([4400, 4403, 4409]); // the server says that coming back is of no use
const STREAM_AFTER = 2; // sockets that never opened
const STABLE_MS = 10_000; // a connection that lives so long was a success
const UPGRADE_MS = [5_000, 300_000]; // from a stream back to a socket: first and longest pause between attempts
const LOOK_MS = 5_000;
const PROBE_MS = 5_000;
const OPEN_MS = 15_000;
const SILENCE_MS = { ws: 60_000, sse: 40_000 }; // the server speaks every 25 s, and on streams every 15 s

export class Line {
  detail = { state: "stopped", transport: null };
  #transports;
  #open;
  #opened;
  #frame;
  #announced;
  #backoff = new Backoff();
  #link = null;
  #candidate = null;
  #timers = {};
  #unwatch = null;
  #attempt = 0;
  #refusals = 0;
  #heardAt = 0;
  #silenceMs = OPEN_MS;
  #upgradeMs = UPGRADE_MS[0];

  /** `open(kind, handlers)` resolves to a link; `opened(link)`, `frame(frame)`, `announced(detail)` tell what happens. */
  constructor({ transports, open, opened, frame, announced }) {
    this.#transports = transports;
    this.#open = open;
    this.#opened = opened;
    this.#frame = frame;
    this.#announced = announced;
  }

  start() {
    if (this.#unwatch) return;
    const offline = () => this.detail.state === "paused" || this.#lost({ reason: "offline" });
    this.#unwatch = watchPage({ sleep: () => this.#sleep(), offline, wake: () => this.#wake() });
    this.#timers.look = setInterval(() => this.#look(), LOOK_MS);
    this.#connect();
  }

  stop() {
    if (this.#unwatch) this.#end({ state: "stopped" });
  }

  send(message) {
    this.#link?.send(message);
  }

  // --- Coming -------------------------------------------------------------------------------------------------------
  async #connect() {
    const attempt = this.#letGo();
    this.#announce({ state: "connecting", failures: this.#backoff.failures });
    const kind = this.#kind();
    this.#silenceMs = OPEN_MS;
    this.#heardAt = Date.now();
    try {
      const link = await this.#make(kind);
      if (attempt === this.#attempt) this.#link = link;
      else link.close();
    } catch (error) {
      if (attempt === this.#attempt) this.#lost({ reason: error.message, isFinal: error.isFinal });
    }
  }

  #kind() {
    const may = (kind) => this.#transports.includes(kind);
    return may("sse") && (this.#refusals >= STREAM_AFTER || !may("ws")) ? "sse" : "ws";
  }

  async #make(kind) {
    const heard = () => (this.#heardAt = Date.now());
    const link = await this.#open(kind, {
      heard,
      opened: () => this.#adopt(link),
      frame: (frame) => {
        heard();
        if (link === this.#link) this.#frame(frame);
      },
      closed: (end) => (link === this.#link ? this.#lost(end) : this.#upgradeLater()),
    });
    return link;
  }

  #adopt(link) {
    if (link === this.#candidate) {
      this.#letGo({ except: link });
      this.#link = link;
    }
    this.#silenceMs = SILENCE_MS[link.kind];
    this.#opened(link);
  }

  /** Everything that was asked for is answered: from here on nothing is missed. */
  live(isLate) {
    if (this.detail.state !== "live" || this.detail.transport !== this.#link.kind) {
      this.#refusals = 0;
      this.#timers.stable = setTimeout(() => this.#backoff.reset(), STABLE_MS);
      if (this.#link.kind === "sse") this.#upgradeLater();
      else this.#upgradeMs = UPGRADE_MS[0];
    }
    this.#announce({ state: "live", isLate });
  }

  /** A stream may be all that a proxy lets through, or the socket came while the server was away: try now and then. */
  #upgradeLater() {
    this.#candidate = null;
    if (this.#link?.kind !== "sse" || !this.#transports.includes("ws")) return;
    this.#timers.upgrade = setTimeout(async () => {
      const attempt = this.#attempt;
      const link = await this.#make("ws").catch(() => null);
      if (attempt !== this.#attempt) link?.close();
      else if (link) this.#candidate = link;
      else this.#upgradeLater();
    }, this.#upgradeMs);
    this.#upgradeMs = Math.min(2 * this.#upgradeMs, UPGRADE_MS[1]);
  }

  // --- Staying ------------------------------------------------------------------------------------------------------
  /** The server has said how often it pings. */
  expectEvery(seconds) {
    this.#silenceMs = 2000 * seconds + 10_000;
  }

  /** The server leaves, and has said when we shall. */
  moveIn(milliseconds) {
    clearTimeout(this.#timers.drain);
    this.#timers.drain = setTimeout(() => this.#connect(), milliseconds);
  }

  /** By the wall clock: it goes on while a laptop sleeps. */
  #look() {
    if (this.#link && Date.now() - this.#heardAt > this.#silenceMs) this.#lost({ reason: "silence" });
  }

  /** Perhaps the page slept, perhaps this is another network: come back, or ask whether somebody is still there. */
  #wake() {
    this.#refusals = 0;
    if (["paused", "waiting"].includes(this.detail.state)) this.#connect();
    else this.#look();
    if (this.detail.state === "live" && this.#link.kind === "ws") this.#probe();
  }

  #probe() {
    const link = this.#link;
    this.#heardAt -= 1; // so that an answer within this millisecond is one
    const before = this.#heardAt;
    this.send({ type: "ping", ref: "probe" });
    setTimeout(() => link === this.#link && this.#heardAt === before && this.#lost({ reason: "silence" }), PROBE_MS);
  }

  // --- Going --------------------------------------------------------------------------------------------------------
  #lost({ code = 0, reason = "", isFinal = false, waitMs = 0 }) {
    if (isFinal || STAYS_CLOSED.has(code)) {
      this.#end({ state: "refused", code, reason });
      return;
    }
    // A socket that never opened may be the proxy's doing; after a stream it gets another chance.
    if (this.#link?.kind === "sse") this.#refusals = STREAM_AFTER - 1;
    else if (this.#link && !this.#link.hasOpened) this.#refusals += 1;
    this.#letGo();
    const retryInMs = Math.max(waitMs, this.#backoff.next());
    this.#timers.retry = setTimeout(() => this.#connect(), retryInMs);
    this.#announce({ state: "waiting", code, reason, retryInMs, failures: this.#backoff.failures });
  }

  #sleep() {
    this.#letGo();
    this.#announce({ state: "paused" });
  }

  #letGo({ except } = {}) {
    for (const name of ["retry", "stable", "drain", "upgrade"]) clearTimeout(this.#timers[name]);
    for (const link of [this.#link, this.#candidate]) if (link !== except) link?.close();
    this.#link = this.#candidate = null;
    return ++this.#attempt;
  }

  #end(detail) {
    this.#letGo();
    clearInterval(this.#timers.look);
    this.#unwatch();
    this.#unwatch = null;
    this.#announce(detail);
  }

  #announce(detail) {
    this.detail = { ...detail, transport: this.#link?.kind ?? null };
    this.#announced(this.detail);
  }
}
