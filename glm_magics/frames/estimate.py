"""What a row map would cost and how long it would take, before anything is sent: with this tier, and with
those that would cost less."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import astuple
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING

from glm_magics._tier import Tier
from glm_magics._tiers import tiers
from glm_magics.chat import Usage
from glm_magics.frames.duration import duration
from glm_magics.rows.item import Item
from glm_magics.rows.plan import Plan
from glm_magics.rows.work import PackSize, Work
from glm_magics.tokens import estimate_input

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "MOST_COUNTED", "SAMPLED", "estimated"]

MOST_COUNTED = 10_000
"""Rows whose tokens are all counted; of more, a random sample of `SAMPLED` stands for them."""
SAMPLED = 1_000

_PLACES = 10  # in flight at once, for the sizes of the last requests
COLUMNS = [
    *("tier", "requests", "input_tokens", "output_tokens", "cost", "currency"),
    *("seconds", "in_flight", "timed"),
]


def estimated(
    plan: Plan, items: Sequence[Item], size: PackSize, *, concurrency: int | None = None
) -> pd.DataFrame:
    """One row for this tier, then the cheaper ones: tokens as counted here, money for usual answers, and
    wall-clock seconds.

    `cost` is a Decimal, missing where no price is known. Tiers that think write more than that. `timed` says
    whether the seconds are from requests "measured" in this session or a "guess"; see `duration`.
    """
    import pandas as pd

    usages, times = _usages(plan, items, size)
    currency = plan.session.client.endpoint.currency or ""
    own = _cost(plan.tier, usages, currency, times)
    others = ((tier, _cost(tier, usages, currency, times)) for tier in tiers() if not tier.deprecated)
    cheaper = [(tier, cost) for tier, cost in others if cost is not None and own is not None and cost < own]
    requests = math.ceil(len(usages) * times)
    read, written = (
        round(sum(getattr(usage, name) for usage in usages) * times)
        for name in ("input_tokens", "output_tokens")
    )
    rows = []
    for tier, cost in [(plan.tier, own), *sorted(cheaper, key=itemgetter(1))]:
        time = duration(plan.session, tier, requests, written, label=plan.label, concurrency=concurrency)
        rows.append((tier.id, requests, read, written, cost, currency, *astuple(time)))
    table: pd.DataFrame = pd.DataFrame(rows, columns=COLUMNS).set_index("tier")
    return table


def _usages(plan: Plan, items: Sequence[Item], size: PackSize) -> tuple[list[Usage], Decimal]:
    """The usage of each request, and how many times all of them are to be taken."""
    if len(items) <= MOST_COUNTED:
        return [_usage(plan, batch) for batch in _batches(items, size, _PLACES)], Decimal(1)
    some = random.Random(0).sample(items, SAMPLED)
    times = Decimal(len(items)) / SAMPLED
    return [_usage(plan, batch) for batch in _batches(some, size, 1)], times


def _cost(tier: Tier, usages: Sequence[Usage], currency: str, times: Decimal) -> Decimal | None:
    price = tier.prices.get(currency)
    return sum((price.cost(usage).amount for usage in usages), Decimal(0)) * times if price else None


def _batches(items: Sequence[Item], size: PackSize, places: int) -> list[list[Item]]:
    work, found = Work(items, size), []
    while work:
        found.append(work.take(places))
    return found


def _usage(plan: Plan, batch: list[Item]) -> Usage:
    output = plan.usual_tokens * len(batch)
    return Usage(estimate_input(plan.request(batch)), 0, output, estimated=True)
