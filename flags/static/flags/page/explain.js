// Why one person gets what they get, step by step, by the flag as it is being edited.

import { button, h } from "./dom.js";
import { field, input, lines } from "./fields.js";
import { ask } from "./server.js";

const SIGNS = { yes: ["check", "yes"], no: ["close", "no"], skipped: ["remove", "not asked"] };

export function explain(root, { draft, urls }) {
  let [who, more] = ["", []];
  const result = h("div", { "aria-live": "polite" });

  async function run() {
    try {
      show(await ask(urls.explain, { who, more, flag: draft.value }));
    } catch (error) {
      result.replaceChildren(h("p.flag-error", {}, error.message));
    }
  }

  function show({ subject, value, variant, reason, steps, context }) {
    result.replaceChildren(
      h("p", {}, `${subject} gets `, h("strong", {}, variant || "the default of the code"), variant && JSON.stringify(value) !== JSON.stringify(variant) ? ` (${JSON.stringify(value)})` : "", `: ${reason}`),
      h("ol.flag-steps", {}, steps.map(step)),
      h("details.flag-more", {}, h("summary", {}, "What is known of them"), h("dl.flag-facts", {}, context.map(([name, known]) => [h("dt", {}, name), h("dd", {}, known)]))),
    );
  }

  function step({ verdict, text, why, parts = [] }) {
    const [icon, said] = SIGNS[verdict];
    return h(
      "li",
      { "data-verdict": verdict },
      h("span.material-symbols-outlined", { role: "img", "aria-label": said }, icon),
      h("span", {}, text, why && h("span.flag-help", {}, why), parts.length > 0 && h("ol.flag-steps", {}, parts.map(step))),
    );
  }

  const form = h(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        run();
      },
    },
    field("Who", input("", (text) => (who = text), { placeholder: "e-mail or id", list: "flag-people" }), { help: "Empty: somebody who is not signed in." }),
    h("details.flag-more", {}, h("summary", {}, "More about them"), field("Fields", lines([], (values) => (more = values), { placeholder: "appVersion: 2.1.0", rows: 2 }), { help: "One per line, as name: value." })),
    button("Explain", null, { type: "submit" }),
  );
  root.replaceChildren(form, result);
}
