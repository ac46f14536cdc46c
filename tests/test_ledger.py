from __future__ import annotations

import random
import sys
import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics.chat import Completion, Cost, Usage
from glm_magics.errors import BudgetExceeded
from glm_magics.ledger import Budget, Ledger, Reservation


def usd(amount: str | Decimal) -> Cost:
    return Cost(Decimal(amount), "USD")


def done(cost: Cost | None, **more: object) -> Completion:
    return Completion(
        "text", cost=cost, model="glm-test", endpoint="here", usage=Usage(3, 0, 4), started=7.0, **more
    )  # type: ignore[arg-type]


def test_what_is_reserved_counts_as_spent() -> None:
    ledger = Ledger(Budget(usd("1.00")))
    first = ledger.reserve(usd("0.60"))
    with pytest.raises(BudgetExceeded, match=r"up to 0.60 USD.*0.40 USD is left. Nothing was sent"):
        ledger.reserve(usd("0.60"))
    ledger.settle(first, done(usd("0.10")))
    assert ledger.left() == usd("0.90")
    ledger.reserve(usd("0.90"))
    assert ledger.left() == usd("0.00")


def test_a_released_reservation_costs_nothing() -> None:
    ledger = Ledger(Budget(usd("1")))
    ledger.release(ledger.reserve(usd("1")))
    ledger.release(Reservation(usd("5")))
    assert ledger.left() == usd("1")
    assert ledger.entries == ()


def test_a_reservation_is_given_back_once() -> None:
    ledger = Ledger(Budget(usd("1")))
    reservation = ledger.reserve(usd("0.5"))
    ledger.settle(reservation, done(usd("0.4")))
    ledger.release(reservation)
    assert ledger.left() == usd("0.6")


def test_the_wall_can_be_reached_exactly() -> None:
    ledger = Ledger(Budget(usd("0.3")))
    for _ in range(3):
        ledger.settle(ledger.reserve(usd("0.1")), done(usd("0.1")))
    assert ledger.left() == usd("0")
    with pytest.raises(BudgetExceeded):
        ledger.reserve(usd("0.0000000001"))
    ledger.reserve(usd("0"))


def test_an_unknown_price_is_refused_under_a_budget_only() -> None:
    with pytest.raises(BudgetExceeded, match="no known price"):
        Ledger(Budget(usd("1"))).reserve(None)
    free = Ledger()
    free.settle(free.reserve(None, label="a"), done(None))
    assert free.spent() == {}
    assert free.entries[0].cost is None


def test_a_budget_in_another_currency_refuses() -> None:
    with pytest.raises(BudgetExceeded, match="is in USD"):
        Ledger(Budget(usd("100"))).reserve(Cost(Decimal(1), "CNY"))


def test_currencies_are_never_added() -> None:
    ledger = Ledger()
    for cost in (usd("0.1"), Cost(Decimal("0.7"), "CNY"), usd("0.2"), None):
        ledger.settle(ledger.reserve(cost), done(cost))
    assert ledger.spent() == {"USD": usd("0.3"), "CNY": Cost(Decimal("0.7"), "CNY")}
    assert ledger.left(Budget(usd("5"), "another")) == usd("5")
    assert ledger.left() is None


def test_money_spent_in_one_currency_does_not_use_up_a_budget_in_another() -> None:
    ledger = Ledger()
    ledger.settle(ledger.reserve(Cost(Decimal(90), "CNY")), done(Cost(Decimal(90), "CNY")))
    ledger.budget = Budget(usd("1"))
    assert ledger.left() == usd("1")


def test_a_budget_set_later_counts_what_was_spent_before() -> None:
    ledger = Ledger()
    ledger.settle(ledger.reserve(usd("0.9")), done(usd("0.9")))
    open_one = ledger.reserve(usd("0.05"))
    ledger.budget = Budget(usd("1"))
    with pytest.raises(BudgetExceeded, match=r"0\.050 USD is left"):
        ledger.reserve(usd("0.06"))
    ledger.release(open_one)
    ledger.reserve(usd("0.06"))


def test_a_wall_for_one_request_stands_beside_the_one_of_the_session() -> None:
    ledger = Ledger(Budget(usd("10")))
    with pytest.raises(BudgetExceeded, match="for this cell"):
        ledger.reserve(usd("0.2"), budgets=[Budget(usd("0.1"), "this cell")])
    assert ledger.left() == usd("10")
    ledger.reserve(usd("0.2"), budgets=[Budget(usd("0.2"), "this cell")])


