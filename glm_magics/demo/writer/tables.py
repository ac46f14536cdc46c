"""Tables that are attached to a prompt: found as CSV, Markdown or JSON, and summarised from their values."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from glm_magics.demo.writer.blocks import balanced, data_blocks, fences

__all__ = ["Announced", "Column", "Table", "announced", "attached", "without_tables"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    cells: tuple[str, ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values, when they are all numbers (empty cells aside)."""
        try:
            return tuple(float(cell.replace(",", "")) for cell in self.cells if cell.strip())
        except ValueError:
            return ()

    @property
    def missing(self) -> int:
        return sum(not cell.strip() for cell in self.cells)

    @property
    def top(self) -> tuple[str, int]:
        """The most frequent value and how often it occurs."""
        return Counter(cell for cell in self.cells if cell.strip()).most_common(1)[0]


@dataclass(frozen=True, slots=True)
class Table:
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(Column(name, tuple(row[n] for row in self.rows)) for n, name in enumerate(self.names))

    @property
    def records(self) -> tuple[dict[str, str], ...]:
        return tuple(dict(zip(self.names, row, strict=True)) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Announced:
    """What a data block says of a table, with or without rows: its size, and a line for each column."""

    name: str
    rows: int
    columns: int
    lines: tuple[str, ...]


_ANNOUNCED = re.compile(
    r"^Table `(?P<name>[^`\n]+)`[^\n:]*: (?P<rows>[\d,]+) rows? × (?P<columns>[\d,]+) columns?[^\n]*"
    r"(?:\nColumns:\n(?P<lines>(?:- [^\n]*(?:\n|$))*))?",
    re.MULTILINE,
)


def announced(text: str) -> list[Announced]:
    """The tables that a prompt names with their sizes."""
    return [
        Announced(
            found["name"],
            int(found["rows"].replace(",", "")),
            int(found["columns"].replace(",", "")),
            tuple(line[2:] for line in (found["lines"] or "").splitlines()),
        )
        for found in _ANNOUNCED.finditer(text)
    ]


def attached(text: str) -> list[Table]:
    """The tables in a text: fenced or bare CSV, Markdown pipes, JSON rows."""
    return [table for _, _, table in _found(text)]


def without_tables(text: str) -> str:
    """The text around the tables and the data block: what was asked about them."""
    kept, at = [], 0
    for start, end in sorted([*data_blocks(text), *((start, end) for start, end, _ in _found(text))]):
        kept.append(text[at : max(at, start)])
        at = max(at, end)
    return "".join([*kept, text[at:]]).strip()


@lru_cache(maxsize=8)  # one request asks several times
def _found(text: str) -> tuple[tuple[int, int, Table], ...]:
    fenced = [(start, end, _fenced(language, inside)) for start, end, language, inside in fences(text)]
    found = [(start, end, table) for start, end, table in fenced if table]
    covered = [*data_blocks(text), *((start, end) for start, end, _ in fenced)]
    for start, end in _runs(text):
        if any(start < stop and end > begin for begin, stop in covered):
            continue
        table = _read(text[start:end])
        if table:
            found.append((start, end, table))
    return tuple(sorted(found, key=lambda item: item[0]))


def _fenced(language: str, inside: str) -> Table | None:
    return _read(inside) or (_single_column(inside) if language == "csv" else None)


def _single_column(text: str) -> Table | None:
    rows = [row or [""] for row in csv.reader(io.StringIO(text.strip()))]
    return _table(rows[0], rows[1:]) if rows and len(rows[0]) == 1 else None


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Spans of neighbouring lines that could be a table: the same delimiter in each, or a JSON array."""
    yield from balanced(text)
    for delimiter in (",", "\t", "|", ";"):
        cell = re.escape(delimiter)
        line = rf"[^\n{cell}]*{cell}[^\n]*"
        for match in re.finditer(rf"^{line}(?:\n{line})+$", text, re.MULTILINE):
            yield match.span()


def _read(text: str) -> Table | None:
    return _read_json(text) or _read_delimited(text)


def _read_json(text: str) -> Table | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        names, rows = value.get("columns"), value.get("rows", value.get("data"))
        if isinstance(names, list) and isinstance(rows, list):
            return _table(
                [str(name) for name in names], [_cells(row) for row in rows if isinstance(row, list)]
            )
        value = next((item for item in value.values() if isinstance(item, list)), None)
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(row, dict) for row in value):
        columns = list(dict.fromkeys(name for row in value for name in row))
        return _table(columns, [_cells([row.get(name) for name in columns]) for row in value])
    if all(isinstance(row, list) for row in value) and all(isinstance(name, str) for name in value[0]):
        return _table(value[0], [_cells(row) for row in value[1:]])
    return None


def _cells(row: Sequence[object]) -> list[str]:
    return ["" if cell is None else cell if isinstance(cell, str) else json.dumps(cell) for cell in row]


def _read_delimited(text: str) -> Table | None:
    lines = [line for line in text.splitlines() if line.strip() and not re.fullmatch(r"[\s|:+-]+", line)]
    for delimiter in (",", "\t", "|", ";"):
        if len(lines) >= 2 and all(delimiter in line for line in lines[:2]):
            bare = [line.strip().strip("|") if delimiter == "|" else line for line in lines]
            rows = [
                [cell.strip() for cell in row]
                for row in csv.reader(io.StringIO("\n".join(bare)), delimiter=delimiter)
            ]
            table = _table(rows[0], [row for row in rows[1:] if len(row) == len(rows[0])])
            # prose has commas too, but no header of short names above rows of the same width
            if table and len(table.rows) * 5 >= (len(rows) - 1) * 4 and not any(map(_is_prose, table.names)):
                return table
    return None


def _is_prose(name: str) -> bool:
    return (
        len(name) > 40
        or len(name.split()) > 4
        or re.search(r"[.!?。！？]$|^(?:\d+[.)]|[-*•])\s", name) is not None
    )


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table | None:
    whole = [tuple(row) for row in rows if len(row) == len(names)]
    if not names or not whole or (len(names) < 2 and len(whole) < 2):
        return None
    return Table(tuple(names), tuple(whole))
