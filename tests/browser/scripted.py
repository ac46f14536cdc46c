"""A server inside a kernel that says what a test tells it to: `import scripted` in a cell, then `say(…)`.

The answers go through the real client and the real views, as chunks of `size` characters with `pause`
seconds in between.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from glm_magics import api
from glm_magics.client import Client, Endpoint

__all__ = ["PROSE", "Answer", "connect", "refuse", "say", "then_say"]

PROSE = (
    "The answer to this has **two parts**, and a formula: $v = \\sqrt{2 g h}$ where $h$ is the height. "
    "Water rises when it is warm; 水的密度在四度时最大。 See `numpy.linspace` for the details.\n\n"
    "- first, the *pressure* falls with height\n- second, the temperature does, too\n\n"
    "| quantity | value |\n|---|---:|\n| density | 998 |\n| height | 12 |\n\n"
    "```python\nfor step in range(10):\n    print(step, step ** 2)\n```\n\n"
)


@dataclass(frozen=True, slots=True)
class Answer:
    text: str = ""
    thinking: str = ""
    tools: Sequence[tuple[str, str]] = ()  # name, arguments
    sources: Sequence[dict[str, str]] = ()
    size: int = 4
    pause: float = 0.0
    finish: str = "stop"
    cut: bool = False  # end without saying why


_answers: list[Answer | httpx.Response] = []


def connect() -> None:
    """Make this server the one that `%%glm` asks."""
    endpoint = Endpoint("scripted", "http://scripted.invalid/api/paas/v4", currency="CNY")
    api.use_client(Client(endpoint, transport=httpx.MockTransport(_answer)), tier="glm-4.5-air")


def say(text: str = "", **options: Any) -> None:
    """What the next request is answered with; what was said before and never asked for is forgotten."""
    _answers.clear()
    _answers.append(Answer(text, **options))


def then_say(text: str, **options: Any) -> None:
    """What the request after that is answered with."""
    _answers.insert(0, Answer(text, **options))


def refuse(message: str, *, code: str = "1210", status: int = 400) -> None:
    """Refuse the next request, as the platform does."""
    _answers.clear()
    _answers.append(httpx.Response(status, json={"error": {"code": code, "message": message}}))


def _answer(request: httpx.Request) -> httpx.Response:
    answer = _answers.pop() if _answers else Answer(PROSE)
    if isinstance(answer, httpx.Response):
        return answer
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Body(answer))


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        due = time.monotonic()
        for chunk in _chunks(self._answer):
            yield chunk
            due += self._answer.pause
            time.sleep(max(0.0, due - time.monotonic()))


def _chunks(answer: Answer) -> Iterator[bytes]:
    for piece in _pieces(answer.thinking, answer.size):
        yield _event({"reasoning_content": piece})
    for piece in _pieces(answer.text, answer.size):
        yield _event({"content": piece})
    for index, (name, arguments) in enumerate(answer.tools):
        yield _event({"tool_calls": [_call(index, arguments, name=name)]})
    if answer.sources:
        yield _event({}, web_search=list(answer.sources))
    if answer.cut:
        return
    tokens = (len(answer.text) + len(answer.thinking)) // 4
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": tokens,
        "total_tokens": 12 + tokens,
        "completion_tokens_details": {"reasoning_tokens": len(answer.thinking) // 4},
    }
    yield _event({}, finish=answer.finish, usage=usage)
    yield b"data: [DONE]\n\n"


def _call(index: int, arguments: str, *, name: str) -> dict[str, Any]:
    return {
        "index": index,
        "id": f"call-{index}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def _event(delta: dict[str, Any], *, finish: str | None = None, **more: Any) -> bytes:
    body = {
        "id": "scripted",
        "model": "glm-4.5-air",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }
    return b"data: " + json.dumps(body).encode() + b"\n\n"
