// Numbers and times as people read them, in the same words as the server's own pages.

export const UNKNOWN = "–";
const absent = (value) => value === null || value === undefined;

export const fixed = (value, digits) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const count = (value) => (absent(value) ? UNKNOWN : fixed(value, 0));

export function price(value) {
  if (absent(value)) return UNKNOWN;
  if (value >= 100) return fixed(value, 2);
  return value >= 1 ? fixed(value, 4) : String(Number(value.toPrecision(6)));
}

export const percent = (value) =>
  absent(value) ? UNKNOWN : `${value < 0 ? "-" : "+"}${fixed(Math.abs(value), 2)} %`;

export const share = (value) => (absent(value) ? UNKNOWN : `${Math.round(value * 100)} %`);

export const milliseconds = (seconds) => {
  if (absent(seconds)) return UNKNOWN;
  return seconds < 0.01 ? `${fixed(seconds * 1000, 2)} ms` : `${fixed(seconds * 1000, 0)} ms`;
};

export function compact(value) {
  return absent(value) ? UNKNOWN : new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 }).format(value);
}

/** A length of time in its two largest units: `1 min 12 s`. */
export function duration(seconds) {
  if (absent(seconds)) return UNKNOWN;
  const left = Math.max(0, Math.round(seconds));
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.floor(left / 60)} min ${left % 60} s`;
  if (left < 86400) return `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} min`;
  return `${Math.floor(left / 86400)} d ${Math.floor((left % 86400) / 3600)} h`;
}

/** A window's length as a word: 60 is `min`. */
export function per(seconds) {
  const named = { 1: "s", 60: "min", 3600: "h", 86400: "day", 604800: "week", 2678400: "month", 2592000: "month" };
  return named[seconds] ?? duration(seconds);
}

/** The time of day where the reader is. */
export const local = (date) => date.toLocaleTimeString("en-GB");

/** Both zones, for a title: the reader's and UTC. */
export const both = (date) => `${date.toLocaleString("en-GB")} here · ${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
