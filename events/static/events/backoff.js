// How long to wait before the next attempt: longer after each failure, and never all clients at once.

export const FIRST_MS = 500;
export const LONGEST_MS = 30_000;

export class Backoff {
  failures = 0;

  /** Milliseconds, anything between none and the limit of this attempt ("full jitter"). */
  next() {
    const limit = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.failures);
    this.failures += 1;
    return Math.random() * limit;
  }

  reset() {
    this.failures = 0;
  }
}
