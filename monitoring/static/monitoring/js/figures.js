// The figures of the moment and the stock of running sales, from one sample a second.

import { amountOf, count, duration, money, percent, untilText } from "./format.js";

const OUTBOX_WARNING = { queued: 1000, seconds: 5 };
const ERROR_WARNING = 0.02;
const ERROR_CRITICAL = 0.05;

const shown = {
  orders_per_minute: (figures) => count(figures.orders_per_minute),
  paid_today: (figures) => count(figures.paid_today),
  fulfilled_today: (figures) => count(figures.fulfilled_today),
  orders_pending: (figures) => count(figures.orders_pending),
  outbox_queued: (figures) => count(figures.outbox_queued),
  sockets: (figures) => count(figures.sockets),
  error_rate: (figures) => (figures.error_rate === null ? "–" : `${percent(figures.error_rate)} %`),
};

const notes = {
  // What a worker has taken is no longer queued, but not done: the oldest may be among it.
  outbox_oldest: ({ outbox_in_flight: taken, outbox_oldest_seconds: seconds }) =>
    [taken && `${count(taken)} in work`, seconds && `oldest ${duration(seconds)}`].filter(Boolean).map(unbroken).join(", "),
  latency: (figures) => (figures.latency_p95_seconds === null ? "no order yet" : `p95 ${duration(figures.latency_p95_seconds)} to fulfil`),
};

const levels = {
  outbox_queued: (figures) =>
    figures.outbox_queued > OUTBOX_WARNING.queued || figures.outbox_oldest_seconds > OUTBOX_WARNING.seconds ? "warning" : "",
  error_rate: ({ error_rate: rate }) => (rate > ERROR_CRITICAL ? "critical" : rate > ERROR_WARNING ? "warning" : ""),
};

const unbroken = (text) => text.replaceAll(" ", "\u00a0");

export function showFigures(figures) {
  for (const [name, text] of Object.entries(shown)) write(`[data-figure="${name}"]`, text(figures));
  for (const [name, text] of Object.entries(notes)) write(`[data-note="${name}"]`, text(figures));
  for (const [name, level] of Object.entries(levels)) {
    const tile = document.querySelector(`[data-figure="${name}"]`)?.closest("[data-level]");
    if (tile) tile.dataset.level = level(figures);
  }
  showMoney("revenue_today", figures.revenue_today);
  showMoney("cashback_pending", figures.cashback_pending);
  showSales(figures.sales);
}

function write(selector, text) {
  const element = document.querySelector(selector);
  if (element && element.textContent !== text) element.textContent = text;
}

function showMoney(name, amounts) {
  const place = document.querySelector(`[data-figure="${name}"]`);
  const text = amounts.map(({ minor, currency }) => money(minor, currency)).join();
  if (!place || place.dataset.shown === text) return;
  place.dataset.shown = text;
  place.replaceChildren(...(amounts.length ? amounts.map(amountLine) : [noAmount(place.dataset.none)]));
}

function amountLine({ minor, currency }) {
  const line = document.createElement("span");
  const code = document.createElement("b");
  code.textContent = currency;
  line.append(code, " ", amountOf(minor, currency));
  return line;
}

function noAmount(text) {
  const line = document.createElement("span");
  line.className = "none";
  line.textContent = text;
  return line;
}

function showSales(sales) {
  const panel = document.querySelector("[data-panel='sales']");
  const list = panel.querySelector("ol");
  const blank = panel.querySelector("template").content.firstElementChild;
  const known = new Map([...list.children].map((element) => [element.dataset.sale, element]));
  const rows = sales.map((sale) => fillSale(known.get(sale.id) ?? blank.cloneNode(true), sale));
  if (rows.length !== list.children.length || rows.some((row, index) => row !== list.children[index])) list.replaceChildren(...rows);
  panel.querySelector(".empty").hidden = rows.length > 0;
  tickSales();
}

function fillSale(element, sale) {
  const left = sale.total - sale.sold - sale.reserved;
  element.dataset.sale = sale.id;
  element.dataset.endsAt = sale.ends_at ?? "";
  element.toggleAttribute("data-sold-out", left <= 0);
  const [title, remaining] = element.querySelectorAll(".head span");
  put(title, sale.title);
  title.title = sale.title;
  put(remaining, left > 0 ? `${count(left)} left` : "Sold out");
  const bar = element.querySelector(".stock");
  bar.setAttribute("aria-label", `${count(sale.sold)} sold and ${count(sale.reserved)} reserved of ${count(sale.total)}`);
  const share = (units) => (sale.total ? (units / sale.total) * 100 : 0).toFixed(2);
  bar.querySelector(".sold").setAttribute("width", share(sale.sold));
  bar.querySelector(".reserved").setAttribute("x", share(sale.sold));
  bar.querySelector(".reserved").setAttribute("width", share(sale.reserved));
  put(element.querySelector(".foot span"), `${count(sale.sold)} sold, ${count(sale.reserved)} held, of ${count(sale.total)}`);
  return element;
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Count down to the end of each sale. */
export function tickSales(now = Date.now()) {
  for (const element of document.querySelectorAll("[data-sale]")) {
    const endsAt = element.dataset.endsAt;
    put(element.querySelector(".ends"), endsAt ? untilText(Date.parse(endsAt) - now) : "no end date");
  }
}
