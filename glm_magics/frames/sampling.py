"""Which rows to look at and to send: spread over the table, and the same each time, without chance.

The multiples of the golden ratio, wrapped to 0 … 1, fill the range evenly however many are taken, and do not
fall into step with weekly or other regular data as every n-th row would.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FIRST", "LAST", "in_order_of_need", "spread"]

FIRST = 5
LAST = 3
_GOLDEN = 0.6180339887498949


def spread(rows: int, count: int) -> np.ndarray[Any, Any]:
    """At most `count` positions below `rows`, ascending."""
    import numpy as np

    return np.unique(_drawn(rows, count))


def in_order_of_need(rows: int, count: int, needed: Iterable[int] = ()) -> list[int]:
    """`count` positions (or all `rows`), those first that are to be sent first: the first rows, the last, the
    `needed`, then others spread between them."""
    first = range(min(FIRST, rows))
    last = range(max(0, rows - LAST), rows)
    others = _drawn(rows, 2 * count).tolist() if rows > count else range(rows)
    return list(dict.fromkeys([*first, *last, *needed, *others]))[:count]


def _drawn(rows: int, count: int) -> np.ndarray[Any, Any]:
    import numpy as np

    return (np.arange(1, count + 1) * _GOLDEN % 1.0 * rows).astype(np.int64)
