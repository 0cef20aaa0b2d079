// What the server measures of itself, read from its Prometheus text: quantiles out of histograms, and gauges.

const SAMPLE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

/** Every sample: its name, labels and value. */
export function samples(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const [, name, labels, value] = SAMPLE.exec(line) ?? [];
    if (name) found.push({ name, labels: Object.fromEntries([...(labels ?? "").matchAll(LABEL)].map(([, key, one]) => [key, one])), value: Number(value) });
  }
  return found;
}

/** The value of a gauge, null where there is none. */
export const gauge = (all, name) => all.find((one) => one.name === name)?.value ?? null;

/** A quantile of a histogram in seconds, interpolated inside its bucket as Prometheus does; null where nothing was counted. */
export function quantile(all, name, part, wanted = () => true) {
  const counts = new Map();
  for (const one of all) {
    if (one.name !== `${name}_bucket` || !wanted(one.labels)) continue;
    const edge = one.labels.le === "+Inf" ? Infinity : Number(one.labels.le);
    counts.set(edge, (counts.get(edge) ?? 0) + one.value);
  }
  const edges = [...counts].sort((a, b) => a[0] - b[0]);
  const rank = part * (edges.at(-1)?.[1] ?? 0);
  if (!rank) return null;
  const place = edges.findIndex(([, count]) => count >= rank);
  const [low, before] = place > 0 ? edges[place - 1] : [0, 0];
  const [high, count] = edges[place];
  return high === Infinity ? low : low + ((high - low) * (rank - before)) / (count - before);
}
