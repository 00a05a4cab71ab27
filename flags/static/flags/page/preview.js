// Who would get what, worked out by the site while the flag is being edited; nothing is saved.

import { showErrors } from "./errors.js";
import { debounce, h, percentText, plural } from "./dom.js";
import { ask } from "./server.js";

export function preview(root, { draft, urls }) {
  let running = null;

  async function look() {
    running?.abort();
    running = new AbortController();
    root.setAttribute("aria-busy", "true");
    try {
      show(await ask(urls.preview, { flag: draft.value }, running.signal));
      showErrors([]);
    } catch (error) {
      if (error.name === "AbortError") return;
      showErrors(error.errors || []);
      root.replaceChildren(h("p.flag-none", {}, error.errors?.length ? "It can be shown once what is marked is right." : error.message));
    }
    root.setAttribute("aria-busy", "false");
  }

  function show({ people, enabled, parts, moved }) {
    const when = enabled ? "" : "It is off: nobody gets it. Turned on, ";
    const all = people === 1 ? "the one customer" : `${people.toLocaleString("en")} recent customers`;
    root.replaceChildren(
      h("p", {}, people ? `${when}${when ? "of" : "Of"} ${all}:` : "There are no customers yet to show this with."),
      h(
        "div.flag-bar.flag-bar-wide",
        { "aria-hidden": "true" },
        parts.map((part) => h("span.flag-part", { "data-colour": part.colour, style: `inline-size:${part.percent}%` })),
      ),
      h("ul.flag-gets", {}, parts.map(row)),
      h("p.flag-moved", {}, moved === null ? "" : moved ? `${plural(moved, "customer")} would get something else than now.` : "Nobody would get something else than now."),
    );
  }

  const row = ({ text, count, percent, colour, examples }) =>
    h(
      "li",
      {},
      h("span.flag-dot", { "data-colour": colour, "aria-hidden": "true" }),
      h("span", {}, h("strong", {}, count.toLocaleString("en")), ` ${text} (${percentText(percent)})`),
      h("span.flag-examples", {}, examples.join(", "), examples.length && count > examples.length ? ", …" : ""),
    );

  draft.onChange(debounce(look, 250));
  return { look };
}
