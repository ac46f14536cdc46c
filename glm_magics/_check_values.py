"""Answers as plain data for a check: compared without asking their classes, and shown on one line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from glm_magics._lang import _
from glm_magics.chat import Completion
from glm_magics.errors import CheckFailed

__all__ = ["LONGEST", "as_number", "as_value", "difference", "one_line", "same", "shown", "text_of"]

LONGEST = 200  # characters of what a check expected, or of a reason
_SHOWN = 80  # characters of an answer that an error shows
_MOST_DIGITS = 400
_PLAIN = (str, int, float, bool, Decimal, list, tuple, dict, type(None))


def as_value(value: Any) -> Any:
    """As built-in data: the text of an answer, the number in a scalar of numpy."""
    if isinstance(value, Completion):
        return value.text.strip() if value.value is None else value.value
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    return value.strip() if isinstance(value, str) else value


def text_of(answer: Any, check: str) -> str:
    value = answer.text.strip() if isinstance(answer, Completion) else as_value(answer)
    if isinstance(value, (str, int, float, Decimal)):
        return str(value)
    raise CheckFailed(
        _("Expected text to check {check} of, got {came}.").format(check=check, came=shown(value)),
        hint=_("Bind the answer itself."),
    )


def as_number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    text = str(value)
    try:
        number = Decimal(text) if len(text) <= _MOST_DIGITS else None
    except ArithmeticError:
        return None
    if number is None or not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        return None
    return number


def same(expected: Any, came: Any) -> bool:
    """Equal as data; the `==` of any other class is not asked, for it may say yes to everything."""
    if type(came) not in _PLAIN:
        return False
    if isinstance(came, (list, tuple)) and isinstance(expected, (list, tuple)):
        return len(came) == len(expected) and all(map(same, map(as_value, expected), map(as_value, came)))
    if isinstance(came, dict) and isinstance(expected, dict):
        return came.keys() == expected.keys() and all(
            same(expected[key], as_value(came[key])) for key in came
        )
    if isinstance(came, bool) or isinstance(expected, bool):
        return came is expected or str(came) == expected
    return bool(expected == came)


def difference(expected: Any, came: Any) -> tuple[str, Any, Any]:
    """The first part that differs: where it is in words ("" for the whole), what was expected, what came."""
    parts: list[tuple[Any, Any, Any]] = []
    if isinstance(expected, dict) and isinstance(came, dict) and expected.keys() == came.keys():
        parts = [(key, expected[key], came[key]) for key in expected]
    elif isinstance(expected, (list, tuple)) and isinstance(came, (list, tuple)):
        pairs = zip(expected, came, strict=True) if len(expected) == len(came) else ()
        parts = [(f"[{n}]", *pair) for n, pair in enumerate(pairs)]
    for key, wanted, got in parts:
        if not same(as_value(wanted), as_value(got)):
            return _(" for {part}").format(part=one_line(str(key))), wanted, got
    return "", expected, came


def shown(value: Any, most: int = _SHOWN) -> str:
    kept = value if isinstance(value, _PLAIN) and not isinstance(value, type) else None
    if kept is None and value is not None:
        return _("a {kind}").format(kind=type(value).__name__)
    number = None if isinstance(kept, bool) else as_number(kept)
    if number is not None:
        return one_line(f"{number:f}" if abs(number.adjusted()) < _SHOWN else str(number))
    return one_line(repr(kept) if isinstance(kept, str) else str(kept), most)


def one_line(text: str, most: int = _SHOWN) -> str:
    from glm_magics.render import reveal

    line = " ".join(reveal(text).split())
    return line if len(line) <= most else f"{line[:most]}…"
