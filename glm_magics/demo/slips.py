"""Tiers that differ: a stated share of the labels that a tier of the demo gives is wrong, unsure or guessed.

Which rows these are depends on the row and the tier alone, so it is the same each time, and the same for a
row asked alone or with others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from glm_magics._tiers import tiers
from glm_magics.errors import SettingError

if TYPE_CHECKING:
    from glm_magics.demo.writer.shape import Shape

__all__ = ["NO_SLIPS", "Slip", "Slips", "parse_slips"]

Kind: TypeAlias = Literal["wrong", "unsure", "guess"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_FORM = "TIER:KIND:SHARE, such as glm-4.5-air:wrong:0.1"
_UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Slip:
    """The share of a tier's rows that are labelled so: `wrong` with one of the other labels, `unsure` with
    the label "unsure" where it is offered, `guess` with the label that is offered first.
    """

    tier: str
    kind: Kind
    share: float


@dataclass(frozen=True, slots=True)
class Slips:
    """Those of one tier; no row is in two of them."""

    of: tuple[Slip, ...] = ()

    def labelled(self, shape: Shape, value: Any, question: str) -> Any:
        """The `value` of a row, with other labels if it is one that the tier slips on."""
        if not self.of or not isinstance(value, dict):
            return value
        kind = self._kind(question)
        labels = {name: part.options for name, part in shape.fields if part.kind == "enum"}
        if kind is None or not labels:
            return value
        return {
            name: _slipped(kind, labels[name], part, question) if name in labels else part
            for name, part in value.items()
        }

    def _kind(self, question: str) -> Kind | None:
        chance = _chance(f"{self.of[0].tier}\n{question}")
        for slip in self.of:
            if chance < slip.share:
                return slip.kind
            chance -= slip.share
        return None


NO_SLIPS = Slips()


def parse_slips(text: str | None) -> Mapping[str, Slips]:
    """The slips of each tier, by id, of a list with commas in it. Raises `SettingError` for a bad one."""
    found = [_read(part) for part in text.split(",")] if text else []
    of_tiers: dict[str, Slips] = {}
    for slip in found:
        known = of_tiers.get(slip.tier, Slips()).of
        of_tiers[slip.tier] = Slips((*known, slip))
        total = sum(each.share for each in of_tiers[slip.tier].of)
        if total > 1:
            raise SettingError(f"slips: the shares of {slip.tier} add up to {total:g}, which is more than 1.")
    return of_tiers


def _read(text: str) -> Slip:
    name, _, rest = text.partition(":")
    kind, _, share = rest.partition(":")
    tier = tiers().get(name)
    if tier is None:
        raise SettingError(f"slips: {name!r} is no tier.", hint=f"Write {_FORM}.")
    known = next((each for each in KINDS if each == kind), None)
    if known is None:
        raise SettingError(f"slips: expected {', '.join(KINDS)}, got {kind!r}.", hint=f"Write {_FORM}.")
    try:
        number = float(share)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise SettingError(f"slips: expected a share from 0 to 1, got {share!r}.", hint=f"Write {_FORM}.")
    return Slip(tier.id, known, number)


def _slipped(kind: Kind, options: Sequence[Any], label: Any, question: str) -> Any:
    if kind == "unsure":
        return _UNSURE if _UNSURE in options else label
    sure = [option for option in options if option not in (None, _UNSURE)]
    if kind == "guess":
        return sure[0] if sure else label
    others = sorted((option for option in sure if option != label), key=str)
    return others[int(_chance(f"label\n{question}") * len(others))] if others else label


def _chance(text: str) -> float:
    """A number from 0 up to 1 for the lines of a text, in whatever order they stand."""
    lines = sorted(line.strip() for line in text.splitlines() if line.strip())
    return int.from_bytes(hashlib.sha256("\n".join(lines).encode()).digest()[:7], "big") / 2**56
