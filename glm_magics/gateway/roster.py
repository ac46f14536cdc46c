"""Who is in the class and what each may do: `class.toml`, as values.

platform = "bigmodel"            # "bigmodel" (prices in CNY) or "z.ai" (USD)
tiers = ["glm-4.5-air", "glm-4.7-flash"]
budget = 2.00                    # each student's, for the whole class
requests_a_minute = 20
at_once = 2                      # requests of one student at the same time
max_tokens = 4096                # the longest answer, thinking included

[students.anna]
[students.ben]
budget = 5.00                    # a student may have settings of their own
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from glm_magics._tier_rows import toml_table
from glm_magics._tiers import tiers
from glm_magics.chat import Cost
from glm_magics.errors import SettingError, UnknownTier

__all__ = ["Roster", "Student", "read_roster"]

_CURRENCIES = {"bigmodel": "CNY", "z.ai": "USD"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Student:
    """`tiers` are ids, `budget` is for all requests together, `max_tokens` for one answer."""

    name: str
    tiers: tuple[str, ...]
    budget: Cost
    requests_a_minute: int
    at_once: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Roster:
    file: Path
    platform: str
    students: Mapping[str, Student]

    @property
    def currency(self) -> str:
        return _CURRENCIES[self.platform]

    @property
    def tokens_file(self) -> Path:
        return self.file.with_suffix(".tokens.csv")

    @property
    def budget_file(self) -> Path:
        return self.file.with_suffix(".budget")


_SETTINGS = tuple(field.name for field in fields(Student) if field.name != "name")


def read_roster(file: Path) -> Roster:
    """The class of a file. Raises `SettingError`, which names the setting and what it expects."""
    table = toml_table(file)
    platform, students = table.pop("platform", None), table.pop("students", None)
    if platform not in _CURRENCIES:
        raise _wrong(file, "platform", " or ".join(map(repr, _CURRENCIES)), platform)
    if not isinstance(students, dict) or not students:
        raise _wrong(file, "students", "a table for each, such as [students.anna]", students)
    currency = _CURRENCIES[platform]
    return Roster(
        file=file.absolute(),
        platform=platform,
        students={name: _student(file, name, table, own, currency) for name, own in students.items()},
    )


def _student(file: Path, name: str, shared: Mapping[str, Any], own: Any, currency: str) -> Student:
    if not _NAME.fullmatch(name) or not isinstance(own, dict):
        raise _wrong(file, f"students.{name}", "a name of letters and digits, and settings", own)
    settings = {**shared, **own}
    unknown = sorted(settings.keys() - set(_SETTINGS))
    if unknown:
        raise _wrong(file, unknown[0], f"no setting of this name, but {', '.join(_SETTINGS)}", "one")
    return Student(
        name=name,
        tiers=_tiers(file, settings.get("tiers"), currency),
        budget=Cost(_amount(file, settings.get("budget")), currency),
        requests_a_minute=_count(file, settings, "requests_a_minute"),
        at_once=_count(file, settings, "at_once"),
        max_tokens=_count(file, settings, "max_tokens"),
    )


def _tiers(file: Path, names: Any, currency: str) -> tuple[str, ...]:
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _wrong(file, "tiers", 'a list of tiers such as ["glm-4.5-air"]', names)
    try:
        found = [tiers().find(name) for name in names]
    except UnknownTier as error:
        problem = error.message
    else:
        unpriced = [tier.id for tier in found if currency not in tier.prices or not tier.max_output]
        if not unpriced:
            return tuple(tier.id for tier in found)
        problem = f"{', '.join(unpriced)} has no known price in {currency}, so no budget can hold for it"
    raise SettingError(f"{file.name}: tiers: {problem}.", hint="`%glm tiers` lists tiers and prices.")


def _amount(file: Path, value: Any) -> Decimal:
    known = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    if not known or not Decimal(value).is_finite() or Decimal(value) <= 0:
        raise _wrong(file, "budget", "an amount of money above 0", value)
    return Decimal(value)


def _count(file: Path, settings: Mapping[str, Any], name: str) -> int:
    value = settings.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(file, name, "a whole number, 1 or more", value)
    return value


def _wrong(file: Path, setting: str, expected: str, got: Any) -> SettingError:
    came = "nothing" if got is None else str(got) if isinstance(got, Decimal) else repr(got)
    return SettingError(f"{file.name}: {setting}: expected {expected}, got {came}.", hint="Correct the file.")
