// What a visitor has set: whether the result that stands is of it, and what the browser remembers.

const SETTINGS = "workbench-settings"; // where the browser keeps what is set beside the button
const REMEMBERED = ["mode", "with_negative", "name_artists", "target"];
const CHANGED = "Settings changed: press “Write the prompt”.";
const UNCHANGED = { __type__: "update" }; // what Gradio takes for no new value
let usedSettings = null; // name → value, of the run that was begun last
let settingsDiffer = false;

// An empty field is empty, whatever stands for it.
const plainValue = (value) => (value == null || value.length === 0 ? "" : JSON.stringify(value));

function differ(now, before) {
  const names = Object.keys(now).filter((name) => name !== "target"); // written anew at once
  // Before the models are chosen for a visitor, none stands for those.
  return names.some((name) => plainValue(now[name]) !== plainValue(before[name]) && !(name === "preset" && !before[name]));
}

const named = (names, values) => Object.fromEntries(names.map((name, place) => [name, values[place]]));

// Called by Gradio with every value that is set, when one of them changed.
function settingsNow(names, ...values) {
  const now = named(names, values);
  keep(SETTINGS, Object.fromEntries(REMEMBERED.map((name) => [name, now[name]])));
  settingsDiffer = usedSettings !== null && differ(now, usedSettings);
  sayDifference();
}

function useSettings(now) {
  usedSettings = now;
  settingsDiffer = false;
  sayDifference();
}

function sayDifference() {
  const said = settingsDiffer && document.querySelector("#picture img") ? CHANGED : "";
  const line = document.querySelector("#settings-hint p");
  if (!line || line.dataset.said === said) return;
  line.dataset.said = said;
  line.textContent = said;
}

// Return name → the remembered value, if it is still one of its choices, else a change of nothing.
function recalledSettings(choices) {
  const before = kept(SETTINGS);
  const value = (name) => (choices[name].includes(before[name]) ? before[name] : UNCHANGED);
  return Object.fromEntries(Object.keys(choices).map((name) => [name, value(name)]));
}

// ---- “No artists” is one of the choices of which artists may be named ----

let artistsBefore = null; // the choice that a tick took the place of

// Called by Gradio with the tick and the choice; returns the choice.
function nameArtists(none, chosen, usual) {
  if (none && chosen !== "none") artistsBefore = chosen;
  return none ? "none" : (artistsBefore ?? usual);
}
