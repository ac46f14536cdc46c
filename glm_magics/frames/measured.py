"""Rows asked of one tier, with what they cost and how long they took."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glm_magics.chat import Cost
from glm_magics.frames.outcome import STATUS, with_answers
from glm_magics.structured.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics.frames.job import Job
    from glm_magics.frames.rows import How

__all__ = ["Measured", "ask_measured", "fields_of"]

_NOT_ASKED = ("cached", "pending", "skipped_budget")


@dataclass(frozen=True, slots=True)
class Measured:
    """`rows` are those that were asked now, not read from the cache; `cost` is None where no price is known,
    `seconds` is wall-clock time.
    """

    tier: str
    rows: int
    cost: Cost | None
    seconds: float

    @property
    def row_cost(self) -> Cost | None:
        """Of one row; None where nothing was asked or no price is known."""
        if self.cost is None or not self.rows:
            return None
        return Cost(self.cost.amount / self.rows, self.cost.currency, self.cost.estimated)

    @property
    def seconds_per_1000(self) -> float | None:
        return self.seconds / self.rows * 1_000 if self.rows else None


def ask_measured(job: Job, frame: pd.DataFrame, how: How) -> tuple[pd.DataFrame, Measured]:
    """A row map as a run of the job, and what it took."""
    tier = job.session.find_tier(how.options.tier or job.session.defaults.tier).id
    before, began = len(job.ledger.entries), time.monotonic()
    result = job.ask(frame, how)
    seconds = time.monotonic() - began
    costs = [entry.cost for entry in job.ledger.entries[before:]]
    total: Cost | None = None
    for cost in costs:
        if cost is None:
            total = None
            break
        total = cost if total is None else total + cost
    asked = int((~result[STATUS].isin(_NOT_ASKED)).sum())
    return result, Measured(tier, asked, total, seconds)


def fields_of(record: Schema) -> list[str]:
    """The columns that the answers make."""
    import pandas as pd

    columns = with_answers(pd.DataFrame(), [], {}, record).columns
    return [str(name) for name in columns if not str(name).startswith("_glm_")]
