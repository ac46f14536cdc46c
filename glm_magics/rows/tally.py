"""What a run has done so far, for its progress and its summary."""

from __future__ import annotations

import time
from collections import Counter

from glm_magics.chat import Completion, Cost
from glm_magics.rows.item import DONE, Status

__all__ = ["Tally"]


class Tally:
    """Counters, cheap to keep and to read from another thread.

    `total` is the rows of the run that differ from each other; `calls` the requests that were answered or may
    have been billed. `recorded` says that answers came from a cassette ("recorded 2026-11-26"): their cost is
    in `spent`, and was not paid now.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.statuses: Counter[Status] = Counter()
        self.calls = 0
        self.in_flight = 0
        self.tokens = 0
        self.spent: dict[str, Cost] = {}
        self.recorded = ""
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def known(self) -> int:
        """Rows of which it is clear what became of them."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        return self.known - sum(self.statuses[status] for status in DONE) - self.statuses["pending"]

    def sent(self, rows: int) -> None:
        self.in_flight += rows

    def ended(self, rows: int, completion: Completion | None) -> None:
        """A request came to its end; `completion` is what may be billed."""
        self.in_flight -= rows
        if completion is not None:
            self.calls += 1
            self.tokens += completion.usage.total_tokens
            if completion.recorded:
                self.recorded = completion.endpoint
            if completion.cost is not None:
                known = self.spent.get(completion.cost.currency)
                self.spent[completion.cost.currency] = (
                    completion.cost if known is None else known + completion.cost
                )
