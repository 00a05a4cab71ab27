// How the connection stands, in a word at the head of the page.

const SHORT_FAILURES = 1; // a short interruption is no reason to alarm anybody
const REFUSALS = { 4409: "Too many pages are open", too_many: "Too many pages are open", anonymous: "Signed out" };

const shown = {
  live: ({ isLate, transport }) => ["live", isLate ? "Live, events are late" : transport === "sse" ? "Live, by stream" : "Live"],
  connecting: ({ failures }) => (failures > SHORT_FAILURES ? shown.offline() : ["connecting", "Connecting…"]),
  waiting: ({ failures }) => (failures > SHORT_FAILURES || !navigator.onLine ? shown.offline() : shown.connecting({ failures })),
  offline: () => ["offline", "Offline, trying again"],
  paused: () => ["offline", "Paused"],
  refused: ({ code, reason }) => ["offline", REFUSALS[code] ?? REFUSALS[reason] ?? "Not allowed to follow"],
  stopped: () => ["offline", "Stopped"],
};

export function showState(pill, detail) {
  const [state, text] = shown[detail.state](detail);
  pill.dataset.connection = state;
  pill.title = detail.reason ?? "";
  if (pill.textContent !== text) pill.textContent = text; // it is read aloud
}
