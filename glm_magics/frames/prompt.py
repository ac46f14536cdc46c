"""A value from the notebook as prompt text: a DataFrame as its shape, types and first rows; else as data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from glm_magics.template import show_value
from glm_magics.tokens import estimate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["attachment", "describe"]

DATA_TOKENS = 8_000  # the most that one attached frame takes of the prompt
_MOST_ROWS = 50
_MOST_COLUMNS = 60
_CELL_CHARACTERS = 200


def attachment(name: str, value: Any) -> str:
    """`value` as a block of its own, named and fenced. Raises `TemplateError` if it is not data."""
    frame = _as_frame(value)
    if frame is not None:
        return describe(name, frame)
    text = show_value(name, value)
    return f"Data `{name}`:\n\n{_fenced(text, 'text' if isinstance(value, str) else 'json')}"


def describe(name: str, frame: pd.DataFrame, *, tokens: int = DATA_TOKENS) -> str:
    """A frame within `tokens`: shape, dtypes, missing values, first rows as CSV, and what is left out."""
    rows, columns = frame.shape
    head = f"Table `{name}`: {rows:,} rows × {columns:,} columns."
    shown = frame.iloc[:_MOST_ROWS, :_MOST_COLUMNS]
    fields = "\n".join(_field(frame, at) for at in range(shown.shape[1]))
    count = len(shown)
    while True:
        csv = _csv(shown.iloc[:count])
        if count <= 1 or estimate(head + fields + csv) <= tokens:
            break
        count //= 2
    left = [f"{rows - count:,} more rows"] if rows > count else []
    left += [f"{columns - shown.shape[1]:,} more columns"] if columns > shown.shape[1] else []
    note = f"\n\nNot shown: {' and '.join(left)}." if left else ""
    return f"{head}\nColumns:\n{fields}\n\nFirst {count:,} rows:\n\n{_fenced(csv, 'csv')}{note}"


def _as_frame(value: Any) -> pd.DataFrame | None:
    if type(value).__module__.partition(".")[0] not in ("pandas", "polars", "pyarrow"):
        return None
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, pd.Series):
        return value.to_frame()
    if hasattr(value, "to_pandas"):
        converted = value.to_pandas()
        return converted if isinstance(converted, pd.DataFrame) else None
    return None


def _field(frame: pd.DataFrame, at: int) -> str:
    column = frame.iloc[:, at]
    missing = int(column.isna().sum())
    return f"- {_short(frame.columns[at])}: {column.dtype}" + (f", {missing:,} missing" if missing else "")


def _csv(frame: pd.DataFrame) -> str:
    cells = frame.copy()
    cells.columns = [_short(column) for column in frame.columns]
    for at in range(cells.shape[1]):
        column = cells.iloc[:, at]
        if column.dtype == object or str(column.dtype) in ("string", "str"):
            cells.isetitem(at, column.map(_short, na_action="ignore").array)
    return cells.to_csv(index=not _is_plain_index(frame)).strip()


def _is_plain_index(frame: pd.DataFrame) -> bool:
    import pandas as pd

    return isinstance(frame.index, pd.RangeIndex)


def _short(cell: Any) -> str:
    text = str(cell)
    return text if len(text) <= _CELL_CHARACTERS else text[:_CELL_CHARACTERS] + "…"


def _fenced(text: str, language: str) -> str:
    """A fence that no run of backticks inside can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
