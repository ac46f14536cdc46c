"""The money of a run: its own wall and the session's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from glm_magics.chat import Completion, Cost
from glm_magics.errors import BudgetExceeded
from glm_magics.ledger import Budget, Ledger
from glm_magics.rows.purse import Purse


def cny(amount: str) -> Cost:
    return Cost(Decimal(amount), "CNY")


def test_all_requests_of_a_run_stay_behind_its_wall() -> None:
    ledger = Ledger()
    purse = Purse(ledger, [Budget(cny("1"), "this call")])
    purse.settle(purse.reserve(cny("0.6")), Completion("", cost=cny("0.5")))
    with pytest.raises(BudgetExceeded):
        purse.reserve(cny("0.6"))
    purse.reserve(cny("0.5"))
    assert purse.left() == cny("0")
    assert ledger.spent() == {"CNY": cny("0.5")}


def test_what_one_wall_refuses_no_other_keeps_aside() -> None:
    purse = Purse(Ledger(Budget(cny("0.1"))), [Budget(cny("1"), "this call")])
    with pytest.raises(BudgetExceeded):
        purse.reserve(cny("0.5"))
    assert purse.left() == cny("0.1")
    purse.reserve(cny("0.1"))


def test_what_was_not_billed_comes_back() -> None:
    purse = Purse(Ledger(), [Budget(cny("1"), "this call")])
    purse.release(purse.reserve(cny("1")))
    assert purse.left() == cny("1")


def test_without_a_wall_nothing_is_limited() -> None:
    purse = Purse(Ledger())
    assert not purse.is_limited
    assert purse.left() is None
    purse.reserve(None)
