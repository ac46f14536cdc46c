"""Typed Python values to the arrays of a table, a column at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from glm_magics.structured.arrow import pyarrow
from glm_magics.structured.dtypes import TEXT, Column, DType

__all__ = ["array_of"]

_EPOCH = dt.datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=dt.timezone.utc)


def array_of(values: Sequence[Any], column: Column) -> Any:
    """`values` (None where one is missing) as an array of the column's dtype.

    What the dtype cannot hold exactly keeps the whole column as Python objects: an integer of more than 64
    bits, half a surrogate pair, a whole number of more than 53 bits among floats, a time that in UTC is
    before the year 1 or after 9999.
    """
    try:
        return _typed(values, column)
    except (OverflowError, UnicodeError, _Inexact):
        return _objects(values)


class _Inexact(ValueError):
    pass


def _typed(values: Sequence[Any], column: Column) -> Any:
    dtype = column.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow(values, dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return _categories(values, dtype)
    if isinstance(dtype, pd.Int64Dtype):
        return pd.arrays.IntegerArray(*_masked(values, np.int64))
    if isinstance(dtype, pd.Float64Dtype):
        return _floats(values)
    if isinstance(dtype, pd.BooleanDtype):
        return pd.arrays.BooleanArray(*_masked(values, np.bool_))
    if dtype == TEXT:
        return _texts(values)
    if dtype.kind == "M":
        return _moments(values, dtype)
    if dtype.kind == "m":
        return pd.array(np.array(values, dtype="timedelta64[us]"), dtype=dtype)
    return _objects(values)


def _masked(values: Sequence[Any], kind: Any) -> tuple[Any, Any]:
    """The values and the mask of the missing ones, as pandas' nullable arrays want them."""
    if None not in values:
        return np.array(values, dtype=kind), np.zeros(len(values), dtype=np.bool_)
    mask = np.fromiter((value is None for value in values), dtype=np.bool_, count=len(values))
    return np.array([0 if value is None else value for value in values], dtype=kind), mask


def _floats(values: Sequence[Any]) -> Any:
    kinds = set(map(type, values))
    if int in kinds and any(type(value) is int and float(value) != value for value in values):
        raise _Inexact
    if Decimal in kinds:
        values = [float(value) if isinstance(value, Decimal) else value for value in values]
    return pd.arrays.FloatingArray(*_masked(values, np.float64))


def _texts(values: Sequence[Any]) -> Any:
    if not set(map(type, values)) <= {str, type(None)}:
        values = [None if value is None else str(value) for value in values]
    "".join(filter(None, values)).encode()  # half a surrogate pair: no string dtype can hold it safely
    return pd.array(np.array(values, dtype=object), dtype=TEXT)


def _categories(values: Sequence[Any], dtype: pd.CategoricalDtype) -> Any:
    codes: dict[Any, int] = {label: at for at, label in enumerate(dtype.categories)}
    codes[None] = -1
    found = np.fromiter(map(codes.__getitem__, values), dtype=np.int32, count=len(values))
    return pd.Categorical.from_codes(found, dtype=dtype)


def _moments(values: Sequence[Any], dtype: DType) -> Any:
    """Dates by way of their ISO spelling, times as naive ones in UTC: what numpy and pandas read fastest.

    A time without a zone is taken as UTC.
    """
    if not isinstance(dtype, pd.DatetimeTZDtype):
        texts: Any = [None if value is None else value.isoformat() for value in values]
        return pd.array(np.array(texts, dtype="datetime64[D]").astype("datetime64[s]"), dtype=dtype)
    naive: Any = [
        value if value is None or value.tzinfo is None else _EPOCH + (value - _EPOCH_UTC) for value in values
    ]
    try:
        index = pd.DatetimeIndex(naive)
    except pd.errors.OutOfBoundsDatetime:  # pandas 2 reads nanoseconds, and those end in 2262
        index = pd.DatetimeIndex(np.array(naive, dtype="datetime64[us]"))
    return index.as_unit("us").tz_localize("UTC").array


def _arrow(values: Sequence[Any], dtype: pd.ArrowDtype) -> Any:
    pa = pyarrow()
    wanted = dtype.pyarrow_dtype
    try:
        if pa.types.is_dictionary(wanted):
            return pd.arrays.ArrowExtensionArray(
                pa.array(values, type=wanted.value_type).dictionary_encode().cast(wanted)
            )
        return pd.arrays.ArrowExtensionArray(pa.array(values, type=wanted))
    except pa.ArrowInvalid as error:
        raise _Inexact(str(error)) from None


def _objects(values: Sequence[Any]) -> Any:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
