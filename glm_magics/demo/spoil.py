"""An answer about several rows as a careless model gives it: rows left out, records that break the rules."""

from __future__ import annotations

import json
import zlib
from typing import Any

__all__ = ["spoiled"]

_LEFT_OUT, _BROKEN = 20, 50  # one in so many


def spoiled(text: str) -> str:
    """`text` with one row in 20 left out and one in 50 broken, always the same for the same answer.

    What is no JSON object around a list of two objects or more stays as it is.
    """
    try:
        value = json.loads(text)
    except ValueError:
        return text
    rows = value.get("rows") if isinstance(value, dict) else None
    if not isinstance(rows, list) or len(rows) < 2 or not all(isinstance(row, dict) for row in rows):
        return text
    chances = [zlib.crc32(f"{at}{text}".encode()) for at in range(len(rows))]
    kept = [_broken(row, chance) for row, chance in zip(rows, chances, strict=True) if chance % _LEFT_OUT]
    return json.dumps({**value, "rows": kept}, ensure_ascii=False)


def _broken(row: dict[str, Any], chance: int) -> dict[str, Any]:
    if chance // _LEFT_OUT % _BROKEN:
        return row
    first = next(iter(row))
    return {name: part if name == first else {"unexpected": part} for name, part in row.items()}
