// A page and a model for the tests: happy-dom instead of a browser, a plain object instead of a widget model.
import { Window } from "happy-dom";

const window = new Window({ url: "https://notebook.example" });
Object.assign(globalThis, { window, document: window.document, Element: window.Element, ResizeObserver: window.ResizeObserver });
Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
globalThis.requestAnimationFrame = (callback) => setTimeout(() => callback(0), 0);

export const { default: widget } = await import("../src/stream.js");

/** The next frame has been drawn. */
export const drawn = () => new Promise((resolve) => setTimeout(resolve, 5));

export const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));

let count = 0;

export function makeModel(manager = {}, id = `run-${count++}`) {
  const listeners = [];
  let seq = 0;
  return {
    sent: [],
    widget_manager: manager,
    get: (name) => (name === "run_id" ? id : undefined),
    on: (name, listener) => name === "msg:custom" && listeners.push(listener),
    off() {},
    send(message) {
      this.sent.push(message);
    },
    /** What Python does. */
    emit: (message) => listeners.forEach((listener) => listener({ seq: seq++, ...message })),
    lose: () => seq++,
  };
}

export function makeView(model) {
  const el = document.createElement("div");
  const area = document.createElement("div");
  area.className = "jp-OutputArea";
  area.append(el);
  document.body.replaceChildren(area);
  const close = widget.render({ model, el });
  return { el, area, close, find: (selector) => el.querySelector(selector) };
}

/** A model whose messages are heard, and a view of it. */
export function open(manager) {
  const model = makeModel(manager);
  const release = widget.initialize({ model });
  return { model, release, ...makeView(model) };
}
