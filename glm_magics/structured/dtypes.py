"""JSON Schema to the columns of a table and their dtypes: the same for every answer, an empty one too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pandas as pd

from glm_magics.errors import SettingError
from glm_magics.structured.normal import Node, resolved, without_null

__all__ = [
    "Backend",
    "Column",
    "DType",
    "Decimals",
    "Nested",
    "columns_of",
    "dtype_of",
    "dtypes_of",
    "is_arrow",
    "is_polars",
    "row_schema",
]

Nested = Literal["flatten", "keep"]
Decimals = Literal["decimal", "float"]
Backend = Literal["numpy_nullable", "pyarrow", "polars"]
DType = Any
"""A numpy dtype, a pandas extension dtype or, for that backend, a polars dtype."""

OBJECT: DType = pd.Series([], dtype="object").dtype
# pandas 3 has one string dtype for all, and names it as Python does.
TEXT: DType = pd.Series([], dtype="str" if int(pd.__version__.partition(".")[0]) >= 3 else "string").dtype
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its dotted name, the keys that lead to its values, their schema (null aside) and dtype."""

    name: str
    path: tuple[str, ...]
    node: Node
    dtype: DType


def dtypes_of(row: Node, *, nested: Nested, decimals: Decimals, backend: Backend) -> dict[str, DType]:
    """Column names and dtypes of rows of the schema `row`."""
    return {
        column.name: column.dtype
        for column in columns_of(row, nested=nested, decimals=decimals, backend=backend)
    }


def columns_of(
    row: Node,
    *,
    nested: Nested = "flatten",
    decimals: Decimals = "decimal",
    backend: Backend = "numpy_nullable",
) -> list[Column]:
    """The columns of rows of the schema `row`, objects within them flattened to dotted names or kept.

    Free-form and recursive objects are always kept, and so is one whose flattened names are taken.
    """
    for value, allowed in ((nested, Nested), (decimals, Decimals), (backend, Backend)):
        if value not in get_args(allowed):
            raise SettingError(f"Expected one of {', '.join(get_args(allowed))}, got {value!r}")
    defs = row.get("$defs", {})
    kind = _kind(backend)
    row = resolved(row, defs)
    leaves = list(_leaves(row, defs, (), flatten=nested == "flatten", within=()))
    names = [".".join(path) for path, _ in leaves]
    if len(set(names)) < len(names):
        leaves = list(_leaves(row, defs, (), flatten=False, within=()))
    return [Column(".".join(path), path, node, kind(node, defs, decimals)) for path, node in leaves]


def _leaves(
    node: Node, defs: Mapping[str, Node], path: tuple[str, ...], *, flatten: bool, within: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Node]]:
    for name, raw in node.get("properties", {}).items():
        part, _ = without_null(raw)
        ref = part.get("$ref", "")
        part, _ = without_null(resolved(part, defs))
        closed = part.get("properties") and not isinstance(part.get("additionalProperties"), dict)
        if flatten and closed and ref not in within and not (ref and _recursive(ref, defs)):
            yield from _leaves(
                part, defs, (*path, name), flatten=True, within=(*within, ref) if ref else within
            )
        else:
            yield (*path, name), part


def _recursive(ref: str, defs: Mapping[str, Node]) -> bool:
    seen: set[str] = set()
    waiting: list[Any] = [defs[ref.rpartition("/")[2]]]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            target = part.get("$ref")
            if target == ref:
                return True
            if isinstance(target, str) and target not in seen:
                seen.add(target)
                waiting.append(defs[target.rpartition("/")[2]])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return False


def row_schema(value: Node) -> Node:
    """The schema of a table's row for a value that is no record: the items of a list, the keys and values
    of a dict with free keys, else one row with a column `value`.
    """
    defs = value.get("$defs", {})
    node = resolved({key: part for key, part in value.items() if key != "$defs"}, defs)
    if node.get("properties"):
        row = node
    elif node.get("type") == "array" and "prefixItems" not in node:
        items = node.get("items") or {}
        record = resolved(items, defs)
        row = record if record.get("properties") else _single(items)
    elif node.get("type") == "object":
        rest = node.get("additionalProperties")
        properties = {"key": {"type": "string"}, "value": rest if isinstance(rest, dict) else {}}
        row = {"type": "object", "properties": properties, "required": ["key", "value"]}
    else:
        row = _single(node)
    return {**row, "$defs": defs} if defs else row


def _single(node: Node) -> Node:
    return {"type": "object", "properties": {"value": node}, "required": ["value"]}


def dtype_of(node: Node, defs: Mapping[str, Node], decimals: Decimals = "decimal") -> DType:
    """The nullable pandas dtype of values of `node`; `object` where pandas has no dtype for them."""
    node, _ = without_null(resolved(node, defs))
    if "anyOf" in node:
        return _common([dtype_of(part, defs, decimals) for part in node["anyOf"]])
    if "enum" in node:
        return _label_dtype(node["enum"])
    kind = node.get("type")
    if kind == "string":
        form = node.get("format", "")
        if form == "decimal":
            return pd.Float64Dtype() if decimals == "float" else OBJECT
        return _STRINGS.get(form, TEXT)
    return _SCALARS.get(kind or "", OBJECT)


_SCALARS: dict[str, DType] = {
    "integer": pd.Int64Dtype(),
    "number": pd.Float64Dtype(),
    "boolean": pd.BooleanDtype(),
}
_STRINGS: dict[str, DType] = {
    "date": pd.Series([], dtype="datetime64[s]").dtype,
    "date-time": pd.DatetimeTZDtype("us", "UTC"),
    "duration": pd.Series([], dtype="timedelta64[us]").dtype,
    "time": OBJECT,
}


def _common(dtypes: list[DType]) -> DType:
    first = dtypes[0]
    if all(dtype == first for dtype in dtypes):
        return first
    if all(dtype in (pd.Int64Dtype(), pd.Float64Dtype()) for dtype in dtypes):
        return pd.Float64Dtype()
    texts = all(dtype == TEXT or isinstance(dtype, pd.CategoricalDtype) for dtype in dtypes)
    return TEXT if texts else OBJECT


def _label_dtype(labels: list[Any]) -> DType:
    kinds = {type(label) for label in labels}
    if kinds == {str}:
        return pd.CategoricalDtype(labels, ordered=False)
    if kinds == {bool}:
        return pd.BooleanDtype()
    if kinds == {int}:
        return pd.Int64Dtype() if all(label in _INT64 for label in labels) else OBJECT
    return pd.Float64Dtype() if kinds <= {int, float} else OBJECT


def is_arrow(dtype: DType) -> bool:
    """Whether values of the dtype are kept by Arrow, lists and objects too."""
    return isinstance(dtype, pd.ArrowDtype) or is_polars(dtype)


def is_polars(dtype: DType) -> bool:
    return type(dtype).__module__.startswith("polars.")


def _kind(backend: Backend) -> Callable[[Node, Mapping[str, Node], Decimals], DType]:
    if backend == "numpy_nullable":
        return dtype_of
    from glm_magics.structured import arrow

    return arrow.pandas_dtype if backend == "pyarrow" else arrow.polars_dtype
