// Making elements, and the few forms of numbers that the page shows.
//
// Text goes in as text nodes only: class names and paths come from files, and nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const byId = (id) => document.getElementById(id);

// A minus sign of the width of a digit; thousands with commas, as the English text around them.
const signed = (text) => text.replace("-", "\u2212");
const count = (n) => n.toLocaleString("en-US");
const fixed = (x, digits) => signed(x.toFixed(digits));
const percent = (x, digits = 1) => Number.isFinite(x) ? `${fixed(100 * x, digits)}\u00a0%` : "\u2013";

// Every digit that the number has: the shortest text that reads back as the same 64 bits.
const exact = (x) => signed(String(x));

function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
