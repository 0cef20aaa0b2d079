// Puts the page together: who hears of what.

import { showChoices } from "./admin.js";
import { begin as beginChart } from "./chart.js";
import { showCounts } from "./counts.js";
import * as drawer from "./drawer.js";
import { begin as beginExplain } from "./explain.js";
import { showMood, showMoodTrouble } from "./gauge.js";
import { flows, learn, watch } from "./live.js";
import { picked, pickable, showAnswer, showFailed, showLapsed, showTrouble, symbols } from "./prices.js";
import { showProviders } from "./providers.js";
import { Stream } from "./socket.js";
import { showSpread } from "./spread.js";

const PULSE = 2_000;
const PRICES = 5_000;
const MOOD = 600_000;

function showPulse(pulse) {
  learn(pulse.now);
  showProviders(pulse);
  showCounts(pulse);
  showChoices(pulse);
  drawer.summarise(pulse);
  drawer.fill(pulse);
}

drawer.begin();
watch(() => "/status.json", PULSE, showPulse);

let polled = null;
const poll = () => (polled ??= watch(() => `/v1/quotes?symbols=${symbols.join()}`, PRICES, showAnswer, showTrouble));
const rest = () => {
  polled?.stop();
  polled = null;
};

function streamed(open) {
  flows(open);
  if (open) rest();
  else poll();
}

poll();
new Stream(symbols, { show: showAnswer, lapsed: showLapsed, failed: showFailed, connected: streamed });

watch(() => "/v1/fear-greed?limit=30", MOOD, showMood, showMoodTrouble);
beginExplain();
const pick = await beginChart((symbol) => {
  picked(symbol);
  showSpread(symbol);
});
pickable(pick);
picked(symbols[0]);
