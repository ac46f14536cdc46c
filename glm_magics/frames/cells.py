"""A cell as text: short, inert, on one line, and the same each time."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time
from typing import Any

from glm_magics.inert import cut, inert, one_line

__all__ = ["cell", "csv_line", "number"]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_NEEDS_QUOTES = re.compile(r'[",]|^[\s`~]|\s$')
_DEEPEST = 6
_PLAIN_HOMES = frozenset(
    {"builtins", "datetime", "decimal", "fractions", "numpy", "pandas", "pathlib", "uuid"}
)


def cell(value: Any, *, most: int, digits: int = 10, mask: Sequence[str] = ()) -> str:
    """`value` in at most some `most` characters; "" where it is missing.

    Lists and dicts become JSON, without what `mask` names in them. A number keeps `digits` of its digits.
    """
    if value is None or value is True or value is False:
        return "" if value is None else str(value).lower()
    if isinstance(value, str):
        return one_line(cut(value, most))
    if isinstance(value, int):
        return one_line(cut(_whole(value), most))
    if isinstance(value, float):
        return number(value, digits)
    if isinstance(value, (datetime, date, time)):
        return _moment(value)
    plain = _unwrapped(value)
    if plain is not value:
        return cell(plain, most=most, digits=digits, mask=mask)
    if isinstance(value, (Mapping, list, tuple, Set)):
        nested = _Nested(most, mask).plain(value, 0)
        return inert(json.dumps(nested, ensure_ascii=False, separators=(",", ":")))
    return one_line(cut(_text_of(value, mask), most))


def number(value: float, digits: int = 10) -> str:
    """A float without the noise of its last digits: 0.1 + 0.2 is 0.3, and 1234567.89 keeps them all."""
    if math.isnan(value):
        return ""
    if not (digits >= 10 and value.is_integer()):
        value = float(f"{value:.{digits}g}")
    whole = abs(value) < 1e15 and value.is_integer()
    return str(int(value)) if whole else f"{value:.{digits}g}".replace("e+", "e")


def csv_line(cells: Sequence[str | None]) -> str:
    """One line of CSV; None is a missing cell, and an empty text has quotes."""
    return ",".join("" if text is None else _quoted(text) for text in cells)


def _quoted(text: str) -> str:
    """Also where a line that begins with it would close the fence around the table."""
    if text and not _NEEDS_QUOTES.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _whole(value: int) -> str:
    return (
        str(value) if value.bit_length() < 10_000 else f"{hex(value)[:100]}…"
    )  # Python writes no longer ones


def _moment(value: datetime | date | time) -> str:
    """ISO 8601; midnight of a date without a zone is the date."""
    if type(value).__name__ == "NaTType":
        return ""
    text = value.isoformat()
    return text.removesuffix("T00:00:00") if isinstance(value, datetime) else text


def _unwrapped(value: Any) -> Any:
    """Scalars and arrays of numpy and pandas as Python's own."""
    home, name = type(value).__module__.partition(".")[0], type(value).__name__
    if name in ("NAType", "NaTType"):
        return None
    if home == "numpy" and hasattr(value, "tolist"):
        return value[:100].tolist() if getattr(value, "ndim", 0) else value.item()
    if name in ("Series", "Index") and home == "pandas":
        return list(value[:100])
    if name == "DataFrame" and home == "pandas":
        return value[:20].to_dict("list")
    return value


def _text_of(value: Any, mask: Sequence[str]) -> str:
    """What an object says of itself, but for where in memory it is; its kind if it says nothing.

    Objects of unknown classes may say what is masked, so then they do not speak.
    """
    kind = type(value)
    if mask and kind.__module__.partition(".")[0] not in _PLAIN_HOMES:
        return f"({kind.__name__})"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{kind.__name__} of {len(value):,}"
    speakers: set[Any] = {kind.__str__, kind.__repr__}
    if speakers == {object.__str__, object.__repr__}:
        return f"({kind.__name__})"
    try:
        return _ADDRESS.sub("", str(value))
    except Exception:  # whatever the code of an object in a cell does, the table is still sent
        return f"({kind.__name__})"


class _Nested:
    """A nested value with as many of its items as there is room for."""

    def __init__(self, room: int, mask: Sequence[str]) -> None:
        self._room = room
        self._mask = mask

    def plain(self, value: Any, depth: int) -> Any:
        value = _unwrapped(value)
        if depth > _DEEPEST:
            return "…"
        if hasattr(value, "_asdict"):
            value = value._asdict()
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, tuple) and len(value) == 2 and str(value[0]) in self._mask:
            return [value[0], "masked"]  # an item of one of Arrow's maps
        if isinstance(value, (list, tuple)):
            return self._items(list(value[: self._room + 1]), len(value), depth)
        if isinstance(value, Set):
            ordered = sorted(value, key=lambda item: (type(item).__name__, str(item)))
            return self._items(ordered, len(ordered), depth)
        return self._leaf(value)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in value.items():
            if self._room <= 0:
                found["…"] = f"+{len(value) - len(found):,}"
                break
            name = cut(str(key), 80)
            self._room -= len(name) + 4
            found[name] = "masked" if str(key) in self._mask else self.plain(item, depth + 1)
        return found

    def _items(self, items: list[Any], count: int, depth: int) -> list[Any]:
        found: list[Any] = []
        for item in items:
            if self._room <= 0:
                break
            self._room -= 1
            found.append(self.plain(item, depth + 1))
        return found if len(found) == count else [*found, f"…(+{count - len(found):,})"]

    def _leaf(self, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            self._room -= 5
            return value
        if isinstance(value, float):
            self._room -= 8
            return float(number(value)) if math.isfinite(value) else None if math.isnan(value) else str(value)
        if isinstance(value, int) and value.bit_length() < 64:
            self._room -= len(str(value))
            return value
        text = value if isinstance(value, str) else _text_of(value, self._mask)
        text = cut(text, max(20, self._room))
        self._room -= len(text)
        return text
