"""One event loop in a daemon thread, for all runs of a process: a notebook's own loop stays as it is.

Whoever waits for a run stays interruptible, and a forked process gets a loop of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent import futures
from typing import Any, TypeVar

from glm_magics._browser import in_browser
from glm_magics.rows.inline_loop import Inline
from glm_magics.rows.shared import SLICE_SECONDS, STOPPING_SECONDS, Shared, refused

__all__ = ["Background", "background"]

T = TypeVar("T")


class Background(Shared):
    """The loop, its thread, and the places in flight that its runs share."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="glm-rows", daemon=True)
        self._thread.start()

    def run(
        self,
        work: Coroutine[Any, Any, T],
        *,
        watch: Callable[[], None] = lambda: None,
        stop: Callable[[], None] = lambda: None,
    ) -> T | None:
        """Wait for `work`; `watch` is called ten times a second meanwhile, in the thread that waits.

        At an interrupt `stop` is called on the loop, and None comes back when the work has not ended soon
        after. Raises what the work raises.
        """
        if threading.current_thread() is self._thread:
            raise refused(work)
        future: futures.Future[T] | None = None
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            while not futures.wait([future], timeout=SLICE_SECONDS).done:
                watch()
            return future.result()
        except KeyboardInterrupt:
            self._at_once(stop)
            return None if future is None else self._rest(future)

    def soon(self, act: Callable[[], None]) -> None:
        """Have `act` called on the loop, by any thread."""
        self._loop.call_soon_threadsafe(act)

    def _at_once(self, act: Callable[[], None]) -> None:
        """Have `act` called on the loop, and wait until it was."""
        done = threading.Event()

        def acted() -> None:
            act()
            done.set()

        self._loop.call_soon_threadsafe(acted)
        done.wait(STOPPING_SECONDS)

    def _rest(self, future: futures.Future[T]) -> T | None:
        try:
            return future.result(timeout=STOPPING_SECONDS)
        except (KeyboardInterrupt, TimeoutError, futures.TimeoutError, futures.CancelledError):
            return None


_background: Background | Inline | None = None
_lock = threading.Lock()


def background() -> Background | Inline:
    """The loop of this process; made when it is first needed, and again after a fork."""
    global _background
    with _lock:
        if _background is None or _background.pid != os.getpid():
            _background = Inline() if in_browser() else Background()
        return _background
