"""A long document in parts of a given size, cut where it is least missed.

A part ends between sections where it can; else between blocks (paragraphs, tables, fenced code, records),
then lines, sentences, clauses, and only at last anywhere. Nothing is lost and nothing said twice: parts do
not overlap, for an overlap would be paid for twice and counted twice by whoever adds the parts up. What a
part needs from above, it is given: the way of headings to it, and the first line of a table of values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from glm_magics.documents.document import Document, Section
from glm_magics.documents.outline import FENCE
from glm_magics.tokens import estimate

__all__ = ["Part", "parts"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document. `id` is what an answer cites ("S3"); `place` says where in words."""

    id: str
    document: str
    place: str
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is not cut: a section, or a piece of one with the number of its first line."""

    text: str
    section: Section
    line: int
    tokens: int
    begins: bool  # the section


def parts(documents: Iterable[Document], most: int) -> tuple[Part, ...]:
    """Every document in parts of at most `most` tokens, added up from their pieces. The ids go on from one
    document to the next.

    The same documents and size give the same parts.
    """
    found: list[Part] = []
    for document in documents:
        head = _head(document)
        room = most - estimate(head)
        head, room = (head, room) if room > most // 2 else ("", most)  # a header that long helps nobody
        for units in _packed(_units(document, room), room):
            above = "" if units[0].begins and units[0].line == 1 else head
            text = above + "".join(unit.text for unit in units)
            tokens = estimate(above) + sum(unit.tokens for unit in units)
            found.append(Part(f"S{len(found) + 1}", document.name, _place(units), text, tokens))
    return tuple(found)


def _head(document: Document) -> str:
    """The names of the columns, which every part of a table needs."""
    if document.kind not in ("CSV", "TSV"):
        return ""
    return next(iter(_records(document.text)), "")


def _packed(units: Iterable[_Unit], most: int) -> Iterator[list[_Unit]]:
    """Neighbours together, as many as fit; a section that fits into a part is not divided between two."""
    waiting: list[_Unit] = []
    size = 0
    for unit in units:
        if waiting and size + unit.tokens > most:
            yield waiting
            waiting, size = [], 0
        waiting.append(unit)
        size += unit.tokens
    if waiting:
        yield waiting


def _units(document: Document, most: int) -> Iterator[_Unit]:
    cutters = (_records, *_FINER) if document.kind in ("CSV", "TSV") else (_blocks, _lines, *_FINER)
    for section in document.sections:
        line = section.line or 1
        for number, (text, tokens) in enumerate(_pieces(section.text, most, cutters)):
            yield _Unit(text, section, line, tokens, begins=not number)
            line += text.count("\n")


def _pieces(
    text: str, most: int, cutters: Sequence[Callable[[str], Iterable[str]]]
) -> Iterator[tuple[str, int]]:
    """`text` in pieces of at most `most` tokens: whole if it fits, else cut, ever finer."""
    tokens = estimate(text)
    if tokens <= most:
        yield text, tokens
    elif not cutters:
        yield from ((piece, estimate(piece)) for piece in _slices(text, most))
    else:
        for piece in cutters[0](text):
            yield from _pieces(piece, most, cutters[1:])


# Each cutter gives pieces that add up to the text.


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs with the blank lines behind them, tables, and fenced code in one piece."""
    block: list[str] = []
    fence = ""
    for line in _lines(text):
        mark = FENCE.match(line)
        begins = not fence and block and not block[-1].strip() and line.strip()
        if begins or (mark and not fence and block):
            yield "".join(block)
            block = []
        block.append(line)
        if mark and not fence:
            fence = mark[1]
        elif fence and mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
            fence = ""
    if block:
        yield "".join(block)


def _records(text: str) -> Iterator[str]:
    """Lines of CSV; a quoted cell may hold line breaks, so a record ends where its quotes are closed."""
    record: list[str] = []
    quotes = 0
    for line in _lines(text):
        record.append(line)
        quotes += line.count('"')
        if quotes % 2 == 0:
            yield "".join(record)
            record, quotes = [], 0
    if record:
        yield "".join(record)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _after(pattern: str) -> Callable[[str], Iterator[str]]:
    """A cutter that cuts behind each match."""
    end = re.compile(pattern)

    def cut(text: str) -> Iterator[str]:
        start = 0
        for match in end.finditer(text):
            yield text[start : match.end()]
            start = match.end()
        if start < len(text):
            yield text[start:]

    return cut


_FINER = (
    _after(r"[.!?][\"')\]]*\s+|[。！？；…]+[”’」』）]*|\n"),  # sentences
    _after(r"[,;:]\s|[，、：]|[}\]],?|\s+"),  # clauses, items of JSON, words
)


def _slices(text: str, most: int) -> Iterator[str]:
    """Text without any gap, cut by length; no character counts for more than two tokens."""
    step = max(1, most // 2)
    return (text[at : at + step] for at in range(0, len(text), step))


# Places


def _place(units: Sequence[_Unit]) -> str:
    """ "pages 3–5", "lines 10–80 (Methods › Data)"."""
    first, last = units[0].section, units[-1].section
    if first.unit:
        return _span(first.unit, first.number, last.number)
    under = _headings(first.heading, last.heading)
    if first.line is None:
        return under or "the page"
    end = units[-1].line + max(0, units[-1].text.count("\n") - 1)
    lines = _span("line", units[0].line, end)
    return f"{lines} ({under})" if under else lines


def _headings(first: str, last: str) -> str:
    """ "Results › Trees … Discussion" from "Results › Trees" and "Results › Discussion"."""
    if not first or first == last:
        return last
    way, end = first.split(" › "), last.split(" › ")
    shared = next(
        (at for at, (one, other) in enumerate(zip(way, end, strict=False)) if one != other), len(way)
    )
    rest = " › ".join(end[shared:])
    return f"{first} … {rest}" if rest else first


def _span(unit: str, first: int, last: int) -> str:
    return f"{unit} {first}" if first == last else f"{unit}s {first}–{last}"
