// What this phone keeps: the key, the attempt under way, recent scans. Never a whole code of a scan that is over.

const RECENT = 20;
const DAY_MS = 24 * 3600 * 1000;

function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`till.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function write(name, value) {
  if (value === null) localStorage.removeItem(`till.${name}`);
  else localStorage.setItem(`till.${name}`, JSON.stringify(value));
}

export const memory = {
  get key() { return read("key", ""); },
  set key(text) { write("key", text || null); },

  get sound() { return read("sound", false); },
  set sound(on) { write("sound", on); },

  /** `{code, nonce}` of a redemption whose answer is not known yet. */
  get attempt() { return read("attempt", null); },
  set attempt(attempt) { write("attempt", attempt); },

  get recent() { return read("recent", []).filter((scan) => Date.now() - scan.at < DAY_MS); },

  remember(scan) {
    write("recent", [scan, ...this.recent.filter((other) => other.nonce !== scan.nonce)].slice(0, RECENT));
  },

  forget() {
    for (const name of ["key", "attempt", "recent"]) write(name, null);
  },
};
