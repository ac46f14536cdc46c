"""Which failures are worth another try: a table, and three questions asked of it.

The business code decides first, because the platform uses HTTP 429 for concurrency, an empty balance and a
locked account alike (docs.z.ai, "api-code"); then the HTTP status; then how far the request had come. A
request that may have been billed is not sent again by itself.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from glm_magics._lang import N_, _
from glm_magics.errors import (
    AccessDenied,
    AccountError,
    AuthenticationError,
    BalanceError,
    BudgetExceeded,
    ContentRefused,
    GLMError,
    IncompleteStream,
    NoAnswer,
    NoConnection,
    OverloadedError,
    PromptTooLong,
    ProtocolError,
    QuotaError,
    RateLimitError,
    RequestError,
    ServerError,
    StreamError,
    UnknownTier,
)

__all__ = [
    "INTERACTIVE",
    "RULES",
    "Action",
    "Policy",
    "Quota",
    "Rule",
    "action_for",
    "delay_before_retry",
    "error_for",
    "rule_for",
]

Action = Literal["slow down", "wait", "retry", "fail", "stop the job"]
"""`slow down`: fewer at once, then again. `wait`: the platform is busy, again later. `retry`: again soon.
`fail`: this request only. `stop the job`: no request of this account will do better."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: the business codes (or a gateway's words) or HTTP statuses, the error raised, what to do."""

    error: type[GLMError]
    action: Action
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()


def _codes(*codes: int) -> frozenset[str]:
    return frozenset(str(code) for code in codes)


RULES: tuple[Rule, ...] = (
    Rule(RateLimitError, "slow down", _codes(1302, 1303)),
    Rule(OverloadedError, "wait", _codes(1305, 1312)),
    Rule(ServerError, "retry", _codes(1120, 1230, 1234)),
    Rule(AuthenticationError, "stop the job", _codes(1000, 1001, 1002, 1003, 1004)),
    Rule(AccountError, "stop the job", _codes(1100, 1110, 1111, 1112, 1121)),
    Rule(BalanceError, "stop the job", _codes(1113, 1309)),
    Rule(QuotaError, "stop the job", _codes(1304, 1308, 1310)),
    Rule(AccessDenied, "stop the job", _codes(1220, 1221, 1222, 1311, 1313)),
    Rule(UnknownTier, "fail", _codes(1211)),
    Rule(PromptTooLong, "fail", _codes(1261)),
    Rule(ContentRefused, "fail", _codes(1300, 1301)),
    Rule(RequestError, "fail", _codes(1200, 1210, 1212, 1213, 1214, 1215, 1231)),
    Rule(BudgetExceeded, "stop the job", frozenset({"budget_exceeded"})),
    Rule(AccessDenied, "stop the job", frozenset({"tier_not_allowed", "key_model_access_denied"})),
    Rule(RateLimitError, "slow down", frozenset({"rate_limit"})),
    Rule(
        AuthenticationError,
        "stop the job",
        frozenset({"unknown_token", "token_not_found_in_db", "expired_key"}),
    ),
    Rule(AccountError, "stop the job", frozenset({"upstream_key"})),
    Rule(RequestError, "fail", frozenset({"not_passed_on"})),
    Rule(IncompleteStream, "fail", frozenset({"stream_cut"})),
    Rule(AuthenticationError, "stop the job", statuses=frozenset({401, 407})),
    Rule(AccessDenied, "stop the job", statuses=frozenset({402, 403, 434})),
    Rule(RateLimitError, "slow down", statuses=frozenset({429})),
    Rule(OverloadedError, "wait", statuses=frozenset({502, 503, 504, 529})),
    Rule(RequestError, "fail", statuses=frozenset({*range(400, 500)} - {401, 402, 403, 407, 429, 434})),
    Rule(ServerError, "retry", statuses=frozenset({*range(500, 600)} - {502, 503, 504, 529})),
    Rule(ProtocolError, "fail", statuses=frozenset(range(300, 400))),
)

