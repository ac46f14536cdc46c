"""The money of the class: what a request can cost is set aside before it goes out, and settled after it.

A visit is one request of one student at the gateway. It sets money aside at most once and settles it once:
by the token counts of the answer; by what arrived, rounded up, where the answer broke off; and as all of
what was set aside where the student left, because the platform may go on and bill it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from glm_magics._tier import Price, Tier
from glm_magics._tiers import tiers
from glm_magics.chat import ChatRequest, Usage
from glm_magics.errors import AccessDenied, BudgetExceeded, RateLimitError
from glm_magics.gateway.roster import Roster, Student
from glm_magics.gateway.tokens import by_digest, digest
from glm_magics.shared_budget import SharedBudget
from glm_magics.tokens import ceiling, estimate, estimate_input

__all__ = ["Desk", "Visit", "visit_of"]

_LEAST_OUTPUT = 16  # tokens; a shorter answer says nothing, so it is not bought


class Desk:
    """The students of a roster, their tokens and their budgets. Safe to use from many threads."""

    def __init__(self, roster: Roster, tokens: Mapping[str, str]) -> None:
        self.roster = roster
        self._students = by_digest({name: tokens[name] for name in roster.students if name in tokens})
        self._budgets = {name: _budget(roster, student) for name, student in roster.students.items()}

    def student(self, token: str) -> Student | None:
        """Who has this token; None for nobody."""
        name = self._students.get(digest(token))
        return self.roster.students[name] if name is not None else None

    @contextmanager
    def visit(self, student: Student, request: ChatRequest) -> Iterator[Visit]:
        """One request from its beginning to its end; what was not settled by then counts in full.

        Raises `RateLimitError` when too many of this student's are under way.
        """
        visit = Visit(self.roster.currency, student, self._budgets[student.name], request)
        with _lock:
            if sum(other.student is student for other in _visits.values()) >= student.at_once:
                raise RateLimitError(
                    f"{student.at_once} of your requests are under way: the class allows no more at once.",
                    retry_after_seconds=1.0,
                )
            _visits[visit.id] = visit
        try:
            yield visit
        finally:
            visit.settle(None)
            with _lock:
                del _visits[visit.id]

    def usage(self, student: Student) -> dict[str, Any]:
        """What a student may know: the own budget and rules, as JSON. Amounts are strings."""
        standing = self._budgets[student.name].standing()
        return {
            "student": student.name,
            "currency": standing.limit.currency,
            "limit": str(standing.limit.amount),
            "spent": str(standing.spent.amount),
            "reserved": str(standing.reserved.amount),
            "left": str(standing.left.amount),
            "requests": standing.requests,
            "requests_a_minute": student.requests_a_minute,
            "at_once": student.at_once,
            "max_tokens": student.max_tokens,
            "tiers": list(student.tiers),
        }


@dataclass(frozen=True, slots=True)
class _Reserved:
    ticket: int
    price: Price
    input_tokens: int


class Visit:
    """One request of one student. Calls after the first that settles or gives back do nothing."""

    def __init__(self, currency: str, student: Student, budget: SharedBudget, request: ChatRequest) -> None:
        self.id = uuid.uuid4().hex
        self.student = student
        self._currency = currency
        self._budget = budget
        self._request = request
        self._reserved: _Reserved | None = None

    def admit(self) -> ChatRequest:
        """Set its money aside; the request as it may go out, its answer as long as the budget pays for.

        Raises `AccessDenied` for a tier that is not the student's, `BudgetExceeded` when too little is left.
        """
        request = self._request
        tier = self._tier(request.model)
        price = tier.prices[self._currency]
        tokens = ceiling(estimate_input(request))
        wanted = min(
            request.max_tokens or tier.max_output or 1, self.student.max_tokens, tier.max_output or 1
        )
        while True:
            left = self._budget.standing().left
            output = price.affordable(tokens, wanted, left.amount)
            if output < min(wanted, _LEAST_OUTPUT):
                raise BudgetExceeded(
                    f"{left} of your budget of {self._budget.standing().limit} is left: too little for this "
                    "question and an answer. Nothing was sent.",
                )
            try:
                ticket = self._budget.reserve(price.ceiling(tokens, output))
            except BudgetExceeded:
                continue  # another request of this student took some meanwhile: look again what is left
            self._reserved = _Reserved(ticket, price, tokens)
            return replace(request, model=tier.id, max_tokens=output)

    def settle(self, usage: Usage | None) -> None:
        """Count what it cost; None keeps all that was set aside."""
        reserved = self._take()
        if reserved is not None:
            self._budget.settle(reserved.ticket, reserved.price.cost(usage) if usage is not None else None)

    def settle_answer(self, usage: Usage | None, text: str) -> None:
        """Count an answer by its token counts; one without them by its input and `text`, rounded up."""
        if usage is not None and usage.input_tokens and usage.output_tokens:
            self.settle(usage)
        elif self._reserved is not None:
            self.settle(Usage(self._reserved.input_tokens, output_tokens=ceiling(estimate(text))))

    def release(self) -> None:
        """The platform refused it: give back what was set aside."""
        reserved = self._take()
        if reserved is not None:
            self._budget.release(reserved.ticket)

    def _take(self) -> _Reserved | None:
        reserved, self._reserved = self._reserved, None
        return reserved

    def _tier(self, name: str) -> Tier:
        tier = tiers().get(name)
        if tier is None or tier.id not in self.student.tiers:
            raise AccessDenied(
                f"{name!r} is not among the tiers of this class: {', '.join(self.student.tiers)}."
            )
        return tier


_visits: dict[str, Visit] = {}
_lock = threading.Lock()


def visit_of(id: str) -> Visit | None:
    """The visit of this id, while it is under way in this process."""
    with _lock:
        return _visits.get(id)


def _budget(roster: Roster, student: Student) -> SharedBudget:
    budget = SharedBudget(roster.budget_file, student.name, limit=student.budget)
    budget.set_limit(student.budget)
    return budget
