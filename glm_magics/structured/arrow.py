"""JSON Schema to the dtypes of Arrow memory, in pandas or polars, which have lists and objects too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pandas as pd

from glm_magics.errors import SettingError
from glm_magics.structured.dtypes import OBJECT, Decimals, DType, dtype_of
from glm_magics.structured.normal import Node, resolved, without_null

__all__ = ["pandas_dtype", "polars", "polars_dtype", "pyarrow"]


@dataclass(frozen=True, slots=True)
class _Kinds:
    """How one library names its types; `scalar` gives None where it has none for such values."""

    scalar: Callable[[DType, Node], Any]
    list_of: Callable[[Any], Any]
    struct_of: Callable[[dict[str, Any]], Any]


def pandas_dtype(node: Node, defs: Mapping[str, Node], decimals: Decimals) -> DType:
    """The Arrow dtype in pandas of values of `node`; `object` where something within them has none."""
    pa = pyarrow()
    kinds = _Kinds(_pyarrow_scalar, pa.list_, lambda parts: pa.struct(list(parts.items())))
    found = _type(node, defs, decimals, kinds, within=())
    return OBJECT if found is None else pd.ArrowDtype(found)


def polars_dtype(node: Node, defs: Mapping[str, Node], decimals: Decimals) -> DType:
    """The polars dtype of values of `node`; `Object` where something within them has none.

    A Decimal has no scale yet: each answer has the one that holds its digits.
    """
    pl = polars()
    found = _type(node, defs, decimals, _Kinds(_polars_scalar, pl.List, pl.Struct), within=())
    return pl.Object() if found is None else found


def pyarrow() -> Any:
    return _imported("pyarrow")


def polars() -> Any:
    return _imported("polars")


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise SettingError(f"backend={name!r} needs {name}: pip install {name}") from None


def _type(
    node: Node, defs: Mapping[str, Node], decimals: Decimals, kinds: _Kinds, within: tuple[str, ...]
) -> Any:
    ref = str(node.get("$ref", ""))
    if ref and ref in within:
        return None
    within = (*within, ref)
    node, _ = without_null(resolved(node, defs))
    if "$ref" in node:
        return _type(node, defs, decimals, kinds, within)
    if node.get("type") == "array" and "prefixItems" not in node:
        items = _type(node.get("items") or {}, defs, decimals, kinds, within)
        return None if items is None else kinds.list_of(items)
    if node.get("properties") and not isinstance(node.get("additionalProperties"), dict):
        parts = {
            name: _type(part, defs, decimals, kinds, within) for name, part in node["properties"].items()
        }
        return None if None in parts.values() else kinds.struct_of(parts)
    return kinds.scalar(dtype_of(node, defs, decimals), node)


def _pyarrow_scalar(dtype: DType, node: Node) -> Any:
    pa = pyarrow()
    if dtype == OBJECT:
        return pa.time64("us") if node.get("format") == "time" else None
    if isinstance(dtype, pd.CategoricalDtype):
        return pa.dictionary(pa.int32(), pa.string())
    if node.get("format") == "date":
        return pa.date32()
    known = {"Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_()}
    times = {"datetime64[us, UTC]": pa.timestamp("us", "UTC"), "timedelta64[us]": pa.duration("us")}
    return {**known, **times}.get(str(dtype), pa.string())


def _polars_scalar(dtype: DType, node: Node) -> Any:
    pl = polars()
    if dtype == OBJECT:
        return {"time": pl.Time(), "decimal": pl.Decimal}.get(node.get("format", ""))
    if isinstance(dtype, pd.CategoricalDtype):
        return pl.Enum(dtype.categories.tolist())
    if node.get("format") == "date":
        return pl.Date()
    known = {"Int64": pl.Int64(), "Float64": pl.Float64(), "boolean": pl.Boolean()}
    times = {"datetime64[us, UTC]": pl.Datetime("us", "UTC"), "timedelta64[us]": pl.Duration("us")}
    return {**known, **times}.get(str(dtype), pl.String())
