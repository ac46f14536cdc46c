"""Labels and yes or no: by the words of a text and by its mood."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from glm_magics.demo.writer.shape import Shape
from glm_magics.demo.writer.words import overlap, stem, stems

__all__ = ["choice", "mood", "related", "truth"]

_GOOD_WORDS = """
    good great excellent love loved like liked amazing wonderful best perfect happy
    nice fantastic awesome recommend fast friendly superb delicious enjoy enjoyed
    positive pleased satisfied works easy beautiful 好 喜欢 棒 满意 优秀 快 推荐 赞
"""
_GOOD = frozenset(stem(word) for word in _GOOD_WORDS.split())
_BAD_WORDS = """
    bad terrible awful hate hated worst poor broken slow disappointed disappointing
    refund angry rude horrible useless never negative waste late dirty problem fail
    failed crash crashed ugly wrong damaged 差 坏 慢 失望 糟 烂 退 投诉
"""
_BAD = frozenset(stem(word) for word in _BAD_WORDS.split())
_POSITIVE = re.compile(r"pos|good|happy|love|great|like|好|正|积极|满意|喜欢", re.IGNORECASE)
_NEGATIVE = re.compile(r"neg|bad|sad|hate|poor|angry|unhappy|差|坏|负|消极|不满|不喜欢", re.IGNORECASE)
_NEUTRAL = re.compile(r"neutral|mixed|other|unknown|none|unsure|n/?a|misc|中性|其他|未知|一般", re.IGNORECASE)
_NO = re.compile(
    r"\b(?:no|not|never|without|n't|isn't|wasn't|don't|didn't|cannot|can't)\b|不|没|无", re.IGNORECASE
)


def mood(text: str) -> int:
    """Good words minus bad ones; a "not" turns the words of its clause round."""
    total = 0
    for clause in re.split(r"[,.;!?，。；！？]|\bbut\b|但", text):
        found = stems(clause)
        score = sum(n for w, n in found.items() if w in _GOOD) - sum(n for w, n in found.items() if w in _BAD)
        total += -score if score > 0 and _NO.search(clause) else score
    return total


def choice(shape: Shape, text: str) -> Any:
    """The label that shares most words with the text; by mood for labels of mood; else a neutral one."""
    options = shape.options
    present = [(at, option) for option in options for at in [_place(str(option), text)] if at >= 0]
    good = [o for o in options if _POSITIVE.search(str(o)) and not _NEGATIVE.search(str(o))]
    bad = [o for o in options if _NEGATIVE.search(str(o))]
    neutral = [o for o in options if _NEUTRAL.search(str(o))]
    if good and bad:
        feeling = mood(text)
        if not feeling and len(present) == 1:
            return present[0][1]
        return next(iter(good if feeling > 0 else bad if feeling < 0 else neutral), None)
    if present:
        return min(present, key=lambda found: found[0])[1]
    scores = [(overlap(related(str(option)), text), option) for option in options]
    best = max((score for score, _ in scores), default=0)
    if best:
        return next(option for score, option in scores if score == best)
    return neutral[0] if neutral else None


def _place(label: str, text: str) -> int:
    """Where a label stands in a text as a word of its own; -1 when it does not."""
    edge = r"\b" if label.isascii() and label[:1].isalnum() and label[-1:].isalnum() else ""
    found = re.search(rf"{edge}{re.escape(label)}{edge}", text, re.IGNORECASE) if label else None
    return found.start() if found else -1


# Words that usually go with a label, so that "billing" finds an invoice.
_RELATED = {
    "bill": "invoice charge charged payment pay paid price refund card cost fee money",
    "payment": "invoice charge paid pay card refund price fee",
    "technical": "error crash bug login password install app server broken screen update slow work",
    "bug": "error crash broken fails wrong",
    "deliver": "shipping package parcel arrived late courier order post",
    "ship": "delivery package parcel arrived late courier order",
    "account": "login password email profile sign username",
    "sport": "match team game goal player league win football tennis",
    "politic": "election government minister president vote parliament law",
    "tech": "software computer phone chip app internet data ai",
    "business": "market company stock profit revenue shares bank",
    "food": "meal dish restaurant taste pizza coffee delicious eat",
    "urgent": "immediately now asap today emergency",
    "question": "how what why when can could",
    "complaint": "disappointed angry terrible refund broken worst",
    "spam": "free win winner prize click offer money",
    "health": "doctor hospital disease medicine patient virus",
    "travel": "flight hotel trip train airport holiday",
}


@lru_cache(maxsize=512)
def related(option: str) -> str:
    extra = [
        words
        for key, words in _RELATED.items()
        if any(w.startswith(key) for w in re.findall("[a-z]+", option.lower()))
    ]
    return " ".join([option, *extra])


def truth(name: str, about: str, text: str, said: str | None) -> bool | None:
    if said is not None:
        return said.lower().split()[0] in ("true", "yes", "y", "1", "是") if said.split() else None
    if re.search(r"positive|happy|satisfied|recommend|good", name, re.IGNORECASE):
        return mood(text) > 0
    if re.search(r"negative|angry|complaint|unhappy|bad", name, re.IGNORECASE):
        return mood(text) < 0
    wanted = stems(re.sub(r"^(?:is|has|was|can|does|mentions?)_?", "", name)).keys()
    for clause in re.split(r"[,.;!?，。；！？]", text):
        if wanted & stems(clause).keys():
            return not _NO.search(clause)
    return None
