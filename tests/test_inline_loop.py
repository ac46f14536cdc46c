"""Runs on a loop that whoever waits works on: no thread, no socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from typing import Any

import pytest

from glm_magics.errors import SettingError
from glm_magics.rows.inline_loop import Inline


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> Inline:
    def none(*_: Any, **__: Any) -> Any:
        raise OSError("none here")

    monkeypatch.setattr(socket, "socketpair", none)
    return Inline()


async def answer() -> int:
    await asyncio.sleep(0.01)
    return 42


def test_work_is_done_and_its_result_comes_back(inline: Inline) -> None:
    assert inline.run(answer()) == 42
    assert inline.run(answer()) == 42


def test_it_works_in_a_cell_of_a_running_loop_and_leaves_that_loop_as_it_was() -> None:
    inline = Inline()

    async def cell() -> tuple[int | None, bool]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        value = inline.run(answer())
        same = asyncio.get_running_loop() is loop and asyncio.current_task() is task
        await asyncio.sleep(0.01)
        return value, same

    assert asyncio.run(cell()) == (42, True)


def test_what_the_work_raises_is_raised(inline: Inline) -> None:
    async def broken() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        inline.run(broken())


def test_it_is_watched_meanwhile(inline: Inline) -> None:
    seen: list[int] = []

    async def slow() -> None:
        await asyncio.sleep(0.35)

    inline.run(slow(), watch=lambda: seen.append(1))
    assert len(seen) >= 2


def test_what_the_watch_raises_ends_the_work(inline: Inline) -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    def watch() -> None:
        raise ValueError("seen enough")

    with pytest.raises(ValueError, match="seen enough"):
        inline.run(endless(), watch=watch)
    inline.run(answer())
    assert ended == ["cancelled"]


def test_an_interrupt_stops_the_work_and_keeps_what_there_was(inline: Inline) -> None:
    stopped = asyncio.Event()

    async def endless() -> str:
        await stopped.wait()
        return "what there was"

    before = signal.getsignal(signal.SIGINT)
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert inline.run(endless(), stop=stopped.set) == "what there was"
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_where_there_are_no_signals_stops_the_work_too(
    inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> Any:
        raise ValueError("no signals here")

    stopped = asyncio.Event()

    async def endless() -> str:
        await stopped.wait()
        return "what there was"

    def watch() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(signal, "signal", none)
    assert inline.run(endless(), watch=watch, stop=stopped.set) == "what there was"


def test_a_second_interrupt_leaves_deaf_work_behind(inline: Inline) -> None:
    async def deaf() -> None:
        await asyncio.sleep(60)

    for seconds in (0.1, 0.3):
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert inline.run(deaf()) is None


def test_a_run_does_not_wait_for_itself(inline: Inline) -> None:
    async def nested() -> None:
        inline.run(answer())

    with pytest.raises(SettingError):
        inline.run(nested())
