// @ts-check
// The live view of one answer. Python parses the Markdown and sends only what is new (at most 20 messages
// a second); this file puts it in place. It parses nothing, loads nothing and keeps nothing after the end.

import { describe, element, translator } from "./dom.js";
import { mergeTable, tableArea } from "./table.js";

/**
 * Cleaned HTML and how deep it goes: 0 is the end of the text, 1 inside the last (open) list there, …
 * @typedef {[at: number, html: string]} Piece
 *
 * What is new in one Markdown text; `glm_magics/render.py` makes it.
 * @typedef {object} Ops
 * @property {Piece[]} [c] settled: stays as it is; the open tail before it is gone
 * @property {Piece[]} [t] the open tail, instead of the one before
 * @property {string} [x] plain text, added to the end of the tail
 *
 * What Python sends; `glm_magics/views/live.py` makes it.
 * @typedef {object} Message
 * @property {number} [seq] messages are counted from 0; a gap asks for everything again
 * @property {1} [reset] forget what came before: this message holds everything
 * @property {string} [title] the tier
 * @property {Ops} [thinking]
 * @property {Ops} [answer]
 * @property {TableOps} [table] the answer, where it is rows
 * @property {string} [raw] the model's own text since the last message, for Copy
 * @property {[index: number, name: string, text: string][]} [tools] pieces of tool calls
 * @property {string} [status] what is going on, in a word or two
 * @property {string} [summary] the line of the folded thinking
 * @property {string[]} [facts] tokens, speed, money
 * @property {string[]} [notes] remarks at the end
 * @property {1} [end] nothing follows
 * @property {1} [pin] hold the output's height while the static output takes this one's place
 *
 * @typedef {import("./table.js").TableOps} TableOps
 * @typedef {{ run_id: string, words: Record<string, string> }} Traits those of ours
 * @typedef {import("@anywidget/types").AnyModel<Traits>} Model
 * @typedef {{ message: Message, next: number, views: Set<(message: Message) => void> }} Run
 * @typedef {{ body: HTMLElement, tail: Element[] }} Text
 */

const SUBSHELL_WAIT = 300; // ms; a kernel that announces subshells may still not start one
const STOP_WAIT = 300; // ms for the kernel to confirm a stop, before it is interrupted instead
const REPLAY_WAIT = 2000; // ms; a view without a message by then belongs to a page that was reloaded
const PIN_TIME = 4000; // ms; the host lays out the static output, and its math, within this time

// Text that is added to the tail goes into the last of these.
const BLOCK = "p,li,ul,ol,blockquote,h1,h2,h3,h4,h5,h6,table,thead,tbody,tr,td,th,pre,pre>code";

/** What each run has shown so far: a view may open late, or twice. @type {Map<string, Run>} */
const runs = new Map();

/** @param {{ model: Model }} context */
export function initialize({ model }) {
  const id = model.get("run_id");
  const run = runOf(id);
  // Listening starts here: by the time of `render` the first messages may have gone by.
  model.on("msg:custom", (/** @type {Message} */ message) => {
    if (message.seq !== run.next && !message.reset) model.send({ replay: true });
    run.next = (message.seq ?? run.next) + 1;
    merge(run.message, message);
    for (const show of run.views) show(message);
  });
  return () => void runs.delete(id);
}

/** @param {{ model: Model, el: HTMLElement }} context */
export function render({ model, el }) {
  const run = runOf(model.get("run_id"));
  const show = view(model, el);
  show(run.message);
  run.views.add(show);
  const late = setTimeout(() => run.next || model.send({ replay: true }), REPLAY_WAIT);
  return () => {
    clearTimeout(late);
    run.views.delete(show);
  };
}

/** @param {string} id @returns {Run} */
function runOf(id) {
  const run = runs.get(id) ?? { message: {}, next: 0, views: new Set() };
  runs.set(id, run);
  return run;
}

/**
 * Add `message` to `all`, so that showing `all` is like showing one message after the other.
 * @param {Message} all @param {Message} message
 */
function merge(all, message) {
  if (message.reset) for (const key in all) delete all[/** @type {keyof Message} */ (key)];
  const { thinking, answer, table, raw, tools, ...latest } = message;
  Object.assign(all, latest);
  if (thinking) mergeOps((all.thinking ??= {}), thinking);
  if (answer) mergeOps((all.answer ??= {}), answer);
  if (table) mergeTable((all.table ??= {}), table);
  if (raw) all.raw = (all.raw ?? "") + raw;
  if (tools) all.tools = [...(all.tools ?? []), ...tools];
}

/** @param {Ops} all @param {Ops} ops */
function mergeOps(all, { c, t, x }) {
  if (c) all.c = (all.c ?? []).concat(c);
  if (c || t) [all.t, all.x] = [t, undefined];
  if (x) all.x = (all.x ?? "") + x;
}

