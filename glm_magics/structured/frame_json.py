"""A DataFrame back to the JSON that it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from glm_magics.structured.arrow import pyarrow
from glm_magics.structured.dtypes import OBJECT, Column, columns_of
from glm_magics.structured.normal import Node, resolved, without_null
from glm_magics.structured.schema import schema as schema_of
from glm_magics.structured.validation import json_text

__all__ = ["to_json_records"]


def to_json_records(frame: Any, schema: Any = None) -> str:
    """The rows of a pandas or polars frame as a JSON array of objects.

    `to_frame` of it with the schema and the same options gives the frame again.
    With a schema, columns with dotted names become the objects they came from. The index is left out. Raises
    `ValueError` for NaN-like infinities, which JSON cannot say.
    """
    names = [str(name) for name in frame.columns]
    node: Node = {} if schema is None else schema_of(schema).row_schema
    plan = {column.name: column for column in columns_of(node)}
    if isinstance(frame, pd.DataFrame):
        lists = [_plain_values(frame.iloc[:, at], plan.get(name)) for at, name in enumerate(names)]
    else:
        lists = [frame[name].to_list() for name in names]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]
    if node:
        defs = node.get("$defs", {})
        rows = [_fitted(_unflattened(row, plan), resolved(node, defs), defs) for row in rows]
    return json_text(rows)


def _plain_values(column: pd.Series[Any], plan: Column | None) -> list[Any]:
    """The values of a column as JSON has them, None where one is missing."""
    if isinstance(column.dtype, pd.ArrowDtype):
        return list(pyarrow().array(column.array).to_pylist())
    if column.dtype.kind == "M":
        found = _iso(column, plan)
    elif isinstance(column.dtype, pd.CategoricalDtype):
        found = column.astype(object).tolist()
    else:
        found = column.tolist()
    if column.dtype == OBJECT:
        return [None if value is pd.NA or value is pd.NaT or value != value else value for value in found]
    missing = column.isna().tolist()
    return [None if gone else value for gone, value in zip(missing, found, strict=True)]


def _iso(column: pd.Series[Any], plan: Column | None) -> list[Any]:
    as_date = plan.node.get("format") == "date" if plan else str(column.dtype) == "datetime64[s]"
    moments = [None if moment is pd.NaT else moment for moment in column]
    if as_date:
        return [None if moment is None else moment.date() for moment in moments]
    return [None if moment is None else pd.Timestamp(moment).to_pydatetime() for moment in moments]


class _Inner(dict[str, Any]):
    """An object that is made again of its columns, unlike one that was a column's value."""


def _unflattened(row: dict[str, Any], plan: Mapping[str, Column]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, value in row.items():
        path = plan[name].path if name in plan else (name,)
        level = record
        for part in path[:-1]:
            level = level.setdefault(part, _Inner())
        level[path[-1]] = value
    return record


def _fitted(record: dict[str, Any], node: Node, defs: Mapping[str, Node]) -> dict[str, Any]:
    """What is missing as the schema has it: null where it may be, no key where that is allowed.

    An object within is missing when all of its fields are.
    """
    for name, raw in node.get("properties", {}).items():
        part, optional = without_null(resolved(raw, defs))
        inner = record.get(name)
        if _missing(inner) and optional:
            record[name] = None
        elif _missing(inner) and name not in node.get("required", ()):
            record.pop(name, None)
        elif isinstance(inner, _Inner):
            record[name] = _fitted(inner, resolved(part, defs), defs)
    return record


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, _Inner) and all(map(_missing, value.values())))
