"""What stays of an answer in the output: Markdown of a text, a table of rows or a record, JSON of a value."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glm_magics._lang import _
from glm_magics.chat import Completion
from glm_magics.render import Table, fence, static, static_table
from glm_magics.views.words import count

if TYPE_CHECKING:
    from glm_magics.structured.schema import Schema

__all__ = ["final", "json_as_markdown", "record_table"]

_ONE_LINE = 80


def final(
    completion: Completion, footer: str, *, plan: Schema | None = None, brief: bool = False
) -> dict[str, str]:
    """The bundle of an answer: HTML and text of a table, else Markdown and text.

    `plan` is the schema of the data that was asked for; an answer without a value is shown as its text.
    `brief` leaves out the data itself.
    """
    if plan is None:
        return static(completion, footer)
    if completion.value is None:
        return static(replace(completion, text=json_as_markdown(completion.text)), footer)
    if plan.shape == "value":
        text = "" if brief else fence(_json(completion.value, plan), "json")
        return static(replace(completion, text=text), footer)
    table, summary = _tabled(completion.value, plan)
    if brief:
        return static(replace(completion, text=summary), footer)
    return static_table(table, completion, summary=summary, footer=footer)


def json_as_markdown(text: str) -> str:
    """Bare JSON as a block of code; a text around it is Markdown already."""
    return fence(text.strip(), "json") if text.lstrip()[:1] in ("{", "[") else text


def record_table(record: Any, plan: Schema) -> Table:
    """One record of plain JSON values: a row for each of its fields."""
    from glm_magics.views.rows import Columns

    columns = Columns(plan)
    fields = zip(columns.names, columns.cells(record), strict=True)
    return Table([_("field"), _("value")], [[name, cell] for name, cell in fields])


def _tabled(value: Any, plan: Schema) -> tuple[Table, str]:
    """The table of an answer, and its shape in words."""
    from glm_magics.views.rows import FIRST_ROWS, Columns, first_rows

    if plan.shape == "record":
        table = record_table(_plain(value, plan), plan)
        return table, count(len(table.rows), "field")
    columns = Columns(plan)
    rows = [columns.cells(record) for record in _plain(value[:FIRST_ROWS], plan)]
    shape = f"{count(len(value), 'row')} × {count(len(columns.names), 'column')}"
    return first_rows(columns, rows, more=len(value) > FIRST_ROWS), shape


def _plain(value: Any, plan: Schema) -> Any:
    """Typed values as the plain ones of JSON."""
    from glm_magics.structured.problems import Validated
    from glm_magics.structured.table import as_json

    return as_json(Validated(value), plan)


def _json(value: Any, plan: Schema) -> str:
    plain = _plain(value, plan)
    line = json.dumps(plain, ensure_ascii=False)
    return line if len(line) <= _ONE_LINE else json.dumps(plain, ensure_ascii=False, indent=2)
