import assert from "node:assert/strict";
import { test } from "node:test";
import { drawn, makeModel, makeView, open, wait, widget } from "./page.js";

const answer = (view) => view.find(".glm > .glm-text");

const blocks = (...html) => html.map((piece) => [0, piece]);

test("what came before the view is shown, as it would have been live", async () => {
  const model = makeModel();
  widget.initialize({ model });
  model.emit({ answer: { t: [[0, "<p>on</p>"]] } });
  model.emit({ answer: { c: blocks("<p>one</p>"), t: [[0, "<p>tw</p>"]] } });
  model.emit({ answer: { c: blocks("<p>two</p>"), t: [[0, "<pre><code></code></pre>"]], x: "print(" } });
  model.emit({ answer: { x: "1)" } });
  const view = makeView(model);
  await drawn();
  assert.deepEqual([...answer(view).querySelectorAll("p")].map((p) => p.textContent), ["one", "two"]);
  assert.equal(view.find("pre code").textContent, "print(1)");
});

test("a second view shows the same as the first", async () => {
  const first = open();
  const thinking = { t: [[0, "<p>hm</p>"]] };
  first.model.emit({ answer: { c: blocks("<p>one</p>"), t: [[0, "<p>two</p>"]] }, thinking, raw: "one\n\ntwo" });
  await drawn();
  const html = first.el.innerHTML;
  const second = makeView(first.model);
  await drawn();
  assert.equal(second.el.innerHTML, html);
});

test("settled blocks stay, only the tail is drawn anew", async () => {
  const view = open();
  view.model.emit({ answer: { c: blocks("<p>one</p>"), t: [[0, "<p>tw</p>"]] } });
  await drawn();
  const block = view.find("p");
  view.model.emit({ answer: { t: [[0, "<p>two</p>"]] } });
  view.model.emit({ answer: { c: blocks("<p>two!</p>") } });
  await drawn();
  assert.equal(view.find("p"), block);
  assert.equal(answer(view).innerHTML, "<p>one</p><p>two!</p>");
});

test("items and rows go into the list and the table that are open", async () => {
  const view = open();
  view.model.emit({ answer: { c: [[0, "<ul></ul>"], [1, "<li>a</li>"]], t: [[1, "<li>b</li>"]] } });
  await drawn();
  view.model.emit({ answer: { c: [[1, "<li>bc</li>"]], t: [[1, "<li>d</li>"]], x: "e" } });
  await drawn();
  assert.equal(answer(view).innerHTML, "<ul><li>a</li><li>bc</li><li>de</li></ul>");
  const table = "<table><thead><tr><th>h</th></tr></thead><tbody></tbody></table>";
  view.model.emit({ answer: { c: [[1, "<li>def</li>"], [0, table], [2, "<tr><td>1</td></tr>"]] } });
  view.model.emit({ answer: { t: [[2, "<tr><td>2</td></tr>"]] } });
  await drawn();
  assert.deepEqual([...view.el.querySelectorAll("tbody td")].map((cell) => cell.textContent), ["1", "2"]);
});

test("a tail of several pieces goes as one", async () => {
  const view = open();
  view.model.emit({ answer: { c: blocks("<p>a</p>"), t: [[0, "<ul></ul>"], [1, "<li>b</li>"]], x: "c" } });
  await drawn();
  assert.equal(answer(view).innerHTML, "<p>a</p><ul><li>bc</li></ul>");
  view.model.emit({ answer: { t: [[0, "<ul></ul>"], [1, "<li>bcd</li>"]] } });
  await drawn();
  assert.equal(answer(view).innerHTML, "<p>a</p><ul><li>bcd</li></ul>");
  view.model.emit({ answer: { c: [] } });
  await drawn();
  assert.equal(answer(view).innerHTML, "<p>a</p>");
});

