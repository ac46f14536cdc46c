"""One loop for all runs, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import Any

import pytest

from glm_magics.errors import SettingError
from glm_magics.rows.loop import background


async def answer() -> int:
    await asyncio.sleep(0.01)
    return 42


def test_work_is_done_and_its_result_comes_back() -> None:
    assert background().run(answer()) == 42


def test_it_works_while_another_loop_is_running() -> None:
    async def cell() -> int | None:
        return background().run(answer())

    assert asyncio.run(cell()) == 42


def test_what_the_work_raises_is_raised() -> None:
    async def broken() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        background().run(broken())


def test_it_is_watched_from_the_thread_that_waits() -> None:
    seen: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(0.35)

    background().run(slow(), watch=lambda: seen.append(threading.current_thread().name))
    assert set(seen) == {threading.current_thread().name}
    assert len(seen) >= 2


def test_an_interrupt_stops_the_work_and_comes_back_soon() -> None:
    stopped = asyncio.Event()

    async def endless() -> str:
        await stopped.wait()
        return "what there was"

    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    assert background().run(endless(), stop=stopped.set) == "what there was"
    assert time.monotonic() - began < 2


def test_an_interrupt_in_the_moment_the_work_begins_stops_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = asyncio.run_coroutine_threadsafe
    stopped = threading.Event()
    running = []

    def interrupted(*work: Any) -> None:
        running.append(begin(*work))
        raise KeyboardInterrupt

    async def waits() -> None:
        while not stopped.is_set():
            await asyncio.sleep(0.01)

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", interrupted)
    assert background().run(waits(), stop=stopped.set) is None
    assert stopped.is_set()
    running[0].result(timeout=5)


def test_work_that_does_not_stop_is_left_behind() -> None:
    async def deaf() -> None:
        await asyncio.sleep(5)

    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    assert background().run(deaf()) is None
    assert time.monotonic() - began < 3


def test_the_loop_does_not_wait_for_itself() -> None:
    async def nested() -> None:
        background().run(answer())

    with pytest.raises(SettingError):
        background().run(nested())
