"""The engine under a real httpx client, in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx

from glm_magics.demo.engine import Engine
from glm_magics.demo.response import Response

__all__ = ["AsyncDemoTransport", "DemoTransport"]


class AsyncDemoTransport(httpx.AsyncBaseTransport):
    """`httpx.AsyncClient(transport=AsyncDemoTransport(engine))`: as `DemoTransport`, without a thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        response = self.engine.handle(request.method, request.url.raw_path.decode(), request.headers, body)
        patience = _patience(request)
        try:
            await asyncio.sleep(min(response.wait, patience))
            _check_patience(response, request, patience)
        except BaseException:
            response.close()
            raise
        stream = _AsyncBody(response, request, patience)
        return httpx.Response(response.status, headers=dict(response.headers), stream=stream)


class DemoTransport(httpx.BaseTransport, AsyncDemoTransport):
    """`httpx.Client(transport=DemoTransport(engine))` talks to the demo, whatever the host of the URL; an
    `httpx.AsyncClient` too.

    Reads as a network does: the client's read timeout holds, a reset is `httpx.ReadError`, and closing the
    response ends its writing.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self.engine.handle(
            request.method, request.url.raw_path.decode(), request.headers, request.read()
        )
        patience = _patience(request)
        try:
            response.rest(min(response.wait, patience))
            _check_patience(response, request, patience)
        except BaseException:
            response.close()
            raise
        body = _Body(response, request, patience)
        return httpx.Response(response.status, headers=dict(response.headers), stream=body)


class _Body(httpx.SyncByteStream):
    def __init__(self, response: Response, request: httpx.Request, patience: float) -> None:
        self._response = response
        self._request = request
        self._patience = patience

    def __iter__(self) -> Iterator[bytes]:
        clock = self._response.timing.clock
        heard = clock()
        try:
            for chunk in self._response.chunks:
                if chunk:
                    heard = clock()
                    yield chunk
                elif clock() - heard > self._patience:
                    raise httpx.ReadTimeout("the demo fell silent", request=self._request)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error), request=self._request) from error

    def close(self) -> None:
        self._response.close()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, response: Response, request: httpx.Request, patience: float) -> None:
        self._response = response
        self._request = request
        self._patience = patience

    async def __aiter__(self) -> AsyncIterator[bytes]:
        clock = self._response.timing.clock
        heard = due = clock()
        try:
            for piece in self._response.pieces:
                due += piece.delay
                await asyncio.sleep(max(0.0, min(piece.delay, due - clock())))
                if piece.data:
                    heard = clock()
                    yield piece.data
                elif clock() - heard > self._patience:
                    raise httpx.ReadTimeout("the demo fell silent", request=self._request)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error), request=self._request) from error

    async def aclose(self) -> None:
        self._response.close()


def _patience(request: httpx.Request) -> float:
    """The client's read timeout, in seconds."""
    timeouts = request.extensions.get("timeout", {})
    read = timeouts.get("read") if isinstance(timeouts, dict) else None
    return float("inf") if read is None else float(read)


def _check_patience(response: Response, request: httpx.Request, patience: float) -> None:
    if response.wait > patience:
        raise httpx.ReadTimeout("no answer from the demo in time", request=request)
