"""What a row map would cost, before anything is sent: with this tier, and with those that would cost less."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING

from glm_magics._tier import Tier
from glm_magics._tiers import tiers
from glm_magics.chat import Usage
from glm_magics.rows.item import Item
from glm_magics.rows.plan import Plan
from glm_magics.rows.work import PackSize, Work
from glm_magics.tokens import estimate_input

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "estimated"]

_PLACES = 10  # in flight at once, for the sizes of the last requests
COLUMNS = ["tier", "requests", "input_tokens", "output_tokens", "cost", "currency"]


def estimated(plan: Plan, items: Sequence[Item], size: PackSize) -> pd.DataFrame:
    """One row for this tier, then the cheaper ones: tokens as counted here, money for usual answers.

    `cost` is a Decimal, missing where no price is known. Tiers that think write more than that.
    """
    import pandas as pd

    usages = [_usage(plan, batch) for batch in _batches(items, size)]
    currency = plan.session.client.endpoint.currency or ""
    own = _cost(plan.tier, usages, currency)
    others = ((tier.id, _cost(tier, usages, currency)) for tier in tiers() if not tier.deprecated)
    cheaper = [(id, cost) for id, cost in others if cost is not None and own is not None and cost < own]
    costs = [(plan.tier.id, own), *sorted(cheaper, key=itemgetter(1))]
    tokens = sum(usage.input_tokens for usage in usages), sum(usage.output_tokens for usage in usages)
    rows = [(id, len(usages), *tokens, cost, currency) for id, cost in costs]
    table: pd.DataFrame = pd.DataFrame(rows, columns=COLUMNS).set_index("tier")
    return table


def _cost(tier: Tier, usages: Sequence[Usage], currency: str) -> Decimal | None:
    price = tier.prices.get(currency)
    return sum((price.cost(usage).amount for usage in usages), Decimal(0)) if price else None


def _batches(items: Sequence[Item], size: PackSize) -> list[list[Item]]:
    work, found = Work(items, size), []
    while work:
        found.append(work.take(_PLACES))
    return found


def _usage(plan: Plan, batch: list[Item]) -> Usage:
    output = plan.usual_tokens * len(batch)
    return Usage(estimate_input(plan.request(batch)), 0, output, estimated=True)