for (const [html, expected] of [
  ["<p>a</p>", "<p>ab</p>"],
  ["<p>a<strong>c</strong></p>", "<p>a<strong>c</strong>b</p>"],
  ["<pre><code>a</code></pre>", "<pre><code>ab</code></pre>"],
  ["<p>a <code>c</code></p>", "<p>a <code>c</code>b</p>"],
  ["<blockquote><ul><li>a</li></ul></blockquote>", "<blockquote><ul><li>ab</li></ul></blockquote>"],
])
  test(`added text goes into the last block: ${expected}`, async () => {
    const view = open();
    view.model.emit({ answer: { t: [[0, html]], x: "b" } });
    await drawn();
    assert.equal(answer(view).innerHTML, expected);
  });

test("many messages between two frames are drawn as one", async () => {
  const slow = open();
  const quick = open();
  const messages = [
    { answer: { t: [[0, "<p>a</p>"]] } },
    { answer: { c: blocks("<p>a</p>"), t: [[0, "<p>b</p>"]], x: "c" } },
    { answer: { c: blocks("<p>bc</p>"), t: [[0, "<pre><code></code></pre>"]], x: "x = " } },
    { answer: { x: "1\n" } },
    { answer: { c: blocks("<pre>x = 1</pre>"), t: [[0, "<p>c</p>"]] }, raw: "c" },
    { answer: { c: blocks("<p>c</p>") }, raw: "d", status: "Answering", facts: ["7 out"] },
  ];
  for (const message of messages) {
    slow.model.emit(message);
    await drawn();
  }
  messages.forEach((message) => quick.model.emit(message));
  await drawn();
  assert.equal(quick.find(".glm > .glm-text").innerHTML, "<p>a</p><p>bc</p><pre>x = 1</pre><p>c</p>");
  assert.equal(quick.el.innerHTML, slow.el.innerHTML);
});

test("text added to a fence is text, whatever it looks like", async () => {
  const view = open();
  view.model.emit({ answer: { t: [[0, "<pre><code></code></pre>"]], x: "<img src=x onerror=alert(1)>" } });
  view.model.emit({ answer: { x: "<script>alert(2)</script>" } });
  await drawn();
  assert.equal(view.find("pre code").textContent, "<img src=x onerror=alert(1)><script>alert(2)</script>");
  assert.equal(view.find("img, script"), null);
});

for (const [name, message] of Object.entries({
  status: { status: "<b>x</b>" },
  summary: { summary: "<b>x</b>" },
  facts: { facts: ["<b>x</b>"] },
  notes: { notes: ["<b>x</b>"] },
  tools: { tools: [[0, "<b>x</b>", "<b>y</b>"]] },
  title: { title: '"><b>x</b>' },
}))
  test(`${name} is shown as text`, async () => {
    const view = open();
    view.model.emit(message);
    await drawn();
    assert.equal(view.find("b"), null);
    assert.ok(view.el.textContent.includes("<b>x</b>") || view.find("section").getAttribute("aria-label").includes("<b>"));
  });

test("the thinking is one line that shows its end, until the answer begins", async () => {
  const view = open();
  assert.equal(view.find("details").hidden, true);
  view.model.emit({ thinking: { c: blocks("<p>first</p>"), t: [[0, "<p>second\nthird</p>"]] }, summary: "Thinking" });
  await drawn();
  assert.equal(view.find("details").hidden, false);
  assert.equal(view.find("details").open, false);
  assert.equal(view.find(".glm-line").textContent, "third");
  view.model.emit({ thinking: { t: [[0, `<p>${"word ".repeat(100)}end</p>`]] } });
  await drawn();
  assert.match(view.find(".glm-line").textContent, /^word .*end$/);
  assert.ok(view.find(".glm-line").textContent.length <= 90);
  view.model.emit({ thinking: { c: blocks("<p>done</p>") }, answer: { t: [[0, "<p>So</p>"]] }, summary: "Thought for 2 s" });
  await drawn();
  assert.equal(view.find(".glm-line").hidden, true);
  assert.equal(view.find(".glm-label").textContent, "Thought for 2 s");
});

test("its own words are those that Python gives, and English where it gives none", () => {
  const model = makeModel();
  const { get } = model;
  model.get = (name) => (name === "words" ? { Stop: "停止" } : get(name));
  const view = makeView(model);
  assert.equal(view.find(".glm-stop").textContent, "停止");
  assert.equal(view.find(".glm-copy").textContent, "Copy");
});

