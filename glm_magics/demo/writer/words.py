"""Words, for comparing what is asked with what is there: stems, overlap, languages."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

__all__ = ["CJK", "is_chinese", "keywords", "overlap", "sentences", "stem", "stems"]

CJK = "\u3400-\u9fff\uf900-\ufaff"

_STOP_WORDS = """
    a an and are as at be but by can could did do does for from get give had has have how i in into is
    it its let make may me my of on one or our out please put shall should show so some tell than that
    the their them then there these they this those to two up use used using was we were what when where
    which who why will with would write you your all any not no if each about also only very just more
    most here given following answer return returns value values question text
"""
_STOP = frozenset(_STOP_WORDS.split())
# Grammar: Chinese has no gaps, so words are taken to be pairs of neighbours between these.
_STOP_HAN = re.compile(
    "什么|怎么|关于|一个|一段|请|的|了|是|在|和|与|吗|呢|吧|写|个|把|为|从|到|有|我|你|他|这|那|给|用|对|以|及"
)
_WORD = re.compile(rf"[A-Za-z]+|[0-9]+|[{CJK}]")


def is_chinese(text: str) -> bool:
    """Whether the words are mostly Chinese."""
    han = len(re.findall(f"[{CJK}]", text))
    return han > 0 and han * 2 >= len(re.findall("[A-Za-z]+", text))


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A crude English stem, enough to match "refunded" with "refund" and "cities" with "city"."""
    word = word.lower()
    for ending, instead in (
        ("ies", "y"),
        ("ing", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
        ("ly", ""),
        ("e", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + instead
    return word


def stems(text: str) -> Counter[str]:
    """The stems of the words that carry meaning; `camelCase` and `snake_case` are several words."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text)
    found = (word for word in _WORD.findall(parted) if word.lower() not in _STOP)
    return Counter(stem(word) for word in found)


def overlap(one: str, other: str) -> int:
    """How many different meaningful words two texts share."""
    return len(stems(one).keys() & stems(other).keys())


def keywords(text: str, count: int) -> list[str]:
    """The most frequent meaningful words, longer ones first among equals."""
    if is_chinese(text):
        pairs = re.findall(rf"(?=([{CJK}]{{2}}))", _STOP_HAN.sub(" ", text))
        return [pair for pair, _ in Counter(pairs).most_common(count)]
    found = Counter(w.lower() for w in re.findall(r"[A-Za-z]{3,}", text) if w.lower() not in _STOP)
    ranked = sorted(found.items(), key=lambda item: (-item[1], -len(item[0]), item[0]))
    return [word for word, _ in ranked[:count]]


def sentences(text: str) -> list[str]:
    """The sentences of a text, one for each line at least."""
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z\"'(\d])|(?<=[。！？])|\n+", text)
    return [part.strip() for part in parts if part.strip()]
