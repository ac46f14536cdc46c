"""Requests over HTTP: an `Endpoint`, and a `Client` that turns a `ChatRequest` into a `Stream`.

The connection is made and read in the stream's own thread; retries happen there too, before the first byte
of an answer and never after. Nothing here reads the environment or asks for a key: it is passed in.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from glm_magics import _wire
from glm_magics._decoder import StreamDecoder
from glm_magics._reading import Waiting
from glm_magics._stream import DEFAULT_LIMITS, Limits, Stream
from glm_magics.chat import ChatRequest, Completion, Cost, Message, Usage
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
from glm_magics.keys import ApiKey
from glm_magics.retry import INTERACTIVE, Policy, Quota, action_for, delay_before_retry, error_for

if TYPE_CHECKING:
    import httpx

__all__ = ["Client", "Endpoint"]

CONNECT_SECONDS = 8.0
WRITE_SECONDS = 30.0
READ_MARGIN_SECONDS = 5.0  # over the stream's own idle limit, which should speak first
CALL_SECONDS = 20.0  # for the small questions beside a chat: models, tokenizer
MAX_CONNECTIONS = 1_000  # httpx closes idle connections above its keep-alive limit, so it is set as high
ERROR_BODY_BYTES = 65_536

_quota = Quota()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go. `currency` is what the account pays in; None where that is not known.

    `level` is the account level ("V0" to "V3" on open.bigmodel.cn), which sets how many requests may be in
    flight. `dialect` says which parameters the server understands; `address` is what the user typed.
    """

    name: str
    base_url: str
    key: ApiKey | None = field(default=None, repr=False)
    currency: str | None = None
    dialect: _wire.Dialect = "glm"
    level: str | None = None
    address: str = ""

    @property
    def is_demo(self) -> bool:
        return self.name == "demo"


