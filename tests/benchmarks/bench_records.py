"""How much the splitting of a stream costs beside reading the same records one by one.

Run it: `python tests/benchmarks/bench_records.py`. The figure is a ratio, for machines differ.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

from glm_magics.structured.records import RecordSplitter

WORDS = (
    "alpha",
    "杯子",
    "naïve",
    '"quoted"',
    "path\\dir",
    "new\nline",
    "cheap,",
    "{braces}",
    "[brackets]",
    ":",
    "fine",
)


def records(count: int = 5_258) -> list[dict[str, object]]:
    rng = random.Random(7)
    return [
        {
            "id": at,
            "name": " ".join(rng.choices(WORDS, k=6)),
            "price": round(rng.random() * 100, 2),
            "in_stock": rng.random() < 0.5,
            "note": None if at % 3 else " ".join(rng.choices(WORDS, k=14)),
            "tags": rng.choices(["a", "b", "c"], k=2),
            "dim": {"w": at % 7, "h": 2.5},
        }
        for at in range(count)
    ]


def best(work: Callable[[], object], times: int = 7) -> float:
    seconds = []
    for _ in range(times):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def main() -> None:
    rows = records()
    whole = [json.dumps(row, ensure_ascii=False) for row in rows]
    text = '{"rows": [' + ", ".join(whole) + "]}"
    deltas = [text[at : at + 20] for at in range(0, len(text), 20)]

    def read() -> None:
        for one in whole:
            json.loads(one)

    def split() -> None:
        splitter = RecordSplitter()
        assert sum(len(splitter.feed(delta)) for delta in deltas) == len(rows)

    plain, streamed = best(read), best(split)
    print(
        f"{len(text):,} characters, {len(rows):,} records, {len(deltas):,} deltas: json.loads of each "
        f"{plain * 1e3:.1f} ms, split from the stream {streamed * 1e3:.1f} ms, ratio {streamed / plain:.2f}"
    )


if __name__ == "__main__":
    main()
