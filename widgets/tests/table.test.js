import assert from "node:assert/strict";
import { test } from "node:test";
import { drawn, makeModel, makeView, open, widget } from "./page.js";

const COLUMNS = [["name", "str", 0], ["price", "Float64", 1]];
const rows = (from, to) => Array.from({ length: to - from }, (_, i) => [`row ${from + i}`, String(from + i)]);

const table = (view) => view.find("[role=table]");
const texts = (view, selector = ".glm-body > .glm-row") =>
  [...view.el.querySelectorAll(selector)].map((row) => [...row.children].map((cell) => cell.textContent));

/** happy-dom lays nothing out: give the window a height, and scroll it as a browser would. */
function tall(view, height = 240) {
  const scroller = view.find(".glm-window");
  Object.defineProperty(scroller, "clientHeight", { value: height });
  Object.defineProperty(scroller, "scrollHeight", { get: () => parseFloat(view.find(".glm-body").parentElement.style.height) });
  return async (top) => {
    scroller.scrollTop = top;
    scroller.dispatchEvent(new window.Event("scroll"));
    await drawn();
  };
}

test("rows come under a head of names and dtypes; numbers stand right, what is missing is a dash", async () => {
  const view = open();
  assert.ok(view.find(".glm-table").hidden);
  view.model.emit({ table: { columns: COLUMNS, rows: [["cup", "1.5"], ["杯子", null]], tail: null, caption: "2 rows" } });
  await drawn();
  assert.ok(!view.find(".glm-table").hidden);
  assert.deepEqual(texts(view, ".glm-head > .glm-row"), [["Row", "namestr", "priceFloat64"]]);
  assert.deepEqual(texts(view), [["0", "cup", "1.5"], ["1", "杯子", "–"]]);
  assert.equal(view.find(".glm-caption").textContent, "2 rows");
  assert.equal(view.el.querySelectorAll(".glm-body .glm-missing").length, 1);
  assert.ok([...view.el.querySelectorAll(".glm-body .glm-row > :last-child")].every((cell) => cell.matches(".glm-number")));
});

test("the unfinished row is grey, is replaced, and ends as a finished one", async () => {
  const view = open();
  view.model.emit({ table: { columns: COLUMNS, tail: ["cu", null], caption: "0 rows" } });
  await drawn();
  assert.deepEqual(texts(view, ".glm-tail"), [["0", "cu", ""]]);
  view.model.emit({ table: { tail: ["cup", "1"], caption: "0 rows" } });
  await drawn();
  assert.deepEqual(texts(view, ".glm-tail"), [["0", "cup", "1"]]);
  view.model.emit({ table: { rows: [["cup", "1.5"]], tail: null, caption: "1 row" } });
  await drawn();
  assert.deepEqual(texts(view), [["0", "cup", "1.5"]]);
  assert.equal(view.find(".glm-tail"), null);
});

test("of ten thousand rows only those in sight have elements, and it can be scrolled to any", async () => {
  const view = open();
  const scroll = tall(view);
  view.model.emit({ table: { columns: COLUMNS, rows: rows(0, 10_000), tail: null, caption: "10,000 rows" } });
  await drawn();
  assert.equal(table(view).getAttribute("aria-rowcount"), "10001");
  for (const [top, first, last] of [[0, 0, 15], [120_000, 4994, 5015], [119_990, 4992, 5015], [239_760, 9984, 9999], [48, 0, 17]]) {
    await scroll(top);
    const shown = view.el.querySelectorAll(".glm-body > .glm-row");
    assert.equal(shown[0].children[0].textContent, String(first));
    assert.equal([...shown].at(-1).children[1].textContent, `row ${last}`);
    assert.equal(shown[0].getAttribute("aria-rowindex"), String(first + 2));
    assert.equal(view.find(".glm-body").style.transform, `translateY(${first * 24}px)`);
    assert.ok(shown.length <= 30);
  }
});

test("rows that stay in sight keep their elements", async () => {
  const view = open();
  const scroll = tall(view);
  view.model.emit({ table: { columns: COLUMNS, rows: rows(0, 1000), tail: null } });
  await drawn();
  await scroll(4800);
  const kept = [...view.el.querySelectorAll(".glm-body > .glm-row")].find((row) => row.textContent.startsWith("205"));
  await scroll(4900);
  assert.ok(kept.isConnected);
});

