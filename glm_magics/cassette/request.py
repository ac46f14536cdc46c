"""A request in its canonical form: the same text for the same question, whenever and by whom it is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

__all__ = ["RECORDED_PATHS", "Asked", "asked", "dumps"]

RECORDED_PATHS = frozenset({"/chat/completions", "/tokenizer", "/models", "/embeddings"})

_NEW_EACH_TIME = "request_id"
_LONGEST_URL = 256  # of an image: what is longer is the image itself


def dumps(value: Any) -> str:
    """Compact JSON, in the order the value has."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Asked:
    """What was asked: `body` is sorted, without the request id, and with digests for images."""

    method: str
    path: str
    body: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        return dumps(self.value)

    @property
    def value(self) -> dict[str, Any]:
        return {"method": self.method, "path": self.path, "body": self.body}

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits that stand for it."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def label(self) -> str:
        """The request in a few words: its model and the beginning of its last message."""
        words = " ".join(self.question.split())
        shown = f"{words[:57]}…" if len(words) > 58 else words
        model = self.body.get("model", "")
        return f"{model}: {shown!r}" if shown else f"{self.method} {self.path} {model}".rstrip()

    @property
    def question(self) -> str:
        """The words of the last message; "" where there is none."""
        messages = self.body.get("messages")
        last = messages[-1] if isinstance(messages, list) and messages else {}
        content = last.get("content") if isinstance(last, dict) else ""
        if isinstance(content, list):
            content = "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        return content if isinstance(content, str) else ""


def asked(method: str, path: str, content: bytes) -> Asked | None:
    """The canonical form of a request to `path` below the base address; None for what is not recorded."""
    if path.split("?", 1)[0] not in RECORDED_PATHS:
        return None
    try:
        body = json.loads(content) if content else {}
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    return from_value({"method": method, "path": path, "body": body})


def from_value(value: Mapping[str, Any]) -> Asked:
    """`Asked` from the `request` of a line. Raises `KeyError` or `TypeError` for what is none."""
    body = {name: part for name, part in value["body"].items() if name != _NEW_EACH_TIME}
    return Asked(str(value["method"]), str(value["path"]), _settled(body))


def _settled(value: Any) -> Any:
    """Sorted, whole numbers without a point, and images as digests."""
    if isinstance(value, dict):
        return {
            name: _image(value[name]) if name == "url" else _settled(value[name]) for name in sorted(value)
        }
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def _image(url: Any) -> Any:
    if not isinstance(url, str) or len(url) <= _LONGEST_URL:
        return url
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{digest} of {len(url):,} characters"
