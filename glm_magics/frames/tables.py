"""Whatever holds rows and columns, of pandas, polars or Arrow, as a DataFrame; copied only if need be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_magics.errors import TemplateError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table", "as_table", "comes_from_a_table_library"]

_HOMES = frozenset({"pandas", "polars", "pyarrow"})


@dataclass(frozen=True, slots=True)
class Table:
    """A frame, the kind of object it was, and the columns that group it."""

    frame: pd.DataFrame
    kind: str = ""
    groups: tuple[Any, ...] = ()


def comes_from_a_table_library(value: Any) -> bool:
    """Looks at the type only, and imports nothing."""
    return any(base.__module__.partition(".")[0] in _HOMES for base in type(value).__mro__)


def as_table(name: str, value: Any) -> Table | None:
    """`value` as a table; None where it is none (a Timestamp, a list). Raises `TemplateError` for a query."""
    if not comes_from_a_table_library(value):
        return None
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return Table(value)
    if isinstance(value, pd.Series):
        return Table(_of_series(value), "Series")
    if isinstance(value, pd.Index):
        return Table(value.to_frame(index=False), type(value).__name__)
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return Table(_of_series(pd.Series(value, copy=False)), type(value).__name__)
    inside = _inside(value)
    if inside is not None:
        return inside
    if type(value).__name__ == "LazyFrame":
        raise TemplateError(
            f"{name} is a query that has not run.", hint=f"Attach its result: {name} = {name}.collect()."
        )
    return _converted(value)


def _of_series(series: pd.Series[Any]) -> pd.DataFrame:
    return series.to_frame("value" if series.name is None else series.name)


def _inside(value: Any) -> Table | None:
    """The frame that a GroupBy, a Styler, a Resampler or a Rolling is about."""
    import pandas as pd

    kind = type(value).__name__
    frame = getattr(value, "data", None) if kind == "Styler" else getattr(value, "obj", None)
    if isinstance(frame, pd.Series):
        frame = _of_series(frame)
    if not isinstance(frame, pd.DataFrame):
        return None
    keys = getattr(value, "keys", None) if kind.endswith("GroupBy") else None
    named = keys if isinstance(keys, list) else [keys]
    return Table(frame, kind, tuple(key for key in named if isinstance(key, (str, int, tuple))))


def _converted(value: Any) -> Table | None:
    """polars and Arrow, whose columns pandas can hold as they are."""
    import pandas as pd

    kind = f"{type(value).__module__.partition('.')[0]} {type(value).__name__}"
    if not hasattr(value, "to_pandas"):
        return None
    if kind.startswith("polars"):
        converted = _of_polars(value)
    else:
        converted = value.to_pandas(types_mapper=pd.ArrowDtype)
    if isinstance(converted, pd.Series):
        converted = _of_series(converted)
    return Table(converted, kind) if isinstance(converted, pd.DataFrame) else None


def _of_polars(value: Any) -> Any:
    try:
        return value.to_pandas(use_pyarrow_extension_array=True)
    except ImportError:
        pass
    raise TemplateError(
        "A polars table needs pyarrow to be attached.", hint="`pip install pyarrow`. Nothing was sent."
    )
