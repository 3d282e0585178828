// The weights as pictures, and how they came to be: a slider over moments of the training.

function drawTemplates() {
  // The end, exactly, always is a moment; earlier ones are of 8 bits a weight, enough to look at.
  const early = data.snapshots.map(({ step, epoch, largest: top, weights: packed }) => {
    const small = new Int8Array(bytes(packed).buffer);
    return { step, epoch, weight: (i) => small[i] * top / 127 };
  });
  const end = { step: null, epoch: null, weight: (i) => weights[i] };
  const moments = [...early, end];
  // A handful of pixels with the largest weights must not make all others pale: of 1,000 weights, 3 may lie
  // beyond the end of the colours.
  const reach = (moment) => {
    const sizes = Float64Array.from(weights, (_, i) => Math.abs(moment.weight(i))).sort();
    return sizes[Math.floor(0.997 * (sizes.length - 1))] || sizes[sizes.length - 1];
  };
  const largest = reach(end);

  byId("maps").classList.toggle("of-ten", classes.length === 10);
  const canvases = classes.map((name) => drawing(`Weights of ${name}`));
  byId("maps").append(...canvases.map((canvas, c) => el("figure", {}, canvas, el("figcaption", {}, classes[c]))));
  const ramp = el("canvas", { "aria-hidden": "true" });
  const ends = [el("span", {}), el("span", {})];
  byId("scale").append(ends[0], ramp, ends[1]);
  drawRamp(ramp);

  const own = el("input", { type: "checkbox" });
  const show = (moment) => {
    const most = own.checked ? reach(moment) : largest;
    canvases.forEach((canvas, c) => {
      paintSigned(canvas, (i) => moment.weight(i * classes.length + c), most);
    });
    ends[0].textContent = `${fixed(-most, 3)} or less`;
    ends[1].textContent = `+${fixed(most, 3)} or more`;
  };
  if (early.length > 0) addSlider(moments, own, show);
  else remove("slider");
  show(end);
}

function drawRamp(canvas) {
  canvas.width = 255;
  canvas.height = 1;
  const context = canvas.getContext("2d");
  const area = context.createImageData(255, 1);
  for (let i = 0; i < 255; i++) area.data.set([...diverging.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  context.putImageData(area, 0, 0);
}

function addSlider(moments, own, show) {
  const last = moments.length - 1;
  const name = ({ step, epoch }) => {
    if (step === null) return "The end of training";
    if (step === 0) return "Before the first step";
    return epoch ? `After epoch ${epoch} (step ${count(step)})` : `After step ${count(step)}`;
  };
  const range = el("input", { type: "range", min: 0, max: last, value: last, "aria-label": "Moment of the training" });
  const words = el("output", { "aria-live": "off" });
  const move = () => {
    const moment = moments[range.valueAsNumber];
    words.textContent = name(moment);
    range.setAttribute("aria-valuetext", name(moment));
    show(moment);
  };
  let timer = null;
  const play = el("button", { type: "button" }, "Play");
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  play.addEventListener("click", () => {
    if (timer !== null) {
      stop();
      return;
    }
    if (range.valueAsNumber === last) range.value = 0;
    else range.value = range.valueAsNumber + 1;
    move();
    // Those who want no motion get one moment a click.
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    play.textContent = "Pause";
    timer = setInterval(() => {
      range.value = range.valueAsNumber + 1;
      move();
      if (range.valueAsNumber === last) stop();
    }, 450);
  });
  range.addEventListener("input", () => {
    stop();
    move();
  });
  own.addEventListener("change", move);
  byId("slider").append(play, range, words, el("label", {}, own, " colours to the moment's own scale"));
  move();
}
