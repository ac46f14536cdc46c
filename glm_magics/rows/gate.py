"""Where requests wait for a place in flight: one gate for each endpoint, key and tier of a process."""

from __future__ import annotations

import asyncio
import time

from glm_magics.rows.limiter import Limiter, Place

__all__ = ["Gate", "Gates"]


class Gate:
    """The places of one account and tier, shared by all runs on the loop."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self._waiting: list[asyncio.Future[None]] = []

    async def enter(self) -> Place:
        """A place, as soon as there is one."""
        while True:
            now = time.monotonic()
            place = self.limiter.take(now)
            if place is not None:
                return place
            # of the same moment: a pause that ends just between two looks at the clock has nobody to end it
            await self._changed(self.limiter.pause(now))

    def wake(self) -> None:
        """Places may be free: let those who wait look."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def _changed(self, pause: float) -> None:
        """Until somebody wakes those who wait, or `pause` seconds are over."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        timer = loop.call_later(pause, self.wake) if pause else None
        try:
            await future
        finally:
            if timer is not None:
                timer.cancel()


class Gates:
    """All gates of a loop, by whatever tells accounts and tiers apart."""

    def __init__(self) -> None:
        self._gates: dict[tuple[str, ...], Gate] = {}

    def of(self, account: tuple[str, ...], *, start: int | None) -> Gate:
        """The gate of an account and tier; `start` is its known limit, for the first who asks."""
        if account not in self._gates:
            self._gates[account] = Gate(Limiter(start))
        return self._gates[account]
