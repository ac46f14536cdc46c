"""Fills a shape with values found in a text. What is not there becomes null where null is allowed.

Nothing is understood: fields are matched to facts by name, type and shared words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glm_magics.demo.writer import facts
from glm_magics.demo.writer.shape import Shape
from glm_magics.demo.writer.words import is_chinese, keywords, overlap, sentences, stem, stems

__all__ = ["Source", "fill"]

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


@dataclass(slots=True)
class Source:
    """A text to find values in, and the cells of its own row where it is one of a table.

    What was taken once (a number, a name) is not offered to the next field.
    """

    text: str
    row: Mapping[str, Any] = field(default_factory=dict)
    used: set[Any] = field(default_factory=set)

    def cell(self, name: str) -> Any:
        wanted = re.sub(r"[\W_]", "", name).lower()
        return next((v for k, v in self.row.items() if re.sub(r"[\W_]", "", str(k)).lower() == wanted), None)

    def take(self, offered: Sequence[Any]) -> Any:
        fresh = next((value for value in offered if value not in self.used), None)
        if fresh is not None:
            self.used.add(fresh)
        return fresh


def fill(shape: Shape, source: Source, *, name: str = "") -> Any:
    """A value of this shape, for the field called `name`."""
    match shape.kind:
        case "object":
            return {key: fill(part, source, name=key) for key, part in shape.fields}
        case "array":
            return _array(shape, source, name)
        case "null":
            return None
        case _:
            found = _scalar(shape, source, name)
            return (
                found if found is not None or shape.nullable or shape.optional else _fallback(shape, source)
            )


def _fallback(shape: Shape, source: Source) -> Any:
    """What to say where nothing was found and null is not allowed: the emptiest value of the type."""
    match shape.kind:
        case "integer":
            return int(shape.least or 0)
        case "number":
            return float(shape.least or 0)
        case "boolean":
            return False
        case "enum":
            return shape.options[0] if shape.options else None
        case "date":
            return "1970-01-01"
        case "datetime":
            return "1970-01-01T00:00:00"
        case _:
            return ""


def _scalar(shape: Shape, source: Source, name: str) -> Any:
    cell = source.cell(name)
    if cell is not None and cell != "":
        fitting = _as(shape, cell)
        if fitting is not None:
            return fitting
    said = facts.labelled(source.text, name) if name else None
    match shape.kind:
        case "enum":
            return _choice(shape, said or source.text, about=name)
        case "boolean":
            return _truth(name, shape.about, source.text, said)
        case "integer" | "number":
            return _number(shape, source, name)
        case "date":
            found = source.take(facts.dates(source.text))
            return found[:10] if found else None
        case "datetime":
            found = source.take(facts.dates(source.text))
            return found if found is None or "T" in found else f"{found}T00:00:00"
        case _:
            return said or _words(shape, source, name)


def _as(shape: Shape, cell: Any) -> Any:
    """A table's cell as the shape wants it, or None when it does not fit."""
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    match shape.kind:
        case "integer" | "number":
            found = facts.numbers(text)
            return _typed(shape, found[0].value) if found else None
        case "boolean":
            return text.strip().lower() in ("true", "yes", "1", "y", "是")
        case "enum":
            return next(
                (option for option in shape.options if str(option).lower() == text.strip().lower()), None
            )
        case "date" | "datetime":
            return next(iter(facts.dates(text)), None)
        case _:
            return text


def _typed(shape: Shape, value: float) -> float | int:
    if shape.least is not None:
        value = max(value, shape.least)
    if shape.most is not None:
        value = min(value, shape.most)
    return round(value) if shape.kind == "integer" else value


# Choices and yes or no


def mood(text: str) -> int:
    """Good words minus bad ones; a "not" turns the words of its clause round."""
    total = 0
    for clause in re.split(r"[,.;!?，。；！？]|\bbut\b|但", text):
        found = stems(clause)
        score = sum(n for w, n in found.items() if w in _GOOD) - sum(n for w, n in found.items() if w in _BAD)
        total += -score if score > 0 and _NO.search(clause) else score
    return total


def _choice(shape: Shape, text: str, *, about: str) -> Any:
    """The label that shares most words with the text; by mood for labels of mood; else a neutral one."""
    options = shape.options
    literal = [(text.lower().find(str(option).lower()), option) for option in options]
    present = [(at, option) for at, option in literal if at >= 0 and len(str(option)) > 1]
    if len(present) == 1:
        return present[0][1]
    good = [o for o in options if _POSITIVE.search(str(o)) and not _NEGATIVE.search(str(o))]
    bad = [o for o in options if _NEGATIVE.search(str(o))]
    neutral = [o for o in options if _NEUTRAL.search(str(o))]
    if good and bad:
        feeling = mood(text)
        return (good if feeling > 0 else bad if feeling < 0 else neutral or good)[0]
    if present:
        return min(present, key=lambda found: found[0])[1]
    scores = [(overlap(_related(str(option)), text), option) for option in options]
    best = max((score for score, _ in scores), default=0)
    if best:
        return next(option for score, option in scores if score == best)
    return neutral[0] if neutral else None


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


