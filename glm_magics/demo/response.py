"""A reply that comes piece by piece, each with the seconds to wait before it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Piece", "Pieces", "Response", "Timing"]

_SLICE_SECONDS = 0.1  # the longest sleep in one go, so that a closed reply stops soon


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes, and the seconds since the piece before. Empty bytes are silence that the reader sits through."""

    data: bytes
    delay: float = 0.0


class Pieces(Iterator[Piece]):
    """The body's pieces. `close()` ends them, at any time, from any thread, and frees the place in flight."""

    def __init__(self, pieces: Iterable[Piece], *, release: Callable[[], None] | None = None) -> None:
        self._pieces = iter(pieces)
        self._release = release
        self._lock = threading.RLock()  # the collector may close it while this thread is closing it
        self.closed = False

    def __next__(self) -> Piece:
        if self.closed:
            raise StopIteration
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.closed = True
        with self._lock:
            release, self._release = self._release, None
        if release is not None:
            release()

    def __del__(self) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Timing:
    """Where time comes from: replaced in tests."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Response:
    """`wait` is the seconds before the headers. `chunks` is the body, sleeping as it goes."""

    status: int
    headers: Mapping[str, str]
    pieces: Pieces
    timing: Timing
    wait: float = 0.0

    @property
    def chunks(self) -> Iterator[bytes]:
        due = self.timing.clock()
        for piece in self.pieces:
            due += piece.delay
            # a late reader does not slow the writer down: wait for what is left, never longer than asked
            self.rest(min(piece.delay, due - self.timing.clock()))
            if self.pieces.closed:
                return
            yield piece.data

    def rest(self, seconds: float) -> None:
        """Sleep, but not much longer than until the reply is closed."""
        while seconds > 0 and not self.pieces.closed:
            self.timing.sleep(min(seconds, _SLICE_SECONDS))
            seconds -= _SLICE_SECONDS

    def close(self) -> None:
        self.pieces.close()
