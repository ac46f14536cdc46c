"""A request about several rows, each with an id: every row is answered as it would be if it were asked
alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PackedRows", "packed_rows"]

_FORM = re.compile(
    r"once for each of the \d+ rows\b.*?\n\nTask:\n(?P<task>.*)\n\nRows, one JSON object a line:\n"
    r"(?P<rows>(?:\{.*\}\n)+)\nAnswer with one record for each row, with the row's own \"(?P<id>\w+)\"\.",
    re.DOTALL,
)
_SLOT = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}")


@dataclass(frozen=True, slots=True)
class PackedRows:
    """The name of the id, and for each row its id and the question it would be by itself."""

    id: str
    questions: tuple[tuple[Any, str], ...]


def packed_rows(question: str) -> PackedRows | None:
    """The rows of a request that asks one task for each of them; None where it does not."""
    found = _FORM.search(question)
    if found is None:
        return None
    try:
        rows = [json.loads(line) for line in found["rows"].splitlines()]
    except ValueError:
        return None
    name = found["id"]
    return PackedRows(name, tuple((row.get(name), _filled(found["task"], row)) for row in rows))


def _filled(task: str, row: Mapping[str, Any]) -> str:
    return _SLOT.sub(lambda slot: _shown(row.get(slot[1], slot[0])), task)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
