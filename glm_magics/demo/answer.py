"""A draft becomes an answer: cut at the stop word and at the token limit, counted, and given its ending.

Thinking counts against `max_tokens` (docs.z.ai, thinking mode), so a small limit can leave no answer at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from glm_magics.demo.ask import Ask, Call, Draft
from glm_magics.tokens import estimate

__all__ = ["Answer", "answer", "cut", "pieces"]

_USUAL_OUTPUT = 4096  # where the tier's limit is not known
_CALL_TOKENS = 8  # the frame around a tool call


@dataclass(frozen=True, slots=True)
class Answer:
    reasoning: str
    text: str
    calls: tuple[Call, ...]
    search: tuple[Mapping[str, str], ...]
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int

    @property
    def usage(self) -> dict[str, Any]:
        """The usage object, in the platform's words."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }


def answer(draft: Draft, ask: Ask, *, cached_tokens: int = 0) -> Answer:
    """The answer to `ask` that `draft` becomes within the request's limits."""
    limit, at_limit = _limit(ask)
    reasoning, thought, cut_off = cut(draft.reasoning, limit)
    text, written, over = cut(draft.text, limit - thought) if not cut_off else ("", 0, True)
    text, stopped = _until_stop(text, ask.stop)
    if stopped:
        written, over = estimate(text), False
    called = 0 if over else sum(estimate(call.name + call.arguments) + _CALL_TOKENS for call in draft.calls)
    over = over or thought + written + called > limit
    calls = () if over or stopped else draft.calls
    ending = at_limit if over else "tool_calls" if calls else "stop"
    return Answer(
        reasoning=reasoning,
        text=text,
        calls=calls,
        search=draft.search,
        finish_reason=ending,
        prompt_tokens=ask.prompt_tokens,
        cached_tokens=cached_tokens,
        completion_tokens=max(1, thought + written + (called if calls else 0)),
        reasoning_tokens=thought,
    )


def _limit(ask: Ask) -> tuple[int, str]:
    """The most tokens to write, and the finish reason when they are used up."""
    wanted = ask.max_tokens or ask.tier.max_output or _USUAL_OUTPUT
    if ask.tier.context is None or ask.prompt_tokens + wanted <= ask.tier.context:
        return wanted, "length"
    return max(1, ask.tier.context - ask.prompt_tokens), "model_context_window_exceeded"


def cut(text: str, limit: int) -> tuple[str, int, bool]:
    """The longest beginning of `text` within `limit` tokens, its tokens, and whether anything was lost."""
    whole = estimate(text)
    if whole <= limit:
        return text, whole, False
    if limit <= 0:
        return "", 0, True
    parts = pieces(text)
    kept = _most(len(parts), lambda n: estimate("".join(parts[:n])) <= limit)
    return "".join(parts[:kept]), limit, True


def _most(count: int, fits: Callable[[int], bool]) -> int:
    """The largest n from 0 to `count` that still fits, where fitting only ends once."""
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _until_stop(text: str, stop: str | None) -> tuple[str, bool]:
    where = text.find(stop) if stop else -1
    return (text, False) if where < 0 else (text[:where], True)


_PIECE = re.compile(r" ?[A-Za-z]{1,7}|[0-9]{1,3}|[぀-ヿ㐀-鿿가-힯]{1,2}|\s+|.", re.DOTALL)


def pieces(text: str) -> list[str]:
    """The text in the small steps in which it streams, about a token each."""
    return _PIECE.findall(text)
