"""One call that takes several runs: they stay behind one wall of money, requests, tokens and seconds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from glm_magics import api
from glm_magics._options import Options
from glm_magics.chat import Cost
from glm_magics.frames.progress import Progress
from glm_magics.frames.rows import CacheMode, How, ask_rows, check_bounds
from glm_magics.ledger import Budget, Ledger
from glm_magics.rows.engine import Bounds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Job", "JobOptions"]


class JobOptions(TypedDict, total=False):
    """Those of `map_rows` that hold for all runs of a call together; each run's requests in flight too."""

    concurrency: int | None
    budget: Decimal | float | str | None
    cache: CacheMode
    progress: bool
    max_calls: int | None
    max_tokens: int | None
    max_seconds: float | None


class Job:
    """The runs of one call. After an interrupt nothing more is asked."""

    def __init__(self, options: JobOptions) -> None:
        check_bounds(options)
        self.session = api.session()
        self._options = options
        amount = options.get("budget")
        limit = None if amount is None else self.session.money(api.read_amount(amount))
        self.ledger = Ledger(None if limit is None else Budget(limit, "this call"))
        self._began = time.monotonic()
        self.is_stopped = False

    @property
    def shows(self) -> bool:
        return self._options.get("progress", True)

    def how(self, task: Any = "", schema: Any = None, *, title: str = "", **rest: Any) -> How:
        """How to ask in the next run, with what is left of the bounds."""
        return How(
            task=task,
            schema=schema,
            options=rest.pop("options", Options()),
            cache=self._options.get("cache", "on"),
            progress=self.shows,
            bounds=self._bounds(),
            job=self.ledger,
            title=title,
            **rest,
        )

    def ask(self, frame: pd.DataFrame, how: How) -> pd.DataFrame:
        """A row map as a run of this job."""
        result, stopped = ask_rows(frame, how)
        self.is_stopped = self.is_stopped or stopped
        return result

    def spent(self) -> Mapping[str, Any]:
        """Requests, tokens and money (`Cost`, None where no price is known) of all runs so far."""
        entries = self.ledger.entries
        costs = [entry.cost for entry in entries]
        known = [cost for cost in costs if cost is not None]
        return {
            "requests": len(entries),
            "tokens": sum(entry.usage.total_tokens for entry in entries),
            "cost": _sum(known) if known and len(known) == len(costs) else None,
        }

    def tell(self, text: str) -> str:
        """Show what the job did, with what it cost; returns it."""
        spent = self.spent()
        cost = f", {spent['cost']}" if spent["cost"] is not None else ""
        plural = "" if spent["requests"] == 1 else "s"
        told = f"{text} {spent['requests']:,} request{plural}, {spent['tokens']:,} tokens{cost}."
        Progress(shown=self.shows).close({"text/plain": told})
        return told

    def _bounds(self) -> Bounds:
        options, entries = self._options, self.ledger.entries
        calls, tokens, seconds = (options.get(name) for name in ("max_calls", "max_tokens", "max_seconds"))
        used = sum(entry.usage.total_tokens for entry in entries)
        return Bounds(
            concurrency=options.get("concurrency"),
            calls=0 if self.is_stopped else _left(calls, len(entries)),
            tokens=_left(tokens, used),
            seconds=_left(seconds, time.monotonic() - self._began),
        )


def _left(bound: Any, used: float) -> Any:
    return None if bound is None else max(0, bound - used)


def _sum(costs: list[Cost]) -> Cost:
    total, *rest = costs
    for cost in rest:
        total += cost
    return total
