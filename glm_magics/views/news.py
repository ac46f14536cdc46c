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
    """`refused` is set where the answer up to now is void, and says why; the rest is of the new one."""

    thinking: str
    answer: str
    calls: tuple[ToolCallDelta, ...]
    refused: AskedAgain | None = None


def news(events: Sequence[Event]) -> News:
    thinking: list[str] = []
    answer: list[str] = []
    calls: list[ToolCallDelta] = []
    refused: AskedAgain | None = None
    for event in events:
        match event:
            case TextDelta(text):
                answer.append(text)
            case ReasoningDelta(text):
                thinking.append(text)
            case ToolCallDelta():
                calls.append(event)
            case AskedAgain():
                refused = event
                answer.clear()
                calls.clear()
            case SearchResult() | Finished():
                pass  # shown with the whole answer
            case _:
                assert_never(event)
    return News("".join(thinking), "".join(answer), tuple(calls), refused)
