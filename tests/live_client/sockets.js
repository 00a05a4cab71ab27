// Sockets that do nothing by themselves; `sockets` holds every one that was made.

window.sockets = [];

window.WebSocket = class {
  static OPEN = 1;
  readyState = 0;
  sent = [];

  constructor(url, protocols) {
    Object.assign(this, { url: String(url), protocols });
    sockets.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
  }

  say(...frames) {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  end(code) {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }
};
