"""Facts that stand in a text: numbers, dates, names, addresses, `label: value` pairs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from glm_magics.demo.writer.words import CJK, stems

__all__ = [
    "Number",
    "codes",
    "dates",
    "durations",
    "emails",
    "labelled",
    "names",
    "numbers",
    "phones",
    "postcodes",
    "times",
    "urls",
    "uuids",
]


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its place in the text; `money` and `percent` say what stood beside it.

    `text` is its digits as they were written, without separators; `after` is where those end.
    """

    value: float
    start: int
    end: int
    text: str = ""
    after: int = 0
    money: bool = False
    percent: bool = False

    @property
    def whole(self) -> bool:
        return self.value == int(self.value)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"\b(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2})?))?",
        r"(?P<y>\d{4})\s*年\s*(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*日",
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+(?P<y>\d{{4}})\b",
        r"\b(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})\b",
        rf"\b{_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})\b",
    )
)
_MOST_DIGITS = 30
_NUMBER = re.compile(
    r"(?P<money>[$€£¥￥]\s?)?(?<![A-Za-z0-9_.])(?P<number>-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)"
    r"(?P<scale>\s?(?:k|thousand|million|m|billion|bn|万|亿)(?![A-Za-z]))?"
    r"(?P<unit>\s?(?:%|percent|％|usd|eur|cny|rmb|dollars?|euros?|yuan|元|块))?",
    re.IGNORECASE,
)
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "billion": 1e9, "bn": 1e9, "万": 1e4, "亿": 1e8,
}  # fmt: skip
_COMMON = """
    The A An In On At For From With And But Or If This That These Those It Its He She They We You I My
    Our Your His Her Their What When Where Which Who Why How Is Are Was Were Be Do Does Did Can Could
    Will Would Should Please Write Give List Extract Classify Summarize Summarise Translate Return
    Answer Find Tell Show Use Get Not No Yes Then There Here After Before During Today Tomorrow
    Yesterday Great Good Bad Very Each All Some JSON Text Name Question Data Input Output Key Keys Value
    Values Row Rows Schema Only Also As By To Of January February March April May June July August
    September October November December Monday Tuesday Wednesday Thursday Friday Saturday Sunday
"""
_NOT_NAMES = frozenset(_COMMON.split())
_NAME = re.compile(r"\b[A-Z][\w'’-]*(?:\s+(?:[A-Z][\w'’-]*|(?:of|de|van|von|da)\s+[A-Z][\w'’-]*))*")


def numbers(text: str) -> list[Number]:
    """The numbers of a text in their order, dates left out."""
    taken = [match.span() for form in _DATE_FORMS for match in form.finditer(text)]
    return [
        _number(match)
        for match in _NUMBER.finditer(text)
        if len(match["number"]) <= _MOST_DIGITS
        and not any(start <= match.start("number") < end for start, end in taken)
    ]


def _number(match: re.Match[str]) -> Number:
    unit = (match["unit"] or "").strip().lower()
    scale = _SCALES.get((match["scale"] or "").strip().lower(), 1.0)
    percent = unit in ("%", "percent", "％")
    digits = match["number"].replace(",", "")
    value = round(float(digits) * scale, 10)
    return Number(
        value,
        match.start("number"),
        match.end(),
        digits if scale == 1 else format(value, "f").rstrip("0").rstrip("."),
        match.end("number"),
        bool(match["money"] or (unit and not percent)),
        percent,
    )


def dates(text: str) -> list[str]:
    """The dates of a text, as ISO 8601, with the time where one follows."""
    found = [(match.start(), match) for form in _DATE_FORMS for match in form.finditer(text)]
    return [iso for _, match in sorted(found, key=lambda item: item[0]) for iso in _iso(match)]


def _iso(match: re.Match[str]) -> Iterator[str]:
    parts = match.groupdict()
    month = parts.get("m") or _MONTHS.index(str(parts["month"]).lower()) + 1
    try:
        day = date(int(parts["y"]), int(month), int(parts["d"]))
    except ValueError:
        return
    time = parts.get("time")
    yield f"{day}T{time}" if time else str(day)


