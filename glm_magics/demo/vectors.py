"""Embeddings without a model: hashed words and character n-grams, so that similar texts lie near each other.

There is no real meaning in them: what makes two texts similar is that they share words, parts of words, or
words that the demo's small list takes for the same (`demo.synonyms`). Figures found with them say nothing
about those of a model.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter

from glm_magics.demo.synonyms import EMPTY_WORDS, folded

__all__ = ["embed", "likeness"]

# How much a word weighs, a number, an n-gram of a word, and a word that says little.
_WORD, _NUMBER, _PART, _EMPTY = 3.0, 4.0, 0.5, 0.2


def embed(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 (all zeros for a text without a single word), the same for the same text."""
    vector = [0.0] * dimensions
    for gram, weight in _weights(text).items():
        code = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
        vector[(code >> 1) % dimensions] += weight if code & 1 else -weight
    norm = math.sqrt(sum(value * value for value in vector))
    return [round(value / norm, 8) for value in vector] if norm else vector


def likeness(one: str, other: str) -> float:
    """The cosine of two texts, from -1 to 1; what their vectors would have without the hashing."""
    left, right = _weights(one), _weights(other)
    shared = sum(weight * right[gram] for gram, weight in left.items() if gram in right)
    norms = math.sqrt(sum(w * w for w in left.values()) * sum(w * w for w in right.values()))
    return shared / norms if norms else 0.0


def _weights(text: str) -> dict[str, float]:
    """Words, and the neighbouring characters inside them (single ones suffice for Chinese), with their
    weight; the second mention of a word adds little."""
    counts: Counter[str] = Counter()
    weights: dict[str, float] = {}
    for word in re.findall(r"\d+(?:[.,]\d+)*|[^\W\d]+", folded(text)):
        for gram, weight in _grams(word):
            counts[gram] += 1
            weights[gram] = weight
    return {gram: weight * (1.0 + math.log(counts[gram])) for gram, weight in weights.items()}


def _grams(word: str) -> list[tuple[str, float]]:
    if word in EMPTY_WORDS:
        return [(f"<{word}>", _EMPTY)]
    if word[0].isdigit():
        return [(f"<{word}>", _NUMBER)]
    if any(ord(character) > 0x2E7F for character in word):
        return [(character, 1.0) for character in word] + [
            (word[at : at + 2], 1.0) for at in range(len(word) - 1)
        ]
    padded = f"<{word}>"
    return [(f"w{_stem(word)}", _WORD), *((padded[at : at + 3], _PART) for at in range(len(padded) - 2))]


def _stem(word: str) -> str:
    """Without the commonest English endings."""
    for end in ("ing", "ed", "es", "s"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[: -len(end)]
    return word
