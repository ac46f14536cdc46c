"""A loopback server that plays byte scripts: what servers, proxies and broken networks do to a stream.

A script is a function that gets a `Peer`, one per connection, and sends bytes until it is done.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSED_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket, server: FaultServer) -> None:
        self.socket = connection
        self.server = server

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def chunk(self, data: bytes) -> None:
        """One piece of a chunked body."""
        if data:
            self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def silence(self) -> None:
        """Say nothing more until the other side hangs up or the test is over."""
        self.socket.settimeout(0.05)
        while not self.server.over.is_set():
            try:
                if not self.socket.recv(4096):
                    self.server.hangups.append(time.monotonic())
                    return
            except TimeoutError:
                continue
            except OSError:
                self.server.hangups.append(time.monotonic())
                return

    def drip(self, pieces: Iterable[bytes], seconds: float) -> None:
        """Chunks at intervals, until the pieces, the peer or the test ends."""
        for piece in pieces:
            if self.server.over.is_set():
                return
            try:
                self.chunk(piece)
            except OSError:
                self.server.hangups.append(time.monotonic())
                return
            time.sleep(seconds)


Script = Callable[[Peer], None]


class FaultServer:
    """Plays `script` to each connection after it has read one request (with `keep_alive`, to each request).

    `tls` holds the certificate of a server that speaks HTTPS.
    """

    def __init__(
        self, script: Script, *, keep_alive: bool = False, tls: ssl.SSLContext | None = None
    ) -> None:
        self.script = script
        self.keep_alive = keep_alive
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.hangups: list[float] = []
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"{'https' if tls else 'http'}://{self.address}/v1"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> FaultServer:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="fault-server")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), self._secured(connection) as connection:
            peer = Peer(connection, self)
            while True:
                request = self._read_request(connection)
                if not request:
                    return
                self.requests.append(request)
                self.script(peer)
                if not self.keep_alive:
                    return

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(connection, server_side=True) if self.tls else connection

    def _read_request(self, connection: socket.socket) -> bytes:
        connection.settimeout(0.1)
        data = b""
        while not self.over.is_set():
            head, found, body = data.partition(b"\r\n\r\n")
            if found and len(body) >= _content_length(head):
                break
            try:
                piece = connection.recv(65_536)
            except TimeoutError:
                continue
            if not piece:
                return b""
            data += piece
        connection.settimeout(10)
        return data


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def event(body: Any) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def delta(finish: str | None = None, **fields: Any) -> bytes:
    choice: dict[str, Any] = {"index": 0, "delta": fields}
    if finish is not None:
        choice["finish_reason"] = finish
    return event({"id": "c1", "model": "glm-test", "choices": [choice]})


DONE = b"data: [DONE]\n\n"


def whole(body: bytes, head: bytes = SSE_HEAD) -> Script:
    """A healthy answer with this body, in one chunk."""

    def play(peer: Peer) -> None:
        if head is SSE_HEAD:
            peer.send(head + b"%x\r\n%s\r\n" % (len(body), body) + LAST_CHUNK)
        else:
            peer.send(head + body)

    return play


def plain(status: str, body: bytes, kind: str = "application/json", *extra: str) -> Script:
    """An ordinary response with a content length."""
    headers = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *extra]
    data = "\r\n".join(headers).encode() + b"\r\n\r\n" + body
    return lambda peer: peer.send(data)
