// Reads a JSON array of Markdown texts, writes {"name": [html, …]}: each text as JupyterLab's renderer
// (marked) and VS Code's (markdown-it, raw HTML on) would show it, with nothing cleaned afterwards.
import { readFileSync, writeFileSync } from "node:fs";
import MarkdownIt from "markdown-it";
import { marked } from "marked";

const [input, output] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(input, "utf8"));
const vscode = new MarkdownIt({ html: true, linkify: false });

/** JupyterLab takes math out before it parses, and puts it back, escaped, afterwards. */
function lab(text) {
  const [source, math] = removeMath(text);
  return marked
    .parse(source, { gfm: true, async: false })
    .replace(/@@(\d+)@@/g, (whole, n) => math[n] ?? whole);
}

/** What JupyterLab's `removeMath` finds, in brief: dollars in code are spared, blank lines end a formula. */
function removeMath(text) {
  const math = [];
  let restore = (part) => part;
  if (/`|~~~/.test(text)) {
    const spare = (whole) => whole.replace(/\$/g, "~D");
    text = text
      .replace(/~/g, "~T")
      .replace(/^(?<fence>`{3,}|(~T){3,})[^`\n]*\n([\s\S]*?)^\k<fence>`*$/gm, spare)
      .replace(/(^|[^\\])(`+)([^\n]*?[^`\n])\2(?!`)/gm, spare);
    restore = (part) => part.replace(/~([TD])/g, (_, c) => (c === "T" ? "~" : "$"));
  }
  const parts = text.split(/(\$\$?|\\(?:begin|end)\{[a-z]*\*?\}|\\[{}$]|[{}]|(?:\n\s*)+|@@\d+@@|\\\\[()[\]])/i);
  let first = null;
  let end = null;
  let last = null;
  let braces = 0;
  const take = (to) => {
    const formula = parts.slice(first, to + 1).join("");
    parts.fill("", first, to + 1);
    parts[first] = `@@${math.length}@@`;
    math.push(restore(formula).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"));
    first = end = last = null;
  };
  for (let i = 1; i < parts.length; i += 2) {
    const part = parts[i];
    if (part.startsWith("@")) {
      parts[i] = `@@${math.length}@@`;
      math.push(part);
    } else if (first !== null) {
      if (part === end) {
        if (braces) last = i;
        else take(i);
      } else if (/\n.*\n/.test(part)) {
        if (last !== null) {
          i = last;
          take(i);
        }
        first = end = last = null;
        braces = 0;
      } else if (part === "{") braces++;
      else if (part === "}" && braces) braces--;
    } else if (part === "$" || part === "$$") {
      [first, end, braces] = [i, part, 0];
    } else if (part === "\\\\(" || part === "\\\\[") {
      [first, end, braces] = [i, part.endsWith("(") ? "\\\\)" : "\\\\]", 0];
    } else if (part.startsWith("\\begin")) {
      [first, end, braces] = [i, "\\end" + part.slice(6), 0];
    }
  }
  if (last !== null) take(last);
  return [restore(parts.join("")), math];
}

const renderers = {
  marked: (text) => marked.parse(text, { gfm: true, async: false }),
  "marked as in JupyterLab": lab,
  "markdown-it": (text) => vscode.render(text),
};
const results = Object.fromEntries(
  Object.entries(renderers).map(([name, render]) => [name, texts.map((text) => render(text))]),
);
writeFileSync(output, JSON.stringify(results));
