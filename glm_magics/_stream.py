"""An answer on its way: bytes become events, events add up to a `Completion`.

`StreamDecoder` is the pure part: fed bytes, it returns events and remembers what they add up to.
`Stream` pulls the bytes, from a thread of its own so that an interrupt always reaches the caller, and
decides when an answer has ended, broken or stalled. An answer is whole only when the server said why it
stopped: an end of data or a `[DONE]` without a finish reason is `IncompleteStream`.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Literal

from glm_magics import _wire
from glm_magics._inline import InlineMarks, Unbroken
from glm_magics._sse import SSEParser
from glm_magics.chat import (
    ChatRequest,
    Completion,
    Cost,
    Event,
    Finished,
    ReasoningDelta,
    SearchResult,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from glm_magics.errors import (
    ContentRefused,
    GLMError,
    IncompleteStream,
    NoAnswer,
    ProtocolError,
    ServerError,
    StalledStream,
    StreamError,
)
from glm_magics.retry import error_for
from glm_magics.tokens import estimate, estimate_messages

__all__ = ["DEFAULT_LIMITS", "Limits", "Phase", "Progress", "Source", "Stream", "StreamDecoder", "Waiting"]

Phase = Literal["waiting", "thinking", "answering", "calling a tool", "done"]

_HEAD: Final = 200  # characters of a strange answer that an error quotes
_GRACE_SECONDS: Final = 3.0  # how long usage may come after the finish reason
_SLICE_SECONDS: Final = 0.1  # how often a wait looks whether it should stop
_READING_SECONDS: Final = 0.02  # how long a finished answer is waited for to give its connection back
_CLOSING_SECONDS: Final = 1.0  # how long the server may take to end it before the connection is broken
_BATCH_BYTES: Final = 65_536
_FIRST_PIECES: Final = 3  # after these the thread pauses, so that they are shown while more is being read:
_YIELD_SECONDS: Final = 0.0002  # a thread that has much to do keeps the interpreter for 5 ms at a time
_BOM: Final = b"\xef\xbb\xbf"


class StreamDecoder:
    """Bytes of one answer, streamed or whole, to events. No I/O, no clock.

    `inline_thinking` expects the answer to begin inside a `<think>` block that the chat template opened
    (GLM-Z1); an opening `<think>` at the very start is always recognised. `boxed` drops the
    `<|begin_of_box|>` marks of the GLM-V models.
    """

    def __init__(self, *, inline_thinking: bool = False, boxed: bool = False) -> None:
        self.ended = False
        self.failure: GLMError | None = None
        self.finish_reason = ""
        self.usage: Usage | None = None
        self.id = self.request_id = self.model = ""
        self.activity = 0  # counts what is data, so that comments alone do not look alive
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.search_results: list[SearchResult] = []
        self._calls = _ToolCalls()
        self._marks = InlineMarks(opened=inline_thinking, boxed=boxed)
        self._text = Unbroken()
        self._reasoning = Unbroken()
        self._sse = SSEParser()
        self._body: list[bytes] | None = None  # a whole JSON answer, while it comes in
        self._head = b""  # the bytes up to the first visible one, and then those of its chunk
        self._sniffed = False
        self._over = False

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self._calls.whole()

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        An error that the server sent, or bytes that make no sense, are kept in `failure` and raised by
        `close`, so that what came before them is not lost.
        """
        if not self._sniffed:
            chunk = self._sniff(chunk)
        if self._body is not None:
            self._body.append(chunk)
            self.activity += 1
            return []
        found: list[Event] = []
        try:
            for name, data in self._sse.feed(chunk):
                if self.ended or self.failure:
                    break
                self._event(name, data, found)
        except GLMError as error:
            self.failure = error
        return found

    def rest(self) -> list[Event]:
        """No more bytes: the events that were waiting for some."""
        found: list[Event] = []
        if self._over:
            return found
        self._over = True
        try:
            if self.failure is None and not self.ended:
                self._last_bytes(found)
        except GLMError as error:
            self.failure = error
        if self.finish_reason:
            self._flush(found)
        return found

    def close(self) -> list[Event]:
        """The `rest`. Raises a `GLMError` unless the answer is whole: the server's, or what is missing."""
        found = self.rest()
        if self.failure is None:
            self.failure = self._shortcoming()
        if self.failure is not None:
            raise self.failure
        return found

    def _last_bytes(self, found: list[Event]) -> None:
        if self._body is not None:
            self._whole(b"".join(self._body), found)
            return
        for name, data in self._sse.close():
            if data.startswith("[DONE]") or _is_json(data):
                self._event(name, data, found)

    def _flush(self, found: list[Event]) -> None:
        """Let go of what was held back because more could have followed.

        Only of a whole answer: half a mark or half a character at a cut would be text nobody wrote.
        """
        for event in self._marks.close():
            self._take(event, found)
        for half in self._reasoning.close():
            self._take(ReasoningDelta(half), found)
        for half in self._text.close():
            self._take(TextDelta(half), found)
        if self._marks.never_closed and not self.text:  # it was not thinking after all
            self.text, self.reasoning = self.reasoning, []

    def _shortcoming(self) -> GLMError | None:
        """Why the answer is not whole; None when it is."""
        if self.finish_reason == "network_error":
            return ServerError("The platform's inference broke off (finish reason network_error).")
        if self.finish_reason == "sensitive":
            return ContentRefused(
                "The platform's content filter cut the answer off (finish reason sensitive).",
                hint="What was shown so far should not be used; rephrase the prompt.",
            )
        if self.finish_reason:
            return None
        if not self.activity and self._head.strip():
            return ProtocolError(f"The server sent something that is not an answer: {self.head()}")
        return IncompleteStream(
            "The stream said [DONE] without a finish reason: the answer may be cut off."
            if self.ended
            else "The connection ended before the answer did."
        )

    def head(self) -> str:
        """The first characters of the answer, for an error that has to quote it."""
        return " ".join(self._head.decode("utf-8", "replace").split())[:_HEAD]

    def _sniff(self, chunk: bytes) -> bytes:
        """JSON, a web page or an event stream? The first visible byte tells, whatever the header says."""
        self._head += chunk
        start = self._head.removeprefix(_BOM).lstrip()
        if not start or _BOM.startswith(start):
            return b""
        self._sniffed = True
        if start[:1] in (b"{", b"[", b"<"):
            self._body = []
            return start
        return self._head

    def _whole(self, body: bytes, found: list[Event]) -> None:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise ProtocolError(f"The server sent something that is not an answer: {self.head()}") from None
        self._answer(answer, found)

    def _event(self, name: str, data: str, found: list[Event]) -> None:
        if not data or data.isspace():
            return
        self.activity += 1
        if data.startswith("[DONE]"):
            self.ended = True
            return
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            raise _malformed(name, data) from None
        if name == "error" and _wire.failure(body) is None:
            raise StreamError(f"The server reported an error in the stream: {data[:_HEAD]}")
        self._answer(body, found)

    def _answer(self, body: Any, found: list[Event]) -> None:
        if not isinstance(body, dict):
            raise ProtocolError(f"The server sent something that is not an answer: {str(body)[:_HEAD]}")
        if "choices" not in body or "error" in body:
            failure = _wire.failure(body)
            if failure:
                raise error_for(failure.code, None, failure.message, request_id=failure.request_id)
        for event in _wire.events(body):
            if type(event) is TextDelta:
                for part in self._marks.feed(event.text):
                    self._take(part, found)
            else:
                if type(event) is ReasoningDelta:
                    self._marks.reasoning_came()
                self._take(event, found)
        if body.get("usage"):
            self.usage = _wire.usage(body) or self.usage
        if not self.id:
            self.id, self.request_id, self.model = _wire.identity(body)

    def _take(self, event: Event, found: list[Event]) -> None:
        if type(event) is TextDelta:
            text = self._text.take(event.text)
            if text:
                self.text.append(text)
                found.append(event if text is event.text else TextDelta(text))
        elif type(event) is ReasoningDelta:
            text = self._reasoning.take(event.text)
            if text:
                self.reasoning.append(text)
                found.append(event if text is event.text else ReasoningDelta(text))
        elif type(event) is ToolCallDelta:
            found.append(self._calls.add(event))
        elif type(event) is SearchResult:
            if event not in self.search_results:
                self.search_results.append(event)
                found.append(event)
        elif type(event) is Finished:
            self.finish_reason = event.reason
            found.append(event)


