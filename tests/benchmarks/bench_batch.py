"""120,000 rows as a batch job against the demo server over loopback HTTP: time, CPU and memory of the client,
with a new process for every step.

    python tests/benchmarks/bench_batch.py [rows]

The server is a process of its own; how long it takes to answer is not counted. "floor" is the same rows written
with `json.dumps` and their answers read with `json.loads`, and nothing around it. "paid twice" are requests
that were answered more than once, and has to be 0.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from batch_server import Platform

from glm_magics.demo import serve

CODE = """
import json, resource, sys, time
url, rows, step = sys.argv[1], int(sys.argv[2]), sys.argv[3]
import pandas as pd
from glm_magics import api
from glm_magics._options import Options
from glm_magics.frames.batch import begin
from glm_magics.frames.rows import How
api.connect(url, key="demo-key", tier="glm-4-plus", currency="CNY")
frame = pd.DataFrame({"n": range(rows)})
before, began = time.process_time(), time.monotonic()
if step == "the frame alone":
    pass
elif step == "the floor":
    asked = [json.dumps({"custom_id": f"{n:043d}", "body": {"messages": [{"role": "user", "content":
             f"Take the number of row {n}."}]}}) for n in frame["n"]]
    answered = [json.loads(line)["custom_id"] for line in asked]
else:
    job = begin(frame, How("Take the number of row {{n}}.", "n: int", Options(), rows_per_request=1))
    if step == "wait":
        job.wait()
    elif step != "begin":
        result = job.result()
        assert set(result["_glm_status"]) == {"ok"}, result["_glm_status"].value_counts()
        assert (result["n"] == range(rows)).all()
print(json.dumps([time.monotonic() - began, time.process_time() - before,
                  resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def server(pipe: Connection) -> None:
    platform = Platform(quick=True)
    with serve(platform) as url:
        pipe.send(url)
        pipe.recv()
        twice = sum(count - 1 for count in platform.paid.values())
        pipe.send((platform.created, len(platform.paid), twice))


def run(url: str, rows: int, step: str, folder: str) -> None:
    command = [sys.executable, "-c", CODE, url, str(rows), step]
    done = subprocess.run(
        command,
        env={**os.environ, "GLM_CACHE": folder},
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    seconds, cpu, peak = json.loads(done.stdout)
    print(f"{step:>16}  {seconds:8.1f} s  {cpu:8.1f} s CPU  {peak:8.0f} MB peak", flush=True)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 120_000
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=server, args=(theirs,), daemon=True)
    process.start()
    url = mine.recv()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for step in ("the frame alone", "the floor", "begin", "wait", "result", "result again"):
            run(url, rows, step, folder)
    mine.send("end")
    files, paid, twice = mine.recv()
    process.join()
    print(
        f"{rows:,} rows, {files} files, {paid:,} answered, {twice} paid twice; {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
