"""Money: what each request cost, and a wall in front of the next one.

A request reserves the most it can cost before it is sent, and settles with what it did cost; reserved money
counts as spent, so any number of requests at once stay behind the wall. Amounts are exact decimals in one
currency; sums are kept by currency and never added across.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from glm_magics._lang import N_, _
from glm_magics.chat import Completion, Cost, Usage
from glm_magics.errors import BudgetExceeded

if TYPE_CHECKING:
    from glm_magics.shared_budget import SharedBudget

__all__ = ["Budget", "Entry", "Ledger", "Reservation"]


@dataclass(frozen=True, slots=True)
class Budget:
    """A wall: at most `limit` may be spent. `name` says what it is for ("session", "this cell")."""

    limit: Cost
    name: str = "session"


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that may have been billed. `cost` is None where no price is known."""

    started: float
    label: str
    tier: str
    endpoint: str
    finish_reason: str
    usage: Usage
    cost: Cost | None
    seconds: float
    first_token_seconds: float | None


@dataclass(eq=False, slots=True)
class Reservation:
    """Money set aside for one request that is under way; None where no price is known.

    `ticket` is its number in the shared budget, where there is one.
    """

    most: Cost | None
    label: str = ""
    above: Reservation | None = None  # the same money in the parent's ledger
    ticket: int | None = None


