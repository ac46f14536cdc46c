"""Runs where there are no threads (Pyodide): whoever waits for a run works on it, a request at a time.

The event loop of the notebook cannot be waited for from inside a cell, so runs have one of their own. It has
no sockets: what answers in the browser (the demo, a replay) does so in the process, and between answers the
loop only sleeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from glm_magics.rows.shared import SLICE_SECONDS, STOPPING_SECONDS, Shared, refused

__all__ = ["Inline"]

T = TypeVar("T")


class Inline(Shared):
    """The loop, and the places in flight that its runs share: as `Background`, without its thread."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = _SleepingLoop()

    def run(
        self,
        work: Coroutine[Any, Any, T],
        *,
        watch: Callable[[], None] = lambda: None,
        stop: Callable[[], None] = lambda: None,
    ) -> T | None:
        """Do `work`; `watch` is called ten times a second, or after each answer that takes longer.

        At an interrupt `stop` is called on the loop; at a second one None comes back at once. Raises what the
        work raises.
        """
        if self._loop.is_running():
            raise refused(work)
        task = self._loop.create_task(work)
        with _apart(), _noted(lambda: self.soon(stop)):
            try:
                return self._loop.run_until_complete(_watched(task, watch))
            except KeyboardInterrupt:
                return self._rest(task, stop)

    def soon(self, act: Callable[[], None]) -> None:
        """Have `act` called on the loop."""
        self._loop.call_soon(act)

    def _rest(self, task: asyncio.Task[T], stop: Callable[[], None]) -> T | None:
        stop()
        with contextlib.suppress(KeyboardInterrupt):
            self._loop.run_until_complete(asyncio.wait({task}, timeout=STOPPING_SECONDS))
            if task.done() and not task.cancelled():
                return task.result()
        return None


async def _watched(task: asyncio.Task[T], watch: Callable[[], None]) -> T:
    try:
        while not (await asyncio.wait({task}, timeout=SLICE_SECONDS))[0]:
            watch()
    except Exception:
        task.cancel()
        raise
    return task.result()


class _SleepingLoop(BaseEventLoop):
    """An event loop that waits for nothing but the time."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Sleep()

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody wakes it from another thread."""


class _Sleep:
    def select(self, timeout: float | None) -> list[Any]:
        time.sleep(SLICE_SECONDS if timeout is None else max(0.0, timeout))
        return []


@contextlib.contextmanager
def _apart() -> Iterator[None]:
    """The notebook's loop, in which this cell is running, is out of the way meanwhile."""
    outer = asyncio._get_running_loop()
    if outer is None:
        yield
        return
    swap = getattr(asyncio.tasks, "_swap_current_task", None)  # from Python 3.12 on, and needed from 3.14 on
    task = swap(outer, None) if swap else None
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(outer)
        if swap:
            swap(outer, task)


@contextlib.contextmanager
def _noted(stop: Callable[[], None]) -> Iterator[None]:
    """The first interrupt calls `stop`, so that no answer is broken off; the second is raised."""
    interrupts = 0

    def note(number: int, frame: object) -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts > 1:
            raise KeyboardInterrupt
        stop()

    try:
        before = signal.signal(signal.SIGINT, note)
    except (ValueError, OSError):  # not in the main thread, or no signals here
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
