"""The little that the page itself must remember: which tab, what is unfolded, what was guessed.

Addresses: `#race`, `#sizes`, `#roofline`, `#einsum` and `#interrogator` open a tab, reload keeps it
and Back returns to the one before; `?race=…` alone opens the race, as it always did. A chart is
drawn anew with each result, so what was unfolded, chosen or focused in it is restored.
"""

from __future__ import annotations

SCRIPT = """() => {
  const inner = {race: "ladder", sizes: "sizes", roofline: "roofline", einsum: "einsum"};
  const outer = name => name in inner ? "race" : "interrogator";
  const tab = id => document.querySelector(`[role="tab"][data-tab-id="${id}"]`);
  const asked = () => location.hash.slice(1)
    || (new URLSearchParams(location.search).has("race") ? "race" : "");
  const open = (id, tries) => {
    const found = tab(id);
    if (found && found.getAttribute("aria-selected") !== "true") found.click();
    if (!found && tries) setTimeout(() => open(id, tries - 1), 100);
  };
  const follow = name => {
    open(outer(name), 50);
    if (name in inner) open(inner[name], 50);
  };
  if (asked()) setTimeout(() => follow(asked()), 100);
  addEventListener("popstate", () => follow(asked()));
  document.addEventListener("click", event => {
    const chosen = event.isTrusted && event.target.closest?.('[role="tab"]')?.dataset.tabId;
    if (!chosen) return;
    let name = Object.keys(inner).find(key => inner[key] === chosen) || chosen;
    if (chosen === "race")
      name = Object.keys(inner).find(
        key => tab(inner[key])?.getAttribute("aria-selected") === "true") || "race";
    if ((name in inner || name === "interrogator") && name !== asked())
      history.pushState(null, "", "#" + name);
  }, true);
  const unfolded = {}, guesses = {};
  let focused = "";
  document.addEventListener("toggle", event => {
    const key = event.target.dataset?.keep;
    if (key && event.target.isConnected) unfolded[key] = event.target.open;
  }, true);
  document.addEventListener("change", event => {
    if (!event.target.name?.startsWith("guess-")) return;
    guesses[event.target.name] = event.target.value;
    const order = event.target.closest("[data-order]");
    if (!order) return;
    const chosen = [...order.querySelectorAll("input:checked")];
    const other = chosen.find(one => one !== event.target && one.value === event.target.value);
    if (!other) return; // else it gets the place that is free now
    const free = [...order.querySelectorAll(`input[name="${other.name}"]`)].find(
      one => !chosen.some(taken => taken.value === one.value));
    free.checked = true;
    guesses[other.name] = free.value;
  });
  document.addEventListener("click", event => {
    if (innerWidth <= 640 && event.target.closest?.("#race-start"))
      document.querySelector(".race")?.scrollIntoView();
  });
  document.addEventListener("focusin", event => {
    focused = event.target.matches?.("summary") && event.target.parentNode.dataset.keep || "";
  });
  new MutationObserver(changes => {
    if (!changes.some(change => change.addedNodes.length)) return;
    for (const one of document.querySelectorAll("details[data-keep]")) {
      const key = one.dataset.keep;
      if (key in unfolded && one.open !== unfolded[key]) one.open = unfolded[key];
      if (key === focused && document.activeElement === document.body)
        one.querySelector("summary").focus({preventScroll: true});
    }
    for (const name in guesses) {
      const one = document.querySelector(`input[name="${name}"][value="${guesses[name]}"]`);
      if (one && !one.checked) one.checked = true;
    }
  }).observe(document.body, {childList: true, subtree: true});
}"""
