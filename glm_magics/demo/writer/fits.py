"""Whether a found value keeps to its shape's limits, and the emptiest value that does.

The emptiest value stands where a value must and none was found. It never looks like a fact: 0, "", "???",
the first label, the first of January 1970.
"""

from __future__ import annotations

import math
import re
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from glm_magics.demo.writer.pattern import sample
from glm_magics.demo.writer.shape import Limits, Shape

__all__ = ["emptiest", "fits", "nearest_within"]

_NIL = "00000000-0000-0000-0000-{:012d}"


def fits(shape: Shape, value: Any) -> bool:
    """Whether a scalar `value` keeps to the limits of `shape`."""
    limits = shape.limits
    if shape.kind in ("integer", "number", "decimal"):
        return _in_bounds(limits, float(value))
    if shape.kind != "string":
        return True
    if len(value) < limits.shortest or (limits.longest is not None and len(value) > limits.longest):
        return False
    return limits.pattern is None or _matches(limits.pattern, value)


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _in_bounds(limits: Limits, value: float) -> bool:
    if (limits.low is not None and value < limits.low) or (limits.high is not None and value > limits.high):
        return False
    if (limits.above is not None and value <= limits.above) or (
        limits.below is not None and value >= limits.below
    ):
        return False
    return not limits.step or Fraction(str(value)) % Fraction(str(limits.step)) == 0


def emptiest(shape: Shape, number: int = 0) -> Any:
    """The emptiest value of `shape`; for other numbers other values, where there are others."""
    match shape.kind:
        case "object":
            return _object(shape, number)
        case "array":
            return [] if not shape.limits.shortest else _items(shape, shape.limits.shortest, number)
        case "tuple":
            return [emptiest(part, number + n) for n, part in enumerate(shape.parts)]
        case "union":
            return emptiest(shape.parts[0], number)
        case "enum":
            return shape.options[min(number, len(shape.options) - 1)]
        case "null" | "never":
            return None
        case _:
            return _scalar(shape, number)


def _object(shape: Shape, number: int) -> dict[str, Any]:
    fields = {name: emptiest(part, number) for name, part in shape.fields if not part.optional}
    free = shape.item
    if free is not None:
        fields |= {f"key{n + 1}": emptiest(free, number + n) for n in range(shape.limits.shortest)}
    return fields


def _items(shape: Shape, count: int, number: int) -> list[Any]:
    return [emptiest(shape.item, number + n) if shape.item else None for n in range(count)]


def _scalar(shape: Shape, number: int) -> Any:
    match shape.kind:
        case "integer" | "number" | "decimal":
            value = nearest_within(shape, number)
            return str(value) if shape.kind == "decimal" else value
        case "boolean":
            return number % 2 == 1
        case "date":
            return str(date(1970, 1, 1) + timedelta(days=number))
        case "datetime":
            return f"{date(1970, 1, 1) + timedelta(days=number)}T00:00:00"
        case "time":
            return f"00:{number // 60 % 60:02}:{number % 60:02}"
        case "duration":
            return f"PT{number}S"
        case "uuid":
            return _NIL.format(number)
        case _:
            return _text(shape.limits, number)


def _text(limits: Limits, number: int) -> str:
    if limits.pattern is not None:
        found = sample(limits.pattern, number, shortest=limits.shortest, longest=limits.longest)
        if found is not None:
            return found
    text = f"?{number}" if number else ""
    text = text.rjust(limits.shortest, "?")
    return text if limits.longest is None else text[max(0, len(text) - limits.longest) :]


def nearest_within(shape: Shape, number: int = 0) -> int | float:
    """The number in bounds nearest to 0, then its neighbours upwards (or downwards, at an upper end)."""
    limits = shape.limits
    step = _step(shape)
    least = _ceil(limits.low, step, strict=False), _ceil(limits.above, step, strict=True)
    most = _floor(limits.high, step, strict=False), _floor(limits.below, step, strict=True)
    low = max((value for value in least if value is not None), default=None)
    high = min((value for value in most if value is not None), default=None)
    if low is not None and high is not None and low > high:
        return _plain(shape, _between(limits))
    start = max(Fraction(0), low) if low is not None else Fraction(0)
    start = min(start, high) if high is not None else start
    moved = start + number * step
    if high is not None and moved > high:
        moved = start - number * step
    if low is not None and moved < low:
        moved = start
    return _plain(shape, moved)


def _step(shape: Shape) -> Fraction:
    """How far apart the values to choose from are: what the schema says, or 1, or less in a narrow gap."""
    if shape.limits.step:
        step = Fraction(str(shape.limits.step))
        return step if shape.kind != "integer" else step * step.denominator
    if shape.kind == "integer":
        return Fraction(1)
    low, high = shape.limits.low, shape.limits.high
    low = shape.limits.above if low is None else low
    high = shape.limits.below if high is None else high
    if low is None or high is None or high - low >= 4:
        return Fraction(1)
    width = max(high - low, 1e-9)
    return Fraction(1, 10 ** (1 - math.floor(math.log10(width))))


def _between(limits: Limits) -> Fraction:
    """Where no multiple of the step lies between the bounds: the middle."""
    low = limits.low if limits.low is not None else limits.above
    high = limits.high if limits.high is not None else limits.below
    return (Fraction(str(low or 0)) + Fraction(str(high or 0))) / 2


def _ceil(bound: float | None, step: Fraction, *, strict: bool) -> Fraction | None:
    if bound is None:
        return None
    whole = math.ceil(Fraction(str(bound)) / step) * step
    return whole + step if strict and whole == Fraction(str(bound)) else whole


def _floor(bound: float | None, step: Fraction, *, strict: bool) -> Fraction | None:
    if bound is None:
        return None
    whole = math.floor(Fraction(str(bound)) / step) * step
    return whole - step if strict and whole == Fraction(str(bound)) else whole


def _plain(shape: Shape, value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else round(value) if shape.kind == "integer" else float(value)
