"""The table of tiers in use: found by name, filtered, and changed by the user.

The shipped rows live in `tiers.json`, each fact with its source and the date it was checked. A row can be
added or overridden with `add_tier` or a TOML file (`add_tiers`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from glm_magics._lang import _
from glm_magics._tier import Tier, name_key, parse_size
from glm_magics._tier_rows import rows_of_toml, tier_from
from glm_magics.errors import SettingError, UnknownTier

__all__ = ["Tiers", "add_tier", "add_tiers", "any_of", "load_toml", "tiers"]


@dataclass(frozen=True, slots=True)
class Tiers:
    """An immutable table of tiers, found by id or alias. `checked` is the date of the whole table.

    Names are matched without regard to case, `_` and a space count as `-`, and every glm-X answers to X too.
    """

    rows: tuple[Tier, ...]
    checked: date | None = None
    _by_name: Mapping[str, Tier] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # An id wins over an alias, an alias over the short form of an id.
        by_name = {_short(tier.id): tier for tier in reversed(self.rows)}
        by_name |= {name: tier for tier in self.rows for alias in tier.aliases for name in _forms(alias)}
        by_name |= {name_key(tier.id): tier for tier in self.rows}
        object.__setattr__(self, "_by_name", by_name)

    @classmethod
    def load(cls) -> Tiers:
        """The table as it is shipped."""
        return _shipped()

    def __iter__(self) -> Iterator[Tier]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """Every id and every alias, for completion."""
        return tuple(name for tier in self.rows for name in (tier.id, *tier.aliases))

    def get(self, name: str) -> Tier | None:
        return self._by_name.get(name_key(name))

    def find(self, name: str) -> Tier:
        """The tier of this id or alias.

        Raises `UnknownTier` with the nearest names, or with the several that the name may mean.
        """
        tier = self.get(name)
        if tier is not None:
            return tier
        if not name_key(name):
            raise UnknownTier(_("no tier is named"))
        meant = self._containing(name)
        if len(meant) > 1:
            raise UnknownTier(
                _("{name!r} can mean {names}: give one of these in full").format(
                    name=name, names=any_of(meant)
                )
            )
        nearest = meant or self.nearest(name)
        guess = _(": did you mean {names}?").format(names=", ".join(nearest)) if nearest else ""
        raise UnknownTier(_("{name!r} is not a tier{guess}").format(name=name, guess=guess))

    def nearest(self, name: str) -> tuple[str, ...]:
        """The ids whose own name or alias is spelt most like `name`, best first; () when nothing is close."""
        from difflib import SequenceMatcher  # only a misspelt name needs it

        matcher = SequenceMatcher(b=_short(name))
        likeness: dict[str, float] = {}
        for known, tier in self._by_name.items():
            matcher.set_seq1(_short(known))
            likeness[tier.id] = max(likeness.get(tier.id, 0.0), matcher.ratio())
        best = max(likeness.values(), default=0.0)
        close = [id for id, ratio in likeness.items() if ratio >= max(0.6, best - 0.1)]
        return tuple(sorted(close, key=lambda id: (-likeness[id], id))[:3])

    def filter(
        self,
        *,
        free: bool | None = None,
        vision: bool | None = None,
        thinking: bool | None = None,
        context: int | str | None = None,
        tools: bool | None = None,
        json: bool | None = None,
        currency: str | None = None,
    ) -> tuple[Tier, ...]:
        """The tiers known to fit; one whose fact is unknown fits neither True nor False.

        `context` is the least number of tokens ("200k"), `currency` one in which a price is known.
        """
        least = None if context is None else parse_size(context)

        def fits(tier: Tier) -> bool:
            asked = (
                (free, tier.free if tier.prices else None),
                (vision, tier.vision),
                (thinking, None if tier.thinking is None else tier.can_think),
                (tools, tier.tools),
                (json, tier.json_object),
            )
            return (
                all(wanted is None or fact is wanted for wanted, fact in asked)
                and (least is None or (tier.context is not None and tier.context >= least))
                and (currency is None or currency.upper() in tier.prices)
            )

        return tuple(tier for tier in self.rows if fits(tier))

    def with_tier(self, tier: Tier) -> Tiers:
        """This table with the tier added, or in place of the row of its id. Its aliases leave other tiers.

        Raises `SettingError` when an alias is another tier's id.
        """
        taken = {form for alias in tier.aliases for form in _forms(alias)}
        rows = []
        for row in self.rows:
            if name_key(row.id) == name_key(tier.id):
                continue
            if name_key(row.id) in taken:
                raise SettingError(
                    f"tier {tier.id}: the alias {row.id!r} is another tier's id",
                    hint="Choose another alias, or override that tier by using its id.",
                )
            kept = tuple(alias for alias in row.aliases if not taken.intersection(_forms(alias)))
            rows.append(row if kept == row.aliases else replace(row, aliases=kept))
        places = {name_key(row.id): place for place, row in enumerate(self.rows)}
        rows.insert(places.get(name_key(tier.id), len(rows)), tier)
        return Tiers(tuple(rows), self.checked)

    def with_row(self, row: Mapping[str, Any]) -> Tiers:
        """As `with_tier`, from a row: one with a known id changes only the fields it names."""
        base = self._of_id(str(row.get("id", "")))
        tier = tier_from(row, base=base)
        return self.with_tier(tier if base is None else replace(tier, id=base.id))

    def stale(self, today: date, *, days: int = 180) -> tuple[Tier, ...]:
        """The rows last checked more than `days` ago: their facts may have changed."""
        return tuple(t for t in self.rows if t.checked is not None and (today - t.checked).days > days)

    def _of_id(self, id: str) -> Tier | None:
        tier = self.get(id)
        return tier if tier is not None and name_key(tier.id) == name_key(id) else None

    def _containing(self, name: str) -> tuple[str, ...]:
        """Ids with `name` as whole words inside: z1 is in glm-z1-air, but 4.5 is not in glm-4.5v."""
        part = _short(name)
        return tuple(tier.id for tier in self.rows if part and f"-{part}-" in f"-{name_key(tier.id)}-")


_current: Tiers | None = None


def tiers() -> Tiers:
    """The table in use: the shipped one, with whatever `add_tier` put over it."""
    return _shipped() if _current is None else _current


def add_tier(tier: Tier | Mapping[str, Any]) -> Tier:
    """Add a tier to the table in use, or override one; returns it as it now stands.

    A mapping is a row as in `tiers.json`; with a known id it changes only the fields it names.
    Raises `SettingError` when the row is malformed.
    """
    global _current
    table = tiers().with_tier(tier) if isinstance(tier, Tier) else tiers().with_row(tier)
    _current = table
    return table.find(tier.id if isinstance(tier, Tier) else tier["id"])


def add_tiers(path: str | Path) -> Tiers:
    """Put the `[[tiers]]` of a TOML file over the table in use; returns the table as it now stands.

    Raises `SettingError` when the file cannot be read or a row is malformed; the table is unchanged then.
    """
    global _current
    _current = load_toml(path)
    return _current


def load_toml(path: str | Path, *, over: Tiers | None = None) -> Tiers:
    """`over` (the table in use) with the `[[tiers]]` of a TOML file added or overriding.

    Raises `SettingError` when the file cannot be read or a row is malformed.
    """
    table = tiers() if over is None else over
    try:
        for row in rows_of_toml(Path(path)):
            table = table.with_row(row)
    except SettingError as error:
        message = error.message if str(path) in error.message else f"{path}: {error.message}"
        raise SettingError(message, hint=error.hint) from error
    return table


@cache
def _shipped() -> Tiers:
    # Not importlib.resources: importing it costs more than all of this, and the package is never zipped.
    table = json.loads(Path(__file__).with_name("tiers.json").read_text(encoding="utf-8"))
    return Tiers(tuple(map(tier_from, table["tiers"])), date.fromisoformat(table["checked"]))


def _short(name: str) -> str:
    return name_key(name).removeprefix("glm-")


def _forms(name: str) -> tuple[str, str]:
    return name_key(name), _short(name)


def any_of(names: Sequence[str]) -> str:
    """`names` as words: a, b or c."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + _(" or ") + names[-1]