def _related(option: str) -> str:
    extra = [
        words
        for key, words in _RELATED.items()
        if any(w.startswith(key) for w in re.findall("[a-z]+", option.lower()))
    ]
    return " ".join([option, *extra])


def _truth(name: str, about: str, text: str, said: str | None) -> bool | None:
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
    return False


# Numbers

_MONEY = re.compile(
    r"price|cost|amount|total|fee|revenue|salary|budget|pay|usd|eur|cny|价|金额|费", re.IGNORECASE
)
_PERCENT = re.compile(r"percent|rate|share|discount|pct|率|比例|折", re.IGNORECASE)
_SCORE = re.compile(r"score|rating|stars?|sentiment|confidence|评分|打分", re.IGNORECASE)


def _number(shape: Shape, source: Source, name: str) -> float | int | None:
    found = facts.numbers(source.text)
    if re.search(r"year|年", name, re.IGNORECASE):
        years = [int(day[:4]) for day in facts.dates(source.text)]
        years += [int(n.value) for n in found if n.whole and 1500 <= n.value <= 2200]
        return source.take(years)  # type: ignore[no-any-return]
    free = [n for n in found if n.start not in source.used]
    if shape.kind == "integer":
        free = [n for n in free if n.whole] or free
    best = max(free, key=lambda n: _closeness(n, source.text, name), default=None)
    if best is not None and (_closeness(best, source.text, name) > 0 or not _SCORE.search(name)):
        source.used.add(best.start)
        return _typed(shape, best.value)
    if _SCORE.search(name):
        return _typed(shape, _scored(shape, source.text))
    return None


def _closeness(number: facts.Number, text: str, name: str) -> float:
    """How well a number suits a field: its words nearby, its unit, and a little for coming first."""
    score = 3.0 if number.money and _MONEY.search(name) else 0.0
    score += 3.0 if number.percent and _PERCENT.search(name) else 0.0
    score -= 1.0 if number.money and not _MONEY.search(name) else 0.0
    score -= 1.0 if number.percent and not _PERCENT.search(name) else 0.0
    wanted = stems(name).keys()
    before, after = text[max(0, number.start - 30) : number.start], text[number.end : number.end + 20]
    clause_before, clause_after = re.split(r"[.;,\n。，；]", before)[-1], re.split(r"[.;,\n。，；]", after)[0]
    score += 2.0 * len(wanted & stems(clause_after).keys()) + 1.5 * len(wanted & stems(clause_before).keys())
    return score - number.start / 1e9


def _scored(shape: Shape, text: str) -> float:
    """A rating from the mood of the words, inside the bounds that the shape names (1 to 5 without)."""
    low = 1.0 if shape.least is None else shape.least
    high = max(low, 5.0) if shape.most is None else shape.most
    return low + (high - low) * (max(-2, min(2, mood(text))) + 2) / 4


# Words

_CODE = re.compile(r"^(?:code|source|script|program)$", re.IGNORECASE)
_ASKED = re.compile(
    r"^(?:q|query|question|prompt|search.*|keywords?|input|message|request|instruction)$", re.IGNORECASE
)
_EXPRESSION = re.compile(r"expr|formula|calculation|算式|表达式", re.IGNORECASE)
_NAME = re.compile(
    r"name|person|author|customer|user|city|country|place|location|company|org|brand|product|team|who|where|^from|^to|"
    r"artist|sender|recipient|title|人|名|城市|国家|公司|产品|地",
    re.IGNORECASE,
)
_PROSE = re.compile(
    r"summary|text|description|reason|explan|comment|note|answer|translation|detail|content|quote|evidence|摘要|理由|说明|总结|回答",
    re.IGNORECASE,
)


