"""What the platform says when it refuses: a business code, its HTTP status and its words.

The codes and statuses follow docs.z.ai/api-reference/api-code and docs.bigmodel.cn/cn/api/api-code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["CODES", "Refusal", "refuse"]

# code -> (HTTP status, message)
CODES: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "500": (500, "Internal error"),
        "1000": (401, "Authentication failed"),
        "1001": (401, "Authentication parameter not received in Header"),
        "1002": (401, "Invalid authentication token"),
        "1003": (401, "Authentication token expired"),
        "1004": (401, "Authentication failed with the provided authentication token"),
        "1110": (429, "Your account is currently inactive"),
        "1111": (429, "Your account does not exist"),
        "1112": (429, "Your account has been locked, please contact customer service"),
        "1113": (429, "Insufficient balance or no resource package. Please recharge."),
        "1120": (500, "Unable to successfully access your account, please try again later"),
        "1121": (429, "Your account has been locked for a violation of the terms"),
        "1210": (400, "Incorrect API call parameters, please check the documentation"),
        "1211": (400, "Unknown Model, please check the model code."),
        "1212": (400, "The model does not support this call method"),
        "1213": (400, "A required parameter was not received"),
        "1214": (400, "A parameter is invalid"),
        "1215": (400, "Two parameters cannot be set at the same time"),
        "1220": (403, "You do not have permission to access this API"),
        "1221": (404, "The API has been taken offline"),
        "1222": (404, "The API does not exist"),
        "1230": (500, "API call process error"),
        "1231": (400, "You already have a request with this request_id"),
        "1234": (500, "Network error, error id: demo-0001, please try again"),
        "1261": (400, "Prompt exceeds max length"),
        "1300": (400, "The API call was blocked by the platform's policy"),
        "1301": (400, "The system detected potentially unsafe or sensitive content in the input or output"),
        "1302": (429, "Rate limit reached for requests: too many at once for this account and model"),
        "1303": (429, "Rate limit reached for requests: too many per minute"),
        "1304": (429, "Daily call limit for this API reached"),
        "1305": (429, "The service may be temporarily overloaded, please try again later"),
        "1308": (429, "Usage limit reached for 5 hour. Your limit will reset at 2099-01-01 08:00:00"),
        "1309": (429, "Your GLM Coding Plan has expired"),
        "1310": (429, "Weekly/Monthly limit exhausted. Your limit will reset at 2099-01-01 08:00:00"),
        "1311": (429, "Your plan does not include this model"),
        "1312": (429, "This model is under high traffic, please try again later or switch to another model"),
        "1313": (429, "Your use of the plan was restricted under the fair-use policy"),
    }
)


class Refusal(Exception):
    """An answer that is an error. `headers` are added to those of the reply."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status}/{code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": self.message}}


def refuse(code: str, message: str | None = None) -> Refusal:
    """The refusal for `code`, in the platform's words or in `message`."""
    status, words = CODES[code]
    return Refusal(status, code, message or words)
