"""A batch job in the hands of its user: how it stands, what came of it, and its end."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from glm_magics import _governing
from glm_magics._batch_api import BatchApi
from glm_magics._options import Options
from glm_magics.chat import Cost
from glm_magics.errors import ConnectionProblem, ServerError, SettingError, ThrottledError
from glm_magics.frames.batch_store import Store
from glm_magics.frames.outcome import with_answers
from glm_magics.frames.rows import How, open_cache, sendable
from glm_magics.rows.batch_steps import Steps
from glm_magics.rows.cache import Stored
from glm_magics.rows.item import DONE, Answer
from glm_magics.rows.journal import JobNote, Journal, Part
from glm_magics.rows.plan import Plan, Task

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics._session import Session

__all__ = ["BatchJob", "Rows", "described"]

_FIRST_SECONDS, _LONGEST_SECONDS = 0.1, 60.0  # between two looks at the platform


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a job that was begun in this kernel: for each the key of its answer."""

    frame: pd.DataFrame
    how: How
    plan: Plan
    keys: Sequence[bytes]
    attempt: int = 1


class BatchJob:
    """Rows that the platform works off as batches, one for each file of at most 50,000 requests or 100 MB.

    It goes on without this kernel: `glm.job(id)`, or the cell that began it, finds it again. What the
    platform says is raised as a `GLMError`; every method can be called again.
    """

    def __init__(self, store: Store, id: str, session: Session, rows: Rows | None = None) -> None:
        self.id = id
        self._store = store
        self.session = session
        self._rows = rows
        self.steps = Steps(store.journal, store.files, id, BatchApi(session.client))

    def status(self) -> pd.DataFrame:
        """Each part as the platform says now: its state, and its requests: done, failed, in all."""
        import pandas as pd

        self._check_server()
        self.steps.look()
        rows = [
            (part.number, part.status or part.step, part.completed, part.failed, part.requests)
            for part in self.steps.parts
        ]
        table: pd.DataFrame = pd.DataFrame(rows, columns=["part", "state", "done", "failed", "total"])
        return table.set_index("part")

    def wait(self, seconds: float | None = None) -> BatchJob:
        """Wait until the job is over, at most so many seconds; returns the job.

        The platform is asked in pauses that grow to a minute; that it cannot be reached for a while ends
        nothing. An interrupt ends the waiting, not the job.
        """
        self._check_server()
        until = None if seconds is None else time.monotonic() + seconds
        pause = _FIRST_SECONDS
        try:
            while True:
                self._try_to_look()
                if self.is_over:
                    break
                left = pause if until is None else min(pause, until - time.monotonic())
                if left <= 0:
                    break
                time.sleep(left)
                pause = min(pause * 2, _LONGEST_SECONDS)
        except KeyboardInterrupt:
            pass
        return self

    def result(self, frame: pd.DataFrame | None = None) -> pd.DataFrame:
        """The rows with their answers, as the row map gives them; those of parts that are not over are
        pending. After a restart `frame` has to be given: rows are known by their prompts, in any order.
        """
        self._check_server()
        self._submit()
        self.steps.look()
        rows = self._rows if frame is None else self._rows_of(frame)
        if rows is None:
            raise SettingError(
                f"The rows of job {self.id} are not in this kernel.",
                hint="Give the frame: `job.result(df)`, or run the cell that began the job again.",
            )
        with open_cache(self.session, self._store.cache) as cache:
            self.steps.merge(rows.plan, cache)
            keys = list(dict.fromkeys(rows.keys))
            known = cache.read(keys)
        answers = self._answers(keys, known)
        numbers = {key: number for number, key in enumerate(keys)}
        return with_answers(rows.frame, [numbers[key] for key in rows.keys], answers, rows.plan.record)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is worked off any more, as it was last seen."""
        note = self._store.journal.job(self.id)
        return note is not None and note.is_ready and self.steps.is_over

    def cancel(self) -> BatchJob:
        """End the parts that are not over. What is answered by then is billed, and stays in `result()`."""
        self._check_server()
        self.steps.look()
        self.steps.cancel()
        return self

    def retry(self) -> BatchJob:
        """A new job for the rows that have no answer, with a result for all rows. The row map of the same
        prompt asks them at once instead, at the full price.

        Raises `SettingError` while the job goes on, and after a restart: then run its cell again first.
        """
        from glm_magics.frames.batch import begin

        rows = self._rows
        if rows is None:
            raise SettingError(
                f"How job {self.id} asked is not known in this kernel.",
                hint="Run the cell that began it again; nothing is paid twice.",
            )
        self.result()
        if not self.is_over:
            raise SettingError(f"Job {self.id} is not over.", hint="`job.wait()`, or `job.cancel()` first.")
        return begin(rows.frame, rows.how, attempt=rows.attempt + 1)

    def __repr__(self) -> str:
        note = self._store.journal.job(self.id)
        if note is None:
            return f"<Batch job {self.id}: nothing is noted of it here>"
        parts = self.steps.parts
        asked = sum(part.requests for part in parts)
        plural = "" if len(parts) == 1 else "s"
        head = f"Batch job {self.id}: {asked:,} of {note.prompts:,} different prompts asked with {note.tier}"
        told = [f"{head} in {len(parts)} file{plural}", _state(note, parts), *_money(parts)]
        return f"<{' · '.join(told)}>"

    # -----------------------------------------------------------------------------------------------

    def _submit(self) -> None:
        """Send what waits. A job may have been written under another policy than this session's."""
        note = self._store.journal.job(self.id)
        if note is not None and self.steps.is_waiting:
            _governing.hold(self.session)
            self.session.policy.check_tier(note.tier)
        self.steps.submit()

    def _try_to_look(self) -> None:
        try:
            self._submit()
            self.steps.look()
        except (ThrottledError, ServerError, ConnectionProblem):
            pass  # the next look may reach it

    def _check_server(self) -> None:
        note = self._store.journal.job(self.id)
        endpoint = self.session.client.endpoint
        if note is not None and note.server[0] != endpoint.base_url:
            raise SettingError(
                f"Job {self.id} is at {note.server[0]}, this session at {endpoint.base_url}.",
                hint="Connect there first, then `glm.job(id)`.",
            )

    def _rows_of(self, frame: pd.DataFrame) -> Rows:
        note = self._store.journal.job(self.id)
        told = note.how if note else None
        if told is None:
            raise SettingError(
                f"How job {self.id} asked is not noted: it was a function or a class.",
                hint="Run the cell that began it again; nothing is paid twice.",
            )
        options = Options(tier=told["tier"])
        how = How(task=told["task"], schema=told["schema"], options=options, column=told["column"])
        made = sendable(self.session, frame, how)
        plan = Plan(self.session, Task(made.template, made.names, how.column), options, how.schema)
        known = self._store.journal.prompts(self.id)
        digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in made.texts]
        return Rows(frame, how, plan, [known.get(digest, digest) for digest in digests])

    def _answers(self, keys: Sequence[bytes], known: Mapping[bytes, Stored]) -> dict[int, Answer]:
        noted = self._store.journal.rows(self.id)
        states = {part.number: part.status or part.step for part in self.steps.parts}
        return {number: _answer(key, known.get(key), noted, states) for number, key in enumerate(keys)}


