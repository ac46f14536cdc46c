"""One prompt, several tiers: an answer for each, of which one that fails does not end the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from glm_magics._asking import may_be_billed
from glm_magics._lang import N_, _
from glm_magics._stream import Pulled
from glm_magics.chat import ChatRequest, Completion, Event
from glm_magics.errors import GLMError
from glm_magics.ledger import Budget, Ledger

if TYPE_CHECKING:
    from glm_magics._data_stream import DataStream
    from glm_magics._options import Options
    from glm_magics._session import Session
    from glm_magics._stream import Progress, Stream

__all__ = ["Contender", "shares"]


class Contender(Pulled):
    """One of the answers: a stream that never raises. Its `error` is kept, and is a note of its answer."""

    def __init__(self, stream: Stream | DataStream) -> None:
        self.error: GLMError | None = None
        self._stream = stream
        self._final: Completion | None = None

    @property
    def done(self) -> bool:  # type: ignore[override]
        return self.error is not None or self._stream.done

    @property
    def completion(self) -> Completion:
        return self._final or self._stream.completion

    def begin(self) -> None:
        self._stream.begin()

    def poll(self, timeout: float) -> list[Event]:
        try:
            return self._stream.poll(timeout)
        except GLMError as error:
            self.error = error
            partial = error.completion or self._stream.completion
            self._final = replace(partial, notes=(*partial.notes, _said(error, partial)))
            return []

    def progress(self) -> Progress:
        return self._stream.progress()

    def stop(self) -> None:
        self._stream.stop()

    def interrupt(self) -> None:
        if not self.done:
            self._stream.interrupt()


def shares(session: Session, requests: Sequence[ChatRequest], options: Options) -> list[Options]:
    """The options of each request, so that all of them stay behind the walls together.

    With a limit on their length, each has what it may cost at most; without, what is left of the budgets is
    cut into equal parts, which then set the limits. Raises `BudgetExceeded` before anything is sent.
    """
    walls = [wall.amount for wall in (session.ledger.left(),) if wall is not None]
    walls += [amount for amount in (options.budget, session.cell_budget) if amount is not None]
    if not walls:
        return [options] * len(requests)
    together = Ledger(Budget(session.money(min(walls)), N_("all that is compared")))
    each = [session.estimate(request).most for request in requests]
    if all(most is not None and request.max_tokens for most, request in zip(each, requests, strict=True)):
        for most in each:
            together.reserve(most)
        return [replace(options, budget=most.amount) for most in each if most is not None]
    part = replace(options, budget=min(walls) / len(requests))
    for most, request in zip(each, requests, strict=True):
        if most is None:
            together.reserve(most)
        session.prepared(request, part)
    return [part] * len(requests)


def _said(error: GLMError, partial: Completion) -> str:
    billed = "" if may_be_billed(error, partial) else _(" It costs nothing.")
    return f"{error}{billed}"
