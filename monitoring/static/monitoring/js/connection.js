// One socket for everything that moves. It comes back by itself: slower each time, and never all browsers at once.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const SILENCE = 60_000; // the server pings more often than this
const STAYS_CLOSED = new Set([4400, 4403, 4409]); // the server said that trying again is of no use

export class Connection extends EventTarget {
  #address;
  #socket = null;
  #failures = 0;
  #timer = 0;
  #watchdog = 0;
  #positions = {};

  constructor(address) {
    super();
    this.#address = address;
    addEventListener("online", () => this.#retryNow());
    addEventListener("offline", () => this.#socket?.close());
    document.addEventListener("visibilitychange", () => document.hidden || this.#retryNow());
    addEventListener("pagehide", () => this.#socket?.close());
    addEventListener("pageshow", (event) => event.persisted && this.#retryNow());
  }

  open() {
    clearTimeout(this.#timer);
    this.#announce("connecting");
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#opened());
    socket.addEventListener("message", (event) => this.#received(event));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#closed(event));
  }

  #opened() {
    // The answer comes after every channel is followed: from then on nothing is missed.
    this.#send({ type: "subscribe-metrics", interval_ms: 1000 });
    this.#watch();
  }

  #following() {
    this.#failures = 0;
    this.#announce("live");
    // Whatever happened since the page was drawn, or while it was deaf, is asked for once.
    this.dispatchEvent(new Event("resumed"));
  }

  #received(event) {
    this.#watch();
    let frame;
    try {
      frame = JSON.parse(event.data);
    } catch {
      return;
    }
    if (frame.type === "ping") {
      this.#send({ type: "pong", pos: this.#positions });
    } else if (frame.type === "subscribed" && frame.channel === "metrics") {
      this.#following();
    } else if (frame.type === "status") {
      this.#announce("live", frame.state === "degraded" ? "Live, events are late" : "");
    } else if (frame.type === "draining") {
      this.#timer = setTimeout(() => this.#socket?.close(), frame.reconnect_in_ms ?? 0);
    } else if (frame.type === "gap") {
      this.dispatchEvent(new Event("resumed"));
    } else if (frame.channel && frame.data) {
      if (frame.id) this.#positions[frame.channel] = frame.id;
      this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
    }
  }

  #closed(event) {
    clearTimeout(this.#watchdog);
    this.#socket = null;
    if (STAYS_CLOSED.has(event.code)) {
      this.#announce("offline", "Not allowed to follow");
      return;
    }
    this.#failures += 1;
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures);
    const wait = FIRST_WAIT / 2 + Math.random() * longest;
    this.#timer = setTimeout(() => this.open(), wait);
    // A short interruption is no reason to alarm anybody.
    this.#announce(this.#failures > 1 || !navigator.onLine ? "offline" : "connecting");
  }

  #retryNow() {
    if (this.#socket || !navigator.onLine) return;
    this.open();
  }

  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#socket?.close(), SILENCE);
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #announce(state, reason = "") {
    this.dispatchEvent(new CustomEvent("state", { detail: { state, reason } }));
  }
}
