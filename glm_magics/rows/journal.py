"""What is known of batch jobs, on disk: each step is noted before and after it is taken, so that a killed
process pays nothing twice.

SQLite beside the row cache, with values in JSON. No key and no prompt is stored: rows are known by hashes.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from glm_magics.rows.cache import is_process
from glm_magics.rows.item import Status

__all__ = ["JobNote", "Journal", "Part", "RowNote"]

_FILE = "batches.sqlite"
_VERSION = 1
_BUSY_SECONDS = 30.0
_ELSEWHERE_SECONDS = 86_400.0  # after which a process on another machine is taken for dead

_TABLES = (
    "CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, about TEXT NOT NULL, pid INTEGER, host TEXT,"
    " since REAL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS parts (job TEXT NOT NULL, number INTEGER NOT NULL, about TEXT NOT NULL,"
    " PRIMARY KEY (job, number)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS rows (job TEXT NOT NULL, key BLOB NOT NULL, part INTEGER NOT NULL,"
    " status TEXT, error TEXT, raw TEXT, PRIMARY KEY (job, key)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS prompts (job TEXT NOT NULL, prompt BLOB NOT NULL, key BLOB NOT NULL,"
    " PRIMARY KEY (job, prompt)) WITHOUT ROWID",
    f"PRAGMA user_version = {_VERSION}",
)

Step = Literal["written", "uploaded", "creating", "created", "merged", "cleaned"]


@dataclass(frozen=True, slots=True)
class JobNote:
    """A job: how its rows are asked (`how`, None where only the cell can say) and where.

    `is_ready` says that all files are written and paid for by the budget.
    """

    id: str
    server: tuple[str, str]
    tier: str
    prompts: int
    created: float
    how: dict[str, Any] | None = None
    is_ready: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A file of requests and its batch. `digest` tells apart files of one job. `most` and `cost` are amounts
    of money in `currency`: the most that it can cost, and what it did."""

    number: int
    requests: int
    digest: str
    step: Step = "written"
    file_id: str = ""
    batch_id: str = ""
    status: str = ""
    completed: int = 0
    failed: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None
    problems: tuple[str, ...] = field(default=())
    most: str | None = None
    cost: str | None = None
    currency: str = ""

    @property
    def is_merged(self) -> bool:
        return self.step in ("merged", "cleaned")

    def amount(self, name: Literal["most", "cost"]) -> Decimal | None:
        text = getattr(self, name)
        return None if text is None else Decimal(text)


@dataclass(frozen=True, slots=True)
class RowNote:
    """What became of a row; its answer itself is in the row cache."""

    key: bytes
    status: Status
    error: str = ""
    raw: str = ""