def _malformed(name: str, data: str) -> GLMError:
    quoted = data[:_HEAD]
    if name == "error" or data.lstrip().startswith('{"error"'):
        return StreamError(f"The server reported an error in the stream: {quoted}")
    return StreamError(f"The server sent an event that is not JSON: {quoted}")


def _is_json(data: str) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


class _ToolCalls:
    """Fragments of tool calls, put together by index; servers that send no usable index, by order."""

    def __init__(self) -> None:
        self._calls: list[_OpenCall] = []

    def add(self, delta: ToolCallDelta) -> ToolCallDelta:
        position = self._position(delta)
        if position == len(self._calls):
            self._calls.append(_OpenCall(delta.index))
        call = self._calls[position]
        call.id = call.id or delta.id
        call.name = call.name or delta.name
        call.arguments.append(delta.arguments)
        return replace(delta, index=position)

    def _position(self, delta: ToolCallDelta) -> int:
        if delta.index < 0:  # GLM-4.5 sends whole calls with index -1
            last = self._calls[-1] if self._calls else None
            goes_on = last is not None and (not delta.name or (delta.id != "" and delta.id == last.id))
            return len(self._calls) - goes_on
        for position, call in enumerate(self._calls):
            if call.index == delta.index and not call.followed_by(delta):
                return position
        return len(self._calls)

    def whole(self) -> tuple[ToolCall, ...]:
        return tuple(
            ToolCall(call.id or f"call_{position}", call.name, _mended("".join(call.arguments)))
            for position, call in enumerate(self._calls)
        )


