"""What went over the wire for one request, kept for `%glm explain-request`; never the key.

The request is kept whole, of a long answer the beginning and the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

__all__ = ["Traffic"]

_KEPT_BYTES = 131_072  # at each end of an answer
_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key"})


@dataclass(eq=False, slots=True)
class Traffic:
    """The last attempt of one request; `attempts` says how many there were, 0 that nothing was sent.

    `status` is None until an answer begins. `begin` and `end` are bytes of the answer: it is `begin` alone
    where that is all of `received`.
    """

    label: str = ""
    attempts: int = 0
    method: str = ""
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    status: int | None = None
    content_type: str = ""
    received: int = 0
    begin: bytearray = field(default_factory=bytearray, repr=False)
    end: bytearray = field(default_factory=bytearray, repr=False)

    def request(self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """A request as it goes out. What a header or the address holds of credentials is not kept."""
        self.method, self.url, self.body = method, _without_credentials(url), body
        self.headers = tuple((name, _masked(name, value)) for name, value in headers)
        self.status, self.content_type, self.received = None, "", 0
        self.begin.clear()
        self.end.clear()

    def response(self, status: int, content_type: str) -> None:
        self.status, self.content_type = status, content_type

    def chunk(self, data: bytes) -> None:
        self.received += len(data)
        room = _KEPT_BYTES - len(self.begin)
        if room > 0:
            self.begin += data[:room]
            data = data[room:]
        if data:
            self.end += data
            if len(self.end) > 2 * _KEPT_BYTES:  # seldom, so that each byte is moved once
                del self.end[:-_KEPT_BYTES]

    @property
    def is_whole(self) -> bool:
        return self.received == len(self.begin) + len(self.end)


def _masked(name: str, value: str) -> str:
    if name.lower() not in _SECRET:
        return value
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} ****" if blank else "****"


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
