import assert from "node:assert/strict";
import { test } from "node:test";
import { drawn } from "./page.js";

const { default: widget } = await import("../src/compare.js");

let count = 0;

/** A widget of two columns, and what Python hears of it. */
function open(manager = {}) {
  const listeners = [];
  const sent = [];
  const ids = [`left-${count}`, `right-${count++}`];
  const model = {
    widget_manager: manager,
    get: (name) => ({ run_ids: ids, titles: ["glm-4.5-air", "<b>other</b>"] })[name],
    on: (name, listener) => name === "msg:custom" && listeners.push(listener),
    send: (message) => sent.push(message),
  };
  const release = widget.initialize({ model });
  const el = document.createElement("div");
  document.body.replaceChildren(el);
  const close = widget.render({ model, el });
  const emit = (column, content) => listeners.forEach((listener) => listener({ column, content }));
  return { el, emit, sent, ids, close, release };
}

const texts = (el) => [...el.querySelectorAll("section.glm > .glm-text")].map((node) => node.textContent);

test("each column shows what is addressed to it, and no more", async () => {
  const { el, emit } = open();
  emit(0, { seq: 0, title: "glm-4.5-air", answer: { c: [[0, "<p>one</p>"]] } });
  emit(1, { seq: 0, title: "other", answer: { c: [[0, "<p>two</p>"]] } });
  emit(1, { seq: 1, answer: { c: [[0, "<p>more</p>"]] }, end: 1 });
  await drawn();
  assert.deepEqual(texts(el), ["one", "twomore"]);
  const busy = [...el.querySelectorAll("section.glm")].map((node) => node.getAttribute("aria-busy"));
  assert.deepEqual(busy, ["true", "false"]);
});

test("the names of the tiers are text, and every column is named for a screen reader", async () => {
  const { el, emit } = open();
  emit(0, { seq: 0, title: "glm-4.5-air" });
  await drawn();
  const headings = [...el.querySelectorAll(".glm-heading")].map((node) => node.textContent);
  assert.deepEqual(headings, ["glm-4.5-air", "<b>other</b>"]);
  assert.equal(el.querySelector(".glm-compare").getAttribute("aria-label"), "Answers side by side");
  assert.equal(el.querySelector("section.glm").getAttribute("aria-label"), "Answer of glm-4.5-air");
});

test("a column that missed a message asks for its own again", async () => {
  const { emit, sent } = open();
  emit(0, { seq: 0, status: "Answering" });
  emit(1, { seq: 3, status: "Answering" });
  await drawn();
  assert.deepEqual(sent, [{ column: 1, content: { replay: true } }]);
});

test("Stop in a column stops that answer", async () => {
  const opened = [];
  const kernel = {
    supportsSubshells: true,
    interrupt: () => assert.fail("an interrupt would stop all"),
    createComm: () => {
      const comm = { subshellStarted: Promise.resolve(), open: (data) => (opened.push(data), comm.onClose()) };
      return comm;
    },
  };
  const { el, ids } = open({ kernel });
  el.querySelectorAll(".glm-stop")[1].click();
  await drawn();
  await drawn();
  assert.deepEqual(opened, [{ stop: ids[1] }]);
});
