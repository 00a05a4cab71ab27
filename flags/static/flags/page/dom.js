// Elements, and the few words that all parts of the page share.

const PROPERTIES = new Set(["value", "checked", "disabled", "selected"]);
let numbers = 0;

// h("p.note", { title: "…", onclick: f }, "text", child): an element.
export function h(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  return element;
}

export const uniqueId = () => `flag-${(numbers += 1)}`;

export const percentText = (percent) => `${Number(Number(percent).toFixed(3))} %`;

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

// Said to those who do not see the page.
export function announce(text) {
  document.getElementById("flag-announcements").textContent = text;
}

export function debounce(action, milliseconds) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}

export function button(text, onclick, { look = "", label = null, ...more } = {}) {
  return h("button.flag-button", { type: "button", "data-look": look, "aria-label": label, title: label, onclick, ...more }, text);
}

// A button that only shows a sign, and is called by its label.
export const iconButton = (icon, label, onclick, more = {}) =>
  button(h("span.material-symbols-outlined", { "aria-hidden": "true" }, icon), onclick, { look: "bare", label, ...more });
