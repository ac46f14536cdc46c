"""Several questions side by side: at most so many in flight, each tried again as the table of retries says.

Pulled like a stream, in the reader's own thread, so that an interrupt is heard between two steps and no new
request follows it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from glm_magics._stream import Progress, Stream
from glm_magics.chat import ChatRequest, Completion
from glm_magics.errors import BudgetExceeded, GLMError, NoAnswer, StreamError
from glm_magics.retry import action_for

__all__ = ["Question", "Round"]

# Tries in all. A stream has its own retries, with their pauses, before an answer begins; these are for what
# failed all the same. What may have been billed is sent once more and no oftener.
_TRIES = {"slow down": 3, "wait": 3, "retry": 2}
_TRIES_AFTER_A_BREAK = 2


@dataclass(frozen=True, slots=True)
class Question:
    """A request and its label in the ledger."""

    request: ChatRequest
    label: str


class Round:
    """Asks all of `questions`; `outcomes` has an answer or an error for each, in their order.

    `begin` makes the stream of one and may raise `BudgetExceeded`: then those in flight are awaited, for they
    may cost less than was set aside. An error after which no request can do better ends the round: it is
    raised by `poll` once those in flight have ended.
    """

    def __init__(
        self, questions: Sequence[Question], begin: Callable[[Question], Stream], *, at_once: int
    ) -> None:
        self.outcomes: list[Completion | GLMError | None] = [None] * len(questions)
        self._questions = questions
        self._begin = begin
        self._at_once = at_once
        self._waiting = deque(range(len(questions)))
        self._running: dict[int, Stream] = {}
        self._tries = [0] * len(questions)
        self._ended_by: GLMError | None = None

    @property
    def done(self) -> bool:
        return not self._waiting and not self._running

    @property
    def finished(self) -> int:
        return sum(outcome is not None for outcome in self.outcomes)

    def poll(self, timeout: float) -> None:
        """Begin what may begin, and wait up to `timeout` seconds for what is on its way."""
        self._fill()
        for number, stream in list(self._running.items()):
            error = _error_of(stream, timeout / len(self._running))
            if stream.done:
                del self._running[number]
            if error is not None:
                self._failed(number, error)
            elif stream.done:
                self.outcomes[number] = stream.completion
        if self._ended_by is not None and not self._running:
            self._waiting.clear()
            raise self._ended_by

    def interrupt(self) -> None:
        """End what is on its way; begin nothing more."""
        self._waiting.clear()
        for stream in self._running.values():
            stream.interrupt()
        self._running.clear()

    def progress(self) -> list[Progress]:
        """Of each question in flight."""
        return [stream.progress() for stream in self._running.values()]

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self._at_once and self._ended_by is None:
            number = self._waiting[0]
            stream = self._begun(number)
            if stream is None:
                return
            self._waiting.popleft()
            self._tries[number] += 1
            self._running[number] = stream
            stream.begin()

    def _begun(self, number: int) -> Stream | None:
        """None where the budget has no room for it now."""
        try:
            return self._begin(self._questions[number])
        except BudgetExceeded as error:
            if not self._running:
                self._ended_by = error
            return None

    def _failed(self, number: int, error: GLMError) -> None:
        action = action_for(error)
        if action == "stop the job":
            self._ended_by = error
        if action in ("slow down", "wait"):
            self._at_once = max(1, self._at_once // 2)
        broken = isinstance(error, (NoAnswer, StreamError)) and action == "fail"
        tries = _TRIES_AFTER_A_BREAK if broken else _TRIES.get(action, 1)
        if self._tries[number] < tries and self._ended_by is None:
            self._waiting.append(number)
        else:
            self.outcomes[number] = error


def _error_of(stream: Stream, timeout: float) -> GLMError | None:
    """Wait for what comes next; an error ends the stream and is returned."""
    try:
        stream.poll(timeout)
    except GLMError as error:
        return error
    return None
