"""Markdown that is still arriving, as small operations on a page: what is settled crosses once.

`ops` describes how the page changes. A page section is a body with settled nodes and, behind them, a
tail of nodes that will change. An operation may hold

- `"c"`: `[[at, html], …]`, settled: parsed and appended in order, never touched again;
- `"t"`: `[[at, html], …]`, the new tail, appended likewise;
- `"x"`: text, not HTML, appended to the end of the tail.

`at` says where: 0 is the body, 1 its last element, 2 that one's last element, and so on; so a row
is appended to the open table (2, its tbody) and an item to the open list (1). The receiver

1. removes the tail if there is a `"c"` or a `"t"`,
2. appends `"c"`, then `"t"`, which is the tail from now on,
3. appends `"x"` inside the tail's last node, as deep as last children are blocks
   (p li ul ol blockquote h1-h6 table thead tbody tr th td pre, and code inside pre).

The work is linear: settled source is forgotten, an open fence grows by `"x"`, and the tail is read
again only as often as the text that came since pays for it; in between, plain words grow it by `"x"`.
What has been settled in the end is `html(whole text)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from markdown_it.token import Token

from glm_magics.render.markup import clean, clean_rows, to_html
from glm_magics.render.parser import Node, inline_tokens, parse, tree
from glm_magics.render.text import Cleaner

__all__ = ["Blocks"]

# Characters of tail that may be read again for each character that arrives, and for a start. A usual
# paragraph, at twenty frames a second, costs 4.
_CREDIT_PER_CHARACTER = 8
_FIRST_CREDIT = 4_000

_BODY, _LIST, _TABLE = 0, 1, 2
_MARKER = re.compile(r" {0,3}(?:[-+*]|\d{1,9}[.)])(?: {1,4}(?=\S)|(?=\n|$))")
_PLAIN_WORDS = re.compile(r"(?:[^\W_]|[ ,.;:'\"?()，。；：？！、（）“”-])*")

_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
_DISPLAY_OPENER = re.compile(r"^[ \t>*+\-\d.)]*(\$\$|\\\[)", re.M)

Placed = tuple[int, str]


class Blocks:
    """One stream of Markdown. `feed` it text as it comes; ask `ops` at each frame, once `final`."""

    def __init__(self) -> None:
        self._cleaner = Cleaner()
        self._arrived: list[str] = []
        self._open = ""  # the source that is not settled
        self._stub = ""  # source that stands for the list or table that `_open` continues
        self._at = _BODY
        self._has_new_line = False  # since `_open` was last judged
        self._fence: _Fence | None = None
        self._credit = _FIRST_CREDIT
        self._tailed = False  # the page has a tail
        self._shown: int | None = None  # how much of `_open` the tail shows; None: no words may follow it

    def feed(self, text: str) -> None:
        self._arrived.append(self._cleaner.feed(text))

    def ops(self, *, final: bool = False) -> dict[str, Any]:
        """What changed since the last call; empty when nothing did. `final` settles everything."""
        if final:
            self._arrived.append(self._cleaner.end())
        text = "".join(self._arrived)
        self._arrived.clear()
        if final:
            return self._finish(text)
        if not text:
            return {}
        self._credit += _CREDIT_PER_CHARACTER * len(text)
        if self._fence is not None:
            grown, ended = self._fence.take(text)
            if not ended:
                return {"x": grown} if grown else {}
            text = self._leave_fence()
        self._open += text
        self._has_new_line = self._has_new_line or "\n" in text
        price = len(self._stub) + len(self._open)
        if price > self._credit:
            return self._words()
        self._credit -= price
        return self._frame()

    def _finish(self, text: str) -> dict[str, Any]:
        if self._fence is not None:
            self._fence.source.append(text)
            text = self._leave_fence()
        self._open += text
        settled = _cleaned(self._settle(final=True))
        cleared = self._tailed
        self._tailed, self._shown = False, None
        return {"c": settled} if settled or cleared else {}

    def _leave_fence(self) -> str:
        assert self._fence is not None
        text = "".join(self._fence.source)
        self._fence, self._shown = None, None
        return text

    def _words(self) -> dict[str, Any]:
        """Not enough credit to read the tail again: show plain words, hold the rest."""
        if self._shown is None:
            return {}
        words = _PLAIN_WORDS.match(self._open, self._shown)
        assert words is not None
        self._shown = words.end() if words.end() == len(self._open) else None
        return {"x": words[0]} if words[0] else {}

    def _frame(self) -> dict[str, Any]:
        settled = _cleaned(self._settle(final=False)) if self._has_new_line else []
        self._has_new_line = False
        tail, grown = self._tail()
        op: dict[str, Any] = {}
        if settled:
            op["c"] = settled
        if tail:
            op["t"] = tail
        elif self._tailed and not settled:
            op["c"] = []
        if grown:
            op["x"] = grown
        self._tailed = bool(tail)
        ends_line = self._open.endswith("\n")
        self._shown = len(self._open) if tail and not self._fence and not ends_line else None
        return op

    # -- what is settled ---------------------------------------------------------------------------

    def _settle(self, *, final: bool) -> list[Placed]:
        """Take from `_open` what no later text can change.

        Only whole lines are judged: a lone `#` is a heading, `#tag` is not.
        """
        end = len(self._open) if final else _judgeable(self._open)
        source = self._stub + self._open[:end]
        if not end or not source.strip(" \t\n"):
            self._open = self._open[end:] if self._at == _BODY else self._open
            return []
        tokens = parse(source)
        nodes = tree(tokens)
        lines = source.split("\n")
        count = len(lines) - 1
        settled: list[Placed] = []
        rest: int | None = None  # the line where the open source begins
        was_at, stub, at = self._at, "", _BODY
        for index, node in enumerate(nodes):
            continued = was_at if index == 0 else _BODY
            if final or index < len(nodes) - 1 or _is_done(node, lines, count):
                settled += _whole(tokens, node, continued)
            elif node.type.endswith("_list"):
                items, rest, stub = _open_list(node, lines, continued)
                if items:
                    if not continued:
                        settled.append((_BODY, to_html([node.token, tokens[node.last - 1]])))
                    settled += [(_LIST, to_html(tokens[item.first : item.last])) for item in items]
                if items or continued:
                    at, stub = _LIST, stub or self._stub
            elif node.type == "table":
                head = lines[_start(node) : _start(node) + 2]
                settled += _open_table(tokens, node, continued)
                at, stub, rest = _TABLE, "\n".join(head) + "\n", count
            else:
                rest = _start(node)
        kept = "" if rest is None else "\n".join(lines[rest:])
        self._open, self._stub, self._at = kept + self._open[end:], stub, at
        return settled

    # -- what is still open ------------------------------------------------------------------------

    def _tail(self) -> tuple[list[list[Any]], str]:
        """The HTML of `_open`, and the text that follows it inside an open fence."""
        if not self._open.strip(" \t\n"):
            return [], ""
        tokens = parse(self._stub + self._open)
        grown = self._enter_fence(tokens)
        if self._fence is None:
            _close_markers(tokens)
        placed: list[Placed] = []
        for index, node in enumerate(tree(tokens)):
            placed += _whole(tokens, node, self._at if index == 0 else _BODY, highlight=self._fence is None)
        return _cleaned(placed), grown

    def _enter_fence(self, tokens: list[Token]) -> str:
        """If `_open` ends in an open fence, empty its token: the code follows as text."""
        leaf = next((token for token in reversed(tokens) if token.nesting == 0), None)
        after = [token.type for token in tokens if token.nesting == -1 and token.level == 0][-1:]
        if leaf is None or leaf.type != "fence" or leaf.map is None:
            return ""
        closers = tokens[tokens.index(leaf) + 1 :]
        if any(token.type == "blockquote_close" for token in closers) or (leaf.level and not after):
            return ""
        source = self._stub + self._open
        lines = source.split("\n")
        first = leaf.map[0]
        opening = lines[first]
        if first >= len(lines) - 1 or "\t" in opening:
            return ""
        fence = _Fence(leaf.markup[0], len(leaf.markup), opening.find(leaf.markup), leaf.level > 0)
        grown, ended = fence.take("\n".join(lines[first + 1 :]))
        if ended:
            return ""
        # From here on the fence keeps what arrives; the source up to now stays in `_open`.
        fence.source.clear()
        self._fence = fence
        leaf.content = ""
        return grown


@dataclass(slots=True)
class _Fence:
    """An open code fence: turns arriving source into the code's text.

    A line that may be its end is held until it is whole.
    """

    marker: str
    length: int
    column: int
    nested: bool
    source: list[str] = field(default_factory=list)
    _line: str = ""
    _in_line: bool = False

    def take(self, text: str) -> tuple[str, bool]:
        """The code in `text`, and whether the fence may have ended, so that it must be parsed again."""
        self.source.append(text)
        out: list[str] = []
        pieces = text.split("\n")
        for index, piece in enumerate(pieces):
            whole = index < len(pieces) - 1
            if self._in_line:
                out.append(piece + "\n" * whole)
                self._in_line = not whole
                continue
            self._line += piece
            body = self._line.lstrip(" \t")
            indent = self._line[: len(self._line) - len(body)]
            if not whole and (not body or body[0] == self.marker):
                break
            if self._may_end(body, indent):
                return "".join(out), True
            out.append(self._line[min(len(indent), self.column) :] + "\n" * whole)
            self._line, self._in_line = "", not whole
        return "".join(out), False

    def _may_end(self, body: str, indent: str) -> bool:
        if not body:
            return False
        if self.nested and (len(indent) < self.column or "\t" in indent):
            return True
        closer = body.rstrip(" \t")
        return len(closer) >= self.length and not closer.strip(self.marker)


def _judgeable(source: str) -> int:
    """How much of `source` is whole lines, without display math that may yet close.

    Until it does, its lines look like other blocks; a blank line ends the wait.
    """
    end = source.rfind("\n") + 1
    position = max((match.end() for match in _BLANK_LINES.finditer(source, 0, end)), default=0)
    while opening := _DISPLAY_OPENER.search(source, position, end):
        closer = "$$" if opening[1] == "$$" else r"\]"
        closed = source.find(closer, opening.end(), end)
        if closed < 0:
            return opening.start()
        position = closed + len(closer)
    return end


def _start(node: Node) -> int:
    assert node.token.map is not None
    return node.token.map[0]


def _is_done(node: Node, lines: list[str], count: int) -> bool:
    """Whether the last block is finished although nothing follows it yet."""
    assert node.token.map is not None
    first, end = node.token.map
    match node.type:
        case "paragraph" | "heading" | "math_block" | "table":
            return end < count  # a blank line follows; a rule could have made a table's head of the line
        case "hr":
            return True
        case "fence":
            return end - first > 1 and _closes(lines[end - 1], node.token.markup)
        case _:
            return False


def _closes(line: str, markup: str) -> bool:
    closer = line.strip(" \t")
    return (
        not line.startswith(("    ", "\t"))  # that deep it is code
        and len(closer) >= len(markup)
        and not closer.strip(markup[0])
    )


def _whole(tokens: list[Token], node: Node, continued: int, *, highlight: bool = True) -> list[Placed]:
    """A finished block; of a continued list or table what comes after its stub."""
    if continued == _LIST:
        return [
            (_LIST, to_html(tokens[item.first : item.last], highlight=highlight))
            for item in node.children[1:]
        ]
    if continued == _TABLE:
        return [(_TABLE, to_html(tokens[row.first : row.last])) for row in _rows(node)]
    return [(_BODY, to_html(tokens[node.first : node.last], highlight=highlight))]


def _open_list(node: Node, lines: list[str], continued: int) -> tuple[tuple[Node, ...], int, str]:
    """The finished items of a list that may go on, the line of the open one, and the stub for it."""
    items = node.children[1:] if continued else node.children
    finished = items[:-1]
    if not finished:
        return (), _start(items[0]) if items else _start(node), ""
    marker = _MARKER.match(lines[_start(finished[-1])])
    if marker is None:  # tabs or code at its start: how deep it reaches is not plain to see
        return (), _start(items[0]), ""
    gap = "" if marker[0].endswith(" ") else " "
    return finished, _start(items[-1]), f"{marker[0]}{gap}x\n"


def _open_table(tokens: list[Token], node: Node, continued: int) -> list[Placed]:
    rows: list[Placed] = [(_TABLE, to_html(tokens[row.first : row.last])) for row in _rows(node)]
    if continued:
        return rows
    head = node.children[0]
    table = to_html([*tokens[node.first : head.last], tokens[node.last - 1]])
    return [(_BODY, table), *rows]


def _rows(node: Node) -> tuple[Node, ...]:
    return node.children[1].children if len(node.children) > 1 else ()


def _cleaned(placed: list[Placed]) -> list[list[Any]]:
    """Neighbours at one place as one piece of clean HTML."""
    joined: list[list[Any]] = []
    for at, piece in placed:
        if joined and joined[-1][0] == at:
            joined[-1][1].append(piece)
        else:
            joined.append([at, [piece]])
    return [[at, (clean_rows if at == _TABLE else clean)("".join(pieces))] for at, pieces in joined]


# -- half-open markers ---------------------------------------------------------------------------------

_DANGLING = re.compile(r"[*_~`$\\]+\Z")
_OPEN_LINK = re.compile(r"\[([^\[\]\n]*)\]\([^()\s]*\Z")


def _close_markers(tokens: list[Token]) -> None:
    """Show the last words of the tail as they will most likely be, not with half of their markers."""
    leaf = next((token for token in reversed(tokens) if token.nesting == 0), None)
    if leaf is None or leaf.type != "inline":
        return
    text = _OPEN_LINK.sub(r"\1", _DANGLING.sub("", leaf.content)).rstrip()
    if text.count("`") % 2:
        text += "`"
    elif text.count("**") % 2 and not re.search(r"\*\*(?=\s|\Z)(?!.*\*\*)", text, re.S):
        text += "**"
    if text != leaf.content:
        leaf.children = inline_tokens(text)
