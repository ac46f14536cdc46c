"""How long requests will take: as long as the session has seen, or else a guess that says so."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

from glm_magics._tier import Tier
from glm_magics.rows.limiter import UNKNOWN_START

if TYPE_CHECKING:
    from glm_magics._session import Session

__all__ = ["Duration", "duration"]

_RECENT = 50  # requests of a tier that are looked at
_FIRST_SECONDS, _TOKENS_PER_SECOND = 1.0, 50.0  # of a request that nobody has measured: a round guess


@dataclass(frozen=True, slots=True)
class Duration:
    """`seconds` of wall-clock time with `in_flight` requests at once; `timed` says whether the time of one
    was "measured" in this session, or is a "guess"."""

    seconds: float
    in_flight: int
    timed: Literal["measured", "guess"]


def duration(
    session: Session, tier: Tier, requests: int, output_tokens: float, *, label: str, concurrency: int | None
) -> Duration:
    """Of so many requests that write so many tokens together.

    Where the session has asked this tier with the same `label`, a request takes the median of the last 50;
    else a second, and another for each 50 tokens. In flight are at most `concurrency`, and what the account
    is known to allow; where nothing is known, as many as a run begins with.
    """
    endpoint = session.client.endpoint
    known = tier.concurrency.get(endpoint.level or endpoint.name)
    limits = [limit for limit in (known, concurrency) if limit is not None] or [UNKNOWN_START]
    in_flight = max(1, min(*limits, requests))
    found = [e.seconds for e in session.ledger.entries if (e.tier, e.label) == (tier.id, label)][-_RECENT:]
    each = median(found) if found else _FIRST_SECONDS + output_tokens / max(1, requests) / _TOKENS_PER_SECOND
    return Duration(round(requests * each / in_flight, 1), in_flight, "measured" if found else "guess")
