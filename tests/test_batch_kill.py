"""A process that is killed at any step of a batch job loses no row, and nothing is created twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from batch_server import Platform

from glm_magics.demo import serve

CODE = """
import json, os, signal, sys
url, rows, requests, point = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])

def look(event, found):
    if point and event == point[0] and point[1] in str(found[0]) and point[2] in str(found[1:]):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(look)
import pandas as pd
import glm_magics as glm
from glm_magics import api
from glm_magics._options import Options
from glm_magics.frames.batch import begin
from glm_magics.frames.rows import How
from glm_magics.rows.splitting import FileLimits
api.connect(url, key="demo-key", tier="glm-4-plus", currency="CNY")
frame = pd.DataFrame({"n": range(rows)})
how = How("Take the number of row {{n}}.", "n: int", Options(), rows_per_request=1)
job = begin(frame, how, limits=FileLimits(requests))
result = job.wait().result()
spent = [str(cost.amount) for cost in api.session().ledger.spent().values()]
print(json.dumps([result["_glm_status"].tolist(), result["n"].isna().sum().item(), repr(job), spent,
                  len(api.session().ledger.entries), glm.jobs()["state"].tolist()]))
"""

FILE, BATCH = r".*/files", r".*/batches"
# In the order of the job: what the client does (an audit event) or asks, and when it dies of it.
STEPS = {
    "a file is half written": ("open", "-2.jsonl", "'w'"),
    "the first upload has not arrived": (f"POST {FILE}", "before", 1),
    "the second upload is not noted": (f"POST {FILE}", "after", 2),
    "the second creation has not arrived": (f"POST {BATCH}", "before", 1),
    "the second creation is not noted": (f"POST {BATCH}", "after", 1),
    "the last creation is not noted": (f"POST {BATCH}", "after", 1),
    "the job is looked at": (rf"GET {BATCH}/[^/]+", "before", 2),
    "a download has not begun": (rf"GET {FILE}/[^/]+/content", "before", 1),
    "a download has no name yet": ("os.rename", "output.jsonl.part", ""),
    "the second download is not noted": (rf"GET {FILE}/[^/]+/content", "after", 1),
    "the answers are merged, the refusals are not": ("open", "-1.errors.jsonl", "'r'"),
    "the platform's files are deleted": (rf"DELETE {FILE}/[^/]+", "after", 2),
    "the downloads are removed": ("os.remove", "-2.output.jsonl", ""),
}


class Runs:
    """Runs the job's cell again and again, with one home."""

    def __init__(self, platform: Platform, url: str, folder: Path, rows: int, requests: int) -> None:
        self._platform = platform
        self._command = [sys.executable, "-c", CODE, url, str(rows), str(requests)]
        self._environment = {**os.environ, "GLM_CACHE": str(folder)}

    def __call__(self, point: tuple[str, str, int] | tuple[str, str, str] | None = None) -> tuple[int, str]:
        """The exit status, and what was printed."""
        inside = point is not None and isinstance(point[2], str)
        process = subprocess.Popen(
            [*self._command, json.dumps(point if inside else None)],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._platform.victim = process.pid
        self._platform.deadly = point if point is not None and isinstance(point[2], int) else None
        printed, told = process.communicate(timeout=600)
        assert process.returncode in (0, -9), told
        return process.returncode, printed


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_a_kill_at_every_step_loses_no_row_and_creates_nothing_twice(tmp_path: Path) -> None:
    platform = Platform({"row 3.": "1301"})
    with serve(platform) as url:
        run = Runs(platform, url, tmp_path, rows=10, requests=4)
        for step, point in STEPS.items():
            assert run(point)[0] == -9, step
        status, printed = run()
    assert status == 0
    fared, missing, told, _, _, states = json.loads(printed)
    assert fared == ["ok"] * 3 + ["refused"] + ["ok"] * 6
    assert missing == 1
    assert states == ["completed"]
    assert platform.created == 3
    assert set(platform.paid.values()) == {1}
    assert "so far" in told
    assert [path.name for path in (tmp_path / "batches").iterdir()] == []
    assert b"demo-key" not in b"".join(path.read_bytes() for path in tmp_path.glob("*.sqlite*"))


@pytest.mark.long
@pytest.mark.timeout(2400)
@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_a_large_job_survives_a_kill_at_every_step(tmp_path: Path) -> None:
    platform = Platform({"row 3.": "1301"}, quick=True)
    with serve(platform) as url:
        run = Runs(platform, url, tmp_path, rows=120_000, requests=50_000)
        for step, point in STEPS.items():
            assert run(point)[0] == -9, step
        status, printed = run()
    assert status == 0
    fared, missing, *_ = json.loads(printed)
    assert fared.count("ok") == 119_999
    assert missing == 1
    assert platform.created == 3
    assert len(platform.paid) == 119_999
    assert set(platform.paid.values()) == {1}
