// Elements made and changed: text only, never markup, and only where it differs.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const el = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

export const by = (id) => document.getElementById(id);

/** Put text into an element where it is another; gives back the element. */
export function say(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
  return node;
}

/** Set an attribute where it is another. */
export function mark(node, name, value) {
  if (node && node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** Say what is wrong in a place that hides where nothing is. */
export function trouble(node, text) {
  node.hidden = !text;
  say(node, text);
}

/** A list of terms with their values. */
export const pairs = (found, kind = "pairs") =>
  el("dl", { class: kind }, ...found.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));

/** Keep one node an item, in the items' order: `make(item)` gives a node, `show(node, item)` fills it. */
export function keyed(place, items, key, make, show) {
  const before = new Map([...place.children].map((node) => [node.dataset.key, node]));
  items.forEach((item, index) => {
    const name = key(item);
    let node = before.get(name);
    if (node) before.delete(name);
    else {
      node = make(item);
      node.dataset.key = name;
    }
    show(node, item);
    if (place.children[index] !== node) place.insertBefore(node, place.children[index] ?? null);
  });
  for (const gone of before.values()) gone.remove();
}
