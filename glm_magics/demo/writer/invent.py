"""Rows that a prompt asks to be invented: varied, the same for the same request, and plainly made up.

People are called Example or Sample, cities Sampleton or Demoville, addresses end in example.org.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from glm_magics.demo.writer.fill import limited
from glm_magics.demo.writer.fits import emptiest, fits, nearest_within
from glm_magics.demo.writer.intents import COUNTS, known_items
from glm_magics.demo.writer.pattern import sample
from glm_magics.demo.writer.shape import ANY, Shape
from glm_magics.demo.writer.words import is_chinese

__all__ = ["Wish", "invented", "wish"]

_SPELT = "|".join(sorted(COUNTS, key=len, reverse=True))
_MADE_UP = (
    r"invented|fictional|fictitious|fake|random|synthetic|sample|made[- ]up|imaginary|dummy|example|test"
)
_VERB = r"list|invent|generate|create|make(?: up)?|give(?: me)?|write|produce|suggest|name|show(?: me)?"
_ENGLISH = re.compile(
    rf"\b(?P<verb>{_VERB})\s+(?:me\s+|up\s+|a\s+list\s+of\s+|a\s+table\s+of\s+|the\s+)*"
    rf"(?P<count>\d[\d,]*|{_SPELT}|some|a few)?\s*"
    rf"(?P<made>(?:(?:{_MADE_UP})\s+)*)(?P<topic>[^\n.?!:,;]+)",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"(?P<verb>列出|列举|生成|编造|虚构|创建|编写|写出?|给出|造)\s*(?P<count>\d+|[一二两三四五六七八九十]|一些|几)\s*"
    r"[条个名位行份种本家]?\s*(?P<made>(?:虚构|假|随机|示例|样例|模拟|编造)?)的?(?P<topic>[^\n。？！:：，,]+)"
)
_INVENTING = re.compile(r"invent|make up|generate|虚构|编造|生成", re.IGNORECASE)
_USUAL = 10
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """`count` rows about `topic`; `explicit` when the words say that they are to be made up."""

    count: int
    topic: str
    explicit: bool


def wish(text: str) -> Wish | None:
    """The rows that a text wants invented; None when it wants none."""
    found = _CHINESE.search(text) or _ENGLISH.search(text)
    if found is None:
        return None
    made_up = bool(found["made"] or _INVENTING.search(found["verb"]))
    said = (found["count"] or "").lower().replace(",", "")
    if not said or (said in ("some", "a few", "一些", "几")):
        return Wish(_USUAL, found["topic"].strip(), True) if made_up else None
    count = int(said) if said.isdigit() else COUNTS[said]
    return Wish(min(count, _MOST), found["topic"].strip(), bool(made_up))


def invented(shape: Shape, wanted: Wish, seed: int) -> Iterator[Any]:
    """The rows, one after the other. Of things the demo knows, only the names: the rest is left open."""
    chance = random.Random(seed)
    known = [] if wanted.explicit else known_items(wanted.topic)
    chinese = is_chinese(wanted.topic)
    for number in range(min(wanted.count, len(known) or wanted.count)):
        if known:
            yield _known(shape, known[number])
        else:
            yield _Inventor(number, chance, wanted.topic, chinese).value(shape, "")


def _known(shape: Shape, name: str) -> Any:
    """A row about something real: its name, and nothing that the demo does not know."""
    if shape.kind == "string":
        return name
    texts = [key for key, part in shape.fields if part.kind == "string"]
    filled: dict[str, Any] = {}
    for key, part in shape.fields:
        if texts and key == texts[0] and fits(part, name):
            filled[key] = name
        elif part.nullable or not part.optional:
            filled[key] = None if part.nullable else emptiest(part)
    return filled if shape.kind == "object" else emptiest(shape)


_FIRST = (
    "Ada Ben Chloe David Emma Felix Grace Hugo Ines Jonas Kira Leo Mia Noah "
    "Olga Paul Rosa Sam Tara Uma Vera Will Yara Zoe"
)
_LAST = "Example Sample Specimen Placeholder Demo Fiction Muster Invented Mockup Dummy Template"
_TOWNS = (
    "Sampleton Demoville Exampleburg Mockford Testbury Fictown Musterstadt Placeholm Dummydale Templeport"
)
_HAN_LAST = "赵钱孙李周吴郑王冯陈"
_HAN_FIRST = "示例 样例 演示 虚构 测试 模拟"
_HAN_TOWNS = "示例市 样例城 演示镇 虚构市 测试城 模拟镇"
_DAY_ONE, _DAYS = date(2020, 1, 1), 2000


class _Inventor:
    """Invents the values of one row."""

    def __init__(self, number: int, chance: random.Random, topic: str, chinese: bool) -> None:
        self._number = number
        self._chance = chance
        self._topic = topic
        self._chinese = chinese

    def value(self, shape: Shape, name: str) -> Any:
        if shape.nullable and self._chance.random() < 0.1:
            return None
        match shape.kind:
            case "object":
                return {key: self.value(part, key) for key, part in shape.fields} or emptiest(shape)
            case "array":
                count = max(shape.limits.shortest, self._chance.randint(1, 3))
                return limited(shape, [self.value(shape.item or ANY, name) for _ in range(count)])
            case "tuple":
                return [self.value(part, name) for part in shape.parts]
            case "union":
                return self.value(shape.parts[0], name)
            case "enum":
                return self._chance.choice(shape.options)
            case "boolean":
                return self._chance.random() < 0.5
            case _:
                made = self._scalar(shape, name)
                return made if made is not None and fits(shape, made) else self._otherwise(shape)

    def _otherwise(self, shape: Shape) -> Any:
        limits = shape.limits
        if limits.pattern is not None:
            made = sample(limits.pattern, self._number + 1, shortest=limits.shortest, longest=limits.longest)
            return emptiest(shape) if made is None else made
        return emptiest(shape, self._number)

    def _scalar(self, shape: Shape, name: str) -> Any:
        match shape.kind:
            case "integer" | "number" | "decimal":
                return self._quantity(shape, name)
            case "date":
                return str(self._day())
            case "datetime":
                return f"{self._day()}T{self._clock()}"
            case "time":
                return self._clock()
            case "duration":
                return f"PT{self._chance.randint(1, 48)}H"
            case "uuid":
                return f"00000000-0000-4000-8000-{self._number + 1:012x}"
            case "string":
                return None if shape.limits.pattern is not None else self._text(name)[: shape.limits.longest]
            case "any":
                return self._text(name)
            case _:
                return None

    def _day(self) -> date:
        return _DAY_ONE + timedelta(days=self._chance.randrange(_DAYS))

    def _clock(self) -> str:
        return f"{self._chance.randrange(24):02}:{self._chance.randrange(60):02}:00"

    def _quantity(self, shape: Shape, name: str) -> Any:
        if re.fullmatch(r"id|no|number|nr|rank|编号|序号", name, re.IGNORECASE) and fits(
            shape, self._number + 1
        ):
            return str(self._number + 1) if shape.kind == "decimal" else self._number + 1
        low, high = self._range(shape, name)
        step = shape.limits.step
        value: float = self._chance.uniform(low, high)
        if shape.kind == "integer" or step:
            value = round(value / (step or 1)) * (step or 1)
        elif high - low >= 1:
            value = round(value, 2)
        value = int(value) if shape.kind == "integer" else value
        if not fits(shape, value):
            value = nearest_within(shape, self._chance.randrange(100))
        return (
            f"{value:.2f}"
            if shape.kind == "decimal" and fits(shape, round(value, 2))
            else str(value)
            if shape.kind == "decimal"
            else value
        )

    def _range(self, shape: Shape, name: str) -> tuple[float, float]:
        usual = next((span for words, span in _RANGES if re.search(words, name, re.IGNORECASE)), (1.0, 100.0))
        low, high = shape.limits.low, shape.limits.high
        low = shape.limits.above if low is None else low
        high = shape.limits.below if high is None else high
        if low is None:
            low = usual[0] if high is None or high > usual[0] else high - 100
        if high is None:
            high = usual[1] if usual[1] > low else low + 100
        return float(low), float(high)

    def _text(self, name: str) -> str:
        words = next((make for pattern, make in _TEXTS if re.search(pattern, name, re.IGNORECASE)), None)
        return words(self) if words else self._nth()

    def _nth(self) -> str:
        if self._chinese:
            return f"{self._topic}示例{self._number + 1}"
        return f"example {self._number + 1} of {self._topic}"

    def _person(self) -> str:
        if self._chinese:
            first, last, count = _HAN_FIRST.split(), _HAN_LAST, len(_HAN_LAST)
            name = last[self._number % count] + first[self._number // count % len(first)]
        else:
            first, last = _FIRST.split(), " ".join(_LAST.split()).split()  # type: ignore[assignment]
            count = len(first)
            name = f"{first[self._number % count]} {last[(self._number + self._number // count) % len(last)]}"
        again = self._number // (count * len(first if self._chinese else last))
        return f"{name} {again + 1}" if again else name

    def _town(self) -> str:
        return self._chance.choice((_HAN_TOWNS if self._chinese else _TOWNS).split())

    def _email(self) -> str:
        return f"person{self._number + 1}@example.org"

    def _title(self) -> str:
        return self._person() if _PEOPLE.search(self._topic) else self._nth()


_PEOPLE = re.compile(
    r"customer|client|people|person|user|student|employee|patient|teacher|member|author|player|guest|friend|人|客户|学生|用户|员工|顾客|老师",
    re.IGNORECASE,
)
_RANGES: tuple[tuple[str, tuple[float, float]], ...] = (
    (r"(?:^|_)age$|年龄", (18.0, 80.0)),
    (r"year|年份", (1990.0, 2025.0)),
    (r"salary|income|revenue|工资|收入", (20_000.0, 90_000.0)),
    (r"score|rating|stars|评分", (1.0, 5.0)),
    (r"quantit|count|qty|数量", (1.0, 20.0)),
)
_TEXTS: tuple[tuple[str, Callable[[_Inventor], str]], ...] = (
    (r"e-?mail|邮箱", _Inventor._email),
    (r"url|link|website|网址", lambda made: f"https://example.org/{made._number + 1}"),
    (r"phone|tel|mobile|电话|手机", lambda made: f"+00 000 {made._number + 1:06}"),
    (r"zip|postal|post_?code|邮编", lambda made: f"{made._number % 100_000:05}"),
    (r"^id$|_id$|sku|^code$|编号|单号", lambda made: f"EX-{made._number + 1:05}"),
    (r"city|town|place|location|城市|地", _Inventor._town),
    (r"country|国家", lambda made: "示例国" if made._chinese else "Exampleland"),
    (
        r"company|org|brand|employer|公司",
        lambda made: (
            f"示例公司{made._number % 20 + 1}" if made._chinese else f"Example {made._number % 20 + 1} Ltd"
        ),
    ),
    (r"person|customer|author|user|owner|客户|姓名|作者", _Inventor._person),
    (r"name|名", _Inventor._title),
)
