// The first tab in the browser: what a click on a phrase does, undo and redo, what is remembered,
// and what Gradio's markup lacks. It runs when the phrases' component is ready; `element`,
// `trigger` and `server` are Gradio's. Texts from outside are set as text, never as HTML.

const SHORTEST_PAUSE = 120; // milliseconds without a key before a prompt is scored
const FOLDS = "workbench-folds"; // where the browser keeps which folds are open
const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const same = (one, other) => one.toLowerCase() === other.toLowerCase();

function made(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// ---- what a picture's visitor keeps, leaves out, bans and says: one state after the other ----

const past = [], future = [];
let wanted = null; // the change that the next `apply` makes

const bans = (text) => text.split(/[,\n]/).map((word) => word.trim()).filter(Boolean);
const unquoted = (word) => word.replace(/^"(.*)"$/, "$1");
const without = (list, text) => list.filter((one) => !same(unquoted(one), text));

const CHANGES = {
  keep: (now, text) => ({ ...now, pinned: [...without(now.pinned, text), text], dropped: without(now.dropped, text) }),
  free: (now, text) => ({ ...now, pinned: without(now.pinned, text) }),
  drop: (now, text) => ({ ...now, dropped: [...without(now.dropped, text), text], pinned: without(now.pinned, text) }),
  ban: (now, text) => ({
    ...now, pinned: without(now.pinned, text),
    banned: [...without(bans(now.banned), text), text].join(", "),
  }),
  swap: (now, text, other) => CHANGES.keep(CHANGES.drop(now, text), other),
  dropped: (now, text) => ({ ...now, dropped: without(now.dropped, text) }),
  banned: (now, text) => ({ ...now, banned: without(bans(now.banned), text).join(", ") }),
  caption: (now, text) => ({ ...now, caption: text }),
};

function change(kind, ...texts) {
  closeMenu();
  wanted = [kind, ...texts];
  trigger("apply");
}

// Called by Gradio with the values of four components; returns their new ones.
function apply(pinned, dropped, banned, caption) {
  const now = { pinned: pinned ?? [], dropped: dropped ?? [], banned: banned ?? "", caption: caption ?? "" };
  const [kind, ...texts] = wanted ?? [];
  wanted = null;
  let next = now;
  if (kind === "undo" && past.length) {
    future.push(now);
    next = past.pop();
  } else if (kind === "redo" && future.length) {
    past.push(now);
    next = future.pop();
  } else if (CHANGES[kind]) {
    past.push(now);
    future.length = 0;
    next = CHANGES[kind](now, ...texts);
  }
  return [next.pinned, next.dropped, next.banned, next.caption];
}

// ---- what was found before: results of this browser, and one of them put back ----

let task = null; // what is to be done with the history when Gradio hands it over
let chosen = null; // the result to be put back

function editHistory(kind, place) {
  if (kind in EXPORTS) return EXPORTS[kind](place === null ? found : [found[place]]);
  if (kind === "restore") {
    chosen = found[place];
    return trigger("restore");
  }
  task = (kept) => (place === null ? [] : kept.toSpliced(place, 1));
  trigger("remember");
}

async function remember(result) {
  const picture = await pictureOf(find("#picture img"));
  const entry = { ...result, time: Date.now(), picture };
  const known = (one) => one.prompt === entry.prompt && one.picture === picture;
  task = (kept) => [entry, ...kept.filter((one) => !known(one))].slice(0, MOST_KEPT);
  trigger("remember");
}

// Called by Gradio with what the browser keeps; returns what it is to keep.
function keptNow(before) {
  const now = task ? task(before ?? []) : [...(before ?? [])];
  task = null;
  showHistory(now);
  return now;
}

function showHistory(now) {
  found.splice(0, found.length, ...(now ?? []));
  drawHistory(find("#result"), editHistory);
}

// Called by Gradio; returns the picture, the emptied result with the kept texts, no choices.
function restored() {
  const { picture, prompt, negative, caption } = chosen;
  target = AS_IT_IS;
  useSettings(null); // nobody knows with which it was written
  const file = picture && { path: null, url: picture, meta: { _type: "gradio.FileData" } };
  setTimeout(() => trigger("typed"), SHORTEST_PAUSE); // the prompt is scored as if it were typed
  return [file, "", prompt, negative ?? "", caption, "", "", "", "", [], [], "", AS_IT_IS];
}

// ---- what the prompt is written for ----

const AS_IT_IS = "plain";
let target = AS_IT_IS;
const form = (name) => JSON.parse(find("#phrases [data-written]")?.dataset.written ?? "{}")[name];

// Called by Gradio; returns the prompt and the negative prompt in a target's form.
function written(name) {
  target = name ?? AS_IT_IS;
  const { text, negative } = form(target) ?? { text: find("#prompt textarea").value, negative: "" };
  refresh();
  return [text, negative];
}

// Called by Gradio when a run has ended; what was chosen meanwhile is what it is written for.
async function rewritten(name) {
  await new Promise(requestAnimationFrame); // the result is drawn
  const begun = find("#phrases [data-for]")?.dataset.for;
  return begun && JSON.parse(begun) !== name ? written(name) : [UNCHANGED, UNCHANGED];
}

// Called by Gradio: what is written for is remembered, with the rest of the settings.
function recalled(choices) {
  const values = recalledSettings(choices);
  if (choices.target.includes(values.target)) target = values.target;
  return [...Object.values(values), values.name_artists === "none"];
}

function sayLengths() {
  const negative = find("#negative textarea");
  if (negative) negative.placeholder = inLanguage(form(target)?.instead ?? "");
  const line = find("#target .info-text");
  const said = form(target)?.said ?? "";
  if (line && line.dataset.said !== said) {
    line.textContent = said;
    line.dataset.said = said;
  }
}

// ---- where in the picture a phrase is ----

let phraseToFind = "";

function lookFor(phrase) {
  closeMenu(true);
  phraseToFind = phrase;
  trigger("where");
}

// Scroll what stands outside the window into it, at once where motion is not wanted.
function bringIntoView(node, block = "start") {
  const box = node.getBoundingClientRect();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (box.top < 0 || box.bottom > innerHeight)
    node.scrollIntoView({ block, behavior: still ? "auto" : "smooth" });
}

const showPlace = () => {
  const map = find("#where img");
  const show = () => find("#where > *") && bringIntoView(find("#where"), "nearest");
  map ? map.decode().then(show, show) : show();
};

// A map is of a phrase of the prompt: it goes when that goes.
function followPhrases() {
  const shown = find("#where b")?.textContent;
  const chips = all("#phrases [data-phrase]");
  if (shown && chips.length && !chips.some((chip) => chip.dataset.phrase === shown)) trigger("lose");
}

// ---- the menu of a phrase ----

const LIKE_IT = "Others like it, and how similar each is to the picture; a click swaps";
let menu = null, opener = null;

function closeMenu(focus = false) {
  menu?.remove();
  opener?.removeAttribute("aria-expanded");
  if (focus) opener?.focus();
  menu = opener = null;
}

function openMenu(chip) {
  const again = opener === chip;
  closeMenu();
  if (again) return;
  const { phrase, kept, why } = chip.dataset;
  const item = (text, work, note = "") => {
    const button = made("button", { type: "button", textContent: text, onclick: work });
    if (note) button.append(made("span", { className: "chip-value", textContent: note }));
    button.setAttribute("role", "menuitem");
    return button;
  };
  const items = [
    kept === undefined
      ? item("Keep it", () => change("keep", phrase))
      : item("Let it go again", () => change("free", phrase)),
    item("Leave it out", () => change("drop", phrase)),
    item("Ban it", () => change("ban", phrase)),
    item("Where is it?", () => lookFor(phrase)),
  ];
  menu = made("div", { className: "phrase-menu" }, made("p", { className: "muted", textContent: why }), ...items);
  const like = JSON.parse(chip.dataset.like ?? "[]");
  if (like.length) {
    menu.append(made("p", { className: "muted", textContent: LIKE_IT }));
    for (const [text, similarity] of like) {
      const other = item(text, () => change("swap", phrase, text), similarity.toFixed(3));
      other.translate = false;
      menu.append(other);
    }
  }
  menu.setAttribute("role", "menu");
  menu.setAttribute("aria-label", phrase);
  find("#result").append(menu);
  const box = chip.getBoundingClientRect(), origin = menu.offsetParent.getBoundingClientRect();
  const left = Math.min(box.left, document.documentElement.clientWidth - menu.offsetWidth - 8);
  menu.style.left = `${Math.max(8, left) - origin.left}px`;
  menu.style.top = `${box.bottom + 4 - origin.top}px`;
  opener = chip;
  chip.setAttribute("aria-expanded", "true");
  find("button", menu).focus({ preventScroll: true });
  menu.scrollIntoView({ block: "nearest" });
}

function moveInMenu(event) {
  const buttons = all("button", menu);
  const place = buttons.indexOf(document.activeElement);
  const steps = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: buttons.length - 1 };
  if (event.key === "Escape") closeMenu(true);
  else if (event.key === "Tab") closeMenu();
  else if (event.key in steps) buttons.at(steps[event.key] % buttons.length).focus();
  else return;
  if (event.key !== "Tab") event.preventDefault();
}

