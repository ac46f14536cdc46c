"""Records what passes between a client and its server, as a layer around the transport that does the work."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import httpx

from glm_magics._decoder import StreamDecoder
from glm_magics._exchange import READ_MARGIN_SECONDS
from glm_magics.cassette.chunks import Chunk, spoken
from glm_magics.cassette.entry import Entry, line_of
from glm_magics.cassette.file import CassetteFile
from glm_magics.cassette.player import Player, path_of
from glm_magics.cassette.request import Asked, asked
from glm_magics.cassette.secrets import secret_in
from glm_magics.errors import SettingError
from glm_magics.keys import ApiKey

__all__ = ["Recorder"]

_LAST_BYTES_SECONDS = 2.0
_WRITING_SECONDS = 60.0  # a bound for a disk that hangs; a long answer is looked through in a second or two
_CLOCK_SECONDS = 0.05  # between the clocks of those who wait
_RETRY_AFTER = {"retry-after-ms": 0.001, "retry-after": 1.0, "llm_provider-retry-after": 1.0}  # to seconds
_NUMBER = re.compile(r"\d{1,9}(\.\d+)?")


@dataclass
class Recorder:
    """Goes around transports (`over`, `over_async`) and writes to `file`. Safe to use from many threads.

    A request that holds one of `keys` is refused before it is sent, and an answer that holds one is passed on
    and not written. With a `player` what it has is not asked again. `recorded` counts what was written;
    `refused` and `left_out` say what was not, and why.
    """

    file: CassetteFile
    base_path: str
    keys: Sequence[ApiKey] = ()
    player: Player | None = None
    recorded: int = 0
    refused: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _running: list[_Take] = field(default_factory=list, repr=False)

    def over(self, transport: httpx.BaseTransport) -> httpx.BaseTransport:
        return _Recording(self, transport)

    def over_async(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return _AsyncRecording(self, transport)

    def question(self, request: httpx.Request, content: bytes) -> Asked | None:
        """The request as it is recorded; None for one that is not. A secret in it is a `SettingError`."""
        path = path_of(request, self.base_path)
        question = asked(request.method, path, content)
        if question is None:
            self._leave_out(f"{request.method} {path.split('?')[0]}: cassettes do not have it")
            return None
        found = secret_in(
            (question.text, *spoken(question.text.encode("utf-8", "replace")).values()), self.keys
        )
        if found:
            raise SettingError(
                f"This request holds {found}, so it is not recorded, and not sent either.",
                hint="Take it out of the prompt, or end the recording: `%glm record off`.",
            )
        return question

    def begin(self, question: Asked, request: httpx.Request) -> _Take:
        """Take down an exchange. Those that their readers have given up end here: they came before it."""
        self._end_given_up()
        take = _Take(self, question, request)
        with self._lock:
            self._running.append(take)
        return take

    def finish(self) -> None:
        """Wait a moment for answers whose last bytes are being read, end the others where they are, and wait
        for those that are being looked through and written: that takes as long as it takes.
        """
        self._end_given_up()
        self._wait(_LAST_BYTES_SECONDS)
        for take in self._open():
            if not take.is_over:
                take.left()
        self._wait(_WRITING_SECONDS)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._open() and time.monotonic() < until:
            time.sleep(0.005)

    @contextmanager
    def ending(self, take: _Take) -> Iterator[bool]:
        """Whether `take` ends here, and did not end before; it is running until the block is left."""
        with self._lock:
            first, take.is_over = not take.is_over, True
        try:
            yield first
        finally:
            with self._lock:
                if first:
                    self._running.remove(take)

    def _end_given_up(self) -> None:
        for take in self._open():
            if take.is_given_up:
                take.left()

    def _open(self) -> list[_Take]:
        with self._lock:
            return list(self._running)

    def keep(self, entry: Entry) -> None:
        """Write an entry, unless it holds a secret or the disk refuses."""
        value = entry.value()
        found = secret_in(_views(entry, value), self.keys)
        if found:
            with self._lock:
                self.refused.append(f"the answer to {_hidden(entry)} holds {found}")
            return
        try:
            self.file.append(line_of(value))
        except OSError as error:
            self._leave_out(f"{entry.asked.label}: {error.strerror or error}")
        else:
            with self._lock:
                self.recorded += 1

    def broken_off(self, question: Asked) -> None:
        self._leave_out(f"{question.label}: it was broken off here")

    def _leave_out(self, what: str) -> None:
        with self._lock:
            if what not in self.left_out:
                self.left_out.append(what)


def _hidden(entry: Entry) -> str:
    """A request by its path and model alone: its words may be what is secret."""
    return f"{entry.asked.path} ({entry.asked.body.get('model', 'no model')})"


def _views(entry: Entry, value: dict[str, Any]) -> Iterable[str]:
    """Everything that would be written, and what the pieces give when they are put together."""
    yield line_of(value).decode()
    yield entry.body.decode("utf-8", "replace")
    yield from spoken(entry.body).values()


class _Take:
    """One exchange while it runs."""

    def __init__(self, recorder: Recorder, question: Asked, request: httpx.Request) -> None:
        self._recorder = recorder
        self._question = question
        self._request = request
        self._at = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._began = self._heard = time.monotonic()
        self._chunks: list[Chunk] = []
        self.is_over = False
        self.response: httpx.Response | None = None

    @contextmanager
    def until_answered(self) -> Iterator[None]:
        """What fails before an answer begins is no exchange: nobody wants a dead network replayed."""
        try:
            yield
        except BaseException:
            with self._recorder.ending(self):
                raise

    def heard(self, chunk: bytes) -> None:
        now = time.monotonic()
        if chunk and not chunk.startswith(b":"):
            self._heard = now
        self._chunks.append((round((now - self._began) * 1000), chunk))

    def ended(self) -> None:
        """The body was read to its end."""
        self._keep()

    def broke(self, error: Exception) -> None:
        if self.is_given_up:
            self.left()
        else:
            self._keep(end=type(error).__name__, why=str(error))

    def left(self) -> None:
        """The reader has gone before the end."""
        if self._was_over():
            self._keep()
        elif self._was_silent():
            self._keep(end="silent")
        else:
            with self._recorder.ending(self) as first:
                if first:
                    self._recorder.broken_off(self._question)

    @property
    def is_given_up(self) -> bool:
        """Whether the reader wants no more of it."""
        event = self._request.extensions.get("given_up")
        return event is not None and bool(event.is_set())

    def _was_over(self) -> bool:
        """Whether the reader had what there was: a finish reason, or something that ends an answer badly."""
        decoder = StreamDecoder()
        for _, data in self._chunks:
            decoder.feed(data)
        return decoder.ended or bool(decoder.finish_reason) or decoder.failure is not None

    def _was_silent(self) -> bool:
        """Whether the reader went because nothing came any more, and not because its user had enough."""
        limit: float | None = self._request.extensions.get("timeout", {}).get("read")
        silence = time.monotonic() - self._heard
        return limit is not None and silence >= limit - READ_MARGIN_SECONDS - _CLOCK_SECONDS

    def _keep(self, *, end: str = "", why: str = "") -> None:
        with self._recorder.ending(self) as first:
            if first and self.response is not None:
                self._recorder.keep(self._entry(self.response, end, why))

    def _entry(self, response: httpx.Response, end: str, why: str) -> Entry:
        headers = response.headers
        return Entry(
            asked=self._question,
            at=self._at,
            status=response.status_code,
            type=headers.get("content-type", ""),
            chunks=tuple(self._chunks),
            retry_after=_retry_after(headers),
            location=_place(headers.get("location", "")),
            end=end,
            why=why,
        )


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds; a date says nothing later on."""
    given = ((headers.get(name, ""), unit) for name, unit in _RETRY_AFTER.items())
    seconds = [float(value) * unit for value, unit in given if _NUMBER.fullmatch(value)]
    return seconds[0] if seconds else None


