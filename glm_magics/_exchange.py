"""One request over HTTP, with its retries: the bytes of an answer, or a typed error.

Runs in the stream's own thread. A failure is tried again before the first byte of an answer, and never after.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from glm_magics import _wire
from glm_magics._lang import _
from glm_magics._posting import answered_by, broken, payload, refusal, timeouts
from glm_magics._reading import Waiting
from glm_magics._stream import Limits
from glm_magics._traffic import Traffic
from glm_magics.chat import ChatRequest
from glm_magics.errors import GLMError
from glm_magics.retry import INTERACTIVE, Quota, action_for, delay_before_retry

if TYPE_CHECKING:
    import httpx

    from glm_magics.client import Client

__all__ = ["READ_MARGIN_SECONDS", "Exchange", "prepared", "watch_connection"]

READ_MARGIN_SECONDS = 5.0  # over the stream's own idle limit, which should speak first
ERROR_BODY_BYTES = 65_536

_quota = Quota()  # one for the process: an outage is an outage for every client


class Exchange:
    """One request with its retries, as an iterator of the answer's bytes."""

    def __init__(
        self, client: Client, request: ChatRequest, limits: Limits, traffic: Traffic | None = None
    ) -> None:
        self.connection: Any = None  # the network stream in use
        self.traffic = traffic or Traffic()
        self.aborted = threading.Event()
        self.answered_by = ""  # what to call the endpoint, where the answer is not its own
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
            reason = failed.message.removeprefix(_("The server says: "))
            yield Waiting(
                delay,
                _("{reason} Trying again in {delay:.0f} s ({attempt} of {attempts}).").format(
                    reason=reason, delay=delay, attempt=attempt, attempts=policy.attempts
                ),
            )
            if self._client.pause(self.aborted, delay):
                raise failed

    def _try(self, attempt: int) -> Generator[bytes, None, GLMError | None]:
        """One attempt: yields the bytes of an answer, returns the error of a failure before them."""
        import httpx

        answered = False
        self.traffic.attempts = attempt
        posted = _posted(self._client, self._request, self._limits, attempt=attempt)
        _reading.exchange = self
        try:
            with self._client.http().stream(**posted, extensions={"given_up": self.aborted}) as response:
                self.answered_by = answered_by(response)
                self.traffic.response(response.status_code, response.headers.get("content-type", ""))
                if response.status_code >= 300:
                    return refusal(self._client, response, self._error_body(response))
                for chunk in _raw_chunks(response):
                    answered = True
                    self.traffic.chunk(chunk)
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

    def _error_body(self, response: httpx.Response) -> bytes:
        import httpx

        body = b""
        try:
            for chunk in response.iter_bytes():
                body += chunk
                self.traffic.chunk(chunk)
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


def prepared(client: Client, request: ChatRequest, limits: Limits) -> Traffic:
    """What would be sent; nothing is."""
    traffic = Traffic()
    _keep(traffic, client.authorize(client.http().build_request(**_posted(client, request, limits))))
    return traffic


def watch_connection(request: httpx.Request) -> None:
    """Learn of each new connection, by the trace extension of httpcore."""
    request.extensions["trace"] = _on_trace
    exchange: Exchange | None = getattr(_reading, "exchange", None)
    if exchange is not None:
        _keep(exchange.traffic, request)


def _posted(client: Client, request: ChatRequest, limits: Limits, *, attempt: int = 1) -> dict[str, Any]:
    """The one POST of an attempt, as httpx takes it."""
    return {
        "method": "POST",
        "url": client.url(_wire.CHAT_PATH),
        "content": payload(request, client.endpoint.dialect, attempt=attempt),
        "headers": {"Content-Type": "application/json"},
        "timeout": timeouts(limits.idle + READ_MARGIN_SECONDS),
    }


def _keep(traffic: Traffic, request: httpx.Request) -> None:
    traffic.request(request.method, str(request.url), request.headers.multi_items(), request.content)


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
