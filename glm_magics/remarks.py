"""What a reader should be told about an answer, in plain words: cut off, empty, eaten by thinking."""

from __future__ import annotations

from collections.abc import Iterator

from glm_magics._tier import Tier
from glm_magics.chat import ChatRequest, Completion

__all__ = ["remarks"]


def remarks(request: ChatRequest, tier: Tier, completion: Completion) -> tuple[str, ...]:
    """Sentences for `Completion.notes`; () when all went as one would expect."""
    return tuple(_remarks(request, tier, completion))


def _remarks(request: ChatRequest, tier: Tier, completion: Completion) -> Iterator[str]:
    yield from (image.note for message in request.messages for image in message.images if image.note)
    reason = completion.finish_reason
    if reason == "length":
        yield _cut_off(request, tier, completion)
    elif reason == "model_context_window_exceeded":
        yield f"The context window of {tier.id} is full: send less, or a tier with a longer one."
    elif reason == "interrupted":
        yield "Interrupted: this is what had come."
    elif reason == "stopped":
        yield "Stopped: this is what had come."
    elif reason == "incomplete":
        yield "Cut off: the connection ended before the answer did."
    elif completion.complete and not completion.text.strip() and not completion.tool_calls:
        yield "The answer is empty."
    if completion.served_model and _differs(completion.served_model, request.model):
        yield f"Answered by {completion.served_model}, though {request.model} was asked for and priced."
    if tier.status == "leaving":
        yield f"{tier.id} is announced to go offline."


def _cut_off(request: ChatRequest, tier: Tier, completion: Completion) -> str:
    usage = completion.usage
    limit = request.max_tokens or tier.max_output
    of = f" of {limit:,}" if limit else ""
    thinking = usage.reasoning_tokens or (usage.output_tokens if completion.reasoning else 0)
    if completion.reasoning and not completion.text.strip():
        spent = f"Thinking used {thinking:,}{of} tokens, nothing left for the answer."
        return f"{spent} Try {_ways_out(tier, limit)}."
    more = f": raise --max-tokens (up to {tier.max_output:,})" if _can_grow(tier, limit) else ""
    return f"Cut off after {usage.output_tokens:,}{of} tokens{more}."


def _ways_out(tier: Tier, limit: int | None) -> str:
    ways = []
    if _can_grow(tier, limit):
        ways.append(f"--max-tokens {min((limit or 0) * 4, tier.max_output or 0)}")
    if tier.efforts:
        ways.append(f"--effort {tier.efforts[0]}")
    if tier.can_skip_thinking:
        ways.append("--no-think")
    return " or ".join(ways) or "a shorter question"


def _can_grow(tier: Tier, limit: int | None) -> bool:
    return tier.max_output is not None and limit is not None and limit < tier.max_output


def _differs(served: str, asked: str) -> bool:
    """Servers add revisions and folders to a name; only another model is worth a word."""
    served, asked = served.lower(), asked.lower()
    return asked.rpartition("/")[2] not in served and served not in asked