test("pieces of tool calls are joined by their index", async () => {
  const view = open();
  view.model.emit({ tools: [[0, "weather", '({"city": '], [1, "time", "("]] });
  view.model.emit({ tools: [[0, "", '"Oslo"})']] });
  await drawn();
  const calls = [...view.el.querySelectorAll(".glm-tool")].map((call) => call.textContent);
  assert.deepEqual(calls, ['weather({"city": "Oslo"})', "time("]);
});

test("a lost message is noticed, and everything is asked for again and shown", async () => {
  const view = open();
  view.model.emit({ answer: { c: blocks("<p>one</p>") }, raw: "one" });
  view.model.lose();
  assert.deepEqual(view.model.sent, []);
  view.model.emit({ answer: { t: [[0, "<p>three</p>"]] }, raw: "three" });
  assert.deepEqual(view.model.sent, [{ replay: true }]);
  view.model.emit({ reset: 1, answer: { c: blocks("<p>one</p><p>two</p>"), t: [[0, "<p>three</p>"]] }, raw: "all" });
  view.model.emit({ answer: { t: [[0, "<p>three!</p>"]] } });
  await drawn();
  assert.equal(answer(view).textContent, "onetwothree!");
  assert.deepEqual(view.model.sent, [{ replay: true }]);
});

test("a view that hears nothing asks once for everything", async () => {
  const view = open();
  await wait(2100);
  assert.deepEqual(view.model.sent, [{ replay: true }]);
});

test("a closed view hears nothing, and a destroyed model leaves nothing", async () => {
  const view = open();
  view.model.emit({ answer: { c: blocks("<p>one</p>") } });
  await drawn();
  view.close();
  view.model.emit({ answer: { c: blocks("<p>two</p>") } });
  await drawn();
  assert.equal(answer(view).textContent, "one");
  view.release();
  const later = makeView(makeModel({}, view.model.get("run_id")));
  await drawn();
  assert.equal(answer(later).textContent, "");
  later.close();
});

test("busy while it runs; the phases are spoken, the text is not", async () => {
  const view = open();
  const section = view.find("section");
  assert.equal(section.getAttribute("aria-busy"), "true");
  view.model.emit({ title: "glm-4.5-air", status: "Answering", answer: { t: [[0, "<p>text</p>"]] }, facts: ["12 out"] });
  await drawn();
  assert.equal(section.getAttribute("aria-label"), "Answer of glm-4.5-air");
  assert.equal(view.find("[role=status]").textContent, "Answering");
  assert.equal(view.el.querySelectorAll("[aria-live]").length, 0);
  view.model.emit({ status: "Done", end: 1 });
  await drawn();
  assert.equal(section.getAttribute("aria-busy"), "false");
  assert.equal(view.find("[role=status]").textContent, "Done");
  assert.ok(view.find(".glm-stop").hidden);
});

test("facts change in place", async () => {
  const view = open();
  view.model.emit({ facts: ["a", "b", "c"] });
  await drawn();
  const first = view.find(".glm-facts span");
  view.model.emit({ facts: ["A", "b"] });
  await drawn();
  assert.equal(view.find(".glm-facts span"), first);
  assert.deepEqual([...view.find(".glm-facts").children].map((fact) => fact.textContent), ["A", "b"]);
});

test("the output's height is held for the swap", async () => {
  const view = open();
  view.area.getBoundingClientRect = () => ({ height: 321 });
  view.model.emit({ pin: 1 });
  await drawn();
  assert.equal(view.area.style.minHeight, "321px");
});

test("finished blocks with math are typeset by the host, the tail is not", async () => {
  const seen = [];
  const typesetter = { typeset: (node) => seen.push(node.textContent) };
  const view = open({ rendermime: { latexTypesetter: typesetter } });
  const math = (text) => `<p>or <span class="math">${text}</span></p>`;
  const display = '<div class="math">\\[b\\]</div>';
  view.model.emit({ answer: { c: blocks(math("\\(a\\)"), "<p>$5 or $6</p>", display), t: [[0, math("\\(c\\)")]] } });
  await drawn();
  assert.deepEqual(seen, ["\\(a\\)", "\\[b\\]"]);
});

