"""Typed Python values to a polars DataFrame, a column at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

from glm_magics.structured.arrow import polars
from glm_magics.structured.dtypes import Column

__all__ = ["polars_frame"]

_DIGITS = 38  # of a polars Decimal


def polars_frame(columns: Sequence[Column], values: Iterable[Sequence[Any]]) -> Any:
    """A polars DataFrame of the columns' values, None where one is missing.

    What a dtype cannot hold exactly (an integer of more than 64 bits, half a surrogate pair) makes the
    column one of Python objects, polars' `Object`.
    """
    pl = polars()
    return pl.DataFrame([_series(pl, column, found) for column, found in zip(columns, values, strict=True)])


def _series(pl: Any, column: Column, values: Sequence[Any]) -> Any:
    try:
        values = _prepared(pl, column.dtype, values)
        return pl.Series(column.name, values, dtype=_exact(pl, column.dtype, values), strict=True)
    except (OverflowError, TypeError, UnicodeError, _Inexact):
        return pl.Series(column.name, values, dtype=pl.Object())


class _Inexact(ValueError):
    pass


def _prepared(pl: Any, dtype: Any, values: Sequence[Any]) -> Sequence[Any]:
    """Decimals as the floats that were asked for."""
    if dtype == pl.Float64:
        return [float(value) if isinstance(value, Decimal) else value for value in values]
    if dtype == pl.List:
        return [None if value is None else _prepared(pl, dtype.inner, value) for value in values]
    return values


def _exact(pl: Any, dtype: Any, values: Iterable[Any]) -> Any:
    """The dtype with the scale that its decimals need. Raises `_Inexact` where it would change a number."""
    given = [value for value in values if value is not None]
    if dtype == pl.Float64 and any(type(value) is int and float(value) != value for value in given):
        raise _Inexact
    if dtype == pl.Decimal:
        return pl.Decimal(_DIGITS, _scale(given))
    if dtype == pl.List:
        return pl.List(_exact(pl, dtype.inner, chain.from_iterable(given)))
    if dtype == pl.Struct:
        parts = {
            field.name: _exact(pl, field.dtype, [value.get(field.name) for value in given])
            for field in dtype.fields
        }
        return pl.Struct(parts)
    return dtype


def _scale(values: Sequence[Decimal]) -> int:
    scale = max((-int(value.as_tuple().exponent) for value in values), default=0)
    scale = max(scale, 0)
    if any(value and value.adjusted() + 1 + scale > _DIGITS for value in values) or scale > _DIGITS:
        raise _Inexact
    return scale
