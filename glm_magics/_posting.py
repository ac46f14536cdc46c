"""A chat request as HTTP, and what becomes of a failure: the parts that every way of sending shares."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import replace
from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from glm_magics import _wire
from glm_magics._lang import _
from glm_magics.chat import RECORDED, ChatRequest
from glm_magics.errors import (
    GLMError,
    IncompleteStream,
    NoAnswer,
    NoConnection,
    ProtocolError,
    RequestError,
    SettingError,
    StalledStream,
)
from glm_magics.retry import error_for

if TYPE_CHECKING:
    import httpx

    from glm_magics.client import Client

__all__ = [
    "CONNECT_SECONDS",
    "HEADERS",
    "WRITE_SECONDS",
    "answered_by",
    "broken",
    "payload",
    "proxy_of",
    "refusal",
    "timeouts",
]

HEADERS = {"Accept-Encoding": "identity", "User-Agent": "glm-magics"}
CONNECT_SECONDS = 8.0
WRITE_SECONDS = 30.0


def payload(request: ChatRequest, dialect: _wire.Dialect, *, attempt: int = 1) -> bytes:
    """The body of a request. Raises `RequestError` for what JSON cannot say."""
    if dialect == "glm" and (request.request_id is None or attempt > 1):
        # The platform refuses a second use of an id (1231), so each attempt has its own.
        request = replace(request, request_id=f"{(request.request_id or 'glm')[:30]}-{uuid.uuid4().hex}")
    body = _wire.encode_request(request, dialect)
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    else:
        return text.encode("utf-8", "replace")
    raise RequestError(
        _("The request cannot be written as JSON: {reason}. Nothing was sent.").format(reason=reason)
    )


def timeouts(read: float | None) -> httpx.Timeout:
    """The limits of a request's phases; `read` is the longest silence in seconds."""
    import httpx

    return httpx.Timeout(CONNECT_SECONDS, read=read, write=WRITE_SECONDS, pool=None)


def answered_by(response: httpx.Response) -> str:
    """ "recorded 2026-11-26" for an answer from a cassette; "" for the endpoint's own."""
    day = response.extensions.get("recorded", "")
    return f"{RECORDED}{day}" if day else ""


def refusal(client: Client, response: httpx.Response, body: bytes) -> GLMError:
    """The typed error for an answer with an HTTP status that is not success."""
    status = response.status_code
    if 300 <= status < 400:
        target = _netloc(response.headers.get("location", "")) or _("another address")
        return ProtocolError(
            _("{host} redirects to {target}; redirects are not followed.").format(
                host=_host(client), target=client.redact(target)
            ),
            status=status,
        )
    try:
        failure = _wire.failure(json.loads(body))
    except (ValueError, RecursionError):
        failure = None
    if failure is None:
        text = client.redact(" ".join(body.decode("utf-8", "replace").split()))[:200]
        failure = _wire.Failure(text or response.reason_phrase)
    return error_for(
        failure.code,
        status,
        client.redact(failure.message),
        request_id=client.redact(failure.request_id) if failure.request_id else None,
        retry_after_seconds=_retry_after(response),
    )


def broken(client: Client, error: httpx.HTTPError | httpx.InvalidURL, *, answered: bool) -> GLMError:
    """The typed error for a failure of the network, before or after an answer had begun."""
    import httpx

    reason = client.redact(str(error)) or type(error).__name__
    unsent = (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
    )
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        return SettingError(
            _("A request to {host} cannot be made: {reason}").format(host=_host(client), reason=reason),
            hint=_("Check the address: `%glm doctor` shows it. Nothing was sent."),
        )
    if answered and isinstance(error, httpx.ReadTimeout):
        return StalledStream(_("The answer stalled: the server sent nothing more."))
    if answered:
        return IncompleteStream(
            _("The connection broke before the answer ended: {reason}").format(reason=reason)
        )
    if isinstance(error, unsent):
        return NoConnection(
            _("No connection to {host}{proxy}: {reason}").format(
                host=_host(client), proxy=_by_proxy(client), reason=reason
            )
        )
    if isinstance(error, httpx.DecodingError):
        return ProtocolError(
            _("{host} sent an answer that cannot be unpacked: {reason}").format(
                host=_host(client), reason=reason
            )
        )
    return NoAnswer(_("{host} did not answer: {reason}").format(host=_host(client), reason=reason))


def proxy_of(url: str) -> str | None:
    """The proxy of the environment that stands before an address; None where there is none."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _by_proxy(client: Client) -> str:
    """Which proxy stands in between, for a message."""
    proxy = proxy_of(client.endpoint.base_url) if client.uses_network else None
    return _(" through the proxy {proxy}").format(proxy=_netloc(proxy) or proxy) if proxy else ""


def _host(client: Client) -> str:
    return _netloc(client.endpoint.base_url) or client.endpoint.name


def _netloc(url: str) -> str:
    """Host and port of an address, without a user name and password; "" if it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds the server asks to wait, from the headers in use (LiteLLM passes on the platform's)."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0), ("llm_provider-retry-after", 1.0)):
        value = response.headers.get(name, "")
        try:
            return max(0.0, float(value) * unit)
        except ValueError:
            date = parsedate_tz(value)
        if date is not None:
            return max(0.0, mktime_tz(date) - time.time())
    return None
