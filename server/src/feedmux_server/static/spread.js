// What several providers say of one coin, side by side.

import { by, el, say, svg } from "./element.js";
import { fixed, price, share } from "./format.js";
import { Refused, fetched, offers } from "./request.js";

const place = by("spread");
const LEAST = 0.001;
/** The line spans at least this share of the price: what agrees closely lies close. */
const apart = (part, digits = 4) => {
  const text = fixed(Math.abs(part) * 100, digits);
  return `${Number(text) === 0 ? "±" : part < 0 ? "-" : "+"}${text} %`;
};
let shown = "";

function line(crossed) {
  const middle = (crossed.max + crossed.min) / 2;
  const width = Math.max(crossed.max - crossed.min, middle * LEAST);
  const at = (value) => `${(50 + (92 * (value - middle)) / width).toFixed(2)}%`;
  const edge = (sign, x, anchor) => svg("text", { x, y: 48, "text-anchor": anchor }, apart((sign * width) / 2 / middle, 2));
  const dots = crossed.voices.map((voice) =>
    svg("circle", { class: voice.agrees ? "in" : "out", cx: at(voice.price), cy: 22, r: 6 }, svg("title", {}, `${voice.member}: ${price(voice.price)}`)),
  );
  const median = crossed.median === null ? [] : [svg("line", { class: "median", x1: at(crossed.median), x2: at(crossed.median), y1: 6, y2: 38 })];
  return svg("svg", { class: "spread-line", role: "img", "aria-label": `Prices between ${price(crossed.min)} and ${price(crossed.max)}` }, svg("line", { class: "axis", x1: "0", x2: "100%", y1: 22, y2: 22 }), ...dots, ...median, edge(-1, "0", "start"), edge(1, "100%", "end"));
}

function voices(crossed) {
  const middle = crossed.median ?? crossed.mean;
  const rows = [...crossed.voices]
    .sort((a, b) => a.price - b.price)
    .map((voice) => el("li", {}, el("span", {}, voice.agrees ? voice.member : `▲ ${voice.member} stands apart`), el("span", {}, `${price(voice.price)} (${apart(voice.price / middle - 1)})`)));
  return el("ul", { class: "spread-list" }, ...rows);
}

function silent(crossed) {
  const found = Object.entries(crossed.left_out ?? {}).map(([member, why]) => el("li", {}, `${member}: ${why}`));
  return found.length ? [el("details", { class: "why" }, el("summary", {}, `${found.length} not heard`), el("ul", {}, ...found))] : [];
}

function figures(crossed) {
  const found = [
    ["Median", crossed.median === null ? "no consensus" : price(crossed.median)],
    ["Spread", `${fixed(crossed.variance * 100, 4)} %`],
    ["Confidence", share(crossed.confidence)],
  ];
  return el("dl", { class: "spread-figures" }, ...found.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

const empty = (text) => place.replaceChildren(el("p", { class: "empty" }, text));

async function check(symbol) {
  by("spread-again").disabled = true;
  try {
    const answer = await fetched(`/v1/quotes?symbols=${encodeURIComponent(symbol)}&cross_check=true`);
    const crossed = answer.crossed?.[symbol];
    if (symbol !== shown) return;
    if (crossed) place.replaceChildren(figures(crossed), line(crossed), voices(crossed), ...silent(crossed));
    else empty("Nobody said anything of it.");
  } catch (error) {
    empty(error instanceof Refused ? error.message : "The server was not reached.");
  } finally {
    by("spread-again").disabled = false;
  }
}

/** Show a coin's consensus; several providers are asked once, and again only when told to. */
export function showSpread(symbol) {
  say(by("spread-symbol"), symbol);
  if (!offers.has("cross_check")) return empty("This server does not ask several providers at once.");
  shown = symbol;
  empty("asking …");
  return check(symbol);
}

by("spread-again").hidden = !offers.has("cross_check");
by("spread-again").addEventListener("click", () => check(shown));
