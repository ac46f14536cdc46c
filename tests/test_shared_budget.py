"""One budget, many processes: never above the wall, nearly all of it usable, nothing lost to a kill."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import Cells

from glm_magics.chat import Completion, Cost
from glm_magics.errors import BudgetExceeded, SettingError
from glm_magics.ledger import Budget, Ledger
from glm_magics.shared_budget import SharedBudget


def cny(amount: str | int | float) -> Cost:
    return Cost(Decimal(str(amount)), "CNY")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "class.budget"


# A worker spends until the wall stops it: its requests cost less than they set aside, some are refused, and
# some processes are killed in the middle of one. All begin together, or the first would spend all there is.
WORKER = """
import os, random, signal, sys
from decimal import Decimal
from glm_magics.chat import Cost
from glm_magics.errors import BudgetExceeded
from glm_magics.shared_budget import SharedBudget

file, seed = sys.argv[1], int(sys.argv[2])
dice = random.Random(seed)
wall = SharedBudget(file)
killed_after = dice.randrange(1, 20) if seed % 6 == 0 else None
print("ready", flush=True)
sys.stdin.readline()
for request in range(10_000):
    most = Decimal(dice.randrange(500, 2_500)) / 1_000_000
    try:
        ticket = wall.reserve(Cost(most, "CNY"))
    except BudgetExceeded:
        left = wall.standing().left.amount
        if left < Decimal("0.0005"):
            break
        continue
    if request == killed_after:
        os.kill(os.getpid(), signal.SIGKILL)
    fate = dice.random()
    if fate < 0.1:
        wall.release(ticket)
    elif fate < 0.2:
        wall.settle(ticket, None)
    else:
        wall.settle(ticket, Cost(most * Decimal(dice.randrange(20, 101)) / 100, "CNY"))
"""


def test_thirty_processes_never_pass_the_wall_and_can_use_nearly_all_of_it(file: Path) -> None:
    wall = SharedBudget(file, limit=cny("0.5"))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(file), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(30)
    ]
    assert [worker.stdout.readline() for worker in workers if worker.stdout] == ["ready\n"] * 30
    for worker in workers:
        worker.stdin.close()  # type: ignore[union-attr]  # a pipe, as asked for
    codes = [worker.wait(timeout=240) for worker in workers]
    assert set(codes) <= {0, -signal.SIGKILL}
    assert codes.count(-signal.SIGKILL) >= 1
    standing = wall.standing()
    taken = standing.spent.amount + standing.reserved.amount
    assert taken <= standing.limit.amount
    assert taken >= standing.limit.amount * Decimal("0.95")
    lost = codes.count(-signal.SIGKILL) * Decimal("0.0025")
    assert standing.reserved.amount <= lost


def test_threads_share_one_object(file: Path) -> None:
    wall = SharedBudget(file, limit=cny(1))

    def spend() -> None:
        for _ in range(20):
            try:
                wall.settle(wall.reserve(cny("0.02")), cny("0.01"))
            except BudgetExceeded:
                return

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Decimal("0.97") <= wall.standing().spent.amount <= 1


def test_what_a_killed_process_had_set_aside_stays_taken(file: Path) -> None:
    SharedBudget(file, limit=cny(1)).reserve(cny("0.4"))
    again = SharedBudget(file)
    assert again.standing().left == cny("0.6")
    with pytest.raises(BudgetExceeded, match=r"0\.60 CNY is left"):
        again.reserve(cny("0.7"))


def test_amounts_are_rounded_up_to_a_billionth(file: Path) -> None:
    wall = SharedBudget(file, limit=cny(1))
    wall.settle(wall.reserve(cny("0.1")), cny("0.0000000001"))
    assert wall.standing().spent.amount == Decimal("0.000000001")


def test_a_settled_reservation_cannot_be_given_back_too(file: Path) -> None:
    wall = SharedBudget(file, limit=cny(1))
    ticket = wall.reserve(cny("0.5"))
    wall.settle(ticket, None)
    wall.release(ticket)
    assert wall.standing().spent == cny("0.5")


def test_budgets_of_other_names_are_walls_of_their_own(file: Path) -> None:
    anna, ben = (SharedBudget(file, name, limit=cny(1)) for name in ("anna", "ben"))
    anna.settle(anna.reserve(cny(1)), None)
    assert ben.standing().left == cny(1)


def test_the_limit_can_be_changed(file: Path) -> None:
    wall = SharedBudget(file, limit=cny(1))
    wall.set_limit(cny(2))
    assert SharedBudget(file, limit=cny(1)).standing().limit == cny(2)


@pytest.mark.parametrize("damage", ["text", "later", "folder", "no limit", "another currency"])
def test_a_file_that_cannot_be_used_is_said(file: Path, damage: str) -> None:
    limit: Cost | None = cny(1)
    if damage == "text":
        file.write_text("this is no database " * 100)
    elif damage == "later":
        with sqlite3.connect(file) as database:
            database.execute("PRAGMA user_version = 99")
    elif damage == "folder":
        file.mkdir()
    elif damage == "no limit":
        limit = None
    else:
        SharedBudget(file, limit=Cost(Decimal(1), "USD"))
    with pytest.raises(SettingError):
        SharedBudget(file, limit=limit)


def done(amount: str) -> Completion:
    return Completion(text="x", model="glm-4.5-air", cost=cny(amount))


def test_a_ledger_keeps_to_the_nearer_wall(file: Path) -> None:
    shared = SharedBudget(file, limit=cny(1))
    ledger = Ledger(Budget(cny(5)), shared=shared)
    ledger.settle(ledger.reserve(cny("0.9")), done("0.3"))
    assert (shared.standing().spent, ledger.left()) == (cny("0.3"), cny("0.7"))
    with pytest.raises(BudgetExceeded, match="shared"):
        ledger.reserve(cny("0.8"))
    assert shared.standing().reserved.amount == 0
    assert ledger.left() == cny("0.7")


def test_a_request_of_unknown_price_or_another_currency_is_refused(file: Path) -> None:
    ledger = Ledger(shared=SharedBudget(file, limit=cny(1)))
    with pytest.raises(BudgetExceeded, match="no known price"):
        ledger.reserve(None)
    with pytest.raises(BudgetExceeded, match="USD"):
        ledger.reserve(Cost(Decimal("0.1"), "USD"))


def test_a_notebook_joins_a_shared_budget(cells: Cells, file: Path) -> None:
    ran = cells(f"%glm budget 0.50 shared {file}")
    assert "shared:       0.50 CNY, 0.50 CNY left after 0 requests" in ran.out
    cells("%glm what is 7 * 6?")
    assert SharedBudget(file).standing().requests == 1
    assert "not 2.00 CNY" in cells(f"%glm budget 2 shared {file}").text


def test_random_schedules_never_overspend(file: Path) -> None:
    dice = random.Random(7)
    wall = SharedBudget(file, limit=cny("0.05"))
    under_way: list[tuple[int, Decimal]] = []
    for _ in range(400):
        if under_way and dice.random() < 0.5:
            ticket, most = under_way.pop(dice.randrange(len(under_way)))
            if dice.random() < 0.2:
                wall.release(ticket)
            else:
                wall.settle(ticket, cny(most * dice.randrange(1, 101) / 100))
        else:
            most = Decimal(dice.randrange(1, 5_000)) / 1_000_000
            try:
                under_way.append((wall.reserve(cny(most)), most))
            except BudgetExceeded:
                continue
        standing = wall.standing()
        assert standing.spent.amount + standing.reserved.amount <= standing.limit.amount
