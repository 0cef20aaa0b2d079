// Keeps what is shown current: asks again and again while the page is looked at, slower where nobody answers.

import { by, mark, say } from "./element.js";
import { duration } from "./format.js";
import { Refused, fetched } from "./request.js";

const SLOWEST = 30_000;
const place = by("live");
const watches = new Set();
let heard = Date.now();
let offset = 0;
let flowing = false;

/** The server's time, in milliseconds. */
export const now = () => Date.now() + offset;

/** How far the reader's clock is off the server's, in seconds. */
export const clockOffset = () => -offset / 1000;

/** Learn the server's time from a document that was made just now. */
export function learn(instant) {
  offset = new Date(instant).getTime() - Date.now();
}

/** Whether prices are pushed to us, or asked for again and again. */
export function flows(pushed) {
  flowing = pushed;
}

export function reached() {
  heard = Date.now();
  mark(place, "data-live", "live");
  say(by("live-text"), flowing ? "live" : "live, asked every few seconds");
}

export function lost() {
  mark(place, "data-live", "lost");
  say(by("live-text"), `reconnecting; last heard ${duration((Date.now() - heard) / 1000)} ago`);
}

class Watch {
  constructor(path, every, show, refused) {
    Object.assign(this, { path, every, show, refused, failures: 0, timer: 0, running: false, again: false, stopped: false });
  }

  /** Ask now; where an answer is on its way already, once more after it. */
  async run() {
    clearTimeout(this.timer);
    this.again = this.running;
    if (document.hidden || this.running || this.stopped) return;
    this.running = true;
    try {
      await this.ask();
    } finally {
      this.running = false;
      if (this.again) this.run();
      else this.later();
    }
  }

  async ask() {
    let body;
    try {
      body = await fetched(this.path());
    } catch (error) {
      return this.stopped || this.failed(error);
    }
    this.failures = 0;
    reached();
    return this.stopped || this.show(body);
  }

  failed(error) {
    if (error instanceof Refused) {
      reached();
      this.refused(error);
    } else {
      this.failures += 1;
      lost();
    }
  }

  later() {
    const pause = Math.min(SLOWEST, this.every * 2 ** Math.min(this.failures, 4));
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => this.run(), pause * (0.9 + Math.random() * 0.2));
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    watches.delete(this);
  }
}

/** Ask for a path every so many milliseconds and show what comes; `path` is a function, asked anew each time. */
export function watch(path, every, show, refused = () => {}) {
  const made = new Watch(path, every, show, refused);
  watches.add(made);
  made.run();
  return made;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const one of watches) one.run();
});
