// Keeps the page current: asks for prices and providers, and changes only the cells that differ.

const EVERY = 5_000;
const PATIENCE = 10_000;
const UNKNOWN = "–";
const prices = document.getElementById("prices");
const providers = document.getElementById("providers");
const live = document.getElementById("live");
const icons = Object.fromEntries(
  [...document.querySelectorAll(".legend li")].map((item) => [item.dataset.state, item.querySelector(".icon").textContent]),
);
let heard = Date.now();
let failures = 0;
let timer = 0;

const fixed = (value, digits) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

function price(value) {
  if (value === null || value === undefined) return UNKNOWN;
  if (value >= 100) return fixed(value, 2);
  return value >= 1 ? fixed(value, 4) : String(Number(value.toPrecision(6)));
}

const percent = (value) => (value === null || value === undefined ? UNKNOWN : `${value < 0 ? "-" : "+"}${fixed(Math.abs(value), 2)} %`);
const share = (value) => (value === null || value === undefined ? UNKNOWN : `${Math.round(value * 100)} %`);
const milliseconds = (value) => (value === null || value === undefined ? UNKNOWN : `${fixed(value * 1000, 0)} ms`);

function show(row, name, text) {
  const cell = row.querySelector(`[data-cell="${name}"]`);
  if (cell && cell.textContent !== text) cell.textContent = text;
  return cell;
}

function moved(cell, before, now) {
  if (before === undefined || before === now) return;
  cell.classList.remove("rose", "fell");
  void cell.offsetWidth; // restarts the animation
  cell.classList.add(now > before ? "rose" : "fell");
}

function showQuote(row, quote) {
  const cell = show(row, "price", price(quote.price));
  moved(cell, row.price, quote.price);
  row.price = quote.price;
  const change = show(row, "change", percent(quote.change_pct_24h));
  if (quote.change_pct_24h === null) delete change.dataset.sign;
  else change.dataset.sign = quote.change_pct_24h >= 0 ? "up" : "down";
  show(row, "range", quote.low_24h && quote.high_24h ? `${price(quote.low_24h)} – ${price(quote.high_24h)}` : UNKNOWN);
  if (quote.name) show(row, "name", quote.name);
  show(row, "source", quote.provider);
  row.querySelector('[data-cell="stale"]').hidden = !quote.stale;
  const observed = new Date(quote.observed_at);
  show(row, "observed", `${observed.toISOString().slice(11, 19)} UTC`).title = observed.toISOString();
}

function showQuotes(answer) {
  for (const quote of answer.items) {
    const row = prices.querySelector(`[data-symbol="${CSS.escape(quote.symbol)}"]`);
    if (row) showQuote(row, quote);
  }
  for (const [symbol, why] of Object.entries(answer.missing)) {
    const row = prices.querySelector(`[data-symbol="${CSS.escape(symbol)}"]`);
    if (row) show(row, "source", why.reason);
  }
  document.getElementById("attribution").textContent = answer.attribution.join(" · ");
}

function showProviders(found) {
  const rows = [...providers.querySelectorAll("tbody tr")];
  if (rows.map((row) => row.dataset.provider).join() !== found.map((one) => one.name).join()) return location.reload();
  rows.forEach((row, index) => {
    const one = found[index];
    const member = one.members[0] ?? {};
    row.dataset.state = one.state;
    show(row, "icon", icons[one.state] ?? "?");
    show(row, "state", one.state);
    show(row, "cause", one.wait === null ? one.cause : `${one.cause} (${Math.ceil(one.wait)} s left)`);
    show(row, "success", share(member.success_share));
    show(row, "latency", milliseconds(member.latency));
    show(row, "quota", share(one.quota_left));
    row.querySelector("meter").value = one.quota_left ?? 0;
  });
  const open = found.filter((one) => one.state === "open").length;
  const summary = `${open} of ${found.length} open`;
  const place = document.getElementById("summary");
  if (place.textContent !== summary) place.textContent = summary;
}

async function fetched(path) {
  const reply = await fetch(path, { signal: AbortSignal.timeout(PATIENCE) });
  const body = await reply.json();
  if (reply.ok) return body;
  throw Object.assign(new Error(`${body.title}: ${body.detail}`), { told: true });
}

function trouble(text) {
  const place = document.getElementById("trouble");
  place.hidden = !text;
  if (place.textContent !== text) place.textContent = text;
}

function mark(state, text) {
  live.parentElement.dataset.live = state;
  if (live.textContent !== text) live.textContent = text;
}

async function refreshPrices() {
  try {
    showQuotes(await fetched(`/v1/quotes?symbols=${prices.dataset.symbols}`));
    trouble("");
  } catch (error) {
    if (!error.told) throw error;
    trouble(error.message);
  }
}

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    await Promise.all([refreshPrices(), providers && fetched("/v1/providers").then((body) => showProviders(body.providers))]);
    heard = Date.now();
    failures = 0;
    mark("live", "live");
  } catch {
    failures += 1;
    mark("lost", `not reached for ${Math.round((Date.now() - heard) / 1000)} s; trying again`);
  }
  timer = setTimeout(refresh, Math.min(60_000, EVERY * 2 ** Math.min(failures, 4)) * (0.9 + Math.random() * 0.2));
}

document.addEventListener("visibilitychange", refresh);
refresh();
