// Live events in any page, without dependencies: connects, resumes without loss, repairs gaps. Documented in docs/realtime.md.

import { Line } from "./line.js";
import { Positions } from "./positions.js";
import { Repair } from "./repair.js";
import { Socket } from "./socket.js";
import { Stream } from "./stream.js";

export { perFrame } from "./per_frame.js";
export { positionsOf } from "./positions.js";
export { askTicket } from "./ticket.js";

const READY = "ready";
const SAMPLE_MS = 1000;

export class EventClient extends EventTarget {
  #url;
  #named;
  #ticket;
  #positions;
  #line;
  #repair;
  #resuming = new Set(); // channels that the server has not yet answered for
  #pinged = {}; // channel → number, as the last ping said it
  #samples = new Map();
  #isLate = false;
  #handlers = {
    welcome: ({ ping }) => this.#line.expectEvery(ping),
    ping: (frame) => this.#answer(frame),
    pong: ({ ref }) => ref === READY && this.#line.live(this.#isLate),
    subscribed: (frame) => this.#begin(frame),
    unsubscribed: () => {},
    gap: (frame) => this.#miss(frame),
    status: ({ state }) => this.#slow(state === "degraded"),
    draining: ({ reconnect_in_ms: milliseconds = 0 }) => this.#line.moveIn(milliseconds),
    error: (frame) => this.#refuse(frame),
  };

  /**
   * `channels`: none named are all that the visitor may see. `positions`: where the page's state was read, by channel.
   * `refetch(needs)`: loads that state again. `ticket()`: for pages without a session. See docs/realtime.md.
   */
  constructor({ url = "/api/v1/realtime/", channels, positions, refetch, ticket, transports } = {}) {
    super();
    this.#url = new URL(url, location.href);
    this.#named = channels;
    this.#ticket = ticket;
    this.#positions = new Positions(positions);
    this.#repair = new Repair(refetch, (frame) => this.#tell(frame.id === undefined ? "figures" : "event", frame));
    this.#line = new Line({
      transports: transports ?? (ticket ? ["ws"] : ["ws", "sse"]), // streams know no tickets
      open: (kind, handlers) => this.#open(kind, handlers),
      opened: (link) => this.#follow(link),
      frame: (frame) => this.#take(frame),
      announced: (detail) => this.#announce(detail),
    });
  }

  /** What the last "state" event said. */
  get state() {
    return this.#line.detail;
  }

  /** `{channel: {epoch, id}}`: where another client would go on. */
  get positions() {
    return this.#positions.all();
  }

  start() {
    this.#line.start();
    return this;
  }

  stop() {
    this.#line.stop();
  }

  /** A message to the server, if a socket is open. */
  send(message) {
    this.#line.send(message);
  }

  /** Figures by the clock, such as `sample("metrics")`; on sockets only. */
  sample(name, intervalMs = SAMPLE_MS) {
    this.#samples.set(name, intervalMs);
    this.send({ type: `subscribe-${name}`, interval_ms: intervalMs });
  }

  /** Call `refetch` now, and hold back events until it is done. */
  refresh(reason = "asked") {
    this.#repair.need({ channel: null, reason });
  }

  get #channels() {
    const known = this.#positions.channels;
    return this.#named ?? (known.length ? known : null);
  }

  async #open(kind, handlers) {
    const ticket = await this.#ticket?.();
    const address = new URL(kind, this.#url);
    // A socket is asked for each channel, from where we stand on it; a stream is told all of that at once.
    if (this.#channels) address.searchParams.set("channels", kind === "sse" ? this.#channels.join() : "");
    if (kind === "ws") return new Socket(address, { ...handlers, ticket });
    return new Stream(address, { ...handlers, cursor: this.#positions.cursor(this.#channels ?? []) });
  }

  #follow(link) {
    this.#isLate = false;
    this.#pinged = {};
    const channels = this.#channels ?? [];
    this.#resuming = new Set(channels.filter((channel) => this.#positions.get(channel)));
    for (const channel of channels) {
      const { epoch, id } = this.#positions.get(channel) ?? {};
      this.send({ type: "subscribe", channel, ref: channel, ...(id !== undefined && { since: id }), ...(epoch && { epoch }) });
    }
    for (const [name, intervalMs] of this.#samples) this.send({ type: `subscribe-${name}`, interval_ms: intervalMs });
    // Answers come in order: after this one every channel is followed.
    this.send({ type: "ping", ref: READY });
    if (link.kind === "sse") this.#line.live(this.#isLate);
  }

  #take(frame) {
    if (frame.type) this.#handlers[frame.type]?.(frame);
    else if (frame.id === undefined || this.#positions.take(frame.channel, frame.id)) this.#repair.take(frame);
  }

  #answer({ pos = {} }) {
    // Where the server stands now, events may still be on their way to us; where it stood one ping ago, none are.
    for (const [channel, id] of Object.entries(this.#pinged)) this.#positions.advance(channel, id);
    this.#pinged = Object.fromEntries(Object.entries(pos).filter(([channel]) => !this.#resuming.has(channel)));
    this.send({ type: "pong", pos: this.#positions.ids() });
  }

  #begin({ channel, epoch, id, recovered }) {
    if (epoch === undefined) return; // a stream of figures
    const isResumed = this.#resuming.delete(channel);
    // What was missed follows this answer, and may be older than its `id`: we stay where we are until it comes.
    const known = this.#positions.get(channel)?.id;
    this.#positions.set(channel, epoch, recovered && known !== undefined ? known : id);
    if (!isResumed) this.#repair.need({ channel, reason: "start" });
  }

  #miss(gap) {
    delete this.#pinged[gap.channel]; // perhaps of another life, whose numbers were higher
    this.#positions.set(gap.channel, gap.epoch, gap.to);
    this.#tell("gap", gap);
    this.#repair.need(gap);
  }

  #announce(detail) {
    if (detail.state === "live") this.#repair.wake();
    this.#tell("state", detail);
  }

  #slow(isLate) {
    this.#isLate = isLate;
    if (this.state.state === "live") this.#line.live(isLate);
  }

  #refuse(error) {
    const channel = error.channel ?? error.ref;
    if (error.code === "forbidden") this.#positions.delete(channel);
    this.#tell("refusal", { ...error, channel });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