test("a typesetter that fails leaves the TeX", async () => {
  const fail = () => {
    throw new Error("no");
  };
  const view = open({ rendermime: { latexTypesetter: { typeset: fail } } });
  view.model.emit({ answer: { c: blocks('<p class="math">\\(a\\)</p>') } });
  await drawn();
  assert.equal(answer(view).textContent, "\\(a\\)");
});

test("Copy copies the model's own text", async () => {
  const view = open();
  let copied = "";
  Object.defineProperty(navigator, "clipboard", {
    value: { writeText: async (text) => void (copied = text) },
    configurable: true,
  });
  await drawn();
  assert.ok(view.find(".glm-copy").hidden);
  view.model.emit({ answer: { t: [[0, "<p><b>bo</b></p>"]] }, raw: "**bo" });
  view.model.emit({ answer: { t: [[0, "<p><b>bold</b></p>"]] }, raw: "ld**" });
  await drawn();
  assert.ok(!view.find(".glm-copy").hidden);
  view.find(".glm-copy").click();
  await drawn();
  assert.equal(copied, "**bold**");
  assert.equal(view.find(".glm-copy").textContent, "Copied");
});

/** A kernel as JupyterLab's: what it was asked, and an answer to a stop if it `hears`. */
function makeKernel({ subshells = true, started = Promise.resolve(), hears = true } = {}) {
  const asked = [];
  return {
    asked,
    supportsSubshells: subshells,
    interrupt: async () => void asked.push("interrupt"),
    createComm: (target) => ({
      subshellStarted: started,
      open(data) {
        asked.push([target, data]);
        if (hears) setTimeout(() => this.onClose(), 1);
      },
    }),
  };
}

const never = new Promise(() => {});
const stop = (view) => ["glm_magics.control", { stop: view.model.get("run_id") }];

for (const [name, kernel, expected] of [
  ["by the run's id, where the kernel hears it", makeKernel(), (view) => [stop(view)]],
  ["by an interrupt, where it does not hear", makeKernel({ hears: false }), (view) => [stop(view), "interrupt"]],
  ["by an interrupt, where no subshell starts", makeKernel({ started: never }), () => ["interrupt"]],
  ["by an interrupt, where there are no subshells", makeKernel({ subshells: false }), () => ["interrupt"]],
])
  test(`Stop works ${name}`, async () => {
    const view = open({ kernel });
    assert.ok(!view.find(".glm-stop").hidden);
    view.find(".glm-stop").click();
    await wait(700);
    assert.deepEqual(kernel.asked, expected(view));
    assert.equal(view.find(".glm-status").textContent, "Stopping");
    assert.ok(view.find(".glm-stop").disabled);
  });

test("a run that has ended in the meantime is not interrupted", async () => {
  const kernel = makeKernel({ hears: false });
  const view = open({ kernel });
  view.find(".glm-stop").click();
  await wait(20);
  view.model.emit({ end: 1, status: "Stopped" });
  await wait(700);
  assert.deepEqual(kernel.asked, [stop(view)]);
});

test("a kernel that cannot be interrupted: the reader is told what to do", async () => {
  const kernel = { interrupt: () => Promise.reject(new Error("gone")) };
  const view = open({ kernel });
  view.find(".glm-stop").click();
  await drawn();
  assert.match(view.find("[role=status]").textContent, /stop button/);
});

test("Stop is hidden where there is no kernel to reach, in VS Code, Voilà and JupyterLite", async () => {
  assert.ok(open({}).find(".glm-stop").hidden);
  for (const mark of ["data-vscode-theme-kind", "data-voila", "data-jupyter-lite-root"]) {
    document.body.setAttribute(mark, "");
    assert.ok(open({ kernel: makeKernel() }).find(".glm-stop").hidden, mark);
    document.body.removeAttribute(mark);
  }
  assert.ok(!open({ kernel: makeKernel() }).find(".glm-stop").hidden);
});
