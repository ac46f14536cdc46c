"""What the render tests share: a page that applies operations, a strict judge of HTML, hostile text."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

HOSTILE = json.loads((Path(__file__).parent / "data" / "hostile_output.json").read_text("utf-8"))["items"]
PAYLOADS = [item["payload"] for item in HOSTILE]

VOID = {
    "br",
    "hr",
    "img",
    "input",
    "meta",
    "link",
    "base",
    "source",
    "track",
    "embed",
    "col",
    "area",
    "wbr",
    "param",
}
LIVE_TAGS = {
    *[
        "p",
        "br",
        "hr",
        "strong",
        "em",
        "s",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "a",
        "span",
        "div",
    ],
    *["h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"],
}
LIVE_ATTRIBUTES = {
    "a": {"href", "rel", "target"},
    "ol": {"start"},
    "th": {"align"},
    "td": {"align"},
    "code": {"class"},
    "span": {"class"},
    "div": {"class"},
}
# What a Markdown renderer adds by itself to the tags we write; details and small are the saved output's.
PAGE_TAGS = LIVE_TAGS | {"del", "details", "summary", "small"}
PAGE_ATTRIBUTES = {
    **LIVE_ATTRIBUTES,
    "a": {"href"},
    "th": {"align", "style"},
    "td": {"align", "style"},
}
_URL = re.compile(r"(?:https?://[a-z0-9\[]|mailto:)", re.I)


class Judge(HTMLParser):
    """Lists everything that is not on the allow-list."""

    def __init__(self, tags: set[str], attributes: dict[str, set[str]]) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes = tags, attributes
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.tags:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            value = value or ""
            if name not in self.attributes.get(tag, set()):
                self.found.append(f"<{tag} {name}={value!r}>")
            elif name == "href" and (not _URL.match(value) or "@" in re.split(r"[/?#]", value + "//")[2]):
                self.found.append(f"<a href={value!r}>")
            elif name == "style" and not re.fullmatch(r"text-align:\s*(left|right|center);?", value):
                self.found.append(f"<{tag} style={value!r}>")
            elif name == "class" and not re.fullmatch(
                r"math|[a-z]\w?\w?|hll|err|language-[\w+#./() -]{1,40}", value
            ):
                self.found.append(f"<{tag} class={value!r}>")

    def handle_comment(self, data: str) -> None:
        self.found.append("<!--")

    def handle_decl(self, decl: str) -> None:
        self.found.append("<!")

    def handle_pi(self, data: str) -> None:
        self.found.append("<?")

    def unknown_decl(self, data: str) -> None:
        self.found.append("<![")


def residue(html: str, *, live: bool = True) -> list[str]:
    """What in `html` is not allowed: in the live widget, or in a rendered Markdown page."""
    judge = Judge(LIVE_TAGS, LIVE_ATTRIBUTES) if live else Judge(PAGE_TAGS, PAGE_ATTRIBUTES)
    try:
        judge.feed(html)
        judge.close()
    except AssertionError:  # the parser's word for a malformed declaration
        judge.found.append("<![")
    return judge.found


def work(task: Callable[[], object]) -> int:
    """How many calls, of Python and of C, `task` makes: its cost without a clock."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        task()
    finally:
        sys.setprofile(before)
    return calls


class Element:
    def __init__(self, tag: str, attrs: str = "") -> None:
        self.tag, self.attrs = tag, attrs
        self.children: list[Element | str] = []

    def append(self, child: Element | str) -> None:
        if isinstance(child, str) and self.children and isinstance(self.children[-1], str):
            self.children[-1] += child
        elif child != "":
            self.children.append(child)

    def last_element(self) -> Element:
        return next(child for child in reversed(self.children) if isinstance(child, Element))

    def html(self) -> str:
        inside = "".join(
            escape(child, False) if isinstance(child, str) else child.html() for child in self.children
        )
        if not self.tag:
            return inside
        return f"<{self.tag}{self.attrs}>" + ("" if self.tag in VOID else f"{inside}</{self.tag}>")

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


class Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("")
        self.stack = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, "".join(f' {name}="{escape(value or "")}"' for name, value in sorted(attrs)))
        self.stack[-1].append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            closed = self.stack.pop()
            assert closed.tag == tag, f"</{tag}> closes <{closed.tag}>"

    def handle_data(self, data: str) -> None:
        self.stack[-1].append(data)


def dom(html: str) -> Element:
    """Well-formed `html` as elements; raises `AssertionError` when a tag closes another."""
    builder = Builder()
    builder.feed(html)
    builder.close()
    assert builder.stack == [builder.root], "unclosed " + builder.stack[-1].tag
    return builder.root


BLOCKS = LIVE_TAGS - {"br", "hr", "strong", "em", "s", "code", "a", "span", "div"}


class Page:
    """The browser's side of `Blocks.ops`, as its module describes it."""

    def __init__(self) -> None:
        self.body = Element("")
        self.tail: list[tuple[Element, Element | str]] = []

    def apply(self, op: dict[str, Any]) -> None:
        assert set(op) <= {"c", "t", "x"}, op
        if "c" in op or "t" in op:
            for parent, node in reversed(self.tail):
                assert parent.children.pop() is node
            self.tail = []
        for at, html in op.get("c", []):
            self._put(at, html)
        for at, html in op.get("t", []):
            self.tail += self._put(at, html)
        if "x" in op:
            node = self.tail[-1][1]
            assert isinstance(node, Element)
            while (
                node.children
                and isinstance(last := node.children[-1], Element)
                and self._is_block(last, node)
            ):
                node = last
            node.append(op["x"])

    def _put(self, at: int, html: str) -> list[tuple[Element, Element | str]]:
        parent = self.body
        for _ in range(at):
            parent = parent.last_element()
        nodes = dom(html).children
        parent.children.extend(nodes)
        return [(parent, node) for node in nodes]

    @staticmethod
    def _is_block(element: Element, parent: Element) -> bool:
        return element.tag in BLOCKS or (element.tag == "code" and parent.tag == "pre")

    def html(self) -> str:
        return self.body.html()


# ruff: noqa: SIM905 (a line of marks reads better than a list of strings)
PIECES = [
    *"* ** _ ~~ ~ ` `` ``` ~~~ $ $$ \\ \\( \\) \\[ \\] [ ] ]( ) ( ! ![ < > & # | : - + = 1. 2) > { } @ / . ,".split(),
    *" |  |    |\t|\n|\n\n|\n- |\n  - |\n1. |\n   |\n    |\n> |\n# |\n```\n|\n~~~\n|\n| a | b |\n|---|---|\n|\n===\n|\n---\n|\n$$\n".split(
        "|"
    ),
    "\n| a | b |\n|---|:-:|\n",
    "\n| x | y |",
    "a",
    "word",
    "文字",
    "：",
    "。",
    "5",
    "https://a.example/x_y",
    "javascript:alert(1)",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</details>",
    "<b>",
    "<!--",
    "<![CDATA[",
    "&lt;",
    "&#60;",
    "onclick=1",
    "data:text/html,<script>1</script>",
    "[x](javascript:alert(1))",
    "[x](https://a.example)",
    "[b]: javascript:alert(1)\n",
    "[b]",
    "![a](http://e.example/p.png)",
    "http://u:p@e.example/",
    "ftp://e.example",
    "www.e.example",
    "\\begin{a}",
    "\\end{a}",
    "\\href{javascript:alert(1)}{x}",
    "é",
    "😀",
    "\u200b",
    "\u202e",
    "\x1b[31m",
    "\x1b]8;;http://e.example\x07",
    "\ud83d",
    "\x00",
    "\x0c",
    "\r",
    "\u2028",
    "\xa0",
]


def hostile_texts(count: int, seed: int) -> Iterator[str]:
    """The corpus, then random joins of corpus items and markup, reproducible by `seed`."""
    yield from PAYLOADS
    choose = random.Random(seed)
    for _ in range(max(0, count - len(PAYLOADS))):
        parts = [
            choose.choice(PAYLOADS) if choose.random() < 0.25 else choose.choice(PIECES)
            for _ in range(choose.randint(2, 14))
        ]
        yield "".join(parts)
