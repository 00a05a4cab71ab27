// Changes that wait: made here from what is being edited, approved or called off in their list.

import { announce, button, h, iconButton } from "./dom.js";
import { field, input, moment, select } from "./fields.js";
import { ask } from "./server.js";

const HOUR = 3_600_000;

export function planning(root, { draft, urls, adoptSaved, refresh }) {
  root.replaceChildren(
    button("Plan a change…", () => open(changeForm())),
    button("Plan a ramp…", () => open(rampForm())),
  );

  function open({ title, about, body, send }) {
    let why = "";
    const trouble = h("p.flag-error", { role: "alert" });
    const go = async (event) => {
      event.preventDefault();
      trouble.textContent = "";
      try {
        const { note } = await send(why);
        dialog.close();
        announce(note);
        refresh(note);
      } catch (error) {
        trouble.textContent = [error.message, ...(error.errors || []).map(({ message }) => message)].filter((text, at, all) => all.indexOf(text) === at).join(" ");
      }
    };
    const dialog = h(
      "dialog.flag-dialog",
      { "aria-labelledby": "flag-plan-title", onclose: () => dialog.remove() },
      h(
        "form",
        { onsubmit: go },
        h("h2", { id: "flag-plan-title" }, title),
        h("p.flag-help", {}, about),
        body,
        field("Why", input("", (text) => (why = text), { maxlength: 200, required: draft.base.protected })),
        trouble,
        h("menu", {}, button("Cancel", () => dialog.close()), button("Plan it", null, { look: "main", type: "submit" })),
      ),
    );
    root.append(dialog);
    dialog.showModal();
  }

  function changeForm() {
    const edited = draft.changed().length > 0;
    let [what, at] = [edited ? "edits" : draft.base.enabled ? "off" : "on", later(1)];
    const choices = [...(edited ? [["edits", "Save what is edited here"]] : []), ["on", "Turn it on"], ["off", "Turn it off"], ...(edited ? [["both", "Save what is edited, and turn it on"]] : [])];
    const patches = { edits: () => draft.patch(), on: () => ({ enabled: true }), off: () => ({ enabled: false }), both: () => ({ ...draft.patch(), enabled: true }) };
    return {
      title: "Plan a change",
      about: "It is made at that moment, unless somebody changes the flag before.",
      body: [field("What", select(choices, what, (value) => (what = value))), field("When (UTC)", moment(at, (value) => (at = value), { required: true }))],
      send: async (reason) => {
        const answer = await ask(urls.plan, { patch: patches[what](), at, version: draft.version, reason });
        if (what === "edits" || what === "both") adoptSaved(); // what was typed is in the plan now
        return answer;
      },
    };
  }

  function rampForm() {
    const steps = [5, 25, 50, 100].map((percent, index) => ({ percent, at: later(1 + index * 24) }));
    const list = h("ol.flag-ramp");
    const draw = () =>
      list.replaceChildren(
        ...steps.map((step, index) =>
          h(
            "li",
            {},
            input(step.percent, (text) => (step.percent = Number(text)), { type: "number", min: 0, max: 100, step: 0.001, class: "flag-input flag-number", "aria-label": `Percent of step ${index + 1}` }),
            h("span", {}, "% on"),
            moment(step.at, (value) => (step.at = value), { required: true, "aria-label": `Moment of step ${index + 1} (UTC)` }),
            iconButton("close", `Remove step ${index + 1}`, () => (steps.splice(index, 1), draw())),
          ),
        ),
      );
    draw();
    const add = () => {
      const last = steps.at(-1);
      steps.push({ percent: 100, at: last?.at ? new Date(Date.parse(last.at) + 24 * HOUR).toISOString() : later(1) });
      draw();
    };
    return {
      title: "Plan a ramp",
      about: "The flag is turned on with the first step, for the given part of everybody whom no other rule fits. Each step waits for the one before it; one approval counts for all.",
      body: [list, button("+ Step", add, { look: "bare" })],
      send: (reason) => ask(urls.ramp, { steps: steps.map(({ percent, at }) => [percent, at]), version: draft.version, reason }),
    };
  }
}

// A full hour from now on.
function later(hours) {
  return new Date(Math.ceil(Date.now() / HOUR) * HOUR + (hours - 1) * HOUR).toISOString();
}
