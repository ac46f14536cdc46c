"""Answers on disk, so that no row is paid twice: SQLite, shared by notebooks and processes.

An answer is kept under a hash of what was asked (endpoint, tier, parameters, schema, the row's own prompt):
with which other rows it travelled does not matter. Rows in flight are noted before they are sent: what a
killed process leaves behind there may have been billed. Values are JSON; no prompt and no key is stored.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["RowCache", "Stored", "is_process"]

_FILE = "rows.sqlite"
_VERSION = 1
_BUSY_SECONDS = 30.0
_AT_ONCE = 500  # keys in one question
_ELSEWHERE_SECONDS = 86_400.0  # after which a process on another machine is taken for dead

_TABLES = (
    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, value TEXT NOT NULL, status TEXT NOT NULL,"
    " together INTEGER NOT NULL, stored REAL NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS in_flight (key BLOB NOT NULL, pid INTEGER NOT NULL, host TEXT NOT NULL,"
    " since REAL NOT NULL, PRIMARY KEY (key, pid, host)) WITHOUT ROWID",
    f"PRAGMA user_version = {_VERSION}",
)


_NOTE = "INSERT OR REPLACE INTO in_flight VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM in_flight WHERE key = ? AND pid = ? AND host = ?"
_KEEP = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer: the JSON text of the row's record, how it was read, and with how many rows it was asked."""

    value: str
    status: str
    together: int


class RowCache:
    """The answers in `folder` (None: in memory, for as long as this object lives).

    A folder that cannot be used is no reason to lose answers: they are kept in memory, and `notes` says so.
    Threads may share one, as partitions of a Dask frame share the answers of the demo: they take turns.
    """

    def __init__(self, folder: Path | None) -> None:
        self.notes: list[str] = []
        self._host = socket.gethostname()
        self._turn = threading.Lock()
        self._database = self._opened(folder)

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Stored]:
        """The answers that are there."""
        rows = self._among("SELECT key, value, status, together FROM answers WHERE key IN", keys)
        return {key: Stored(value, status, together) for key, value, status, together in rows}

    def sending(self, keys: Sequence[bytes]) -> None:
        """These rows are about to be sent."""
        note = (os.getpid(), self._host, time.time())
        self._write((_NOTE, [(key, *note) for key in keys]))

    def landed(self, keys: Sequence[bytes], answers: Mapping[bytes, Stored]) -> None:
        """These rows are in flight no more; `answers` are those worth keeping."""
        now = time.time()
        stored = [(key, each.value, each.status, each.together, now) for key, each in answers.items()]
        self._write((_KEEP, stored), (_FORGET, [(key, os.getpid(), self._host) for key in keys]))

    def left_behind(self, keys: Sequence[bytes]) -> set[bytes]:
        """Which of these rows were in flight in a process that is no more; they are told of once."""
        rows = self._among("SELECT key, pid, host, since FROM in_flight WHERE key IN", keys)
        lost = [(key, pid, host) for key, pid, host, since in rows if not self._lives(pid, host, since)]
        if lost:
            self._write((_FORGET, lost))
        return {key for key, _, _ in lost}

    def close(self) -> None:
        self._database.close()

    def _lives(self, pid: int, host: str, since: float) -> bool:
        if host != self._host:
            return time.time() - since < _ELSEWHERE_SECONDS
        return pid == os.getpid() or is_process(pid)

    def _among(self, question: str, keys: Sequence[bytes]) -> list[Any]:
        """What the database knows of these keys; nothing, when it cannot be read."""
        found: list[Any] = []
        with self._turn:
            try:
                for at in range(0, len(keys), _AT_ONCE):
                    some = keys[at : at + _AT_ONCE]
                    places = ",".join("?" * len(some))
                    found += self._database.execute(f"{question} ({places})", some)
            except sqlite3.Error as error:
                self._give_up(f"The cache cannot be read ({error})")
                return []
        return found

    def _write(self, *work: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
        """One transaction. A disk that takes no more turns the cache into one in memory."""
        with self._turn:
            try:
                self._transact(work)
            except sqlite3.Error as error:
                self._give_up(f"The cache cannot be written ({error})")
                self._transact(work)

    def _transact(self, work: Sequence[tuple[str, Sequence[tuple[Any, ...]]]]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            for statement, rows in work:
                self._database.executemany(statement, rows)
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise

    def _give_up(self, why: str) -> None:
        self.notes.append(f"{why}: answers are kept in memory, for this run only.")
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        self._database = _connected(":memory:")

    def _opened(self, folder: Path | None) -> sqlite3.Connection:
        if folder is None:
            return _connected(":memory:")
        file = folder / _FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            return self._sound(file)
        except (OSError, sqlite3.Error) as error:
            self.notes.append(
                f"No cache in {folder} ({error}): answers are kept in memory, for this run only."
            )
            return _connected(":memory:")

    def _sound(self, file: Path) -> sqlite3.Connection:
        """The database in `file`; one that is damaged is put aside."""
        try:
            return _connected(str(file))
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            aside = file.with_suffix(f".damaged-{time.time_ns()}")
            file.replace(aside)
            self.notes.append(f"The cache was damaged; it is now {aside.name}, and a new one was begun.")
            return _connected(str(file))


def _connected(file: str) -> sqlite3.Connection:
    # One thread at a time uses it (`RowCache._turn`), though not always the one that opened it.
    database = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _prepared(database)
    except BaseException:
        database.close()
        raise
    return database


def _prepared(database: sqlite3.Connection) -> None:
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:  # SQLite does not wait here while another process begins
            if "locked" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(0.02)
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("BEGIN IMMEDIATE")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise sqlite3.OperationalError("it was written by a later version of glm-magics")
    for statement in _TABLES if version < _VERSION else ():
        database.execute(statement)
    database.execute("COMMIT")


def is_process(pid: int) -> bool:
    """Whether a process of that number runs on this machine."""
    if os.name == "nt":
        return _is_process_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_process_on_windows(pid: int) -> bool:
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x00100000, False, pid)  # SYNCHRONIZE
    if not handle:
        return False
    ended: bool = kernel.WaitForSingleObject(handle, 0) == 0
    kernel.CloseHandle(handle)
    return not ended
