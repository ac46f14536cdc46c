"""The schema of an example: what a DataFrame, its dtypes, or plain values look like, as JSON Schema.

Frames of pandas and polars, tables of pyarrow; their dtypes and schemas, where every value may be missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pandas as pd

from glm_magics.structured.normal import NULL, Node, nullable
from glm_magics.structured.problems import SchemaError

__all__ = ["schema_of_example", "schema_of_values"]

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


def schema_of_example(example: Any) -> Node | None:
    """The schema of one row; None for what is neither a frame nor the dtypes of one."""
    library = type(example).__module__.partition(".")[0]
    if library == "polars":
        return _of_polars(example)
    if library == "pyarrow":
        example = _as_pandas(example)
    if isinstance(example, pd.DataFrame):
        return _of_frame(example)
    if isinstance(example, pd.Series) and all(hasattr(dtype, "kind") for dtype in example):
        return _of_dtypes(example)
    return None


def _of_frame(frame: pd.DataFrame) -> Node:
    """A column with a missing value is optional, as are all of an empty frame."""
    nodes = {}
    for name in _names(frame.columns):
        column = frame[name]
        nodes[name] = _of_column(
            _of_dtype(column.dtype), column.dropna().tolist(), gaps=bool(column.isna().any())
        )
    return _record(nodes)


def _of_dtypes(dtypes: pd.Series[Any]) -> Node:
    """`object` means text."""
    return _record(
        {name: nullable(_of_dtype(dtypes[name]) or {"type": "string"}) for name in _names(dtypes.index)}
    )


def _of_polars(example: Any) -> Node | None:
    from glm_magics.structured.arrow import polars

    pl = polars()
    if isinstance(example, pl.LazyFrame):
        example = example.collect_schema()
    if isinstance(example, pl.Schema):
        kinds = dict(example.items())
        return _record(
            {name: nullable(_of_polars_type(kinds[name]) or {"type": "string"}) for name in _names(kinds)}
        )
    if not isinstance(example, pl.DataFrame):
        return None
    nodes = {}
    for name in _names(example.columns):
        column = example[name]
        gaps = column.null_count() > 0
        nodes[name] = _of_column(_of_polars_type(column.dtype), column.drop_nulls().to_list(), gaps=gaps)
    return _record(nodes)


def _of_column(node: Node | None, values: list[Any], *, gaps: bool) -> Node:
    """By the dtype; by the values where they can say more: of objects, and of what lies within lists."""
    if node is None or (values and node.get("type") in ("array", "object")):
        node = schema_of_values(values)
    return node if values and not gaps else nullable(node)


def _as_pandas(example: Any) -> Any:
    from glm_magics.structured.arrow import pyarrow

    pa = pyarrow()
    if isinstance(example, pa.Schema):
        return example.empty_table().to_pandas(types_mapper=pd.ArrowDtype).dtypes
    if isinstance(example, (pa.Table, pa.RecordBatch)):
        return example.to_pandas(types_mapper=pd.ArrowDtype)
    return example


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
        return _of_arrow_type(dtype.pyarrow_dtype)
    if str(dtype) == "datetime64[s]":  # the dtype that dates get here
        return {"type": "string", "format": "date"}
    node = _KINDS.get(dtype.kind)
    return dict(node) if node else None


def _of_arrow_type(kind: Any) -> Node | None:
    from glm_magics.structured.arrow import pyarrow

    types = pyarrow().types

    if types.is_dictionary(kind):
        return _of_arrow_type(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _list_of(_of_arrow_type(kind.value_type))
    if types.is_struct(kind):
        return _struct_of({field.name: _of_arrow_type(field.type) for field in kind})
    known = (
        (types.is_boolean, bool),
        (types.is_integer, int),
        (types.is_floating, float),
        (types.is_decimal, Decimal),
        (types.is_string, str),
        (types.is_large_string, str),
        (types.is_date, dt.date),
        (types.is_timestamp, dt.datetime),
        (types.is_time, dt.time),
        (types.is_duration, dt.timedelta),
    )
    return next((_of_python(python) for is_kind, python in known if is_kind(kind)), None)


def _of_polars_type(kind: Any) -> Node | None:
    from glm_magics.structured.arrow import polars

    pl = polars()
    if kind == pl.Enum:
        return {"enum": kind.categories.to_list()}
    if kind in (pl.List, pl.Array):
        return _list_of(_of_polars_type(kind.inner))
    if kind == pl.Struct:
        return _struct_of({field.name: _of_polars_type(field.dtype) for field in kind.fields})
    if kind in (pl.Object, pl.Null, pl.Binary, pl.Unknown):
        return None
    return _of_python(kind.to_python())


def _of_python(kind: type) -> Node | None:
    return next((dict(node) for python, node in _TYPES if python is kind), None)


def _list_of(items: Node | None) -> Node:
    return {"type": "array", "items": items} if items else {"type": "array"}


def _struct_of(parts: dict[str, Node | None]) -> Node:
    return _record({name: nullable(node or {}) for name, node in parts.items()})


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
