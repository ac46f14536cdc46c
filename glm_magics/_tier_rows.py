"""Rows of `tiers.json` and of TOML files become tiers; a malformed row is an error that names the field.

[[tiers]]
id = "my-glm"                       # an id of the table overrides that row, field by field
context = "32k"
thinking = "hybrid"
prices.USD = { input = 0.1, output = 0.4 }
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias, get_args

from glm_magics._tier import ImageLimits, Price, PriceStep, Range, Thinking, Tier, name_key, parse_size
from glm_magics.errors import SettingError

__all__ = ["rows_of_toml", "tier_from", "toml_of", "toml_table"]


def tier_from(row: Mapping[str, Any], *, base: Tier | None = None) -> Tier:
    """A tier from a row as in `tiers.json`; fields it does not name are taken from `base`.

    Numbers of tokens may be written "32k"; a price with a single step needs no list around it.
    Raises `SettingError` naming the field, what it expects and what came.
    """
    name = row.get("id", base.id if base else None)
    values = {key: _read(name, key, value) for key, value in row.items()}
    if base is not None:
        return replace(base, **values)
    if "id" not in values:
        raise SettingError('a tier row has no "id"', hint='Give it one: {"id": "my-model", …}.')
    return Tier(**values)


def rows_of_toml(path: Path) -> list[dict[str, Any]]:
    """The `[[tiers]]` of a file. Raises `SettingError` when it cannot be read or has none."""
    rows = toml_table(path).get("tiers")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingError(
            f"{path} has no [[tiers]] rows", hint='Write one: [[tiers]], then id = "my-model".'
        )
    return rows


def toml_table(path: Path) -> dict[str, Any]:
    """A TOML file, its numbers exact. Raises `SettingError` when it cannot be read."""
    try:
        return toml_of(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}", hint="Check the path.") from error
    except ValueError as error:
        raise SettingError(f"{path} is not TOML: {error}", hint="Correct the file at that place.") from error


def toml_of(text: str) -> dict[str, Any]:
    """The table that is written in `text`, its numbers exact. Raises `ValueError` for what is not TOML."""
    try:
        table: dict[str, Any] = _toml_reader().loads(text, parse_float=Decimal)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return table


def _toml_reader() -> Any:
    for name in ("tomllib", "tomli"):  # the first is Python 3.11's own
        with suppress(ImportError):
            return import_module(name)
    raise SettingError(
        "Python 3.10 has no TOML reader of its own", hint="`pip install tomli`, or use a newer Python."
    )


def _read(tier: object, key: str, value: object) -> Any:
    if key not in _READERS:
        raise SettingError(f"tier {tier}: no field is called {key!r}", hint=f"Known: {', '.join(_READERS)}.")
    reader, expected = _READERS[key]
    try:
        return reader(value)
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation):
        raise SettingError(
            f"tier {tier}: {key} takes {expected}, got {value!r}", hint="Correct the row."
        ) from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _name(value: Any) -> str:
    if not name_key(_text(value)):
        raise ValueError
    return _text(value).strip()


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError
    return tuple(map(_name, value))


def _date(value: Any) -> date | None:
    return value if value is None or isinstance(value, date) else date.fromisoformat(value)


def _tokens(value: Any) -> int | None:
    if value is None:
        return None
    try:
        return parse_size(value)
    except SettingError:
        raise ValueError from None


def _fact(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise TypeError
    return value


def _thinking(value: Any) -> Thinking | None:
    if value is not None and value not in get_args(Thinking):
        raise ValueError
    return value  # type: ignore[no-any-return]


def _range(value: Any) -> Range | None:
    if value is None:
        return None
    numbers = {key: None if number is None else float(number) for key, number in value.items()}
    found = Range(**numbers)  # type: ignore[arg-type]
    if not found.minimum <= found.maximum:
        raise ValueError
    return found


def _images(value: Any) -> ImageLimits:
    if value is None:
        return ImageLimits()
    limits = ImageLimits(
        count=_counts(value.get("count") or {}),
        bytes=_whole(value.get("bytes")),
        side=_whole(value.get("side")),
        formats=_texts(value.get("formats") or ()),
        base64=_fact(value.get("base64")),
    )
    if value.keys() - {"count", "bytes", "side", "formats", "base64"}:
        raise KeyError
    return limits


def _whole(value: Any) -> int | None:
    if value is not None and (type(value) is not int or value < 1):
        raise ValueError
    return value


def _prices(value: Any) -> dict[str, Price]:
    return {_currency(currency): Price(currency.upper(), _steps(steps)) for currency, steps in value.items()}


def _currency(value: str) -> str:
    if not re.fullmatch("[A-Za-z]{3}", value):
        raise ValueError
    return value.upper()


def _steps(value: Any) -> tuple[PriceStep, ...]:
    steps = [value] if isinstance(value, Mapping) else value
    return tuple(PriceStep(**{key: _STEP[key](number) for key, number in step.items()}) for step in steps)


def _money(value: Any) -> Decimal:
    # A float such as 0.1 is taken as it is written, not as the binary number next to it.
    amount = Decimal(str(value))
    if not amount.is_finite() or amount < 0:
        raise ValueError
    return amount


_STEP: Mapping[str, Callable[[Any], Any]] = {
    "input": _money,
    "output": _money,
    "cached_input": lambda value: None if value is None else _money(value),
    "min_input_tokens": parse_size,
    "max_input_tokens": _tokens,
    "min_output_tokens": parse_size,
    "max_output_tokens": _tokens,
}


def _counts(value: Any) -> dict[str, int]:
    if not all(type(count) is int and count > 0 for count in value.values()):
        raise ValueError
    return {_text(level): count for level, count in value.items()}


def _strings(value: Any) -> dict[str, str]:
    return {_text(key): _text(text) for key, text in value.items()}


_Reader: TypeAlias = tuple[Callable[[Any], Any], str]
_TOKENS: _Reader = (_tokens, 'a number of tokens (131072 or "128k")')
_FACT: _Reader = (_fact, "true, false or nothing")
_RANGE: _Reader = (_range, "{minimum, maximum, default} in numbers")

_READERS: Mapping[str, _Reader] = {
    "id": (_name, "a name"),
    "aliases": (_texts, "a list of names"),
    "generation": (_text, "text"),
    "platforms": (_texts, "a list of names"),
    "status": (_text, "text"),
    "released": (_date, "a date (2026-11-21)"),
    "checked": (_date, "a date (2026-11-21)"),
    "context": _TOKENS,
    "max_output": _TOKENS,
    "thinking": (_thinking, f"one of {', '.join(get_args(Thinking))}"),
    "efforts": (_texts, "a list of names"),
    "tools": _FACT,
    "tool_stream": _FACT,
    "json_object": _FACT,
    "vision": _FACT,
    "images": (_images, "{count: {platform: number}, bytes, side, formats, base64}"),
    "temperature": _RANGE,
    "top_p": _RANGE,
    "prices": (
        _prices,
        '{"USD": {input, output, cached_input}} in money per million tokens, or a list of steps',
    ),
    "concurrency": (_counts, 'requests in flight by level ({"V0": 50})'),
    "sources": (_strings, "text by field"),
    "notes": (_text, "text"),
}
