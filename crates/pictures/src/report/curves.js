// The learning curves: two charts with one cursor, for the mouse and for the arrow keys.

const ROOM = { left: 46, right: 12, top: 12, bottom: 34 };

// Steps of 1, 2 or 5 times a power of ten, about `most` of them from `low` to `high`.
function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((size) => size >= rough);
  const all = [];
  // Adding 0 makes 0 of -0.
  for (let i = Math.ceil(low / step - 1e-9) + 0; i * step <= high + step * 1e-9; i++) all.push(i * step);
  return all;
}

function drawCurves() {
  const { steps, epochs } = data.curves;
  const points = [...new Set([...steps.map((p) => p.step), ...epochs.map((p) => p.step)])].sort((a, b) => a - b);
  const last = points[points.length - 1];
  const lossTop = 1.05 * Math.max(...steps.map((p) => p.loss), ...epochs.map((p) => p.loss), 1e-9);
  const lowest = Math.min(...steps.map((p) => p.accuracy), ...epochs.map((p) => p.accuracy), 1);
  const charts = [
    { name: "Loss", of: (p) => p.loss, range: [0, lossTop], text: (y) => signed(String(+y.toPrecision(6))) },
    { name: "Accuracy", of: (p) => p.accuracy, range: [Math.floor(10 * lowest) / 10, 1],
      text: (y) => `${+(100 * y).toPrecision(6)} %` },
  ].map((chart) => makeChart(chart, { steps, epochs, last }));
  byId("charts").append(...charts.map(({ node }) => node));

  let at = points.length - 1;
  const near = (list, step) => list.filter((p) => p.step <= step).pop();
  const move = (to) => {
    at = Math.min(Math.max(to, 0), points.length - 1);
    const step = points[at];
    const [training, validation] = [steps.find((p) => p.step === step) ?? near(steps, step), near(epochs, step)];
    const parts = [`Step ${count(step)} of ${count(last)}`];
    const which = training?.step === step ? "its batch" : `batch of step ${count(training?.step ?? 0)}`;
    if (training) parts.push(`${which}: loss ${fixed(training.loss, 3)}, accuracy ${percent(training.accuracy)}`);
    if (validation) {
      parts.push(`validation after epoch ${validation.epoch}: loss ${fixed(validation.loss, 3)}, ` +
        `accuracy ${percent(validation.accuracy, 2)}`);
    }
    const text = parts.join(" \u00b7 ");
    byId("reading").textContent = text;
    charts.forEach((chart) => chart.point(step, training, validation, text, at, points.length));
  };
  for (const { target, stepAt } of charts) {
    target.addEventListener("pointermove", (event) => {
      const step = stepAt(event.clientX);
      const after = points.findIndex((point) => point >= step);
      const next = after < 0 ? points.length - 1 : after;
      move(next > 0 && step - points[next - 1] < points[next] - step ? next - 1 : next);
    });
    target.addEventListener("keydown", (event) => {
      const far = Math.max(1, Math.round(points.length / 10));
      const moves = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
        PageUp: at + far, PageDown: at - far, Home: 0, End: points.length - 1 };
      if (event.key in moves) {
        event.preventDefault();
        move(moves[event.key]);
      }
    });
  }
  const redraw = () => {
    charts.forEach((chart) => chart.draw());
    move(at);
  };
  new ResizeObserver(redraw).observe(byId("charts"));
  redraw();
  drawEpochs(epochs);
}

// One chart; it is drawn anew for each width, so that its letters keep their size on a phone.
function makeChart({ name, of, range: [low, high], text }, { steps, epochs, last }) {
  const target = svg("svg", { tabindex: 0, role: "slider", "aria-label": `${name} over the steps` });
  const key = (kind, words) => el("span", { class: `key of-${kind}` }, `\u2014 ${words}`);
  const heading = el("h3", {}, name, steps.length > 0 ? key("training", "training batch") : null,
    epochs.length > 0 ? key("validation", "validation") : null);
  const node = el("div", { class: "chart" }, heading, target);
  const tall = 240;
  let wide = 0;
  const x = (step) => ROOM.left + (wide - ROOM.left - ROOM.right) * step / last;
  const y = (value) => ROOM.top + (tall - ROOM.top - ROOM.bottom) * (high - value) / (high - low);
  const path = (list) => list.map((p, i) => `${i ? "L" : "M"}${x(p.step).toFixed(1)} ${y(of(p)).toFixed(1)}`).join("");
  const cursor = svg("g", {});

  const draw = () => {
    wide = Math.max(220, target.clientWidth || node.clientWidth);
    target.setAttribute("height", tall);
    target.setAttribute("viewBox", `0 0 ${wide} ${tall}`);
    target.replaceChildren(
      ...ticks(low, high, 5).flatMap((value) => [
        svg("line", { class: "grid", x1: ROOM.left, x2: wide - ROOM.right, y1: y(value), y2: y(value) }),
        svg("text", { x: ROOM.left - 7, y: y(value) + 4, "text-anchor": "end" }, text(value))]),
      ...ticks(0, last, wide < 380 ? 3 : 6).map((step) => svg("text",
        { x: x(step), y: tall - 17, "text-anchor": "middle" }, count(step))),
      svg("text", { x: (ROOM.left + wide - ROOM.right) / 2, y: tall - 2, "text-anchor": "middle" }, "step"),
      svg("path", { class: "training", d: path(steps) }),
      svg("path", { class: "validation", d: path(epochs) }),
      ...(epochs.length > 60 ? [] : epochs.map((p) => svg("circle", { class: "dot", cx: x(p.step), cy: y(of(p)), r: 3 }))),
      cursor);
  };
  const point = (step, training, validation, reading, now, most) => {
    const dot = (p, kind) => p && svg("circle", { class: `dot ${kind}`, cx: x(p.step), cy: y(of(p)), r: 5 });
    cursor.replaceChildren(...[
      svg("line", { class: "cursor", x1: x(step), x2: x(step), y1: ROOM.top, y2: tall - ROOM.bottom }),
      dot(training, "training"), dot(validation, "")].filter(Boolean));
    const values = { "aria-valuemin": 1, "aria-valuemax": most, "aria-valuenow": now + 1, "aria-valuetext": reading };
    fill(target, values, []);
  };
  const stepAt = (clientX) => {
    const box = target.getBoundingClientRect();
    return last * (clientX - box.left - ROOM.left) / (box.width - ROOM.left - ROOM.right);
  };
  return { node, target, draw, point, stepAt };
}

function drawEpochs(epochs) {
  if (epochs.length === 0) {
    remove("epochs");
    return;
  }
  const row = (p) => el("tr", {}, el("th", { scope: "row" }, String(p.epoch)), el("td", {}, fixed(p.loss, 4)),
    el("td", {}, percent(p.accuracy, 2)), el("td", {}, `${fixed(1000 * p.seconds, 0)} ms`));
  const head = ["epoch", "validation loss", "accuracy", "training time"].map((name) => el("th", { scope: "col" }, name));
  byId("epochs").append(el("div", { class: "scroll" }, el("table", { class: "plain" },
    el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...epochs.map(row)))));
}
