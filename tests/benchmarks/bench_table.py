"""50,000 records of JSON to a typed, validated DataFrame, beside parsers that check nothing.

    PYTHONPATH=. python tests/benchmarks/bench_table.py

Prints ratios of the CPU time in one run: more than 1 is faster than the column's rival. orjson is used when it is installed.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, TypeAdapter

from glm_magics.structured.schema import schema
from glm_magics.structured.table import to_frame

RECORDS = 50_000
ROUNDS = 5
SHORTHAND = (
    "id: int, name: str, price: float?, mood: good|bad|neutral, ok: bool, when: datetime, tags: list[str]"
)


class Row(BaseModel):
    id: int
    name: str
    price: float | None = None
    mood: Literal["good", "bad", "neutral"]
    ok: bool
    when: datetime
    tags: list[str]


@dataclass
class Way:
    name: str
    run: Callable[[], Any]
    seconds: float = float("inf")


def records() -> list[dict[str, Any]]:
    return [
        {
            "id": at,
            "name": f"product {at}",
            "price": None if at % 10 == 0 else at / 4,
            "mood": ("good", "bad", "neutral")[at % 3],
            "ok": at % 2 == 0,
            "when": f"2026-01-{at % 28 + 1:02d}T09:{at % 60:02d}:00Z",
            "tags": ["a", "b"],
        }
        for at in range(RECORDS)
    ]


def main() -> None:
    text = json.dumps(records())
    wrapped = json.dumps({"rows": records()})
    own, model = schema(SHORTHAND), schema(Row)
    adapter = TypeAdapter(list[Row])
    rivals = [Way("json.loads + DataFrame", lambda: pd.DataFrame(json.loads(text)))]
    try:
        import orjson
    except ImportError:
        print("orjson is not installed: its column is left out")
    else:
        rivals.insert(0, Way("orjson.loads + DataFrame", lambda: pd.DataFrame(orjson.loads(text))))
    ways = [
        Way("to_frame, shorthand", lambda: to_frame(text, own)),
        Way("to_frame, {rows: …}", lambda: to_frame(wrapped, own)),
        Way("to_frame, parsed already", lambda: to_frame(parsed, own)),
        Way("to_frame, pydantic model", lambda: to_frame(text, model)),
        Way("to_frame, no schema", lambda: to_frame(text)),
        Way(
            "pydantic + DataFrame",
            lambda: pd.DataFrame([row.model_dump() for row in adapter.validate_json(text)]),
        ),
    ]
    parsed = json.loads(text)
    measure([*rivals, *ways])
    print(f"{RECORDS:,} records, {len(text) / 1e6:.1f} MB, best of {ROUNDS}, pandas {pd.__version__}")
    for way in [*rivals, *ways]:
        ratios = "  ".join(f"{rival.seconds / way.seconds:5.2f} x {rival.name}" for rival in rivals)
        print(f"{way.name:26} {way.seconds * 1e3:7.0f} ms   {ratios}")


def measure(ways: list[Way]) -> None:
    """Best of several rounds, the ways taking turns so that a busy machine slows all of them."""
    for _ in range(ROUNDS):
        for way in ways:
            gc.collect()
            start = time.process_time()
            way.run()
            way.seconds = min(way.seconds, time.process_time() - start)


if __name__ == "__main__":
    main()
