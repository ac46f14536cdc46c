"""A text to find values in, with the facts that stand in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from glm_magics.demo.writer import facts
from glm_magics.demo.writer.lexicon import ALIASES

__all__ = ["Source"]

_Offered = TypeVar("_Offered", str, int, float)


@dataclass
class Source:
    """A text, and the cells of its own row where it is one of a table. Facts are looked for once.

    What was taken once (a number, a name) is not offered to the next field. `hits` counts what was found.
    """

    text: str
    row: Mapping[str, Any] = field(default_factory=dict)
    used: set[Any] = field(default_factory=set)
    hits: int = 0

    def cell(self, name: str) -> Any:
        """The value in the column of this name, in either language; None when there is no such column."""
        if not self.row:
            return None
        found = (self._cells.get(_plain(spelling)) for spelling in spellings(name))
        return next((value for value in found if value is not None), None)

    def said(self, name: str) -> str | None:
        """What stands after `name:`, in either language."""
        if not self._has_labels:
            return None
        found = (facts.labelled(self.text, spelling) for spelling in spellings(name) if spelling)
        return next((value for value in found if value), None)

    def take(self, offered: Sequence[_Offered]) -> _Offered | None:
        """The first of these that no field has yet."""
        fresh = next((value for value in offered if value not in self.used), None)
        if fresh is not None:
            self.used.add(fresh)
        return fresh

    @cached_property
    def _has_labels(self) -> bool:
        return re.search(r"[:：=是为]|\bis\b", self.text, re.IGNORECASE) is not None

    @cached_property
    def _cells(self) -> dict[str, Any]:
        return {_plain(str(key)): value for key, value in reversed(list(self.row.items()))}

    @cached_property
    def numbers(self) -> list[facts.Number]:
        return facts.numbers(self.text)

    @cached_property
    def dates(self) -> list[str]:
        return facts.dates(self.text)

    @cached_property
    def names(self) -> list[str]:
        return facts.names(self.text)


@lru_cache(maxsize=512)
def spellings(name: str) -> list[str]:
    """A field's name and what it is called in the other language."""
    key = name.lower()
    return [name, *ALIASES.get(key, "").split(), *(en for en, zh in ALIASES.items() if key in zh.split())]


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
