"""The figures and words around an answer, the same in every view; and the record kept with the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_magics._stream import Progress
    from glm_magics.chat import Completion, Cost, Usage

__all__ = [
    "asking_again",
    "count",
    "ending",
    "facts",
    "facts_so_far",
    "footer",
    "record",
    "sources",
    "status",
    "thinking_summary",
    "title",
]

_PATIENCE_SECONDS = 15.0

_ENDINGS = {
    "stop": "Done",
    "length": "Cut off at the token limit",
    "tool_calls": "Asks for a tool",
    "model_context_window_exceeded": "Cut off: the context window is full",
    "interrupted": "Interrupted",
    "stopped": "Stopped",
    "sensitive": "Withheld by the platform's content filter",
    "network_error": "Broken off by the platform",
}


def footer(completion: Completion, budget_left: Cost | None = None) -> str:
    """The line under an answer: how it ended (unless as it should), tier, tokens, speed, money.

    Only what is known: "glm-4.5-air · 812 in (128 cached) + 345 out (210 thinking) tokens · 41 tokens/s ·
    first 0.4 s · 8.2 s · 0.0021 CNY · 4.99 CNY left · offline demo".
    """
    ended = [] if completion.finish_reason == "stop" else [ending(completion)]
    return " · ".join(ended + facts(completion, budget_left))


def facts(completion: Completion, budget_left: Cost | None = None) -> list[str]:
    """The footer's parts, but for how the answer ended."""
    figures = _figures(
        completion.usage,
        completion.tokens_per_second,
        completion.first_token_seconds,
        completion.seconds,
        None if completion.recorded else completion.cost,
        budget_left,
    )
    return [title(completion), *figures, *_origin(completion)]


def _origin(completion: Completion) -> list[str]:
    """Where an answer comes from, unless from a server: nothing was paid for it now."""
    if completion.recorded:
        cost = completion.cost
        return [f"recorded {completion.recorded}" + (f" for {cost}" if cost and cost.amount else "")]
    return ["offline demo"] if completion.endpoint == "demo" else []


def facts_so_far(progress: Progress, budget_left: Cost | None = None) -> list[str]:
    """The same figures while the answer streams."""
    streamed = progress.seconds - (progress.first_token_seconds or 0.0)
    begun = progress.first_token_seconds is not None and streamed > 1.0
    return _figures(
        progress.usage,
        progress.usage.output_tokens / streamed if begun else None,
        progress.first_token_seconds,
        float(int(progress.seconds)),
        progress.cost if progress.usage.output_tokens else None,
        budget_left,
    )


def status(progress: Progress) -> str:
    """What is going on, in a word or two."""
    match progress.phase:
        case "waiting":
            waiting = "Still waiting" if progress.seconds > _PATIENCE_SECONDS else "Waiting"
            return f"{waiting}: {progress.note}" if progress.note else waiting
        case "reading":
            return f"Reading: {progress.note}"
        case "thinking":
            return "Thinking"
        case "answering":
            return "Answering"
        case "calling a tool":
            return "Calling a tool"
        case "done":
            return "Done"


def ending(completion: Completion) -> str:
    """How it ended, in a few words."""
    came = completion.text or completion.reasoning or completion.tool_calls
    return _ENDINGS.get(completion.finish_reason, "Incomplete" if came else "No answer")


def asking_again(problems: Sequence[str]) -> str:
    """What a reader is told when an answer was refused, and why."""
    return f"Asking again: {problems[0]}" if problems else "Asking again"


def count(number: int, noun: str) -> str:
    """`1 row`, `1,234 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def thinking_summary(seconds: float, tokens: int, *, over: bool) -> str:
    parts = [f"Thought for {_time(seconds)}" if over else f"Thinking {_time(float(int(seconds)))}"]
    if tokens:
        parts.append(f"{tokens:,} tokens")
    return " · ".join(parts)


def title(completion: Completion) -> str:
    """The tier that was asked for, and the one that answered if that is another."""
    asked, served = completion.model, completion.served_model
    return asked if not served or served.lower() == asked.lower() else f"{asked} ({served})"


def sources(completion: Completion) -> str:
    """The parts of documents that an answer rests on, as a list in Markdown; "" where there are none."""
    if not completion.shown_sources:
        return ""
    return "\n\n" + "\n".join(f"- {source}" for source in completion.shown_sources)


def record(completion: Completion) -> dict[str, Any]:
    """What an output's metadata keeps of an answer, for programs: never the prompt, never a key. `data`
    says what of the notebook's variables was sent."""
    usage, cost = completion.usage, completion.cost
    images = {"images": [asdict(image) for image in completion.images]} if completion.images else {}
    return {
        "version": 1,
        "tier": completion.model,
        "served_model": completion.served_model,
        "endpoint": completion.endpoint,
        "finish_reason": completion.finish_reason,
        "usage": {
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "estimated": usage.estimated,
        },
        "cost": cost and {"amount": str(cost.amount), "currency": cost.currency, "estimated": cost.estimated},
        "id": completion.id,
        "request_id": completion.request_id,
        "started": _iso(completion.started),
        "seconds": round(completion.seconds, 3),
        "first_token_seconds": _rounded(completion.first_token_seconds),
        "thinking_seconds": round(completion.thinking_seconds, 3),
        "data": [asdict(item) | {"masked": list(item.masked)} for item in completion.data],
        **images,
    }


def _figures(
    usage: Usage,
    tokens_per_second: float | None,
    first_token_seconds: float | None,
    seconds: float,
    cost: Cost | None,
    budget_left: Cost | None,
) -> list[str]:
    figures = [_tokens(usage)] if usage.total_tokens else []
    if tokens_per_second is not None and usage.output_tokens:
        figures.append(f"{tokens_per_second:,.0f} tokens/s")
    if first_token_seconds is not None:
        figures.append(f"first {_time(first_token_seconds)}")
    figures.append(_time(seconds))
    if cost is not None:
        figures.append(str(cost) if cost.amount else "free")
    if budget_left is not None:
        figures.append(f"{budget_left} left")
    return figures


def _tokens(usage: Usage) -> str:
    about = "≈ " if usage.estimated else ""
    cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
    thinking = f" ({usage.reasoning_tokens:,} thinking)" if usage.reasoning_tokens else ""
    return f"{about}{usage.input_tokens:,} in{cached} + {usage.output_tokens:,} out{thinking} tokens"


def _time(seconds: float) -> str:
    if seconds >= 120:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    whole = seconds >= 10 or seconds == int(seconds)
    return f"{seconds:.0f} s" if whole else f"{seconds:.1f} s"


def _iso(started: float) -> str | None:
    if not started:
        return None
    return datetime.fromtimestamp(started, timezone.utc).isoformat(timespec="seconds")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
