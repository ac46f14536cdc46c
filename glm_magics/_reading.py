"""Where a stream's bytes come from: a thread that reads ahead, or the reader itself where there are none."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["InlineReading", "Source", "ThreadedReading", "Waiting"]

_READING_SECONDS: Final = 0.02  # how long a finished answer is waited for to give its connection back
_CLOSING_SECONDS: Final = 1.0  # how long the server may take to end it before the connection is broken
_BATCH_BYTES: Final = 65_536
_FIRST_PIECES: Final = 3  # after these the thread pauses, so that they are shown while more is being read:
_YIELD_SECONDS: Final = 0.0002  # a thread that has much to do keeps the interpreter for 5 ms at a time


@dataclass(frozen=True, slots=True)
class Waiting:
    """Said by a source that pauses on purpose, before it tries again."""

    seconds: float
    why: str


Source = Iterator[bytes | Waiting]


class InlineReading:
    """Where there are no threads (Pyodide): the reader itself reads."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def begin(self) -> None:
        """Nothing reads before the reader does."""

    def take(self, timeout: float) -> list[bytes | Waiting] | None:
        item = next(self._source, None)
        return None if item is None else [item]

    def close(self, abort: Callable[[], None], *, patient: bool) -> None:
        abort()
        _close(self._source)


class ThreadedReading:
    """A daemon thread reads; the reader waits for it in slices, so that an interrupt gets through."""

    def __init__(self, source: Source) -> None:
        self._queue: queue.SimpleQueue[bytes | Waiting | BaseException | None] = queue.SimpleQueue()
        self._source = source
        self._thread: threading.Thread | None = None
        self._closed = False
        self._failed: BaseException | None = None
        self._over = False

    def begin(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._read, name="glm-stream", daemon=True)
            self._thread.start()

    def take(self, timeout: float) -> list[bytes | Waiting] | None:
        """What is there, after at most `timeout` seconds; None at the end of the data."""
        self.begin()
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
        try:
            self._thread.join(_READING_SECONDS if patient else 0.0)
        except RuntimeError:  # an interrupt came while it was being started: nobody knows whether it runs
            patient = False
        else:
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
