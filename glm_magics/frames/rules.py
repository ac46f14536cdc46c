"""How much of a table may leave the machine: four levels, columns to withhold, and a budget of tokens.

- `schema`: names, types and counts. No value of any cell, label of a row, category, bound or average.
- `stats`: also aggregates. Quartiles, mean and deviation of at least 10 values, rounded to 3 digits (dates to
  the month), and the categories that at least 10 rows share. No least, greatest or rare value, and no row.
- `sample`: also exact bounds and the most frequent values, and at most 20 rows.
- `full`: also as many rows as the budget takes, all of them if it can.

A masked column sends its name and type only, at every level, also as a level of the index, as a level of the
columns' names, and as a key inside nested cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from glm_magics.chat import Privacy
from glm_magics.errors import SettingError

__all__ = ["DATA_TOKENS", "FEW", "LEAST_TOKENS", "SAMPLE_ROWS", "Rules", "check_mask", "is_masked", "spelled"]

FEW = 10  # at `stats`, what fewer rows than this share stays here
SAMPLE_ROWS = 20
LEAST_TOKENS = 200  # what the names of a table and a few words about it take
DATA_TOKENS = 8_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be sent of one table: at most `tokens`, at a level, without the columns of `mask`."""

    tokens: int = DATA_TOKENS
    privacy: Privacy = "full"
    mask: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.privacy not in get_args(Privacy):
            levels = ", ".join(get_args(Privacy))
            raise SettingError(f"privacy {self.privacy!r}: expected one of {levels}.")
        if self.tokens < LEAST_TOKENS:
            raise SettingError(
                f"{self.tokens:,} tokens are too few for a table: {LEAST_TOKENS:,} is the least.",
                hint="Raise --data-tokens, lower --max-tokens, or attach fewer tables. Nothing was sent.",
            )

    @property
    def has_stats(self) -> bool:
        return self.privacy != "schema"

    @property
    def has_rows(self) -> bool:
        return self.privacy in ("sample", "full")


def is_masked(label: Any, mask: Sequence[str]) -> bool:
    """Whether `mask` names a column, or a level of the name of one."""
    parts = [label, *label] if isinstance(label, tuple) else [label]
    return any(str(part) in mask for part in parts) or spelled(label) in mask


def spelled(label: Any) -> str:
    """The name of a column as it is shown: the levels of a MultiIndex with slashes between them."""
    return "/".join(str(part) for part in label) if isinstance(label, tuple) else str(label)


def check_mask(mask: Iterable[str], labels: Iterable[Any]) -> None:
    """Raises `SettingError` for a name that no attached table has: what was meant would be sent."""
    known = list(labels)
    for name in mask:
        if not any(is_masked(label, (name,)) for label in known):
            near = get_close_matches(name[:80], [spelled(label)[:80] for label in known], n=1, cutoff=0.6)
            raise SettingError(
                f"mask {name}: no attached table has a column of that name."
                + (f" Did you mean {near[0]}?" if near else ""),
                hint="Nothing was sent.",
            )
