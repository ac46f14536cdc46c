"""What a failed request means for its rows: again, apart, given up, or the end of the run. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from glm_magics.errors import (
    ContentRefused,
    GLMError,
    NoAnswer,
    PromptTooLong,
    StreamError,
    UnknownTier,
)
from glm_magics.retry import Policy, action_for, delay_before_retry
from glm_magics.rows.item import Status

__all__ = ["Verdict", "verdict"]

_PATIENT = Policy(attempts=5)
_PAID_TRIES = 2  # of what may have been billed
_PAID_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """`slow down`: fewer in flight. `wait`: everybody. `again`: after `seconds`. `apart`: each row by itself.
    `fail`: the rows have `status`. `stop`: no request of this account will do better.
    """

    kind: Literal["slow down", "wait", "again", "apart", "fail", "stop"]
    seconds: float = 0.0
    status: Status = "error"


def verdict(
    error: GLMError, *, rows: int, troubles: int, jitter: Callable[[], float] = random.random
) -> Verdict:
    """About a request for `rows` rows that has failed `troubles` times, but for refusals of too many."""
    action = action_for(error)
    if action == "slow down" or action == "wait":
        return Verdict(action)
    if action == "stop the job" or isinstance(error, UnknownTier):
        return Verdict("stop")
    if isinstance(error, (ContentRefused, PromptTooLong)):
        if rows > 1:
            return Verdict("apart")  # it may be about one of them only
        return Verdict("fail", status="refused" if isinstance(error, ContentRefused) else "error")
    if isinstance(error, (NoAnswer, StreamError)):
        return Verdict("again", _PAID_SECONDS) if troubles < _PAID_TRIES else Verdict("fail")
    delay = delay_before_retry(error, attempt=troubles, policy=_PATIENT, jitter=jitter)
    return Verdict("fail") if delay is None else Verdict("again", delay)
