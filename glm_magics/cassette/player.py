"""Plays a cassette: the answers of a file in the place of a server, with the rhythm they came in."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Literal, get_args
from urllib.parse import urlsplit

import httpx

from glm_magics.cassette.cassette import Cassette
from glm_magics.cassette.entry import Entry
from glm_magics.cassette.nearest import not_recorded
from glm_magics.cassette.request import RECORDED_PATHS, Asked, asked
from glm_magics.errors import NotRecorded

__all__ = ["PACES", "Pace", "Player"]

Pace = Literal["real", "fast"]
PACES: tuple[Pace, ...] = get_args(Pace)


class Player(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An httpx transport that answers from a cassette, and raises `NotRecorded` for what is not in it.

    `pace` "real" keeps the recorded times, "fast" waits for nothing. `base_path` is the path of the base
    address. Safe to use from many threads and event loops; nothing is ever sent.
    """

    def __init__(self, cassette: Cassette, *, pace: Pace = "real", base_path: str = "") -> None:
        self.cassette = cassette
        self._pace = pace
        self._base_path = base_path
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()
        self._used: set[int] = set()
        self._edited = False

    @property
    def used(self) -> frozenset[int]:
        """The lines that have answered."""
        with self._lock:
            return frozenset(self._used)

    def unused(self) -> list[tuple[int, Entry]]:
        """The entries, with their lines, that no request of this session has asked for."""
        used = self.used
        return [(number, entry) for number, entry in self.cassette.entries() if number not in used]

    def find(self, question: Asked) -> Entry | None:
        """The next answer to a request: the recorded ones in order, then the last of them again."""
        with self._lock:
            numbers = self.cassette.numbers(question)
            if not numbers and not self._edited:
                self._edited = True
                if self.cassette.index_again():
                    numbers = self.cassette.numbers(question)
            if not numbers:
                return None
            number = numbers[min(self._asked[question.key], len(numbers) - 1)]
            self._asked[question.key] += 1
            self._used.add(number)
        return self.cassette.entry(number)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.response(self._answer(request, request.read()), request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.response(self._answer(request, await request.aread()), request)

    def response(self, entry: Entry, request: httpx.Request) -> httpx.Response:
        """The recorded answer as httpx has it; its extension `recorded` is the day."""
        headers = {"content-type": entry.type}
        if entry.retry_after is not None:
            headers["retry-after"] = f"{entry.retry_after:g}"
        if entry.location:
            headers["location"] = entry.location
        body = _Body(entry, request, real=self._pace == "real")
        return httpx.Response(entry.status, headers=headers, stream=body, extensions={"recorded": entry.day})

    def _answer(self, request: httpx.Request, content: bytes) -> Entry:
        path = path_of(request, self._base_path)
        question = asked(request.method, path, content)
        if question is None:
            names = ", ".join(sorted(RECORDED_PATHS))
            raise NotRecorded(
                f"{request.method} {path.split('?')[0]} is not recorded: a cassette has {names}.",
                hint="`%glm replay off` goes back to the endpoint from before.",
            )
        entry = self.find(question)
        if entry is None:
            raise not_recorded(question, self.cassette)
        return entry


def path_of(request: httpx.Request, base_path: str) -> str:
    """The path and query of a request below the base address."""
    path = request.url.raw_path.decode("ascii", "replace")
    return path.removeprefix(base_path.rstrip("/"))


def base_path_of(url: str) -> str:
    return urlsplit(url).path.rstrip("/")


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The chunks of an entry, each at its time."""

    def __init__(self, entry: Entry, request: httpx.Request, *, real: bool) -> None:
        self._entry = entry
        self._request = request
        self._real = real
        self._began = time.monotonic()
        self._given_up: threading.Event = request.extensions.get("given_up") or threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        for ms, data in self._entry.chunks:
            if self._given_up.wait(self._left(ms)):
                return
            yield data
        if self._entry.end and not self._given_up.wait(self._patience()):
            raise self._failure()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for ms, data in self._entry.chunks:
            await asyncio.sleep(self._left(ms))
            yield data
        if self._entry.end:
            await asyncio.sleep(self._patience())
            raise self._failure()

    def _left(self, ms: int) -> float:
        """Seconds until a chunk is due."""
        return max(0.0, self._began + ms / 1000 - time.monotonic()) if self._real else 0.0

    def _patience(self) -> float:
        """Seconds that a body without an end is waited for."""
        if self._entry.end != "silent" or not self._real:
            return 0.0
        return float(self._request.extensions.get("timeout", {}).get("read") or 0.0)

    def _failure(self) -> httpx.HTTPError:
        if self._entry.end == "silent":
            return httpx.ReadTimeout("the recorded answer fell silent here", request=self._request)
        kind = _ERRORS.get(self._entry.end, httpx.ReadError)
        return kind(self._entry.why or self._entry.end, request=self._request)


_ERRORS: dict[str, type[httpx.RequestError]] = {
    kind.__name__: kind
    for kind in (
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.CloseError,
        httpx.DecodingError,
    )
}
