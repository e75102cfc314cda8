// The page in the visitor's language. The server writes English; every sentence has a row in
// languages.json, with {} where something stands that differs. What has no row stays as it is.

const NAMES = { en: "English", de: "Deutsch", zh: "中文", es: "Español" };
const CODES = Object.keys(NAMES); // in the order of the table's columns, English first
const LANGUAGE = "workbench-language"; // where the browser keeps what was chosen
const ROOTS = "#masthead, [role=tablist], #active-models, #workbench, #many, [data-testid=toast-body]";
const AS_WRITTEN = "textarea, script, style, code, dd, .chip[data-phrase], .chip[data-caption], .chip s, .bars .bar-label, .history p:first-child, [translate=no]";
const ATTRIBUTES = ["placeholder", "aria-label", "title"];

// What stands at a place of a row: {#} a number, {…} what has a row itself, {} anything. None of
// them goes beyond a sentence.
const WITHIN = "((?:(?!\\. [A-Z“]).)+?)";
const PLACES = { "{}": WITHIN, "{…}": WITHIN, "{#}": "([\\d.,]+)" };
const rows = Object.keys(LANGUAGES).filter((text) => /\{[…#]?\}/.test(text));
const patterns = rows.sort((one, other) => other.length - one.length).map((text) => [
  new RegExp(`^${text.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{[…#]?\}/g, (place) => PLACES[place])}$`, "s"),
  text, text.match(/\{[…#]?\}/g),
]); // the longest first: it says most
const SENTENCES = /(?<=[.!?]) (?=[A-Z“])/;
const known = new Map(); // text → itself in the chosen language
const english = new WeakMap(); // node → what the server wrote, and what is shown in its place
let language = "en";

function inLanguage(text) {
  if (language === "en") return text;
  if (known.size > 2000) known.clear();
  if (!known.has(text)) known.set(text, translated(text, CODES.indexOf(language) - 1));
  return known.get(text);
}

// Translate a text as a whole, or sentence by sentence; a part of a sentence also piece by piece.
function translated(text, column, isPart = false) {
  if (Object.hasOwn(LANGUAGES, text)) return LANGUAGES[text][column];
  for (const [pattern, row, places] of patterns) {
    const parts = pattern.exec(text)?.slice(1);
    if (!parts) continue;
    let place = 0;
    return LANGUAGES[row][column].replaceAll("{}", () => {
      const part = parts[place];
      return places[place++] === "{…}" ? translated(part, column, true) : part;
    });
  }
  for (const between of isPart ? [SENTENCES, "; ", ", "] : [SENTENCES]) {
    const pieces = text.split(between);
    if (pieces.length > 1)
      return pieces.map((piece) => translated(piece, column, isPart)).join(between === SENTENCES ? " " : between);
  }
  return text;
}

// Show one text in the chosen language; `name` tells a node's attributes apart.
function show(node, name, now, set) {
  const before = english.get(node) ?? {};
  const written = before[name]?.shown === now ? before[name].written : now;
  const text = written.trim();
  const shown = text ? written.replace(text, () => inLanguage(text)) : written;
  english.set(node, { ...before, [name]: { written, shown } });
  if (shown !== now) set(shown);
}

function translatePage() {
  for (const root of document.querySelectorAll(ROOTS)) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());)
      if (!node.parentElement.closest(AS_WRITTEN)) show(node, "text", node.data, (text) => (node.data = text));
    for (const name of ATTRIBUTES)
      for (const node of root.querySelectorAll(`[${name}]`))
        show(node, name, node.getAttribute(name), (text) => node.setAttribute(name, text));
  }
}

function chooseLanguage(code) {
  language = code;
  known.clear();
  document.documentElement.lang = code;
  translatePage();
  trigger("relabel");
}

// Called by Gradio with a menu's choices in English, [label, value] each: the chosen one stands in
// a field, where no text of the page can be replaced.
const relabelled = (choices) => ({
  __type__: "update", choices: choices.map(([label, value]) => [inLanguage(label), value]),
});

// Offer the languages beside the title, and begin with the one chosen before, or the browser's.
function offerLanguages() {
  const spoken = navigator.languages.map((one) => one.slice(0, 2)).find((code) => CODES.includes(code));
  const code = kept(LANGUAGE).code ?? spoken ?? "en";
  const choice = document.createElement("select");
  choice.id = "language";
  choice.setAttribute("translate", "no");
  choice.setAttribute("aria-label", "Language");
  choice.append(...CODES.map((one) => new Option(NAMES[one], one, false, one === code)));
  choice.addEventListener("change", () => {
    keep(LANGUAGE, { code: choice.value });
    chooseLanguage(choice.value);
  });
  document.querySelector("#masthead").append(choice);
  chooseLanguage(code);
}