/**
 * Build the view in `el`. Returns what shows a message, at the next animation frame.
 * @param {Model} model @param {HTMLElement} el
 */
function view(model, el) {
  const _ = translator(model);
  const thinking = textArea();
  const answer = textArea();
  const table = tableArea(_);
  const label = element("span", "glm-label", _("Thinking"));
  const line = element("span", "glm-line", element("span", ""));
  const scroll = element("div", "glm-scroll", thinking.body);
  const fold = element("details", "glm-thinking", element("summary", "", label, line), scroll);
  const tools = element("div", "glm-tools");
  const notes = element("div", "glm-notes");
  const status = element("span", "glm-status");
  const facts = element("span", "glm-facts");
  const stop = button("glm-stop", _("Stop"), _("Stop generating"));
  const copy = button("glm-copy", _("Copy"), _("Copy the answer"));
  const spoken = element("span", "glm-spoken");
  const footer = element("div", "glm-footer", status, facts, stop, copy, spoken);
  const root = element("section", "glm", fold, answer.body, table.node, tools, notes, footer);
  describe(root, { "aria-label": _("Answer"), "aria-busy": "true" });
  describe(scroll, { role: "group", "aria-label": _("Thinking"), tabindex: "0" }); // the keyboard can scroll it
  describe(line, { "aria-hidden": "true" }); // it changes many times a second
  describe(spoken, { role: "status" });
  fold.hidden = copy.hidden = true;
  stop.hidden = !kernelOf(model);
  el.append(root);

  let raw = "";
  /** @type {Map<number, HTMLElement>} */
  const calls = new Map();
  const ended = () => root.getAttribute("aria-busy") === "false";

  /** @param {string} words */
  function say(words) {
    if (status.textContent !== words) status.textContent = spoken.textContent = words;
  }

  /** @param {Message} message */
  function draw(message) {
    if (message.reset) {
      for (const area of [thinking, answer]) {
        area.body.replaceChildren();
        area.tail = [];
      }
      table.clear();
      tools.replaceChildren();
      calls.clear();
      raw = "";
    }
    if (message.title) describe(root, { "aria-label": `${_("Answer of")} ${message.title}` });
    if (message.thinking) {
      fold.hidden = line.hidden = false;
      write(thinking, message.thinking, model);
      showEnd(line, lastLine(thinking));
    }
    if (message.answer) write(answer, message.answer, model);
    if (message.table) table.write(message.table);
    for (const [index, name, piece] of message.tools ?? []) {
      const call = calls.get(index) ?? element("code", "");
      if (!calls.has(index)) tools.append(element("div", "glm-tool", call));
      calls.set(index, call);
      call.append(name, piece);
    }
    if (message.answer || message.table || message.tools || message.end) line.hidden = true;
    raw += message.raw ?? "";
    copy.hidden = !raw;
    if (message.summary) label.textContent = message.summary;
    if (message.status) say(message.status);
    if (message.facts) list(facts, message.facts);
    if (message.notes) list(notes, message.notes);
    if (message.end) {
      describe(root, { "aria-busy": "false" });
      stop.hidden = true;
    }
    if (message.pin) pin(el);
  }

  stop.onclick = async () => {
    stop.disabled = true;
    say(_("Stopping"));
    if (!(await stopRun(model, ended))) say(_("To stop, use the notebook's own stop button"));
  };
  copy.onclick = async () => {
    copy.textContent = spoken.textContent = (await copyText(raw, root)) ? _("Copied") : _("Not copied");
    setTimeout(() => (copy.textContent = _("Copy")), 1500);
  };

  /** @type {Message} */
  let waiting = {};
  let frame = 0;
  return (/** @type {Message} */ message) => {
    merge(waiting, message);
    frame ||= requestAnimationFrame(() => {
      const due = waiting;
      [waiting, frame] = [{}, 0];
      draw(due);
    });
  };
}

/** @returns {Text} */
function textArea() {
  const body = element("div", "jp-RenderedHTMLCommon jp-RenderedMarkdown glm-text");
  body.dir = "auto";
  return { body, tail: [] };
}

/** @param {Text} area @param {Ops} ops @param {Model} model */
function write(area, { c, t, x }, model) {
  if (c || t) {
    area.tail.forEach((node) => node.remove());
    area.tail = [];
  }
  for (const piece of c ?? []) for (const node of put(area.body, piece)) typeset(node, model);
  for (const piece of t ?? []) area.tail.push(...put(area.body, piece));
  const last = area.tail.at(-1);
  if (x && last) innermost(last).append(x);
}

/**
 * The one place where a string becomes elements: `render.py` made and cleaned it.
 * A template, because a `tr` alone would not survive anywhere else.
 * @param {Element} body @param {Piece} piece
 */
function put(body, [at, cleaned]) {
  const template = document.createElement("template");
  template.innerHTML = cleaned;
  const added = [...template.content.children];
  let parent = body;
  while (at-- && parent.lastElementChild) parent = parent.lastElementChild;
  parent.append(template.content);
  return added;
}