// Called by Gradio when the copy is ready: its address needs a moment to reach the button.
const download = () => setTimeout(() => find("#copied")?.click(), 100);

// ---- the tab in the address ----

const tabs = () => all(".tab-container [data-tab-id]");
function showTab() {
  const first = new URLSearchParams(location.search).has("race") ? "race" : tabs()[0]?.dataset.tabId;
  const wanted = location.hash.slice(1) || first;
  tabs().find((tab) => tab.dataset.tabId === wanted && tab.ariaSelected !== "true")?.click();
}

// ---- what is pressed and typed ----

const busy = () => find("#status .status.busy") !== null;
const models = () => ["preset", "caption-model", "clip", "judge"].map((name) => find(`#set-${name} input`)?.value).join("\n");
let asked = null, ready = null; // the models of the last run, and those that wrote already
let pause = 0;

function onClick(event) {
  const { target } = event;
  const parts = target.closest?.("#race-parts"); // the race writes the address of its own parts
  const tab = !parts && target.closest?.("[role=tab][data-tab-id]")?.dataset.tabId;
  if (tab && event.isTrusted && `#${tab}` !== location.hash) location.hash = tab;
  const chip = target.closest?.("#phrases button[data-phrase]");
  if (chip) return openMenu(chip);
  if (menu && !menu.contains(target)) closeMenu();
  const use = target.closest?.("button[data-act=use]");
  if (use) return usePrompt(use.dataset.text);
  const act = target.closest?.("#result button[data-act]")?.dataset.act;
  if (act === "undo" || act === "redo") return change(act);
  if (act === "copy-ranked") return navigator.clipboard.writeText(rankedAs("\t"));
  if (act === "csv-ranked") return save("phrases.csv", "text/csv", rankedAs(","));
  const back = target.closest?.("#phrases button[data-back]");
  if (back) return change(back.dataset.back, back.dataset.text);
  const caption = target.closest?.("#captions button[data-caption]");
  if (caption) return change("caption", caption.dataset.caption);
  const fold = target.closest?.("summary")?.parentElement;
  if (fold?.dataset.fold) keep(FOLDS, { ...kept(FOLDS), [fold.dataset.fold]: !fold.open });
}

