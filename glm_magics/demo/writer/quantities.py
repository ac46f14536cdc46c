"""Which of the numbers of a text a field means: by its unit, the words beside it, and its bounds."""

from __future__ import annotations

import re

from glm_magics.demo.writer import facts
from glm_magics.demo.writer.choices import mood
from glm_magics.demo.writer.fits import fits, nearest_within
from glm_magics.demo.writer.shape import Shape
from glm_magics.demo.writer.source import Source
from glm_magics.demo.writer.words import stems

__all__ = ["quantity", "written"]

# What a field is about, by its name; what stands before, and what after, a number that is about it.
_KINDS: tuple[tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (
        re.compile(name, re.IGNORECASE),
        re.compile(f"(?:{before})\\W*$", re.IGNORECASE),
        re.compile(f"\\s*(?:{after})", re.IGNORECASE),
    )
    for name, before, after in (
        (
            r"price|cost|amount|total|fee|revenue|salary|budget|pay|usd|eur|cny|价|金额|费",
            r"[$€£¥￥]|\bat|\bfor|\bcosts?|\bprice[ds]?|\bpaid|@|价格?|单价|售价",
            r"(?:eur|usd|cny|rmb|euros?|dollars?|yuan)\b|[€$元块]",
        ),
        (
            r"quantit|qty|count|number|pieces|units|数量|个数",
            r"\bquantity|\bqty|[×*]|数量",
            r"[×*]|x\b|pcs\b|pieces\b|units\b|times\b|个|件|本|斤|盒|只",
        ),
        (
            r"(?:^|_)age$|年龄|岁",
            r"\baged?|\bis|年龄|今年",
            r"years?[ -]old|y/?o\b|岁|,? and (?:lives|works|comes)",
        ),
        (r"percent|rate|share|discount|pct|率|比例|折", r"\bby|折扣", r"%|％|percent"),
        (
            r"score|rating|stars?|评分|打分",
            r"\brat(?:ed|ing)|\bscored?|评分",
            r"stars?\b|/\s*(?:5|10)\b|points?\b|分|星",
        ),
        (r"weight|mass|重", r"\bweigh(?:s|ed)?", r"k?g\b|lbs?\b|公斤|克"),
        (
            r"duration|days|hours|minutes|时长",
            r"\blasted",
            r"days?\b|hours?\b|min(?:utes)?\b|weeks?\b|天|小时|分钟",
        ),
        (r"distance|length|km|距离", r"\b(?:ran|walked)", r"k?m\b|miles?\b|公里|米"),
    )
)
_PERCENT, _SCORE = _KINDS[3][0], _KINDS[4][0]
_YEAR = re.compile(r"year|年份|^年$", re.IGNORECASE)


def quantity(shape: Shape, source: Source, name: str) -> int | float | str | None:
    """The number that suits a field best, as its type is written; a rating may come from the mood."""
    if _YEAR.search(name):
        return _year(shape, source)
    free = [n for n in source.numbers if n.start not in source.used and _is_possible(shape, n)]
    scored = [(_closeness(n, source.text, name), n) for n in free]
    score, best = max(scored, key=lambda item: item[0], default=(0.0, None))
    if best is not None and score > (0 if _SCORE.search(name) else -1):
        source.used.add(best.start)
        return written(shape, best)
    return _rated(shape, source.text) if _SCORE.search(name) else None


def written(shape: Shape, number: facts.Number) -> int | float | str:
    """A number as JSON has it for this type: a decimal keeps its digits."""
    if shape.kind == "decimal":
        return number.text
    return int(number.value) if number.whole else number.value


def _is_possible(shape: Shape, number: facts.Number) -> bool:
    return (number.whole or shape.kind != "integer") and fits(shape, number.value)


def _year(shape: Shape, source: Source) -> int | float | str | None:
    years = [int(day[:4]) for day in source.dates]
    years += [int(n.value) for n in source.numbers if n.whole and 1500 <= n.value <= 2200]
    found = source.take([year for year in years if fits(shape, year)])
    return str(found) if found is not None and shape.kind == "decimal" else found


def _closeness(number: facts.Number, text: str, name: str) -> float:
    """How well a number suits a field: its unit, the words nearby, and a little for coming first."""
    before, after = text[max(0, number.start - 30) : number.start], text[number.after : number.after + 24]
    score = 0.0
    for about, ahead, behind in _KINDS:
        if ahead.search(before) or behind.match(after) or (about is _PERCENT and number.percent):
            score += 3.0 if about.search(name) else -1.0
    wanted = stems(name).keys()
    clause_before, clause_after = re.split(r"[.;,\n。，；]", before)[-1], re.split(r"[.;,\n。，；]", after)[0]
    score += 2.0 * len(wanted & stems(clause_after).keys()) + 1.5 * len(wanted & stems(clause_before).keys())
    return score - number.start / 1e9


def _rated(shape: Shape, text: str) -> int | float | str | None:
    """A rating from the mood of the words, inside the bounds that the shape names (1 to 5 without)."""
    low = 1.0 if shape.limits.low is None else shape.limits.low
    high = max(low, 5.0) if shape.limits.high is None else shape.limits.high
    value = low + (high - low) * (max(-2, min(2, mood(text))) + 2) / 4
    rated = round(value) if shape.kind == "integer" else value
    rated = rated if fits(shape, rated) else nearest_within(shape)
    return str(rated) if shape.kind == "decimal" else rated
