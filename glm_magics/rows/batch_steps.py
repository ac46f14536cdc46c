"""A batch job step by step: upload, create, look, download, merge, clean up. Each step is noted, so that any
process can go on where another one was ended, and nothing is created twice."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from glm_magics._batch_api import BatchApi
from glm_magics._wire_batch import Batch
from glm_magics.chat import Completion, Cost, Usage
from glm_magics.errors import (
    BudgetExceeded,
    ConnectionProblem,
    GLMError,
    RequestError,
    ServerError,
    SettingError,
)
from glm_magics.rows.batch_files import half, input_file
from glm_magics.rows.batch_reading import Read, read_lines
from glm_magics.rows.cache import RowCache
from glm_magics.rows.item import Status
from glm_magics.rows.journal import Journal, Part, RowNote
from glm_magics.rows.purse import Held, Purse

if TYPE_CHECKING:
    from glm_magics.rows.plan import Plan

__all__ = ["Steps"]

_JOB, _PART = "glm_magics_job", "glm_magics_part"  # in a batch's metadata
_LOST = frozenset(("failed", "expired", "cancelled"))
_OVER = frozenset((*_LOST, "completed"))
_AT_ONCE = 500  # lines in one transaction


class Steps:
    """The steps of the job `id`; its files are in `folder`. They raise a `GLMError` where the platform
    refuses or cannot be reached: then they can be called again.

    `held` is the money that was set aside for each part.
    """

    def __init__(self, journal: Journal, folder: Path, id: str, api: BatchApi) -> None:
        self._journal = journal
        self._folder = folder
        self._id = id
        self._api = api
        self.held: dict[int, Held] = {}

    @property
    def parts(self) -> list[Part]:
        return self._journal.parts(self._id)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is worked off any more."""
        return all(part.status in _OVER for part in self.parts)

    # -- sending ------------------------------------------------------------------------------------

    def submit(self) -> None:
        """Upload what is not uploaded and create what is not created. Where another process is at it, that
        one goes on."""
        if not self._waiting():
            return
        with self._journal.held(self._id) as free:
            waiting = self._waiting() if free else []
            known = self._known() if waiting else {}
            for part in waiting:
                found = known.get(part.digest)
                self._created(part, found) if found else self._create(self._uploaded(part))

    @property
    def is_waiting(self) -> bool:
        """Whether `submit` has something to send."""
        return bool(self._waiting())

    def _waiting(self) -> list[Part]:
        return [part for part in self.parts if not part.batch_id and part.status not in _OVER]

    def _known(self) -> Mapping[str, Batch]:
        """The batches of this job on the platform, by the digest of their part: also those whose creation
        was answered to nobody."""
        mine = (batch for batch in self._api.all() if batch.metadata.get(_JOB) == self._id)
        return {batch.metadata.get(_PART, ""): batch for batch in mine if batch.status not in _LOST}

    def _uploaded(self, part: Part) -> Part:
        if part.file_id:
            return part
        path = input_file(self._folder, self._id, part.number)
        if not path.exists():
            raise SettingError(
                f"The file {path.name} of this job is gone.",
                hint="Run the cell that began the job again; what is created already is kept.",
            )
        return self._journal.put(self._id, replace(part, step="uploaded", file_id=self._api.upload(path)))

    def _create(self, part: Part) -> None:
        part = self._journal.put(self._id, replace(part, step="creating"))
        try:
            batch = self._api.create(part.file_id, {_JOB: self._id, _PART: part.digest})
        except RequestError:  # it may be about the file: the next time it is uploaded anew
            self._journal.put(self._id, replace(part, step="written", file_id=""))
            raise
        except (ConnectionProblem, ServerError):
            found = self._known().get(part.digest)
            if found is None:
                raise
            batch = found
        self._created(part, batch)

    def _created(self, part: Part, batch: Batch) -> None:
        self._journal.put(self._id, _told(replace(part, step="created", batch_id=batch.id), batch))
        input_file(self._folder, self._id, part.number).unlink(missing_ok=True)

    # -- looking ------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask the platform for the state of every part that is not over."""
        for part in self.parts:
            if part.batch_id and part.status not in _OVER:
                self._saw(part, self._api.look(part.batch_id))

    def cancel(self) -> None:
        """End what is not over, and send nothing more. What is answered by then is billed, and kept."""
        with self._journal.held(self._id) as free:
            waiting = self._waiting() if free else []
            known = self._known() if any(part.step == "creating" for part in waiting) else {}
            for part in waiting:
                found = known.get(part.digest)
                if found is None:
                    self._journal.put(self._id, replace(part, step="created", status="cancelled"))
                else:
                    self._created(part, found)
        for part in self.parts:
            if part.batch_id and part.status not in _OVER:
                self._saw(part, self._api.cancel(part.batch_id))

    def _saw(self, part: Part, batch: Batch) -> None:
        self._journal.change(self._id, part.number, lambda noted: _told(noted, batch))

    # -- merging ------------------------------------------------------------------------------------

    def merge(self, plan: Plan, cache: RowCache) -> None:
        """Put the answers of every part that is over into the row cache, and its cost into the ledger."""
        if all(part.step == "cleaned" or part.status not in _OVER for part in self.parts):
            return
        with self._journal.held(self._id) as free:
            for part in self.parts if free else ():
                if part.step == "created" and part.status in _OVER:
                    part = self._merged(plan, part, cache)
                if part.step == "merged":
                    self._clean_up(part)

    def _merged(self, plan: Plan, part: Part, cache: RowCache) -> Part:
        keys = self._journal.keys(self._id, part.number)
        total = _Total(plan)
        for path in self._downloaded(part):
            lines = iter(read_lines(plan, path, keys))
            while some := list(islice(lines, _AT_ONCE)):
                self._keep(total.new(some), cache)
        why, status = _missing(part)
        missing = self._journal.keys(self._id, part.number, unknown=True)
        rows = [RowNote(key, status, why) for key in missing]
        cost = total.cost
        spent = replace(part, step="merged", cost=None if cost is None else str(cost.amount))
        part = self._journal.put(self._id, spent, rows)
        self._pay(plan, part, total)
        return part

    def _keep(self, reads: list[Read], cache: RowCache) -> None:
        stored = {read.note.key: read.stored for read in reads if read.stored is not None}
        cache.landed([], stored)
        if cache.notes:  # answers that are kept in memory only would be lost, and have been paid for
            raise SettingError(
                f"{cache.notes[-1]}",
                hint="Make room and call result() again: the platform keeps the answers for 30 days.",
            )
        self._journal.put_rows(self._id, [read.note for read in reads])

    def _downloaded(self, part: Part) -> Iterator[Path]:
        """The result files; one that is here already is not fetched again."""
        for file_id, path in zip((part.output_file_id, part.error_file_id), self._results(part), strict=True):
            if file_id is not None:
                if not path.exists():
                    self._api.download(file_id, path)
                yield path

    def _results(self, part: Part) -> tuple[Path, Path]:
        start = f"{self._id}-{part.number}"
        return self._folder / f"{start}.output.jsonl", self._folder / f"{start}.errors.jsonl"

    def _pay(self, plan: Plan, part: Part, total: _Total) -> None:
        session = plan.session
        purse = Purse(session.ledger, label="batch")
        held = self.held.pop(part.number, None)
        if not total.answers:
            if held is not None:
                purse.release(held)
            return
        completion = total.completion(part)
        try:
            held = held or purse.reserve(completion.cost)
        except BudgetExceeded:  # it is spent already, so it has to stand there
            held = purse.reserve(Cost(Decimal(0), part.currency))
        purse.settle(held, completion)

    def _clean_up(self, part: Part) -> None:
        """Delete what the platform stores, which counts against the account's 1,000 files, and what is here.
        A file that cannot be deleted now is tried again the next time."""
        with suppress(GLMError):
            for file_id in (part.file_id, part.output_file_id, part.error_file_id):
                if file_id:
                    self._api.delete_file(file_id)
            for path in (*self._results(part), input_file(self._folder, self._id, part.number)):
                path.unlink(missing_ok=True)
            self._journal.put(self._id, replace(part, step="cleaned"))


