// @ts-check
// Elements, made in one line.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {string} className @param {...(Node | string)} children
 */
export function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/**
 * The view's own words in the reader's language, by their English: Python has the catalog.
 * @param {{ get(name: "words"): Record<string, string> | undefined }} model @returns {(english: string) => string}
 */
export function translator(model) {
  const words = model.get("words") ?? {};
  return (english) => words[english] ?? english;
}

/** @param {Element} node @param {Record<string, string>} attributes */
export function describe(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}
