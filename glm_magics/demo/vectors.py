"""Embeddings without a model: hashed character n-grams, so that similar texts lie near each other."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter

__all__ = ["EMBEDDING_MODELS", "embed"]

# model -> (dimensions on offer, the first being the default; most tokens per text)
EMBEDDING_MODELS: dict[str, tuple[tuple[int, ...], int]] = {
    "embedding-3": ((2048, 256, 512, 1024), 3072),
    "embedding-2": ((1024,), 512),
}


def embed(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 (all zeros for a text without a single word), the same for the same text."""
    vector = [0.0] * dimensions
    for gram, count in _grams(text).items():
        code = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
        sign = 1.0 if code & 1 else -1.0
        vector[(code >> 1) % dimensions] += sign * (1.0 + math.log(count))
    norm = math.sqrt(sum(value * value for value in vector))
    return [round(value / norm, 8) for value in vector] if norm else vector


def _grams(text: str) -> Counter[str]:
    """Words, and the one to three neighbouring characters inside them (one suffices for Chinese)."""
    grams: Counter[str] = Counter()
    for word in re.findall(r"\w+", text.lower()):
        padded = f"<{word}>"
        grams[padded] += 1
        grams.update(padded[i : i + 3] for i in range(len(padded) - 2))
        grams.update(char for char in word if ord(char) > 0x2E7F)
    return grams
