// Tabs as the ARIA practices have them: arrows move, Home and End jump; the address remembers which is open.

export function tabs(list) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

  function open(tab, { focus = false, remember = true } = {}) {
    for (const each of all) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
      panelOf(each).hidden = each !== tab;
    }
    tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focus) tab.focus();
    if (remember) history.replaceState(null, "", `#${tab.dataset.name}`);
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) open(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    open(all[(to + all.length) % all.length], { focus: true });
  });
  const named = () => all.find((tab) => `#${tab.dataset.name}` === location.hash);
  window.addEventListener("hashchange", () => named() && open(named()));
  open(named() || all[0], { remember: false });
  return { open: (panel) => panel && open(all.find((tab) => panelOf(tab) === panel)) };
}
