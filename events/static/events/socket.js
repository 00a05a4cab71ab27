// One WebSocket. It says `opened`, `frame` and `closed` once each as they happen, and nothing more once it is let go.

export const PROTOCOL = "coupon-site";

export class Socket {
  kind = "ws";
  hasOpened = false;
  #socket;

  /** `ticket` goes into the header of sub-protocols, never into the address, which ends up in logs. */
  constructor(url, { ticket, opened, frame, closed }) {
    const address = new URL(url, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.#socket = new WebSocket(address, ticket ? [PROTOCOL, `ticket.${ticket}`] : []);
    this.#socket.onopen = () => {
      this.hasOpened = true;
      opened();
    };
    this.#socket.onmessage = ({ data }) => frame(JSON.parse(data));
    this.#socket.onclose = ({ code, reason }) => closed({ code, reason });
  }

  send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Let go. A dead network would keep the goodbye for minutes, so nobody waits for it. */
  close() {
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(1000);
  }
}
