"""How fast each tier answers, as data: plausible figures for a demonstration, not measurements."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pace", "pace_of"]


@dataclass(frozen=True, slots=True)
class Pace:
    """`first_token_seconds` before the first token, then `tokens_per_second`."""

    tokens_per_second: float
    first_token_seconds: float

    def seconds(self, tokens: int) -> float:
        return self.first_token_seconds + tokens / self.tokens_per_second


# The first name that occurs in the tier's id decides.
_PACES = (
    ("airx", Pace(150, 0.25)),
    ("flashx", Pace(130, 0.3)),
    ("flash", Pace(90, 0.4)),
    ("turbo", Pace(90, 0.4)),
    ("air", Pace(70, 0.5)),
    ("-x", Pace(100, 0.4)),
    ("long", Pace(40, 1.2)),
    ("plus", Pace(35, 0.8)),
    ("z1", Pace(60, 0.6)),
    ("5.3", Pace(50, 1.0)),
    ("5.2", Pace(50, 1.0)),
)
_USUAL = Pace(55, 0.8)


def pace_of(tier_id: str, *, thinking: bool = False) -> Pace:
    """The pace of a tier; one that thinks takes half as long again to its first token and writes slower."""
    pace = next((pace for name, pace in _PACES if name in tier_id), _USUAL)
    if not thinking:
        return pace
    return Pace(pace.tokens_per_second * 0.8, pace.first_token_seconds * 1.5)
