"""A table as prompt text: CPU time and extra memory for tables from ten rows to ten million, three columns to 2,000.

    PYTHONPATH=. python tests/benchmarks/bench_frame_prompt.py

Prints for each table and level: seconds of CPU, how much the peak of the process rose (Linux only), and the
tokens of the text; the last column compares with `DataFrame.describe(include="all")` on the same table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from glm_magics.chat import Privacy
from glm_magics.frames.prompt import describe
from glm_magics.frames.rules import Rules
from glm_magics.frames.tables import as_table
from glm_magics.tokens import estimate

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def of_numbers(rows: int, columns: int) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(rows, columns))).rename(columns="c{}".format)


def mixed(rows: int) -> pd.DataFrame:
    """Ten columns: numbers with gaps, whole numbers, times, categories, text, Python objects."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"float{at}": rng.normal(size=rows) for at in range(3)}
    columns["float0"][::50] = np.nan
    columns |= {f"int{at}": rng.integers(0, 10**6, rows) for at in range(3)}
    columns["when"] = pd.date_range("2020", periods=rows, freq="s")
    codes = rng.integers(0, 5, rows).astype("int8")
    columns["category"] = pd.Categorical.from_codes(codes, list("abcde"))
    columns["text"] = pd.array(np.array(["north", "south", "east"], dtype=object)[codes % 3], dtype="str")
    columns["object"] = np.array(["x", "y", None, 3], dtype=object)[codes % 4]
    return pd.DataFrame(columns)


TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    "10 rows, 3 columns": lambda: of_numbers(10, 3),
    "10,000 rows, 10 mixed": lambda: mixed(10_000),
    "1,000 rows, 2,000 columns": lambda: of_numbers(1_000, 2_000),
    "200,000 rows, 10 mixed": lambda: mixed(200_000),
    "10,000,000 rows, 10 of numbers": lambda: of_numbers(10_000_000, 10),
    "10,000,000 rows, 10 mixed": lambda: mixed(10_000_000),
}


def peak_megabytes() -> float:
    """The most memory the process has held since the mark was reset; 0 where the system does not say."""
    if not STATUS.exists():
        return 0.0
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines() if ":" in line)
    return int(lines["VmHWM"].split()[0]) / 1024


def measured(work: Callable[[], Any]) -> tuple[Any, float, float]:
    if CLEAR.exists():
        CLEAR.write_text("5")  # the peak is now what is held at this moment
    before, started = peak_megabytes(), time.process_time()
    value = work()
    return value, time.process_time() - started, peak_megabytes() - before


def main() -> None:
    describe("warm", as_table("warm", mixed(100)), Rules())  # type: ignore[arg-type]
    print(f"{'table':<34}{'level':<8}{'CPU s':>8}{'extra MB':>10}{'tokens':>8}{'describe()':>12}")
    for title, make in TABLES.items():
        frame = make()
        _, rival, _ = (
            measured(lambda frame=frame: frame.describe(include="all")) if len(frame) < 10**6 else (0, 0, 0)
        )
        table = as_table("df", frame)
        assert table is not None
        for privacy in get_args(Privacy):
            rules = Rules(8_000, privacy)
            (text, _), seconds, extra = measured(
                lambda table=table, rules=rules: describe("df", table, rules)
            )
            ratio = f"{rival / seconds:.1f} ×" if rival and seconds else ""
            print(f"{title:<34}{privacy:<8}{seconds:>8.2f}{extra:>10.0f}{estimate(text):>8,}{ratio:>12}")


if __name__ == "__main__":
    main()
