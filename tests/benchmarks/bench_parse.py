"""What reading an answer costs beside `json.loads` of the same text: as it should be, fenced, and damaged.

Run it: `python tests/benchmarks/bench_parse.py`. The figures are ratios, for machines differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from bench_records import best, records

from glm_magics.structured.parse import parse
from glm_magics.structured.schema import schema

SCHEMA = schema(
    "id: int, name: str, price: float, in_stock: bool, note: str?, tags: list[str], dim: {w: int, h: float}",
    shape="rows",
)


def main() -> None:
    for count in (10, 500, 5_000):
        text = json.dumps({"rows": records(count)}, ensure_ascii=False)
        answers = {
            "as asked": text,
            "in a fence": f"Here it is:\n```json\n{text}\n```",
            "trailing comma": text[:-2] + ",]}",
            "Chinese colons": text.replace('": ', '"：'),
        }
        plain = best(partial(json.loads, text), 5)
        for name, answer in answers.items():
            read: Callable[[], Any] = partial(parse, answer, SCHEMA)
            seconds = best(read, 3)
            print(
                f"{count:>6,} records, {name:<15} {seconds * 1e3:9.2f} ms, {seconds / plain:7.1f} × json.loads"
            )


if __name__ == "__main__":
    main()
