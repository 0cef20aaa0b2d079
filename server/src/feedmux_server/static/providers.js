// What each provider is doing now: state with its countdown, share of the answers, quota, latency.

import { by, el, keyed, mark, say } from "./element.js";
import { count, milliseconds, per, share } from "./format.js";
import { aged, counting } from "./ticking.js";

const table = by("providers");
const template = table.querySelector("tbody tr")?.cloneNode(true);
const cellOf = (row, name) => row.querySelector(`[data-cell="${name}"]`);
const USABLE = new Set(["open", "recovering", "unknown"]);

/** One shape for each state, as the page's legend has them. */
export const icons = Object.fromEntries([...by("legend").children].map((item) => [item.dataset.state, item.querySelector(".icon").textContent]));

/** Several members' figures as one. */
export function together(provider) {
  const known = (name) => provider.members.map((one) => one[name]).filter((one) => one !== null);
  const sum = (name) => provider.members.reduce((total, one) => total + one[name], 0);
  return {
    latency: known("latency").length ? Math.min(...known("latency")) : null,
    successes: sum("successes"),
    ended: sum("successes") + sum("failures") + sum("refusals"),
    last: known("last_success").sort().at(-1) ?? null,
  };
}

/** The window of a provider's pools of which least is left, as text; empty where it declares none. */
export function tightest(provider, quota) {
  const own = quota.filter((row) => row.pool === provider.name || row.pool.startsWith(`${provider.name}/`));
  const whole = (row) => row.believed ?? row.limit;
  const [row] = own.sort((a, b) => a.left / whole(a) - b.left / whole(b));
  return row ? { left: row.left / whole(row), text: `${count(row.left)} of ${count(whole(row))} / ${per(row.per)}`, reset: row.reset } : null;
}

function shares(pulse) {
  const answers = Object.values(pulse.counts.by_provider).reduce((a, b) => a + b, 0);
  const turns = pulse.providers.filter((one) => one.tier === "primary" && USABLE.has(one.state));
  const weight = turns.reduce((total, one) => total + one.weight, 0);
  return (provider) => ({
    measured: answers ? (pulse.counts.by_provider[provider.name] ?? 0) / answers : null,
    declared: turns.includes(provider) && weight ? provider.weight / weight : null,
  });
}

function blank(provider) {
  const row = template.cloneNode(true);
  row.dataset.provider = provider.name;
  const head = row.querySelector("th");
  const tier = provider.tier && provider.tier !== "primary" ? ` · ${provider.tier.replaceAll("_", " ")}` : "";
  head.querySelector(".symbol").replaceChildren(...provider.name.split(/(?<=_)/).flatMap((part) => [part, el("wbr")]));
  say(head.querySelector(".name"), provider.version + tier);
  return row;
}

function showShare(row, { measured, declared }) {
  mark(cellOf(row, "share-bar"), "width", `${((measured ?? 0) * 100).toFixed(1)}%`);
  mark(cellOf(row, "weight-bar"), "visibility", declared === null ? "hidden" : "visible");
  mark(cellOf(row, "weight-bar"), "x", `${(Math.min(0.99, declared ?? 0) * 100).toFixed(1)}%`);
  say(cellOf(row, "share"), declared === null ? share(measured) : `${share(measured)} of ${share(declared)} by weight`);
}

function showQuota(row, provider, quota) {
  const found = tightest(provider, quota);
  const left = found?.left ?? provider.quota_left;
  mark(cellOf(row, "quota-bar"), "width", `${((left ?? 0) * 100).toFixed(1)}%`);
  cellOf(row, "quota-bar").classList.toggle("low", left !== null && left < 0.2);
  say(cellOf(row, "quota"), found?.text ?? share(left));
}

function filled(row, provider, pulse, shareOf) {
  const one = together(provider);
  mark(row, "data-state", provider.state);
  say(cellOf(row, "icon"), icons[provider.state] ?? "?");
  say(cellOf(row, "state"), provider.state);
  counting(cellOf(row, "wait"), provider.wait);
  say(cellOf(row, "cause"), provider.cause);
  showShare(row, shareOf(provider));
  showQuota(row, provider, pulse.quota);
  say(cellOf(row, "latency"), milliseconds(one.latency));
  say(cellOf(row, "success"), one.ended ? `${count(one.successes)} of ${count(one.ended)}` : "–");
  aged(cellOf(row, "last"), one.last);
}

export function showProviders(pulse) {
  by("no-provider").hidden = pulse.providers.length > 0;
  by("none-well").hidden = pulse.providers.length === 0 || pulse.providers.some((one) => USABLE.has(one.state));
  if (!template) return;
  const body = table.querySelector("tbody");
  for (const row of body.children) row.dataset.key ??= row.dataset.provider;
  const shareOf = shares(pulse);
  keyed(body, pulse.providers, (one) => one.name, blank, (row, one) => filled(row, one, pulse, shareOf));
}
