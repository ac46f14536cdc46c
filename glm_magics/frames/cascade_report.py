"""What a cascade did: how far the cheap tier can be relied on, what it cost and what it saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from glm_magics.chat import Cost
from glm_magics.errors import SettingError
from glm_magics.frames.interval import Interval, wilson

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CASCADE", "CascadeReport", "report_of"]

CASCADE = "glm_cascade"  # in a result's attrs, as plain values


@dataclass(frozen=True, slots=True)
class CascadeReport:
    """`calibrated` rows were asked of both tiers; of these the cheap one was sure about `kept`, and `agreed`
    of them it answered as the strong one did. Of the other rows `stayed` have the cheap tier's answer, and
    `escalated` went to the strong one. `accuracy` is the agreement that was asked for, `trusted` whether it
    was shown. `unanswered` rows have no answer of either. Money is in `currency`, as exact decimals in texts;
    None where it is not known.
    """

    cheap: str
    strong: str
    rows: int
    calibrated: int
    kept: int
    agreed: int
    accuracy: float | None
    trusted: bool
    stayed: int
    escalated: int
    unanswered: int
    spent: str | None = None
    strong_only: str | None = None
    currency: str | None = None

    @property
    def agreement(self) -> Interval:
        """How often a row that stays cheap is answered as the strong tier would, with its 95 % interval."""
        return wilson(self.agreed, self.kept)

    @property
    def escalated_share(self) -> float | None:
        """Of the rows beyond the calibration."""
        others = self.stayed + self.escalated
        return self.escalated / others if others else None

    @property
    def saved(self) -> Cost | None:
        """Against asking the strong tier for all rows that were answered now, and not from the cache, at what
        a row cost in the calibration; below zero where the cascade was dearer."""
        if self.spent is None or self.strong_only is None:
            return None
        return Cost(Decimal(self.strong_only) - Decimal(self.spent), self.currency or "")

    def plain(self) -> dict[str, Any]:
        """The values, as they stand in `attrs`, where JSON can take them."""
        return asdict(self)

    def __str__(self) -> str:
        open_ = [f"{self.unanswered:,} rows have no answer: see .glm.errors()."] if self.unanswered else []
        return "\n".join([self._agreed(), *self._went(), *open_, self._money()])

    __repr__ = __str__

    def _agreed(self) -> str:
        return (
            f"Cascade {self.cheap} → {self.strong}, {self.rows:,} rows; {self.calibrated:,} of them, at "
            f"random, were asked of both. Of the {self.kept:,} that {self.cheap} was sure about, "
            f"{self.strong} agrees on {self.agreement}."
        )

    def _went(self) -> list[str]:
        if self.accuracy is not None and not self.trusted:
            bound = f"{self.agreement.low:.1%} is below the {self.accuracy:.1%} asked for"
            return [f"The lower bound of {bound}: all other rows went to {self.strong}."]
        asked = f" ({self.accuracy:.1%} asked for)" if self.accuracy is not None else ""
        if self.escalated_share is None:
            return [f"No row was left for the cascade{asked}."]
        return [
            f"Of the other rows {self.stayed:,} have the answer of {self.cheap}{asked}, and "
            f"{self.escalated:,} ({self.escalated_share:.1%}) went to {self.strong}."
        ]

    def _money(self) -> str:
        if self.spent is None:
            return "What it cost is not known."
        spent = f"Spent {Cost(Decimal(self.spent), self.currency or '')}"
        saved = self.saved
        if saved is None or self.strong_only is None:
            return f"{spent}; what {self.strong} alone would have cost is not known."
        alone = Cost(Decimal(self.strong_only), saved.currency)
        less = "saved" if saved.amount >= 0 else "more"
        return f"{spent}; {self.strong} alone ≈ {alone}: {Cost(abs(saved.amount), saved.currency)} {less}."


def report_of(frame: pd.DataFrame) -> CascadeReport:
    """The report of a result. Raises `SettingError` where it has none."""
    known = frame.attrs.get(CASCADE)
    if not isinstance(known, Mapping):
        raise SettingError(
            "This frame is not the result of a cascade.",
            hint='`df.glm.classify(…, cascade=["glm-4.5-air", "glm-4.6"])` makes one.',
        )
    return CascadeReport(**known)
