"""A share that was counted in a sample, and how far off it may be."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, sqrt

__all__ = ["Interval", "enough", "same_chance", "wilson"]

_Z = 1.959963984540054  # the normal quantile of 97.5 %: 2.5 % are left out on each side


@dataclass(frozen=True, slots=True)
class Interval:
    """`good` of `of`, and the bounds between which the share lies with a confidence of 95 %."""

    good: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        return self.good / self.of if self.of else None

    def __str__(self) -> str:
        if self.share is None:
            return "not known (no rows)"
        bounds = f"95 % interval {self.low:.1%} to {self.high:.1%}"
        return f"{self.share:.1%} ({self.good:,} of {self.of:,}; {bounds})"


def wilson(good: int, of: int) -> Interval:
    """The score interval of E. B. Wilson (1927): it holds for shares near 0 and 1 and for small samples too.

    Without rows it is all from 0 to 1.
    """
    if not of:
        return Interval(0, 0, 0.0, 1.0)
    share, z2 = good / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return Interval(good, of, max(0.0, middle - half), min(1.0, middle + half))


def enough(share: float) -> int:
    """How many rows, all of them good, are the fewest whose lower bound reaches `share`."""
    rows = ceil(_Z * _Z * share / (1 - share))
    return rows if wilson(rows, rows).low >= share else rows + 1


def same_chance(one: int, other: int) -> float:
    """The two-sided exact sign test: how likely it is, where neither is better, that of the `one + other`
    rows on which only one of two was right they fell apart at least as far.
    """
    rows, fewer = one + other, min(one, other)
    ways = total = 1
    for at in range(fewer):
        ways = ways * (rows - at) // (at + 1)
        total += ways
    return min(1.0, float(Fraction(2 * total, 1 << rows)))
