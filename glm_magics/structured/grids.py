"""Tables written as text: Markdown tables, CSV and TSV, each as a header and rows of text cells."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Grid", "blocks", "csv_grid", "markdown_grid", "pieces"]

_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*$")
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_CODE = re.compile(r"(`+)(?:(?!\1).)+?\1")


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of text. `cut` says that its last line lacks the border that its header ends with."""

    header: list[str]
    rows: list[list[str]]
    cut: bool = False


def blocks(text: str) -> Iterator[tuple[str, str | None]]:
    """Stretches of prose (language None) and bodies of fences, in order."""
    lines: list[str] = []
    mark, language = "", None
    for line in text.splitlines():
        fence = _FENCE.match(line)
        opens = fence is not None and not mark
        closes = fence is not None and mark and fence[1].startswith(mark) and not fence[2]
        if not (opens or closes):
            lines.append(line)
            continue
        yield "\n".join(lines), language
        lines = []
        mark, language = (fence[1], fence[2].lower()) if opens and fence else ("", None)
    yield "\n".join(lines), language


def pieces(lines: Sequence[str]) -> Iterator[str | list[str]]:
    """Each line that belongs to no Markdown table, and each table as the list of its lines."""
    at = 0
    while at < len(lines):
        if at + 1 < len(lines) and _begins_table(lines[at], lines[at + 1]):
            end = at + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            yield [_unquoted(line) for line in lines[at:end]]
            at = end
        else:
            yield lines[at]
            at += 1


def _unquoted(line: str) -> str:
    return re.sub(r"^(?:\s*>)+", "", line)


def _begins_table(header: str, rule: str) -> bool:
    header, rule = _unquoted(header), _unquoted(rule)
    if "|" not in header or "-" not in rule or not _RULE.fullmatch(rule):
        return False
    return len(_cells(header)) == len(_cells(rule))


def markdown_grid(lines: Sequence[str]) -> Grid:
    """The table in the lines of a Markdown table."""
    header = [_cell(cell) for cell in _cells(lines[0])]
    rows = []
    for line in lines[2:]:
        cells = _cells(line)
        if len(cells) > len(header):
            cells = _cells(line, code=True)
        rows.append([_cell(cell) for cell in cells])
    return Grid(header, rows, cut=lines[0].rstrip().endswith("|") and not lines[-1].rstrip().endswith("|"))


def _cells(line: str, *, code: bool = False) -> list[str]:
    r"""The cells of a table's line: `\|` is no border; nor, with `code`, is a pipe inside `inline code`."""
    line = line.strip()
    kept = _CODE.sub(lambda match: match.group().replace("|", "\\|"), line) if code else line
    cells = re.split(r"(?<!\\)\|", kept)
    if not cells[0].strip():
        cells = cells[1:]
    if cells and not cells[-1].strip():
        cells = cells[:-1]
    return [cell.replace("\\|", "|").strip() for cell in cells]


def _cell(text: str) -> str:
    """A cell without its Markdown: code, emphasis around all of it, escapes, entities, line breaks."""
    if code := re.fullmatch(r"(`+)(?!`)(.*?)(?<!`)\1", text):
        return code[2].strip()
    for mark in ("**", "__", "*", "_"):
        inner = text[len(mark) : -len(mark)]
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark) and mark not in inner:
            text = inner
    text = re.sub(r"<br\s*/?>", "\n", text)
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)).strip()


def csv_grid(text: str, delimiters: str) -> Grid | None:
    """CSV, by the first delimiter that gives every line as many fields (two at least) as the header."""
    for delimiter in delimiters:
        lines = io.StringIO(text.strip("\n"))
        try:
            rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
        except csv.Error:
            continue
        rows = [[cell.strip() for cell in row] for row in rows if row]
        if len(rows) >= 2 and len(rows[0]) >= 2 and all(len(row) == len(rows[0]) for row in rows):
            return Grid(rows[0], rows[1:])
    return None
