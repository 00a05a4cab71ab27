// What the site finds wrong, beside what causes it.

export function clearErrors() {
  for (const element of document.querySelectorAll("[data-place] .flag-error")) element.textContent = "";
  for (const element of document.querySelectorAll("[data-place] [aria-invalid]")) element.removeAttribute("aria-invalid");
}

// Shows each error [{ place, message }] as near as it can; returns those that have no place on the page.
export function showErrors(errors) {
  clearErrors();
  return errors.filter(({ place, message }) => {
    const home = nearest(place);
    if (!home) return true;
    const line = home.querySelector(":scope > .flag-error") || home.querySelector(".flag-error");
    line.textContent = line.textContent ? `${line.textContent} ${message}` : message;
    home.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
    return false;
  });
}

// The first control that is wrong, with its tab opened.
export function firstError(openTab) {
  const wrong = document.querySelector("[data-place] [aria-invalid]");
  if (!wrong) return;
  openTab(wrong.closest("[role=tabpanel]"));
  wrong.closest("details")?.setAttribute("open", "");
  wrong.focus();
}

// rules[0].constraints[1].values → … → rules[0] → rules.
function nearest(place) {
  for (let at = place; at; at = shorter(at)) {
    const home = document.querySelector(`[data-place="${CSS.escape(at)}"]`);
    if (home?.querySelector(".flag-error")) return home;
  }
  return null;
}

const shorter = (place) => place.slice(0, Math.max(place.lastIndexOf("."), place.lastIndexOf("["), 0));