def names(text: str) -> list[str]:
    """Runs of capitalised words that look like names, each once."""
    found: dict[str, None] = {}
    for match in _NAME.finditer(text):
        words = match[0].split()
        while words and words[0] in _NOT_NAMES:
            words = words[1:]
        name = " ".join(words).removesuffix("'s").removesuffix("’s").rstrip("'’-.")
        if name and not (len(name) == 1 or (name.isupper() and len(name) > 5)):
            found[name] = None
    return list(found)


def emails(text: str) -> list[str]:
    return re.findall(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", text)


def urls(text: str) -> list[str]:
    return [url.rstrip(".,;)") for url in re.findall(r"https?://[^\s\"'<>）]+", text)]


def phones(text: str) -> list[str]:
    return [phone.strip() for phone in re.findall(r"\+?\d[\d ()-]{6,}\d", text) if not dates(phone)]


def times(text: str) -> list[str]:
    """The times of day, as hh:mm:ss."""
    found = re.findall(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])", text)
    return [f"{int(hour):02}:{minute}:{second or '00'}" for hour, minute, second in found]


_UNITS = (
    ("D", r"days?|天"),
    ("H", r"hours?|hrs?|h|小时"),
    ("M", r"minutes?|mins?|分钟"),
    ("S", r"seconds?|secs?|秒"),
)


def durations(text: str) -> list[str]:
    """Spans of time ("2 days 3 hours", "90 minutes") in ISO 8601."""
    steps = "".join(
        rf"(?:(?P<{letter}>\d{{1,6}})\s*(?:{words})(?![A-Za-z])[\s,]*(?:and\s+)?)?"
        for letter, words in _UNITS
    )
    found = []
    for match in re.finditer(rf"(?<![\d.]){steps}", text):
        days, *clock = (match[letter] for letter, _ in _UNITS)
        rest = "".join(
            f"{count}{letter}" for (letter, _), count in zip(_UNITS[1:], clock, strict=True) if count
        )
        if days or rest:
            found.append(f"P{f'{days}D' if days else ''}{f'T{rest}' if rest else ''}")
    return found


def uuids(text: str) -> list[str]:
    return re.findall(r"(?<![\w-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])", text)


def codes(text: str) -> list[str]:
    """Numbers of orders, articles and the like, as text: leading zeros stay. Those with a label first."""
    labelled = re.findall(
        r"(?:\b(?:order|invoice|no\.?|nr\.?|number|id|ref(?:erence)?|sku|ticket|case)\b|#|编号|订单号?|单号)"
        r"[\s:：#]*(?:no\.?|nr\.?)?\s*([A-Z]{0,4}-?\d[\w-]*)",
        text,
        re.IGNORECASE,
    )
    shaped = re.findall(r"(?<![\w.-])(?:[A-Z]{1,4}-?\d{2,}|0\d{2,})(?![\w.-])", text)
    return list(dict.fromkeys([*labelled, *shaped]))


def postcodes(text: str) -> list[str]:
    """Postal codes as text: those beside a place first."""
    beside = re.findall(r"[A-Z][a-z]+,?\s+(\d{5})\b|\b(\d{5})\s+[A-Z][a-z]+", text)
    known = set(codes(text))
    near = [one or other for one, other in beside]
    bare = re.findall(r"(?<![\w.,-])\d{5,6}(?![\w.,-]\d)\b", text)
    found = [code for code in [*near, *bare] if code not in known]
    return list(dict.fromkeys([*re.findall(r"邮编[:：]?\s*(\d{6})", text), *found]))


def labelled(text: str, label: str) -> str | None:
    """The value after `label:` or `label is`, up to the end of its clause."""
    spoken = re.escape(label.replace("_", " ")).replace(r"\ ", r"[ _-]")
    match = re.search(
        rf"(?<![\w{CJK}]){spoken}\s*(?:[:：=]|\bis\b|是|为)\s*([^\n,;，；。|]+)", text, re.IGNORECASE
    )
    if match is None:
        return None
    value = match[1].strip().strip("\"'`*").rstrip(".")
    return value if value and stems(value) else None
