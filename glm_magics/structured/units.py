"""Units of measure beside a number: what they measure, which are the same, and which a field speaks of."""

from __future__ import annotations

import re

from glm_magics.structured.normal import Node
from glm_magics.structured.problems import Part

__all__ = ["same_unit", "unit_agrees", "unit_family", "wants_fraction"]

# One unit a line, in all its names; the blocks are what they measure.
_UNITS = {
    "time": (
        "ms millisecond milliseconds 毫秒", "s sec secs second seconds 秒 秒钟",
        "min mins minute minutes 分钟 分",
        "h hr hrs hour hours 小时", "d day days 天 日", "week weeks 周", "month months 月 个月",
        "year years yr yrs 年 岁",
    ),
    "length": (
        "mm millimeter millimeters 毫米", "cm centimeter centimeters 厘米", "m meter meters metre metres 米",
        "km kilometer kilometers kilometre kilometres 公里 千米", "in inch inches 英寸", "ft foot feet 英尺",
        "mi mile miles 英里", "yd yard yards",
    ),
    "mass": (
        "mg milligram milligrams 毫克", "g gram grams 克", "kg kilo kilos kilogram kilograms 千克 公斤",
        "t ton tons tonne tonnes 吨", "lb lbs pound pounds 磅", "oz ounce ounces", "斤",
    ),
    "money": (
        "$ us$ usd dollar dollars 美元", "€ eur euro euros 欧元", "£ gbp pounds 英镑",
        "¥ cny rmb yuan 元 人民币 块", "¥ jpy yen 日元",
        "hk$ hkd 港币", "nt$", "₹ inr rupees", "₩ krw", "₽ rub",
        "cent cents 分", "角",
    ),
    "data": ("b byte bytes 字节", "kb kib", "mb mib", "gb gib", "tb tib", "bit bits"),
    "temperature": ("c °c ℃ celsius 摄氏度", "f °f ℉ fahrenheit 华氏度", "k kelvin"),
    "volume": ("ml milliliter milliliters 毫升", "l liter liters litre litres 升", "gal gallon gallons"),
}  # fmt: skip
_SAME = [frozenset(names.split()) for units in _UNITS.values() for names in units]
_FAMILY: dict[str, tuple[str, ...]] = {}
for _family, _units in _UNITS.items():
    for _unit in dict.fromkeys(" ".join(_units).split()):
        _FAMILY[_unit] = (*_FAMILY.get(_unit, ()), _family)
_IN_CHINESE = "万 亿 千 百分比 元 秒 分钟 小时 天 米 厘米 公里 克 公斤 千克 吨"
_SCALES = "k thousand thousands million millions mn billion billions bn 万 亿 千 万元 亿元"
_PERCENT = {"%", "percent", "percentage", "percents", "pct", "百分比", "百分数"}
_FRACTION = {"fraction", "ratio", "proportion", "小数", "0-1", "0..1"}
# A hundredth of a field in money, unless the field says that it is in these.
_SMALL_CHANGE = {"cent", "cents", "¢", "￠", "pence", "p", "分", "角"}


def unit_family(unit: str) -> tuple[str, ...]:
    """What a unit measures ("time", "money", …): several for an ambiguous sign, none if unknown."""
    return _FAMILY.get(unit.strip().lower().rstrip("."), ())


def same_unit(one: str, other: str) -> bool:
    """Are two names those of one unit? `¥` and `元` are, `¥` and `$` are not."""
    pair = {one.lower(), other.lower()}
    return len(pair) == 1 or any(pair <= names for names in _SAME)


def _words_of(node: Node, loc: tuple[Part, ...]) -> set[str]:
    """The words of a field's name and description."""
    name = next((str(part) for part in reversed(loc) if not isinstance(part, int)), "")
    text = (
        re.sub(r"([a-z])([A-Z])", r"\1 \2", name).replace("_", " ") + " " + str(node.get("description", ""))
    )
    words = set(re.findall(r"[^\W_]+|[%$€£¥°]", text.lower()))
    chinese = {unit for unit in _IN_CHINESE.split() if unit in text}
    return words | chinese | ({"years"} if words & {"age", "ages"} or "年龄" in text else set())


def unit_agrees(unit: str, scaled: str, node: Node, loc: tuple[Part, ...]) -> bool:
    """May the unit go? Not when the field is in another unit of the same kind, nor for a percentage."""
    words = _words_of(node, loc)
    if scaled and any(word in words for word in (*_SCALES.split(), scaled)):
        return False
    if unit in ("%", "％", "percent", "pct"):
        return bool(words & _PERCENT) or wants_fraction(node, loc)
    if not unit or unit.lower() in words:
        return True
    if unit.lower() in _SMALL_CHANGE:
        return False
    families = set(unit_family(unit))
    named = {word for word in words if families & set(unit_family(word)) and len(word) < 12}
    return not named or any(same_unit(unit, word) for word in named)


def wants_fraction(node: Node, loc: tuple[Part, ...]) -> bool:
    """Is the field a share of one, so that 12 % is 0.12 in it?"""
    return node.get("maximum") == 1 or bool(_words_of(node, loc) & _FRACTION)
