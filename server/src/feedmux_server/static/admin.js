// What whoever has the admin token may do. The token is kept in this page only, until it is left.

import { by, el, say } from "./element.js";
import { Refused, fetched, offers } from "./request.js";

const SURE = 5_000;
const ACTIONS = { disable: "Disable", enable: "Enable", reset: "Clear cool-down" };
const token = el("input", { type: "password", autocomplete: "off", id: "admin-token", spellcheck: "false" });
const which = el("select", { id: "admin-provider" });
const force = el("input", { type: "checkbox" });
const told = el("p", { role: "status", class: "empty" });

async function done(path, words) {
  if (!token.value) {
    say(told, "Type the admin token first.");
    return token.focus();
  }
  try {
    await fetched(path, { method: "POST", headers: { authorization: `Bearer ${token.value}` } });
    return say(told, `${words}: done.`);
  } catch (error) {
    return say(told, error instanceof Refused ? error.message : "The server was not reached.");
  }
}

/** A button that acts when it is pressed a second time within five seconds. */
function asked(title, act) {
  const button = el("button", { type: "button", class: "quiet" }, title);
  let timer = 0;
  const calm = () => {
    clearTimeout(timer);
    delete button.dataset.sure;
    say(button, title);
  };
  button.addEventListener("click", () => {
    if (button.dataset.sure) {
      calm();
      return act();
    }
    button.dataset.sure = "yes";
    say(told, `Press again to confirm: ${title}.`);
    say(button, `${title}: sure?`);
    timer = setTimeout(calm, SURE);
    return undefined;
  });
  return button;
}

/** Let any provider that there is be chosen. */
export function showChoices(pulse) {
  const names = pulse.providers.map((one) => one.name);
  if ([...which.options].map((one) => one.value).join() === names.join()) return;
  which.replaceChildren(...names.map((name) => el("option", {}, name)));
}

export function begin() {
  const place = by("admin-body");
  if (!offers.has("admin")) {
    place.replaceChildren(el("p", { class: "empty" }, "This server has no administration."));
    return;
  }
  const form = el("form", {}, el("label", { for: "admin-token" }, "Token"), token);
  form.addEventListener("submit", (event) => event.preventDefault());
  const actions = Object.entries(ACTIONS).map(([action, title]) =>
    asked(title, () => done(`/v1/admin/providers/${encodeURIComponent(which.value)}/${action}${action === "reset" && force.checked ? "?force=true" : ""}`, `${title} ${which.value}`)),
  );
  place.replaceChildren(
    form,
    el("div", { class: "actions" }, el("label", { for: "admin-provider" }, "Provider"), which, ...actions),
    el("label", { class: "tick" }, force, " clear it also where the provider asked to be left alone"),
    el("div", { class: "actions" }, asked("Empty the cache", () => done("/v1/admin/cache/clear", "Empty the cache")), asked("Reload the settings", () => done("/v1/admin/reload", "Reload the settings"))),
    told,
  );
}

