"""Why a request was refused, as it goes to the student: an HTTP status, one word and one line.

The word stands where LiteLLM leaves room for one, in `error.type`: it is the platform's own code ("1302")
for what the platform refused, and one of ours for what the gateway did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from glm_magics._wire import unwrapped
from glm_magics.errors import (
    AccessDenied,
    AuthenticationError,
    BudgetExceeded,
    GLMError,
    RateLimitError,
    RequestError,
)

__all__ = ["CUT", "Refusal", "is_unbilled", "of_platform", "refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    type: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The error as LiteLLM writes one."""
        shown = {"message": self.message, "type": self.type, "param": None, "code": str(self.status)}
        return {"error": shown}


CUT = Refusal(502, "stream_cut", "The platform ended the answer before it was whole.")
_KEY_REFUSED = Refusal(
    503,
    "upstream_key",
    "The platform does not accept the key of this gateway. Tell your teacher; your own token is fine.",
)
_OF_ERRORS: tuple[tuple[type[GLMError], int, str], ...] = (
    (BudgetExceeded, 402, "budget_exceeded"),
    (AccessDenied, 403, "tier_not_allowed"),
    (RateLimitError, 429, "rate_limit"),
    (AuthenticationError, 401, "unknown_token"),
    (RequestError, 400, "not_passed_on"),
)


def refusal(error: GLMError) -> Refusal:
    """What the gateway itself refuses."""
    status, type = next((status, type) for kind, status, type in _OF_ERRORS if isinstance(error, kind))
    wait = error.retry_after_seconds
    return Refusal(status, type, error.message, {} if wait is None else {"retry-after": f"{wait:.0f}"})


def of_platform(error: Exception) -> Refusal:
    """What became of a request that LiteLLM could not bring through, without its wrapping."""
    status = getattr(error, "status_code", 500)
    headers = _headers(error)
    if _is_rate_limit_of_litellm(error):
        wait = headers.get("retry-after", "60")
        text = f"You have sent as many requests as the class allows in a minute; wait {wait} s."
        return Refusal(429, "rate_limit", text, {"retry-after": wait})
    said = getattr(error, "body", None)
    said = said if isinstance(said, dict) else {}
    code = str(said.get("code", ""))
    if status == 401 or code in _KEY_CODES:
        return _KEY_REFUSED
    message = str(said.get("message") or unwrapped(str(error)))
    asked = headers.get("retry-after")
    return Refusal(
        status if isinstance(status, int) and 400 <= status < 600 else 500,
        code if re.fullmatch(r"\d{4}", code) else "platform",
        " ".join(message.split())[:400],
        {} if asked is None else {"retry-after": asked},
    )


def is_unbilled(error: Exception) -> bool:
    """Whether a request certainly cost nothing: it was refused, here or there, or never left."""
    if _is_rate_limit_of_litellm(error):
        return True
    if not hasattr(error, "llm_provider"):
        return getattr(error, "status_code", 0) in range(400, 500)
    if getattr(error, "litellm_response_headers", None) is not None:
        return True
    return any(type(cause).__name__ in _NEVER_LEFT for cause in _causes(error))


_KEY_CODES = frozenset(str(code) for code in range(1000, 1005))
_NEVER_LEFT = frozenset({"ConnectError", "ConnectTimeout"})


def _is_rate_limit_of_litellm(error: Exception) -> bool:
    return bool(getattr(error, "rate_limit_type", None)) or "rate_limit_type" in _headers(error)


def _headers(error: Exception) -> dict[str, str]:
    found = getattr(error, "headers", None) or getattr(error, "litellm_response_headers", None) or {}
    return {str(name).lower(): str(value) for name, value in found.items()}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
