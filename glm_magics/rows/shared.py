"""What the loop of a process has for its runs, with a thread (`loop`) or without (`inline_loop`)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

from glm_magics.errors import SettingError
from glm_magics.rows.gate import Gates

__all__ = ["SLICE_SECONDS", "STOPPING_SECONDS", "Shared", "refused"]

SLICE_SECONDS = 0.1  # how often a wait looks at its run, and whether it was interrupted
STOPPING_SECONDS = 0.8  # how long a stopped run may take to put its things away


class Shared:
    """The places in flight that the runs of a process share, and the process that they are for."""

    def __init__(self) -> None:
        self.gates = Gates()
        self.pid = os.getpid()
        self._slots: dict[str, asyncio.Semaphore] = {}

    def slots(self, name: str, most: int) -> asyncio.Semaphore:
        """The `most` slots of that name, which several runs of this process share."""
        return self._slots.setdefault(name, asyncio.Semaphore(most))


def refused(work: Coroutine[Any, Any, Any]) -> SettingError:
    """What a run is told that waits for another one on its own loop; `work` is not begun."""
    work.close()
    return SettingError("A run cannot wait for another one on the same loop.")
