"""JSON values as they are read, exactly: as Python's own, compared, and shown."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from glm_magics.structured.reader import Bare

__all__ = ["is_number", "plain", "same", "shown"]


def plain(value: Any) -> tuple[Any, str]:
    """A value that no schema describes, as Python's own types; and what is wrong with it, or ""."""
    if isinstance(value, Bare):
        if value == "" or value.lower() in ("nan", "undefined"):
            return None, ""
        if value.lower().lstrip("-+") in ("infinity", "inf"):
            return value, "should be a number, not infinity"
        several = value[:1].isdigit() and len(re.findall(r"\d+(?:[.,]\d+)*", value)) > 1
        return str(value), "should be one value" if several else ""
    if isinstance(value, Decimal):
        number = float(value)
        return (value if number in (float("inf"), float("-inf")) else number), ""
    if isinstance(value, dict):
        done = {key: plain(item) for key, item in value.items()}
        return {key: item for key, (item, _) in done.items()}, next(
            (why for _, why in done.values() if why), ""
        )
    if isinstance(value, list):
        items = [plain(item) for item in value]
        return [item for item, _ in items], next((why for _, why in items if why), "")
    return value, ""


def same(one: Any, other: Any) -> bool:
    """Equal, and of one kind: `1` is not `true`, `1.0` is the number 1."""
    if isinstance(one, str) and isinstance(other, str):
        return str(one) == str(other)
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        return is_number(one) and is_number(other) and one == other
    return type(one) is type(other) and one == other


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """The value as text that is not too long for a message."""
    text = str(value)
    return text if len(text) <= 80 else text[:80] + "…"
