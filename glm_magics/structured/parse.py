"""The JSON in an answer: the whole text, or what stands in a code fence, or the outermost brackets in prose.

Strict: nothing is repaired and nothing is guessed. An answer that holds no whole JSON value is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["find_json"]

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*(\w*)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE)
_decoder = json.JSONDecoder()


def find_json(text: str) -> list[Any] | dict[str, Any]:
    """The first JSON array or object in `text`. Raises `ValueError` when there is none, or it is cut off."""
    for candidate in _candidates(text.strip().removeprefix("\ufeff")):
        try:
            value = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(value, (list, dict)):
            return value
    return _in_prose(text)


def _candidates(text: str) -> Iterator[str]:
    yield text
    for _, language, body in _FENCE.findall(text):
        if language.lower() in ("", "json", "json5"):
            yield body


def _in_prose(text: str) -> list[Any] | dict[str, Any]:
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    if start >= 0:
        try:
            value, end = _decoder.raw_decode(text, start)
        except ValueError:
            raise ValueError(
                f"The JSON in the answer is broken or cut off: {text[start : start + 80]!r}…"
            ) from None
        if isinstance(value, (list, dict)) and not text[end:].lstrip().startswith(("{", "[")):
            return value
        raise ValueError("The answer holds several JSON values; which one is meant is not clear.")
    raise ValueError(f"There is no JSON array or object in the answer: {text[:80]!r}")