class Journal:
    """The jobs noted in `folder`; None: in memory. Safe to use from many threads and processes.

    Raises `sqlite3.Error` or `OSError` where the folder cannot be used: what is not noted must not be begun.
    """

    def __init__(self, folder: Path | None) -> None:
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600))
        self._host = socket.gethostname()
        self._lock = threading.RLock()
        self._working = threading.Lock()
        self._database = sqlite3.connect(
            ":memory:" if folder is None else str(folder / _FILE),
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        with self._transaction():
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise sqlite3.OperationalError("it was written by a later version of glm-magics")
            for statement in _TABLES if version < _VERSION else ():
                self._database.execute(statement)

    def close(self) -> None:
        self._database.close()

    # -- jobs ---------------------------------------------------------------------------------------

    def jobs(self) -> list[JobNote]:
        """Oldest first."""
        found = [_job(about) for (about,) in self._all("SELECT about FROM jobs")]
        return sorted(found, key=lambda note: note.created)

    def job(self, id: str) -> JobNote | None:
        rows = self._all("SELECT about FROM jobs WHERE id = ?", id)
        return _job(rows[0][0]) if rows else None

    def begin(self, note: JobNote) -> None:
        """A job whose files are about to be written, from the first line on."""
        with self._transaction():
            for table in ("parts", "rows", "prompts"):
                self._database.execute(f"DELETE FROM {table} WHERE job = ?", (note.id,))
            self._put_job(note)

    def ready(self, note: JobNote, parts: Iterable[Part]) -> None:
        """All files are written."""
        with self._transaction():
            self._put_job(note)
            for part in parts:
                self._put_part(note.id, part)

    def forget(self, id: str) -> None:
        with self._transaction():
            for table in ("parts", "rows", "prompts"):
                self._database.execute(f"DELETE FROM {table} WHERE job = ?", (id,))
            self._database.execute("DELETE FROM jobs WHERE id = ?", (id,))

    @contextmanager
    def held(self, id: str) -> Iterator[bool]:
        """Whether this process may go on with a job: no other that lives does. Until the block ends; one
        thread at a time."""
        with self._working:
            free = self._take(id)
            try:
                yield free
            finally:
                if free:
                    self._give_back(id)

    # -- parts --------------------------------------------------------------------------------------

    def parts(self, id: str) -> list[Part]:
        rows = self._all("SELECT about FROM parts WHERE job = ? ORDER BY number", id)
        return [_part(about) for (about,) in rows]

    def put(self, id: str, part: Part, rows: Sequence[RowNote] = ()) -> Part:
        """Note a part, and rows of it, at once; returns the part."""
        with self._transaction():
            self._put_part(id, part)
            self._put_rows(id, rows)
        return part

    def change(self, id: str, number: int, changed: Callable[[Part], Part]) -> Part:
        """Note what `changed` makes of a part as it is noted now, which may be further than it was read."""
        with self._transaction():
            question = "SELECT about FROM parts WHERE job = ? AND number = ?"
            ((about,),) = self._database.execute(question, (id, number)).fetchall()
            part = changed(_part(about))
            self._put_part(id, part)
        return part

    # -- rows ---------------------------------------------------------------------------------------

    def add_rows(self, id: str, part: int, keys: Iterable[bytes]) -> None:
        with self._transaction():
            self._database.executemany(
                "INSERT INTO rows (job, key, part) VALUES (?, ?, ?)", [(id, key, part) for key in keys]
            )

    def add_prompts(self, id: str, prompts: Iterable[tuple[bytes, bytes]]) -> None:
        """The hash of each prompt of the job, and the key of its answer."""
        with self._transaction():
            self._database.executemany(
                "INSERT INTO prompts VALUES (?, ?, ?)", ((id, prompt, key) for prompt, key in prompts)
            )

    def prompts(self, id: str) -> dict[bytes, bytes]:
        return dict(self._all("SELECT prompt, key FROM prompts WHERE job = ?", id))

    def keys(self, id: str, part: int, *, unknown: bool = False) -> set[bytes]:
        """The rows of a part; `unknown`: those of which nothing came."""
        where = " AND status IS NULL" if unknown else ""
        rows = self._all(f"SELECT key FROM rows WHERE job = ? AND part = ?{where}", id, part)
        return {key for (key,) in rows}

    def put_rows(self, id: str, rows: Sequence[RowNote]) -> None:
        with self._transaction():
            self._put_rows(id, rows)

    def rows(self, id: str) -> dict[bytes, tuple[int, RowNote | None]]:
        """For each row its part, and what became of it."""
        found = self._all("SELECT key, part, status, error, raw FROM rows WHERE job = ?", id)
        return {
            key: (part, None if status is None else RowNote(key, status, error or "", raw or ""))
            for key, part, status, error, raw in found
        }

    def counts(self, id: str) -> dict[tuple[int, str], int]:
        """How many rows of each part have each status."""
        found = self._all(
            "SELECT part, status, count(*) FROM rows WHERE job = ? AND status IS NOT NULL"
            " GROUP BY part, status",
            id,
        )
        return {(part, status): count for part, status, count in found}

    # -----------------------------------------------------------------------------------------------

    def _take(self, id: str) -> bool:
        with self._transaction():
            rows = self._database.execute("SELECT pid, host, since FROM jobs WHERE id = ?", (id,)).fetchall()
            if rows and rows[0][0] is not None and self._is_elsewhere(*rows[0]):
                return False
            self._database.execute(
                "UPDATE jobs SET pid = ?, host = ?, since = ? WHERE id = ?",
                (os.getpid(), self._host, time.time(), id),
            )
        return True

    def _give_back(self, id: str) -> None:
        with self._transaction():
            self._database.execute("UPDATE jobs SET pid = NULL WHERE id = ?", (id,))

    def _is_elsewhere(self, pid: int, host: str, since: float) -> bool:
        if host != self._host:
            return time.time() - since < _ELSEWHERE_SECONDS
        return pid != os.getpid() and is_process(pid)

    def _put_job(self, note: JobNote) -> None:
        self._database.execute(
            "INSERT INTO jobs (id, about) VALUES (?, ?)"
            " ON CONFLICT (id) DO UPDATE SET about = excluded.about",
            (note.id, json.dumps(asdict(note))),
        )

    def _put_part(self, id: str, part: Part) -> None:
        about = json.dumps(asdict(part))
        self._database.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", (id, part.number, about))

    def _put_rows(self, id: str, rows: Sequence[RowNote]) -> None:
        self._database.executemany(
            "UPDATE rows SET status = ?, error = ?, raw = ? WHERE job = ? AND key = ?",
            [(row.status, _plain(row.error), _plain(row.raw), id, row.key) for row in rows],
        )

    def _all(self, question: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._database.execute(question, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise


def _job(about: str) -> JobNote:
    fields = json.loads(about)
    return JobNote(**{**fields, "server": tuple(fields["server"])})


def _part(about: str) -> Part:
    fields = json.loads(about)
    return Part(**{**fields, "problems": tuple(fields["problems"])})


def _plain(text: str) -> str:
    """Text that a database takes: halves of characters are replaced."""
    return text.encode("utf-8", "replace").decode()
