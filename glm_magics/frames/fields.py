"""The fields of a table: its columns and the levels of its index, alike, without copying what they hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_magics.frames.rules import is_masked, spelled
from glm_magics.inert import cut, one_line

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["Field", "field_labels", "fields", "has_plain_index"]

_LONGEST_NAME = 80
_KINDS_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class Field:
    """One column, or one level of the index. `label` is inert, cut and on one line."""

    frame: pd.DataFrame
    at: int
    label: str
    dtype: Any
    is_index: bool = False
    is_masked: bool = False

    def values(self) -> pd.Series[Any]:
        """All of it. Of a MultiIndex this is a copy: prefer `rows` where the table is long."""
        import pandas as pd

        if not self.is_index:
            return self.frame.iloc[:, self.at]
        return pd.Series(self.frame.index.get_level_values(self.at), copy=False)

    def rows(self, positions: np.ndarray[Any, Any]) -> pd.Series[Any]:
        import pandas as pd

        if not self.is_index:
            return self.frame.iloc[:, self.at].take(positions)
        taken = self.frame.index.take(positions)
        return pd.Series(taken.get_level_values(self.at), copy=False)

    def missing(self) -> int | None:
        """How many are missing; None where counting would mean to look at each of millions of objects."""
        import pandas as pd

        index = self.frame.index
        if self.is_index and isinstance(index, pd.MultiIndex):
            return int((index.codes[self.at] == -1).sum())
        values = self.values()
        return None if values.dtype == object and len(values) > 1_000_000 else int(values.isna().sum())

    @property
    def type_name(self) -> str:
        """The dtype; for a column of objects also what they are, judging by the first of them."""
        import numpy as np
        import pandas as pd

        dtype = self.dtype
        if isinstance(dtype, pd.SparseDtype):
            return f"Sparse[{dtype.subtype}]"  # its own name tells the fill value, which is a value of cells
        if dtype.kind == "O" and isinstance(dtype, np.dtype):
            kinds = _kinds(self._first())
            return f"object ({', '.join(kinds)})" if kinds else "object"
        return one_line(cut(str(dtype), _LONGEST_NAME))

    def _first(self) -> pd.Series[Any]:
        import numpy as np

        return self.rows(np.arange(min(_KINDS_LOOKED_AT, len(self.frame))))


def fields(frame: pd.DataFrame, mask: Sequence[str]) -> list[Field]:
    """The levels of the index, unless it only counts the rows, and the columns."""
    import pandas as pd

    names = frame.index.names
    levels = () if has_plain_index(frame) else enumerate(names)
    index = frame.index
    kinds = [level.dtype for level in index.levels] if isinstance(index, pd.MultiIndex) else [index.dtype]
    found = [
        Field(frame, at, _label(_level_name(name, at, names)), kinds[at], True, is_masked(name, mask))
        for at, name in levels
    ]
    hidden = [
        level for level, name in enumerate(frame.columns.names) if name is not None and str(name) in mask
    ]
    for at, (label, dtype) in enumerate(zip(frame.columns, frame.dtypes, strict=True)):
        shown = _hide_levels(label, hidden, at) if hidden else label
        found.append(Field(frame, at, _label(spelled(shown)), dtype, False, is_masked(label, mask)))
    return found


def field_labels(frame: pd.DataFrame) -> Iterator[Any]:
    """All that a mask may name."""
    yield from frame.columns
    yield from (name for name in (*frame.index.names, *frame.columns.names) if name is not None)


def has_plain_index(frame: pd.DataFrame) -> bool:
    """Whether the index is the one that a table gets by itself: 0, 1, 2, …"""
    import pandas as pd

    index = frame.index
    return isinstance(index, pd.RangeIndex) and index.name is None and index.start == 0 and index.step == 1


def _level_name(name: Any, at: int, names: Sequence[Any]) -> str:
    return spelled(name) if name is not None else "index" if len(names) == 1 else f"level {at}"


def _hide_levels(label: Any, hidden: Sequence[int], at: int) -> Any:
    """A column's name without the levels that are masked: after a pivot they are values."""
    if not isinstance(label, tuple):
        return f"masked {at}"
    return tuple(f"masked {at}" if level in hidden else part for level, part in enumerate(label))


def _label(text: str) -> str:
    return one_line(cut(text, _LONGEST_NAME))


def _kinds(values: pd.Series[Any]) -> list[str]:
    """The names of the types among the objects, the most frequent first."""
    counted = Counter(type(value).__name__ for value in values if not _is_missing(value))
    ordered = sorted(counted.items(), key=lambda kind: (-kind[1], kind[0]))
    return [re.sub(r"\W", "", name)[:40] for name, _ in ordered[:4]]


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (value != value) is True
