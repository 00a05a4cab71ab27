// The live dashboard: what the server drew, and everything that has happened since.

import { EventClient, perFrame } from "../../events/client.js";
import { Alerts } from "./alerts.js";
import { Charts } from "./charts.js";
import { showState } from "./connection.js";
import { Feed } from "./feed.js";
import { showFigures, tickSales } from "./figures.js";
import { Flags } from "./flags.js";
import { clock } from "./format.js";
import { notify } from "./notice.js";

const STREAM_POLL_MS = 5000;
const LONG_AWAY_MS = 5000;
const LOAD_MS = 10_000;

const page = document.querySelector("main");
const initial = JSON.parse(document.getElementById("initial").textContent);
const panelOf = (name) => document.querySelector(`[data-panel="${name}"]`);

const charts = new Charts(initial.history);
const feed = panelOf("feed") && new Feed(panelOf("feed"));
const alerts = panelOf("alerts") && new Alerts(panelOf("alerts"));
const flags = panelOf("flags") && new Flags(panelOf("flags"), document.querySelector("[name=csrfmiddlewaretoken]").value);
showFigures(initial.figures);

const orderRow = (data) => ({
  kind: "order",
  key: data.number,
  title: data.number,
  search: data.number,
  about: `${data.quantity} ${data.quantity === 1 ? "voucher" : "vouchers"}`,
  state: data.state,
  minor: data.total_minor,
  currency: data.currency,
  at: data.at,
});

const cashbackRow = (data) => ({
  kind: "cashback",
  key: data.cashback_event,
  title: "Cashback",
  search: data.cashback_event,
  about: data.order_number ? `for ${data.order_number}` : `from ${data.network}`,
  state: data.state,
  minor: data.amount_minor,
  currency: data.currency,
  at: data.at,
});

const receivers = {
  "events:orders": (data) => data.number && feed?.take(orderRow(data)),
  "events:cashback": (data) => data.cashback_event && feed?.take(cashbackRow(data)),
  "events:flags": (data) => data.type === "flag.changed" && flags?.show({ key: data.flag, enabled: data.enabled }),
  "events:alerts": (data) => data.alert && alerts?.take(data),
};

let latest = initial.figures;
const drawFigures = perFrame(() => showFigures(latest));

function takeFigures(figures) {
  latest = figures;
  charts.add(figures);
  drawFigures();
}

async function reload() {
  const signal = AbortSignal.timeout(LOAD_MS); // events wait for the answer
  const response = await fetch(page.dataset.state, { headers: { Accept: "application/json" }, credentials: "same-origin", signal });
  if (response.status === 401 || response.status === 403) {
    notify("You are signed out. Reload the page to sign in again.");
    return;
  }
  if (!response.ok) throw new Error(`the site answered ${response.status}`);
  const state = await response.json();
  latest = state.figures;
  drawFigures();
  charts.replace(state.history);
  for (const row of state.feed.toReversed()) feed?.take(row);
  for (const flag of state.flags) flags?.show(flag);
  alerts?.replace(state.alerts);
}

// What the page shows was read at these positions: the events after them come first.
export const client = new EventClient({
  url: page.dataset.events,
  channels: Object.keys(initial.positions),
  positions: initial.positions,
  refetch: reload,
});
client.addEventListener("event", ({ detail: { channel, data } }) => receivers[channel]?.(data));
client.addEventListener("figures", ({ detail: { channel, data } }) => channel === "metrics" && takeFigures(data));
client.addEventListener("state", ({ detail }) => {
  showState(document.querySelector("[data-connection]"), detail);
  keepFigures(detail);
});

let leftAt = Date.now();
let poll = 0;

/** Events are resumed; figures are not: after a while without them, and as long as only a stream gets through, ask. */
function keepFigures({ state, transport }) {
  clearInterval(poll);
  if (state !== "live") {
    leftAt ||= Date.now();
    return;
  }
  if (leftAt && Date.now() - leftAt > LONG_AWAY_MS) client.refresh("away");
  leftAt = 0;
  if (transport === "sse") poll = setInterval(() => client.refresh("stream"), STREAM_POLL_MS);
}

client.sample("metrics");
client.start();

const clockFace = document.querySelector("[data-clock]");
function tick() {
  clockFace.textContent = `${clock(new Date())} UTC`;
  tickSales();
  alerts?.tick();
}
tick();
setInterval(tick, 1000);
