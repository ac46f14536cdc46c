"""The same rows in one kernel, in Dask's threads and on a cluster of four processes, one row a request.

    python tests/benchmarks/bench_dask.py [rows]

Ideal is rows × seconds per answer ÷ requests in flight. "most" is the most that the demo server saw in flight
at once, which has to stay within the limit; "CPU" is that of the process that asks, without workers.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import dask
import dask.dataframe as dd
import pandas as pd
from distributed import Client, LocalCluster

import glm_magics as glm
from glm_magics.demo import Engine, serve
from glm_magics.frames.rows import map_rows

TASK, SCHEMA = "Classify the review: {{text}}", "label: good|bad"
PLACES, SECONDS, WORKERS = 50, 0.2, 4


class Counting(Engine):
    most = 0

    def handle(self, *request: Any) -> Any:
        response = super().handle(*request)
        self.most = max(self.most, self.in_flight())
        return response


def server(pipe: Connection) -> None:
    engine = Counting(None, pace=0, answer_seconds=SECONDS, most_in_flight=10 * PLACES)
    with serve(engine) as url:
        pipe.send(url)
        while pipe.recv() != "end":
            pipe.send(engine.most)
            engine.most = 0


def main(rows: int) -> None:
    os.environ["GLM_API_KEY"] = "any"  # the workers read it there
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=server, args=(far,), daemon=True)
    process.start()
    glm.connect(near.recv(), tier="glm-4-plus", currency="CNY")
    glm.dask()
    words = ["I love it", "terrible and broken"]
    frame = pd.DataFrame({"text": [f"{words[n % 2]}, number {n}" for n in range(rows)]})
    how: dict[str, Any] = {"schema": SCHEMA, "rows_per_request": 1, "cache": "off", "concurrency": PLACES}
    ideal = rows * SECONDS / PLACES

    def measured(name: str, run: Callable[[], pd.DataFrame]) -> None:
        began, cpu = time.perf_counter(), time.process_time()
        done = run()
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        near.send("most")
        lost = rows - int((done["_glm_status"] == "ok").sum())
        print(
            f"{name:34} {wall:6.2f} s {wall / ideal:5.2f} × ideal  CPU {cpu:5.2f} s  most {near.recv():3}"
            f"  lost {lost}",
            flush=True,
        )

    print(f"{rows:,} rows of {SECONDS} s, at most {PLACES} in flight: ideal {ideal:.2f} s")
    map_rows(frame[:100], TASK, progress=False, **how)
    measured("one kernel", lambda: map_rows(frame, TASK, progress=False, **how))
    for parts in (4, 16):
        lazy = dd.from_pandas(frame, npartitions=parts).glm.map(TASK, **how)
        with dask.config.set(scheduler="threads", num_workers=4):
            measured(f"Dask's threads, {parts} partitions", lazy.compute)
    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, memory_limit="500MB", dashboard_address=None
        ) as cluster,
        Client(cluster),
    ):
        warm = dd.from_pandas(frame[:100], npartitions=WORKERS)
        warm.glm.map(TASK, **how).compute()
        for parts in (4, 16):
            lazy = dd.from_pandas(frame, npartitions=parts).glm.map(TASK, **how)
            measured(f"{WORKERS} processes, {parts} partitions", lazy.compute)
    near.send("end")
    process.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
