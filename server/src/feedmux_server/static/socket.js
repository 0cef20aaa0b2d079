// The stream of prices: one WebSocket that comes back by itself, and says from where it wants to go on.

import { lost, reached } from "./live.js";
import { offers } from "./request.js";

const FIRST = 1_000;
const SLOWEST = 30_000;
const SILENCE = 45_000;
const CALM = 500;

export class Stream {
  /** `show(answer)` hears what changed, `lapsed(topic)` which is too old, `failed(topic, words)` why there is none, `connected(bool)` whether it flows. */
  constructor(symbols, { show, lapsed, failed, connected }) {
    Object.assign(this, { symbols, show, lapsed, failed, connected, failures: 0, epoch: "", resume: {}, pending: new Map(), timer: 0 });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    if (offers.has("stream")) this.open();
  }

  open() {
    if (this.socket || document.hidden) return;
    clearTimeout(this.timer);
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/stream?batch=true`);
    this.socket = socket;
    socket.addEventListener("open", () => this.subscribe());
    socket.addEventListener("message", (event) => this.heard([JSON.parse(event.data)].flat()));
    socket.addEventListener("close", () => this.socket === socket && this.gone());
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    socket?.close();
    this.connected(false);
  }

  gone() {
    this.close();
    lost();
    this.failures += 1;
    const pause = Math.min(SLOWEST, FIRST * 2 ** Math.min(this.failures, 5)) * (0.5 + Math.random() / 2);
    this.timer = setTimeout(() => this.open(), pause);
  }

  subscribe() {
    const { epoch, resume } = this;
    this.socket.send(JSON.stringify({ type: "subscribe", id: "prices", capability: "quotes", params: { symbols: this.symbols }, epoch, resume }));
  }

  heard(messages) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.socket?.close(), SILENCE);
    this.failures = 0;
    reached();
    for (const message of messages) this.take(message);
  }

  take(message) {
    if (message.type === "subscribed") {
      if (message.epoch !== this.epoch) this.resume = {};
      this.epoch = message.epoch;
      this.connected(true);
    } else if (message.type === "snapshot" || message.type === "update") {
      this.resume[message.topic] = message.seq;
      this.pending.set(message.topic, message);
      this.calm ??= setTimeout(() => this.flush(), this.drawn ? CALM : 0);
    } else if (message.type === "stale") this.lapsed(message.topic);
    else if (message.type === "error") this.failed(message.topic ?? "", `${message.title}: ${message.detail}`);
  }

  /** At most twice a second something changes on the page. */
  flush() {
    this.calm = undefined;
    this.drawn = true;
    for (const message of this.pending.values()) this.show(message);
    this.pending.clear();
  }
}
