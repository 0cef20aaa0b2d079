// What the server's indicators say of the candles shown; nothing where it has none.

import { by, el, trouble } from "./element.js";
import { price } from "./format.js";
import { Refused, fetched, offers } from "./request.js";

const place = by("indicators");
const NAMES = { bollinger_bands: "Bollinger", stoch_rsi: "Stoch RSI", atr: "ATR", sma: "SMA", ema: "EMA", macd: "MACD", rsi: "RSI" };
let turn = 0;

const figure = (value) => (Math.abs(value) >= 1000 ? price(value) : String(Number(value.toPrecision(4))));
const spelt = (text) => String(text).replaceAll("_", " ").toLowerCase();
const named = (name) => spelt(name).replace(/([a-z])(\d)/, "$1 $2").replace(/ (line|b)$/, "");

function words(value) {
  if (typeof value === "number") return [el("b", {}, figure(value))];
  if (value === null || typeof value !== "object") return [value === null ? "–" : String(value)];
  const known = Object.entries(value).filter(([, one]) => typeof one === "number");
  return known.flatMap(([name, one]) => [name === "value" ? "" : `${named(name)} `, el("b", {}, figure(one)), "  "]);
}

function sign(signal) {
  if (/bullish|oversold|buy/i.test(signal)) return "up";
  return /bearish|overbought|sell/i.test(signal) ? "down" : null;
}

const tile = (name, signal, value) =>
  el("div", {}, el("dt", {}, name, signal ? el("span", { "data-sign": sign(signal) }, spelt(signal)) : null), el("dd", {}, ...value));

/** Ask for all indicators of a coin and interval. */
export async function showIndicators({ symbol, interval }) {
  if (!offers.has("indicators")) return;
  const mine = ++turn;
  try {
    const found = await fetched(`/api/indicators/comprehensive?symbol=${encodeURIComponent(symbol)}&timeframe=${interval}`);
    if (mine !== turn) return;
    const tiles = Object.entries(found.indicators).map(([name, value]) => tile(NAMES[name] ?? named(name), found.signals?.[name], words(value)));
    place.replaceChildren(tile("All together", found.overall_signal, [found.recommendation ?? ""]), ...tiles);
    place.hidden = false;
  } catch (error) {
    if (mine !== turn) return;
    place.hidden = true;
    if (!(error instanceof Refused)) trouble(by("chart-trouble"), "The indicators were not reached.");
  }
}
