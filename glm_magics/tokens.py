"""How many tokens a text has, roughly: a local count by character classes, no vocabulary needed.

GLM's vocabulary is a byte-level BPE of about 151,000 entries, close to cl100k with more Chinese. The rule
follows how such vocabularies cut text: words by length, digits by threes, Chinese below one a character.
It is an estimate, for budgets and live counters; `Client.count_tokens` asks the platform for the exact one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable

from glm_magics.chat import ChatRequest, ImagePart, Message

__all__ = ["MESSAGE_OVERHEAD", "estimate", "estimate_input", "estimate_messages"]

MESSAGE_OVERHEAD = 5  # role marks and separators around each message, in tokens
IMAGE_TOKENS = 1_600  # upper end of what one picture costs on the vision tiers

_RUN = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<digits>[0-9]+)|(?P<space>\s+)"
    r"|(?P<cjk>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff\uf900-\ufaff]+)"
    r"|(?P<ascii_mark>[!-/:-@\[-`{-~]+)|(?P<other>[^\x00-\x7f])|(?P<control>.)",
    re.DOTALL,
)


def estimate(text: str) -> int:
    """Tokens in `text`; 0 for an empty one."""
    return math.ceil(
        sum(
            _WEIGHT[match.lastgroup or ""](match.end() - match.start(), match[0])
            for match in _RUN.finditer(text)
        )
    )


def estimate_input(request: ChatRequest) -> int:
    """Input tokens of a request: its messages and the functions it offers."""
    return estimate_messages(request.messages) + sum(
        MESSAGE_OVERHEAD + estimate(f"{tool.name} {tool.description} {json.dumps(dict(tool.parameters))}")
        for tool in request.tools
    )


def estimate_messages(messages: Iterable[Message]) -> int:
    """Input tokens of a conversation, with what the chat format adds."""
    total = MESSAGE_OVERHEAD
    for message in messages:
        total += MESSAGE_OVERHEAD + estimate(message.text) + estimate(message.reasoning or "")
        total += sum(
            estimate(call.name) + estimate(call.arguments) + MESSAGE_OVERHEAD for call in message.tool_calls
        )
        if not isinstance(message.content, str):
            total += sum(IMAGE_TOKENS for part in message.content if isinstance(part, ImagePart))
    return total


def _word(length: int, _: str) -> float:
    return 1.0 if length <= 7 else 1.0 + (length - 7) / 4.5


def _space(length: int, run: str) -> float:
    # a single blank belongs to the word behind it; indentation and blank lines are tokens of their own
    return 0.0 if run == " " else 1.0 if length <= 16 else length / 16


_WEIGHT: dict[str, Callable[[int, str], float]] = {
    "word": _word,
    "digits": lambda length, _: math.ceil(length / 3),
    "space": _space,
    "cjk": lambda length, _: length * 0.75,
    "ascii_mark": lambda length, _: max(1.0, length * 0.6),
    "other": lambda length, _: 1.5,
    "control": lambda length, _: 1.0,
}
