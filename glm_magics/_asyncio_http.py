"""An httpx transport for very many whole answers on one event loop: h11 over asyncio's own sockets.

httpx's transport reaches asyncio through httpcore and anyio, which takes two thirds of the processor time of
a request (1,000 requests of 0.2 s, 50 at once: 1.5 s there, 0.6 s here; 2026-11).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import h11
import httpx

__all__ = ["AsyncioTransport"]

_IDLE_SECONDS = 5.0  # after which a connection is not trusted to be open; as in httpx
_NEXT_ADDRESS_SECONDS = 0.25  # before the next address of a host is tried beside the first (RFC 8305)
_MOST_HEAD = 100 * 1024  # bytes of status and headers; as in httpx
_MOST_UNREAD = 1 << 20  # bytes that wait to be read before the other side has to


class AsyncioTransport(httpx.AsyncBaseTransport):
    """One connection to one endpoint, without a proxy; it is made anew when it has ended.

    `trust` is the certificates to believe in; httpx's, where nothing is given. An answer is read to its end
    before it is given. Raises what httpx's own transport raises.
    """

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust
        self._socket: _Socket | None = None
        self._http = _http()
        self._idle_since = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        seconds = request.extensions["timeout"]
        socket = await self._connected(request.url, seconds["connect"])
        try:
            await socket.write(self._written(request), seconds["write"])
            return await self._read(socket, seconds["read"])
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        finally:
            self._keep_or_drop()

    async def aclose(self) -> None:
        self._drop()

    def _keep_or_drop(self) -> None:
        """The connection is used again where both sides are done, and nothing follows the answer."""
        http = self._http
        if http.our_state is http.their_state is h11.DONE and not http.trailing_data[0]:
            http.start_next_cycle()
            self._idle_since = time.monotonic()
        else:
            self._drop()

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _connected(self, url: httpx.URL, seconds: float) -> _Socket:
        idle = time.monotonic() - self._idle_since
        if self._socket is not None and self._socket.is_quiet and idle < _IDLE_SECONDS:
            return self._socket
        self._drop()
        if url.scheme == "https":
            self._trust = self._trust or httpx.create_ssl_context()
        self._socket = await _Socket.to(url, self._trust, seconds)
        self._http = _http()
        return self._socket

    def _written(self, request: httpx.Request) -> bytes:
        try:
            head = h11.Request(
                method=request.method, target=request.url.raw_path, headers=request.headers.raw
            )
            events = (head, h11.Data(request.content), h11.EndOfMessage())
            return b"".join(self._http.send(event) or b"" for event in events)
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error

    async def _read(self, socket: _Socket, seconds: float) -> httpx.Response:
        head: h11.Response | None = None
        content = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await socket.read(seconds)
                if not data and head is None:
                    raise httpx.RemoteProtocolError("the server closed the connection without an answer")
                self._http.receive_data(data)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                content += event.data
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return httpx.Response(
                    head.status_code, headers=head.headers.raw_items(), content=bytes(content)
                )


def _http() -> h11.Connection:
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)


class _Socket(asyncio.Protocol):
    """A connection that can be waited for, with a limit in seconds for each wait."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unread = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._change: asyncio.Future[None] | None = None
        self._is_full = False

    @classmethod
    async def to(cls, url: httpx.URL, trust: ssl.SSLContext | None, seconds: float) -> _Socket:
        """Raises `httpx.ConnectError` and `httpx.ConnectTimeout`."""
        port = url.port or (443 if url.scheme == "https" else 80)
        making = asyncio.get_running_loop().create_connection(
            cls,
            url.raw_host.decode("ascii"),
            port,
            ssl=trust if url.scheme == "https" else None,
            happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS,
        )
        try:
            _, made = await asyncio.wait_for(making, seconds)
        except (asyncio.TimeoutError, TimeoutError):
            raise httpx.ConnectTimeout(f"no connection within {seconds:g} s") from None
        except OSError as error:  # ssl.SSLError is one
            raise httpx.ConnectError(str(error)) from error
        return made

    @property
    def is_quiet(self) -> bool:
        """Whether it is open and nothing has come that nobody asked for."""
        return not self._ended and not self._unread

    async def read(self, seconds: float) -> bytes:
        """What has come, or b"" when the other side has closed."""
        if not self._unread and not self._ended:
            await self._changed(httpx.ReadTimeout(f"nothing came for {seconds:g} s"), seconds)
        if not self._unread and self._error is not None:
            raise httpx.ReadError(str(self._error) or type(self._error).__name__)
        data = bytes(self._unread)
        self._unread.clear()
        self._transport.resume_reading()
        return data

    async def write(self, data: bytes, seconds: float) -> None:
        self._transport.write(data)
        while self._is_full and not self._ended:
            await self._changed(httpx.WriteTimeout(f"nothing could be sent for {seconds:g} s"), seconds)

    def close(self) -> None:
        self._transport.abort()

    # -- what asyncio calls ----------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) >= _MOST_UNREAD:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._error = exc
        self._wake()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()

    # --------------------------------------------------------------------------------------------

    async def _changed(self, late: httpx.TimeoutException, seconds: float) -> None:
        """Wait for a change, or raise `late`. (`asyncio.wait_for` costs a multiple of this.)"""
        change = self._change = self._loop.create_future()
        timer = self._loop.call_later(seconds, _end, change, late)
        try:
            await change
        finally:
            timer.cancel()

    def _wake(self) -> None:
        if self._change is not None:
            _end(self._change, None)


def _end(waiting: asyncio.Future[None], error: Exception | None) -> None:
    if waiting.done():
        return
    if error is None:
        waiting.set_result(None)
    else:
        waiting.set_exception(error)
