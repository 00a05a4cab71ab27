// The other end, as a test plays it: streams and answers that do nothing by themselves.

import { EventClient } from "/static/events/client.js";

const RealResponse = Response;
window.streams = [];
window.refetches = [];
window.log = [];

window.fetch = (url, { headers, signal }) =>
  new Promise((resolve, reject) => {
    const stream = { url: String(url), headers, fail: () => reject(new TypeError("no network")) };
    signal.addEventListener("abort", () => { stream.isClosed = true; });
    stream.refuse = (status, code, more = {}) => resolve(new RealResponse(JSON.stringify({ code }), { status, headers: more }));
    stream.open = () => {
      const pipe = new TransformStream();
      const writer = pipe.writable.getWriter();
      stream.say = (text) => writer.write(new TextEncoder().encode(text));
      stream.end = () => writer.close();
      resolve(new RealResponse(pipe.readable));
    };
    streams.push(stream);
  });

/** A client whose every word is in `log`; `refetch` ends when the test says so. */
window.begin = ({ refetches: wanted, ...options }) => {
  const refetch = (needs) => new Promise((resolve, reject) => refetches.push({ needs, resolve, reject }));
  window.client = new EventClient({ ...options, ...(wanted && { refetch }) });
  for (const type of ["event", "figures", "gap", "refusal", "state"]) {
    client.addEventListener(type, ({ detail }) => log.push({ ...detail, type }));
  }
  client.start();
};
window.isLoaded = true;
