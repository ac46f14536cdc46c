"""Follow a stream in a view: pull events, feed the view at a rate the front end can bear, end in good order.

The main thread only waits and paints, so an interrupt is heard at any time; and it is heard between two
steps, never in the middle of one, so that no piece of an answer is lost to it.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from glm_magics._control import stoppable
from glm_magics._lang import _
from glm_magics.chat import Completion
from glm_magics.errors import GLMError

if TYPE_CHECKING:  # this module is imported at %load_ext, which should cost little
    from glm_magics._stream import Progress
    from glm_magics.chat import Cost, Event

__all__ = ["View", "follow", "follow_all"]

_POLL_SECONDS = 0.05
_TICK_SECONDS = 1.0
_SHARE = 4  # painting may take at most one part in this many, plus one, of the time

BudgetLeft = Callable[[], "Cost | None"]


class View(Protocol):
    """Shows one answer. `run_id` is what its Stop button calls."""

    @property
    def run_id(self) -> str: ...

    def start(self, title: str) -> None:
        """Show that something is coming, from the tier `title`."""

    def interval(self, progress: Progress) -> float:
        """Seconds to leave at least between two updates."""

    def update(self, events: Sequence[Event], progress: Progress, budget_left: Cost | None) -> None:
        """Show what is new; `events` may be empty, when only the time goes on."""

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        """Show the answer as it will stay. Nothing follows."""


class Followed(Protocol):
    """What is needed of a `stream.Stream`."""

    @property
    def done(self) -> bool: ...
    @property
    def completion(self) -> Completion: ...
    def poll(self, timeout: float) -> list[Event]: ...
    def progress(self) -> Progress: ...
    def stop(self) -> None: ...
    def interrupt(self) -> None: ...


def follow(
    stream: Followed,
    view: View,
    *,
    budget_left: BudgetLeft = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> Completion:
    """Show `stream` in `view` until it ends; returns the answer.

    After an interrupt that is the partial answer, with the finish reason "interrupted". Raises the stream's
    `GLMError` after the view has shown the partial answer. An interrupt that comes when the answer is
    already whole is raised as `KeyboardInterrupt` once the view has finished; `stream.completion` has it.
    """
    (outcome,) = follow_all([(stream, view)], budget_left=budget_left, clock=clock)
    if isinstance(outcome, GLMError):
        raise outcome
    return outcome


def follow_all(
    pairs: Sequence[tuple[Followed, View]],
    *,
    budget_left: BudgetLeft = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> list[Completion | GLMError]:
    """Show several streams at once, each in its view; one outcome for each, in order."""
    with ExitStack() as stack:
        interrupts = stack.enter_context(_Interrupts())
        for stream, view in pairs:
            stack.enter_context(stoppable(view.run_id, stream.stop))
        followers = [_Follower(stream, view, budget_left, clock) for stream, view in pairs]
        for follower in followers:
            follower.start()
        while running := [follower for follower in followers if follower.outcome is None]:
            for follower in running:
                follower.step(_POLL_SECONDS / len(running), interrupted=interrupts.count > 0)
        interrupted = any(
            isinstance(follower.outcome, Completion) and follower.outcome.finish_reason == "interrupted"
            for follower in followers
        )
    if interrupts.count and not interrupted:
        raise KeyboardInterrupt
    return [follower.outcome for follower in followers if follower.outcome is not None]


class _Follower:
    """One stream and its view."""

    def __init__(
        self, stream: Followed, view: View, budget_left: BudgetLeft, clock: Callable[[], float]
    ) -> None:
        self.outcome: Completion | GLMError | None = None
        self._stream = stream
        self._view = view
        self._budget_left = budget_left
        self._clock = clock
        self._pending: list[Event] = []
        self._shown_at = clock()
        self._pause = 0.0  # after the last update; the first is shown at once
        self._failure = ""

    def start(self) -> None:
        self._view.start(self._stream.completion.model)

    def step(self, timeout: float, *, interrupted: bool) -> None:
        """Wait for events, show them when it is time, and end when the stream has ended."""
        try:
            if interrupted:
                self._stream.interrupt()
            else:
                self._pending += self._stream.poll(self._patience(timeout))
        except KeyboardInterrupt:  # where the interrupt is no signal, or we are not in the main thread
            self._stream.interrupt()
        except GLMError as error:
            self._finish(error.completion or self._stream.completion)
            self.outcome = error
            return
        if self._stream.done:
            self.outcome = self._finish(self._stream.completion)
        elif self._due():
            self._show()

    def _patience(self, timeout: float) -> float:
        if not self._pending:
            return timeout
        return min(timeout, max(0.0, self._shown_at + self._pause - self._clock()))

    def _due(self) -> bool:
        since = self._clock() - self._shown_at
        return since >= self._pause and (bool(self._pending) or since >= _TICK_SECONDS)

    def _show(self) -> None:
        events, self._pending = self._pending, []
        began = self._clock()
        progress = self._stream.progress()
        if not self._failure:
            try:
                self._view.update(events, progress, self._budget_left())
            except Exception as failure:  # the answer is paid for: a view that fails must not cost it
                self._failure = _("The live view failed ({kind}: {failure}).").format(
                    kind=type(failure).__name__, failure=failure
                )
        self._shown_at = self._clock()
        self._pause = max(self._view.interval(progress), _SHARE * (self._shown_at - began))

    def _finish(self, completion: Completion) -> Completion:
        if self._pending:
            self._show()
        if self._failure:
            completion = replace(completion, notes=(*completion.notes, self._failure))
        self._view.finish(completion, self._budget_left())
        return completion


class _Interrupts:
    """Counts Ctrl-C instead of letting it break off whatever is going on.

    The third one is raised after all: the way out if a front end hangs. Signals belong to the main thread;
    elsewhere nothing is changed.
    """

    _LAST_RESORT = 3

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None

    def __enter__(self) -> _Interrupts:
        if threading.current_thread() is threading.main_thread():
            try:
                self._before = signal.signal(signal.SIGINT, self._note)
            except (ValueError, OSError):  # no signals here (Pyodide)
                self._before = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count >= self._LAST_RESORT:
            raise KeyboardInterrupt
