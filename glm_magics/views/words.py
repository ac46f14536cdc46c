"""The figures and words around an answer, the same in every view; and the record kept with the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from glm_magics._lang import N_, _

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
    "of_widget",
    "record",
    "sources",
    "status",
    "thinking_summary",
    "title",
]

_PATIENCE_SECONDS = 15.0

_ENDINGS = {
    "stop": N_("Done"),
    "length": N_("Cut off at the token limit"),
    "tool_calls": N_("Asks for a tool"),
    "model_context_window_exceeded": N_("Cut off: the context window is full"),
    "interrupted": N_("Interrupted"),
    "stopped": N_("Stopped"),
    "sensitive": N_("Withheld by the platform's content filter"),
    "network_error": N_("Broken off by the platform"),
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
        if cost and cost.amount:
            return [_("recorded {date} for {cost}").format(date=completion.recorded, cost=cost)]
        return [_("recorded {date}").format(date=completion.recorded)]
    return [_("offline demo")] if completion.endpoint == "demo" else []


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
            waiting = _("Still waiting") if progress.seconds > _PATIENCE_SECONDS else _("Waiting")
            return (
                _("{doing}: {what}").format(doing=waiting, what=progress.note) if progress.note else waiting
            )
        case "reading":
            return _("Reading: {what}").format(what=progress.note)
        case "thinking":
            return _("Thinking")
        case "answering":
            return _("Answering")
        case "calling a tool":
            return _("Calling a tool")
        case "done":
            return _("Done")


def ending(completion: Completion) -> str:
    """How it ended, in a few words."""
    came = completion.text or completion.reasoning or completion.tool_calls
    ended = _ENDINGS.get(completion.finish_reason, N_("Incomplete") if came else N_("No answer"))
    return _(ended)


def asking_again(problems: Sequence[str]) -> str:
    """What a reader is told when an answer was refused, and why."""
    return _("Asking again: {problem}").format(problem=problems[0]) if problems else _("Asking again")


def count(number: int, noun: str) -> str:
    """`1 row`, `1,234 rows`; `noun` is one of `_COUNTED`."""
    one, many = _COUNTED[noun]
    counted = one if number == 1 else many
    return _(counted).format(number=number)


_COUNTED = {
    "row": (N_("{number:,} row"), N_("{number:,} rows")),
    "column": (N_("{number:,} column"), N_("{number:,} columns")),
    "field": (N_("{number:,} field"), N_("{number:,} fields")),
}


def thinking_summary(seconds: float, tokens: int, *, over: bool) -> str:
    told = _("Thought for {time}") if over else _("Thinking {time}")
    parts = [told.format(time=_time(seconds if over else float(int(seconds))))]
    if tokens:
        parts.append(_("{tokens:,} tokens").format(tokens=tokens))
    return " · ".join(parts)


def of_widget() -> dict[str, str]:
    """The widget's own words by their English, where they are others."""
    translated = {
        "Answer": _("Answer"),
        "Answer of": _("Answer of"),
        "Answers side by side": _("Answers side by side"),
        "Copied": _("Copied"),
        "Copy": _("Copy"),
        "Copy the answer": _("Copy the answer"),
        "Not copied": _("Not copied"),
        "Row": _("Row"),
        "Rows": _("Rows"),
        "Stop": _("Stop"),
        "Stop generating": _("Stop generating"),
        "Stopping": _("Stopping"),
        "Table": _("Table"),
        "Thinking": _("Thinking"),
        "To stop, use the notebook's own stop button": _("To stop, use the notebook's own stop button"),
    }
    return {english: words for english, words in translated.items() if words != english}


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
        figures.append(_("{rate:,.0f} tokens/s").format(rate=tokens_per_second))
    if first_token_seconds is not None:
        figures.append(_("first {time}").format(time=_time(first_token_seconds)))
    figures.append(_time(seconds))
    if cost is not None:
        figures.append(str(cost) if cost.amount else _("free"))
    if budget_left is not None:
        figures.append(_("{money} left").format(money=budget_left))
    return figures


def _tokens(usage: Usage) -> str:
    about = "≈ " if usage.estimated else ""
    cached = _(" ({tokens:,} cached)").format(tokens=usage.cached_tokens) if usage.cached_tokens else ""
    thinking = (
        _(" ({tokens:,} thinking)").format(tokens=usage.reasoning_tokens) if usage.reasoning_tokens else ""
    )
    return _("{about}{input:,} in{cached} + {output:,} out{thinking} tokens").format(
        about=about, input=usage.input_tokens, cached=cached, output=usage.output_tokens, thinking=thinking
    )


def _time(seconds: float) -> str:
    if seconds >= 120:
        minutes, rest = divmod(round(seconds), 60)
        return _("{minutes} min {rest} s").format(minutes=minutes, rest=rest)
    whole = seconds >= 10 or seconds == int(seconds)
    return (_("{seconds:.0f} s") if whole else _("{seconds:.1f} s")).format(seconds=seconds)


def _iso(started: float) -> str | None:
    if not started:
        return None
    return datetime.fromtimestamp(started, timezone.utc).isoformat(timespec="seconds")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
