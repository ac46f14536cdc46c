"""Everything that can go wrong, as one tree. Each message says what happened; `.hint` says what to do next.

    GLMError
    ├── SettingError            a setting or key is missing or malformed; nothing was sent
    │   └── PolicyError         the policy of the class does not allow it, or cannot be read; nothing was sent
    ├── RequestError            the request cannot work as written
    │   ├── UnknownTier         no such model (1211)
    │   ├── PromptTooLong       more tokens than the tier's context window (1261)
    │   └── ContentRefused      the platform's content policy (1300, 1301)
    ├── TemplateError           `{{name}}` cannot be filled; nothing was sent
    ├── DocumentError           a file cannot be read, or should not leave the machine; nothing was sent
    ├── ParseError              the answer is not the JSON that was asked for; `.text`, `.problems`
    ├── BudgetExceeded          the budget wall; nothing was sent
    ├── CheckFailed             an answer is not what an exercise asks for; an AssertionError too
    ├── NotRecorded             a replay has no answer to this request; nothing was sent
    ├── AuthenticationError     the key was not accepted (401, 1000 – 1004)
    ├── AccessDenied            the account may not use this (1220 – 1222, 1311, 1313, 403)
    ├── AccountError            the account is inactive, locked or unknown (1110 – 1112, 1121)
    │   ├── BalanceError        no money or resource package left (1113, 1309)
    │   └── QuotaError          daily, window or monthly limit (1304, 1308, 1310); `.resets_at`
    ├── ThrottledError          try again later
    │   ├── RateLimitError      too many requests in flight or per minute (429, 1302, 1303)
    │   └── OverloadedError     the platform is busy (1305, 1312, 502, 503, 504, 529)
    ├── ServerError             the platform failed (500, 1120, 1230, 1234)
    └── ConnectionProblem       the network
        ├── NoConnection        nothing was sent: DNS, TLS, refused, proxy
        ├── NoAnswer            sent, but silent or reset: it may have been billed
        ├── ProtocolError       an answer that is not the API's: HTML, broken JSON, a redirect
        └── StreamError         the stream ended badly; `.completion` keeps what arrived
            ├── IncompleteStream    it stopped without a finish reason
            └── StalledStream       no data for the idle limit

Every error may carry `.completion`: the partial answer, when there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glm_magics._lang import N_, _

if TYPE_CHECKING:
    from datetime import datetime

    from glm_magics.chat import Completion

__all__ = [
    "AccessDenied",
    "AccountError",
    "AuthenticationError",
    "BalanceError",
    "BudgetExceeded",
    "CheckFailed",
    "ConnectionProblem",
    "ContentRefused",
    "DocumentError",
    "GLMError",
    "IncompleteStream",
    "NoAnswer",
    "NoConnection",
    "NotRecorded",
    "OverloadedError",
    "ParseError",
    "PolicyError",
    "PromptTooLong",
    "ProtocolError",
    "QuotaError",
    "RateLimitError",
    "RequestError",
    "ServerError",
    "SettingError",
    "StalledStream",
    "StreamError",
    "TemplateError",
    "ThrottledError",
    "UnknownTier",
]


class GLMError(Exception):
    """Root of the tree.

    `code` is the platform's business code ("1302") and `status` the HTTP status, where there was one;
    `request_id` is what support asks for; `retry_after_seconds` what the server asked us to wait.
    """

    hint: str = ""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
        completion: Completion | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = _(self.hint) if hint is None else hint
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.completion = completion

    def __str__(self) -> str:
        facts = [
            f"HTTP {self.status}" if self.status else "",
            _("code {code}").format(code=self.code) if self.code else "",
        ]
        if self.request_id:
            facts.append(_("request {request}").format(request=self.request_id))
        shown = ", ".join(fact for fact in facts if fact)
        lines = [f"{self.message} ({shown})" if shown else self.message]
        if self.hint:
            lines.append(self.hint)
        return "\n".join(lines)


class SettingError(GLMError):
    pass


class PolicyError(SettingError):
    pass


class RequestError(GLMError):
    hint = N_("Check the options of the cell against `%glm tiers`.")


class UnknownTier(RequestError):
    hint = N_("`%glm tiers` lists the known ones.")


class PromptTooLong(RequestError):
    hint = N_("Send less, or a tier with a longer context: `%glm tiers --context 1m`.")


class ContentRefused(RequestError):
    hint = N_("The platform's content policy refused it: rephrase the prompt.")


class TemplateError(GLMError):
    pass


class DocumentError(GLMError):
    pass


class ParseError(GLMError, ValueError):
    """`text` is the raw answer; `problems` say where and why: `str()` of each is one line."""

    hint = N_("Ask again with the problems; the raw answer is in `.text` of the error.")

    def __init__(
        self, message: str, *, text: str = "", problems: tuple[object, ...] = (), **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.text = text
        self.problems = problems


class BudgetExceeded(GLMError):
    hint = N_(
        "Raise it (`%glm budget AMOUNT`; --budget for one cell), or choose a cheaper tier "
        "or a smaller --max-tokens."
    )


class CheckFailed(GLMError, AssertionError):
    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the way through this package says nothing to who does an exercise."""
        return [f"{type(self).__name__}: {self}"]


class NotRecorded(GLMError):
    hint = N_(
        "Nothing was sent. Record it with `%glm record FILE --update` and run the cells "
        "again; `%glm replay off` goes back to the endpoint from before, `%glm demo on` to "
        "the demo."
    )


class AuthenticationError(GLMError):
    hint = N_(
        "Check the key with `%glm login`; keys of open.bigmodel.cn and api.z.ai are "
        "separate, and `%glm doctor` shows which one is in use."
    )


class AccessDenied(GLMError):
    hint = N_("The account has no right to this model or function: choose another tier or ask the platform.")


class AccountError(GLMError):
    hint = N_("Look at the account's page on the platform; trying again will not help.")


class BalanceError(AccountError):
    hint = N_(
        "Top up or buy a resource package. A Coding Plan key works only on its own address "
        "(`%glm connect …/api/coding/paas/v4`); free tiers: `%glm tiers --free`."
    )


class QuotaError(AccountError):
    """`resets_at` is the time the platform names, if it names one (host-local, without a zone)."""

    hint = N_("Wait for the reset, or use another tier.")

    resets_at: datetime | None = None


class ThrottledError(GLMError):
    hint = N_("Wait a little and run the cell again, or use another tier.")


class RateLimitError(ThrottledError):
    hint = N_(
        "Too many requests at once for this account and tier: wait, lower the concurrency, or change tier."
    )


class OverloadedError(ThrottledError):
    hint = N_("The platform is busy: try again in a minute, or use another tier.")


class ServerError(GLMError):
    hint = N_(
        "The platform failed; run the cell again. If it stays, `%glm doctor` and the request id help support."
    )


class ConnectionProblem(GLMError):
    hint = N_("`%glm doctor` checks the address, the proxy and the key.")


class NoConnection(ConnectionProblem):
    pass


class NoAnswer(ConnectionProblem):
    hint = N_("The request had been sent and may have been billed; run the cell again to send it once more.")


class ProtocolError(ConnectionProblem):
    hint = N_(
        "Is this the right address? `%glm doctor` checks it; a proxy or a login page can answer in its place."
    )


class StreamError(ConnectionProblem):
    hint = N_(
        "What arrived is kept in `.completion.text` of the error; run the cell again for a whole answer."
    )


class IncompleteStream(StreamError):
    pass


class StalledStream(StreamError):
    hint = N_("What arrived is kept; raise the limit with --timeout SECONDS, or run the cell again.")
