"""One request over HTTP, with its retries: the bytes of an answer, or a typed error.

Runs in the stream's own thread. A failure is tried again before the first byte of an answer, and never after.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from dataclasses import replace
from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from glm_magics import _wire
from glm_magics._reading import Waiting
from glm_magics._stream import Limits
from glm_magics.chat import ChatRequest
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
from glm_magics.retry import INTERACTIVE, Quota, action_for, delay_before_retry, error_for

if TYPE_CHECKING:
    import httpx

    from glm_magics.client import Client

__all__ = ["Exchange", "broken", "refusal", "watch_connection"]

CONNECT_SECONDS = 8.0
WRITE_SECONDS = 30.0
READ_MARGIN_SECONDS = 5.0  # over the stream's own idle limit, which should speak first
ERROR_BODY_BYTES = 65_536

_quota = Quota()  # one for the process: an outage is an outage for every client


class Exchange:
    """One request with its retries, as an iterator of the answer's bytes."""

    def __init__(self, client: Client, request: ChatRequest, limits: Limits) -> None:
        self.connection: Any = None  # the network stream in use
        self.aborted = threading.Event()
        self._client = client
        self._request = request
        self._limits = limits

    def __iter__(self) -> Iterator[bytes | Waiting]:
        attempt, policy, quota = 0, (self._client.policy or INTERACTIVE), (self._client.quota or _quota)
        while True:
            attempt += 1
            failed = yield from self._try(attempt)
            if failed is None:
                quota.earn()
                return
            delay = delay_before_retry(failed, attempt=attempt, policy=policy)
            if delay is None or self.aborted.is_set() or not quota.spend(action_for(failed)):
                raise failed
            reason = failed.message.removeprefix("The server says: ")
            yield Waiting(delay, f"{reason} Trying again in {delay:.0f} s ({attempt} of {policy.attempts}).")
            if self._client.pause(self.aborted, delay):
                raise failed

    def _try(self, attempt: int) -> Generator[bytes, None, GLMError | None]:
        """One attempt: yields the bytes of an answer, returns the error of a failure before them."""
        import httpx

        answered = False
        body = self._body(attempt)
        _reading.exchange = self
        try:
            with self._client.http().stream(
                "POST",
                self._client.url(_wire.CHAT_PATH),
                content=body,
                headers={"Content-Type": "application/json"},
                timeout=httpx.Timeout(
                    CONNECT_SECONDS,
                    read=self._limits.idle + READ_MARGIN_SECONDS,
                    write=WRITE_SECONDS,
                    pool=None,
                ),
            ) as response:
                if response.status_code >= 300:
                    return refusal(self._client, response, self._error_body(response))
                for chunk in _raw_chunks(response):
                    answered = True
                    yield chunk
                    if self.aborted.is_set():
                        break
            return None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failed = broken(self._client, error, answered=answered)
        finally:
            _reading.exchange = self.connection = None
        if answered:
            raise failed
        return failed

    def _body(self, attempt: int) -> bytes:
        dialect = self._client.endpoint.dialect
        request = self._request
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
        raise RequestError(f"The request cannot be written as JSON: {reason}. Nothing was sent.")

    def _error_body(self, response: httpx.Response) -> bytes:
        import httpx

        body = b""
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > ERROR_BODY_BYTES:
                    break
        except httpx.HTTPError:
            return body  # the status is what matters, and it has come
        return body

    def abort(self) -> None:
        """Break the connection from another thread: a shutdown wakes a socket's reader, a close does not."""
        self.aborted.set()
        network = self.connection
        connection = network.get_extra_info("socket") if network is not None else None
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it was closed already


_reading = threading.local()  # .exchange: the one this thread is reading for


def watch_connection(request: httpx.Request) -> None:
    """Learn of each new connection, by the trace extension of httpcore."""
    request.extensions["trace"] = _on_trace


def _on_trace(event: str, info: dict[str, Any]) -> None:
    if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
        _tell_who_reads(info["return_value"])


def _tell_who_reads(network: Any) -> None:
    """Let a connection note the exchange that reads from it, so that an abort finds it at any time.

    httpx names the connection only when the answer has begun, and a server may think for minutes before.
    """
    read = network.read

    def read_for_exchange(max_bytes: int, timeout: float | None = None) -> bytes:
        exchange: Exchange | None = getattr(_reading, "exchange", None)
        if exchange is not None:
            exchange.connection = network
            if exchange.aborted.is_set():
                return b""  # reads as the end of the connection
        data: bytes = read(max_bytes, timeout)
        return data

    network.read = read_for_exchange


def _raw_chunks(response: httpx.Response) -> Iterator[bytes]:
    """The body as it arrives; decoded only where a server encodes although it was asked not to."""
    encoded = response.headers.get("content-encoding", "identity") != "identity"
    return response.iter_bytes() if encoded or response.is_stream_consumed else response.iter_raw()


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


def refusal(client: Client, response: httpx.Response, body: bytes) -> GLMError:
    """The typed error for an answer with an HTTP status that is not success."""
    status = response.status_code
    if 300 <= status < 400:
        target = _netloc(response.headers.get("location", "")) or "another address"
        return ProtocolError(
            f"{_host(client)} redirects to {client.redact(target)}; redirects are not followed.",
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
            f"A request to {_host(client)} cannot be made: {reason}",
            hint="Check the address: `%glm doctor` shows it. Nothing was sent.",
        )
    if answered and isinstance(error, httpx.ReadTimeout):
        return StalledStream("The answer stalled: the server sent nothing more.")
    if answered:
        return IncompleteStream(f"The connection broke before the answer ended: {reason}")
    if isinstance(error, unsent):
        return NoConnection(f"No connection to {_host(client)}{_by_proxy(client)}: {reason}")
    if isinstance(error, httpx.DecodingError):
        return ProtocolError(f"{_host(client)} sent an answer that cannot be unpacked: {reason}")
    return NoAnswer(f"{_host(client)} did not answer: {reason}")


def _by_proxy(client: Client) -> str:
    """Which proxy of the environment stands in between, for a message."""
    from urllib.request import getproxies, proxy_bypass

    if not client.uses_network:
        return ""
    parts = urlsplit(client.endpoint.base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return ""
    return f" through the proxy {_netloc(proxy) or proxy}"


def _host(client: Client) -> str:
    return _netloc(client.endpoint.base_url) or client.endpoint.name


def _netloc(url: str) -> str:
    """Host and port of an address, without a user name and password; "" if it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
