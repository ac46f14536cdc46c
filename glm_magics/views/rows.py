"""An answer as rows of text: columns from its schema, and rows as their records stream in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_magics._lang import _
from glm_magics.render import Table, reveal
from glm_magics.structured.problems import Problem, path_text
from glm_magics.views.words import count

if TYPE_CHECKING:
    from glm_magics.structured.dtypes import Column
    from glm_magics.structured.schema import Schema

__all__ = ["FIRST_ROWS", "Columns", "GrowingRows", "New", "first_rows", "growing_rows"]

FIRST_ROWS = 10  # of an answer, that stay in the notebook

Row = list[str | None]
"""The text of each cell; None where a value is missing."""

_LONGEST_CELL = 200  # characters
_LONGEST_REASON = 300
_NUMERIC = frozenset({"Int64", "Float64"})


class Columns:
    """The columns of a schema's table: their names and dtypes, and the cells of a record."""

    def __init__(self, plan: Schema) -> None:
        from glm_magics.structured.dtypes import columns_of  # needs pandas

        columns = columns_of(plan.row_schema)
        self._paths = [column.path for column in columns]
        self.names = [_cut(column.name) for column in columns]
        self.dtypes = [str(column.dtype) for column in columns]
        self.numeric = frozenset(
            at for at, column in enumerate(columns) if self.dtypes[at] in _NUMERIC or _is_decimal(column)
        )

    def cells(self, record: Any) -> Row:
        """The text of each cell of a record of plain JSON values; None where there is nothing."""
        return [_cell(_at(record, path)) for path in self._paths]


@dataclass(frozen=True, slots=True)
class New:
    """What came since the last look: finished rows, those that do not fit (by their number), the open row."""

    rows: list[Row]
    problems: list[tuple[int, str]]
    tail: Row | None


class GrowingRows:
    """The rows of one streaming answer. Records are read and checked once, as they end."""

    def __init__(self, plan: Schema) -> None:
        from glm_magics.structured.records import RecordSplitter  # no other answer needs what reads JSON

        self.columns = Columns(plan)
        self.rows: list[Row] = []
        self.problems: list[tuple[int, str]] = []
        self._plan = plan
        self._splitter = RecordSplitter()

    def feed(self, text: str) -> New:
        records = self._splitter.feed(text)
        first = len(self.rows)
        rows = [self.columns.cells(record) for record in records]
        problems = list(self._refused(records, first)) if records else []
        self.rows += rows
        self.problems += problems
        tail = self._splitter.tail()
        return New(rows, problems, None if tail is None else self.columns.cells(tail))

    def caption(self) -> str:
        """How many rows there are, and what is wrong with some."""
        parts = [count(len(self.rows), "row")]
        if self.problems:
            fit = _("{count:,} does not fit ({first})")
            if len(self.problems) > 1:
                fit = _("{count:,} do not fit ({first})")
            parts.append(fit.format(count=len(self.problems), first=self.problems[0][1]))
        if self._splitter.broken:
            parts.append(_("{count:,} unreadable").format(count=self._splitter.broken))
        return " · ".join(parts)

    def _refused(self, records: list[dict[str, Any]], first: int) -> Iterator[tuple[int, str]]:
        """The first problem of each record that does not fit."""
        found: dict[int, Problem] = {}
        for problem in self._plan.validate(records).errors:
            at = problem.loc[0] if problem.loc else 0
            if isinstance(at, int):
                found.setdefault(at, problem)
        for at, problem in sorted(found.items()):
            path = path_text("rows", (first + at, *problem.loc[1:]))
            said = Problem(path, problem.message, problem.got)
            yield first + at, reveal(str(said)[:_LONGEST_REASON])


def growing_rows(plan: Schema | None) -> GrowingRows | None:
    """For an answer whose rows can be shown while they come, else None."""
    return GrowingRows(plan) if plan is not None and plan.shape == "rows" else None


def first_rows(columns: Columns, rows: Sequence[Row], *, more: bool) -> Table:
    """A table of the first `FIRST_ROWS` of `rows`."""
    shown = rows[:FIRST_ROWS]
    labels = [str(number) for number in range(len(shown))]
    return Table(
        columns.names, shown, columns.dtypes, columns.numeric, labels, more or len(rows) > FIRST_ROWS
    )


def _is_decimal(column: Column) -> bool:
    return column.node.get("format") == "decimal"


def _at(record: Any, path: Sequence[str]) -> Any:
    """The value at `path`; None where an object on the way is missing or is none."""
    for part in path:
        record = record.get(part) if isinstance(record, dict) else None
    return record


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, (dict, list)):
        return _cut(json.dumps(value, ensure_ascii=False))
    return _cut(str(value))


def _cut(text: str) -> str:
    return reveal(text if len(text) <= _LONGEST_CELL else text[:_LONGEST_CELL] + "…")
