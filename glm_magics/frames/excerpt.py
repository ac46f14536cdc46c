"""Rows of a table as CSV: all of them, or as many as there is room for, from everywhere in the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from glm_magics.frames.cells import cell, csv_line
from glm_magics.frames.fields import Field, has_plain_index
from glm_magics.frames.rules import SAMPLE_ROWS, Rules
from glm_magics.frames.sampling import FIRST, LAST, in_order_of_need
from glm_magics.frames.stats import Look, digits_of
from glm_magics.inert import fenced
from glm_magics.tokens import estimate

__all__ = ["Excerpt", "excerpt"]

_CELL_CHARACTERS = (2_000, 500, 200, 80, 40)  # the longest cell: the first of these with which some rows fit
_SOME_ROWS = 20
_PROBED_ROWS = 5
_STRATA = 20


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Rows as `lines` of CSV with their positions, in drawing order: the last is the first to leave out."""

    header: tuple[str, ...] = ()
    lines: tuple[tuple[int, str], ...] = ()
    rows: int = 0
    columns: int = 0
    longest_cell: int = 0
    stratum: str = ""

    @property
    def is_whole(self) -> bool:
        return len(self.lines) == self.rows

    def shorter(self) -> Excerpt:
        return replace(self, lines=self.lines[: len(self.lines) * 9 // 10])

    def text(self) -> str:
        """What these rows are, and they themselves in the order of the table."""
        if not self.lines:
            return ""
        ordered = [line for _, line in sorted(self.lines)]
        csv = fenced("\n".join([csv_line(self.header), *ordered]), "csv")
        return f"{self._which()}\n\n{csv}"

    def _which(self) -> str:
        count = len(self.lines)
        if self.is_whole:
            return f"All {count:,} rows:" if count > 1 else "The row:"
        if count < FIRST + LAST:
            return f"{count:,} of {self.rows:,} rows:"
        each = f", one for each {self.stratum}" if self.stratum else ""
        others = ", others spread over the table" if count > FIRST + LAST else ""
        return f"{count:,} of {self.rows:,} rows: the first {FIRST}, the last {LAST}{each}{others}:"


def excerpt(
    fields: Sequence[Field], look: Look, rules: Rules, room: int, groups: Sequence[Any] = ()
) -> Excerpt:
    """At most `room` tokens of rows. Masked columns are not among them."""
    shown = [field for field in fields if not field.is_masked]
    rows = look.rows
    if not shown or not rows or not rules.has_rows:
        return Excerpt(rows=rows)
    shown = _as_many_as_fit(shown, rows, room, rules)
    most_rows = max(1, room // max(1, len(shown)))
    if rules.privacy == "sample":
        most_rows = min(most_rows, SAMPLE_ROWS)
    stratum, needed = ("", []) if rows <= _SOME_ROWS else _strata(fields, look, groups)
    positions = in_order_of_need(rows, most_rows, needed)
    numbered = has_plain_index(shown[0].frame)
    longest = _longest_cell(shown, positions[:_SOME_ROWS], room, rules)
    lines = _fitting(shown, positions, room, longest, rules, numbered)
    if numbered and len(lines) == rows:  # all of them: their numbers say nothing
        numbered, lines = False, [(at, line.partition(",")[2]) for at, line in lines]
    header = (*(["row"] if numbered else []), *(field.label for field in shown))
    return Excerpt(header, tuple(lines), rows, len(shown), longest, stratum)


def _as_many_as_fit(fields: list[Field], rows: int, room: int, rules: Rules) -> list[Field]:
    """The first of the columns: so many that a few rows of them fit."""
    probed = range(min(_PROBED_ROWS, rows))
    wanted = min(rows, 2 * _PROBED_ROWS)
    for count, field in enumerate(fields):
        cells = _cells(field, probed, _CELL_CHARACTERS[-1], rules)
        each = sum(estimate(text or "") + 1 for text in cells) / len(cells)
        room -= int(estimate(field.label) + 1 + wanted * each)
        if room < 0:
            return fields[: max(1, count)]
    return fields


def _longest_cell(fields: Sequence[Field], positions: Sequence[int], room: int, rules: Rules) -> int:
    for longest in _CELL_CHARACTERS:
        if sum(estimate(line) + 1 for line in _lines(fields, positions, longest, rules)) <= room * 0.8:
            return longest
    return _CELL_CHARACTERS[-1]


def _fitting(
    fields: Sequence[Field],
    positions: Sequence[int],
    room: int,
    longest: int,
    rules: Rules,
    numbered: bool,
) -> list[tuple[int, str]]:
    """Rows in drawing order until the room is used up; they are written in batches that grow."""
    room -= sum(estimate(field.label) + 1 for field in fields)
    found: list[tuple[int, str]] = []
    start, size = 0, 32
    while start < len(positions):
        batch = positions[start : start + size]
        for at, line in zip(batch, _lines(fields, batch, longest, rules), strict=True):
            text = f"{at},{line}" if numbered else line
            room -= estimate(text) + 1
            if room < 0:
                return found
            found.append((at, text))
        start, size = start + size, size * 2
    return found


def _lines(fields: Sequence[Field], positions: Sequence[int], longest: int, rules: Rules) -> list[str]:
    columns = [_cells(field, positions, longest, rules) for field in fields]
    return [csv_line(row) for row in zip(*columns, strict=True)]


def _cells(field: Field, positions: Sequence[int], longest: int, rules: Rules) -> list[str | None]:
    import numpy as np

    values = field.rows(np.fromiter(positions, dtype=np.int64))
    digits = digits_of(values.dtype)
    texts = ((value, cell(value, most=longest, digits=digits, mask=rules.mask)) for value in values)
    return [text if text or isinstance(value, str) else None for value, text in texts]


def _strata(fields: Sequence[Field], look: Look, groups: Sequence[Any]) -> tuple[str, list[int]]:
    """A column of few values, the grouping one if there is any, and the first row with each of them."""
    grouping = {str(key) for key in groups}
    open_to_see = [field for field in fields if not field.is_masked and not field.is_index]
    for field in sorted(open_to_see, key=lambda field: field.label not in grouping)[:50]:
        firsts = _first_of_each(field, look)
        if 2 <= len(firsts) <= _STRATA:
            return f"`{field.label}`", firsts
    return "", []


def _first_of_each(field: Field, look: Look) -> list[int]:
    import pandas as pd

    types = pd.api.types
    dtype = field.dtype
    if not (
        isinstance(dtype, pd.CategoricalDtype) or types.is_string_dtype(dtype) or types.is_bool_dtype(dtype)
    ):
        return []
    values = field.values() if look.positions is None else field.rows(look.positions)
    try:
        codes, _ = pd.factorize(values)
    except TypeError:
        return []
    first = pd.Series(codes).drop_duplicates()
    found = first.index[first >= 0].to_numpy()
    return [int(at) for at in (found if look.positions is None else look.positions[found])]
