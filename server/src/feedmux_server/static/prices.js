// The table of prices: each with its source and its age.

import { by, el, mark, say, trouble } from "./element.js";
import { UNKNOWN, percent, price } from "./format.js";
import { aged } from "./ticking.js";

const table = by("prices");
export const symbols = table.dataset.symbols.split(",");
const rowOf = (symbol) => table.querySelector(`[data-symbol="${CSS.escape(symbol)}"]`);
const cellOf = (row, name) => row.querySelector(`[data-cell="${name}"]`);

function moved(cell, before, after) {
  if (before === undefined || before === after) return;
  cell.classList.remove("rose", "fell");
  void cell.offsetWidth; // restarts the animation
  cell.classList.add(after > before ? "rose" : "fell");
}

/** Show one quote in its row. */
export function showQuote(quote) {
  const row = rowOf(quote.symbol);
  if (!row) return;
  const cell = say(cellOf(row, "price"), price(quote.price));
  moved(cell, row.price, quote.price);
  row.price = quote.price;
  const change = say(cellOf(row, "change"), percent(quote.change_pct_24h));
  if (quote.change_pct_24h === null) delete change.dataset.sign;
  else mark(change, "data-sign", quote.change_pct_24h >= 0 ? "up" : "down");
  const ranged = quote.low_24h && quote.high_24h;
  say(cellOf(row, "range"), ranged ? `${price(quote.low_24h)} – ${price(quote.high_24h)}` : UNKNOWN);
  if (quote.name) say(cellOf(row, "name"), quote.name);
  say(cellOf(row, "source"), quote.provider);
  cellOf(row, "stale").hidden = !quote.stale;
  aged(cellOf(row, "observed"), quote.observed_at ?? quote.fetched_at);
}

const makers = new Map();

function showMakers(answer) {
  for (const { symbol } of answer.items) makers.set(symbol, answer.attribution);
  say(by("attribution"), [...new Set([...makers.values()].flat())].join(" · "));
}

/** Show an answer: every quote that came, and why the others did not. */
export function showAnswer(answer) {
  answer.items.forEach(showQuote);
  for (const [symbol, why] of Object.entries(answer.missing)) {
    const row = rowOf(symbol);
    if (row) say(cellOf(row, "source"), why.reason);
  }
  showMakers(answer);
  trouble(by("trouble"), "");
}

/** The row of a question, as the stream names it. */
const rowOfTopic = (topic) => rowOf(new URLSearchParams(topic.split("?")[1]).get("symbols") ?? "");

/** What was said last of a symbol is too old by now. */
export function showLapsed(topic) {
  const row = rowOfTopic(topic);
  if (row) cellOf(row, "stale").hidden = false;
}

/** Nobody gives a symbol's price: said above the table, and in the row where it has none. */
export function showFailed(topic, words) {
  const row = rowOfTopic(topic);
  if (row && cellOf(row, "price").textContent === UNKNOWN) say(cellOf(row, "source"), words.split(":")[0]);
  trouble(by("trouble"), words);
}

export const showTrouble = (error) => trouble(by("trouble"), error.message);

/** Let a row's symbol be a button that picks it. */
export function pickable(pick) {
  for (const symbol of symbols) {
    const button = el("button", { type: "button", class: "pick", "aria-pressed": "false", title: `Show the candles of ${symbol}` }, symbol);
    button.addEventListener("click", () => pick(symbol));
    cellOf(rowOf(symbol), "symbol").replaceWith(button);
  }
}

/** Mark the symbol that is shown elsewhere on the page. */
export function picked(symbol) {
  for (const button of table.querySelectorAll(".pick")) mark(button, "aria-pressed", button.textContent === symbol);
}
