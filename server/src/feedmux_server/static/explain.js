// Ask anything and see how the answer came about: the picture, every step, and how to ask it elsewhere.

import { by, el, say, svg } from "./element.js";
import { duration, milliseconds } from "./format.js";
import { drawn } from "./route.js";
import { fetched } from "./request.js";

const EXAMPLES = { quotes: "symbols=BTC,ETH", candles: "symbol=BTC&interval=1h&limit=24", fear_greed: "limit=7", gas: "chain=ethereum", markets: "limit=10", trending: "limit=10", news: "limit=10" };
let last = null;

/** Each kind of step in words: who, what came, and the seconds it took where it took any. */
const WORDS = {
  cached: (step) => [step.what, `${step.state}${step.provider ? `, from ${step.provider}` : ""}${step.age === null ? "" : `, ${duration(step.age)} old`}`],
  joined: (step) => [step.what, "somebody had asked already"],
  skipped: (step) => [step.member, [step.reason, step.detail, step.wait === null ? "" : `${duration(step.wait)} left`].filter(Boolean).join("; ")],
  considered: (step) => [step.members.join(", ") || "nobody", Object.keys(step.slow).length ? `slow, so last: ${Object.keys(step.slow).join(", ")}` : "in this order"],
  tried: (step) => [step.member, `${step.result}, ${step.got} of ${step.asked}${step.detail ? `; ${step.detail}` : ""}`, step.seconds],
  held: (step) => [step.member, `${step.what}: ${step.detail}`],
  waited: (step) => [step.member, "until it reopened", step.seconds],
  served_stale: (step) => [step.provider, `${step.what}, ${duration(step.age)} old`],
  answered: (step) => [step.source, `${step.items} items${step.stale ? ", stale" : ""}`, step.seconds],
  changed: (step) => [step.member, [step.state, step.cause].filter(Boolean).join(": ")],
  misbehaved: (step) => [step.member, step.detail],
};

function waterfall(step, seconds, from, span) {
  if (!seconds || !span) return "";
  const width = Math.max(1, (100 * seconds) / span);
  const x = Math.max(0, Math.min(99, (100 * (step.at - seconds - from)) / span));
  return svg("svg", { class: "bar", width: "100%", height: 10, "aria-hidden": "true" }, svg("rect", { class: "ground", width: "100%", height: 10, rx: 3 }), svg("rect", { class: "fill", x: `${x}%`, width: `${Math.min(width, 100 - x)}%`, height: 10, rx: 3 }));
}

function row(step, from, span) {
  const [who, what, seconds] = (WORDS[step.event] ?? (() => ["", ""]))(step);
  return el("tr", {}, el("th", { scope: "row" }, step.event.replaceAll("_", " ")), el("td", {}, who), el("td", {}, what), el("td", { class: "number" }, seconds === undefined ? "" : milliseconds(seconds)), el("td", { class: "wide" }, waterfall(step, seconds, from, span)));
}

function showSteps(trace) {
  const begins = trace.map((step) => step.at - (WORDS[step.event]?.(step)[2] ?? 0));
  const from = Math.min(...begins);
  const span = trace.length ? trace.at(-1).at - from : 0;
  by("steps").replaceChildren(...trace.map((step) => row(step, from, span)));
}

function ending({ answer, error }) {
  if (error) return "failed";
  return answer ? "answered" : "planned";
}

function verdict({ answer, error }) {
  if (error) return `${error.title}: ${error.detail}`;
  if (!answer) return "Planned only: nobody was asked.";
  const from = [...new Set(answer.items.map((one) => one.provider))].join(", ");
  return `${answer.items.length} ${answer.items.length === 1 ? "item" : "items"} from ${from || "nobody"}${answer.stale ? ", stale" : ""}.`;
}

function draw() {
  if (!last) return;
  by("route").replaceChildren(drawn(last.trace, Math.max(260, by("route").clientWidth), ending(last)));
}

function show(found) {
  last = found;
  by("answer").hidden = false;
  say(by("verdict"), verdict(found));
  draw();
  showSteps(found.trace);
  say(by("answer-body"), JSON.stringify(found.answer ?? found.error ?? null, null, 2));
  by("answer-body").parentElement.hidden = ending(found) === "planned";
}

function copies(capability, query) {
  const url = `${location.origin}/v1/query/${capability}?${query}`;
  say(by("curl"), `curl '${url}'`);
  say(by("python"), `httpx.get("${url}").json()`);
}

async function ask(dry) {
  const capability = by("capability").value;
  const given = new URLSearchParams(by("parameters").value.trim());
  if (by("afresh").checked) given.set("max_age", "0");
  copies(capability, given);
  if (dry) given.set("dry", "true");
  by("ask-now").disabled = by("ask-plan").disabled = true;
  try {
    show(await fetched(`/v1/explain/${encodeURIComponent(capability)}?${given}`));
  } catch (error) {
    show({ answer: null, error: { title: "Not asked", detail: error.message }, trace: [] });
  } finally {
    by("ask-now").disabled = by("ask-plan").disabled = false;
  }
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(by(button.dataset.copy).textContent);
    say(button, "Copied");
  } catch {
    getSelection().selectAllChildren(by(button.dataset.copy));
    say(button, "Selected");
  }
  setTimeout(() => say(button, "Copy"), 2000);
}

/** Begin with a plan, which asks nobody. */
export function begin() {
  by("ask").hidden = false;
  by("routes").hidden = true;
  by("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(false);
  });
  by("ask-plan").addEventListener("click", () => ask(true));
  by("capability").addEventListener("change", () => (by("parameters").value = EXAMPLES[by("capability").value] ?? ""));
  document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", () => copy(button)));
  new ResizeObserver(() => draw()).observe(by("ask"));
  return ask(true);
}
