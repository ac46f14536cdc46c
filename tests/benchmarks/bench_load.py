"""What `%load_ext glm_magics` adds to a bare IPython: CPU milliseconds and resident megabytes.

    python tests/benchmarks/bench_load.py [runs]

Bare and loaded shells take turns in processes of their own; the figures are differences of medians.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

RUNS = 7
AIM_MS, AIM_MB = 30.0, 5.0
_LEFT_OUT = ("GLM_", "ZAI_", "ZHIPU", "PYTHONDONTWRITEBYTECODE")

CHILD = """
import json, resource, sys, time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
began = time.process_time()
shell.run_cell(sys.argv[1])
spent = time.process_time() - began
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([spent * 1000, rss, len(sys.modules)]))
"""


def measure(cell: str, cache: str) -> list[float]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    environ = kept | {"PYTHONPYCACHEPREFIX": cache}
    command = [sys.executable, "-c", CHILD, cell]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(runs: int) -> None:
    cells = {"bare": "pass", "loaded": "%load_ext glm_magics"}
    found: dict[str, list[list[float]]] = {name: [] for name in cells}
    with tempfile.TemporaryDirectory() as cache:
        for cell in cells.values():
            measure(cell, cache)  # the first one writes the byte code
        for _ in range(runs):
            for name, cell in cells.items():
                found[name].append(measure(cell, cache))
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in found.items()
    }
    cpu, rss, modules = (b - a for a, b in zip(medians["bare"], medians["loaded"], strict=True))
    print(f"CPU      {cpu:6.1f} ms   (aim: {AIM_MS:.0f})")
    print(f"memory   {rss:6.1f} MB   (aim: {AIM_MB:.0f})")
    print(f"modules  {modules:6.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
