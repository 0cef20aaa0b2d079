// The candles in words: a table of the newest, and one sentence for who does not see the chart.

import { by, el, keyed, say } from "./element.js";
import { both, compact, price } from "./format.js";

const ROWS = 24;
const body = by("candles").querySelector("tbody");

const made = () => el("tr", {}, el("th", { scope: "row" }), ...["open", "high", "low", "close", "volume"].map((name) => el("td", { class: "number", "data-cell": name })));

function show(row, candle) {
  const opened = new Date(candle.opened_at);
  const head = say(row.firstChild, opened.toLocaleString("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" }) + (candle.closed ? "" : " (running)"));
  head.title = both(opened);
  for (const name of ["open", "high", "low", "close"]) say(row.querySelector(`[data-cell="${name}"]`), price(candle[name]));
  say(row.querySelector('[data-cell="volume"]'), compact(candle.volume));
}

export function showTable(items) {
  keyed(body, items.slice(-ROWS).reverse(), (candle) => candle.opened_at, made, show);
}

export function showSummary(items) {
  if (items.length === 0) return say(by("chart-summary"), "No candles.");
  const [first, last] = [items[0], items.at(-1)];
  const high = Math.max(...items.map((one) => one.high));
  const low = Math.min(...items.map((one) => one.low));
  return say(
    by("chart-summary"),
    `${last.symbol} by ${last.interval}, ${items.length} candles from ${first.opened_at} on. Last close ${price(last.close)}, highest ${price(high)}, lowest ${price(low)} ${last.vs}.`,
  );
}
