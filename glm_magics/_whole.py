"""Whole answers, many at a time on one event loop: sent once each, without a thread and without retries.

httpx looks through all connections of a pool for each request, so that many at once cost a multiple of few.
Here each request in flight has a transport of its own with one connection in it, and no client around it: one
endpoint needs no cookies, redirects or merging of addresses. All that requests share is made once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from glm_magics import _wire
from glm_magics._browser import in_browser
from glm_magics._decoder import StreamDecoder
from glm_magics._lang import _
from glm_magics._posting import HEADERS, answered_by, broken, payload, refusal, timeouts
from glm_magics._stream import DEFAULT_LIMITS, Limits
from glm_magics.chat import ChatRequest, Completion, Cost, Usage
from glm_magics.errors import GLMError, NoAnswer
from glm_magics.tokens import estimate, estimate_input

if TYPE_CHECKING:
    from glm_magics.client import Client

__all__ = ["Connections", "InThreads", "WholeAnswers"]

_HEADERS = {**HEADERS, "Content-Type": "application/json"}


class Connections:
    """The connections of one run to one address below the endpoint's, on the event loop that uses them.

    `close` ends them.
    """

    def __init__(
        self, client: Client, path: str = _wire.CHAT_PATH, *, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._client = client
        self._limits = limits
        self._url = httpx.URL(client.url(path))
        secured = client.uses_network and self._url.scheme == "https"
        self._trust = client.trust() if secured else None
        self._extensions = {"timeout": timeouts(limits.idle).as_dict()}
        # a GET, so that no length of a body is among its headers
        self._head = client.authorize(httpx.Request("GET", self._url, headers=_HEADERS)).headers
        self._idle: list[httpx.AsyncBaseTransport] = []

    async def post(self, body: bytes) -> tuple[bytes, str]:
        """The body of a success, and what to call the endpoint where the answer is not its own; sent once.

        Raises a `GLMError`.

        When the task is cancelled, the connection is closed.
        """
        http = self._idle.pop() if self._idle else self._client.asynchronous_transport(self._trust)
        answered = False
        failed: GLMError
        try:
            with _at_most(self._limits.total):
                response = await http.handle_async_request(self._sent(body))
                content = await response.aread()
            answered = True
            if response.status_code < 300:
                return content, answered_by(response)
            failed = refusal(self._client, response, content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failed = broken(self._client, error, answered=False)
        finally:
            if answered:
                self._idle.append(http)
            else:  # nobody knows what is left in this connection
                await asyncio.shield(http.aclose())
        raise failed

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().aclose()

    def _sent(self, body: bytes) -> httpx.Request:
        return httpx.Request("POST", self._url, headers=self._head, content=body, extensions=self._extensions)


class WholeAnswers:
    """Chat requests of one run, on the event loop that uses them. `close` ends the connections."""

    def __init__(self, client: Client, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._client = client
        self._connections = Connections(client, limits=limits)

    async def ask(
        self,
        request: ChatRequest,
        *,
        decoder: StreamDecoder | None = None,
        price: Callable[[Usage], Cost | None] = lambda usage: None,
    ) -> Completion:
        """The answer to a request, sent once (`request.stream` has to be False).

        Raises a `GLMError`; one that came with a part of an answer has it in `.completion`. When the task is
        cancelled, the connection is closed.
        """
        began, started = time.monotonic(), time.time()
        decoder = decoder or StreamDecoder()
        failed: GLMError | None = None
        content, recorded = await self._connections.post(payload(request, self._client.endpoint.dialect))
        decoder.feed(content)
        try:
            decoder.close()
        except GLMError as error:
            failed = error
        usage = decoder.usage or _counted(decoder, request)
        completion = decoder.completion(
            usage,
            finish_reason=decoder.finish_reason or "incomplete",
            cost=price(usage),
            model=request.model,
            endpoint=recorded or self._client.endpoint.name,
            request_id=decoder.request_id,
            started=started,
            seconds=time.monotonic() - began,
        )
        if failed is not None:
            failed.message = self._client.redact(failed.message)
            failed.args = (failed.message,)
            failed.completion = completion
            raise failed
        return completion

    async def close(self) -> None:
        await self._connections.close()


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Cut off what takes longer with `NoAnswer`. As `asyncio.timeout`, which Python 3.10 has not."""
    task = asyncio.current_task()
    late = False

    def cut() -> None:
        nonlocal late
        late = True
        if task is not None:
            task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, cut)
    try:
        yield
    except asyncio.CancelledError:
        if not late:
            raise
        raise NoAnswer(_("The answer took more than {seconds:g} s.").format(seconds=seconds)) from None
    finally:
        timer.cancel()


def _counted(decoder: StreamDecoder, request: ChatRequest) -> Usage:
    thought = estimate("".join(decoder.reasoning))
    written = thought + estimate("".join(decoder.text))
    return Usage(estimate_input(request), 0, written, thought, estimated=True)


class InThreads(httpx.AsyncBaseTransport):
    """A transport that can only wait, under an event loop: each request in a thread, if there are threads."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if in_browser():
            return self._answer(request)
        return await asyncio.to_thread(self._answer, request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        plain = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=request.content,
            extensions=request.extensions,
        )
        response = self._transport.handle_request(plain)
        try:
            response.read()
        finally:
            response.close()
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)
