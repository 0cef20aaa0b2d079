// The chart itself, drawn by lightweight-charts where that came with the installation.

import { bands, ema, sma } from "./lines.js";
import { colour, onTheme, still } from "./theme.js";

const LINES = { sma: 1, ema: 1, bandUpper: 1, bandLower: 1 };
const tone = (name) => colour(name.startsWith("band") ? "band" : name);
const stamp = (candle) => new Date(candle.opened_at).getTime() / 1000;

const digits = (value) => (value >= 100 ? 2 : value >= 1 ? 4 : 6);

function clockText(seconds, daily) {
  const date = new Date(seconds * 1000);
  return daily ? date.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) : date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

export class Canvas {
  /** Draws into a place; `read(candle or null)` hears which candle is pointed at. */
  constructor(library, place, read) {
    this.place = place;
    this.items = [];
    const inner = document.createElement("div");
    inner.setAttribute("aria-hidden", "true");
    place.replaceChildren(inner);
    this.chart = library.createChart(inner, {
      autoSize: true,
      layout: { attributionLogo: false }, // it brings a style of its own, which the page's policy refuses: the page says the same in words
      kineticScroll: { touch: !still(), mouse: false },
      handleScroll: { vertTouchDrag: false, mouseWheel: false },
      handleScale: { mouseWheel: false },
      localization: { locale: "en-GB", timeFormatter: (seconds) => new Date(seconds * 1000).toLocaleString("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" }) },
      timeScale: { timeVisible: true, borderVisible: false, rightOffset: 2, tickMarkFormatter: (seconds, kind) => clockText(seconds, kind < 3) },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.06, bottom: 0.24 } },
    });
    this.candles = this.chart.addSeries(library.CandlestickSeries, { borderVisible: false });
    this.volume = this.chart.addSeries(library.HistogramSeries, { priceFormat: { type: "volume" }, priceScaleId: "", lastValueVisible: false, priceLineVisible: false });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.lines = Object.fromEntries(
      Object.entries(LINES).map(([name, lineWidth]) => [name, this.chart.addSeries(library.LineSeries, { lineWidth, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false, visible: false })]),
    );
    this.chart.subscribeCrosshairMove((event) => read(this.items.find((one) => stamp(one) === event.time) ?? null));
    place.addEventListener("keydown", (event) => this.keyed(event));
    onTheme(() => this.paint());
    this.paint();
  }

  paint() {
    const [up, down, soft, line] = ["up", "down", "soft", "line"].map(colour);
    this.chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: soft, fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
    });
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    for (const [name, series] of Object.entries(this.lines)) series.applyOptions({ color: tone(name) });
    this.drawVolume();
  }

  drawVolume() {
    const [up, down] = ["up", "down"].map((name) => `${colour(name)}55`);
    const known = this.items.filter((one) => one.volume !== null);
    this.volume.setData(known.map((one) => ({ time: stamp(one), value: one.volume, color: one.close >= one.open ? up : down })));
  }

  /** Show these candles; where they are another series the view moves to the newest. */
  show(items, another) {
    this.items = items;
    const places = items.length ? digits(items.at(-1).close) : 2;
    this.candles.applyOptions({ priceFormat: { type: "price", precision: places, minMove: 10 ** -places } });
    this.candles.setData(items.map((one) => ({ time: stamp(one), open: one.open, high: one.high, low: one.low, close: one.close })));
    this.drawVolume();
    const closes = items.map((one) => one.close);
    const { upper, lower } = bands(closes, 20, 2);
    const values = { sma: sma(closes, 20), ema: ema(closes, 50), bandUpper: upper, bandLower: lower };
    for (const [name, series] of Object.entries(this.lines)) {
      const points = values[name].map((value, index) => ({ time: stamp(items[index]), value }));
      series.setData(points.filter((point) => point.value !== null));
    }
    if (another) this.chart.timeScale().setVisibleLogicalRange({ from: items.length - Math.max(30, this.place.clientWidth / 9), to: items.length + 2 });
  }

  /** Show or hide the line of a name. */
  line(name, visible) {
    const found = name === "band" ? ["bandUpper", "bandLower"] : [name];
    for (const one of found) this.lines[one].applyOptions({ visible });
  }

  keyed(event) {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (!range) return;
    const width = range.to - range.from;
    const moves = { ArrowLeft: -0.1, ArrowRight: 0.1, PageUp: -0.9, PageDown: 0.9 };
    if (event.key in moves) scale.setVisibleLogicalRange({ from: range.from + width * moves[event.key], to: range.to + width * moves[event.key] });
    else if (event.key === "+" || event.key === "=") scale.setVisibleLogicalRange({ from: range.from + width * 0.2, to: range.to });
    else if (event.key === "-") scale.setVisibleLogicalRange({ from: range.from - width * 0.25, to: range.to });
    else if (event.key === "End") scale.scrollToRealTime();
    else return;
    event.preventDefault();
  }
}
