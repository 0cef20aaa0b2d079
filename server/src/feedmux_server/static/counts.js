// What happened since the start, counted from the engine's events.

import { by, el, keyed, mark, say } from "./element.js";
import { count, duration, fixed, milliseconds, share } from "./format.js";
import { clockOffset } from "./live.js";

const MOST = 8;
let before = null;

const of = (part, whole) => (whole ? share(part / whole) : "–");

function rate(pulse) {
  const asked = pulse.counts.questions;
  const seconds = before ? (new Date(pulse.now) - before.at) / 1000 : 0;
  const found = before && seconds > 0 && asked >= before.asked ? (asked - before.asked) / seconds : null;
  before = { at: new Date(pulse.now), asked };
  return found === null ? "–" : `${fixed(found, 1)} / s`;
}

/** The figures by their names. */
export function figures(pulse) {
  const { questions, from_cache: cached, coalesced, stale, failed, seconds, requests } = pulse.counts;
  return [
    ["Questions", count(questions)],
    ["Now", rate(pulse)],
    ["From the cache", of(cached, questions)],
    ["Coalesced", of(coalesced, questions)],
    ["Served stale", count(stale)],
    ["Failed", count(failed)],
    ["Mean time", questions ? milliseconds(seconds / questions) : "–"],
    ["Asked upstream", count(requests)],
    ["Answers held", count(pulse.cached)],
  ];
}

const made = ([name]) => el("div", {}, el("dt", {}, name), el("dd"));
const filled = (node, [, value]) => say(node.lastChild, value);

function showWhy(pulse) {
  const most = Object.entries(pulse.counts.skips).sort((a, b) => b[1] - a[1]).slice(0, MOST);
  by("why").hidden = most.length === 0;
  keyed(by("skips"), most.sort(([a], [b]) => (a < b ? -1 : 1)), ([name]) => name, () => el("li"), (node, [name, times]) => say(node, `${name}, ${count(times)}×`));
}

export function showCounts(pulse) {
  keyed(by("counts"), figures(pulse), ([name]) => name, made, filled);
  showWhy(pulse);
  say(by("uptime"), `up ${duration(pulse.uptime)}`);
  mark(by("uptime"), "title", `the reader's clock is ${fixed(clockOffset(), 1)} s off the server's`);
}