class Ledger:
    """What was spent in this session. Safe to use from many threads.

    `budget` is the session's own wall, `shared` one that other processes spend from too. A ledger with a
    `parent` is for a job of several requests: they stay behind its wall and the parent's, and stand in both.

    A `live` ledger counts what is paid now: an answer from a cassette costs nothing there. Another one counts
    what it cost when it was recorded, so that a notebook about budgets replays as it ran.
    """

    def __init__(
        self,
        budget: Budget | None = None,
        *,
        shared: SharedBudget | None = None,
        parent: Ledger | None = None,
        live: bool = False,
    ) -> None:
        self.budget = budget
        self.shared = shared
        self.live = live
        self._parent = parent
        self._entries: list[Entry] = []
        self._open: set[Reservation] = set()
        self._taken: defaultdict[str, Decimal] = defaultdict(Decimal)  # settled and reserved, by currency
        self._lock = threading.Lock()

    def reserve(self, most: Cost | None, *, label: str = "", budgets: Iterable[Budget] = ()) -> Reservation:
        """Set `most` aside. Raises `BudgetExceeded` if that would pass the session's wall or a given one.

        Budgets beside the session's are walls for this one request. A request of unknown price is refused
        under a budget: there is no telling where it would end.
        """
        with self._lock:
            for budget in budgets:
                _check(budget, most, taken=Decimal(0))
            if self.budget is not None:
                _check(self.budget, most, taken=self._taken[self.budget.limit.currency])
            above = self._parent.reserve(most, label=label) if self._parent is not None else None
            reservation = Reservation(most, label, above)
            self._open.add(reservation)
            self._take(most)
        if self.shared is not None:
            self._share(self.shared, reservation)
        return reservation

    def settle(self, reservation: Reservation, completion: Completion) -> None:
        """Put what it cost in the place of what was set aside."""
        entry = Entry(
            started=completion.started,
            label=reservation.label,
            tier=completion.model,
            endpoint=completion.endpoint,
            finish_reason=completion.finish_reason,
            usage=completion.usage,
            cost=self._paid(completion),
            seconds=completion.seconds,
            first_token_seconds=completion.first_token_seconds,
        )
        with self._lock:
            self._give_back(reservation)
            self._entries.append(entry)
            self._take(entry.cost)
        if self._parent is not None and reservation.above is not None:
            self._parent.settle(reservation.above, completion)
        if self.shared is not None and reservation.ticket is not None:
            self.shared.settle(reservation.ticket, entry.cost)

    def release(self, reservation: Reservation) -> None:
        """Give back what was set aside: the request was refused and is not billed."""
        with self._lock:
            self._give_back(reservation)
        if self.shared is not None and reservation.ticket is not None:
            self.shared.release(reservation.ticket)
        if self._parent is not None and reservation.above is not None:
            self._parent.release(reservation.above)

    @property
    def is_limited(self) -> bool:
        """Whether there is a wall: its own, a shared one or the parent's."""
        above = self._parent is not None and self._parent.is_limited
        return above or self.budget is not None or self.shared is not None

    @property
    def entries(self) -> tuple[Entry, ...]:
        with self._lock:
            return tuple(self._entries)

    def spent(self) -> dict[str, Cost]:
        """The sum of what was settled, by currency."""
        totals: dict[str, Cost] = {}
        for entry in self.entries:
            if entry.cost is not None:
                known = totals.get(entry.cost.currency)
                totals[entry.cost.currency] = entry.cost if known is None else known + entry.cost
        return totals

    def left(self, budget: Budget | None = None) -> Cost | None:
        """What `budget` still allows, never below zero; without one, what the session's walls do.

        None where there is no wall. Of several walls it is the nearest.
        """
        if budget is not None and budget is not self.budget:
            return budget.limit
        walls = [self.shared.standing().left] if self.shared is not None else []
        if self.budget is not None:
            limit = self.budget.limit
            with self._lock:
                taken = self._taken[limit.currency]
            walls.append(Cost(max(Decimal(0), limit.amount - taken), limit.currency))
        above = self._parent.left() if self._parent is not None else None
        if above is not None:
            walls.append(above)
        return min(walls, key=lambda wall: wall.amount, default=None)

    def _paid(self, completion: Completion) -> Cost | None:
        cost = completion.cost
        if cost is None or not (self.live and completion.recorded):
            return cost
        return Cost(Decimal(0), cost.currency)

    def _share(self, shared: SharedBudget, reservation: Reservation) -> None:
        """Set the same amount aside in the shared budget, or give all of it back."""
        try:
            _check(
                Budget(shared.standing().limit, N_("all who share it")), reservation.most, taken=Decimal(0)
            )
            if reservation.most is not None and reservation.most.amount:
                reservation.ticket = shared.reserve(reservation.most)
        except BaseException:
            with self._lock:
                self._give_back(reservation)
            raise

    def _take(self, cost: Cost | None) -> None:
        if cost is not None:
            self._taken[cost.currency] += cost.amount

    def _give_back(self, reservation: Reservation) -> None:
        if reservation in self._open:
            self._open.remove(reservation)
            if reservation.most is not None:
                self._taken[reservation.most.currency] -= reservation.most.amount


def _check(budget: Budget, most: Cost | None, *, taken: Decimal) -> None:
    limit = budget.limit
    if most is not None and most.amount == 0:
        return  # what is free passes any wall, also one that was lowered below what is spent
    if most is None:
        raise BudgetExceeded(
            _("The budget of {limit} for {name} holds, and this tier has no known price.").format(
                limit=limit, name=_(budget.name)
            ),
            hint=_("Choose a tier with a price (`%glm tiers`), or lift the budget with `%glm budget off`."),
        )
    if most.currency != limit.currency:
        raise BudgetExceeded(
            _("The budget for {name} is in {currency}, this endpoint bills in {bills}.").format(
                name=_(budget.name), currency=limit.currency, bills=most.currency
            ),
            hint=_("Set it in {currency}: `%glm budget AMOUNT`.").format(currency=most.currency),
        )
    if most.amount + taken > limit.amount:
        left = Cost(max(Decimal(0), limit.amount - taken), limit.currency)
        raise BudgetExceeded(
            _(
                "This request may cost up to {most}; of the budget of {limit} for {name}, {left} "
                "is left. Nothing was sent."
            ).format(most=Cost(most.amount, most.currency), limit=limit, name=_(budget.name), left=left)
        )