class Client:
    """One endpoint's connections. Safe to share between threads; survives a fork by connecting anew.

    `transport` replaces the network (the demo engine, a recording, a test); it may be a function that makes
    one when it is first needed. `policy` and `quota` bound what is tried again; `pause` waits in between and
    says whether the event was set meanwhile.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        transport: httpx.BaseTransport | Callable[[], httpx.BaseTransport] | None = None,
        policy: Policy = INTERACTIVE,
        quota: Quota = _quota,
        pause: Callable[[threading.Event, float], bool] = threading.Event.wait,
        threaded: bool = sys.platform != "emscripten",
    ) -> None:
        self.endpoint = endpoint
        self._transport = transport
        self.policy = policy
        self.quota = quota
        self.pause = pause
        self._threaded = threaded
        self.server_date = ""  # the Date header of the last plain answer
        self._http: httpx.Client | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def stream(
        self,
        request: ChatRequest,
        *,
        limits: Limits = DEFAULT_LIMITS,
        decoder: StreamDecoder | None = None,
        price: Callable[[Usage], Cost | None] = lambda usage: None,
        ended: Callable[[Completion, GLMError | None], Completion] = lambda completion, error: completion,
    ) -> Stream:
        """Begin an answer; nothing is sent before the stream is first polled."""
        exchange = _Exchange(self, request, limits)
        return Stream(
            iter(exchange),
            request,
            decoder=decoder,
            limits=limits,
            abort=exchange.abort,
            price=price,
            ended=ended,
            redact=self.redact,
            endpoint=self.endpoint.name,
            threaded=self._threaded,
        )

    def complete(self, request: ChatRequest, *, limits: Limits = DEFAULT_LIMITS) -> Completion:
        """The whole answer at once. Raises a `GLMError`, with what had come in `.completion`."""
        with self.stream(replace(request, stream=False), limits=limits) as stream:
            for _ in stream:
                pass
        return stream.completion

    def count_tokens(self, model: str, messages: tuple[Message, ...]) -> int:
        """Input tokens as the platform counts them (POST /tokenizer, docs.z.ai); a network call."""
        request = ChatRequest(model=model, messages=messages)
        body = {name: _wire.encode_request(request)[name] for name in ("model", "messages")}
        answer = self._post(_wire.TOKENIZER_PATH, body)
        usage = _wire.usage(answer)
        if usage is None:
            raise ProtocolError("The tokenizer's answer has no usage.")
        return usage.input_tokens

    def models(self) -> tuple[str, ...]:
        """The ids that the server lists (GET /models, which not every endpoint has)."""
        return _wire.model_ids(self._call("GET", _wire.MODELS_PATH))

    def close(self) -> None:
        with self._lock:
            if self._http is not None and self._pid == os.getpid():
                self._http.close()
            self._http = None

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._call("POST", path, json=body)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        """One plain JSON exchange, without retries."""
        import httpx

        failed: GLMError
        try:
            response = self.http().request(method, self.url(path), timeout=CALL_SECONDS, **options)
            self.server_date = response.headers.get("date", "")
            if response.status_code >= 300:
                failed = self.refusal(response, response.content)
            else:
                return response.json()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failed = self.broken(error, answered=False)
        except ValueError:
            failed = ProtocolError("The server's answer is not JSON.")
        raise failed

    # -- for the exchange ---------------------------------------------------------------------------

    def url(self, path: str) -> str:
        return self.endpoint.base_url.rstrip("/") + path

    def http(self) -> httpx.Client:
        """The connection pool of this process."""
        with self._lock:
            if self._http is None or self._pid != os.getpid():
                self._http, self._pid = self._connect(), os.getpid()
            return self._http

    def _connect(self) -> httpx.Client:
        import httpx

        try:
            return httpx.Client(
                transport=self._transport() if callable(self._transport) else self._transport,
                auth=self._authorize,
                timeout=httpx.Timeout(CONNECT_SECONDS, read=None, write=WRITE_SECONDS, pool=None),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=MAX_CONNECTIONS),
                headers={"Accept-Encoding": "identity", "User-Agent": "glm-magics"},
                follow_redirects=False,
                event_hooks={"request": [_watch_connection]},
            )
        except (ImportError, ValueError, OSError) as error:  # a proxy or certificate that httpx cannot use
            reason = self.redact(str(error))
        raise SettingError(
            f"The connection cannot be set up: {reason}",
            hint="Check HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE; SOCKS needs `pip install httpx[socks]`.",
        )

    def _authorize(self, request: httpx.Request) -> httpx.Request:
        if self.endpoint.key is not None:
            request.headers["Authorization"] = self.endpoint.key.authorization()
        return request

    def redact(self, text: str) -> str:
        return self.endpoint.key.redact(text) if self.endpoint.key is not None else text

    def refusal(self, response: httpx.Response, body: bytes) -> GLMError:
        """The typed error for an answer with an HTTP status that is not success."""
        status = response.status_code
        if 300 <= status < 400:
            target = _host(response.headers.get("location", "")) or "another address"
            return ProtocolError(
                f"{self.host()} redirects to {self.redact(target)}; redirects are not followed.",
                status=status,
            )
        try:
            failure = _wire.failure(json.loads(body))
        except (ValueError, RecursionError):
            failure = None
        if failure is None:
            text = self.redact(" ".join(body.decode("utf-8", "replace").split()))[:200]
            failure = _wire.Failure(text or response.reason_phrase)
        return error_for(
            failure.code,
            status,
            self.redact(failure.message),
            request_id=self.redact(failure.request_id) if failure.request_id else None,
            retry_after_seconds=_retry_after(response),
        )

    def broken(self, error: httpx.HTTPError | httpx.InvalidURL, *, answered: bool) -> GLMError:
        """The typed error for a failure of the network, before or after an answer had begun."""
        import httpx

        reason = self.redact(str(error)) or type(error).__name__
        unsent = (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.ProxyError,
        )
        if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
            return SettingError(
                f"A request to {self.host()} cannot be made: {reason}",
                hint="Check the address: `%glm doctor` shows it. Nothing was sent.",
            )
        if answered and isinstance(error, httpx.ReadTimeout):
            return StalledStream("The answer stalled: the server sent nothing more.")
        if answered:
            return IncompleteStream(f"The connection broke before the answer ended: {reason}")
        if isinstance(error, unsent):
            return NoConnection(f"No connection to {self.host()}{self._by_proxy()}: {reason}")
        if isinstance(error, httpx.DecodingError):
            return ProtocolError(f"{self.host()} sent an answer that cannot be unpacked: {reason}")
        return NoAnswer(f"{self.host()} did not answer: {reason}")

    def host(self) -> str:
        return _host(self.endpoint.base_url) or self.endpoint.name

    def _by_proxy(self) -> str:
        """Which proxy of the environment stands in between, for a message."""
        from urllib.request import getproxies, proxy_bypass

        if self._transport is not None:
            return ""
        parts = urlsplit(self.endpoint.base_url)
        proxies = getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        if not proxy or proxy_bypass(parts.hostname or ""):
            return ""
        return f" through the proxy {_host(proxy) or proxy}"


def _host(url: str) -> str:
    """Host and port of an address, without a user name and password; "" if it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


class _Exchange:
    """One request with its retries, as an iterator of the answer's bytes."""

    def __init__(self, client: Client, request: ChatRequest, limits: Limits) -> None:
        self.connection: Any = None  # the network stream in use
        self.aborted = threading.Event()
        self._client = client
        self._request = request
        self._limits = limits

    def __iter__(self) -> Iterator[bytes | Waiting]:
        attempt, policy, quota = 0, self._client.policy, self._client.quota
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
                    return self._client.refusal(response, self._error_body(response))
                for chunk in _raw_chunks(response):
                    answered = True
                    yield chunk
                    if self.aborted.is_set():
                        break
            return None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failed = self._client.broken(error, answered=answered)
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


def _watch_connection(request: httpx.Request) -> None:
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
        exchange: _Exchange | None = getattr(_reading, "exchange", None)
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
