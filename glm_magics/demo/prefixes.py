"""The context cache: how much of a prompt began an earlier one. Implicit, as on the platform.

Prompts are remembered as hashes of their beginnings, one for each block, so a look-up costs one pass.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator

from glm_magics.tokens import estimate

__all__ = ["STEP_TOKENS", "Prefixes"]

STEP_TOKENS = 64  # cached tokens are counted in steps of this size
_BLOCK_CHARACTERS = 128
_REMEMBERED_BLOCKS = 100_000


class Prefixes:
    """Remembers the beginnings of prompts, the recent ones."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Hashable, bytes], None] = OrderedDict()
        self._lock = threading.Lock()

    def shared(self, owner: Hashable, prompt: str, *, most: int) -> int:
        """Tokens at the beginning of `prompt` that this owner sent before, at most `most`; remembers it."""
        blocks = [(owner, digest) for digest in _beginnings(prompt)]
        with self._lock:
            known = next((n for n, block in enumerate(blocks) if block not in self._known), len(blocks))
            for block in blocks:
                self._known[block] = None
                self._known.move_to_end(block)
            while len(self._known) > _REMEMBERED_BLOCKS:
                self._known.popitem(last=False)
        tokens = min(estimate(prompt[: known * _BLOCK_CHARACTERS]), most)
        return max(0, tokens // STEP_TOKENS * STEP_TOKENS)


def _beginnings(prompt: str) -> Iterator[bytes]:
    """A digest for each whole block, which stands for everything up to its end."""
    running = hashlib.blake2b(digest_size=12)
    for end in range(_BLOCK_CHARACTERS, len(prompt) + 1, _BLOCK_CHARACTERS):
        running.update(prompt[end - _BLOCK_CHARACTERS : end].encode("utf-8", "surrogatepass"))
        yield running.digest()