function onKey(event) {
  if (menu) return moveInMenu(event);
  if (event.key === "Enter" && event.target.closest?.("#caption")) {
    event.preventDefault();
    event.target.blur();
  }
}

// A stored prompt takes the place of ours, as if it were typed.
function usePrompt(text) {
  const field = find("#prompt textarea");
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function onInput(event) {
  if (!event.target.closest?.("#prompt")) return;
  clearTimeout(pause);
  pause = setTimeout(() => busy() || trigger("typed"), SHORTEST_PAUSE);
}

// The rows that are shown, as tab- or comma-separated values.
function rankedAs(separator) {
  const rows = all("[data-fold=ranked] [data-row]").filter((row) => getComputedStyle(row).display !== "none");
  const quoted = (value) => (separator === "," ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = [["list", "phrase", "similarity", "confidence", "years"], ...rows.map((row) => JSON.parse(row.dataset.row))];
  return lines.map((line) => line.map(quoted).join(separator)).join("\n") + "\n";
}

function onChange(event) {
  if (event.target.matches?.("[data-top]")) document.documentElement.dataset.top = event.target.value;
  if (event.target.closest?.("#caption")) change("caption", event.target.value.trim());
}

// ---- what the browser remembers, and what follows every change of the page ----

function kept(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? {};
  } catch {
    return {};
  }
}

function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {} // a browser that keeps nothing: all works, and is forgotten
}

