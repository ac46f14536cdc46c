"""Requests over several files, each within the platform's limits. Pure: sizes in, numbers of files out."""

from __future__ import annotations

from dataclasses import dataclass

from glm_magics import _wire_batch as wire
from glm_magics.errors import RequestError

__all__ = ["FileLimits", "Splitter"]


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What one file of requests may hold."""

    requests: int = wire.MOST_REQUESTS
    bytes: int = wire.MOST_BYTES


class Splitter:
    """Fills one file after the other, in the order of the requests."""

    def __init__(self, limits: FileLimits) -> None:
        self._limits = limits
        self._part = 0
        self._requests = self._bytes = 0

    def place(self, size: int) -> int:
        """The number of the file, from 1, for a line of `size` bytes.

        Raises `RequestError` for a line that no file can hold.
        """
        limits = self._limits
        if size > limits.bytes:
            raise RequestError(
                f"One request has {size:,} bytes; a file of requests holds {limits.bytes:,}.",
                hint="Shorten the longest texts. Nothing was sent.",
            )
        is_full = self._requests >= limits.requests or self._bytes + size > limits.bytes
        if is_full or not self._part:
            self._part += 1
            self._requests = self._bytes = 0
        self._requests += 1
        self._bytes += size
        return self._part
