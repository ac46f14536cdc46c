"""The advice at the end of a check, in plain words: no more than the sample shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glm_magics.frames.interval import Interval, same_chance

if TYPE_CHECKING:
    from glm_magics.frames.measured import Measured

__all__ = ["Pair", "advice"]

_CHANCE = 0.05
_WIDE = 0.1  # an interval that is wider leaves much open


@dataclass(frozen=True, slots=True)
class Pair:
    """One tier, or two: how often each was right, how often only one was, how often they agree."""

    rows: int
    first: Measured
    other: Measured | None
    right: tuple[Interval, ...] = ()
    only: tuple[int, int] = (0, 0)
    agreement: Interval | None = None

    def judged(self, right: Sequence[Interval]) -> Pair:
        return replace(self, right=tuple(right))

    def parted(self, only_first: int, only_other: int) -> Pair:
        return replace(self, only=(only_first, only_other))

    def agreeing(self, agreement: Interval) -> Pair:
        return replace(self, agreement=agreement)


def advice(pair: Pair) -> str:
    """What to do next, from what was counted."""
    if pair.right and not pair.right[0].of:
        return "Advice: no row was answered, so nothing can be said; the statuses tell why."
    if pair.other is None:
        return _alone(pair.first.tier, pair.right)
    if pair.right and len(pair.right) > 1 and pair.right[1].of:
        return _compared(pair, pair.other)
    return _agreed(pair, pair.other)


def _alone(tier: str, right: Sequence[Interval]) -> str:
    if not right:
        return "Advice: the check was interrupted; run it again to go on."
    found = right[0]
    few, many = round((1 - found.high) * 1_000), round((1 - found.low) * 1_000)
    told = f"Advice: of 1,000 such rows, expect {tier} to get between {few} and {many} wrong."
    if found.high - found.low > _WIDE:
        return f"{told} That is wide: check about {found.of * 4:,} rows to halve it."
    return f"{told} If that is too many, see .disagreements, and compare with against=…"


def _compared(pair: Pair, other: Measured) -> str:
    chance = same_chance(*pair.only)
    parted = (
        f"only {pair.first.tier} is right on {pair.only[0]:,} rows, only {other.tier} on {pair.only[1]:,}"
    )
    cheaper, dearer, less, more = _by_cost(pair.first, other)
    if chance > _CHANCE:
        told = (
            f"Advice: {parted}, which chance explains (sign test, p = {chance:.2f}): no difference was seen"
        )
        saves = f"; {cheaper} {less}" if cheaper else ""
        return f"{told}{saves}. More rows would show a smaller difference."
    better = pair.first.tier if pair.only[0] > pair.only[1] else other.tier
    told = f"Advice: {better} is better: {parted} (sign test, p = {chance:.2g})"
    if cheaper == better:
        return f"{told}, and it {less}."
    costs = f". It {more}: cascade=[{cheaper!r}, {dearer!r}] may keep both" if cheaper else ""
    return f"{told}{costs}."


def _agreed(pair: Pair, other: Measured) -> str:
    assert pair.agreement is not None
    cheaper, _, less, _ = _by_cost(pair.first, other)
    saves = f"; {cheaper} {less}" if cheaper else ""
    return (
        f"Advice: they agree on {pair.agreement}{saves}. Which one is right is not known without a truth: "
        "label the rows in .disagreements."
    )


def _by_cost(first: Measured, other: Measured) -> tuple[str, str, str, str]:
    """The cheaper tier and the dearer one, and how each compares; empty where that is not known."""
    costs = first.row_cost, other.row_cost
    if costs[0] is None or costs[1] is None or costs[0].amount == costs[1].amount:
        return "", "", "", ""
    low, high = sorted([(costs[0].amount, first.tier), (costs[1].amount, other.tier)])
    if not low[0]:
        return low[1], high[1], "is free", f"costs money, and {low[1]} is free"
    times = f"{high[0] / low[0]:.1f} times"
    return low[1], high[1], f"costs {times} less", f"costs {times} more"
