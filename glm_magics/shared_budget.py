"""A budget that many processes share: one wall in an SQLite file, for notebooks, workers and gateways.

What a request can cost at most is set aside in the file before it is sent, and replaced by what it did cost.
Money that a killed process had set aside stays taken: whether it was billed is not known. Amounts are whole
billionths of the currency, rounded up.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

from glm_magics._lang import _
from glm_magics.chat import Cost
from glm_magics.errors import BudgetExceeded, SettingError

__all__ = ["SharedBudget", "Standing"]

_VERSION = 1
_BUSY_SECONDS = 30.0
_UNIT = Decimal("0.000000001")
_TABLES = (
    "CREATE TABLE IF NOT EXISTS budgets (name TEXT PRIMARY KEY, currency TEXT NOT NULL,"
    " most INTEGER NOT NULL, spent INTEGER NOT NULL DEFAULT 0, requests INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS reservations (id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " amount INTEGER NOT NULL, pid INTEGER NOT NULL, since REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS by_name ON reservations (name)",
    f"PRAGMA user_version = {_VERSION}",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a budget stands: `spent` is settled, `reserved` set aside for requests under way or lost."""

    limit: Cost
    spent: Cost
    reserved: Cost
    requests: int

    @property
    def left(self) -> Cost:
        left = self.limit.amount - self.spent.amount - self.reserved.amount
        return Cost(max(Decimal(0), left), self.limit.currency)


class SharedBudget:
    """The budget `name` in `file`. Safe in many threads and processes of one machine.

    The first to name it sets its `limit`; later ones may leave it out. `set_limit` changes it.
    Raises `SettingError` when the file cannot be used, is from a later version, or has another currency.
    """

    def __init__(
        self, file: str | os.PathLike[str], name: str = "budget", *, limit: Cost | None = None
    ) -> None:
        self.file = Path(file).expanduser().absolute()
        self.name = name
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._pid = 0
        try:
            self._prepare(limit)
        except (OSError, sqlite3.Error) as error:
            reason = str(error)
        else:
            self.currency = self.standing().limit.currency
            if limit is not None and limit.currency != self.currency:
                raise SettingError(
                    _("The budget {name!r} in {file} is in {currency}, not {other}.").format(
                        name=name, file=self.file.name, currency=self.currency, other=limit.currency
                    ),
                    hint=_("Choose another name or file for it."),
                )
            return
        raise SettingError(
            _("The shared budget {file} cannot be used: {reason}.").format(file=self.file, reason=reason)
        )

    def reserve(self, most: Cost) -> int:
        """Set `most` aside; returns what `settle` and `release` take. Raises `BudgetExceeded`."""
        if most.currency != self.currency:
            raise BudgetExceeded(
                _("The shared budget is in {currency}, this endpoint bills in {bills}.").format(
                    currency=self.currency, bills=most.currency
                ),
                hint=_("Use a file and name of its own for each currency."),
            )
        amount = _units(most.amount)
        with self._transaction() as database:
            left = self._left(database)
            if amount <= left:
                row = database.execute(
                    "INSERT INTO reservations (name, amount, pid, since) VALUES (?, ?, ?, ?)",
                    (self.name, amount, os.getpid(), time.time()),
                )
                return int(row.lastrowid or 0)
        raise BudgetExceeded(
            _(
                "This request may cost up to {most}; of the shared budget {name!r}, {left} is "
                "left. Nothing was sent."
            ).format(most=most, name=self.name, left=self._cost(max(0, left)))
        )

    def settle(self, reservation: int, cost: Cost | None) -> None:
        """Put what it cost in the place of what was set aside; None keeps all of that as spent."""
        with self._transaction() as database:
            taken = self._take_out(database, reservation)
            amount = taken if cost is None else _units(cost.amount)
            database.execute(
                "UPDATE budgets SET spent = spent + ?, requests = requests + 1 WHERE name = ?",
                (amount, self.name),
            )

    def release(self, reservation: int) -> None:
        """Give back what was set aside: the request was refused and is not billed."""
        with self._transaction() as database:
            self._take_out(database, reservation)

    def set_limit(self, limit: Cost) -> None:
        """Raise or lower the wall; what is spent stays spent."""
        if limit.currency != self.currency:
            raise SettingError(
                _("The budget {name!r} is in {currency}, not in {other}.").format(
                    name=self.name, currency=self.currency, other=limit.currency
                )
            )
        with self._transaction() as database:
            database.execute("UPDATE budgets SET most = ? WHERE name = ?", (_units(limit.amount), self.name))

    def standing(self) -> Standing:
        with self._transaction() as database:
            currency, most, spent, requests = database.execute(
                "SELECT currency, most, spent, requests FROM budgets WHERE name = ?", (self.name,)
            ).fetchone()
            reserved = self._reserved(database)
        self.currency = currency
        return Standing(self._cost(most), self._cost(spent), self._cost(reserved), requests)

    def _left(self, database: sqlite3.Connection) -> int:
        most, spent = database.execute(
            "SELECT most, spent FROM budgets WHERE name = ?", (self.name,)
        ).fetchone()
        return int(most) - int(spent) - self._reserved(database)

    def _reserved(self, database: sqlite3.Connection) -> int:
        question = "SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE name = ?"
        return int(database.execute(question, (self.name,)).fetchone()[0])

    def _take_out(self, database: sqlite3.Connection, reservation: int) -> int:
        mine = (reservation, self.name)
        row = database.execute("SELECT amount FROM reservations WHERE id = ? AND name = ?", mine).fetchone()
        database.execute("DELETE FROM reservations WHERE id = ? AND name = ?", mine)
        return int(row[0]) if row else 0

    def _cost(self, units: int) -> Cost:
        return Cost(units * _UNIT, self.currency)

    def _prepare(self, limit: Cost | None) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))
        _quicken(self._connected())
        with self._transaction() as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise sqlite3.OperationalError("it was written by a later version of glm-magics")
            for statement in _TABLES if version < _VERSION else ():
                database.execute(statement)
            if limit is not None:
                database.execute(
                    "INSERT OR IGNORE INTO budgets (name, currency, most) VALUES (?, ?, ?)",
                    (self.name, limit.currency, _units(limit.amount)),
                )
            known = database.execute("SELECT 1 FROM budgets WHERE name = ?", (self.name,)).fetchone()
        if known is None:
            raise sqlite3.OperationalError(f"it has no budget {self.name!r}; give its limit")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction in which nobody else writes; all of it, or nothing."""
        with self._lock:
            database = self._connected()
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def _connected(self) -> sqlite3.Connection:
        """This process's connection; one from before a fork is left alone."""
        if self._database is None or self._pid != os.getpid():
            self._database = sqlite3.connect(
                self.file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._pid = os.getpid()
            self._database.execute("PRAGMA synchronous = FULL")  # what was spent survives a loss of power
        return self._database


def _quicken(database: sqlite3.Connection) -> None:
    """One sync for each change instead of three, where the file system can: those of networks cannot."""
    with contextlib.suppress(sqlite3.OperationalError):
        database.execute("PRAGMA journal_mode = WAL")


def _units(amount: Decimal) -> int:
    return int((amount / _UNIT).to_integral_value(ROUND_CEILING))
