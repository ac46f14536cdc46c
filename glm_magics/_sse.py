"""Server-sent events: bytes in, events out, however the bytes were cut. No I/O.

Lines end with LF, CRLF or CR and nothing else: U+2028 and its kind are text, as the specification says
(html.spec.whatwg.org, "Server-sent events"), so bytes are split before they are decoded.
"""

from __future__ import annotations

from glm_magics.errors import ProtocolError

__all__ = ["SSEParser"]

_BOM = b"\xef\xbb\xbf"
_MAX_LINE = 32 * 1024 * 1024


class SSEParser:
    """Feed it chunks; it returns `(event name, data)` pairs as they are complete. The name is usually ""."""

    __slots__ = ("_after_cr", "_data", "_event", "_line", "_line_size", "_start")

    def __init__(self) -> None:
        self._start: bytes | None = b""  # the first bytes, until it is known whether they are a mark
        self._line: list[bytes] = []  # pieces of the unfinished line
        self._line_size = 0
        self._after_cr = False
        self._data: list[bytes] = []
        self._event = b""

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        if self._start is not None:
            chunk = self._without_mark(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_plain_line_ends(chunk)
        if b"\n" not in chunk:
            if chunk:
                self._keep(chunk)
            return []
        lines = chunk.split(b"\n")
        if self._line:
            self._line.append(lines[0])
            lines[0] = b"".join(self._line)
            self._line.clear()
            self._line_size = 0
        rest = lines.pop()
        if rest:
            self._keep(rest)
        events: list[tuple[str, str]] = []
        for line in lines:
            if line:
                self._field(line)
            elif self._data:
                events.append(self._take())
            else:
                self._event = b""
        return events

    def close(self) -> list[tuple[str, str]]:
        """What is left when the data ended: an event without its blank line, perhaps cut off."""
        line = (self._start or b"") + b"".join(self._line)
        self._line.clear()
        if line:
            self._field(line)
        return [self._take()] if self._data else []

    def _field(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            return
        name, _, value = line.partition(b":")
        if name == b"event":
            self._event = value.removeprefix(b" ")
        elif name == b"data":
            self._data.append(b"")
        # a comment (empty name), `id`, `retry` and unknown fields carry nothing for us

    def _take(self) -> tuple[str, str]:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        event = (
            self._event.decode("utf-8", "replace") if self._event else "",
            data.decode("utf-8", "replace"),
        )
        self._data.clear()
        self._event = b""
        return event

    def _keep(self, piece: bytes) -> None:
        self._line.append(piece)
        self._line_size += len(piece)
        if self._line_size > _MAX_LINE:
            raise ProtocolError(f"The server sent a line of more than {_MAX_LINE >> 20} MB.")

    def _without_mark(self, chunk: bytes) -> bytes:
        """A byte order mark at the very start is dropped, even when it comes in pieces."""
        start = (self._start or b"") + chunk
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(_BOM)

    def _with_plain_line_ends(self, chunk: bytes) -> bytes:
        if not chunk:
            return chunk
        ends_with_cr = chunk.endswith(b"\r")
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the second half of a CRLF that was cut in two
        self._after_cr = ends_with_cr
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
