"""100,000 rows in one kernel, against the demo server over loopback HTTP: memory, first result, interrupts.

    python tests/benchmarks/bench_many_rows.py [rows] [unpacked rows]

The server is a process of its own. Each run is a process of its own too, so that its memory is its own: what
is counted is the most that was resident while it ran, above what there was with the frame made and a first
small run done. "gap" is the longest time between two looks of the waiting thread at the run, "lag" the
longest that the event loop was late; an interrupt comes at a random time of the run. Aims: at most 3 KB a
row with the result, a first answer within 2 s, and at most 1 s from an interrupt to the result.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from glm_magics import api
from glm_magics.demo import Engine, serve
from glm_magics.frames import rows
from glm_magics.rows.item import DONE
from glm_magics.rows.loop import background

TASK, SCHEMA = "Classify the review: {{text}}", "label: good|bad"
PLACES = 50
TICK = 0.01


def server(pipe: Connection) -> None:
    engine = Engine(None, pace=0, most_in_flight=PLACES)
    with serve(engine) as url:
        pipe.send(url)
        pipe.recv()


def reviews(count: int) -> pd.DataFrame:
    words = ["I love it", "terrible and broken"]
    return pd.DataFrame({"text": [f"{words[n % 2]}, number {n}" for n in range(count)]})


def resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class Watched(rows.Progress):
    """What the waiting thread sees of a run."""

    began = last = gap = 0.0
    first: float | None = None
    peak = 0

    def show(self, run: Any) -> None:
        now = time.perf_counter()
        seen = type(self)
        seen.gap = max(seen.gap, now - (seen.last or now))
        seen.last, seen.peak = now, max(seen.peak, resident())
        if seen.first is None and run.tally.known:
            seen.first = now - seen.began


class Lag:
    """How late the event loop of the runs is, at the most."""

    def __init__(self) -> None:
        self.most = 0.0
        self._loop = background()._loop
        self._task = asyncio.run_coroutine_threadsafe(self._tick(), self._loop)

    async def _tick(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK)
            self.most = max(self.most, time.perf_counter() - began - TICK)

    def stop(self) -> float:
        self._task.cancel()
        return self.most


def run(url: str, count: int, how: dict[str, Any], interrupted_after: float | None, pipe: Connection) -> None:
    api.connect(url, key="account", tier="glm-4-plus", currency="CNY")
    how = {"schema": SCHEMA, "progress": False, "concurrency": PLACES} | how
    rows.map_rows(reviews(200), TASK, **how)
    frame = reviews(count)
    gc.collect()
    rows.Progress = Watched  # type: ignore[misc]
    before, cpu = resident(), time.process_time()
    Watched.peak, Watched.began, asked_to_stop = before, time.perf_counter(), [0.0]
    if interrupted_after is not None:

        def interrupt() -> None:
            asked_to_stop[0] = time.perf_counter()
            os.kill(os.getpid(), signal.SIGINT)

        threading.Timer(interrupted_after, interrupt).start()
    lag = Lag()
    done = rows.map_rows(frame, TASK, **how)
    ended = time.perf_counter()
    Watched.peak = max(Watched.peak, resident())
    found = {
        "seconds": ended - Watched.began,
        "cpu": time.process_time() - cpu,
        "bytes": (Watched.peak - before) / count,
        "first": Watched.first,
        "gap": Watched.gap,
        "lag": lag.stop(),
        "done": int(done["_glm_status"].isin(list(DONE)).sum()),
        "back": ended - asked_to_stop[0] if interrupted_after is not None else None,
    }
    pipe.send(found)


def measured(name: str, url: str, count: int, how: dict[str, Any], after: float | None = None) -> Any:
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=run, args=(url, count, how, after, far))
    process.start()
    far.close()
    found = near.recv()
    process.join()
    first = f"{found['first']:5.2f} s" if found["first"] is not None else "   none"
    told = (
        f"{name:34} {found['seconds']:7.2f} s  CPU {found['cpu']:6.2f} s  {found['bytes'] / 1024:5.2f} KB a row"
        f"  first {first}  gap {found['gap']:4.2f} s  lag {found['lag']:4.2f} s  done {found['done']:,}"
    )
    print(told + (f"  back after {found['back']:.2f} s" if after is not None else ""), flush=True)
    return found


def main(count: int, unpacked: int) -> None:
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=server, args=(far,), daemon=True)
    process.start()
    url = near.recv()
    chance = random.Random(7)
    with TemporaryDirectory() as folder:
        packed = measured(f"{count:,} rows, packed", url, count, {"cache": Path(folder)})
        measured("the same again, from the cache", url, count, {"cache": Path(folder)})
    single = {"rows_per_request": 1, "cache": "off"}
    alone = measured(f"{unpacked:,} rows, one a request", url, unpacked, single)
    for _ in range(3):
        after = chance.uniform(0.1, 0.9) * packed["seconds"]
        measured(f"interrupted after {after:.1f} s, packed", url, count, {"cache": "off"}, after)
    for _ in range(2):
        after = chance.uniform(0.1, 0.9) * alone["seconds"]
        measured(f"interrupted after {after:.1f} s, one a request", url, unpacked, single, after)
    near.send("end")
    process.join()


if __name__ == "__main__":
    main(*(int(number) for number in (*sys.argv[1:], "100000", "20000")[:2]))
