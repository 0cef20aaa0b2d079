// The last day of a provider as a strip of half hours: how many of its calls ended badly.

import { mark, svg } from "./element.js";
import { count } from "./format.js";
import { now } from "./live.js";

const STEP = 1_800_000;
const STEPS = 48;
const HEIGHT = 16;

/** An empty strip, to be filled by `fill`. */
export const made = () => svg("svg", { class: "strip", viewBox: `0 0 ${STEPS * 4} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });

function bar(index, { well, badly, at }) {
  const bad = Math.max(badly ? 3 : 0, (HEIGHT * badly) / (well + badly));
  const from = new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return svg(
    "g",
    {},
    svg("title", {}, `from ${from}: ${count(well)} well, ${count(badly)} badly`),
    svg("rect", { class: "well", x: index * 4, y: bad, width: 3, height: HEIGHT - bad }),
    svg("rect", { class: "badly", x: index * 4, y: 0, width: 3, height: bad }),
  );
}

function label(periods) {
  const sum = (name) => periods.reduce((total, one) => total + one[name], 0);
  const [well, badly] = [sum("well"), sum("badly")];
  return well + badly ? `Last 24 hours: ${count(well)} calls ended well, ${count(badly)} badly` : "Last 24 hours: not called";
}

/** Draw a provider's periods, newest at the right; only where something changed. */
export function fill(strip, periods = []) {
  const text = label(periods);
  const newest = Math.floor(now() / STEP);
  if (strip.dataset.drawn === `${text} ${newest}`) return;
  strip.dataset.drawn = `${text} ${newest}`;
  mark(strip, "aria-label", text);
  const place = (one) => STEPS - 1 - Math.floor((now() - new Date(one.at)) / STEP);
  const ground = svg("rect", { class: "ground", width: STEPS * 4, height: HEIGHT });
  strip.replaceChildren(ground, ...periods.map((one) => bar(place(one), one)));
}