def _place(location: str) -> str:
    """Scheme and host: a path or query can hold anything."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}/" if host else ""


class _Recording(httpx.BaseTransport):
    def __init__(self, recorder: Recorder, inner: httpx.BaseTransport) -> None:
        self._recorder = recorder
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        question = self._recorder.question(request, _content(request))
        if question is None:
            return self._inner.handle_request(request)
        known = _known(self._recorder, question, request)
        if known is not None:
            return known
        take = self._recorder.begin(question, request)
        with take.until_answered():
            response = take.response = self._inner.handle_request(request)
        return _passed_on(response, _Body(take, response))

    def close(self) -> None:
        self._inner.close()


class _AsyncRecording(httpx.AsyncBaseTransport):
    def __init__(self, recorder: Recorder, inner: httpx.AsyncBaseTransport) -> None:
        self._recorder = recorder
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        question = self._recorder.question(request, _content(request))
        if question is None:
            return await self._inner.handle_async_request(request)
        known = _known(self._recorder, question, request)
        if known is not None:
            return known
        take = self._recorder.begin(question, request)
        with take.until_answered():
            response = take.response = await self._inner.handle_async_request(request)
        return _passed_on(response, _AsyncBody(take, response))

    async def aclose(self) -> None:
        await self._inner.aclose()


def _content(request: httpx.Request) -> bytes:
    """The body, where it is there already: what is sent from a file is read once, by the sender."""
    try:
        return request.content
    except httpx.RequestNotRead:
        return b"\0"


def _known(recorder: Recorder, question: Asked, request: httpx.Request) -> httpx.Response | None:
    entry = recorder.player.find(question) if recorder.player is not None else None
    return None if entry is None or recorder.player is None else recorder.player.response(entry, request)


def _passed_on(
    response: httpx.Response, body: httpx.SyncByteStream | httpx.AsyncByteStream
) -> httpx.Response:
    """The answer with its body read through the recorder; what was packed for the way is unpacked."""
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if not (_is_packed(response) and name in ("content-encoding", "content-length"))
    ]
    return httpx.Response(response.status_code, headers=headers, stream=body, extensions=response.extensions)


def _is_packed(response: httpx.Response) -> bool:
    return str(response.headers.get("content-encoding", "identity")) != "identity"


class _Body(httpx.SyncByteStream):
    def __init__(self, take: _Take, response: httpx.Response) -> None:
        self._take = take
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._pieces():
                self._take.heard(chunk)
                yield chunk
        except httpx.HTTPError as error:
            self._take.broke(error)
            raise
        self._take.ended()

    def close(self) -> None:
        try:
            self._take.left()
        finally:
            self._response.close()

    def _pieces(self) -> Iterator[bytes]:
        if _is_packed(self._response):
            return self._response.iter_bytes()
        stream = self._response.stream
        return iter(stream) if isinstance(stream, httpx.SyncByteStream) else self._response.iter_bytes()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, take: _Take, response: httpx.Response) -> None:
        self._take = take
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._pieces():
                self._take.heard(chunk)
                yield chunk
        except httpx.HTTPError as error:
            self._take.broke(error)
            raise
        self._take.ended()

    async def aclose(self) -> None:
        try:
            self._take.left()
        finally:
            await self._response.aclose()

    def _pieces(self) -> AsyncIterator[bytes]:
        stream = self._response.stream
        if _is_packed(self._response) or not isinstance(stream, httpx.AsyncByteStream):
            return self._response.aiter_bytes()
        return stream.__aiter__()
