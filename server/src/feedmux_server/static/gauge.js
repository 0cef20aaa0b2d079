// Fear and greed: a needle from 0 to 100, its word, and its last month.

import { by, say, svg } from "./element.js";
import { both } from "./format.js";

const BANDS = [[0, 25, "down"], [25, 45, "warn"], [45, 55, "soft"], [55, 75, "fill"], [75, 100, "up"]];
const WORD = (text) => text.replaceAll("_", " ");
const place = by("mood");

const at = (value, radius) => {
  const angle = Math.PI * (1 - value / 100);
  return [100 + radius * Math.cos(angle), 96 - radius * Math.sin(angle)];
};

function arc(from, to, name) {
  const [[x, y], [u, v]] = [at(from + 0.6, 80), at(to - 0.6, 80)];
  return svg("path", { class: "band", d: `M${x} ${y}A80 80 0 0 1 ${u} ${v}`, stroke: `var(--${name})` });
}

function dial(value, word) {
  const [x, y] = at(value, 66);
  const [u, v] = at(value, 46);
  return svg(
    "svg",
    { viewBox: "0 0 200 112", role: "img", "aria-label": `${value} of 100: ${word}` },
    ...BANDS.map((band) => arc(...band)),
    svg("line", { class: "needle", x1: u, y1: v, x2: x, y2: y }),
    svg("text", { class: "value", x: 100, y: 88 }, String(value)),
    svg("text", { class: "word", x: 100, y: 105 }, word),
  );
}

function history(items) {
  const step = 100 / Math.max(1, items.length - 1);
  const points = items.map((one, index) => `${(index * step).toFixed(2)},${(40 - one.value * 0.4).toFixed(2)}`).join(" ");
  const low = Math.min(...items.map((one) => one.value));
  const high = Math.max(...items.map((one) => one.value));
  return svg("svg", { class: "history", viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img", "aria-label": `${items.length} days: between ${low} and ${high}` }, svg("polyline", { points }));
}

/** Show an answer's items, oldest first. */
export function showMood(answer) {
  const last = answer.items.at(-1);
  if (!last) return;
  const word = WORD(last.classification);
  place.replaceChildren(dial(last.value, word), ...(answer.items.length > 1 ? [history(answer.items)] : []));
  const date = new Date(last.observed_at);
  say(by("mood-date"), date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })).title = both(date);
  say(by("mood-source"), `${last.provider}${answer.stale ? " · stale" : ""} · the line is the last ${answer.items.length} days`);
}

export function showMoodTrouble(error) {
  if (!place.querySelector("svg")) say(place, error.message);
}