test("the newest row stays in sight until the reader scrolls up, and again when they are back", async () => {
  const view = open();
  const scroll = tall(view);
  const newest = () => [...view.el.querySelectorAll(".glm-body > .glm-row")].at(-1).children[1].textContent;
  view.model.emit({ table: { columns: COLUMNS, rows: rows(0, 100), tail: null } });
  await drawn();
  assert.equal(newest(), "row 99");
  await scroll(480);
  view.model.emit({ table: { rows: rows(100, 200), tail: null } });
  await drawn();
  assert.equal(view.find(".glm-window").scrollTop, 480);
  assert.equal(newest(), "row 35");
  await scroll(200 * 24 - 240);
  view.model.emit({ table: { rows: rows(200, 300), tail: null } });
  await drawn();
  assert.equal(newest(), "row 299");
});

test("a row that does not fit is marked, with the reason for eyes and ears", async () => {
  const view = open();
  const problems = [[1, "rows[1].price: should be a number"]];
  view.model.emit({ table: { columns: COLUMNS, rows: [["a", "1"], ["b", "x"]], problems, tail: null } });
  await drawn();
  const [good, bad] = view.el.querySelectorAll(".glm-body > .glm-row");
  assert.ok(!good.matches(".glm-problem"));
  assert.ok(bad.matches(".glm-problem"));
  assert.equal(bad.title, "rows[1].price: should be a number");
  assert.match(bad.querySelector("[role=rowheader]").textContent, /should be a number/);
});

test("names, cells, reasons and the caption are text, whatever they look like", async () => {
  const view = open();
  const bad = "<img src=x onerror=alert(1)>";
  view.model.emit({
    table: { columns: [[bad, bad, 0]], rows: [[bad]], problems: [[0, bad]], tail: [bad], caption: bad },
  });
  await drawn();
  assert.equal(view.find("img"), null);
  assert.equal(view.find(".glm-body [role=cell]").textContent, bad);
});

test("a long cell has its text as its title; a text of any direction finds its own", async () => {
  const view = open();
  const long = "word ".repeat(20);
  view.model.emit({ table: { columns: COLUMNS, rows: [[long, "1"], ["水".repeat(18), "2"], ["سماور", "3"]], tail: null } });
  await drawn();
  const cells = [...view.el.querySelectorAll(".glm-body [role=cell]:nth-child(2)")];
  assert.deepEqual(cells.map((cell) => cell.title), [long, "水".repeat(18), ""]);
  assert.ok(cells.every((cell) => cell.dir === "auto"));
});

test("what came before the view, and many messages between two frames, show as one after the other", async () => {
  const slow = open();
  const model = makeModel();
  widget.initialize({ model });
  const messages = [
    { table: { columns: COLUMNS, tail: ["a", null], caption: "0 rows" } },
    { table: { rows: rows(0, 3), problems: [[2, "no"]], tail: ["b", null], caption: "3 rows" } },
    { table: { rows: rows(3, 5), problems: [[4, "no"]], tail: null, caption: "5 rows" } },
  ];
  for (const message of messages) {
    slow.model.emit(message);
    model.emit(message);
    await drawn();
  }
  const expected = slow.find(".glm-table").innerHTML;
  const late = makeView(model);
  await drawn();
  assert.equal(late.find(".glm-table").innerHTML, expected);
  assert.equal(texts(late).length, 5);
});

test("when it begins again, the rows so far are gone and the reader is told why", async () => {
  const view = open();
  view.model.emit({ table: { columns: COLUMNS, rows: rows(0, 50), problems: [[0, "no"]], tail: null, caption: "50 rows" } });
  await drawn();
  view.model.emit({ reset: 1, notes: ["Asking again: no"], thinking: { c: [[0, "<p>hm</p>"]] } });
  await drawn();
  assert.ok(view.find(".glm-table").hidden);
  assert.equal(view.find(".glm-notes").textContent, "Asking again: no");
  view.model.emit({ table: { columns: COLUMNS, rows: [["new", "1"]], tail: null, caption: "1 row" } });
  await drawn();
  assert.deepEqual(texts(view), [["0", "new", "1"]]);
  assert.equal(view.find(".glm-problem"), null);
});

test("the keyboard can scroll it, and a reader's program is told rows and columns", async () => {
  const view = open();
  view.model.emit({ table: { columns: COLUMNS, rows: rows(0, 3), tail: null } });
  await drawn();
  assert.equal(view.find(".glm-window").tabIndex, 0);
  assert.equal(table(view).getAttribute("aria-colcount"), "3");
  const roles = ["rowgroup", "row", "columnheader", "rowheader", "cell"].map((role) => view.el.querySelectorAll(`[role=${role}]`).length);
  assert.deepEqual(roles, [2, 4, 3, 3, 6]);
});
