"""What is told of a reading part by part: parts cited and parts missing, tokens and money in all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from glm_magics.chat import Cost, Source, Usage
from glm_magics.documents.plan import Plan
from glm_magics.documents.prompts import Note
from glm_magics.documents.splitting import Part

__all__ = ["cited", "remarks", "sources", "total_cost", "total_usage", "written"]

_BRACKETS = re.compile(r"[\[【]([^\[\]【】\n]{1,200})[\]】]")
_IDS = re.compile(r"\bS(\d{1,6})(?:\s*[-–—]\s*S?(\d{1,6}))?\b")
_LONGEST_SPAN = 1_000


def cited(text: str) -> tuple[str, ...]:
    """The ids in brackets, each once and in the order of the text: [S3], [S1, S4], [S2–S5], 【S3】."""
    found: dict[str, None] = {}
    for inside in _BRACKETS.findall(text):
        for first, last in _IDS.findall(inside):
            start, end = int(first), int(last or first)
            if start <= end < start + _LONGEST_SPAN:
                found.update((f"S{number}", None) for number in range(start, end + 1))
    return tuple(found)


def sources(parts: Sequence[Part], answer: str, missing: Mapping[str, str]) -> tuple[Source, ...]:
    """Every part, with whether the answer cites it and why it may be missing."""
    named = set(cited(answer))
    return tuple(
        Source(part.id, part.document, part.place, part.id in named, missing.get(part.id, ""))
        for part in parts
    )


def remarks(
    plan: Plan, answer: str, notes: Sequence[Note], missing: Mapping[str, str], requests: int
) -> Iterator[str]:
    """Sentences for the answer's notes."""
    known = [part.id for part in plan.parts]
    yield f"Read in {len(known)} parts, with {requests} requests."
    if notes and not answer:
        read = sum(len(note.ids) for note in notes)
        yield f"There is no answer yet: these are the notes on {read} of {len(known)} parts."
    if missing:
        reasons = " ".join(dict.fromkeys(missing.values()))
        yield f"Not read: {_bracketed(id for id in known if id in missing)}. {reasons}"
    if unknown := [id for id in cited(answer) if id not in known]:
        yield f"The answer cites {_bracketed(unknown)}, which is no part of the document."
    if plan.tier.context is None:
        yield f"The window of {plan.tier.id} is not known; the parts were made for one of a usual size."


def written(notes: Sequence[Note]) -> str:
    """The notes as text, where there is no answer yet."""
    return "\n\n".join(f"**{note.title}** {note.text}" for note in notes)


def total_usage(usages: Sequence[Usage]) -> Usage:
    return Usage(
        sum(usage.input_tokens for usage in usages),
        sum(usage.cached_tokens for usage in usages),
        sum(usage.output_tokens for usage in usages),
        sum(usage.reasoning_tokens for usage in usages),
        any(usage.estimated for usage in usages),
    )


def total_cost(costs: Sequence[Cost | None]) -> Cost | None:
    """The sum, each request priced by itself; None where a price is not known."""
    known = [cost for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return None
    total, *rest = known
    for cost in rest:
        total += cost
    return total


def _bracketed(ids: Iterable[str]) -> str:
    return ", ".join(f"[{id}]" for id in ids)
