"""The transport for many whole answers, over real sockets: healthy servers, broken ones, and certificates."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest
import trustme
from fault_server import LAST_CHUNK, FaultServer, Peer, Script, plain

from glm_magics._asyncio_http import AsyncioTransport

T = TypeVar("T")
HELLO = plain("200 OK", b'{"say": "hello"}')


def run(ask: Callable[[AsyncioTransport], Awaitable[T]], trust: ssl.SSLContext | None = None) -> T:
    async def main() -> T:
        transport = AsyncioTransport(trust)
        try:
            return await ask(transport)
        finally:
            await transport.aclose()

    return asyncio.run(main())


def post(url: str, body: bytes = b"{}", *, seconds: float = 10.0, **headers: str) -> httpx.Request:
    timeouts = {"connect": seconds, "read": seconds, "write": seconds, "pool": None}
    return httpx.Request("POST", url, content=body, headers=headers, extensions={"timeout": timeouts})


def answer(script: Script, body: bytes = b"{}", *, seconds: float = 10.0) -> httpx.Response:
    with FaultServer(script) as server:
        return run(lambda http: http.handle_async_request(post(server.url, body, seconds=seconds)))


def sends(data: bytes) -> Script:
    return lambda peer: peer.send(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", id="length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n" + LAST_CHUNK,
            id="chunks",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", id="until-closed"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhello", id="http-1.0"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", id="continue"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Long: " + b"x" * 60_000 + b"\r\n\r\nhello",
            id="long-head",
        ),
    ],
)
def test_an_answer_is_read_to_its_end(data: bytes) -> None:
    response = answer(sends(data))
    assert (response.status_code, response.content) == (200, b"hello")


def test_an_answer_may_come_byte_by_byte() -> None:
    def drip(peer: Peer) -> None:
        for byte in b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}":
            peer.send(bytes([byte]))

    response = answer(drip)
    assert (response.status_code, response.headers["retry-after"], response.content) == (429, "7", b"{}")


def test_a_packed_answer_is_unpacked() -> None:
    packed = gzip.compress(b"hello")
    assert answer(plain("200 OK", packed, "text/plain", "Content-Encoding: gzip")).content == b"hello"


def test_a_large_body_arrives_whole() -> None:
    body = bytes(range(256)) * 40_000
    with FaultServer(HELLO) as server:
        run(lambda http: http.handle_async_request(post(server.url, body)))
    assert server.requests[0].partition(b"\r\n\r\n")[2] == body


def test_a_large_answer_is_read_whole() -> None:
    text = b"0123456789" * 1_000_000
    assert answer(plain("200 OK", text, "text/plain")).content == text


def test_a_connection_is_used_again() -> None:
    async def three(http: AsyncioTransport) -> list[int]:
        return [(await http.handle_async_request(post(server.url))).status_code for _ in range(3)]

    with FaultServer(HELLO, keep_alive=True) as server:
        assert run(three) == [200, 200, 200]
    assert server.connections == 1


def test_a_connection_that_the_server_closed_is_made_anew() -> None:
    async def two(http: AsyncioTransport) -> list[int]:
        first = await http.handle_async_request(post(server.url))
        await asyncio.sleep(0.2)
        return [first.status_code, (await http.handle_async_request(post(server.url))).status_code]

    with FaultServer(HELLO) as server:
        assert run(two) == [200, 200]
    assert server.connections == 2


def test_what_nobody_asked_for_is_no_answer_to_the_next_request() -> None:
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    def play(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + smuggled)

    async def two(http: AsyncioTransport) -> list[bytes]:
        return [(await http.handle_async_request(post(server.url))).content for _ in range(2)]

    with FaultServer(play, keep_alive=True) as server:
        assert run(two) == [b"good", b"good"]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param(lambda peer: None, httpx.RemoteProtocolError, id="closed"),
        pytest.param(lambda peer: peer.reset(), httpx.NetworkError, id="reset"),
        pytest.param(sends(b"HTTP/1.1 200 OK\r\nContent-"), httpx.RemoteProtocolError, id="half-a-head"),
        pytest.param(
            sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell"),
            httpx.RemoteProtocolError,
            id="half-a-body",
        ),
        pytest.param(
            sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhell"),
            httpx.RemoteProtocolError,
            id="half-a-chunk",
        ),
        pytest.param(sends(b"SSH-2.0-OpenSSH\r\n\r\n"), httpx.RemoteProtocolError, id="not-http"),
        pytest.param(lambda peer: peer.silence(), httpx.ReadTimeout, id="silence"),
        pytest.param(
            lambda peer: (peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), peer.silence()),
            httpx.ReadTimeout,
            id="silence-after-the-head",
        ),
        pytest.param(
            plain("200 OK", b"not gzip", "text/plain", "Content-Encoding: gzip"),
            httpx.DecodingError,
            id="not-gzip",
        ),
    ],
)
def test_a_broken_answer_is_one_of_httpx_errors(script: Script, error: type[httpx.HTTPError]) -> None:
    with pytest.raises(error):
        answer(script, seconds=0.5)


def test_after_a_failure_the_next_request_has_a_connection_of_its_own() -> None:
    async def two(http: AsyncioTransport) -> int:
        with pytest.raises(httpx.ReadTimeout):
            await http.handle_async_request(post(server.url, seconds=0.2))
        return (await http.handle_async_request(post(server.url))).status_code

    with FaultServer(lambda peer: peer.silence() if server.connections == 1 else HELLO(peer)) as server:
        assert run(two) == 200
    assert server.connections == 2


def test_who_is_cancelled_hangs_up() -> None:
    async def cancelled(http: AsyncioTransport) -> None:
        task = asyncio.create_task(http.handle_async_request(post(server.url)))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not server.hangups:
            await asyncio.sleep(0.01)

    with FaultServer(lambda peer: peer.silence()) as server:
        run(cancelled)


def test_a_server_that_takes_nothing_in_is_given_up() -> None:

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        with pytest.raises(httpx.WriteTimeout):
            run(lambda http: http.handle_async_request(post(url, b"x" * 50_000_000, seconds=0.5)))


def test_nobody_there_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(httpx.ConnectError):
        run(lambda http: http.handle_async_request(post(f"http://127.0.0.1:{port}/v1")))


def test_a_header_that_would_smuggle_is_not_sent() -> None:
    with FaultServer(HELLO) as server, pytest.raises(httpx.LocalProtocolError):
        run(lambda http: http.handle_async_request(post(server.url, a="b\r\nc: d")))
    assert server.requests == []


# ---------------------------------------------------------------------------------------------- HTTPS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_https_is_spoken_and_a_connection_is_used_again(authority: trustme.CA) -> None:
    async def two(http: AsyncioTransport) -> list[bytes]:
        return [(await http.handle_async_request(post(server.url, b"x" * 300_000))).content for _ in range(2)]

    with FaultServer(HELLO, keep_alive=True, tls=certified(authority, "127.0.0.1")) as server:
        assert run(two, trusting(authority)) == [b'{"say": "hello"}'] * 2
    assert server.connections == 1


@pytest.mark.parametrize("case", ["unknown authority", "another name"])
def test_a_certificate_that_does_not_fit_ends_it_before_anything_is_sent(
    case: str, authority: trustme.CA
) -> None:
    name = "127.0.0.1" if case == "unknown authority" else "other.test"
    trust: Any = None if case == "unknown authority" else trusting(authority)
    wrong = FaultServer(HELLO, tls=certified(authority, name))
    with wrong as server, pytest.raises(httpx.ConnectError, match="certificate"):
        run(lambda http: http.handle_async_request(post(server.url)), trust)
    assert server.requests == []