def _answer(
    key: bytes, stored: Stored | None, noted: Mapping[bytes, Any], states: Mapping[int, str]
) -> Answer:
    part, note = noted.get(key, (0, None))
    if stored is not None:
        is_own = note is not None and note.status in DONE
        return Answer(
            note.status if is_own else "cached",
            stored.value,
            raw=note.raw if is_own else "",
            together=stored.together,
        )
    if note is None:
        why = (
            f"Part {part} of the job is {states.get(part, 'not sent')}."
            if part
            else "The job did not ask it."
        )
        return Answer("pending", error=why)
    if note.status in DONE:
        return Answer("pending", error="Its answer was in the row cache, and is there no more.")
    return Answer(note.status, error=note.error, raw=note.raw, together=0 if note.status == "pending" else 1)


def described(journal: Journal, note: JobNote) -> tuple[Any, ...]:
    """A job as a row of the table of jobs."""
    parts = journal.parts(note.id)
    begun = datetime.fromtimestamp(note.created, timezone.utc)
    asked, done, failed = (
        sum(getattr(part, name) for part in parts) for name in ("requests", "completed", "failed")
    )
    costs = [part.amount("cost") for part in parts]
    cost = sum((each for each in costs if each is not None), Decimal(0)) if any(costs) else None
    currency = next((part.currency for part in parts if part.currency), "")
    state = _state(note, parts)
    return (note.id, begun, note.tier, len(parts), state, note.prompts, asked, done, failed, cost, currency)


def _state(note: JobNote, parts: Sequence[Part]) -> str:
    if not note.is_ready:
        return "being written"
    if not parts:
        return "all answers were in the cache"
    states = Counter(part.status or part.step for part in parts)
    if len(states) == 1:
        return next(iter(states))
    return ", ".join(f"{count} {state}" for state, count in states.items())


def _money(parts: Sequence[Part]) -> list[str]:
    currency = next((part.currency for part in parts if part.currency), "")
    most, cost = ([part.amount(name) for part in parts] for name in ("most", "cost"))
    told = []
    if parts and all(each is not None for each in most):
        told.append(f"at most {Cost(sum((each or Decimal(0) for each in most), Decimal(0)), currency)}")
    if any(each is not None for each in cost):
        told.append(f"{Cost(sum((each or Decimal(0) for each in cost), Decimal(0)), currency)} so far")
    return told
