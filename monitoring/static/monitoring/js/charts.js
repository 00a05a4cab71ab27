// Lines over the last minutes, in the page's own colours.

import { perFrame } from "../../events/per_frame.js";
import { count, duration, percent, clock } from "./format.js";

const QUARTER = 900;
const LEAST_SECONDS = 180;

const CHARTS = {
  throughput: {
    series: [
      { field: "orders_per_minute", label: "Reserved", colour: "--blue" },
      { field: "fulfilled_per_minute", label: "Fulfilled", colour: "--green", fill: 0.16 },
    ],
    show: (value) => `${count(Math.round(value))}/min`,
    floor: 10,
  },
  latency: {
    series: [
      { field: "latency_avg_seconds", label: "Average", colour: "--blue" },
      { field: "latency_p95_seconds", label: "95th percentile", colour: "--amber" },
    ],
    show: duration,
    tick: (value) => `${+value.toPrecision(3)} s`,
    floor: 1,
  },
  outbox: {
    series: [{ field: "outbox_queued", label: "Waiting", colour: "--blue", fill: 0.12 }],
    show: (value) => count(Math.round(value)),
    floor: 10,
  },
  errors: {
    series: [{ field: "error_rate", label: "Failed requests", colour: "--red", fill: 0.12 }],
    show: (value) => `${percent(value)} %`,
    tick: (value) => `${+(value * 100).toPrecision(3)} %`,
    floor: 0.05,
  },
};

export class Charts {
  #rows;
  #plots = [];
  #seconds;
  #drawSoon = perFrame(() => this.#draw());

  constructor(history, seconds = QUARTER) {
    this.#seconds = seconds;
    this.#rows = history.map((sample) => ({ ...sample, x: Date.parse(sample.at) / 1000 }));
    this.#build();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#build());
  }

  add(sample) {
    const x = Date.parse(sample.at) / 1000;
    if (this.#rows.length && x <= this.#rows.at(-1).x) return;
    this.#rows.push({ ...sample, x });
    while (this.#rows.length > 2 && this.#rows[0].x < x - this.#seconds) this.#rows.shift();
    this.#drawSoon();
  }

  replace(history) {
    this.#rows = history.map((sample) => ({ ...sample, x: Date.parse(sample.at) / 1000 }));
    this.#drawSoon();
  }

  #draw() {
    for (const { plot, chart } of this.#plots) plot.setData(this.#columns(chart));
  }

  #columns(chart) {
    return [this.#rows.map((row) => row.x), ...chart.series.map(({ field }) => this.#rows.map((row) => row[field] ?? null))];
  }

  #build() {
    for (const { plot, observer } of this.#plots) {
      observer.disconnect();
      plot.destroy();
    }
    this.#plots = [...document.querySelectorAll("[data-chart]")].map((place) => this.#plot(place, CHARTS[place.dataset.chart]));
  }

  #plot(place, chart) {
    const span = () => shownSpan(this.#rows[0]?.x, this.#rows.at(-1)?.x, this.#seconds);
    const plot = new uPlot(optionsOf(place, chart, span), this.#columns(chart), place);
    const observer = new ResizeObserver(() => plot.setSize({ width: inner(place), height: place.clientHeight }));
    observer.observe(place);
    return { plot, chart, observer };
  }
}

const inner = (place) => {
  const style = getComputedStyle(place);
  return place.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
};

/** From the first sample that there is, but never less than some minutes, never more than the window. */
function shownSpan(first, last = Date.now() / 1000, seconds) {
  return [Math.max(last - seconds, Math.min(first ?? last, last - LEAST_SECONDS)), last];
}

function optionsOf(place, chart, span) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const font = `12px ${style.getPropertyValue("--sans")}`;
  const axis = { stroke: colour("--muted"), font, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: inner(place),
    height: place.clientHeight,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: true, range: span },
      y: { range: (_, low, high) => [0, Math.max(chart.floor, (high ?? 0) * 1.15)] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 70, size: 30, incrs: [60, 120, 300, 600, 900, 1800], values: (_, splits) => splits.map((at) => clock(new Date(at * 1000)).slice(0, 5)) },
      { ...axis, size: 52, space: 34, values: (_, splits) => splits.map((value) => (chart.tick ? chart.tick(value) : count(value))) },
    ],
    series: [
      {},
      ...chart.series.map(({ label, colour: name, fill }) => ({
        label,
        stroke: colour(name),
        width: 1.75,
        fill: fill ? translucent(colour(name), fill) : undefined,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    plugins: [tooltip(chart)],
  };
}

function translucent(hex, alpha) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

function tooltip(chart) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  return {
    hooks: {
      init: (plot) => plot.over.append(tip),
      setCursor: (plot) => {
        const { idx, left } = plot.cursor;
        tip.hidden = idx == null || left < 0;
        if (tip.hidden) return;
        const head = document.createElement("b");
        head.textContent = `${clock(new Date(plot.data[0][idx] * 1000))} UTC`;
        const lines = chart.series.map(({ label }, index) => {
          const line = document.createElement("div");
          const value = plot.data[index + 1][idx];
          line.textContent = `${label}: ${value == null ? "–" : chart.show(value)}`;
          return line;
        });
        tip.replaceChildren(head, ...lines);
        const right = left > plot.over.clientWidth / 2;
        tip.style.transform = `translate(${right ? left - tip.offsetWidth - 12 : left + 12}px, 4px)`;
      },
    },
  };
}
