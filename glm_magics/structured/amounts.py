"""Numbers as people write them, read only where there is one way to read them.

`"$1,299.50"` is one number and `"5 units"` another; `"5-6"`, `"1,5"` and `"about 7"` are not one number.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from glm_magics.structured.units import unit_family

__all__ = ["Amount", "amount"]

_PLAIN = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+"
_GROUPED = (
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:[ _'’]\d{3})+(?:\.\d+)?"
    r"|\d{1,3}(?:\.\d{3})+,\d{1,2}|\d{1,3}(?:\.\d{3}){2,}"
)
_SCALES = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "百": 100, "千": 10**3,
    "十万": 10**5, "百万": 10**6, "千万": 10**7, "万": 10**4, "亿": 10**8, "百亿": 10**10,
    "千亿": 10**11, "万亿": 10**12,
}  # fmt: skip
# The 千 of 千克 (kilogram) and its like belongs to the unit.
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True)).replace("|千|", "|千(?![克米瓦卡])|")
_MONEY = r"US\$|HK\$|NT\$|[$€£¥₹₩₽]|RMB|USD|CNY|EUR|GBP|JPY|HKD"
_UNIT = (
    r"[^\d\s.,;:!?+\-*/=<>~()\[\]{}|&#@^“”‰\"'][^\d\s.,;:!?+\-*/=<>~()\[\]{}|&#@\"]{0,20}"
    r"(?:/[^\W\d]{1,10}|[23](?!\d))?"
)
_AMOUNT = re.compile(
    rf"(?P<sign>[-+])?\s*(?P<before>{_MONEY})?\s*(?P<sign2>[-+])?"
    rf"(?P<number>{_GROUPED}|{_PLAIN})\s*(?P<scale>{_SCALE})?\s*(?P<after>{_UNIT})?\.?",
    re.IGNORECASE,
)
# Letters after a number that may multiply it or that say that it is not one number.
_DOUBTFUL = re.compile(
    r"(k|m|b|bn|mn|mm|t|tn|w|g|千|百|十|dozen|hundred|hundreds|thousands|millions|billions|lakh|crore|cr|"
    r"bc|bce|or|to|and|plus|about|at least|or more|or less|至|到|左右|以上|以下|多|几|余|约|"
    r"off|x|×|th|st|nd|rd|of)\b.*|"
    r"(?:千(?![克米瓦卡])|[百十多几余]).*|"
    r".*(左右|以上|以下|上下|or more|or less|at least|approx\w*|ish|不到|plus|each)",
    re.IGNORECASE,
)
_EDGES = "\u200b\ufeff\u2060 \t\r\n*`'\"_"
_DECADE = re.compile(r"'?\d{1,3}0['’]?s")  # `1990s` is no year, and no seconds either
_SHORT_YEAR = re.compile(r"['’]\d\d")
_POINT = re.compile(r"°\s*([NSEW])", re.IGNORECASE)
_DIGITS = {mark: value for value, mark in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_STEPS = {"十": 10, "百": 100, "千": 1000}
_CHINESE = re.compile("[零〇一二三四五六七八九两十百千万亿]{1,20}")
# `1万2千`, `3亿5000万`: parts in falling scales, each with its own.
_PART = re.compile(r"([\d.]+)(亿|万|千|百)")
_FALLING = re.compile(r"(?:\d+(?:\.\d+)?(?:亿|万|千|百)){2,4}")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with what stood beside it: `unit` ("kg", "$", "%"), and the scale word (万), if any."""

    number: Decimal
    unit: str = ""
    scaled: str = ""


def amount(text: str) -> Amount | None:
    """The one number in `text` and its unit, or None when there is not exactly one way to read it."""
    text = re.sub(r"(?<=[^\W\d_])[²³]", lambda power: "2" if power.group() == "²" else "3", text)
    if len(text) > 5_000 or any(unicodedata.category(mark) == "No" for mark in text):
        return None  # `3²` is not 32, and `½` is no number of digits
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip(_EDGES)
    plain = re.sub(r"\s+", " ", plain)
    match = _AMOUNT.fullmatch(plain)
    if match is None:
        return _in_chinese(plain)
    if (match["sign"] and match["sign2"]) or _DECADE.fullmatch(plain) or _SHORT_YEAR.fullmatch(text.strip()):
        return None
    after = (match["after"] or "").strip()
    if after and (_DOUBTFUL.fullmatch(after) or (match["before"] and not _agree(match["before"], after))):
        return _in_chinese(plain)
    try:
        number = Decimal(_ungrouped(match["number"]))
    except InvalidOperation:
        return None
    scale = (match["scale"] or "").lower()
    if scale:
        number = _plain_whole(number * _SCALES[scale])
    sign = -1 if "-" in (match["sign"], match["sign2"]) else 1
    if point := _POINT.fullmatch(after):  # 33.9°S is -33.9 on every map
        if match["sign"] or match["sign2"]:
            return None
        sign, after = (-sign if point[1].upper() in "SW" else sign), "°"
    return Amount(number * sign, match["before"] or after, scale)


def _plain_whole(number: Decimal) -> Decimal:
    """`3.5万` is 35000, not 35000.0."""
    return Decimal(int(number)) if number == number.to_integral_value() else number


def _agree(before: str, after: str) -> bool:
    """`$5 USD` names its unit twice, `$5 kg` names two."""
    return unit_family(after) == unit_family(before)


def _ungrouped(number: str) -> str:
    """Without thousands separators; `1.299,50` is how half of Europe writes them."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d{1,2}|\d{1,3}(?:\.\d{3}){2,}", number):
        return number.replace(".", "").replace(",", ".")
    return re.sub(r"[,\s_'’]", "", number)


def _in_chinese(text: str) -> Amount | None:
    """`三百二十`, `两万`, `1万2千`."""
    if _FALLING.fullmatch(text):
        return _falling(text)
    if not _CHINESE.fullmatch(text):
        return None
    number = _chinese_number(text)
    return None if number is None else Amount(Decimal(number))


def _falling(text: str) -> Amount | None:
    parts = [(Decimal(number), _SCALES[scale]) for number, scale in _PART.findall(text)]
    falls = all(one > other and number * other < one for (_, one), (number, other) in pairwise(parts))
    total = sum((number * scale for number, scale in parts), Decimal(0))
    return Amount(_plain_whole(total), "", text[-1]) if falls else None


def _chinese_number(text: str) -> int | None:
    """The number that is said with `text`; None for what nobody says (`万千`), or in short (`三百五`)."""
    for mark, scale in (("亿", 10**8), ("万", 10**4)):
        high, found, low = text.partition(mark)
        if found:
            left, right = _chinese_number(high), _chinese_number(low) if low else 0
            shortened = len(low) == 1  # `三万五` is 35,000
            return None if left is None or right is None or shortened else left * scale + right
    total, digit, step = 0, None, 10**4
    for mark in text:
        if mark in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[mark]
        elif mark in _STEPS and _STEPS[mark] < step:
            step = _STEPS[mark]
            total, digit = total + (1 if digit is None else digit) * step, None
        else:
            return None
    if digit and total and step > 10 and "零" not in text and "〇" not in text:
        return None
    return total + (digit or 0)
