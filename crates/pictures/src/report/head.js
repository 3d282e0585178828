// The head of the page, what is left out, the run's facts, and light or dark.

function drawHead() {
  byId("lead").textContent = data.lead;
  const ends = data.headline.flatMap(({ interval }) => interval ?? []);
  // Whole steps of five per cent around all intervals, so that the cards can be held against each other.
  const from = Math.min(0.95, Math.floor(20 * Math.min(...ends)) / 20);
  const to = Math.min(1, Math.max(from + 0.05, Math.ceil(20 * Math.max(...ends)) / 20));
  byId("cards").append(...data.headline.map(({ name, value, small, interval }) => el("div", { class: "card" },
    el("p", { class: "name" }, name), el("p", { class: "value" }, value), el("p", { class: "small" }, small),
    interval && whisker(interval, from, to))));
  byId("facts").append(...data.facts.map(({ name, rows }) => el("div", {}, el("h3", {}, name),
    el("dl", {}, ...rows.flatMap(([term, text]) => [el("dt", {}, term),
      el("dd", { class: term.endsWith("SHA-256") ? "digits" : null }, text)])))));
  if (data.left_out.length > 0) {
    byId("left-out").append(el("h3", { style: "margin-top:1.2rem" }, "Not on this page"),
      el("ul", {}, ...data.left_out.map((line) => el("li", {}, line))));
  }
}

// An interval on a line between two fractions.
function whisker([low, value, high], from, to) {
  const x = (fraction) => `${100 * (fraction - from) / (to - from)}%`;
  return svg("svg", { "aria-hidden": "true" },
    svg("line", { x1: "0", x2: "100%", y1: 7, y2: 7, class: "grid" }),
    svg("line", { x1: x(low), x2: x(high), y1: 7, y2: 7, class: "validation" }),
    svg("circle", { cx: x(value), cy: 7, r: 4, class: "dot" }),
    svg("text", { x: 0, y: 24 }, percent(from, 0)), svg("text", { x: "100%", y: 24, "text-anchor": "end" }, percent(to, 0)));
}

// Links to the sections that are there.
function drawNav() {
  const sections = [...document.querySelectorAll("section[data-nav]")];
  byId("nav").append(el("ul", {}, ...sections.map(({ id, dataset }) =>
    el("li", {}, el("a", { href: `#${id}` }, dataset.nav)))));
}

function remove(id) {
  byId(id).remove();
}

function watchTheme() {
  const names = ["as the system", "light", "dark"];
  let chosen = 0;
  byId("theme").addEventListener("click", () => {
    chosen = (chosen + 1) % names.length;
    if (chosen === 0) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = names[chosen];
    byId("theme").textContent = `Theme: ${names[chosen]}`;
  });
}
