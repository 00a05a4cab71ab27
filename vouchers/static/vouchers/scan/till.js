// The till's API. Nothing here knows the page.

const TIMEOUT_MS = 8000;
const LONGEST_PAUSE_MS = 8000;

/** The server could not be reached, or had no answer. */
export class Unreachable extends Error {}

/** The server refused; `code` says why. */
export class Refused extends Error {
  constructor(status, problem, wait) {
    super(problem.detail || problem.title || "Refused");
    this.status = status;
    this.code = problem.code || "";
    this.wait = wait;
  }
}

export class Till {
  constructor(key) {
    this.key = key;
  }

  about() {
    return this.ask("GET", "/api/v1/scan/till");
  }

  check(code) {
    return this.ask("POST", "/api/v1/scan/check", { code });
  }

  redeem(attempt) {
    return this.ask("POST", "/api/v1/scan/redeem", { code: attempt.code, nonce: attempt.nonce });
  }

  void(redemption) {
    return this.ask("POST", `/api/v1/scan/redemptions/${redemption}/void`);
  }

  /** Redeem until there is an answer: the nonce makes every repetition the same attempt. */
  async redeemSurely(attempt, { signal, onWait }) {
    for (let pause = 1000; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await this.redeem(attempt);
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        onWait();
        await pauseOrOnline(pause, signal);
        if (signal.aborted) throw error;
      }
    }
  }

  async ask(method, path, body) {
    let response;
    try {
      response = await fetch(path, {
        method,
        headers: { Authorization: `Device ${this.key}`, "Content-Type": "application/json" },
        body: body && JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      throw new Unreachable(error.message);
    }
    const data = await response.json().catch(() => null);
    if (response.ok && data) return data;
    if (response.status >= 500 || !data) throw new Unreachable(`status ${response.status}`);
    throw new Refused(response.status, data, Number(response.headers.get("Retry-After")) || 0);
  }
}

/** A name for one attempt; the same for as long as it is tried. */
export function newNonce() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pauseOrOnline(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
