// The mistakes that the model was most sure of, each with its reasons.

const MISTAKES_AT_ONCE = 12;

function drawWorst() {
  const wrong = images.filter((image) => image.label !== image.predicted);
  const all = wrong.map((image) => ({ image, p: probabilities(image.pixels)[image.predicted] }));
  all.sort((a, b) => b.p - a.p || a.image.index - b.image.index);
  let shown = 0;
  const more = () => {
    const next = all.slice(shown, shown + MISTAKES_AT_ONCE);
    const items = next.map(({ image, p }) => {
      const node = why(image.pixels, image.predicted, image.label, [`Test image ${image.index}`, "The share of each pixel"]);
      node.prepend(el("h3", {}, `True: ${classes[image.label]}, taken for: ${classes[image.predicted]} (${percent(p)})`));
      return el("li", {}, node);
    });
    byId("mistakes").append(...items);
    // Who asked for more with the keyboard goes on from there.
    if (shown > 0) fill(items[0], { tabindex: -1 }, []).focus();
    shown += next.length;
    byId("more").textContent = `Show more of the ${count(all.length)}`;
    byId("more").hidden = shown >= all.length;
  };
  byId("more").addEventListener("click", more);
  if (all.length === 0) byId("mistakes").append(el("li", {}, "There is no mistake to show."));
  more();
}

// Of the images in each bin of confidence, the bins of reliability.png, how many are right.
function drawReliability() {
  const bins = data.reliability.filter((bin) => bin.count > 0);
  const [size, room] = [300, 40];
  const most = Math.max(...bins.map((bin) => bin.count));
  const x = (fraction) => room + (size - room - 10) * fraction;
  const y = (fraction) => 10 + (size - room - 10) * (1 - fraction);
  const axis = [0, 0.25, 0.5, 0.75, 1];
  const label = (bin) => `${plural(bin.count, "image")}, ${percent(bin.confidence)} sure, ${percent(bin.accuracy)} right`;
  byId("reliability").append(svg("svg", { viewBox: `0 0 ${size} ${size + 8}`, role: "img", "aria-label": "Reliability diagram; its numbers stand in the table beside it" },
    ...axis.flatMap((tick) => [
      svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: y(0), y2: y(1) }),
      svg("line", { class: "grid", x1: x(0), x2: x(1), y1: y(tick), y2: y(tick) }),
      svg("text", { x: x(tick), y: y(0) + 16, "text-anchor": "middle" }, `${100 * tick}`),
      svg("text", { x: x(0) - 6, y: y(tick) + 4, "text-anchor": "end" }, `${100 * tick}`)]),
    svg("line", { class: "ideal", x1: x(0), x2: x(1), y1: y(0), y2: y(1) }),
    ...bins.map((bin) => svg("circle", { class: "bin", cx: x(bin.confidence), cy: y(bin.accuracy), r: 3 + 9 * Math.sqrt(bin.count / most) },
      svg("title", {}, label(bin)))),
    svg("text", { x: x(0.5), y: size + 4, "text-anchor": "middle" }, "how sure it is, %"),
    svg("text", { x: 8, y: y(0.5), "text-anchor": "middle", transform: `rotate(-90 8 ${y(0.5)})` }, "how often it is right, %")),
  el("table", { class: "plain" },
    el("thead", {}, el("tr", {}, ...["sure", "right", "images"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...bins.map((bin) => el("tr", {}, el("th", { scope: "row" }, percent(bin.confidence)),
      el("td", {}, percent(bin.accuracy)), el("td", {}, count(bin.count)))))));
}
