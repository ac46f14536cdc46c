"""Numbers, truth and dates as people write them, read only where there is one way to read them.

`"$1,299.50"` is one number and `"5 units"` another; `"5-6"`, `"1,5"`, `"03/04/2026"` are not one anything.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal, InvalidOperation

__all__ = ["NOTHING", "Amount", "amount", "iso_date", "iso_moment", "iso_time", "truth", "unit_family"]

# What models write where there is no value. Chinese: none, not known, not applicable.
NOTHING = frozenset(
    [
        "nan",
        "n/a",
        "na",
        "null",
        "none",
        "nil",
        "undefined",
        "-",
        "--",
        "—",
        "–",
        "unknown",
        "无",
        "未知",
        "不适用",
        "暂无",
        "不详",
        "空",
    ]
) | {"", "not available", "not applicable"}
_TRUE = frozenset(["true", "yes", "y", "1", "是", "真", "对", "✓", "✔", "✅", "✔️"])
_FALSE = frozenset(["false", "no", "n", "0", "否", "假", "错", "✗", "✘", "❌", "不是"])

_PLAIN = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+"
_GROUPED = (
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:[ _'’]\d{3})+(?:\.\d+)?"
    r"|\d{1,3}(?:\.\d{3})+,\d{1,2}|\d{1,3}(?:\.\d{3}){2,}"
)
_SCALE = "万亿|千万|百万|十万|千亿|百亿|万|亿|thousand|million|billion|trillion"
_AMOUNT = re.compile(
    rf"(?P<sign>[-+])?\s*(?P<before>[$€£¥₹₩₽]|US\$|HK\$|RMB|USD|CNY|EUR|GBP|JPY|NT\$)?\s*(?P<sign2>[-+])?"
    rf"(?P<number>{_GROUPED}|{_PLAIN})\s*(?P<scale>{_SCALE})?"
    r"\s*(?P<after>[^\d\s.,;:!?+\-*/=<>~()\[\]{}|&#@^“”\"'][^\d\s.,;:!?+\-*/=<>~()\[\]{}|&#@\"]{0,20}"
    r"(?:/[^\W\d]{1,10}|[²³])?)?\.?",
    re.IGNORECASE,
)
_SCALES = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "十万": 10**5, "百万": 10**6,
    "千万": 10**7, "万": 10**4, "亿": 10**8, "百亿": 10**10, "千亿": 10**11, "万亿": 10**12,
}  # fmt: skip
# Letters after a number that may multiply it or that say that it is not one number.
_DOUBTFUL = re.compile(
    r"(k|m|b|bn|mn|mm|t|tn|w|g|千|百|十|dozen|hundred|hundreds|thousands|millions|billions|lakh|crore|cr|"
    r"or|to|and|plus|about|at least|or more|or less|至|到|左右|以上|以下|多|几|余|约|"
    r"off|x|×|th|st|nd|rd|of)\b.*|"
    r"[千百十多几余].*|.*(左右|以上|以下|上下|or more|or less|at least|approx\w*|ish|不到|plus|each)",
    re.IGNORECASE,
)
_FAMILIES: dict[str, str] = {
    "time": (
        "ms millisecond milliseconds 毫秒 s sec secs second seconds 秒 秒钟 min mins minute "
        "minutes 分 分钟 h hr hrs hour hours 小时 day days 天 日 week weeks 周 month months 月 "
        "个月 year years yr yrs 年 岁"
    ),
    "length": (
        "mm millimeter millimeters 毫米 cm centimeter centimeters 厘米 m meter meters metre "
        "metres 米 km kilometer kilometers kilometre kilometres 公里 千米 in inch inches 英寸 "
        "ft foot feet 英尺 mi mile miles 英里 yd yard yards"
    ),
    "mass": (
        "mg milligram milligrams 毫克 g gram grams 克 kg kilo kilos kilogram kilograms 千克 "
        "公斤 t ton tons tonne tonnes 吨 lb lbs pound pounds 磅 oz ounce ounces 斤"
    ),
    "money": (
        "$ us$ usd dollar dollars 美元 € eur euro euros 欧元 £ gbp pounds 英镑 ¥ cny rmb yuan "
        "元 人民币 块 jpy yen 日元 hk$ hkd 港币 nt$ ₹ inr rupees ₩ krw ₽ rub cent cents 分 角"
    ),
    "data": ("b byte bytes 字节 kb kib mb mib gb gib tb tib bit bits"),
    "temperature": ("c °c ℃ celsius 摄氏度 f °f ℉ fahrenheit 华氏度 k kelvin"),
    "volume": ("ml milliliter milliliters 毫升 l liter liters litre litres 升 gal gallon gallons"),
}
_FAMILY: dict[str, tuple[str, ...]] = {}
for _family, _units in _FAMILIES.items():
    for _unit in _units.split():
        _FAMILY[_unit] = (*_FAMILY.get(_unit, ()), _family)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with what stood beside it: `unit` ("kg", "$", "%"), and the scale word (万), if any."""

    number: Decimal
    unit: str = ""
    scaled: str = ""


