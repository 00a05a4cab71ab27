// What happens to the page: hidden and shown, frozen and thawed, put aside and taken out again, off the network and back.

/** Calls `sleep` when the page will not run, `offline` when the network went, `wake` when either may be over. */
export function watchPage({ sleep, offline, wake }) {
  const watched = new AbortController();
  const listen = (target, type, heard) => target?.addEventListener(type, heard, { signal: watched.signal });
  const { document } = globalThis;
  listen(globalThis, "offline", offline);
  listen(globalThis, "online", wake);
  listen(globalThis, "pagehide", sleep);
  listen(globalThis, "pageshow", (event) => event.persisted && wake());
  listen(document, "freeze", sleep);
  listen(document, "resume", wake);
  listen(document, "visibilitychange", () => document.hidden || wake());
  return () => watched.abort();
}