class _Total:
    """What the lines of a part add up to. Of two lines about one row, the first with an answer counts."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._seen: dict[bytes, bool] = {}  # whether there was an answer
        self.answers = 0
        self.usage = Usage()
        self.cost: Cost | None = None

    def new(self, reads: Iterable[Read]) -> list[Read]:
        """Those that say something new."""
        fresh: dict[bytes, Read] = {}
        for read in reads:
            key, answered = read.note.key, read.stored is not None
            if self._seen.get(key) or (key in self._seen and not answered):
                continue
            self._seen[key] = answered
            fresh[key] = read
            if read.usage is not None:
                self._add(read.usage)
        return list(fresh.values())

    def completion(self, part: Part) -> Completion:
        """The part as one entry of the ledger."""
        session = self._plan.session
        return Completion(
            "",
            usage=self.usage,
            cost=self.cost,
            model=self._plan.tier.id,
            endpoint=session.client.endpoint.name,
            request_id=part.batch_id,
            started=time.time(),
        )

    def _add(self, usage: Usage) -> None:
        self.answers += 1
        cost = self._plan.price(usage)
        if cost is not None:
            self.cost = half(cost) if self.cost is None else self.cost + half(cost)
        known = self.usage
        self.usage = Usage(
            known.input_tokens + usage.input_tokens,
            known.cached_tokens + usage.cached_tokens,
            known.output_tokens + usage.output_tokens,
            known.reasoning_tokens + usage.reasoning_tokens,
            known.estimated or usage.estimated,
        )


def _told(part: Part, batch: Batch) -> Part:
    return replace(
        part,
        status=batch.status,
        completed=batch.completed,
        failed=batch.failed,
        output_file_id=batch.output_file_id,
        error_file_id=batch.error_file_id,
        problems=batch.problems,
    )


def _missing(part: Part) -> tuple[str, Status]:
    """Why a row of a part that is over has no line, and what it is then."""
    if part.status == "completed":
        return "The result files have no line for this row.", "error"
    if part.status == "failed":
        return f"The platform refused the file: {'; '.join(part.problems) or 'it gives no reason'}.", "error"
    return f"The batch is {part.status}; this row was not answered.", "pending"
