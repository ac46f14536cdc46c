"""Dates and times as people write them, read only where there is one way to read them.

`5 March 2026`, `2026年3月5日` and `25/12/2026` are one day each; `03/04/2026` is two.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, time

__all__ = ["FORMATS", "in_format", "iso_date", "iso_moment", "iso_time"]

FORMATS = {
    "date": "a date such as 2026-01-31",
    "date-time": "a date and time such as 2026-01-31T09:30:00Z",
    "time": "a time such as 09:30:00",
    "duration": "a duration such as PT2H30M",
}
"""The formats of JSON Schema that are moments, as a message says them."""

_ISO_DAY = r"\d{4}-\d\d-\d\d"
_ISO_TIME = r"\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?"
_ISO = {
    "date": re.compile(_ISO_DAY),
    "date-time": re.compile(rf"{_ISO_DAY}[Tt ]{_ISO_TIME}"),
    "time": re.compile(_ISO_TIME),
    "duration": re.compile(r"[-+]?P.+"),
}
_MIDNIGHT = re.compile(rf"{_ISO_DAY}[T ]00:00(:00(\.0+)?)?Z?")
_LONGEST = 100
_MONTHS = "january february march april may june july august september october november december"
_YMD = re.compile(r"(\d{4})\s*[-/.,年]\s*(\d{1,2})\s*[-/.,月]\s*(\d{1,2})\s*[日号]?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_XXY = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})")
_GAP = r"[\s,./-]{1,3}"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_MONTH = r"([A-Za-z]{3,9})"
_WORDY = (
    re.compile(rf"(?:the\s+)?{_DAY}{_GAP}(?:of\s+)?{_MONTH}{_GAP}(\d{{4}})", re.IGNORECASE),
    re.compile(rf"{_MONTH}{_GAP}{_DAY}{_GAP}(\d{{4}})", re.IGNORECASE),
    re.compile(rf"(\d{{4}}){_GAP}{_MONTH}{_GAP}{_DAY}", re.IGNORECASE),
)
_WEEKDAY = (
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b\.?"
    r"|(?:星期|周|礼拜)[一二三四五六日天])"
)
_WEEKDAYS = re.compile(
    rf"{_WEEKDAY},?\s*(?=\S)|[\s,]*\(\s*{_WEEKDAY}\s*\)|(?<=[\d日号])[\s,]*{_WEEKDAY}", re.IGNORECASE
)
_NUMERALS = str.maketrans("〇零一二三四五六七八九", "00123456789")


def in_format(text: str, form: str) -> str | None:
    """`text` as the format of JSON Schema has it: unchanged, or moved to it where it says one moment."""
    if _ISO[form].fullmatch(text):
        return text
    if form == "date":
        return iso_date(text) or (text[:10] if _MIDNIGHT.fullmatch(text) else None)
    if form == "date-time":
        day = iso_date(text)
        return f"{day}T00:00:00" if day else iso_moment(text)
    return iso_time(text) if form == "time" else None


def iso_date(text: str) -> str | None:
    """The one day that `text` names, as 2026-01-31; None for `03/04/2026`, which is two."""
    plain = _without_weekday(_plain(text)) if len(text) <= _LONGEST else ""
    if "年" in plain and not re.search(r"\d", plain):
        plain = _with_digits(plain)
    if match := _YMD.fullmatch(plain) or _COMPACT.fullmatch(plain):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if match := _WORDY[0].fullmatch(plain):
        return _day(int(match[3]), _month(match[2]), int(match[1]))
    if match := _WORDY[1].fullmatch(plain):
        return _day(int(match[3]), _month(match[1]), int(match[2]))
    if match := _WORDY[2].fullmatch(plain):
        return _day(int(match[1]), _month(match[2]), int(match[3]))
    if match := _XXY.fullmatch(plain):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if first > 12 >= second:
            return _day(year, second, first)
        if second > 12 >= first or first == second:
            return _day(year, first, second)
    return None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().strip("*`\"'")


def _without_weekday(text: str) -> str:
    """The weekday adds nothing to a date that has its day, month and year."""
    match = _WEEKDAYS.match(text) or _WEEKDAYS.search(text)
    return text if match is None else (text[: match.start()] + text[match.end() :]).strip()


def _with_digits(text: str) -> str:
    """`二〇二六年三月二十五日` in digits."""

    def digits(match: re.Match[str]) -> str:
        tens, ten, ones = match.group().partition("十")
        tens, ones = tens.translate(_NUMERALS), ones.translate(_NUMERALS)
        return str(int(tens or 1) * 10 + int(ones or 0)) if ten else tens

    return re.sub("[〇零一二三四五六七八九]{0,4}十?[〇零一二三四五六七八九]?", digits, text)


def _month(name: str) -> int:
    found = [
        at
        for at, month in enumerate(_MONTHS.split(), 1)
        if month.startswith(name.lower()) or (name.lower() == "sept" and at == 9)
    ]
    return found[0] if len(found) == 1 else 0


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


_HALF = r"上午|早上|凌晨|中午|下午|晚上|傍晚|[AaPp]\.?[Mm]\.?"
_CLOCK = re.compile(
    rf"(?P<first>{_HALF})?\s*(?P<hour>\d{{1,2}})(?:[:时点](?P<minute>\d{{2}})(?:[:分](?P<second>\d{{2}})秒?|分)?(?P<rest>[.,]\d{{1,9}})?|[时点]整?|(?=\s*[AaPp]\.?[Mm]))"
    rf"\s*(?P<last>{_HALF})?"
)
_AFTERNOON = {"下午": 12, "晚上": 12, "傍晚": 12, "pm": 12, "上午": 0, "早上": 0, "凌晨": 0, "am": 0}


def iso_time(text: str) -> str | None:
    """The time of day in `text` as 09:30:00."""
    match = _CLOCK.fullmatch(_plain(text)) if len(text) <= _LONGEST else None
    if match is None or (match["first"] and match["last"]):
        return None
    hour = _hour(int(match["hour"]), (match["first"] or match["last"] or "").lower().replace(".", ""))
    try:
        clock = time(-1 if hour is None else hour, int(match["minute"] or 0), int(match["second"] or 0))
    except ValueError:
        return None
    return clock.isoformat() + (match["rest"] or "").replace(",", ".")


def _hour(hour: int, half: str) -> int | None:
    """The hour of 24. `下午14:30` says it twice; `14:30 am` makes no sense."""
    if not half:
        return hour
    if half == "中午":
        return {11: 11, 12: 12, 1: 13}.get(hour)
    later = _AFTERNOON[half]
    if hour == 12 and half not in ("am", "pm", "下午"):
        return None  # `晚上12点` is midnight, of this day or the next
    if 1 <= hour <= 12:
        return hour % 12 + later
    return hour if (later and half != "pm" and 13 <= hour < 24) or (half == "凌晨" and hour == 0) else None


_ZONE = r"Z|\(?(?:UTC|GMT)?\s?[-+]\d{1,2}(?::?\d{2})?\)?|\(?(?:UTC|GMT)\)?|北京时间"
_MOMENT = re.compile(
    rf"(?P<before>北京时间)?\s*(?P<day>.*?\d{{4}}.*?|.*?\d[日号](?:\s*\(.*?\))?|\S*\d{{4}})(?:\s*,?\s*(?:T|at\s)?\s*)"
    rf"(?P<clock>(?:{_HALF})?\s*\d{{1,2}}(?:[:时点].*?|\s*[AaPp]\.?[Mm]\.?))\s*(?P<zone>{_ZONE})?",
    re.IGNORECASE,
)
_COMPACT_MOMENT = re.compile(r"(\d{8})[T ](\d{2})(\d{2})(\d{2})?(Z|[-+]\d{2}:?\d{2})?")


def iso_moment(text: str) -> str | None:
    """The one moment that `text` names, as 2026-01-31T09:30:00 with the zone it was written with."""
    plain = _plain(text) if len(text) <= _LONGEST else ""
    if match := _COMPACT_MOMENT.fullmatch(plain):
        plain = f"{match[1]} {match[2]}:{match[3]}:{match[4] or '00'}{match[5] or ''}"
    match = _MOMENT.fullmatch(plain)
    if match is None:
        return None
    day, clock = iso_date(match["day"].rstrip(", T")), iso_time(match["clock"])
    zone = _offset(match["before"] or match["zone"] or "")
    if day is None or clock is None or zone is None or (match["before"] and match["zone"]):
        return None
    return f"{day}T{clock}{zone}"


def _offset(zone: str) -> str | None:
    """`Z`, `+08:00`, or "" for none."""
    if zone == "北京时间":
        return "+08:00"
    name = zone.upper().strip("() ")
    if name in ("Z", "UTC", "GMT"):
        return "Z"
    digits = re.fullmatch(r"(?:UTC|GMT)?\s?([-+])(\d{1,2})(?::?(\d{2}))?", name)
    if digits is None:
        return None if name else ""
    return f"{digits[1]}{int(digits[2]):02}:{digits[3] or '00'}"
