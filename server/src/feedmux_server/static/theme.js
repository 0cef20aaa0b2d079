// Light, dark, or as the system is; remembered.

const NAMES = ["system", "light", "dark"];
const root = document.documentElement;
const listeners = new Set();

function remembered() {
  try {
    return localStorage.getItem("theme") ?? "system";
  } catch {
    return "system";
  }
}

function choose(name) {
  if (name === "system") delete root.dataset.theme;
  else root.dataset.theme = name;
  const button = document.getElementById("theme");
  if (button) {
    button.hidden = false;
    document.getElementById("theme-name").textContent = name;
  }
  for (const listener of listeners) listener();
}

/** Hear of every change of colours. */
export const onTheme = (listener) => listeners.add(listener);

/** A colour of the theme by its name. */
export const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

/** Whether the reader wants nothing to move. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

choose(remembered());
document.getElementById("theme")?.addEventListener("click", () => {
  const name = NAMES[(NAMES.indexOf(remembered()) + 1) % NAMES.length];
  try {
    localStorage.setItem("theme", name);
  } catch {
    // a browser that remembers nothing still changes its colours
  }
  choose(name);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => listeners.forEach((one) => one()));
