// The card of candles: which coin and interval, the chart, what is read off it, and the table.

import { Canvas } from "./canvas.js";
import { showSummary, showTable } from "./candles.js";
import { by, el, say, trouble } from "./element.js";
import { compact, price } from "./format.js";
import { showIndicators } from "./indicators.js";
import { watch } from "./live.js";

const EVERY = 20_000;
const LENGTH = 200;
const place = by("chart");
const asked = { symbol: by("symbol").value, interval: by("interval").value };
let canvas = null;
let shown = "";
let items = [];

const path = () => `/v1/candles/${encodeURIComponent(asked.symbol)}?interval=${asked.interval}&limit=${LENGTH}`;

function read(candle) {
  const one = candle ?? items.at(-1);
  const cells = one ? [["O", price(one.open)], ["H", price(one.high)], ["L", price(one.low)], ["C", price(one.close)], ["V", compact(one.volume)]] : [];
  by("reading").replaceChildren(...cells.flatMap(([name, value]) => [`${name} `, el("b", {}, value), "  "]));
}

function show(answer) {
  const series = path();
  const [first] = answer.items;
  if (first && (first.symbol !== asked.symbol || first.interval !== asked.interval)) return;
  items = answer.items;
  trouble(by("chart-trouble"), items.length ? "" : "No candles came.");
  canvas?.show(items, series !== shown);
  shown = series;
  showTable(items);
  showSummary(items);
  read(null);
  const from = items.at(-1);
  const stale = answer.stale ? " · stale" : "";
  say(by("chart-source"), from ? `${from.pair ?? `${from.symbol}/${from.vs}`} from ${from.provider}${stale} · ${answer.attribution.join(" · ")} · lines are worked out from these candles` : "");
}

function refused(error) {
  trouble(by("chart-trouble"), error.message);
  if (shown === path()) return;
  items = [];
  canvas?.show(items, false);
  showTable(items);
  showSummary(items);
  read(null);
}

async function library() {
  try {
    return await import(place.dataset.library);
  } catch {
    place.replaceChildren(el("p", { class: "trouble" }, "The chart library could not be read: here is the table."));
    place.classList.add("absent");
    return null;
  }
}

/** Begin; `changed(symbol)` hears which coin is shown. Gives back a function that shows another coin. */
export async function begin(changed) {
  by("chart-tools").hidden = false;
  const found = place ? await library() : null;
  if (found) canvas = new Canvas(found, place, read);
  if (!canvas) by("candles").open = true;
  const watched = watch(path, EVERY, show, refused);
  const again = () => {
    say(by("chart-symbol"), `${asked.symbol}`);
    changed(asked.symbol);
    showIndicators(asked);
    watched.run();
  };
  for (const name of ["symbol", "interval"]) {
    by(name).addEventListener("change", () => {
      asked[name] = by(name).value;
      again();
    });
  }
  for (const name of ["sma", "ema", "band"]) {
    const box = by(`line-${name}`);
    const set = () => canvas?.line(name, box.checked);
    box.addEventListener("change", set);
    set();
    box.closest("label").hidden = !canvas;
  }
  again();
  return (symbol) => {
    by("symbol").value = asked.symbol = symbol;
    again();
  };
}
