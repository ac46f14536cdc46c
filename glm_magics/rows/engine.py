"""The run: rows go out as places come free, answers come back, and what happens to a row is a value.

One task takes a place, then rows, and starts a task for the request: there are never more tasks than
requests in flight. Only the account, the user or a bound of the run ends it early; `why` says so, and the
rows that are left are `pending`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glm_magics import _asking
from glm_magics._lang import _
from glm_magics.chat import Completion
from glm_magics.errors import BudgetExceeded, GLMError, ParseError
from glm_magics.rows.cache import RowCache, Stored
from glm_magics.rows.gate import Gate
from glm_magics.rows.item import Answer, Item, Status
from glm_magics.rows.limiter import Place
from glm_magics.rows.packing import Record
from glm_magics.rows.protocol import RowPlan
from glm_magics.rows.purse import Held, Purse
from glm_magics.rows.slots import Slots, Unbounded
from glm_magics.rows.tally import Tally
from glm_magics.rows.verdict import verdict
from glm_magics.rows.work import Work

__all__ = ["Bounds", "Run"]

_MOST_FAILURES = 20  # of requests, one after another: then it is not the rows
_POOR_SECONDS = 10.0  # for money that others have set aside to come back; their answers take about that
_POOR_PAUSE_SECONDS = 0.05
_MOST_WAITS = 12  # of everybody for the platform, one after another


@dataclass(frozen=True, slots=True)
class Bounds:
    """When to stop asking: requests in flight, requests, tokens and seconds of the run; None is no bound."""

    concurrency: int | None = None
    calls: int | None = None
    tokens: int | None = None
    seconds: float | None = None


@dataclass(eq=False, slots=True)
class _Sent:
    """A request in flight, and all that it holds."""

    batch: list[Item]
    request: Any
    place: Place
    held: Held


class Run:
    """One pass over rows. `answers` holds what is known, by row number, at any time.

    `error` is what the account said when it ended the run, `may_be_billed` the rows that were in flight when
    the run was cut off.
    """

    def __init__(
        self,
        plan: RowPlan,
        work: Work,
        *,
        cache: RowCache,
        gate: Gate,
        purse: Purse,
        bounds: Bounds,
        slots: Slots | None = None,
    ) -> None:
        self.answers: dict[int, Answer] = {}
        self.may_be_billed: list[int] = []
        self.why = ""
        self.error: GLMError | None = None
        self.tally = Tally(len(work))
        self.limiter = gate.limiter
        self.purse = purse
        self._plan = plan
        self._work = work
        self._cache = cache
        self._gate = gate
        self._bounds = bounds
        self._slots = slots or Unbounded()
        self._connections = plan.connections()
        self._asking: dict[asyncio.Task[None], _Sent] = {}
        self._later = 0
        self._failures = 0
        self._is_poor = False
        self._poor_since: float | None = None
        self._changed = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._stopped = False

    async def go(self) -> None:
        """Ask until nothing is left or something ends it. Never raises for a row."""
        self._main = asyncio.current_task()
        try:
            if not self._stopped:
                await self._ask_all()
        except asyncio.CancelledError:
            if not self._stopped:
                raise
        finally:
            await self._put_away()

    @property
    def is_stopped(self) -> bool:
        """Whether the user ended it."""
        return self._stopped

    def stop(self) -> None:
        """End at once, as an interrupt does: no new request, and those in flight are given up."""
        self._stopped = True
        self._end(_("The run was interrupted."))
        if self._main is not None:
            self._main.cancel()

    # -- asking -------------------------------------------------------------------------------------

    async def _ask_all(self) -> None:
        while True:
            self._look_at_bounds()
            if not self._asking and (self.why or not (self._work or self._later)):
                return
            if self.why or not self._work or self._is_full():
                await self._change()
                continue
            await self._start_next()

    async def _start_next(self) -> None:
        """Send what is next as soon as there is a slot and a place for it."""
        await self._slots.acquire()
        place, started = None, False
        try:
            place = await self._gate.enter()
            self._look_at_bounds()
            started = bool(self._work) and not self.why and self._start(place)
        finally:
            if not started:
                self._slots.release()
                if place is not None:
                    self._give_back(place)

    def _start(self, place: Place) -> bool:
        batch = self._work.take(min(self._bounds.concurrency or self.limiter.limit, self.limiter.limit))
        try:
            limited = self.purse.is_limited
            request = self._plan.request(batch, bounded=limited)
            held = self.purse.reserve(self._plan.most(request) if limited else None)
        except BudgetExceeded as error:
            self._too_dear(batch, error)
            return False
        self._poor_since = None
        self._cache.sending([item.key for item in batch])
        self.tally.sent(len(batch))
        sent = _Sent(batch, request, place, held)
        task = asyncio.get_running_loop().create_task(self._ask(sent))
        self._asking[task] = sent
        task.add_done_callback(self._ended)
        return True

    async def _ask(self, sent: _Sent) -> None:
        try:
            completion = await self._connections.ask(sent.request)
        except GLMError as error:
            wait = self._failed(sent, error)
        except BaseException:
            self._cut_off(sent)
            raise
        else:
            self.limiter.answered(sent.place)
            self._answered(sent, completion)
            wait = None
        self._gate.wake()
        if wait is not None:
            await self._wait_in_place(sent.place, wait)

    async def _wait_in_place(self, place: Place, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        finally:
            self._give_back(place)

    def _ended(self, task: asyncio.Task[None]) -> None:
        sent = self._asking.pop(task)
        self._slots.release()
        self._changed.set()
        fault = None if task.cancelled() else task.exception()
        if fault is not None:  # a fault of this program costs its own rows, not the others
            for item in sent.batch:
                if item.number not in self.answers:
                    self._know(item, Answer("error", error=f"{type(fault).__name__}: {fault}"))

    # -- answers ------------------------------------------------------------------------------------

    def _answered(self, sent: _Sent, completion: Completion) -> None:
        self._failures = 0
        self.purse.settle(sent.held, completion)
        self.tally.ended(len(sent.batch), completion)
        together = len(sent.batch)
        found = list(zip(sent.batch, self._plan.read(completion, sent.batch), strict=True))
        usable = {
            item.key: Stored(record.value, _status(record), together)
            for item, record in found
            if isinstance(record, Record)
        }
        self._cache.landed([item.key for item in sent.batch], usable)  # before anything else is asked
        self._work.size.went(together, len(usable))
        for item, record in found:
            if isinstance(record, Record):
                raw = completion.text if record.repaired else ""
                self._know(item, Answer(_status(record), record.value, raw=raw, together=together))
            else:
                self._unusable(item, completion, record, together)

    def _unusable(self, item: Item, completion: Completion, error: ParseError, together: int) -> None:
        item.unusable += 1
        if together > 1:
            self._work.again(item)
        elif item.refused is None:
            item.refused = (completion, error)
            self._work.alone(item)
        else:
            problems = "; ".join(str(problem) for problem in error.problems[:3])
            why = f"{error.message} {problems}".strip()
            self._know(item, Answer("invalid", error=why, raw=completion.text, together=together))

    def _know(self, item: Item, answer: Answer) -> None:
        self.answers[item.number] = answer
        self.tally.statuses[answer.status] += 1

    # -- failures -----------------------------------------------------------------------------------

    def _failed(self, sent: _Sent, error: GLMError) -> float | None:
        """Deal with a failed request. Seconds to wait with its place kept, or None: it is given back."""
        self._close_account(sent, error)
        batch, now = sent.batch, time.monotonic()
        what = verdict(error, rows=len(batch), troubles=batch[0].troubles + 1)
        if what.kind == "slow down":
            self._work.put_back(batch)
            wait = self.limiter.refused(sent.place, now, retry_after=error.retry_after_seconds)
            self._lose_patience(error)
            return wait
        if what.kind == "wait":
            self._work.put_back(batch)
            self.limiter.busy(sent.place, now, retry_after=error.retry_after_seconds)
            self._lose_patience(error)
            return None
        self.limiter.give_back(sent.place)
        if what.kind == "stop":
            self._work.put_back(batch)
            self._end(str(error), error)
            return None
        self._failures += 1
        if self._failures >= _MOST_FAILURES:
            self._end(
                _("{count} requests failed one after another, the last with: {error}").format(
                    count=_MOST_FAILURES, error=error
                ),
                error,
            )
        if what.kind == "fail":
            self._fail(batch, what.status, error)
        elif what.kind == "apart":
            for item in batch:
                self._work.alone(item)
        else:
            self._ask_later(batch, what.seconds)
        return None

    def _close_account(self, sent: _Sent, error: GLMError) -> None:
        billed: Completion | None = None
        if _asking.may_be_billed(error, error.completion or Completion("")):
            billed = error.completion or self._plan.guess(sent.request, len(sent.batch))
            self.purse.settle(sent.held, billed)
        else:
            self.purse.release(sent.held)
        self._cache.landed([item.key for item in sent.batch], {})
        self.tally.ended(len(sent.batch), billed)

    def _ask_later(self, batch: list[Item], seconds: float) -> None:
        for item in batch:
            item.troubles += 1
        self._later += 1

        def back() -> None:
            self._later -= 1
            self._work.put_back(batch)
            self._changed.set()

        asyncio.get_running_loop().call_later(seconds, back)

    def _fail(self, batch: Sequence[Item], status: Status, error: GLMError) -> None:
        raw = error.completion.text if error.completion else ""
        for item in batch:
            self._know(item, Answer(status, error=str(error), raw=raw, together=len(batch)))

    def _too_dear(self, batch: list[Item], error: BudgetExceeded) -> None:
        """What is set aside for rows in flight may come back; else one row may be within the money."""
        if self._asking:
            self._is_poor = True
            self._work.put_back(batch)
        elif len(batch) > 1:
            self._work.singly = True
            for item in batch:
                self._work.put_back([item])
        elif self._may_get_money():
            self._is_poor = True
            self._work.put_back(batch)
            asyncio.get_running_loop().call_later(_POOR_PAUSE_SECONDS, self._changed.set)
        else:
            self._fail(batch, "skipped_budget", error)

    def _may_get_money(self) -> bool:
        """Whether others may give back what they hold; not for ever, for it may be lost with them."""
        now = time.monotonic()
        if self._poor_since is None:
            self._poor_since = now
        return now - self._poor_since < _POOR_SECONDS and self.purse.is_shared_out

    def _lose_patience(self, error: GLMError) -> None:
        if self.limiter.waits >= _MOST_WAITS:
            self._end(str(error), error)

    # -- ends ---------------------------------------------------------------------------------------

    def _end(self, why: str, error: GLMError | None = None) -> None:
        if not self.why:
            self.why, self.error = why, error
        self._changed.set()

    def _look_at_bounds(self) -> None:
        bounds, tally = self._bounds, self.tally
        calls = tally.calls + len(self._asking)
        if bounds.calls is not None and calls >= bounds.calls:
            self._end(_("max_calls={most} is reached.").format(most=bounds.calls))
        if bounds.tokens is not None and tally.tokens >= bounds.tokens:
            self._end(_("max_tokens={most} is reached.").format(most=bounds.tokens))
        if bounds.seconds is not None and tally.seconds >= bounds.seconds:
            self._end(_("max_seconds={most:g} is reached.").format(most=bounds.seconds))

    def _is_full(self) -> bool:
        if self._is_poor:
            return True
        return self._bounds.concurrency is not None and len(self._asking) >= self._bounds.concurrency

    async def _change(self) -> None:
        """Until something has happened."""
        self._changed.clear()
        await self._changed.wait()
        self._is_poor = False

    async def _put_away(self) -> None:
        for task in self._asking:
            task.cancel()
        if self._asking:
            await asyncio.wait(list(self._asking))
        await self._connections.close()
        pending = Answer("pending", error=self.why)
        for item in self._work.rest():
            self._know(item, pending)

    def _cut_off(self, sent: _Sent) -> None:
        """Given up in flight: it may be billed, and nobody will know."""
        self.limiter.give_back(sent.place)
        billed = self._plan.guess(sent.request, len(sent.batch))
        self.purse.settle(sent.held, billed)
        self.tally.ended(len(sent.batch), billed)
        self._cache.landed([item.key for item in sent.batch], {})
        self.may_be_billed += [item.number for item in sent.batch]
        self._work.put_back(sent.batch)

    def _give_back(self, place: Place) -> None:
        self.limiter.give_back(place)
        self._gate.wake()


def _status(record: Record) -> Status:
    return "repaired" if record.repaired else "ok"
