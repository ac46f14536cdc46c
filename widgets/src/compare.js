// @ts-check
// Several answers side by side: each column is the view of one answer, with a part of the model for itself.

import { describe, element, translator } from "./dom.js";
import { initialize, render } from "./answer.js";

/**
 * @typedef {{ run_ids: string[], titles: string[], words: Record<string, string> }} CompareTraits
 * @typedef {import("@anywidget/types").AnyModel<CompareTraits>} CompareModel
 * @typedef {{ column: number, content: any }} Addressed what Python sends, and hears: whose it is
 */

export default { initialize: initializeAll, render: renderAll };

/** @param {{ model: CompareModel }} context */
function initializeAll({ model }) {
  const closing = columnsOf(model).map((column) => initialize({ model: column }));
  return () => closing.forEach((close) => close());
}

/** @param {{ model: CompareModel, el: HTMLElement }} context */
function renderAll({ model, el }) {
  const root = element("div", "glm-compare");
  describe(root, { role: "group", "aria-label": translator(model)("Answers side by side") });
  el.append(root);
  const closing = columnsOf(model).map((column, number) => {
    const place = element("div", "glm-column", element("div", "glm-heading", model.get("titles")[number] ?? ""));
    root.append(place);
    return render({ model: column, el: place });
  });
  return () => closing.forEach((close) => close());
}

/** What each column takes for its model. @param {CompareModel} model @returns {any[]} */
function columnsOf(model) {
  return model.get("run_ids").map((id, column) => ({
    widget_manager: model.widget_manager,
    get: (/** @type {string} */ name) => (name === "words" ? model.get("words") : id),
    send: (/** @type {any} */ content) => model.send({ column, content }),
    on: (/** @type {string} */ name, /** @type {(content: any) => void} */ heard) =>
      model.on(/** @type {any} */ (name), (/** @type {Addressed} */ message) => {
        if (message.column === column) heard(message.content);
      }),
  }));
}
