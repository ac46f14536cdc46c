"""What a batch of events adds to an answer, in the three parts that every view shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import assert_never

from glm_magics.chat import (
    AskedAgain,
    Event,
    Finished,
    ReasoningDelta,
    SearchResult,
    TextDelta,
    ToolCallDelta,
)

__all__ = ["News", "news"]


@dataclass(frozen=True, slots=True)
class News:
    thinking: str
    answer: str
    calls: tuple[ToolCallDelta, ...]


def news(events: Sequence[Event]) -> News:
    thinking: list[str] = []
    answer: list[str] = []
    calls: list[ToolCallDelta] = []
    for event in events:
        match event:
            case TextDelta(text):
                answer.append(text)
            case ReasoningDelta(text):
                thinking.append(text)
            case ToolCallDelta():
                calls.append(event)
            case SearchResult() | Finished() | AskedAgain():
                pass  # shown with the whole answer
            case _:
                assert_never(event)
    return News("".join(thinking), "".join(answer), tuple(calls))