def _words(shape: Shape, source: Source, name: str) -> str | None:
    text = source.text
    if _CODE.search(name):
        return _code(text)
    if _EXPRESSION.search(name):
        found = re.search(r"[\d(][\d\s+\-*/().^%]*[\d)]", text)
        return found[0].strip() if found else None
    if _ASKED.search(name):
        return text.strip()
    if re.search(r"e-?mail|邮箱", name, re.IGNORECASE):
        return source.take(facts.emails(text))  # type: ignore[no-any-return]
    if re.search(r"url|link|website|网址|链接", name, re.IGNORECASE):
        return source.take(facts.urls(text))  # type: ignore[no-any-return]
    if re.search(r"phone|tel|mobile|电话|手机", name, re.IGNORECASE):
        return source.take(facts.phones(text))  # type: ignore[no-any-return]
    if re.search(r"date|day|when|日期|时间", name, re.IGNORECASE) and facts.dates(text):
        return source.take(facts.dates(text))  # type: ignore[no-any-return]
    if re.search(r"lang", name, re.IGNORECASE):
        return "zh" if is_chinese(text) else "en"
    if re.search(r"currency|币", name, re.IGNORECASE):
        return _currency(text)
    if re.search(r"sentiment|mood|tone|情感|情绪", name, re.IGNORECASE):
        return _feeling(text)
    if re.search(r"categor|topic|subject|label|tag|theme|类|主题|标签", name, re.IGNORECASE):
        return next(iter(keywords(text, 1)), None)
    if _PROSE.search(name):
        return next(iter(sentences(text)), None)
    if _NAME.search(name) or facts.names(text):
        taken = source.take(_named(text, name))
        if taken is not None or _NAME.search(name):
            return taken  # type: ignore[no-any-return]
    return next(iter(sentences(text)), None)


def _named(text: str, name: str) -> list[str]:
    """The names in a text; places first for a place, after "to" or "in" as the field says."""
    found = facts.names(text)
    if re.search(r"city|country|place|location|where|^to|^from|城市|国家|地", name, re.IGNORECASE):
        word = (
            "from" if name.lower().startswith("from") or "origin" in name.lower() else "(?:in|to|for|at|near)"
        )
        placed = [n for n in found if re.search(rf"\b{word}\s+(?:the\s+)?{re.escape(n)}", text)]
        cities = re.findall(
            "北京|上海|广州|深圳|杭州|成都|南京|武汉|西安|香港|东京|巴黎|伦敦|纽约|柏林", text
        )
        return [*cities, *placed, *(n for n in found if n not in placed)]
    return found


def _feeling(text: str) -> str:
    feeling = mood(text)
    if is_chinese(text):
        return "正面" if feeling > 0 else "负面" if feeling < 0 else "中性"
    return "positive" if feeling > 0 else "negative" if feeling < 0 else "neutral"


def _currency(text: str) -> str | None:
    signs = (
        ("€|eur", "EUR"),
        ("£|gbp|pound", "GBP"),
        ("¥|￥|cny|rmb|yuan|元", "CNY"),
        (r"\$|usd|dollar", "USD"),
    )
    return next((code for sign, code in signs if re.search(sign, text, re.IGNORECASE)), None)


def _code(text: str) -> str:
    """The code in the text, or a line that prints its arithmetic."""
    fenced = re.search(r"```\w*\n(.*?)```|`([^`\n]+)`", text, re.DOTALL)
    if fenced:
        return (fenced[1] or fenced[2]).strip()
    sum_ = re.search(r"[\d(][\d\s+\-*/().%]*[+\-*/%][\d\s+\-*/().%]*[\d)]", text)
    return (
        f"print({sum_[0].strip()})" if sum_ else f"print({json.dumps(text.strip()[:80], ensure_ascii=False)})"
    )


# Lists


def _array(shape: Shape, source: Source, name: str) -> list[Any]:
    item = shape.item or Shape("any")
    cell = source.cell(name)
    if isinstance(cell, list):
        return cell
    if item.kind == "object":
        parts = _records(source, item)
        return [fill(item, part) for part in parts]
    if item.kind == "enum":
        return [
            option
            for option in item.options
            if overlap(_related(str(option)), source.text) or str(option).lower() in source.text.lower()
        ]
    if item.kind in ("integer", "number"):
        return [_typed(item, n.value) for n in facts.numbers(source.text)]
    if item.kind in ("date", "datetime"):
        return facts.dates(source.text)
    if item.kind == "boolean":
        return []
    if re.search(r"e-?mail", name, re.IGNORECASE):
        return facts.emails(source.text)
    if re.search(r"url|link", name, re.IGNORECASE):
        return facts.urls(source.text)
    if _NAME.search(name) and facts.names(source.text):
        return facts.names(source.text)
    return keywords(source.text, 3)


def _records(source: Source, item: Shape) -> list[Source]:
    """The places a list of objects can come from: the sentences that hold something for the item's fields."""
    parts = [Source(sentence) for sentence in sentences(source.text)]
    asked = [key for key, part in item.fields if part.kind in ("integer", "number", "date", "datetime")]
    telling = [
        p
        for p in parts
        if facts.names(p.text) and (not asked or facts.numbers(p.text) or facts.dates(p.text))
    ]
    return telling or parts[:1]
