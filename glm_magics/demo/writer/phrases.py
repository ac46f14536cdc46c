"""Who, what and where in a text: people, things and places, by position and small words."""

from __future__ import annotations

import re

from glm_magics.demo.writer.lexicon import CAPITALS, LISTS
from glm_magics.demo.writer.words import CJK

__all__ = ["people", "places", "thing"]

_COUNT = r"(?:\d+(?:\.\d+)?\s*(?:[×x*]|pcs|pieces|units|个|件|本|斤|盒|只)?\s+|\d+\s*[×x*个件本斤盒只]\s*)"
_DETERMINER = r"(?:the|a|an|our|my|your|his|her|its|their|this|that|these|those|some|one|two|three|both)"
_STOPS = """
    is are was were be been has have had do does did will would can could should may might must
    costs cost sells sold broke breaks broken came comes arrived arrives works worked feels felt
    looks looked tastes tasted smells lives lived moved bought buys paid pays got gets makes made
    runs ran needs needed leaks leaked stopped goes went failed fails never not very really just
    only for at in from with on by to and or but per each which who that because since after before
    until within without as than so too price priced rated aged about around over under near good
    great bad terrible excellent awful perfect poor fine
"""
_STOP = frozenset(_STOPS.split())
_PRONOUN_WORDS = "nothing nobody i it he she they we you there here this that what which who how if when"
_PRONOUNS = frozenset(_PRONOUN_WORDS.split())
_MOST_WORDS = 5
_WORD = re.compile(r"[^\W\d_][\w'’&/-]*")
_LEAD = re.compile(rf"[\s\"'“”‘’*_(-]*(?:{_COUNT})?(?:{_DETERMINER}\s+)*", re.IGNORECASE)
_LATER = re.compile(rf"\b(?:{_DETERMINER})\s+", re.IGNORECASE)
_QUOTED = re.compile(r"[“\"《「『]([^”\"》」』\n]{1,40})[”\"》」』]")
_HAN_LEAD = re.compile(
    rf"\s*(?:[{CJK}]{{1,3}}[:：]\s*)?\s*(?:\d+\s*[个件本斤盒只台×x]?\s*)?(?:我们的|我的|这款|这个|这台|这|那个|那款|一个|一本|一台|一款|一盏)?"
)
_HAN_STOP = re.compile(
    "很|非常|太|不|没|是|的|在|花|价|卖|要|今年|今天|昨天|住|来自|买|以|用|每|共|单|售|好|坏|差|质量|质感|味道|两|三天|几|有|了|就|真|挺|比|和|与|及"
)


def thing(text: str) -> str | None:
    """The thing that a record is about: a quoted name, or the noun phrase before its price or its verb."""
    quoted = _QUOTED.search(text)
    if quoted and len(quoted[1].split()) <= _MOST_WORDS and quoted.end() - quoted.start() < len(text):
        return quoted[1].strip()
    if re.match(rf"\W*(?:\d+\W*)?[{CJK}]", text):
        return _han_thing(text)
    start = _LEAD.match(text)
    found = _phrase(text[start.end() if start else 0 :])
    if found:
        return found
    later = (_phrase(text[match.end() :]) for match in _LATER.finditer(text))
    return next((phrase for phrase in later if phrase), None)


def _phrase(text: str) -> str | None:
    """The words up to a verb, a small word, a number or a mark."""
    words: list[str] = []
    at = 0
    while len(words) < _MOST_WORDS:
        word = _WORD.match(text, at)
        if word is None:
            break
        plain = word[0].lower()
        if plain in _STOP or (not words and plain in _PRONOUNS) or (words and _is_past(plain)):
            break
        words.append(word[0])
        at = word.end()
        if text[at : at + 1] != " ":
            break
        at += 1
    ended = re.match(r"\s*(?:[.!?]|$)", text[at:])
    return None if not words or (ended and _is_remark(words, ended[0])) else " ".join(words)


def _is_past(word: str) -> bool:
    return word.endswith("ed") and len(word) > 4


def _is_remark(words: list[str], mark: str) -> bool:
    """Words that are a sentence of their own ("Terrible.") name nothing."""
    return bool(mark.strip()) and words[0][0].isupper()


def _han_thing(text: str) -> str | None:
    start = _HAN_LEAD.match(text)
    run = re.compile(rf"[{CJK}A-Za-z·]+").match(text, start.end() if start else 0)
    if run is None:
        return None
    stop = _HAN_STOP.search(run[0])
    found = run[0][: stop.start()] if stop else run[0]
    return found if 0 < len(found) <= 10 else None


_PERSON_AFTER = re.compile(
    r"\b(?:by|for|from|Mr\.?|Mrs\.?|Ms\.?|Dr\.?|named|called|customer|client|contact|signed|am)[: ]+$",
    re.IGNORECASE,
)
_HAN_PERSON = re.compile(rf"(?:客户|顾客|姓名|作者|联系人|我叫|由|叫)[:：]?\s*([{CJK}]{{2,3}})(?![{CJK}])")


def people(text: str, names: list[str]) -> list[str]:
    """The names of a text, the likeliest people first."""
    labels = {match[1] for match in re.finditer(r"\b([A-Z]\w+)\s+(?:no\.?\s*)?#?\d", text)}
    placed = set(places(text, names, certain=True))
    kept = [name for name in names if name not in placed | labels and name.lower() not in _LABELS]
    after = [name for name in kept if _PERSON_AFTER.search(text[: text.find(name)])]
    full = [name for name in kept if " " in name]
    return list(dict.fromkeys([*_HAN_PERSON.findall(text), *after, *full, *kept]))


_CITIES = frozenset([*CAPITALS.values(), *LISTS["city 城市"].split(",")])
_LABEL_WORDS = "order invoice ticket case article item room table customer no nr id express"
_LABELS = frozenset(_LABEL_WORDS.split())
_HAN_CITIES = "北京|上海|广州|深圳|杭州|成都|南京|武汉|西安|香港|东京|巴黎|伦敦|纽约|柏林|苏州|天津|重庆"


def places(
    text: str, names: list[str], *, word: str = "in|to|for|at|near|from", certain: bool = False
) -> list[str]:
    """The names that stand where places stand; after them, unless only `certain` ones count, the others."""
    names = [name for name in names if name.lower() not in _LABELS]
    known = [name for name in names if name in _CITIES]
    placed = [name for name in names if re.search(rf"\b(?:{word})\s+(?:the\s+)?{re.escape(name)}", text)]
    posted = [
        name
        for name in names
        if re.search(rf"{re.escape(name)},?\s+\d{{4,6}}\b(?!\s*[€$])|\b\d{{5}}\s+{re.escape(name)}", text)
    ]
    sure = (
        [*re.findall(_HAN_CITIES, text), *posted, *known]
        if certain
        else [*re.findall(_HAN_CITIES, text), *placed, *posted, *known]
    )
    if certain:
        return sure
    first = text.lstrip(" \"'“")
    return list(dict.fromkeys([*sure, *(name for name in names if not first.startswith(name))]))