/** Where text at the end of `node` belongs: in its last block. @param {Element} node */
function innermost(node) {
  for (;;) {
    const last = node.lastChild;
    if (!(last instanceof Element) || !last.matches(BLOCK)) return node;
    node = last;
  }
}

/**
 * Let the notebook's own typesetter do the math of settled elements. Where there is none, the TeX stays.
 * Only of `.math`: it would take the dollars of a price for math.
 * @param {Element} node @param {Model} model
 */
function typeset(node, model) {
  const typesetter = managerOf(model)?.rendermime?.latexTypesetter;
  if (!typesetter) return;
  const formulas = node.matches(".math") ? [node] : node.querySelectorAll(".math");
  for (const formula of formulas)
    Promise.resolve(formula)
      .then((formula) => typesetter.typeset(formula))
      .catch(() => {}); // the TeX stays
}

/** @param {Text} area */
function lastLine({ body, tail }) {
  const last = tail.at(-1) ?? body.lastElementChild;
  const text = (last && innermost(last).textContent?.trimEnd()) ?? "";
  return text.slice(text.lastIndexOf("\n") + 1);
}

/** Show the end of a line, from a word on. @param {HTMLElement} node @param {string} text */
function showEnd(node, text) {
  const cut = text.length > 90;
  const shown = cut ? text.slice(-90).replace(/^\S*\s/, "") : text;
  node.classList.toggle("glm-cut", cut);
  if (node.firstElementChild) node.firstElementChild.textContent = shown;
}

/** @param {HTMLElement} node @param {string[]} items */
function list(node, items) {
  while (node.children.length > items.length) node.lastChild?.remove();
  items.forEach((item, i) => {
    const child = node.children[i] ?? node.appendChild(element("span", ""));
    if (child.textContent !== item) child.textContent = item;
  });
}

/** Hold the height of the output while its content is replaced. @param {HTMLElement} el */
function pin(el) {
  const area = /** @type {HTMLElement | null} */ (el.closest(".jp-OutputArea"));
  if (!area) return;
  area.style.minHeight = `${area.getBoundingClientRect().height}px`;
  setTimeout(() => (area.style.minHeight = ""), PIN_TIME);
}

/**
 * Stop the run: by its id where the kernel can hear us during a cell, else by an interrupt, which could
 * hit the next cell. Returns false if neither is possible.
 * @param {Model} model @param {() => boolean} ended
 */
async function stopRun(model, ended) {
  const kernel = kernelOf(model);
  if (!kernel) return false;
  try {
    if ((await askToStop(kernel, model.get("run_id"))) || ended()) return true;
    await kernel.interrupt();
    return true;
  } catch {
    return false;
  }
}

/**
 * A comm of its own reaches a subshell while the cell runs; a message on the widget's comm would wait for the
 * end of the cell (ipykernel 6 and 7.4). Python closes the comm to say that it has heard.
 * @param {any} kernel @param {string} id @returns {Promise<boolean>}
 */
async function askToStop(kernel, id) {
  if (!kernel.supportsSubshells || !kernel.createComm) return false;
  const comm = kernel.createComm("glm_magics.control");
  const started = Promise.resolve(comm.subshellStarted).then(() => true);
  if (!(await Promise.race([started, wait(SUBSHELL_WAIT)]))) return false;
  const heard = new Promise((resolve) => (comm.onClose = () => resolve(true)));
  comm.open({ stop: id });
  return Promise.race([heard, wait(STOP_WAIT)]);
}

/** The kernel that Stop can reach, if any. @param {Model} model */
function kernelOf(model) {
  // In VS Code no message arrives while a cell runs; Voilà refuses to interrupt and has no subshells (0.5.13);
  // the kernel of JupyterLite hears nothing before its cell has ended.
  if (document.querySelector("body[data-vscode-theme-kind], body[data-voila], [data-jupyter-lite-root]")) return undefined;
  const kernel = managerOf(model)?.kernel;
  return kernel?.interrupt ? kernel : undefined;
}

/** JupyterLab's objects behind the model; nothing of them is promised. @param {Model} model @returns {any} */
function managerOf(model) {
  return model.widget_manager;
}

/** @param {string} text @param {HTMLElement} root @returns {Promise<boolean>} */
async function copyText(text, root) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https there is no clipboard object, or the page may not use it.
    const box = element("textarea", "glm-spoken");
    box.value = text;
    root.append(box);
    box.select();
    const copied = document.execCommand("copy");
    box.remove();
    return copied;
  }
}

/** @param {number} time @returns {Promise<false>} */
function wait(time) {
  return new Promise((resolve) => setTimeout(() => resolve(false), time));
}

/** @param {string} className @param {string} words @param {string} title */
function button(className, words, title) {
  const node = element("button", `glm-button ${className}`, words);
  node.type = "button";
  node.title = title;
  return node;
}
