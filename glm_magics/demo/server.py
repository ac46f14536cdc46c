"""The engine on a local port, for any client: HTTP/1.1 with keep-alive and chunked streams.

It listens on the loopback interface unless told otherwise, refuses foreign `Host` headers there (a web page
could otherwise reach it through DNS rebinding), limits request bodies, and writes no log.
"""

from __future__ import annotations

import select
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from glm_magics.demo.engine import BASE_PATH, Engine
from glm_magics.demo.refusals import Refusal
from glm_magics.demo.response import Response
from glm_magics.demo.shapes import dumps

__all__ = ["MOST_BYTES", "DemoServer", "serve"]

MOST_BYTES = 128 * 1024 * 1024  # a batch file of 100 MB, in its form
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_IDLE_SECONDS = 75.0


@contextmanager
def serve(engine: Engine, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve `engine` in a thread while the block runs; yields the base URL. Port 0 chooses a free one."""
    server = DemoServer(engine, host=host, port=port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.base_url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class DemoServer(ThreadingHTTPServer):
    """A thread for each connection. `base_url` is what a client's `base_url` has to be."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, engine: Engine, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.engine = engine
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.local_only = host in _LOOPBACK
        super().__init__((host, port), _Handler)
        shown = f"[{host}]" if ":" in host else host
        self.base_url = f"http://{shown}:{self.server_address[1]}{BASE_PATH}"

    def server_bind(self) -> None:
        # http.server asks the name service for the host's name here, which can take seconds and is not needed
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "glm-demo"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    server: DemoServer

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: a log could hold what was asked."""

    def _answer(self) -> None:
        try:
            self._check_host()
            body = self._body()
        except Refusal as refusal:
            self.close_connection = True  # the body was not read
            self._send_whole(
                refusal.status, {"Content-Type": "application/json"}, dumps(refusal.body).encode()
            )
            return
        response = self.server.engine.handle(self.command, self.path, dict(self.headers.items()), body)
        try:
            self._send(response)
        except ConnectionResetError:
            self._reset()
        except OSError:
            self.close_connection = True  # the client went away
        finally:
            response.close()

    def _check_host(self) -> None:
        named = self.headers.get("Host", "")
        port = str(self.server.server_port)
        known = {f"{name}{end}" for name in ("localhost", "127.0.0.1", "[::1]") for end in ("", f":{port}")}
        if self.server.local_only and named.lower() not in known:
            raise Refusal(403, "1220", "This demo answers on this machine only: use localhost or 127.0.0.1")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding"):
            raise Refusal(411, "1210", "Send the body with a Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise Refusal(400, "1210", "Content-Length is not a number")
        if int(length) > MOST_BYTES:
            raise Refusal(413, "1210", f"The request body is larger than {MOST_BYTES} bytes")
        return self.rfile.read(int(length))

    def _send(self, response: Response) -> None:
        response.rest(response.wait)
        if "event-stream" in response.headers.get("Content-Type", ""):
            self._send_stream(response)
            return
        whole = b"".join(self._present(response))
        self._send_whole(response.status, response.headers, whole)

    def _send_whole(self, status: int, headers: Any, body: bytes) -> None:
        self._head(status, {**headers, "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_stream(self, response: Response) -> None:
        chunked = self.request_version != "HTTP/1.0"
        if not chunked:
            self.close_connection = True
        framing = {"Transfer-Encoding": "chunked"} if chunked else {"Connection": "close"}
        self._head(response.status, {**response.headers, "Cache-Control": "no-cache", **framing})
        for data in self._present(response):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _present(self, response: Response) -> Iterator[bytes]:
        """The chunks with something in them; looks at each silent one whether the client is still there."""
        for data in response.chunks:
            if data:
                yield data
            elif self._client_left():
                raise BrokenPipeError

    def _client_left(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _reset(self) -> None:
        """End the connection with a TCP reset, as a dying server would."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())
