// The pad: draw, and see what the model makes of it while you do.

const SHEET = 280; // pixels of its longer side, ten for each pixel of MNIST

const MOST_BARS = 16;

// Ink is laid here and not by the canvas, so that it is the same in every browser: a round pen of so many
// pixels, with an edge of one pixel.
function stroke(sheet, from, to, radius) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length2 = dx * dx + dy * dy;
  const reach = radius + 1;
  const [top, bottom] = [Math.min(from.y, to.y) - reach, Math.max(from.y, to.y) + reach];
  const [left, right] = [Math.min(from.x, to.x) - reach, Math.max(from.x, to.x) + reach];
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(sheet.height, bottom); y++) {
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(sheet.width, right); x++) {
      const along = length2 === 0 ? 0 : ((x + 0.5 - from.x) * dx + (y + 0.5 - from.y) * dy) / length2;
      const part = Math.min(1, Math.max(0, along));
      const away = Math.hypot(x + 0.5 - from.x - part * dx, y + 0.5 - from.y - part * dy);
      const ink = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - away)));
      const at = y * sheet.width + x;
      sheet.ink[at] = Math.max(sheet.ink[at], ink);
    }
  }
}

// A bar for each class; of many classes, for those that are most probable.
function makeBars() {
  const isAll = classes.length <= MOST_BARS;
  const rows = classes.slice(0, isAll ? undefined : MOST_BARS - 4).map(() => {
    const name = el("span", {});
    const inside = el("div", { class: "fill" });
    const number = el("span", { class: "number" });
    return { name, inside, number, node: el("li", {}, name, el("div", { class: "track" }, inside), number) };
  });
  const show = (p, best) => {
    const order = classes.map((_, c) => c);
    if (!isAll && p !== null) order.sort((a, b) => p[b] - p[a] || a - b);
    rows.forEach((row, at) => {
      const c = order[at];
      row.name.textContent = classes[c];
      row.inside.style.width = p === null ? "0" : `${100 * p[c]}%`;
      row.number.textContent = p === null ? "" : percent(p[c]);
      row.node.classList.toggle("is-best", c === best);
    });
  };
  return { node: el("ul", { class: "bars", "aria-label": "Probabilities" }, ...rows.map((row) => row.node)), show };
}

function drawPad() {
  const per = SHEET / Math.max(height, width);
  const [tall, wide] = [Math.round(per * height), Math.round(per * width)];
  const sheet = { ink: new Uint8Array(tall * wide), height: tall, width: wide };
  const radius = 0.042 * Math.min(tall, wide);
  const canvas = el("canvas", { class: "sheet", width: wide, height: tall, tabindex: 0, role: "application",
    "aria-label": "Pad to draw on. Arrow keys move the pen, space puts it down or lifts it, Delete clears.", style: `--shape:${wide}/${tall}` });
  const context = canvas.getContext("2d");
  const verdict = el("p", { class: "verdict", "aria-live": "polite" });
  const bars = makeBars();
  const reasons = el("div", {});
  const isPrepared = el("input", { type: "checkbox", checked: true });
  // Keys: where the pen is, and whether it is down.
  const pen = { x: wide / 2, y: tall / 5, isDown: false, isShown: false };
  let loaded = null; // an example goes to the model as it is

  const show = () => {
    const area = context.createImageData(wide, tall);
    const source = loaded === null ? (i) => sheet.ink[i]
      : (i) => loaded[Math.floor(Math.floor(i / wide) / per) * width + Math.floor(i % wide / per)];
    for (let i = 0; i < wide * tall; i++) {
      const grey = 255 - source(i);
      area.data.set([grey, grey, grey, 255], 4 * i);
    }
    context.putImageData(area, 0, 0);
    if (pen.isShown) {
      context.lineWidth = 3;
      context.strokeStyle = pen.isDown ? "#b5480d" : "#1f5fae";
      context.beginPath();
      context.arc(pen.x, pen.y, radius, 0, 2 * Math.PI);
      context.stroke();
    }
    guess();
  };
  const guess = () => {
    if (loaded === null && sheet.ink.every((ink) => ink === 0)) {
      verdict.textContent = "Nothing drawn yet.";
      bars.show(null, -1);
      reasons.replaceChildren();
      return;
    }
    const x = loaded ?? (isPrepared.checked ? prepared(sheet) : unprepared(sheet));
    const p = probabilities(x);
    const [best, next] = bestTwo(p);
    const words = `Taken for ${classes[best]} (${percent(p[best])}).`;
    if (verdict.textContent !== words) verdict.textContent = words;
    bars.show(p, best);
    reasons.replaceChildren(why(x, best, next, ["What the model gets", `For ${classes[best]}, against ${classes[next]}`]));
  };
  const begin = () => {
    if (loaded === null) return;
    loaded = null;
    sheet.ink.fill(0);
  };
  const clear = () => {
    loaded = null;
    sheet.ink.fill(0);
    show();
  };

  // One redraw for each frame, however often the mouse reports.
  let isWaiting = false;
  const soon = () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      show();
    });
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * wide / box.width, y: (event.clientY - box.top) * tall / box.height };
  };
  let last = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    begin();
    pen.isShown = false;
    last = place(event);
    stroke(sheet, last, last, radius);
    soon();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === null) return;
    // What the browser gathered since the last frame, so that fast curves stay round.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [event]) {
      const to = place(each);
      stroke(sheet, last, to, radius);
      last = to;
    }
    soon();
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });

  canvas.addEventListener("keydown", (event) => {
    const by = (event.shiftKey ? 0.5 : 1) * per;
    const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
    if (event.key in moves) {
      const from = { x: pen.x, y: pen.y };
      pen.x = Math.min(Math.max(pen.x + moves[event.key][0], 0), wide);
      pen.y = Math.min(Math.max(pen.y + moves[event.key][1], 0), tall);
      if (pen.isDown) stroke(sheet, from, pen, radius);
    } else if (event.key === " ") {
      begin();
      pen.isDown = !pen.isDown;
      if (pen.isDown) stroke(sheet, pen, pen, radius);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      clear();
    } else {
      return;
    }
    event.preventDefault();
    pen.isShown = true;
    soon();
  });
  canvas.addEventListener("blur", () => {
    Object.assign(pen, { isDown: false, isShown: false });
    soon();
  });
  isPrepared.addEventListener("change", show);

  const examples = el("select", { "aria-label": "Load an example from the test images" }, el("option", { value: "" }, "Load an example"),
    ...classes.map((name, c) => el("option", { value: c }, name)));
  examples.addEventListener("change", () => {
    const found = examples.value === "" ? undefined : images.find((image) => image.label === Number(examples.value) && image.predicted === image.label);
    examples.value = "";
    if (!found) return;
    loaded = found.pixels;
    show();
  });
  byId("desk").append(
    el("div", {}, canvas, el("div", { class: "tools" }, el("button", { type: "button", id: "clear", onclick: clear }, "Clear"), examples),
      el("label", { class: "switch" }, isPrepared, el("span", {}, "Prepare it as MNIST was: scaled to a box, its centre of mass in the middle. Without, the model sees it as it lies."))),
    el("div", {}, verdict, bars.node), reasons);
  show();
}
