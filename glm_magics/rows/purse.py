"""The money of a run: walls of its own in front of the session's."""

from __future__ import annotations

from collections.abc import Iterable

from glm_magics.chat import Completion, Cost
from glm_magics.errors import BudgetExceeded
from glm_magics.ledger import Budget, Ledger, Reservation

__all__ = ["Held", "Purse"]

Held = list[tuple[Ledger, Reservation]]


class Purse:
    """Sets money aside for each request, and settles. `budgets` are walls for all requests of the run, and
    `job` is a ledger that several runs share."""

    def __init__(
        self, ledger: Ledger, budgets: Iterable[Budget] = (), *, label: str = "", job: Ledger | None = None
    ) -> None:
        jobs = [] if job is None else [job]
        self._ledgers = [*(Ledger(budget) for budget in budgets), *jobs, ledger]
        self._label = label

    @property
    def is_limited(self) -> bool:
        return any(ledger.is_limited for ledger in self._ledgers)

    def left(self) -> Cost | None:
        """What the narrowest wall still allows; None without one."""
        found = [left for left in (ledger.left() for ledger in self._ledgers) if left is not None]
        return min(found, key=lambda cost: cost.amount, default=None)

    @property
    def is_shared_out(self) -> bool:
        """Whether a wall that other processes share has money set aside, which may come back."""
        return any(
            ledger.shared is not None and ledger.shared.standing().reserved.amount for ledger in self._ledgers
        )

    def reserve(self, most: Cost | None) -> Held:
        """Set the most that a request can cost aside. Raises `BudgetExceeded`."""
        held: Held = []
        try:
            for ledger in self._ledgers:
                held.append((ledger, ledger.reserve(most, label=self._label)))
        except BudgetExceeded:
            self.release(held)
            raise
        return held

    def settle(self, held: Held, completion: Completion) -> None:
        """Put what it cost in the place of what was set aside."""
        for ledger, reservation in held:
            ledger.settle(reservation, completion)

    def release(self, held: Held) -> None:
        """Give it back: the request was not billed."""
        for ledger, reservation in held:
            ledger.release(reservation)
