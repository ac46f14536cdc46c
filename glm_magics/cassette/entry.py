"""One line of a cassette: a request, and all that is kept of its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from glm_magics.cassette.chunks import Chunk, decode, encode, spoken
from glm_magics.cassette.request import Asked, dumps, from_value

__all__ = ["KEY_AT", "KEY_LENGTH", "LINE_START", "Entry", "line_of", "read_entry"]

LINE_START = b'{"key":"'
_STREAM = "text/event-stream"
_SPOKEN = ("reasoning_content", "reasoning", "content", "arguments")
KEY_AT, KEY_LENGTH = len(LINE_START), 32


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer as it came: `at` is when it was asked for (ISO 8601, UTC), `type` the content type.

    `retry_after` is what a refusal said, in seconds; `location` the scheme and host a redirect led to. `end`
    is "" for a body that was read to its end, "silent" for one that never ended, or the name of the `httpx`
    error that broke it off, with its words in `why`.

    The file also has `said`, what the pieces of a stream say together: for its readers, a replay ignores it.
    """

    asked: Asked
    at: str
    status: int
    type: str
    chunks: tuple[Chunk, ...]
    retry_after: float | None = None
    location: str = ""
    end: str = ""
    why: str = ""

    @property
    def day(self) -> str:
        return self.at[:10]

    @property
    def body(self) -> bytes:
        return b"".join(data for _, data in self.chunks)

    def value(self) -> dict[str, Any]:
        """What is written of it; the order is that of the file."""
        every, written = encode(self.chunks)
        optional = {
            "retry_after": self.retry_after,
            "location": self.location,
            "end": self.end,
            "why": self.why,
            "said": _said(self.body) if self.type.startswith(_STREAM) else {},
            "every": every,
        }
        return {
            "key": self.asked.key,
            "at": self.at,
            "request": self.asked.value,
            "status": self.status,
            "type": self.type,
            **{name: value for name, value in optional.items() if value not in (None, "", {})},
            "chunks": written,
        }

    def line(self) -> bytes:
        return line_of(self.value())


def _said(body: bytes) -> dict[str, str]:
    together = spoken(body)
    return {name: together[name] for name in _SPOKEN if together.get(name)}


def line_of(value: dict[str, Any]) -> bytes:
    """A value as a line of the file; bytes that are no text keep to escapes, which UTF-8 can hold."""
    try:
        return dumps(value).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def read_entry(line: bytes) -> Entry:
    """The entry of a line; a damaged one raises `ValueError`, `KeyError`, `TypeError` or `AttributeError`."""
    value = json.loads(line)
    return Entry(
        asked=from_value(value["request"]),
        at=str(value["at"]),
        status=int(value["status"]),
        type=str(value["type"]),
        chunks=tuple(decode(value.get("every", {}), value["chunks"])),
        retry_after=value.get("retry_after"),
        location=str(value.get("location", "")),
        end=str(value.get("end", "")),
        why=str(value.get("why", "")),
    )
