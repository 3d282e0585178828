// The confusion matrix, whose cells show their images, and the scores of each class.

function drawConfusion() {
  const n = classes.length;
  const at = (label, predicted) => data.confusion[label * n + predicted];
  const rowSums = classes.map((_, label) => classes.reduce((sum, _, p) => sum + at(label, p), 0));
  const mostWrong = Math.max(1, ...data.confusion.filter((_, i) => Math.floor(i / n) !== i % n));
  const buttons = [];

  // One stop for the Tab key; the arrows move among the cells.
  let [current, pressed] = [0, null];
  const focus = (to) => {
    buttons[current].tabIndex = -1;
    current = to;
    buttons[current].tabIndex = 0;
  };
  const choose = (i) => {
    pressed?.setAttribute("aria-pressed", "false");
    pressed = buttons[i];
    pressed.setAttribute("aria-pressed", "true");
    focus(i);
    showCell(Math.floor(i / n), i % n, data.confusion[i]);
  };
  const cell = (label, predicted) => {
    const found = at(label, predicted);
    const isRight = label === predicted;
    const part = isRight ? found / Math.max(1, rowSums[label]) : Math.sqrt(found / mostWrong);
    const words = isRight ? `${classes[label]} taken for itself: ${found}`
      : `${classes[label]} taken for ${classes[predicted]}: ${found}`;
    const index = label * n + predicted;
    const style = `--tone:var(--${isRight ? "right" : "wrong"});--part:${(60 * part).toFixed(1)}%`;
    const button = el("button", { type: "button", tabindex: -1, "aria-label": words, "aria-pressed": "false", title: words,
      class: found === 0 ? "none" : null, style, "data-cell": `${label},${predicted}`,
      onclick: () => choose(index) }, found === 0 ? "\u00b7" : String(found));
    buttons.push(button);
    return el("td", {}, button);
  };
  const head = el("tr", {}, el("td", {}), ...classes.map((name) => el("th", { scope: "col" }, name)));
  byId("matrix").append(el("caption", {}, "Rows: what it is. Columns: what it was taken for."), el("thead", {}, head),
    el("tbody", {}, ...classes.map((name, label) => el("tr", {}, el("th", { scope: "row" }, name),
      ...classes.map((_, predicted) => cell(label, predicted))))));
  // Names that are words stand upright over narrow columns; many classes take the whole width.
  const longest = Math.max(...classes.map((name) => name.length));
  byId("matrix").classList.toggle("dense", longest > 3 && n > 3 || n > 16);
  byId("matrix").parentElement.parentElement.classList.toggle("stacked", n > 16);
  if (!hasImages) byId("confusion").querySelector(".about").textContent = "Rows are what the examples are, columns what they were taken for.";
  byId("matrix").addEventListener("keydown", (event) => {
    const row = current - current % n;
    const moves = { ArrowLeft: Math.max(row, current - 1), ArrowRight: Math.min(row + n - 1, current + 1),
      ArrowUp: current - n, ArrowDown: current + n, Home: row, End: row + n - 1 };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to < 0 || to >= n * n) return;
    focus(to);
    buttons[to].focus();
  });
  const worst = data.confusion.reduce((most, found, i) =>
    Math.floor(i / n) !== i % n && found > (most < 0 ? 0 : data.confusion[most]) ? i : most, -1);
  choose(Math.max(worst, 0));
  drawScores(at, rowSums);
}

// The images of a cell; one chosen shows why.
function showCell(label, predicted, found) {
  const isRight = label === predicted;
  const here = images.filter((image) => image.label === label && image.predicted === predicted);
  const title = isRight ? `${classes[label]}, recognised: ${count(found)}`
    : `${classes[label]} taken for ${classes[predicted]}: ${count(found)}`;
  const children = [el("h3", {}, title)];
  if (hasImages && found > here.length) children.push(el("p", { class: "about" }, `The first ${here.length}:`));
  if (hasImages && here.length > 0) {
    const panel = el("div", { role: "group", "aria-label": "Why" });
    let chosen = null;
    const thumb = (image) => {
      const name = `Test image ${image.index}`;
      const button = el("button", { type: "button", "aria-label": name, title: name, "aria-pressed": "false" },
        paintImage(drawing(null), image.pixels));
      button.addEventListener("click", () => {
        chosen?.setAttribute("aria-pressed", "false");
        chosen = button;
        chosen.setAttribute("aria-pressed", "true");
        panel.replaceChildren(whyImage(image));
      });
      return el("li", {}, button);
    };
    const list = el("ul", { class: "thumbs" }, ...here.map(thumb));
    children.push(list, panel);
    list.querySelector("button").click();
  }
  byId("gallery").replaceChildren(...children);
}

// Why an image was taken for its class: against the right one, or if it is right against the next best.
function whyImage(image) {
  const p = probabilities(image.pixels);
  const isRight = image.label === image.predicted;
  const [best, next] = bestTwo(p);
  const other = isRight ? (best === image.predicted ? next : best) : image.label;
  const node = why(image.pixels, image.predicted, other, [`Test image ${image.index}`, "The share of each pixel"]);
  const sentence = isRight
    ? `Taken for ${classes[image.predicted]} with ${percent(p[image.predicted])}; next best ${classes[other]} with ${percent(p[other])}.`
    : `True: ${classes[image.label]} (${percent(p[image.label])}). Taken for: ${classes[image.predicted]} (${percent(p[image.predicted])}).`;
  node.prepend(el("p", { style: "margin:0 0 .5rem" }, sentence));
  return node;
}

function drawScores(at, rowSums) {
  const n = classes.length;
  const row = (name, label) => {
    const right = at(label, label);
    const guessed = classes.reduce((sum, _, other) => sum + at(other, label), 0);
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, percent(right / guessed)),
      el("td", {}, percent(right / rowSums[label])),
      el("td", {}, percent(2 * right / (guessed + rowSums[label]))), el("td", {}, count(rowSums[label])));
  };
  const head = ["class", "precision", "recall", "F1", "images"].map((name) => el("th", { scope: "col" }, name));
  byId("scores").append(el("div", { class: "scroll" }, el("table", { class: "plain" },
    el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...classes.slice(0, n).map(row)))));
}
