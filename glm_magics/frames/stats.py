"""What a column is like, in a few figures: bounds and quartiles, or the most frequent values.

Of a long table the figures come from some 50,000 rows spread over it, and say so (≈). Bounds of numbers and
times, and counts of what is missing, are exact all the same, for they need no copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_magics.frames.cells import cell, number
from glm_magics.frames.fields import Field
from glm_magics.frames.rules import FEW, Rules
from glm_magics.frames.sampling import spread

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["Look", "digits_of", "look_at", "summary"]

_EXACT_ROWS = 200_000
_EXACT_CELLS = 2_000_000
_SAMPLE_ROWS = 50_000
_LONGEST_VALUE = 40
_MOST_VALUES = 5


@dataclass(frozen=True, slots=True)
class Look:
    """Which rows the figures rest on: all (None), or these. `aggregates` leaves out what few rows share."""

    positions: np.ndarray[Any, Any] | None
    rows: int
    aggregates: bool = False
    mask: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        return "" if self.positions is None else "≈ "


def look_at(frame: pd.DataFrame, rules: Rules) -> Look:
    rows, columns = frame.shape
    aggregates = rules.privacy == "stats"
    if rows <= _EXACT_ROWS and rows * columns <= _EXACT_CELLS:
        return Look(None, rows, aggregates, rules.mask)
    wanted = min(_SAMPLE_ROWS, max(1_000, _EXACT_CELLS // max(1, columns)))
    return Look(spread(rows, wanted) if rows > wanted else None, rows, aggregates, rules.mask)


def summary(field: Field, look: Look) -> str:
    """The figures of a column, "" where it has none to give."""
    values = (field.values() if look.positions is None else field.rows(look.positions)).dropna()
    if not len(values) or (look.aggregates and len(values) < FEW):
        return ""
    try:
        return ", ".join(_figures(field, _dense(values), look))
    except (TypeError, ValueError, OverflowError, NotImplementedError, ArithmeticError):
        return ""  # values that cannot be counted or ordered have no figures


def _figures(field: Field, values: pd.Series[Any], look: Look) -> Iterator[str]:
    import pandas as pd

    types = pd.api.types
    if types.is_bool_dtype(values.dtype) or isinstance(values.dtype, pd.CategoricalDtype):
        yield from _frequent(values, look)
    elif types.is_complex_dtype(values.dtype) or isinstance(values.dtype, pd.IntervalDtype):
        return
    elif types.is_numeric_dtype(values.dtype):
        yield from _of_numbers(field, values, look)
    elif _is_of_time(values.dtype):
        yield from _of_times(field, values, look)
    else:
        yield from _frequent(values, look)


def _is_of_time(dtype: Any) -> bool:
    import pandas as pd

    types = pd.api.types
    return (
        types.is_datetime64_any_dtype(dtype)
        or types.is_timedelta64_dtype(dtype)
        or isinstance(dtype, pd.PeriodDtype)
        or str(dtype).startswith(("date", "timestamp", "duration"))
    )


def _of_numbers(field: Field, values: pd.Series[Any], look: Look) -> Iterator[str]:
    import numpy as np

    floats = values.to_numpy(dtype=float, na_value=np.nan)
    finite = floats[np.isfinite(floats)]
    if len(finite) < (FEW if look.aggregates else 1):
        return
    digits = 3 if look.aggregates else 6
    with np.errstate(all="ignore"):
        mean, deviation = float(finite.mean()), float(finite.std(ddof=1)) if len(finite) > 1 else None
        quartiles = [number(float(q), digits) for q in np.quantile(finite, (0.25, 0.5, 0.75))]
    low, high = (None, None) if look.aggregates else _bounds(field, values, look)
    if low is not None:
        yield f"min {low}"
    yield f"quartiles {look.about}{' '.join(quartiles)}"
    if high is not None:
        yield f"max {high}"
    yield f"mean {look.about}{number(mean, digits)}"
    if deviation is not None:
        yield f"sd {look.about}{number(deviation, digits)}"
    if len(finite) < len(floats) and not look.aggregates:
        yield f"{look.about}{len(floats) - len(finite):,} infinite"


def _of_times(field: Field, values: pd.Series[Any], look: Look) -> Iterator[str]:
    if look.aggregates:
        middle = values.sort_values(ignore_index=True).iloc[(len(values) - 1) // 2]
        rounded = _rounded_time(middle)
        if rounded:
            yield f"median {look.about}{rounded}"
        return
    low, high = _bounds(field, values, look)
    yield f"{low} to {high}"


def _bounds(field: Field, values: pd.Series[Any], look: Look) -> tuple[str, str]:
    """The least and the greatest: of all rows where the whole column can tell them without a copy."""
    import numpy as np

    about = look.about
    if look.positions is not None:
        whole = field.values() if not (field.is_index and field.frame.index.nlevels > 1) else values
        if isinstance(whole.dtype, np.dtype) and whole.dtype.kind in "iufmM":
            array, about = whole.to_numpy(), ""
            values = type(values)([np.fmin.reduce(array), np.fmax.reduce(array)], dtype=whole.dtype)
    low, high = values.min(), values.max()
    return f"{about}{_shown(low, values.dtype, look)}", f"{about}{_shown(high, values.dtype, look)}"


def _frequent(values: pd.Series[Any], look: Look) -> Iterator[str]:
    """How many different values there are, and the most frequent of them; equals as they appear."""
    import numpy as np

    if values.dtype.kind == "O" and any(
        isinstance(value, (dict, list, set)) for value in values.iloc[:1_000]
    ):
        return  # these cannot be told apart quickly
    counted = values.value_counts(sort=False)
    counts = counted.to_numpy(dtype=np.int64)
    distinct = int((counts > 0).sum())
    yield f"{'at least ' if look.about else ''}{distinct:,} distinct"
    least = FEW if look.aggregates else 2
    order = np.argsort(-counts, kind="stable")[:_MOST_VALUES]
    shown = [
        f"{_shown(counted.index[at], values.dtype, look)} {_share(int(counts[at]), len(values), look)}"
        for at in order
        if counts[at] >= least
    ]
    if shown:
        yield ", ".join(shown)


def _share(count: int, of: int, look: Look) -> str:
    return f"{count:,}×" if not look.about else f"≈ {100 * count / of:.2g} %"


def _shown(value: Any, dtype: Any, look: Look) -> str:
    text = cell(value, most=_LONGEST_VALUE, digits=digits_of(dtype), mask=look.mask)
    return f'"{text}"' if isinstance(value, str) else text


def digits_of(dtype: Any) -> int:
    """How many digits of a float are meant: those of float32 go no further than seven."""
    return {"float16": 4, "float32": 7}.get(str(dtype).lower().removesuffix("[pyarrow]"), 10)


def _dense(values: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    dtype = values.dtype
    return values.astype(dtype.subtype) if isinstance(dtype, pd.SparseDtype) else values


def _rounded_time(value: Any) -> str:
    """A date to its month, which does not tell a birthday; a duration to two digits."""
    import pandas as pd

    if isinstance(value, pd.Timedelta):
        return f"{number(value.total_seconds(), 2)} s"
    return f"{value.year:04d}-{value.month:02d}" if hasattr(value, "month") else ""
