// The route of an answer as a picture: from the question past everybody who was considered, to the answer.

import { svg } from "./element.js";
import { duration, milliseconds } from "./format.js";

const ROW = 52;
const BOX = 42;
const END = 18;
const WIDEST = 460;
const ENDINGS = { answered: ["✓", "answer"], failed: ["✕", "no answer"], planned: ["…", "planned"] };
const GOOD = new Set(["answered", "answered in part"]);

const waiting = (wait) => (wait === null || wait === undefined ? "" : `, ${duration(wait)} left`);

/** One stop for the cache, one for each who was considered; those skipped alike stand together. */
function stops(trace, planned) {
  const found = new Map();
  const put = (name, kind, said) => found.set(name, { name, kind, said });
  const hits = trace.filter((step) => step.event === "cached");
  if (hits.length) {
    const held = hits.filter((step) => step.state === "hit");
    const words = [...new Set(hits.map((step) => step.state))].map((state) => `${hits.filter((step) => step.state === state).length} ${state}`);
    put("cache", held.length ? "gave" : "skipped", words.join(", ") + (held.length ? `, ${duration(Math.max(...held.map((one) => one.age ?? 0)))} old` : ""));
  }
  for (const step of trace) {
    if (step.event === "joined") put("a flight under way", "gave", `joined for ${step.what}`);
    else if (step.event === "skipped") put(step.member, "skipped", (step.detail || step.reason) + waiting(step.wait));
    else if (step.event === "considered") step.members.forEach((name, index) => put(name, "left", (planned ? `would be asked, number ${index + 1}` : "not needed") + (name in step.slow ? "; slow, so last" : "")));
    else if (step.event === "tried") put(step.member, GOOD.has(step.result) ? "gave" : "failed", `${step.result} ${step.got} of ${step.asked} · ${milliseconds(step.seconds)}${step.detail ? ` · ${step.detail}` : ""}`);
    else if (step.event === "served_stale") put("cache", "gave", `stale, ${duration(step.age)} old`);
  }
  return merged([...found.values()]);
}

function merged(all) {
  const found = [];
  for (const stop of all) {
    const [family] = stop.name.split("/");
    const twin = stop.kind === "skipped" && stop.name.includes("/") && found.find((one) => one.family === family && one.said === stop.said);
    if (twin) twin.names.push(stop.name);
    else found.push({ ...stop, family, names: [stop.name] });
  }
  const order = { failed: 0, gave: 0, left: 1, skipped: 2 };
  return found
    .map((one) => ({ ...one, name: one.names.length > 1 ? `${one.family} (${one.names.length} members)` : one.name }))
    .sort((a, b) => (a.family === "cache" ? -1 : b.family === "cache" ? 1 : order[a.kind] - order[b.kind]));
}

const cut = (text, width) => (text.length * 6.6 > width ? `${text.slice(0, Math.max(3, Math.floor(width / 6.6) - 1))}…` : text);

const way = (kind, x, y, u, v) => svg("path", { class: `way ${kind}`, d: `M${x} ${y}C${(x + u) / 2} ${y} ${(x + u) / 2} ${v} ${u} ${v}` });

function end(x, y, glyph, word, kind = "") {
  return [svg("circle", { class: `end ${kind}`, cx: x, cy: y, r: END }), svg("text", { class: "glyph", x, y: y + 6 }, glyph), svg("text", { class: "under", x, y: y + END + 16 }, word)];
}

function stop(one, x, y, width) {
  const room = width - 20;
  return svg(
    "g",
    {},
    svg("title", {}, `${one.names.join(", ")}: ${one.said}`),
    svg("rect", { class: `stop ${one.kind}`, x, y, width, height: BOX, rx: 8 }),
    svg("text", { x: x + 10, y: y + 17 }, cut(one.name, room)),
    svg("text", { class: "said", x: x + 10, y: y + 33 }, cut(one.said, room)),
  );
}

/** Draw a trace `width` pixels wide; `ending` is what became of the question: answered, failed or planned. */
export function drawn(trace, width, ending) {
  const planned = ending === "planned";
  const found = stops(trace, planned);
  const side = width < 520 ? 46 : 60;
  const gap = Math.max(22, Math.min((width - 2 * side - WIDEST) / 2, width / 5));
  const box = Math.min(WIDEST, width - 2 * (side + gap));
  const [left, right] = [(width - box) / 2, (width + box) / 2];
  const height = Math.max(2, found.length) * ROW + 8;
  const middle = height / 2 - 8;
  const ways = [];
  const boxes = [];
  found.forEach((one, index) => {
    const y = 4 + index * ROW;
    const centre = y + BOX / 2;
    const taken = one.kind === "gave" ? "tried" : one.kind;
    ways.push(way(taken, side - END + 2 * END - 16, middle, left, centre));
    if (one.kind === "gave") ways.push(way(planned ? "tried" : "gave", right, centre, width - side, middle));
    else if (planned && one.kind === "left") ways.push(way("left", right, centre, width - side, middle));
    boxes.push(stop(one, left, y, right - left));
  });
  const ends = [...end(side - 16, middle, "?", "question"), ...end(width - side + 16, middle, ...ENDINGS[ending], ending)];
  const label = found.map((one) => `${one.name}: ${one.said}`).join("; ");
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": `The route. ${label}` }, ...ways, ...boxes, ...ends);
}
