"""An answer on its way: pulled by its reader, added up to a `Completion`, and brought to an end.

`Stream` decides when an answer has ended, broken or stalled. Its bytes are read in a thread of their own, so
that an interrupt always reaches the reader.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal

from typing_extensions import Self

from glm_magics._decoder import StreamDecoder
from glm_magics._lang import _
from glm_magics._reading import InlineReading, Source, ThreadedReading, Waiting
from glm_magics.chat import (
    RECORDED,
    ChatRequest,
    Completion,
    Cost,
    Event,
    Finished,
    ReasoningDelta,
    Usage,
)
from glm_magics.errors import (
    GLMError,
    NoAnswer,
    StalledStream,
    StreamError,
)
from glm_magics.tokens import estimate, estimate_input

__all__ = ["DEFAULT_LIMITS", "Limits", "Phase", "Progress", "Pulled", "Stream"]

Phase = Literal["waiting", "reading", "thinking", "answering", "calling a tool", "done"]

_GRACE_SECONDS: Final = 3.0  # how long usage may come after the finish reason
_SLICE_SECONDS: Final = 0.1  # how often a wait looks whether it should stop


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: without data (`idle`), and for the whole answer (`total`)."""

    idle: float = 120.0
    total: float = 1_800.0


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a stream is, for a view that counts along. `usage` is estimated until the server sends it."""

    phase: Phase
    seconds: float
    first_token_seconds: float | None
    thinking_seconds: float
    usage: Usage
    cost: Cost | None
    note: str = ""


class Pulled:
    """What an answer is to its reader: a context manager that ends what it began, and an iterator of events.

    A subclass has `done`, `poll` and `interrupt`.
    """

    done: bool

    def poll(self, timeout: float) -> list[Event]:
        raise NotImplementedError

    def interrupt(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.done:
            self.interrupt()

    def __iter__(self) -> Iterator[Event]:
        while not self.done:
            yield from self.poll(_SLICE_SECONDS)


class Stream(Pulled):
    """One answer, pulled by its reader: iterate it, or `poll` it. A context manager that ends what it began.

    Errors come out of `poll` as typed `GLMError`s with `.completion`, the partial answer. `stop` may be
    called from another thread.
    """

    def __init__(
        self,
        source: Source,
        request: ChatRequest,
        *,
        decoder: StreamDecoder | None = None,
        limits: Limits = DEFAULT_LIMITS,
        abort: Callable[[], None] = lambda: None,
        price: Callable[[Usage], Cost | None] = lambda usage: None,
        ended: Callable[[Completion, GLMError | None], Completion] = lambda completion, error: completion,
        redact: Callable[[str], str] = lambda text: text,
        endpoint: Callable[[], str] = lambda: "",
        threaded: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run_id = uuid.uuid4().hex
        self.request = request
        self.done = False
        self.input_estimate = estimate_input(request)
        self._decoder = decoder or StreamDecoder()
        self._limits = limits
        self._abort = abort
        self._price = price
        self._ended = ended
        self._redact = redact
        self._endpoint = endpoint
        self._clock = clock
        self._began = clock()
        self._started_at = time.time()
        self._stop = threading.Event()
        self._bytes = ThreadedReading(source) if threaded else InlineReading(source)
        self._waited = 0.0
        self._allowance = 0.0
        self._activity = 0
        self._note = ""
        self._first_token: float | None = None
        self._thinking_from: float | None = None
        self._thinking_until: float | None = None
        self._seconds: float | None = None
        self._reason = ""
        self._counted = _Counted()
        self._final: Completion | None = None

    def begin(self) -> None:
        """Send the request now; without this, the first `poll` does. Where there are no threads, a no-op."""
        self._bytes.begin()

    def poll(self, timeout: float) -> list[Event]:
        """The events that have come, waiting up to `timeout` seconds for the first; [] when none came."""
        if self.done:
            return []
        if self._stop.is_set():
            self._end("stopped")
            return []
        try:
            events = self._next(timeout)
        except GLMError as error:
            failed = error
        else:
            self._notice(events)
            return events
        raise self._fail(failed).with_traceback(None)  # its way through the reader's thread tells nothing

    def stop(self) -> None:
        """End the answer here, as the Stop button does. Safe from any thread; the next `poll` acts on it."""
        self._stop.set()

    def interrupt(self) -> None:
        """End the answer here, as Ctrl-C does; what came so far stays."""
        if not self.done:
            self._end("interrupted")

    @property
    def completion(self) -> Completion:
        """The answer: whole when `done`, else what there is so far."""
        return self._final or self._collect(self._reason or "incomplete")

    def progress(self) -> Progress:
        """Counters for a live view; cheap enough to ask twenty times a second."""
        usage = self._decoder.usage or self._counted.usage(self._decoder, self.input_estimate)
        return Progress(
            phase=self._phase(),
            seconds=self._elapsed(),
            first_token_seconds=self._first_token,
            thinking_seconds=self._thought(),
            usage=usage,
            cost=None if self._endpoint().startswith(RECORDED) else self._price(usage),
            note=self._note,
        )

    # -- pulling ------------------------------------------------------------------------------------

    def _next(self, timeout: float) -> list[Event]:
        began = self._clock()
        if self._decoder.failure is not None:
            raise self._decoder.failure
        try:
            batch = self._bytes.take(min(timeout, _SLICE_SECONDS))
        except StreamError:
            if not self._decoder.finish_reason:
                raise
            batch = None  # it broke after the last word
        if batch is None:
            return self._finish([])
        events: list[Event] = []
        for item in batch:
            if isinstance(item, Waiting):
                self._note, self._allowance, self._waited = item.why, item.seconds, 0.0
            else:
                events += self._decoder.feed(item)
        if self._decoder.ended or self._decoder.failure is not None:
            return self._finish(events)
        self._watch(self._clock() - began, idle=not batch)
        if self._decoder.finish_reason and self._waited > _GRACE_SECONDS:
            return self._finish(events)
        return events

    def _finish(self, events: list[Event]) -> list[Event]:
        """No more comes. What is wrong with the answer is raised after the last `events` were seen."""
        events += self._decoder.rest()
        try:
            self._decoder.close()
        except GLMError:
            if not events:
                raise
            return events  # the next poll raises it
        self._notice(events)
        self._end(self._decoder.finish_reason)
        return events

    def _watch(self, seconds: float, *, idle: bool) -> None:
        """Count the time without data, as the reader waits for it; comments are not data."""
        if self._decoder.activity != self._activity:
            self._activity, self._waited, self._allowance, self._note = self._decoder.activity, 0.0, 0.0, ""
        elif idle or seconds:
            self._waited += seconds
        if self._waited > self._limits.idle + self._allowance and not self._decoder.finish_reason:
            silent = _("no data for {seconds:g} s").format(seconds=self._limits.idle)
            if self._activity:
                raise StalledStream(_("The answer stalled: {silent}.").format(silent=silent))
            raise NoAnswer(_("The server did not answer: {silent}.").format(silent=silent))
        if self._clock() - self._began > self._limits.total:
            raise StalledStream(
                _("The answer took more than {seconds:g} s.").format(seconds=self._limits.total)
            )

    def _notice(self, events: Iterable[Event]) -> None:
        for event in events:
            if type(event) is Finished:
                continue
            if self._first_token is None:
                self._first_token = self._elapsed()
            if type(event) is ReasoningDelta:
                self._thinking_from = self._thinking_from or self._elapsed()
                self._thinking_until = None
            elif self._thinking_until is None:
                self._thinking_until = self._elapsed()
            return  # one look per batch: finer times would cost more than they tell

    def _fail(self, error: GLMError) -> GLMError:
        error.message = self._redact(error.message)
        error.request_id = self._redact(error.request_id) if error.request_id else None
        error.args = (error.message,)
        error.__context__ = None
        judged = self._decoder.finish_reason in ("sensitive", "network_error")
        self._end(self._decoder.finish_reason if judged else "incomplete", error)
        error.completion = self._final
        return error

    def _end(self, reason: str, error: GLMError | None = None) -> None:
        if self.done:
            return
        self.done = True
        self._seconds = self._elapsed()
        self._reason, self._note = reason, ""
        self._decoder.rest()
        final = self._collect(reason)
        self._bytes.close(self._abort, patient=error is None and self._decoder.ended)
        self._final = self._ended(final, error)

    # -- adding up ----------------------------------------------------------------------------------

    def _collect(self, reason: str) -> Completion:
        decoder = self._decoder
        usage = decoder.usage
        if usage is None:
            usage = self._counted.usage(decoder, self.input_estimate)
        return decoder.completion(
            usage,
            finish_reason=reason,
            cost=self._price(usage),
            model=self.request.model,
            endpoint=self._endpoint(),
            request_id=decoder.request_id or self.request.request_id or "",
            started=self._started_at,
            first_token_seconds=self._first_token,
            thinking_seconds=self._thought(),
            seconds=self._elapsed(),
        )

    def _phase(self) -> Phase:
        if self.done:
            return "done"
        if self._decoder.tool_calls:
            return "calling a tool"
        if self._decoder.text:
            return "answering"
        return "thinking" if self._decoder.reasoning else "waiting"

    def _elapsed(self) -> float:
        return self._clock() - self._began if self._seconds is None else self._seconds

    def _thought(self) -> float:
        if self._thinking_from is None:
            return 0.0
        until = self._elapsed() if self._thinking_until is None else self._thinking_until
        return max(0.0, until - self._thinking_from)


class _Counted:
    """Our own token count of what came, kept up as it grows."""

    def __init__(self) -> None:
        self._seen = [0, 0]
        self._tokens = [0, 0]

    def usage(self, decoder: StreamDecoder, input_tokens: int) -> Usage:
        for which, parts in enumerate((decoder.text, decoder.reasoning)):
            if len(parts) < self._seen[which]:
                self._seen[which] = self._tokens[which] = 0
            if len(parts) > self._seen[which]:
                self._tokens[which] += estimate("".join(parts[self._seen[which] :]))
                self._seen[which] = len(parts)
        calls = sum(estimate(call.name + call.arguments) for call in decoder.tool_calls)
        text, reasoning = self._tokens
        return Usage(input_tokens, 0, text + reasoning + calls, reasoning, estimated=True)