class _OpenCall:
    def __init__(self, index: int) -> None:
        self.index = index
        self.id = self.name = ""
        self.arguments: list[str] = []

    def followed_by(self, delta: ToolCallDelta) -> bool:
        """Whether `delta` begins another call although it carries the same index."""
        begins = bool(delta.name and delta.id and delta.id != self.id and self.name)
        return begins and (delta.name != self.name or _is_json("".join(self.arguments)))


def _mended(text: str) -> str:
    unbroken = Unbroken(strip=False)
    return unbroken.take(text) + "".join(unbroken.close())


# --------------------------------------------------------------------------------------------- pulling


@dataclass(frozen=True, slots=True)
class Waiting:
    """Said by a source that pauses on purpose, before it tries again."""

    seconds: float
    why: str


Source = Iterator[bytes | Waiting]


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


class Stream:
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
        endpoint: str = "",
        threaded: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run_id = uuid.uuid4().hex
        self.request = request
        self.done = False
        self.input_estimate = estimate_messages(request.messages)
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
        self._bytes: _Bytes = _ThreadedBytes(source) if threaded else _InlineBytes(source)
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

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.done:
            self.interrupt()

    def __iter__(self) -> Iterator[Event]:
        while not self.done:
            yield from self.poll(_SLICE_SECONDS)

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
            cost=self._price(usage),
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
            silent = f"no data for {self._limits.idle:g} s"
            if self._activity:
                raise StalledStream(f"The answer stalled: {silent}.")
            raise NoAnswer(f"The server did not answer: {silent}.")
        if self._clock() - self._began > self._limits.total:
            raise StalledStream(f"The answer took more than {self._limits.total:g} s.")

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
        return Completion(
            text="".join(decoder.text),
            reasoning="".join(decoder.reasoning),
            tool_calls=decoder.tool_calls,
            search_results=tuple(decoder.search_results),
            finish_reason=reason,
            usage=usage,
            cost=self._price(usage),
            model=self.request.model,
            served_model=decoder.model,
            endpoint=self._endpoint,
            id=decoder.id,
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


class _InlineBytes:
    """Where there are no threads (Pyodide): the reader itself reads."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def take(self, timeout: float) -> list[bytes | Waiting] | None:
        item = next(self._source, None)
        return None if item is None else [item]

    def close(self, abort: Callable[[], None], *, patient: bool) -> None:
        abort()
        _close(self._source)


class _ThreadedBytes:
    """A daemon thread reads; the reader waits for it in slices, so that an interrupt gets through."""

    def __init__(self, source: Source) -> None:
        self._queue: queue.SimpleQueue[bytes | Waiting | BaseException | None] = queue.SimpleQueue()
        self._source = source
        self._thread: threading.Thread | None = None
        self._closed = False
        self._failed: BaseException | None = None
        self._over = False

    def take(self, timeout: float) -> list[bytes | Waiting] | None:
        """What is there, after at most `timeout` seconds; None at the end of the data."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="glm-stream", daemon=True)
            self._thread.start()
        batch: list[bytes | Waiting] = []
        if not self._over:
            self._gather(batch, timeout)
        if batch:
            return batch
        if self._failed is not None:
            raise self._failed
        return None if self._over else batch

    def _gather(self, batch: list[bytes | Waiting], timeout: float) -> None:
        size = 0
        try:
            item = self._queue.get(timeout=timeout)
        except queue.Empty:
            return
        while True:
            if item is None or isinstance(item, BaseException):
                self._over, self._failed = True, item
                return
            batch.append(item)
            size += len(item) if isinstance(item, bytes) else 0
            if size > _BATCH_BYTES or self._queue.empty():  # empty() is exact: nobody else takes from it
                return
            item = self._queue.get()

    def _read(self) -> None:
        try:
            for count, item in enumerate(self._source):
                if self._closed:
                    return
                self._queue.put(item)
                if count < _FIRST_PIECES:
                    time.sleep(_YIELD_SECONDS)
            self._queue.put(None)
        except Exception as error:
            self._queue.put(error)
        finally:
            _close(self._source)

    def close(self, abort: Callable[[], None], *, patient: bool) -> None:
        """Let the thread end: by itself after the last byte (`patient`), else by breaking its connection."""
        self._closed = True
        if self._thread is None:
            return
        self._thread.join(_READING_SECONDS if patient else 0.0)
        if not self._thread.is_alive():
            return
        if not patient:
            abort()
            return
        timer = threading.Timer(_CLOSING_SECONDS, abort)  # without effect once the answer has been read
        timer.daemon = True
        timer.start()


def _close(source: Source) -> None:
    """Let a generator leave its `with` blocks now, in the thread that runs it."""
    if isinstance(source, Generator):
        source.close()


_Bytes = _ThreadedBytes | _InlineBytes
