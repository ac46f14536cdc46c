"""The demo on a real port."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from glm_magics.demo import Engine, serve
from glm_magics.demo.__main__ import main

KEY = {"Authorization": "Bearer demo-key"}
HELLO: dict[str, Any] = {"model": "glm-4.5-air", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(pace=0)


@pytest.fixture(scope="module")
def url(engine: Engine) -> Iterator[str]:
    with serve(engine) as base_url:
        yield base_url


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def talk(url: str, raw: bytes) -> bytes:
    """What the server says to raw bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", port_of(url)), timeout=5) as connection:
        connection.sendall(raw)
        found = b""
        while data := connection.recv(65536):
            found += data
        return found


def eventually(condition: Any) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_it_answers_whole_and_streamed_on_one_connection(url: str) -> None:
    with httpx.Client(base_url=url, headers=KEY) as http:
        whole = http.post("/chat/completions", json=HELLO)
        assert whole.json()["choices"][0]["finish_reason"] == "stop"
        assert "content-length" in whole.headers
        streamed = http.post("/chat/completions", json=HELLO | {"stream": True})
        assert streamed.headers["transfer-encoding"] == "chunked"
        assert streamed.text.endswith("data: [DONE]\n\n")
        pool = http._transport._pool  # type: ignore[attr-defined]
        assert len(pool.connections) == 1


def test_errors_have_the_platforms_shape(url: str) -> None:
    assert httpx.post(f"{url}/chat/completions", json=HELLO).json()["error"]["code"] == "1001"
    assert httpx.get(f"{url}/nothing", headers=KEY).json()["error"]["code"] == "1222"
    assert httpx.head(f"{url}/models", headers=KEY).status_code == 405


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
@pytest.mark.parametrize("with_port", [True, False])
def test_local_host_names_are_welcome(url: str, host: str, with_port: bool) -> None:
    named = f"{host}:{port_of(url)}" if with_port else host
    assert httpx.get(f"{url}/models", headers=KEY | {"Host": named}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:1", "localhost.", ""])
def test_a_foreign_host_header_is_refused(url: str, host: str) -> None:
    head = f"GET /api/paas/v4/models HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer demo-key\r\n\r\n"
    assert talk(url, head.encode()).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Content-Length: 134217729", b"413"),
        ("Content-Length: many", b"400"),
        ("Content-Length: -5", b"400"),
        ("Transfer-Encoding: chunked", b"411"),
    ],
)
def test_a_body_too_large_or_without_a_length_is_refused(url: str, header: str, status: bytes) -> None:
    head = f"POST /api/paas/v4/chat/completions HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n"
    answer = talk(url, head.encode())
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b'{"error":{"code":"1210"' in answer


def test_http_1_0_gets_a_stream_that_ends_with_the_connection(url: str) -> None:
    body = json.dumps(HELLO | {"stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer demo-key\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = talk(url, head.encode() + body)
    assert b"Transfer-Encoding" not in answer
    assert answer.endswith(b"data: [DONE]\n\n")


def test_a_client_that_leaves_frees_its_place(capfd: pytest.CaptureFixture[str]) -> None:
    engine = Engine(pace=0, fault="stall")
    with serve(engine) as url:
        with httpx.stream(
            "POST", f"{url}/chat/completions", json=HELLO | {"stream": True}, headers=KEY
        ) as response:
            chunks = response.iter_raw()  # kept: without it, the connection is closed with the iterator
            next(chunks)
            assert engine.in_flight() == 1
        assert eventually(lambda: engine.in_flight() == 0)
    assert capfd.readouterr() == ("", "")


def test_a_reset_reaches_the_client_as_one() -> None:
    with serve(Engine(pace=0, fault="reset")) as url, pytest.raises(httpx.ReadError, match="reset"):
        httpx.post(f"{url}/chat/completions", json=HELLO | {"stream": True}, headers=KEY)


def test_a_cut_stream_ends_cleanly() -> None:
    with serve(Engine(pace=0, fault="cut:300")) as url:
        found = httpx.post(f"{url}/chat/completions", json=HELLO | {"stream": True}, headers=KEY)
    assert len(found.content) == 300


def test_tokens_arrive_as_they_are_written() -> None:
    """The writer waits in the middle of the answer until its beginning was read."""
    read = threading.Event()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) > 0.6:  # past the first token
            assert read.wait(5)

    engine = Engine(sleep=sleep, clock=lambda: sum(slept))
    body = HELLO | {"stream": True, "model": "glm-4.5-airx"}
    with (
        serve(engine) as url,
        httpx.stream("POST", f"{url}/chat/completions", json=body, headers=KEY) as response,
    ):
        chunks = response.iter_raw()
        first = next(chunks)
        assert b"[DONE]" not in first
        read.set()
        assert b"".join(chunks).endswith(b"data: [DONE]\n\n")


def test_many_clients_are_served_at_once_up_to_the_limit() -> None:
    """Ten are kept waiting until the other four have been refused."""
    statuses: list[int] = []
    refused = threading.Event()
    waiting = Engine(level="V0", sleep=lambda seconds: refused.wait(5) and None)
    with serve(waiting) as url, httpx.Client(headers=KEY, base_url=url, timeout=20) as http:

        def one() -> None:
            status = http.post("/chat/completions", json=HELLO | {"model": "glm-4-long"}).status_code
            statuses.append(status)
            if statuses.count(429) == 4:
                refused.set()

        threads = [threading.Thread(target=one) for _ in range(14)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [200] * 10 + [429] * 4


ROOT = Path(__file__).parent.parent


def test_the_command_says_one_line_and_ends_with_ctrl_c() -> None:
    command = [sys.executable, "-m", "glm_magics.demo", "--port", "0", "--key", "lesson", "--pace", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        url = line.split()[2]
        assert url.startswith("http://127.0.0.1:")
        assert f'OpenAI(base_url="{url}", api_key="lesson")' in line
        answer = httpx.post(f"{url}/chat/completions", json=HELLO, headers={"Authorization": "Bearer lesson"})
        assert answer.status_code == 200
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=10)
    assert (server.returncode, out, err) == (0, "", "")


def test_a_bad_option_of_the_command_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--fault", "stal", "--port", "0"]) == 2
    assert "did you mean stall" in capsys.readouterr().err


def test_a_port_in_use_is_said(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", str(port_of(url))]) == 1
    assert "cannot listen on 127.0.0.1" in capsys.readouterr().err
