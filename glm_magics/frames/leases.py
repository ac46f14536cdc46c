"""Places in flight that the workers of a Dask cluster share: leases of one `distributed.Semaphore`.

A lease is good for many requests, one after another: it goes back after a second, so that other workers get
their turn, or as soon as nobody here has use for it. Nothing polls: who waits is told. The scheduler takes
leases back that a worker has not renewed for `distributed.scheduler.locks.lease-timeout` (30 s unless set),
so those of a killed worker are not lost.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent import futures
from dataclasses import dataclass
from threading import Lock
from typing import Any

__all__ = ["Leases", "leases_of"]

_TURN_SECONDS = 1.0
_IDLE_SECONDS = 0.05
_ASKED_FOR = 4  # at a time: a request asks for one place after another, and each takes a round trip


@dataclass(eq=False, frozen=True, slots=True)
class _Lease:
    since: float


class Leases:
    """Slots for the runs of this process (`rows.slots.Slots`), each backed by a lease of `semaphore`.

    All methods are called on the loop of the runs; `loop` is the one that the semaphore lives on.
    """

    def __init__(self, semaphore: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._semaphore = semaphore
        self._loop = loop
        self._used: deque[_Lease] = deque()
        self._free: list[_Lease] = []
        self._waiting: deque[asyncio.Future[_Lease]] = deque()
        self._asking: set[asyncio.Task[None]] = set()

    async def acquire(self) -> None:
        """Raises what the semaphore raises, as when the scheduler is gone."""
        lease = self._free.pop() if self._free else await self._next()
        self._used.append(lease)

    def release(self) -> None:
        self._pass_on(self._used.popleft())

    async def _next(self) -> _Lease:
        future: asyncio.Future[_Lease] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._ask()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._pass_on(future.result())
            raise

    def _pass_on(self, lease: _Lease) -> None:
        """To the next who waits; or back, when its turn is over or nobody comes for it."""
        if time.monotonic() - lease.since > _TURN_SECONDS:
            self._give_back()
            self._ask()
        elif (future := self._next_waiting()) is not None:
            future.set_result(lease)
        else:
            self._free.append(lease)
            asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._drop, lease)

    def _next_waiting(self) -> asyncio.Future[_Lease] | None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                return future
        return None

    def _drop(self, lease: _Lease) -> None:
        if lease in self._free:
            self._free.remove(lease)
            self._give_back()

    def _ask(self) -> None:
        """Ask the scheduler for leases while somebody waits, some ahead of those who will wait next."""
        while self._waiting and len(self._asking) < _ASKED_FOR:
            task = asyncio.get_running_loop().create_task(self._lease())
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _lease(self) -> None:
        try:
            await asyncio.wrap_future(self._on_loop(self._semaphore.acquire))
        except Exception as error:
            while (future := self._next_waiting()) is not None:
                future.set_exception(error)
        else:
            self._pass_on(_Lease(time.monotonic()))

    def _give_back(self) -> None:
        self._on_loop(self._semaphore.release)

    def _on_loop(self, act: Any) -> futures.Future[Any]:
        async def acted() -> Any:
            return await act()  # the semaphore's methods are coroutines on its own loop

        return asyncio.run_coroutine_threadsafe(acted(), self._loop)


_leases: dict[tuple[str, str], Leases] = {}
_lock = Lock()


def leases_of(worker: Any, name: str, most: int) -> Leases:
    """The leases that a Dask worker's process holds of the `most` with that name; call it in a task."""
    import distributed

    semaphore: Any = distributed.Semaphore
    with _lock:
        if (worker.id, name) not in _leases:
            _leases[worker.id, name] = Leases(semaphore(most, name), worker.loop.asyncio_loop)
        return _leases[worker.id, name]
