// What was found in this browser: kept by it alone, shown, restored, taken home as a file.

const MOST_KEPT = 24; // results
const COPY_SIZE = 320; // pixels of the longer side of a kept picture: more than a CLIP looks at
const found = []; // the newest first

function copyOf(image) {
  const scale = Math.min(1, COPY_SIZE / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.8);
}

// Return a picture's copy when the browser has it; null where it cannot be drawn.
async function pictureOf(image) {
  try {
    await image?.decode();
    return image?.naturalWidth ? copyOf(image) : null;
  } catch {
    return null;
  }
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

const asText = ({ prompt, negative }) => (negative ? `${prompt}\nNegative prompt: ${negative}` : prompt);
const withoutPicture = ({ picture, ...result }) => result;

const EXPORTS = {
  json: (results) => save("prompts.json", "application/json", JSON.stringify(results.map(withoutPicture), null, 1)),
  text: (results) => save("prompts.txt", "text/plain", results.map(asText).join("\n\n") + "\n"),
};

function entryOf(result, place, work) {
  const button = (text, act) => {
    const node = made("button", { type: "button", textContent: text, onclick: () => work(act, place) });
    node.dataset.act = act;
    return node;
  };
  const image = made("img", { src: result.picture ?? "", alt: result.caption });
  const said = `${result.mode}, ${result.similarity?.toFixed(3)}, ${new Date(result.time).toLocaleString()}`;
  return made("li", {}, image, made("div", {},
    made("p", { textContent: result.prompt }),
    made("p", { className: "muted", textContent: said }),
    button("Restore", "restore"), button("Text", "text"), button("JSON", "json"), button("Forget", "forget")));
}

// Draw the list into its fold, which is made once.
function drawHistory(parent, work) {
  let fold = parent.querySelector("[data-fold=history]");
  if (!fold) {
    fold = made("details", { className: "card fold" },
      made("summary", {}, made("h2", { textContent: "History of this browser" })), made("div", {}));
    fold.dataset.fold = "history";
    parent.append(fold);
  }
  const all = (text, act) => {
    const node = made("button", { type: "button", textContent: text, onclick: () => work(act, null) });
    node.dataset.act = act;
    return node;
  };
  const body = found.length
    ? [made("div", { className: "take" }, all("All as text", "text"), all("All as JSON", "json"), all("Forget all", "forget")),
       made("ol", { className: "history" }, ...found.map((result, place) => entryOf(result, place, work)))]
    : [made("p", { className: "muted", textContent: "What you find is kept here, in this browser alone." })];
  fold.lastChild.replaceChildren(...body);
}
