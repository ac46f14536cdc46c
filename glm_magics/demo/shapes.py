"""Answers as the platform puts them on the wire: one JSON object, or server-sent events.

The shapes are those of docs.z.ai/api-reference/llm/chat-completion and of captured streams: every delta
repeats the role, the first delta of thinking and of text is a lone line break, the finish chunk carries the
usage, a tool call comes whole unless `tool_stream` asks for fragments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from glm_magics.demo.answer import Answer, pieces
from glm_magics.demo.ask import Ask, Call

__all__ = ["DONE", "Envelope", "dumps", "event", "new_id", "stream", "whole"]

DONE = b"data: [DONE]\n\n"

# json escapes what is below U+0020; these others end a line for `str.splitlines`, and a client that reads
# lines of text (httpx.iter_lines) would tear the event apart. Lone surrogates cannot be encoded at all.
_FRAGILE = re.compile("[\x85\u2028\u2029\ud800-\udfff]")
_CHINA = 8 * 3600


def dumps(value: object) -> str:
    """Compact JSON that survives being read line by line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _FRAGILE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def event(value: object) -> bytes:
    return b"data: " + dumps(value).encode() + b"\n\n"


def new_id(now: float, number: int) -> str:
    """An id as the platform makes them: the time in China, then hexadecimal digits."""
    stamp = datetime.fromtimestamp(now + _CHINA, tz=timezone.utc)
    return f"{stamp:%Y%m%d%H%M%S}{number * 2654435761 % 16**16:016x}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What surrounds every answer. `with_object=False` leaves out `object`, as the platform often does."""

    id: str
    request_id: str
    created: int
    model: str
    with_object: bool = True

    def around(self, kind: str) -> dict[str, Any]:
        head: dict[str, Any] = {"id": self.id, "created": self.created, "model": self.model}
        return head | ({"object": kind} if self.with_object else {})


def whole(answer: Answer, ask: Ask, envelope: Envelope) -> dict[str, Any]:
    """The answer in one piece."""
    reasoning, text = _spoken(answer, ask)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if reasoning:
        message["reasoning_content"] = reasoning
    if answer.calls:
        message["tool_calls"] = [_call(call, n, envelope) for n, call in enumerate(answer.calls)]
    body = envelope.around("chat.completion") | {
        "request_id": envelope.request_id,
        "choices": [{"index": 0, "finish_reason": answer.finish_reason, "message": message}],
        "usage": answer.usage,
    }
    return body | ({"web_search": [dict(result) for result in answer.search]} if answer.search else {})


def stream(
    answer: Answer, ask: Ask, envelope: Envelope, *, usage: bool = True
) -> Iterator[tuple[str, bytes]]:
    """The answer as events, each with the words it carries (to pace it by)."""
    reasoning, text = _spoken(answer, ask)
    yield from _deltas("reasoning_content", reasoning, envelope)
    yield from _deltas("content", text, envelope)
    for n, call in enumerate(answer.calls):
        for words, delta in _call_deltas(call, n, envelope, fragments=ask.tool_stream):
            yield words, event(_chunk(envelope, {"tool_calls": [delta]}))
    last = _chunk(envelope, {"content": ""}, finish_reason=answer.finish_reason)
    if usage:
        last["usage"] = answer.usage
    if answer.search:
        last["web_search"] = [dict(result) for result in answer.search]
    yield "", event(last)
    yield "", DONE


def _spoken(answer: Answer, ask: Ask) -> tuple[str, str]:
    """Thinking and text with the line breaks, or the inline tags, that the tier's generation puts there."""
    if ask.tier.id.startswith("glm-z1"):  # its thinking comes inside the content (THUDM/GLM-4#770)
        inner = f"<think>\n{answer.reasoning}\n</think>\n" if answer.reasoning else ""
        return "", inner + answer.text
    if not (ask.thinking or ask.tier.can_think):
        return "", answer.text
    reasoning = f"\n{answer.reasoning}" if answer.reasoning else ""
    return reasoning, f"\n{answer.text}" if answer.text else ""


def _deltas(name: str, text: str, envelope: Envelope) -> Iterator[tuple[str, bytes]]:
    """One event for each piece of `text`; the JSON around it is made once, since answers can be long."""
    before, after = event(_chunk(envelope, {name: "\0"})).split(b'"\\u0000"')
    for piece in _lone_break_first(text):
        yield piece, before + dumps(piece).encode() + after


def _lone_break_first(text: str) -> list[str]:
    return ["\n", *pieces(text[1:])] if text.startswith("\n") else pieces(text)


def _chunk(
    envelope: Envelope, delta: Mapping[str, Any], *, finish_reason: str | None = None
) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "delta": {"role": "assistant", **delta}}
    if finish_reason:
        choice["finish_reason"] = finish_reason
    return envelope.around("chat.completion.chunk") | {"choices": [choice]}


def _call(call: Call, index: int, envelope: Envelope) -> dict[str, Any]:
    return {
        "id": f"call_{envelope.id[-16:]}{index}",
        "index": index,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _call_deltas(
    call: Call, index: int, envelope: Envelope, *, fragments: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    made = _call(call, index, envelope)
    if not fragments:
        yield call.name + call.arguments, made
        return
    yield call.name, made | {"function": {"name": call.name, "arguments": ""}}
    for piece in pieces(call.arguments):
        yield piece, {"index": index, "function": {"arguments": piece}}
