// The status drawer: opens, closes, keeps the focus where it belongs, and fills itself while it is open.

import { begin as beginAdmin } from "./admin.js";
import { by, mark, say, trouble } from "./element.js";
import { local } from "./format.js";
import { samples } from "./metrics.js";
import { fetched, offers, text } from "./request.js";
import { showSections } from "./sections.js";

const dialog = by("status");
const opener = by("opener");
const wide = matchMedia("(min-width: 80rem)");
const ICONS = { all: "●", some: "◐", none: "■" };
const MEASURE_EVERY = 10_000;
let filling = false;
let measured = { at: -Infinity, samples: [] };

/** The server's metrics, asked for every ten seconds at most: they are long. */
async function metrics() {
  if (offers.has("metrics") && performance.now() - measured.at > MEASURE_EVERY) measured = { at: performance.now(), samples: samples(await text("/metrics")) };
  return measured.samples;
}

function display() {
  if (wide.matches) dialog.show();
  else dialog.showModal();
}

export function open() {
  if (dialog.open) return;
  display();
  document.body.classList.add("with-drawer");
  mark(opener, "aria-expanded", "true");
  history.replaceState(null, "", "#status");
  by("drawer-title").focus();
  fill();
}

function closed() {
  document.body.classList.remove("with-drawer");
  mark(opener, "aria-expanded", "false");
  if (location.hash === "#status") history.replaceState(null, "", location.pathname + location.search);
  opener.focus();
}

/** Ask the server about itself, and show it. */
export async function fill(pulse = null) {
  if (!dialog.open || filling) return;
  filling = true;
  try {
    showSections(...(await Promise.all([pulse ?? fetched("/status.json"), fetched("/api/system/status"), metrics()])));
    trouble(by("drawer-trouble"), "");
    say(by("drawer-updated"), local(new Date()));
  } catch (error) {
    trouble(by("drawer-trouble"), `Not up to date: ${error.message}`);
  } finally {
    filling = false;
  }
}

async function refresh() {
  const button = by("drawer-refresh");
  mark(button, "aria-busy", "true");
  button.classList.add("busy");
  await fill();
  button.classList.remove("busy");
  mark(button, "aria-busy", "false");
}

/** The opener says how many are well, and who listens hears of it: its words change only with a state. */
export function summarise(pulse) {
  const well = pulse.providers.filter((one) => one.state === "open").length;
  const all = pulse.providers.length;
  const health = well === all ? "all" : well > 0 ? "some" : "none";
  const words = `${well} of ${all} providers open`;
  if (by("summary").textContent !== words) say(by("announced"), words);
  say(by("summary"), words);
  mark(by("opener-icon"), "data-health", health);
  say(by("opener-icon"), ICONS[health]);
}

function fold(button) {
  const opened = button.getAttribute("aria-expanded") !== "true";
  mark(button, "aria-expanded", opened);
  by(button.getAttribute("aria-controls")).hidden = !opened;
}

/** Tab goes round inside while the rest of the page is out of reach. */
function keepInside(event) {
  if (event.key !== "Tab" || wide.matches) return;
  const found = [...dialog.querySelectorAll("button, a[href], input, select, summary")].filter((node) => !node.disabled && node.checkVisibility());
  const [first, last] = [found[0], found.at(-1)];
  const at = document.activeElement;
  if (event.shiftKey && (at === first || at === by("drawer-title"))) last.focus();
  else if (!event.shiftKey && at === last) first.focus();
  else return;
  event.preventDefault();
}

const typing = (node) => node.closest("input, select, textarea, [contenteditable]") !== null;

function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "s") open();
  else if (event.key === "Escape" && dialog.open && wide.matches) dialog.close();
  else return;
  event.preventDefault();
}

export function begin() {
  opener.hidden = false;
  opener.addEventListener("click", () => (dialog.open ? dialog.close() : open()));
  by("drawer-close").addEventListener("click", () => dialog.close());
  by("drawer-refresh").addEventListener("click", refresh);
  dialog.addEventListener("close", () => dialog.dataset.turning || closed());
  dialog.addEventListener("keydown", keepInside);
  dialog.querySelectorAll(".fold h3 button").forEach((button) => button.addEventListener("click", () => fold(button)));
  document.addEventListener("keydown", keyed);
  addEventListener("hashchange", () => location.hash === "#status" && open());
  wide.addEventListener("change", turn);
  beginAdmin();
  if (location.hash === "#status") open();
}

/** The window grew or shrank: the open drawer changes from above the page to beside it, or back. */
function turn() {
  if (!dialog.open) return;
  dialog.dataset.turning = "yes";
  dialog.addEventListener("close", () => delete dialog.dataset.turning, { once: true });
  dialog.close();
  display();
}
