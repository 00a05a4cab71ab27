// The live dashboard: what the server drew, and everything that has happened since.

import { Alerts } from "./alerts.js";
import { Charts } from "./charts.js";
import { Connection } from "./connection.js";
import { Feed } from "./feed.js";
import { showFigures, tickSales } from "./figures.js";
import { Flags } from "./flags.js";
import { clock } from "./format.js";
import { notify } from "./notice.js";

const STATES = { live: "Live", connecting: "Connecting…", offline: "Offline, trying again" };

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
  metrics: (data) => {
    showFigures(data);
    charts.add(data);
  },
};

// Events that come while the state is loaded: it may have been read before them, and must not undo what they say.
const held = [];
let loading = 0;
const receive = ({ channel, data }) => receivers[channel]?.(data);

async function reload() {
  loading += 1;
  try {
    await load();
  } finally {
    loading -= 1;
    if (!loading) for (const frame of held.splice(0)) receive(frame);
  }
}

async function load() {
  const response = await fetch(page.dataset.state, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (response.status === 401 || response.status === 403) {
    notify("You are signed out. Reload the page to sign in again.");
    return;
  }
  if (!response.ok) return;
  const state = await response.json();
  showFigures(state.figures);
  charts.replace(state.history);
  for (const row of state.feed.toReversed()) feed?.take(row);
  for (const flag of state.flags) flags?.show(flag);
  alerts?.replace(state.alerts);
}

const scheme = location.protocol === "https:" ? "wss" : "ws";
const connection = new Connection(`${scheme}://${location.host}${page.dataset.socket}`);
connection.addEventListener("frame", ({ detail }) => (loading ? held.push(detail) : receive(detail)));
connection.addEventListener("resumed", () => reload().catch(() => notify("The state could not be loaded again; the next connection will.")));
connection.addEventListener("state", ({ detail: { state, reason } }) => {
  const pill = document.querySelector("[data-connection]");
  pill.dataset.connection = state;
  pill.textContent = reason || STATES[state];
});
connection.open();

const clockFace = document.querySelector("[data-clock]");
function tick() {
  clockFace.textContent = `${clock(new Date())} UTC`;
  tickSales();
  alerts?.tick();
}
tick();
setInterval(tick, 1000);
