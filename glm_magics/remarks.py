"""What a reader should be told about an answer, in plain words: cut off, empty, eaten by thinking."""

from __future__ import annotations

from collections.abc import Iterator

from glm_magics._lang import _
from glm_magics._tier import Tier
from glm_magics.chat import Attached, ChatRequest, Completion

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
        yield _("The context window of {tier} is full: send less, or a tier with a longer one.").format(
            tier=tier.id
        )
    elif reason == "interrupted":
        yield _("Interrupted: this is what had come.")
    elif reason == "stopped":
        yield _("Stopped: this is what had come.")
    elif reason == "incomplete":
        yield _("Cut off: the connection ended before the answer did.")
    elif completion.complete and not completion.text.strip() and not completion.tool_calls:
        yield _("The answer is empty.")
    if completion.served_model and _differs(completion.served_model, request.model):
        yield _("Answered by {served}, though {asked} was asked for and priced.").format(
            served=completion.served_model, asked=request.model
        )
    if tier.status == "leaving":
        yield _("{tier} is announced to go offline.").format(tier=tier.id)
    yield from (_coverage(item) for message in request.messages for item in message.data if item.rows)


def _coverage(table: Attached) -> str:
    """Whether the answer rests on all rows of a table."""
    whole = _("the {rows:,} rows of {name}").format(rows=table.rows, name=table.name)
    if table.privacy == "schema":
        said = _(
            "No value of {whole} was sent: the answer rests on names, types and counts (privacy schema)."
        ).format(whole=whole)
    elif table.privacy == "stats":
        said = _("No single row of {whole} was sent: the answer rests on aggregates (privacy stats).").format(
            whole=whole
        )
    elif table.sent_rows == table.rows:
        said = _("All {rows:,} rows of {name} were sent.").format(rows=table.rows, name=table.name)
    else:
        said = _("{sent:,} of {whole} were sent, with figures about the rest.").format(
            sent=table.sent_rows, whole=whole
        )
    return said + (_(" Withheld: {columns}.").format(columns=", ".join(table.masked)) if table.masked else "")


def _cut_off(request: ChatRequest, tier: Tier, completion: Completion) -> str:
    usage = completion.usage
    limit = request.max_tokens or tier.max_output
    of = _(" of {limit:,}").format(limit=limit) if limit else ""
    thinking = usage.reasoning_tokens or (usage.output_tokens if completion.reasoning else 0)
    if completion.reasoning and not completion.text.strip():
        spent = _("Thinking used {thinking:,}{of} tokens, nothing left for the answer.").format(
            thinking=thinking, of=of
        )
        return _("{told} Try {ways}.").format(told=spent, ways=_ways_out(tier, limit))
    more = (
        _(": raise --max-tokens (up to {most:,})").format(most=tier.max_output)
        if _can_grow(tier, limit)
        else ""
    )
    return _("Cut off after {tokens:,}{of} tokens{more}.").format(
        tokens=usage.output_tokens, of=of, more=more
    )


def _ways_out(tier: Tier, limit: int | None) -> str:
    ways = []
    if _can_grow(tier, limit):
        ways.append(f"--max-tokens {min((limit or 0) * 4, tier.max_output or 0)}")
    if tier.efforts:
        ways.append(f"--effort {tier.efforts[0]}")
    if tier.can_skip_thinking:
        ways.append("--no-think")
    return _(" or ").join(ways) or _("a shorter question")


def _can_grow(tier: Tier, limit: int | None) -> bool:
    return tier.max_output is not None and limit is not None and limit < tier.max_output


def _differs(served: str, asked: str) -> bool:
    """Servers add revisions and folders to a name; only another model is worth a word."""
    served, asked = served.lower(), asked.lower()
    return asked.rpartition("/")[2] not in served and served not in asked
