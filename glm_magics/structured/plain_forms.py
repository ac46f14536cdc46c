"""Answers without JSON that still say everything: a table, an outline of keys and values, a bare value.

They are taken only where the names of the schema say what is what: a table by its header, an outline by its
keys. Cells and values are words without quotes; what they are is left to the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glm_magics.structured.candidates import Document, names_in, without_thoughts
from glm_magics.structured.grids import Grid, blocks, csv_grid, markdown_grid, pieces
from glm_magics.structured.literals import fold
from glm_magics.structured.normal import Node, resolved
from glm_magics.structured.outline import outline
from glm_magics.structured.problems import Note
from glm_magics.structured.reader import Bare
from glm_magics.structured.repair import Piece
from glm_magics.structured.strings import Unreadable

__all__ = ["plain_forms"]

_DELIMITERS = ",;\t|"
_CODE = "python py js javascript ts typescript java sql html xml bash sh"
_TOTALS = frozenset(
    [
        "total",
        "totals",
        "subtotal",
        "grandtotal",
        "sum",
        "average",
        "mean",
        "合计",
        "总计",
        "小计",
        "总和",
        "平均",
    ]
)
_LONGEST_VALUE = 100
_LONGEST_LINE = 4_000
_MOST_TEXT = 2_000_000
_BULLET = re.compile(r"\s*(?:[-*•+]|\d{1,4}[.)、])\s+(\S.*)")
# A line that ends in a text of more than three words, or in a colon.
_LONG = re.compile(r"[:：]\s*\S+(?:\s+\S+){3,}\s*\Z|[^\x00-\x7f]{12,}\s*\Z|[:：,，]\s*\Z")
_LEAD = re.compile(
    r"(?:the\s+)?(?:final\s+)?(?:answer|result|value|label|sentiment|category|class|output|答案|结果|标签|类别|情感)"
    r"(?:\s+is)?\s*[:：=是]\s*",
    re.IGNORECASE,
)


def plain_forms(text: str, schema: Node, shape: str, *, truncated: bool) -> Iterator[list[Document]]:
    """The answer as tables, then as outlines, then as one bare value: documents of each kind there is."""
    if len(text) > _MOST_TEXT:
        return
    answer = without_thoughts(text)[0]
    defs: Mapping[str, Node] = schema.get("$defs", {})
    record = resolved(schema, defs)
    names = {fold(name) for name in record.get("properties", {})}
    parts = [(body, language) for body, language in blocks(answer) if language not in _CODE.split()]
    if names:
        yield [_document(grid, names, truncated) for body, _ in parts for grid in _grids(body, names)]
        known = names | {fold(name) for name in names_in(schema)}
        yield [one for body, language in parts for one in _outlines(body, language, known, shape, truncated)]
    elif shape == "value" and not truncated:
        yield list(_values(answer, record, defs))


# Tables


def _grids(body: str, names: set[str]) -> Iterator[Grid]:
    """The tables of a block whose header has names of the schema; else its CSV."""
    lines = body.splitlines()
    found = [markdown_grid(piece) for piece in pieces(lines) if isinstance(piece, list)]
    found = [grid for one in found for grid in (one, _turned(one, names)) if _is_known(grid.header, names)]
    if found:
        yield from found
        return
    for at, line in enumerate(lines):
        for delimiter in _DELIMITERS:
            if delimiter in line and _is_known(line.split(delimiter), names):
                end = next((end for end in range(at, len(lines)) if not lines[end].strip()), len(lines))
                grid = csv_grid("\n".join(lines[at:end]), delimiter)
                if grid is not None:
                    yield grid
                return


def _is_known(header: Sequence[str], names: set[str]) -> bool:
    """Are most columns fields of the schema?"""
    known = {fold(cell.strip("\"' ")) for cell in header} & names
    return len(header) >= 2 and 2 * len(known) >= len(header) and len(known) >= min(2, len(names))


def _turned(grid: Grid, names: set[str]) -> Grid:
    """A table of two columns, field and value, as a header with one row."""
    pairs = [row for row in grid.rows if len(row) == 2]
    if len(grid.header) != 2 or len(pairs) != len(grid.rows) or fold(grid.header[0]) in names:
        return Grid([], [])
    return Grid([key for key, _ in pairs], [[value for _, value in pairs]], grid.cut)


def _document(grid: Grid, names: set[str], truncated: bool) -> Document:
    rows, notes = grid.rows, [Note("unwrapped", "", "a table was read as records")]
    if truncated and rows:
        rows = rows[:-1]
        notes.append(Note("dropped", f"[{len(rows)}]", "the answer was cut off; its last row was left out"))
    whole = [row for row in rows if not all(re.fullmatch(r"[.…]*", cell) for cell in row)]
    if len(whole) < len(rows):
        notes.append(Note("dropped", "", "an ellipsis: the answer itself left something out"))
    if broken := _broken(grid, whole, truncated):
        return Document(None, "", "text", broken)
    header = [cell.strip("\"'") for cell in grid.header]
    records = [dict(zip(header, map(Bare, row), strict=True)) for row in whole]
    return Document(Piece(records, tuple(notes), elided=truncated or len(whole) < len(rows)), "", "text")


def _broken(grid: Grid, rows: Sequence[Sequence[str]], truncated: bool) -> str:
    if grid.cut and not truncated:
        return "its table ends in the middle of a row"
    if len({fold(cell) for cell in grid.header}) < len(grid.header):
        return "its table has two columns of one name"
    if any(len(row) != len(grid.header) for row in rows):
        return "its table has rows that do not fit the header"
    if any(fold(row[0]) in _TOTALS for row in rows):
        return "its table has a row of totals"
    return ""


# Outlines


def _outlines(
    body: str, language: str | None, known: set[str], shape: str, truncated: bool
) -> Iterator[Document]:
    """The lines of a block from the first known key on, up to prose after an empty line."""
    if truncated and shape != "rows":
        return
    lines = body.splitlines()[: -1 if truncated else None]
    if any(len(line) > _LONGEST_LINE for line in lines):
        return
    starts = (at for at, line in enumerate(lines) if _key_of(line) in known)
    start = next(starts, None)
    if start is None or any(_key_of(line) and line.startswith((" ", "\t")) for line in lines[:start]):
        return
    try:
        value = outline("\n".join(_without_prose(lines[start:])), comments=language in ("yaml", "yml"))
    except Unreadable:
        return
    notes = [Note("unwrapped", "", "lines of keys and values were read as an object")]
    if truncated:
        if not isinstance(value, list) or len(value) < 2:
            return
        value = value[:-1]
        notes.append(
            Note("dropped", f"[{len(value)}]", "the answer was cut off; its last record was left out")
        )
    if _keys_in(value, known) >= min(2, len(known)):
        yield Document(Piece(value, tuple(notes), elided=truncated), "", "text")


_KEY = re.compile(
    r"(?:(?:[-*•+]|\d{1,4}[.)、])\s{1,9})?[*_`\"']{0,3}([^:：*`\"']{1,60}?)[*_`\"']{0,3}\s{0,9}[:：]"
)


def _key_of(line: str) -> str:
    key = _KEY.match(line.lstrip())
    return fold(key[1]) if key else ""


def _without_prose(lines: Sequence[str]) -> Sequence[str]:
    """Up to the first line after an empty one that is neither a key nor indented nor a bullet.

    After a longer text, such a line may be its next paragraph: then nothing is left out.
    """
    for at, line in enumerate(lines):
        after_gap = at > 0 and not lines[at - 1].strip()
        if (
            after_gap
            and line.strip()
            and not (_key_of(line) or line[:1] in " \t#-*•=" or _BULLET.match(line))
        ):
            last = next(before for before in reversed(lines[:at]) if before.strip())
            return lines if _LONG.search(last) else lines[:at]
    return lines


def _keys_in(value: Any, known: set[str]) -> int:
    if isinstance(value, list):
        return max((_keys_in(item, known) for item in value), default=0)
    return sum(fold(key) in known for key in value) if isinstance(value, dict) else 0


# Values


def _values(answer: str, node: Node, defs: Mapping[str, Node]) -> Iterator[Document]:
    """A bare number, label, date or truth; a list in bullets; names and values in lines."""
    text = answer.strip()
    if fence := re.fullmatch(r"(`{3,})\w*\n(.*?)\n?\1", text, re.DOTALL):
        text = fence[2].strip()
    lines = [line for line in text.splitlines() if line.strip()]
    kind = node.get("type")
    if kind == "array":
        found = [_BULLET.fullmatch(line) for line in lines]
        level = len({len(line) - len(line.lstrip()) for line in lines}) == 1
        if level and all(found) and "properties" not in resolved(node.get("items") or {}, defs):
            items = [Bare(match[1].strip("`\"' ")) for match in found if match]
            yield _told(items, "a list in bullets")
    elif kind == "object":
        try:
            value = outline(text)
        except Unreadable:
            return
        if isinstance(value, dict) and len(value) > 1 and len(value) == len(lines):
            yield _told(value, "lines of keys and values")
    elif len(lines) == 1 and len(text) <= _LONGEST_VALUE and ("enum" in node or _is_exact(node)):
        word = _LEAD.sub("", text.strip("`\"'*。. ="), count=1).strip("`\"'*。. =")
        if word:
            yield _told(Bare(word), "a value without quotes")


def _is_exact(node: Node) -> bool:
    """Not just any text: a sentence is a value of `str`, and may be anything."""
    return node.get("type") != "string" or node.get("format") is not None


def _told(value: Any, what: str) -> Document:
    return Document(Piece(value, (Note("unwrapped", "", what),)), "", "text")
