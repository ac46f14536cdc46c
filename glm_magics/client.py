"""Requests over HTTP: an `Endpoint`, and a `Client` that turns a `ChatRequest` into a `Stream`.

Nothing here reads the environment or asks for a key: it is passed in. What a request needs is imported when
the first one is made, so that a notebook loads quickly.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from glm_magics._browser import in_browser
from glm_magics._lang import _
from glm_magics.errors import GLMError, ProtocolError, SettingError
from glm_magics.keys import ApiKey

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    import httpx

    from glm_magics._decoder import StreamDecoder
    from glm_magics._stream import Limits, Stream
    from glm_magics._traffic import Traffic
    from glm_magics._wire import Dialect
    from glm_magics.chat import ChatRequest, Completion, Cost, Message, Usage
    from glm_magics.retry import Policy, Quota
    from glm_magics.shared_budget import Standing

__all__ = ["Client", "Endpoint", "Layer"]

_Http = TypeVar("_Http")

CALL_SECONDS = 20.0  # for the small questions beside a chat: models, tokenizer
MAX_CONNECTIONS = 1_000  # httpx closes idle connections above its keep-alive limit, so it is set as high


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
    dialect: Dialect = "glm"
    level: str | None = None
    address: str = ""

    @property
    def is_demo(self) -> bool:
        return self.name == "demo"

    @property
    def is_recorded(self) -> bool:
        """Whether a cassette answers, and no server."""
        return self.name.startswith("recorded ")


class Layer(Protocol):
    """What may stand between a client and its transports: it sees every request and answer."""

    def over(self, transport: httpx.BaseTransport) -> httpx.BaseTransport: ...
    def over_async(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport: ...


class Client:
    """One endpoint's connections. Safe to share between threads; survives a fork by connecting anew.

    `transport` replaces the network (the demo engine, a recording, a test); it may be a function that makes
    one when it is first needed. `policy` and `quota` bound what is tried again (`retry.INTERACTIVE` and one
    quota for the process, unless given); `pause` waits in between and says whether it was cut short.
    `layer` goes around each transport, the network's too.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        transport: httpx.BaseTransport | Callable[[], httpx.BaseTransport] | None = None,
        policy: Policy | None = None,
        quota: Quota | None = None,
        pause: Callable[[threading.Event, float], bool] = threading.Event.wait,
        threaded: bool | None = None,
        layer: Layer | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.policy = policy
        self.quota = quota
        self.pause = pause
        self.plain = self  # without a layer
        self.server_date = ""  # the Date header of the last plain answer
        self._transport = transport
        self._threaded = not in_browser() if threaded is None else threaded
        self._layer = layer
        self._http: httpx.Client | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def through(self, layer: Layer) -> Client:
        """Another client for this endpoint, with `layer` around its transports; this one is its `plain`."""
        layered = Client(
            self.endpoint,
            transport=self._given_transport(),
            policy=self.policy,
            quota=self.quota,
            pause=self.pause,
            threaded=self._threaded,
            layer=layer,
        )
        layered.plain = self
        return layered

    @property
    def is_taped(self) -> bool:
        """Whether answers are recorded, or come from a recording."""
        return self._layer is not None or self.endpoint.is_recorded

    def stream(
        self,
        request: ChatRequest,
        *,
        limits: Limits | None = None,
        decoder: StreamDecoder | None = None,
        price: Callable[[Usage], Cost | None] = lambda usage: None,
        ended: Callable[[Completion, GLMError | None], Completion] = lambda completion, error: completion,
        traffic: Traffic | None = None,
    ) -> Stream:
        """Begin an answer; nothing is sent before the stream is begun or first polled.

        `traffic` takes note of what goes over the wire.
        """
        from glm_magics._exchange import Exchange
        from glm_magics._stream import DEFAULT_LIMITS, Stream

        limits = limits or DEFAULT_LIMITS
        exchange = Exchange(self, request, limits, traffic)
        return Stream(
            iter(exchange),
            request,
            decoder=decoder,
            limits=limits,
            abort=exchange.abort,
            price=price,
            ended=ended,
            redact=self.redact,
            endpoint=lambda: exchange.answered_by or self.endpoint.name,
            threaded=self._threaded,
        )

    def prepared(self, request: ChatRequest, *, limits: Limits | None = None) -> Traffic:
        """The request as it would be sent, without the key; nothing is sent."""
        from glm_magics._exchange import prepared
        from glm_magics._stream import DEFAULT_LIMITS

        return prepared(self, request, limits or DEFAULT_LIMITS)

    def complete(self, request: ChatRequest, *, limits: Limits | None = None) -> Completion:
        """The whole answer at once. Raises a `GLMError`, with what had come in `.completion`."""
        with self.stream(replace(request, stream=False), limits=limits) as stream:
            for _ in stream:
                pass
        return stream.completion

    def count_tokens(self, model: str, messages: tuple[Message, ...]) -> int:
        """Input tokens as the platform counts them (POST /tokenizer, docs.z.ai); a network call."""
        from glm_magics import _wire
        from glm_magics.chat import ChatRequest

        request = ChatRequest(model=model, messages=messages)
        body = {name: _wire.encode_request(request)[name] for name in ("model", "messages")}
        usage = _wire.usage(self.call("POST", _wire.TOKENIZER_PATH, json=body))
        if usage is None:
            raise ProtocolError(_("The tokenizer's answer has no usage."))
        return usage.input_tokens

    def models(self) -> tuple[str, ...]:
        """The ids that the server lists (GET /models, which not every endpoint has)."""
        from glm_magics import _wire

        return _wire.model_ids(self.call("GET", _wire.MODELS_PATH))

    def allowance(self) -> Standing:
        """The student's own budget at the gateway of a class. Raises a `GLMError`."""
        from glm_magics import _wire

        standing = _wire.allowance(self.call("GET", _wire.ALLOWANCE_PATH))
        if standing is None:
            raise ProtocolError(_("The gateway's answer says nothing of a budget."))
        return standing

    def close(self) -> None:
        with self._lock:
            if self._http is not None and self._pid == os.getpid():
                self._http.close()
            self._http = None

    def redact(self, text: str) -> str:
        return self.endpoint.key.redact(text) if self.endpoint.key is not None else text

    def call(self, method: str, path: str, *, timeout: float = CALL_SECONDS, **options: Any) -> Any:
        """One plain JSON exchange, without retries. Raises a `GLMError`."""
        with self._exchanged(method, path, timeout=timeout, **options) as response:
            response.read()
            self.server_date = response.headers.get("date", "")
            try:
                return response.json()
            except ValueError:
                reason = _("The server's answer is not JSON.")
        raise ProtocolError(reason)

    def download(self, path: str, to: Path, *, timeout: float) -> None:
        """The body of a GET, into the file `to`. Raises a `GLMError`, or `OSError` for the file."""
        with self._exchanged("GET", path, timeout=timeout) as response, to.open("wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)

    # -- for the exchange ---------------------------------------------------------------------------

    @property
    def uses_network(self) -> bool:
        return self._transport is None

    def url(self, path: str) -> str:
        return self.endpoint.base_url.rstrip("/") + path

    def http(self) -> httpx.Client:
        """The connection pool of this process."""
        with self._lock:
            if self._http is None or self._pid != os.getpid():
                self._http, self._pid = self._connect(), os.getpid()
            return self._http

    @contextmanager
    def _exchanged(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """A response that is a success; what goes wrong, inside the block too, becomes a `GLMError`."""
        import httpx

        from glm_magics._posting import broken, refusal

        failed: GLMError
        try:
            with self.http().stream(method, self.url(path), **options) as response:
                if response.status_code < 300:
                    yield response
                    return
                failed = refusal(self, response, response.read())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failed = broken(self, error, answered=False)
        raise failed

    def _connect(self) -> httpx.Client:
        import httpx

        from glm_magics._exchange import watch_connection
        from glm_magics._posting import HEADERS, timeouts

        return self._made(
            lambda: httpx.Client(
                transport=self._layered(self._given_transport()),
                auth=self.authorize,
                timeout=timeouts(None),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=MAX_CONNECTIONS),
                headers=HEADERS,
                follow_redirects=False,
                event_hooks={"request": [watch_connection]},
            )
        )

    def trust(self) -> ssl.SSLContext:
        """The certificates to believe in, as the environment says. Loading them takes long, so share them."""
        import httpx

        return self._made(httpx.create_ssl_context)

    def asynchronous_transport(self, trust: ssl.SSLContext | None = None) -> httpx.AsyncBaseTransport:
        """A connection for one event loop, for a request at a time; the caller closes it."""
        if self._layer is not None:
            return self._layer.over_async(self._plain_asynchronous_transport(trust))
        return self._plain_asynchronous_transport(trust)

    def _plain_asynchronous_transport(self, trust: ssl.SSLContext | None) -> httpx.AsyncBaseTransport:
        import httpx

        from glm_magics._posting import proxy_of

        transport = self._given_transport()
        if transport is None:
            proxy = proxy_of(self.endpoint.base_url)
            if proxy is not None:
                return self._made(lambda: httpx.AsyncHTTPTransport(verify=trust or True, proxy=proxy))
            from glm_magics._asyncio_http import AsyncioTransport

            return AsyncioTransport(trust)
        if isinstance(transport, httpx.AsyncBaseTransport):
            return transport
        from glm_magics._whole import InThreads

        return InThreads(transport)

    def authorize(self, request: httpx.Request) -> httpx.Request:
        """The request with the key in its headers."""
        if self.endpoint.key is not None:
            request.headers["Authorization"] = self.endpoint.key.authorization()
        return request

    def _given_transport(self) -> httpx.BaseTransport | None:
        if callable(self._transport):
            self._transport = self._transport()
        return self._transport

    def _layered(self, transport: httpx.BaseTransport | None) -> httpx.BaseTransport | None:
        if self._layer is None:
            return transport
        if transport is None:
            import httpx

            from glm_magics._posting import proxy_of

            limits = httpx.Limits(max_connections=None, max_keepalive_connections=MAX_CONNECTIONS)
            transport = httpx.HTTPTransport(limits=limits, proxy=proxy_of(self.endpoint.base_url))
        return self._layer.over(transport)

    def _made(self, make: Callable[[], _Http]) -> _Http:
        try:
            return make()
        except (ImportError, ValueError, OSError) as error:  # a proxy or certificate that httpx cannot use
            reason = self.redact(str(error))
        raise SettingError(
            _("The connection cannot be set up: {reason}").format(reason=reason),
            hint=_("Check HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE; SOCKS needs `pip install httpx[socks]`."),
        )
