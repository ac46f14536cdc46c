"""JSON answers as careless models write them: what a parser has to mend, and what it has to refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

__all__ = ["sloppy", "unfit"]

_MONEY = re.compile(r"price|cost|amount|total|fee|价|金额", re.IGNORECASE)


def sloppy(text: str) -> str:
    """The same JSON in a fence, with a comma too many, the first price as "4.50 EUR", and one wrong label.

    The label is the last short word in a field that is no name: it is written "probably good". Text that is
    no JSON stays as it is.
    """
    value = _read(text)
    if value is None:
        return text
    priced = _first(value, _is_price, lambda price: f"{price} EUR")
    wrong = _last(priced, _is_label, lambda label: f"probably {label}")
    written = json.dumps(wrong, ensure_ascii=False, indent=1)
    with_comma = re.sub(r"(\s*[}\]])$", r",\1", written)
    return f"Here is the JSON:\n```json\n{with_comma}\n```"


def unfit(text: str) -> str:
    """JSON of another form than was asked for: it talks about the answer instead of giving it."""
    value = _read(text)
    if value is None:
        return text
    lists = [
        part for part in (value.values() if isinstance(value, dict) else [value]) if isinstance(part, list)
    ]
    count = len(lists[0]) if lists else 1
    return json.dumps({"summary": "I have found what you asked for.", "entries": count}, ensure_ascii=False)


def _read(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) else None


def _is_price(name: str, value: Any) -> bool:
    return bool(_MONEY.search(name)) and isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_label(name: str, value: Any) -> bool:
    return isinstance(value, str) and value.isalpha() and value.islower() and "name" not in name.lower()


_Wanted = Callable[[str, Any], bool]
_Change = Callable[[Any], Any]


def _first(value: Any, wanted: _Wanted, change: _Change) -> Any:
    """`value` with its first field that is wanted changed."""
    return _changed(value, wanted, change, {"left": 1}, backwards=False, name="")


def _last(value: Any, wanted: _Wanted, change: _Change) -> Any:
    return _changed(value, wanted, change, {"left": 1}, backwards=True, name="")


def _changed(
    value: Any, wanted: _Wanted, change: _Change, budget: dict[str, int], *, backwards: bool, name: str
) -> Any:
    if isinstance(value, (dict, list)):
        keys = list(value if isinstance(value, dict) else range(len(value)))
        found = {
            key: _changed(
                value[key],
                wanted,
                change,
                budget,
                backwards=backwards,
                name=key if isinstance(key, str) else name,
            )
            for key in (reversed(keys) if backwards else keys)
        }
        return {key: found[key] for key in keys} if isinstance(value, dict) else [found[key] for key in keys]
    if budget["left"] and wanted(name, value):
        budget["left"] = 0
        return change(value)
    return value
