// The table of many pictures, and what is to be done with it next. It runs when the table's
// component is ready; `element` and `trigger` are Gradio's. Texts are set as text, never as HTML.

const AT_ONCE = 4; // pictures that are asked for at a time; the server may do fewer
const RUNS = ["even", "odd"];
const WAITING = "waiting", COMPUTING = "in work", DONE = "done", FAILED = "failed";
const GUESS = "done, but a guess: the picture is unlike all that was taught";
let rows = [], todo = [], few = [], running = false, begun = 0, asked = 0, turn = 0;
let run = 0; // how often it was begun; a run's event is not that of the run before
let shown = ""; // the status line

function made(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// As `views.status` writes it; the text is one of ours, with numbers.
const line = (kind, text) => (shown = `<div class="status ${kind}" role="status"><span>${text}</span></div>`);
const selected = () => rows.filter((row) => row.box.checked);
const meant = () => (selected().length ? selected() : rows);

function say(row, state, text = state) {
  row.state = state;
  row.told.textContent = text;
  row.told.className = `told ${state === FAILED ? "bad" : ""}`;
}

function draw(row, position) {
  const cell = (name, ...inner) => made("td", { className: name, role: "cell" }, ...inner);
  row.box = made("input", { type: "checkbox", ariaLabel: `Select ${row.name}` });
  row.told = made("span");
  row.field = made("textarea", { rows: 3, disabled: true, ariaLabel: `Prompt of ${row.name}` });
  row.field.addEventListener("input", () => {
    row.prompt = row.field.value;
    row.byHand = true;
  });
  row.field.addEventListener("change", sayByHand);
  row.said = made("span");
  row.position = position;
  for (const node of [row.box, row.field, row.said]) node.setAttribute("translate", "no");
  const name = made("span", { className: "name", textContent: row.name, translate: false });
  const seen = row.thumbnail ? made("img", { src: row.thumbnail, alt: "" }) : "";
  const line = made("tr", {}, cell("box", row.box), cell("picture", seen, name), cell("caption", row.said), cell("text", row.field), cell("state", row.told));
  line.setAttribute("role", "row");
  say(row, row.error ? FAILED : WAITING, row.error ?? WAITING);
  row.broken = Boolean(row.error);
  return line;
}

// What can be pressed, and what comes next: to write, then to take the texts home.
function setButtons() {
  const left = rows.some((row) => !row.broken && row.state !== DONE);
  const written = rows.some((row) => row.state === DONE);
  const set = (name, enabled, next) => {
    const button = document.querySelector(`#many-${name}`);
    button.disabled = !enabled;
    button.classList.toggle("primary", next);
    button.classList.toggle("secondary", !next);
  };
  set("start", !running, left || !written);
  set("stop", running, false);
  set("take", written, written && !running);
}

function drawTable() {
  setButtons();
  const place = element.querySelector(".many-table");
  if (!rows.length) return place.replaceChildren();
  const every = made("input", { type: "checkbox", id: "many-every", ariaLabel: "Select all" });
  const told = made("label", { htmlFor: every.id, textContent: "Select all" }); // on a phone
  every.addEventListener("change", () => rows.forEach((row) => (row.box.checked = every.checked)));
  const head = ["Picture", "Caption", "Prompt", "State"].map((text) => made("th", { scope: "col", textContent: text }));
  const table = made(
    "table", {}, made("caption", { textContent: "Many pictures" }),
    made("thead", {}, made("tr", {}, made("td", {}, every, told), ...head)), made("tbody", {}, ...rows.map(draw)),
  );
  place.replaceChildren(table);
}

// Called by Gradio when files are brought or put away, and when they have been looked at.
function empty(status) {
  running = false;
  shown = "";
  rows = [];
  drawTable();
  return status;
}

function show(mail) {
  running = false;
  rows = mail?.rows ?? [];
  drawTable();
}

// ---- turn after turn ----

function begin(status) {
  if (running) return status;
  const good = rows.filter((row) => !row.broken);
  const some = selected().filter((row) => !row.broken);
  todo = some.length ? some : good.filter((row) => row.state !== DONE);
  if (!good.length) return line("idle", "Choose pictures or a zip first.");
  if (!todo.length) return line("idle", "All have prompts. Select those that are to be written anew.");
  todo.forEach((row) => say(row, WAITING));
  [running, begun, asked, run] = [true, Date.now(), todo.length, run + 1];
  setButtons();
  trigger("begin");
  return line("busy", "Waiting for your turn: one computation runs at a time");
}

function next() {
  if (running && todo.length) trigger(RUNS[run % 2]);
}

function nextPositions() {
  few = todo.slice(0, AT_ONCE);
  return { turn: ++turn, positions: few.map((row) => row.position) };
}

// Called by Gradio when the server has answered; first of all it says that the turn has come.
function turned(mail) {
  if (!mail?.begun || (running && mail.turn !== turn)) return;
  if (!running) return trigger("tell"); // it could not be stopped any more
  few.filter((row) => todo.includes(row)).forEach((row) => say(row, COMPUTING));
  if (todo.length === asked) line("busy", "Writing the prompts");
  trigger("tell");
}

function take({ position, caption, prompt, negative_prompt, guess, error }) {
  const row = rows[position];
  todo = todo.filter((one) => one !== row);
  if (error) return say(row, FAILED, error);
  Object.assign(row, { caption, prompt, negative_prompt, byHand: false });
  row.said.textContent = caption;
  row.field.value = prompt;
  row.field.disabled = false;
  say(row, DONE, guess ? GUESS : DONE);
}

function took(mail, status) {
  if (!running || mail?.turn !== turn || mail.begun) return shown || status; // of an earlier turn
  mail.results?.forEach(take);
  if (mail.error || !mail.results?.length) return failed(status);
  rows.filter((row) => row.state === COMPUTING).forEach((row) => say(row, WAITING));
  const done = asked - todo.length;
  running = todo.length > 0;
  setButtons();
  if (running) {
    const left = Math.ceil(((Date.now() - begun) / 1000 / done) * todo.length);
    setTimeout(next);
    return line("busy", `${done} of ${asked} written; about ${left} s left`);
  }
  return line("done", `${rows.filter((row) => row.state === DONE).length} of ${rows.length} pictures have a prompt.`);
}

// The server has refused, or cannot be reached: what is not done waits for the button.
function failed(status) {
  if (!running) return status;
  running = false;
  rows.filter((row) => row.state === COMPUTING).forEach((row) => say(row, WAITING));
  setButtons();
  return (shown = status);
}

// The same, as Gradio tells it. A turn that was stopped fails only when the server is done with it:
// another run may have begun by then.
function failedTurn(of, status) {
  if (!running || RUNS[run % 2] !== of) return status;
  return stop(status);
}

function stop(status) {
  if (!running) return status;
  failed(status);
  return line("idle", "Stopped. What is written stays; the button goes on from here.");
}

// ---- edits, and the way home ----

let edited = [];

function sayByHand() {
  if (running) return;
  line("done", `Edited by hand. Rows changed: ${rows.filter((row) => row.byHand).length} of ${rows.length}.`);
  trigger("tell");
}

function chosen() {
  edited = meant().filter((row) => row.state === DONE);
  return { prompts: edited.map((row) => row.prompt) };
}

function revised(mail) {
  mail?.prompts?.forEach((prompt, place) => {
    edited[place].prompt = edited[place].field.value = prompt;
  });
}

function everything() {
  return { rows: rows.map(({ name, caption, prompt, negative_prompt, state, told }) => ({
    name, caption, prompt, negative_prompt,
    error: state === DONE ? null : state === FAILED ? told.textContent : "There is no prompt yet.",
  })) };
}

function packed(mail) {
  if (!mail?.zip) return;
  const bytes = Uint8Array.from(atob(mail.zip), (char) => char.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], { type: "application/zip" }));
  made("a", { href: address, download: "prompts.zip" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

window.many = { line: () => shown, empty, show, begin, next, asked: nextPositions, turned, took, failed, failedTurn, stop, chosen, revised, all: everything, packed };
