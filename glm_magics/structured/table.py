"""JSON to DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glm_magics.structured.parse import find_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_frame"]


def to_frame(answer: str | list[Any] | dict[str, Any]) -> pd.DataFrame:
    """A DataFrame of the JSON in `answer` (text, or a value that was parsed already).

    An array of objects is its rows; an object whose one value is such an array, as in `{"rows": […]}`, is
    unwrapped; any other object is one row. Columns have nullable dtypes (`Int64`, `boolean`, `string`, …) and
    integers stay exact. Raises `ValueError` when the text holds no JSON array or object.
    """
    import pandas as pd

    value = find_json(answer) if isinstance(answer, str) else answer
    rows = _rows(value)
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))


def _rows(value: list[Any] | dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        if len(value) == 1:
            (only,) = value.values()
            if isinstance(only, list) and all(isinstance(row, dict) for row in only):
                return only
        return [value]
    return [row if isinstance(row, dict) else {"value": row} for row in value]


def _column(values: list[Any]) -> pd.Series[Any]:
    """Values of one JSON type become that nullable dtype; mixed, nested and huge ones stay objects."""
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and float in kinds:
        return pd.Series(values, dtype="Float64")
    dtypes: dict[type, str] = {int: "Int64", bool: "boolean", str: "string"}
    dtype = dtypes.get(kinds.pop(), "object") if len(kinds) == 1 else "object"
    if dtype == "Int64" and any(value is not None and not -(2**63) <= value < 2**63 for value in values):
        dtype = "object"
    return pd.Series(values, dtype=dtype)
