"""A prompt for every row of a frame: a template filled with its columns, or what a function makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

from glm_magics import template
from glm_magics.errors import RequestError, TemplateError
from glm_magics.inert import inert

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Prompts", "RowTask", "prompts"]

RowTask: TypeAlias = "str | Callable[[pd.Series[Any]], str]"

_PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class Prompts:
    """The instruction with the `{{names}}` that a row fills, and for each row the values of these names and
    the whole prompt."""

    template: str
    names: tuple[str, ...]
    cells: list[tuple[Any, ...]]
    texts: list[str]


def prompts(
    frame: pd.DataFrame,
    task: RowTask,
    *,
    masked: Collection[str] = (),
    fixed: Mapping[str, str] | None = None,
) -> Prompts:
    """The prompts of all rows. `{{column}}` is the row's value, by the rules of every template; a missing
    value is left empty. A function gets the row as a Series and returns its prompt. Neither sees the columns
    that are `masked`. `fixed` are texts for names that are no columns, the same for all rows.

    Raises `TemplateError` for a name that is no column, or masked; `RequestError` for what is not a prompt.
    """
    frame = frame.loc[:, [str(column) not in masked for column in frame.columns]]
    if not isinstance(task, str):
        texts = [_prompt_of(task(row), at) for at, (_, row) in enumerate(frame.iterrows())]
        return Prompts(f"{{{{{_PROMPT}}}}}", (_PROMPT,), [(text,) for text in texts], texts)
    if not task.strip():
        raise RequestError("The prompt is empty.", hint="Write what to do with each row. Nothing was sent.")
    if hidden := [name for name in template.names(task) if name in masked]:
        raise TemplateError(f"{{{{{hidden[0]}}}}} is masked: its values are not sent.")
    fixed = fixed or {}
    names = tuple(name for name in template.names(task) if name not in fixed)
    columns = [_cells(frame, name) for name in names]
    cells = list(zip(*columns, strict=True)) if columns else [()] * len(frame)
    filled = _filler(task, names, fixed)
    for_many = filled(tuple(f"{{{{{name}}}}}" for name in names)) if fixed else task
    return Prompts(for_many, names, cells, [filled(row) for row in cells])


def _filler(task: str, names: tuple[str, ...], fixed: Mapping[str, str]) -> Callable[[tuple[Any, ...]], str]:
    """What fills `task` with a row's cells. The task is read once for all rows; no value is read as one."""
    places = {name: at for at, name in enumerate(names)}
    slots = {**fixed, **places}
    parts = template.pieces(task, slots, show=lambda name, value: places.get(name, value))

    def filled(cells: tuple[Any, ...]) -> str:
        texts = ["" if cell is None else str(cell) for cell in cells]
        text = "".join([texts[part] if isinstance(part, int) else part for part in parts])
        if len(text) > template.MOST_CHARACTERS:
            raise template.too_long(len(text))
        return text

    return filled


def _cells(frame: pd.DataFrame, name: str) -> list[Any]:
    """The values of a column as a prompt shows them: what JSON has stays, all else is text."""
    found = [at for at, column in enumerate(frame.columns) if column == name]
    if len(found) != 1:
        near = get_close_matches(name, [str(column) for column in frame.columns], n=3)
        raise TemplateError(
            f"{{{{{name}}}}} names {len(found) or 'no'} columns of the frame.",
            hint=f"Did you mean {', '.join(near)}?" if near else "A name is filled with the row's value.",
        )
    column = frame.iloc[:, found[0]]
    missing = column.isna().tolist()
    return [
        None if gone is True else _cell(name, value)
        for gone, value in zip(missing, column.tolist(), strict=True)
    ]


def _cell(name: str, value: Any) -> Any:
    """What of a text could act in a prompt is written out: a cell is data."""
    if type(value) in (int, bool) or (type(value) is float and math.isfinite(value)):
        return value
    return inert(template.show_value(name, value))


def _prompt_of(made: Any, row: int) -> str:
    if isinstance(made, str) and made.strip():
        return made
    raise RequestError(
        f"The function made {'an empty prompt' if isinstance(made, str) else repr(made)} of row {row}.",
        hint="It has to return the text to ask with. Nothing was sent.",
    )