function setFolds() {
  const known = kept(FOLDS);
  for (const fold of all("details[data-fold]")) {
    const open = known[fold.dataset.fold] ?? false;
    if (fold.open !== open) fold.open = open;
  }
}

function nameExamples() {
  for (const button of all("#examples .gallery-item:not([aria-label])")) {
    const file = decodeURIComponent(find("img", button)?.src.split("/").pop() ?? "picture");
    button.setAttribute("aria-label", `Example: ${file.replace(/\.\w+$/, "").replaceAll("-", " ")}`);
  }
}

function setButtons() {
  if (find("#phrases [data-fresh]")) past.length = future.length = 0;
  const set = (button, disabled) => { if (button && button.disabled !== disabled) button.disabled = disabled; };
  set(find("#phrases [data-act=undo]"), !past.length);
  set(find("#phrases [data-act=redo]"), !future.length);
  set(find("#stop"), !busy());
}

// Called by Gradio with every value that is set.
function run(names, ...values) {
  useSettings(named(names, values));
  asked = models();
  trigger(asked === ready ? "again" : "begin");
}

let line = "";

function followResult() {
  const now = find("#status .status.done")?.textContent ?? "";
  const result = find("#phrases [data-result]")?.dataset.result;
  if (now && now !== line && result) {
    remember(JSON.parse(result));
    ready = asked;
  }
  if (now && now !== line && !find("#result").contains(document.activeElement))
    bringIntoView(find("#prompt"));
  line = now;
}

// Gradio makes the page part by part; it is shown when its parts are there.
const PARTS = ["#picture", "#examples img", "#mode", "#start", "#prompt", "#caption", "#explained", "#changes"];
const showPage = () => {
  if (PARTS.every((part) => find(part))) document.documentElement.dataset.workbench = "ready";
};

let due = false;

function refresh() {
  due = false;
  if (opener && !opener.isConnected) closeMenu();
  showPage();
  setFolds();
  nameExamples();
  setButtons();
  sayLengths();
  sayDifference();
  followResult();
  followPhrases();
  translatePage();
}

// ---- the error of models that are no longer chosen ----

let chosenModels = ""; // Gradio tells of a choice more than once: again when its list closes

function settled(line, ready, ...models) {
  const before = chosenModels;
  chosenModels = JSON.stringify(models);
  return before !== chosenModels && line.includes('role="alert"') ? ready : line;
}

window.workbench = { settled, settingsNow, nameArtists, recalled, relabelled, rewritten, showPlace, apply, kept: keptNow, show: showHistory, restored, written, download, phrase: () => phraseToFind, run, stop: () => busy() && trigger("halt") };
document.addEventListener("click", onClick);
addEventListener("hashchange", showTab);
document.addEventListener("keydown", onKey);
document.addEventListener("input", onInput);
document.addEventListener("change", onChange);
new MutationObserver(() => {
  if (!due) requestAnimationFrame(refresh);
  due = true;
}).observe(find(".gradio-container"), { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["class", "data-fresh"] });
trigger("recall");
offerLanguages();
refresh();
showTab();
trigger("remember"); // shows what is kept, if that was read before this ran
