// @ts-check
// A table that grows while its rows stream in. All rows are kept as arrays of text; only those in sight, and
// a few around them, have elements. Every cell is set as text.

import { describe, element } from "./dom.js";

/**
 * The text of each cell, null where a value is missing.
 * @typedef {(string | null)[]} Row
 *
 * What is new in one table; `glm_magics/views/parts.py` makes it.
 * @typedef {object} TableOps
 * @property {[name: string, dtype: string, numeric: number][]} [columns]
 * @property {Row[]} [rows] finished rows, behind those before
 * @property {[at: number, reason: string][]} [problems] rows that do not fit the schema
 * @property {Row | null} [tail] the unfinished row, instead of the one before
 * @property {string} [caption]
 */

const ROW = 24; // px, as in table.css
const AROUND = 6; // rows above and below those in sight
const WIDEST = 36; // digits in a column; what is wider is cut, and has its text as its title
const INDENT = 17; // px of a cell beside its text

/**
 * Add `ops` to `all`, so that showing `all` is like showing one after the other.
 * @param {TableOps} all @param {TableOps} ops
 */
export function mergeTable(all, { rows, problems, ...latest }) {
  Object.assign(all, latest);
  for (const row of rows ?? []) (all.rows ??= []).push(row);
  for (const problem of problems ?? []) (all.problems ??= []).push(problem);
}

/**
 * An empty table: its element, and what adds to it and empties it.
 * @param {(english: string) => string} _ translates
 */
export function tableArea(_) {
  const head = element("div", "glm-row");
  const body = element("div", "glm-body");
  const space = element("div", "", body); // as high as all the rows
  const table = element("div", "", element("div", "glm-head", head), space);
  const view = element("div", "glm-window", table);
  const caption = element("div", "glm-caption");
  const node = element("div", "glm-table", view, caption);
  describe(table, { role: "table", "aria-label": _("Rows") });
  for (const group of [head.parentElement, body]) describe(/** @type {Element} */ (group), { role: "rowgroup" });
  describe(head, { role: "row", "aria-rowindex": "1" });
  // The keyboard can scroll it; in JupyterLab the arrows would leave the cell otherwise.
  describe(view, { role: "group", "aria-label": _("Table"), tabindex: "0", "data-lm-suppress-shortcuts": "true" });
  node.hidden = true;

  /** @type {Row[]} */
  let rows = [];
  /** @type {Map<number, string>} */
  const problems = new Map();
  /** @type {Row | null} */
  let tail = null;
  /** @type {boolean[]} */
  let numeric = [];
  /** @type {number[]} */
  let widths = []; // of the columns, in digits; the first numbers the rows
  let [first, last] = [0, 0]; // the rows that have elements
  let follows = true; // the newest row stays in sight until the reader scrolls up
  let frame = 0;

  /** @param {TableOps} ops */
  function write(ops) {
    node.hidden = false;
    if (ops.columns) setColumns(ops.columns);
    for (const row of ops.rows ?? []) measure(row, rows.push(row) - 1);
    for (const [at, reason] of ops.problems ?? []) problems.set(at, reason);
    if (ops.caption) caption.textContent = ops.caption;
    if (body.lastElementChild?.matches(".glm-tail")) {
      body.lastElementChild.remove();
      last--;
    }
    if (ops.tail !== undefined) tail = ops.tail;
    if (tail) measure(tail, rows.length);
    table.style.setProperty("--glm-columns", widths.map((width) => `calc(${width}ch + ${INDENT}px)`).join(" "));
    const count = rows.length + (tail ? 1 : 0);
    describe(table, { "aria-rowcount": String(count + 1) });
    space.style.height = `${count * ROW}px`;
    if (follows) view.scrollTop = count * ROW;
    draw();
  }

  /** @param {[name: string, dtype: string, numeric: number][]} columns */
  function setColumns(columns) {
    numeric = columns.map(([, , isNumeric]) => Boolean(isNumeric));
    widths = [0, ...columns.map(([name, dtype]) => Math.max(width(name) * 1.2, width(dtype), 4))];
    const cells = columns.map(([name, dtype], at) => {
      const cell = element("div", numeric[at] ? "glm-number" : "", element("b", "", name), element("i", "", dtype));
      cell.title = `${name}: ${dtype}`;
      return cell;
    });
    head.replaceChildren(element("div", "glm-number", element("span", "glm-spoken", _("Row"))), ...cells);
    for (const cell of head.children) describe(cell, { role: "columnheader" });
    describe(table, { "aria-colcount": String(columns.length + 1) });
  }

  /** @param {Row} row @param {number} at */
  function measure(row, at) {
    widths[0] = Math.max(widths[0] ?? 0, 1.2 * String(at).length); // they are bold
    row.forEach((text, i) => (widths[i + 1] = Math.max(widths[i + 1] ?? 1, width(text ?? ""))));
  }

  /** Give elements to the rows in sight, and take them from the others. */
  function draw() {
    const count = rows.length + (tail ? 1 : 0);
    const top = Math.floor(view.scrollTop / ROW) - AROUND;
    const from = Math.max(0, top - (top % 2)); // even, so that every other row keeps its shade
    const to = Math.min(count, Math.ceil((view.scrollTop + view.clientHeight) / ROW) + AROUND);
    for (; first < last && first < from; first++) body.firstElementChild?.remove();
    for (; first < last && last > to; last--) body.lastElementChild?.remove();
    if (first === last) first = last = from;
    while (first > from) body.prepend(rowElement(--first));
    while (last < to) body.append(rowElement(last++));
    body.style.transform = `translateY(${first * ROW}px)`;
  }

  /** @param {number} at */
  function rowElement(at) {
    const finished = rows[at];
    const texts = finished ?? (tail ?? []).map((text) => text ?? ""); // there, nothing is missing yet
    const cells = texts.map((text, i) => cellElement(text, numeric[i] ?? false));
    const number = element("div", "glm-number", String(at));
    const row = element("div", "glm-row", number, ...cells);
    describe(number, { role: "rowheader" });
    describe(row, { role: "row", "aria-rowindex": String(at + 2) });
    if (!finished) row.classList.add("glm-tail");
    const problem = problems.get(at);
    if (problem) {
      row.classList.add("glm-problem");
      row.title = problem;
      number.append(element("span", "glm-spoken", `: ${problem}`));
    }
    return row;
  }

  view.onscroll = () => {
    follows = view.scrollTop + view.clientHeight >= view.scrollHeight - ROW;
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  };
  // Also when the notebook takes the cell out of the page and puts it back.
  const resized = new ResizeObserver(() => draw());
  resized.observe(view);

  function clear() {
    [rows, tail, first, last, follows] = [[], null, 0, 0, true];
    problems.clear();
    body.replaceChildren();
    node.hidden = true;
  }

  return { node, write, clear };
}

/** @param {string | null} text @param {boolean} numeric */
function cellElement(text, numeric) {
  const cell = element("div", numeric ? "glm-number" : "", text ?? "–");
  cell.setAttribute("role", "cell");
  if (text === null) cell.classList.add("glm-missing");
  else if (!numeric) cell.dir = "auto";
  if (text && width(text) >= WIDEST) cell.title = text;
  return cell;
}

/** How wide a text is, in digits: Chinese characters take two. @param {string} text */
function width(text) {
  let sum = 0;
  for (const character of text) {
    sum += character >= "\u1100" ? 2 : 1;
    if (sum >= WIDEST) return WIDEST;
  }
  return sum;
}