# What a student can do about a gateway's refusal is not what the owner of a key can.
_HINTS_OF_GATEWAYS = {
    "budget_exceeded": N_("`%glm budget` shows what is left; whoever runs the gateway can raise it."),
    "tier_not_allowed": N_("Choose another: `%glm use NAME`, or --tier for one cell."),
    "rate_limit": N_("Wait a little, or ask for less at once."),
    "unknown_token": N_("Set GLM_API_KEY to the token before the kernel starts, or `%glm login URL --new`."),
    "upstream_key": N_("Whoever runs the gateway has to look at its key; nothing helps here but to wait."),
    "not_passed_on": N_("Leave it out; the gateway lets through what its budget can be kept for."),
}

_NO_RULE = Rule(StreamError, "fail")
_BY_ERROR: tuple[Rule, ...] = (
    Rule(NoConnection, "retry"),
    Rule(NoAnswer, "fail"),
)


def rule_for(code: str | None, status: int | None) -> Rule:
    """The row for a failure; an unknown business code falls back to the HTTP status."""
    for rule in RULES:
        if code in rule.codes:
            return rule
    for rule in RULES:
        if status in rule.statuses:
            return rule
    return _NO_RULE


def error_for(
    code: str | None,
    status: int | None,
    message: str,
    *,
    request_id: str | None = None,
    retry_after_seconds: float | None = None,
) -> GLMError:
    """The typed error for what a server said; `status` is None inside a stream."""
    rule = rule_for(code, status)
    advice = _HINTS_OF_GATEWAYS.get(code or "")
    error = rule.error(
        _("The server says: ") + _one_line(message) if message.strip() else _("The server gave no reason."),
        hint=advice and _(advice),
        code=code,
        status=status,
        request_id=request_id,
        retry_after_seconds=retry_after_seconds,
    )
    if isinstance(error, QuotaError):
        error.resets_at = _reset_time(message)
    return error


def _one_line(message: str) -> str:
    """A message of any length and shape as one line; the Coding Plan wraps its own as `[1309][text][id]`."""
    wrapped = re.fullmatch(r"\[\d{4}\]\[(.*)\]\[[^\]]*\]", message.strip(), re.DOTALL)
    text = " ".join((wrapped[1] if wrapped else message).split())
    return text if len(text) <= 400 else text[:400] + "…"


def _reset_time(message: str) -> datetime | None:
    found = re.search(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", message)
    try:
        return datetime.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient to be. `attempts` counts the first try too; seconds everywhere."""

    attempts: int = 3
    longest_wait: float = 20.0
    longest_retry_after: float = 120.0


INTERACTIVE = Policy()

_BASE_SECONDS: dict[Action, float] = {"retry": 0.5, "slow down": 1.0, "wait": 2.0}
_QUOTA_COST: dict[Action, int] = {"retry": 14, "slow down": 5, "wait": 5}


class Quota:
    """Tries that a process may spend: 500, earned back by answers, so that an outage is not hammered."""

    def __init__(self, capacity: int = 500) -> None:
        self._capacity = self._left = capacity
        self._lock = threading.Lock()

    def spend(self, action: Action) -> bool:
        cost = _QUOTA_COST.get(action, 0)
        with self._lock:
            if cost > self._left:
                return False
            self._left -= cost
            return True

    def earn(self) -> None:
        """An answer came through."""
        with self._lock:
            self._left = min(self._capacity, self._left + 1)


def delay_before_retry(
    error: GLMError,
    *,
    attempt: int,
    policy: Policy = INTERACTIVE,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Seconds to wait before try number `attempt` + 1; None when there must be none.

    Only for failures before the first byte of an answer: after that, nothing is tried again. The wait is
    random up to a limit that doubles (full jitter), or what the server asked for in Retry-After.
    """
    action = action_for(error)
    if action not in _BASE_SECONDS or attempt >= policy.attempts:
        return None
    asked = error.retry_after_seconds
    if asked is not None:
        return asked if asked <= policy.longest_retry_after else None
    return jitter() * min(_BASE_SECONDS[action] * 2.0**attempt, policy.longest_wait)


def action_for(error: GLMError) -> Action:
    """What to do about an error, whether a server sent it or the network made it."""
    if error.code is None and error.status is None:
        for rule in _BY_ERROR:
            if isinstance(error, rule.error):
                return rule.action
        return "fail"
    return rule_for(error.code, error.status).action
