"""A share of the places in flight, for runs that other runs, processes or machines have to leave room for."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Slots", "Unbounded"]


class Slots(Protocol):
    """What a run takes one of before each request, on the loop of the runs, and gives back after it.

    `asyncio.Semaphore` is one.
    """

    async def acquire(self) -> object: ...

    def release(self) -> None: ...


class Unbounded:
    """As many as one likes: the account's gate is all that holds a run back."""

    async def acquire(self) -> None: ...

    def release(self) -> None: ...
