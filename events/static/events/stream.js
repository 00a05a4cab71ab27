// The same events as server-sent events, where sockets don't get through. By fetch: EventSource hides why it was refused.

export class Stream {
  kind = "sse";
  hasOpened = false;
  #ended = new AbortController();
  #retryMs = 0;

  /** `cursor` is where to resume; `heard` tells of every sign of life, comments too. */
  constructor(url, { cursor, opened, frame, heard, closed }) {
    this.#run(new URL(url, location.href), cursor, { opened, frame, heard }).then(
      (end) => this.#ended.signal.aborted || closed(end),
      (error) => this.#ended.signal.aborted || closed({ reason: String(error), waitMs: this.#retryMs }),
    );
  }

  send() {}

  close() {
    this.#ended.abort();
  }

  async #run(address, cursor, { opened, frame, heard }) {
    const isOurs = address.origin === location.origin;
    const headers = { Accept: "text/event-stream" };
    // The header would make another origin's browser ask first; there the address carries it.
    if (cursor && isOurs) headers["Last-Event-ID"] = cursor;
    else if (cursor) address.searchParams.set("last_event_id", cursor);
    const options = { headers, credentials: isOurs ? "same-origin" : "include", cache: "no-store", signal: this.#ended.signal };
    const response = await fetch(address, options);
    if (!response.ok) return refusalOf(response);
    this.hasOpened = true;
    opened();
    let end = { waitMs: 0 };
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const take = parser({
      event: (data) => {
        const body = JSON.parse(data);
        if (body.type === "closed") end = { ...end, code: body.code };
        else frame(body);
      },
      retry: (milliseconds) => (this.#retryMs = milliseconds),
    });
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.#ended.signal.aborted) return { ...end, waitMs: this.#retryMs };
      heard();
      take(value);
    }
  }
}

/** Who is refused for what he asks need not ask again; who came too often, or too early, may. */
async function refusalOf(response) {
  const { code = "" } = await response.json().catch(() => ({}));
  const isFinal = response.status >= 400 && response.status < 500 && ![408, 425, 429].includes(response.status);
  return { reason: code, isFinal, waitMs: 1000 * (Number(response.headers.get("Retry-After")) || 0) };
}

/** The format's lines, from pieces that end anywhere. We write no other fields than these. */
export function parser({ event, retry }) {
  let rest = "";
  let data = [];
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
      if (line === "" && data.length) {
        const whole = data.join("\n");
        data = [];
        event(whole);
      } else if (field === "data") data.push(value);
      else if (field === "retry" && /^\d+$/.test(value)) retry(Number(value));
    }
  };
}
