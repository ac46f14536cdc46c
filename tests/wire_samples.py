"""One long answer as bytes, and what it says: thinking, text in many scripts, tool calls, usage."""

from __future__ import annotations

import json
from typing import Any

REASONING = "Let me think: 先想一想。\u2028Two\u2029para\u0085graphs 🤔 done."
TEXT = "你好, world! 🎉🎊 naïve — “quotes” \u2028 line \u2029 para \u0085 next\r\n\tcode: `{{x}}` </done> 👩‍👩‍👧 end."
ARGUMENTS = '{"city": "北京", "unit": "°C", "note": "🎈"}'


def _chunk(delta: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"id": "20261121abc", "created": 1770690338, "model": "glm-test"}
    finish = more.pop("finish_reason", None)
    if delta is not None:
        choice: dict[str, Any] = {"index": 0, "delta": delta}
        if finish:
            choice["finish_reason"] = finish
        body["choices"] = [choice]
    return body | more


def _pieces(text: str, size: int) -> list[str]:
    """By UTF-16 units, as servers in JavaScript cut: an emoji can come apart into two surrogates."""
    units = text.encode("utf-16-le")
    return [
        units[at : at + 2 * size].decode("utf-16-le", "surrogatepass")
        for at in range(0, len(units), 2 * size)
    ]


def _line(body: Any, *, ascii_only: bool) -> bytes:
    text = json.dumps(body, ensure_ascii=ascii_only, separators=(",", ":"))
    return b"data: " + text.encode()


def lines() -> list[bytes]:
    """The events as lines without their ends; some in UTF-8, some with escapes, as servers differ."""
    bodies: list[tuple[dict[str, Any], bool]] = [
        (_chunk({"role": "assistant", "reasoning_content": "\n"}), False)
    ]
    bodies += [(_chunk({"reasoning_content": piece}), True) for piece in _pieces(REASONING, 5)]
    bodies += [(_chunk({"content": "\n"}), False)]
    bodies += [(_chunk({"content": piece}), True) for piece in _pieces(TEXT, 3)]
    bodies += [(_chunk({"content": TEXT}), False)]
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    bodies += [(_chunk({"tool_calls": [call]}), False)]
    bodies += [
        (_chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}), True)
        for piece in _pieces(ARGUMENTS, 4)
    ]
    bodies += [(_chunk({}, finish_reason="tool_calls"), False)]
    counts = {"prompt_tokens": 9, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 7}}
    bodies += [(_chunk(None, choices=[], usage=counts), False)]
    return [_line(body, ascii_only=ascii_only) for body, ascii_only in bodies]


def stream_bytes(end: bytes = b"\n", *, mark: bool = False, done: bool = True) -> bytes:
    parts = [b"\xef\xbb\xbf" if mark else b"", b": hello" + end + end]
    parts += [line + end + end for line in lines()]
    parts += [b"data: [DONE]" + end + end] if done else []
    return b"".join(parts)


EXPECTED_TEXT = TEXT + TEXT
EXPECTED_REASONING = REASONING
