"""Whether texts say the same, in the forms in which this package asks: by the words they share, as the demo's
vectors have it, and by the numbers in them."""

from __future__ import annotations

import json
import re
from typing import Any

from glm_magics.demo.synonyms import folded
from glm_magics.demo.vectors import likeness

__all__ = ["compared"]

_ALIKE = 0.65
_PAIR = re.compile(r"\n\nText A: (.*)\n\nText B: (.*)\n\nAnswer \"same\" or \"different\"", re.DOTALL)
_JOIN = re.compile(
    r"\n\nThe record on the left:\n(\{.*\})"
    r"\n\nCandidates on the right, each behind its id:\n((?:c\d+: .*\n?)+)"
)
_CANDIDATE = re.compile(r"^(c\d+): (\{.*\})$", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NOT = re.compile(r"\b(?:not|no|never|without)\b|n't\b|[不没无]")


def compared(text: str) -> Any:
    """The answer to a question about two texts, or about a record and its candidates; None for others."""
    pair = _PAIR.search(text)
    if pair is not None:
        return "same" if _same(pair[1], pair[2]) else "different"
    join = _JOIN.search(text)
    if join is None:
        return None
    record = _words(join[1])
    matches = [id for id, candidate in _CANDIDATE.findall(join[2]) if _same(record, _words(candidate))]
    return matches or ["none"]


def _same(one: str, other: str) -> bool:
    if sorted(_NUMBER.findall(one)) != sorted(_NUMBER.findall(other)):
        return False
    if bool(_NOT.search(folded(one))) != bool(_NOT.search(folded(other))):
        return False
    return likeness(one, other) >= _ALIKE


def _words(record: str) -> str:
    """The values of a record."""
    try:
        values = json.loads(record).values()
    except (ValueError, AttributeError):
        return record
    return " ".join(str(value) for value in values if value is not None)
