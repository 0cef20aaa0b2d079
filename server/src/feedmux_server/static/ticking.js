// What changes with time alone: ages and countdowns, once a second, on the server's clock.

import { say } from "./element.js";
import { both, duration } from "./format.js";
import { now } from "./live.js";

/** Let a `<time>` say how long ago that was; `instant` null empties it. */
export function aged(node, instant) {
  if (!instant) {
    delete node.dataset.age;
    node.removeAttribute("datetime");
    node.removeAttribute("title");
    say(node, "–");
    return;
  }
  if (node.dateTime !== instant || !node.dataset.age) {
    node.dateTime = instant;
    node.dataset.age = "yes";
    node.title = both(new Date(instant));
  }
  tickAge(node);
}

/** Count down to `wait` seconds from now; null empties it. */
export function counting(node, wait) {
  if (wait === null || wait === undefined) {
    delete node.dataset.until;
    say(node, "");
    return;
  }
  node.dataset.until = now() + wait * 1000;
  tickWait(node);
}

const tickAge = (node) => say(node, `${duration((now() - new Date(node.dateTime).getTime()) / 1000)} ago`);
const tickWait = (node) => say(node, `${duration((Number(node.dataset.until) - now()) / 1000)} left`);

setInterval(() => {
  if (document.hidden) return;
  document.querySelectorAll("time[data-age]").forEach(tickAge);
  document.querySelectorAll("[data-until]").forEach(tickWait);
}, 1000);
