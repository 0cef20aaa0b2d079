// What stands in each of the drawer's six sections.

import { el, keyed, pairs, say } from "./element.js";
import { count, duration, fixed, milliseconds, share } from "./format.js";
import { figures } from "./counts.js";
import { clockOffset } from "./live.js";
import { gauge, quantile } from "./metrics.js";
import { icons, tightest, together } from "./providers.js";
import { fill, made } from "./strip.js";
import { aged, counting } from "./ticking.js";

const bodyOf = (name) => document.getElementById(`fold-${name}`);
const badge = (name, text) => say(document.querySelector(`[data-badge="${name}"]`), text);
const ms = (value) => (value === null ? "–" : milliseconds(value / 1000));
const cell = (name, tag = "span") => el(tag, { "data-cell": name });

function part(place, name, tag = "div") {
  let found = place.querySelector(`:scope > [data-part="${name}"]`);
  if (!found) {
    if (!place.querySelector(":scope > [data-part]")) place.replaceChildren();
    found = place.appendChild(el(tag, { "data-part": name }));
  }
  return found;
}

const figure = (name, node) => el("div", {}, el("dt", {}, name), el("dd", {}, node));

function providerRow(one) {
  const docs = one.docs?.startsWith("https://") ? [" · ", el("a", { href: one.docs, rel: "noopener noreferrer", target: "_blank" }, "API documentation")] : [];
  return el(
    "div",
    { class: "row", role: "listitem" },
    el("div", { class: "row-head" }, el("strong", {}, one.name), el("span", { class: "state" }, cell("icon"), " ", cell("state"), " ", el("span", { class: "wait", "data-cell": "wait" }))),
    el("p", {}, `${one.distribution} ${one.version}`, ...docs),
    el("p", { class: "said", "data-cell": "cause" }),
    el("p", { class: "said", "data-cell": "notes" }),
    el("dl", { class: "figures" }, figure("latency", cell("latency")), figure("p50 / p95", cell("quantiles")), figure("success", cell("success")), figure("quota", cell("quota")), figure("last answer", cell("last", "time")), figure("resources", cell("resources"))),
    el("p", { "data-cell": "members" }),
    made(),
  );
}

/** Half, and nineteen of twenty, of a provider's calls took at most this long, about. */
function quantiles(measured, provider) {
  const at = (part) => quantile(measured, "feedmux_upstream_call_duration_seconds", part, (labels) => labels.provider === provider);
  return at(0.5) === null ? "–" : `≈ ${milliseconds(at(0.5))} / ${milliseconds(at(0.95))}`;
}

function showProvider(node, one, pulse, measured) {
  const at = (name) => node.querySelector(`[data-cell="${name}"]`);
  const sum = together(one);
  const quota = tightest(one, pulse.quota);
  node.dataset.state = one.state;
  say(at("icon"), icons[one.state] ?? "?").setAttribute("aria-hidden", "true");
  at("icon").className = "icon";
  say(at("state"), one.state);
  counting(at("wait"), one.wait);
  say(at("cause"), one.last_error && one.last_error !== one.cause ? [one.cause, `last error: ${one.last_error}`].filter(Boolean).join("; ") : one.cause);
  at("cause").hidden = !one.cause && !one.last_error;
  say(at("notes"), one.notes.join("; "));
  at("notes").hidden = one.notes.length === 0;
  say(at("latency"), milliseconds(sum.latency));
  say(at("quantiles"), quantiles(measured, one.name));
  say(at("success"), sum.ended ? `${share(sum.successes / sum.ended)} (${count(sum.successes)} of ${count(sum.ended)})` : "–");
  say(at("quota"), quota ? quota.text + (quota.reset === null ? "" : `, resets in ${duration(quota.reset)}`) : share(one.quota_left));
  aged(at("last"), sum.last);
  say(at("resources"), count(one.capabilities.length));
  fill(node.querySelector(".strip"), pulse.history[one.name]);
  const several = one.members.length > 1 ? one.members : [];
  at("members").hidden = several.length === 0;
  say(at("members"), several.map((member) => `${member.name.split("/").at(-1)} ${member.state}`).join(" · "));
}

const asideRow = (one) => el("div", { class: "row", role: "listitem", "data-state": "quarantined" }, el("div", { class: "row-head" }, el("strong", {}, one.name), el("span", { class: "state" }, el("span", { class: "icon", "aria-hidden": "true" }, icons.quarantined), " quarantined")), el("p", {}, `${one.distribution} ${one.version}`), el("p", { class: "said" }));

function showProvidersSection(pulse, measured) {
  const place = bodyOf("providers");
  const loaded = pulse.providers.filter((one) => one.state !== "quarantined" || one.members.length);
  const aside = pulse.providers.filter((one) => !loaded.includes(one));
  const list = part(place, "loaded");
  list.setAttribute("role", "list");
  keyed(list, loaded, (one) => one.name, providerRow, (node, one) => showProvider(node, one, pulse, measured));
  const title = part(place, "title", "h4");
  title.hidden = aside.length === 0;
  say(title, "Could not be loaded");
  const broken = part(place, "aside");
  broken.hidden = aside.length === 0;
  broken.setAttribute("role", "list");
  keyed(broken, aside, (one) => `${one.name} ${one.distribution}`, asideRow, (node, one) => say(node.querySelector(".said"), [one.cause, ...one.notes].join("; ")));
  badge("providers", aside.length ? `${loaded.length}, ${aside.length} not loaded` : String(loaded.length));
}

