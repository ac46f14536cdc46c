"""The schema of an example: what a DataFrame, its dtypes, or plain values look like, as JSON Schema."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pandas as pd

from glm_magics.structured.normal import NULL, Node, nullable
from glm_magics.structured.problems import SchemaError

__all__ = ["schema_of_dtypes", "schema_of_frame", "schema_of_values"]

_KINDS: dict[str, Node] = {
    "b": {"type": "boolean"},
    "i": {"type": "integer"},
    "u": {"type": "integer"},
    "f": {"type": "number"},
    "M": {"type": "string", "format": "date-time"},
    "m": {"type": "string", "format": "duration"},
}
_TYPES: tuple[tuple[type, Node], ...] = (
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (Decimal, {"type": "string", "format": "decimal"}),
    (str, {"type": "string"}),
    (dt.datetime, {"type": "string", "format": "date-time"}),
    (dt.date, {"type": "string", "format": "date"}),
    (dt.time, {"type": "string", "format": "time"}),
    (dt.timedelta, {"type": "string", "format": "duration"}),
)


def schema_of_frame(frame: pd.DataFrame) -> Node:
    """The schema of one row. A column with a missing value is optional, as are all of an empty frame."""
    nodes = {}
    for name in _names(frame.columns):
        column = frame[name]
        node = _of_dtype(column.dtype)
        if node is None:
            node = schema_of_values(column.dropna().tolist())
        nodes[name] = nullable(node) if column.isna().any() or frame.empty else node
    return _record(nodes)


def schema_of_dtypes(dtypes: pd.Series[Any]) -> Node:
    """The schema of one row with these dtypes, each value of which may be missing. `object` means text."""
    return _record(
        {name: nullable(_of_dtype(dtypes[name]) or {"type": "string"}) for name in _names(dtypes.index)}
    )


def schema_of_values(values: Iterable[Any]) -> Node:
    """The schema that all `values` fit: one type, a union, or text when there is no value."""
    nodes: list[Node] = []
    lists: list[Any] = []
    records: list[dict[str, Any]] = []
    for value in values:
        if isinstance(value, (list, tuple, set)):
            lists.append(value)
        elif isinstance(value, dict):
            records.append(value)
        elif (node := _of_value(value)) not in nodes:
            nodes.append(node)
    if lists:
        nodes.append({"type": "array", "items": schema_of_values(item for each in lists for item in each)})
    if records:
        nodes.append(_of_records(records))
    return _joined(nodes)


def _names(columns: Any) -> list[str]:
    names = list(columns)
    wrong = next((name for name in names if not isinstance(name, str)), None)
    if wrong is not None:
        raise SchemaError(f"the columns of an example have text as names, got {wrong!r}; rename them")
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise SchemaError("the column is there twice", path=twice)
    if not names:
        raise SchemaError("the example has no columns")
    return names


def _record(nodes: dict[str, Node]) -> Node:
    required = [name for name, node in nodes.items() if NULL not in node.get("anyOf", ())]
    return {"type": "object", "properties": nodes, "required": required}


def _of_dtype(dtype: Any) -> Node | None:
    """The schema of a dtype's values; None where only the values can tell."""
    if isinstance(dtype, pd.CategoricalDtype):
        labels = dtype.categories.tolist()
        plain = labels and all(isinstance(label, (str, int, float, bool)) for label in labels)
        return {"enum": labels} if plain else schema_of_values(labels)
    if isinstance(dtype, pd.StringDtype):
        return {"type": "string"}
    if isinstance(dtype, pd.ArrowDtype):
        return _of_arrow(str(dtype.pyarrow_dtype), dtype.kind)
    if str(dtype) == "datetime64[s]":  # the dtype that dates get here
        return {"type": "string", "format": "date"}
    node = _KINDS.get(dtype.kind)
    return dict(node) if node else None


def _of_arrow(name: str, kind: str) -> Node | None:
    if name.startswith("date"):
        return {"type": "string", "format": "date"}
    if name.startswith("time") and not name.startswith("timestamp"):
        return {"type": "string", "format": "time"}
    if name.startswith("decimal"):
        return {"type": "string", "format": "decimal"}
    if name in ("string", "large_string"):
        return {"type": "string"}
    node = _KINDS.get(kind)
    return dict(node) if node else None


def _of_value(value: Any) -> Node:
    if value is None or value is pd.NA or value is pd.NaT:
        return dict(NULL)
    return next((dict(node) for kind, node in _TYPES if isinstance(value, kind)), {})


def _of_records(records: list[dict[str, Any]]) -> Node:
    names = list(dict.fromkeys(str(name) for record in records for name in record))
    nodes = {name: schema_of_values(record[name] for record in records if name in record) for name in names}
    required = [name for name in names if all(name in record for record in records)]
    return {"type": "object", "properties": nodes, "required": required} if names else {"type": "object"}


def _joined(nodes: list[Node]) -> Node:
    if {} in nodes:
        return {}
    optional = NULL in nodes
    rest = [node for node in nodes if node != NULL] or [{"type": "string"}]
    node = rest[0] if len(rest) == 1 else {"anyOf": rest}
    return nullable(node) if optional else node
