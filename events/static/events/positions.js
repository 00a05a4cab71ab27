// Where this client stands on each channel: the number of the last event that it has, and the life ("epoch") of the stream.

/** Where the rows of an answer of the API were read, for the option `positions`. */
export function positionsOf(response) {
  const [, channel, epoch, id] = /^([^=]+)=([^:]*):(\d+)$/.exec(response.headers.get("Stream-Position") ?? "") ?? [];
  return channel ? { [channel]: { epoch, id: Number(id) } } : {};
}

export class Positions {
  #known = new Map();

  /** From `{channel: {epoch, id}}`, as an answer of the API names them. */
  constructor(known = {}) {
    for (const [channel, { epoch, id }] of Object.entries(known)) this.set(channel, epoch, id);
  }

  get channels() {
    return [...this.#known.keys()];
  }

  get(channel) {
    return this.#known.get(channel);
  }

  set(channel, epoch, id) {
    this.#known.set(channel, { epoch: epoch ?? "", id });
  }

  delete(channel) {
    this.#known.delete(channel);
  }

  /** Whether an event is new. Numbers grow, but not one by one: others' events are left out. */
  take(channel, id) {
    const known = this.#known.get(channel);
    if (known && id <= known.id) return false;
    this.set(channel, known?.epoch, id);
    return true;
  }

  /** The server says that there is nothing for us up to here. */
  advance(channel, id) {
    const known = this.#known.get(channel);
    if (known && id > known.id) known.id = id;
  }

  all() {
    return Object.fromEntries([...this.#known].map(([channel, position]) => [channel, { ...position }]));
  }

  /** `{channel: id}`, as a pong says it. */
  ids() {
    return Object.fromEntries([...this.#known].map(([channel, { id }]) => [channel, id]));
  }

  /** The cursor of server-sent events. */
  cursor(channels = this.channels) {
    const known = channels.filter((channel) => this.#known.has(channel));
    return known.map((channel) => `${channel}=${this.get(channel).epoch}:${this.get(channel).id}`).join(",");
  }
}