/** Rows of terms and values under a heading; only values change. */
function shown(place, name, found, heading = "") {
  if (heading) say(part(place, `${name}-title`, "h4"), heading);
  const list = part(place, name, "dl");
  list.className = "pairs";
  keyed(list, found, ([term]) => term, ([term]) => pairs([[term, ""]]).firstChild, (node, [, value]) => say(node.lastChild, value));
}

function showModels({ ai_models: models }) {
  const place = bodyOf("models");
  shown(place, "models", [["Local models loaded", models.transformers_loaded ? "yes" : "no"], ["Sentiment models", count(models.sentiment_models)], ["Remote inference", models.hf_api_active ? "active" : "not used"]]);
  badge("models", models.transformers_loaded ? "loaded" : "none");
}

const sockets = (measured, found) => {
  const clients = gauge(measured, "feedmux_stream_clients");
  if (clients === null) return found.websocket_active ? "in use" : "nobody connected";
  return `${count(clients)} connected, ${count(gauge(measured, "feedmux_stream_topics"))} questions watched`;
};

function showInfrastructure({ infrastructure: found, resources }, pulse, measured) {
  shown(bodyOf("infrastructure"), "infrastructure", [
    ["Store", pulse.degraded ? `${pulse.store}: ${pulse.degraded}` : pulse.store],
    ["Answers held", count(found.database_entries)],
    ["Background worker", found.background_worker ?? "none"],
    ["WebSockets", sockets(measured, found)],
    ["Event loop lag, p95", milliseconds(quantile(measured, "feedmux_event_loop_lag_seconds", 0.95))],
    ["This clock is off by", `${fixed(clockOffset(), 1)} s`],
    ["The server's clock is off by", `${fixed(pulse.clock_ahead, 0)} s`],
    ["Processor", resources.cpu_percent === null ? "–" : `${resources.cpu_percent} %`],
    ["Memory", resources.memory_used_mb === null ? "–" : `${count(resources.memory_used_mb)} of ${count(resources.memory_total_mb)} MB`],
    ["Load", resources.load_avg?.map((one) => one.toFixed(2)).join("  ") ?? "–"],
    ["Uptime", duration(pulse.uptime)],
    ["Version", pulse.version],
    ["Answers are", pulse.sandbox ? "simulated (sandbox)" : "live"],
  ]);
}

function showResources({ resource_breakdown: found }) {
  const place = bodyOf("resources");
  const rows = (of) => Object.entries(of).sort((a, b) => b[1] - a[1]).map(([name, number]) => [name, count(number)]);
  shown(place, "source", rows(found.by_source), "By provider");
  shown(place, "category", rows(found.by_category), "By kind of question");
  badge("resources", String(found.total));
}

const errorRow = () => el("div", { class: "row", role: "listitem" }, el("div", { class: "row-head" }, cell("provider", "strong"), cell("count")), el("p", { class: "said", "data-cell": "message" }), el("p", { "data-cell": "action" }));

function showErrors({ error_details: found }) {
  const place = bodyOf("errors");
  const list = part(place, "errors");
  list.setAttribute("role", "list");
  list.hidden = found.length === 0;
  keyed(list, found, (one) => `${one.provider} ${one.type}`, errorRow, (node, one) => {
    const at = (name) => node.querySelector(`[data-cell="${name}"]`);
    say(at("provider"), one.provider);
    say(at("count"), `${one.type}, ${count(one.count)}×`);
    say(at("message"), one.message);
    say(at("action"), `What to do: ${one.action}`);
  });
  const none = part(place, "none", "p");
  none.className = "empty";
  none.hidden = found.length > 0;
  say(none, "None since the start.");
  badge("errors", String(found.length));
}

function showPerformance({ performance: found, endpoints }, pulse) {
  const place = bodyOf("performance");
  shown(place, "performance", [
    ["Mean time of an answer", ms(found.avg_response_ms)],
    ["Fastest provider", found.fastest_provider ? `${found.fastest_provider}, ${ms(found.fastest_time_ms)}` : "–"],
    ["Cache hits", share(found.cache_hit_rate)],
    ...figures(pulse).filter(([name]) => ["Coalesced", "Served stale", "Failed", "Asked upstream"].includes(name)),
  ]);
  const rows = endpoints.slice(0, 12).map((one) => [one.path, `${ms(one.avg_response_ms)} · ${share(one.success_rate)}`]);
  shown(place, "routes", rows, "By route");
}

/** Fill all six from what the server says of itself; `measured` are its metrics, none where it has none. */
export function showSections(pulse, system, measured) {
  showProvidersSection(pulse, measured);
  showModels(system);
  showInfrastructure(system, pulse, measured);
  showResources(system);
  showErrors(system);
  showPerformance(system, pulse);
}