def amount(text: str) -> Amount | None:
    """The one number in `text` and its unit, or None when there is not exactly one way to read it."""
    if any(unicodedata.category(mark) == "No" for mark in text):
        return None  # `3²` is not 32, and `½` is no number of digits
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip("\u200b\ufeff\u2060 \t\r\n*`'\"_")
    if len(plain) > 5_000:
        return None
    match = _AMOUNT.fullmatch(plain)
    if match is None or (match["sign"] and match["sign2"]):
        return None
    after = (match["after"] or "").strip()
    if after and (
        _DOUBTFUL.fullmatch(after) or (match["before"] and unit_family(after) != unit_family(match["before"]))
    ):
        return None
    try:
        number = Decimal(_ungrouped(match["number"]))
    except InvalidOperation:
        return None
    scale = (match["scale"] or "").lower()
    number *= _SCALES.get(scale, 1)
    sign = -1 if "-" in (match["sign"], match["sign2"]) else 1
    return Amount(number * sign, match["before"] or after, scale)


def _ungrouped(number: str) -> str:
    """Without thousands separators; `1.299,50` is how half of Europe writes them."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d{1,2}", number) or re.fullmatch(
        r"\d{1,3}(?:\.\d{3}){2,}", number
    ):
        return number.replace(".", "").replace(",", ".")
    return re.sub(r"[,\s_'’]", "", number)


def unit_family(unit: str) -> tuple[str, ...]:
    """What a unit measures ("time", "money", …): several for an ambiguous sign, none if unknown."""
    return _FAMILY.get(unit.strip().lower().rstrip("."), ())


def truth(text: str) -> bool | None:
    """True, False, or None when the text says neither."""
    word = unicodedata.normalize("NFKC", text).strip().strip(".。").lower()
    return True if word in _TRUE else False if word in _FALSE else None


_YMD = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WORDY = re.compile(
    r"(?:[A-Za-z]+day,?\s+)?(?:(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?([A-Za-z]{3,9})\.?|([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?),?\s+(\d{4})"
)
_XXY = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})")
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]


def iso_date(text: str) -> str | None:
    """The one day that `text` names, as 2026-01-31; None for `03/04/2026`, which is two."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if match := _YMD.fullmatch(plain) or _COMPACT.fullmatch(plain):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if match := _WORDY.fullmatch(plain):
        month = _month(match[2] or match[3])
        return _day(int(match[5]), month, int(match[1] or match[4])) if month else None
    if match := _XXY.fullmatch(plain):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if first > 12 >= second:
            return _day(year, second, first)
        if second > 12 >= first or first == second:
            return _day(year, first, second)
    return None


def _month(name: str) -> int:
    found = [
        at
        for at, month in enumerate(_MONTHS, 1)
        if month.startswith(name.lower()) or (name.lower() == "sept" and at == 9)
    ]
    return found[0] if len(found) == 1 else 0


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


_CLOCK = re.compile(r"(\d{1,2})[:时](\d{2})(?:[:分](\d{2})秒?|分)?(\.\d+)?\s*([AaPp]\.?[Mm]\.?)?")


def iso_time(text: str) -> str | None:
    """The time of day in `text` as 09:30:00."""
    match = _CLOCK.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if match is None:
        return None
    hour, half = int(match[1]), (match[5] or "").lower().replace(".", "")
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + 12 if half == "pm" else hour % 12 if half == "am" else hour
    try:
        return time(hour, int(match[2]), int(match[3] or 0)).isoformat() + (match[4] or "")
    except ValueError:
        return None


_SPLIT = re.compile(
    r"(.*?\d{4}.*?|.*?\d[日号])(?:\s*[T,]?\s*)(\d{1,2}[:时]\d{2}.*?)\s*(Z|UTC|GMT|[-+]\d{2}:?\d{2})?",
    re.IGNORECASE,
)


def iso_moment(text: str) -> str | None:
    """The one moment that `text` names, as 2026-01-31T09:30:00 with the zone it was written with."""
    match = _SPLIT.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if match is None:
        return None
    day, clock, zone = iso_date(match[1].rstrip(", T")), iso_time(match[2]), match[3] or ""
    if day is None or clock is None:
        return None
    return f"{day}T{clock}{'Z' if zone.upper() in ('Z', 'UTC', 'GMT') else zone}"