def test_a_job_stays_behind_its_own_wall_and_the_one_above() -> None:
    session = Ledger(Budget(usd("1.00")))
    job = Ledger(Budget(usd("0.50"), "this cell"), parent=session)
    first = job.reserve(usd("0.40"))
    with pytest.raises(BudgetExceeded, match=r"for this cell, 0.10 USD is left"):
        job.reserve(usd("0.20"))
    session.reserve(usd("0.55"))
    with pytest.raises(BudgetExceeded, match=r"for session, 0.05\d* USD is left"):
        job.reserve(usd("0.10"))
    job.settle(first, done(usd("0.30")))
    assert (job.left(), session.left()) == (usd("0.15"), usd("0.15"))  # the nearest wall
    assert [len(ledger.entries) for ledger in (job, session)] == [1, 1]


def test_a_job_without_a_wall_of_its_own_has_the_one_above() -> None:
    session = Ledger(Budget(usd("1.00")))
    job = Ledger(parent=session)
    job.release(job.reserve(usd("1.00")))
    assert job.left() == usd("1.00")


def test_an_entry_says_what_was_done() -> None:
    ledger = Ledger()
    ledger.settle(
        ledger.reserve(usd("1"), label="[3]"), done(usd("0.5"), finish_reason="length", seconds=2.0)
    )
    entry = ledger.entries[0]
    assert (entry.label, entry.tier, entry.endpoint, entry.finish_reason) == (
        "[3]",
        "glm-test",
        "here",
        "length",
    )
    assert (entry.usage, entry.cost, entry.seconds, entry.started) == (Usage(3, 0, 4), usd("0.5"), 2.0, 7.0)


def test_an_estimate_stays_an_estimate_in_the_sum() -> None:
    ledger = Ledger()
    for cost in (usd("0.1"), Cost(Decimal("0.2"), "USD", estimated=True)):
        ledger.settle(ledger.reserve(cost), done(cost))
    assert ledger.spent()["USD"] == Cost(Decimal("0.3"), "USD", estimated=True)


@given(st.lists(st.decimals("0", "10", places=9), max_size=60))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    ledger = Ledger()
    for amount in amounts:
        ledger.settle(ledger.reserve(usd(amount)), done(usd(amount)))
    assert sum((cost.amount for cost in ledger.spent().values()), Decimal(0)) == sum(amounts)
    for wall in (sum(amounts), sum(amounts) - Decimal("1e-9")):
        assert Ledger.left(ledger, None) is None
        ledger.budget = Budget(usd(Decimal(wall)))
        assert ledger.left() == usd(max(Decimal(0), Decimal(wall) - sum(amounts)))
        ledger.budget = None


def run_schedule(seed: int) -> None:
    """Thirty threads ask, fail, settle below what they reserved; the wall holds at every moment."""
    limit = Decimal("1.00")
    ledger = Ledger(Budget(usd(limit)))
    chances = [random.Random(seed * 100 + number) for number in range(30)]
    start = threading.Barrier(30)
    wrong: list[str] = []
    settled: list[Decimal] = []

    def work(chance: random.Random) -> None:
        start.wait()
        for _ in range(chance.randint(1, 4)):
            most = Decimal(chance.randint(1, 400)) / 1000
            try:
                reservation = ledger.reserve(usd(most))
            except BudgetExceeded:
                continue
            left = ledger.left()
            if left is None or left.amount < 0 or left.amount > limit:
                wrong.append(f"left {left}")
            fate = chance.random()
            if fate < 0.3:
                ledger.release(reservation)
            elif fate < 0.95:
                cost = most * chance.randint(0, 100) / 100
                settled.append(cost)
                ledger.settle(reservation, done(usd(cost)))
            # else: it never came back, and what it reserved stays counted

    threads = [threading.Thread(target=work, args=(chance,)) for chance in chances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = ledger.spent().get("USD", usd("0")).amount
    assert wrong == []
    assert spent == sum(settled, Decimal(0))
    assert spent <= limit


@pytest.fixture
def _frequent_switches() -> object:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_frequent_switches")
@pytest.mark.parametrize("block", range(10))
def test_the_wall_holds_in_a_thousand_schedules_of_thirty_threads(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        run_schedule(seed)
