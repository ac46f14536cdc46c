"""A killed process loses no recorded row and pays none twice, and its rows in flight are known."""

from __future__ import annotations

import collections
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from glm_magics.demo import Engine, serve
from glm_magics.rows.cache import RowCache

CODE = """
import sys
from pathlib import Path
import pandas as pd
from glm_magics import api
from glm_magics.frames.rows import map_rows
url, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
api.connect(url, key="demo-key", tier="glm-4-plus", currency="CNY")
frame = pd.DataFrame({"n": range(rows)})
done = map_rows(frame, "Take the number of row {{n}}.", schema="n: int", cache=folder, rows_per_request=1,
                concurrency=8, progress=False)
assert set(done["_glm_status"]) <= {"ok", "cached"}, done["_glm_status"].value_counts()
print(len(done.attrs["glm_may_be_billed"]))
"""


class Remembering(Engine):
    """Knows which rows were answered, and how often."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.answered: collections.Counter[str] = collections.Counter()

    def handle(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        response = super().handle(method, path, headers, body)
        if response.status == 200:
            prompt = json.loads(body)["messages"][-1]["content"]
            self.answered[prompt.partition("row ")[2].partition(".")[0]] += 1
        return response


def keys_of(folder: Path, table: str) -> set[bytes]:
    cache = RowCache(folder)
    found = {key for (key,) in cache._database.execute(f"SELECT key FROM {table}")}
    cache.close()
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
@pytest.mark.parametrize(
    ("rows", "kills"),
    [(150, 3), pytest.param(10_000, 60, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
    ids=["few", "many"],
)
def test_a_kill_loses_nothing_and_only_rows_in_flight_are_asked_again(
    tmp_path: Path, rows: int, kills: int
) -> None:
    engine = Remembering(pace=0, answer_seconds=0.05, level="V3")
    chance = random.Random(1)
    in_flight = told = 0
    with serve(engine) as url:
        command = [sys.executable, "-c", CODE, url, str(tmp_path), str(rows)]
        for _ in range(kills):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            enough = sum(engine.answered.values()) + chance.randint(1, 2 * rows // (3 * kills))
            while sum(engine.answered.values()) < enough and process.poll() is None:
                time.sleep(0.005)
            time.sleep(chance.random() * 0.05)
            process.kill()
            process.wait()
            left = keys_of(tmp_path, "in_flight")
            assert len(left) <= 8
            assert not left & keys_of(tmp_path, "answers")
            in_flight += len(left)
        told = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert told <= 8, "the last run tells of what the last kill left behind"
    assert len(engine.answered) == rows, "no row is lost"
    assert len(keys_of(tmp_path, "answers")) == rows
    assert not keys_of(tmp_path, "in_flight")
    again = sum(count - 1 for count in engine.answered.values())
    assert again <= in_flight, "what was recorded is not paid again, and what is paid again was noted"
