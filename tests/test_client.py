"""The client over real sockets: healthy servers of many kinds, broken ones, stops, proxies, forks."""

from __future__ import annotations

import _thread
import gzip
import json
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fault_server import (
    CLOSED_HEAD,
    DONE,
    LAST_CHUNK,
    SSE_HEAD,
    FaultServer,
    Peer,
    Script,
    delta,
    event,
    plain,
    whole,
)
from wire_samples import EXPECTED_REASONING, EXPECTED_TEXT, stream_bytes

from glm_magics._stream import Limits, Stream
from glm_magics.chat import ChatRequest, Message
from glm_magics.client import Client, Endpoint
from glm_magics.errors import (
    AccessDenied,
    AuthenticationError,
    ContentRefused,
    GLMError,
    IncompleteStream,
    NoAnswer,
    NoConnection,
    PromptTooLong,
    ProtocolError,
    RateLimitError,
    RequestError,
    ServerError,
    SettingError,
    StalledStream,
    StreamError,
)
from glm_magics.keys import ApiKey
from glm_magics.retry import Policy, Quota

REQUEST = ChatRequest(model="glm-test", messages=(Message("user", "hello"),))
QUICK = Limits(idle=1.0, total=20)  # for servers that fall silent
PATIENT = Limits(idle=60)
ONCE = Policy(attempts=1)
HELLO = delta(content="hello")
STOP = delta("stop")
KEY = "0123456789abcdef0123456789abcdef.CanaryCanary42xy"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    wait_for(lambda: not reader_threads())


def reader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "glm-stream"]


def wait_for(condition: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def client_for(server: FaultServer, **options: Any) -> Client:
    options = {"policy": ONCE, "quota": Quota(), **options}
    return Client(Endpoint("test", server.url, key=ApiKey(KEY, source="the test")), **options)


def ask(script: Script, limits: Limits = QUICK, **options: Any) -> Stream:
    with (
        FaultServer(script) as server,
        client_for(server, **options).stream(REQUEST, limits=limits) as stream,
    ):
        list(stream)
        return stream


# ------------------------------------------------------------------------------------ healthy servers


def in_pieces(data: bytes, size: int) -> Script:
    def play(peer: Peer) -> None:
        peer.send(SSE_HEAD)
        for at in range(0, len(data), size):
            peer.chunk(data[at : at + size])
        peer.send(LAST_CHUNK)

    return play


LONG = stream_bytes()
HEADLESS = b"HTTP/1.1 200 OK\r\n"

HEALTHY = [
    pytest.param(whole(LONG), id="one-chunk"),
    pytest.param(in_pieces(LONG, 100), id="chunks-across-events"),
    pytest.param(in_pieces(LONG, 7), id="small-chunks"),
    pytest.param(whole(stream_bytes(b"\r\n", mark=True)), id="crlf-and-mark"),
    pytest.param(whole(stream_bytes(b"\r")), id="cr"),
    pytest.param(whole(LONG, CLOSED_HEAD), id="http-1.0-until-close"),
    pytest.param(whole(LONG, HEADLESS + b"\r\n"), id="http-1.1-until-close"),
    pytest.param(whole(LONG, HEADLESS + b"Content-Type: text/plain\r\n\r\n"), id="text-plain"),
    pytest.param(plain("200 OK", LONG, "text/event-stream"), id="content-length"),
    pytest.param(plain("201 Created", LONG, "text/event-stream"), id="another-success"),
    pytest.param(plain("200 OK", gzip.compress(LONG), "text/event-stream", "Content-Encoding: gzip"), id="gzip-all-the-same"),
    pytest.param(whole(stream_bytes(done=False)), id="no-done"),
]  # fmt: skip


@pytest.mark.parametrize("script", HEALTHY)
@pytest.mark.parametrize("threaded", [True, False], ids=["threaded", "inline"])
def test_a_healthy_answer_is_whole(script: Script, threaded: bool) -> None:
    stream = ask(script, PATIENT, threaded=threaded)
    assert (stream.completion.text, stream.completion.reasoning) == (EXPECTED_TEXT, EXPECTED_REASONING)
    assert stream.completion.complete
    assert stream.completion.finish_reason == "tool_calls"


def test_the_wire_carries_key_and_request() -> None:
    with FaultServer(whole(LONG)) as server:
        list(client_for(server).stream(REQUEST))
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1")
    assert f"Authorization: Bearer {KEY}".encode() in head
    assert b"Accept-Encoding: identity" in head
    assert json.loads(body)["messages"] == [{"role": "user", "content": "hello"}]
    assert json.loads(body)["stream"] is True


def test_done_that_is_never_followed_by_the_end_is_the_end() -> None:
    def play(peer: Peer) -> None:
        peer.send(SSE_HEAD)
        peer.chunk(LONG)
        peer.silence()

    with FaultServer(play) as server:
        stream = client_for(server).stream(REQUEST)
        list(stream)
        assert stream.completion.complete
        wait_for(lambda: server.hangups)


def test_a_finish_reason_that_is_never_followed_by_done_is_the_end_after_a_grace() -> None:
    def play(peer: Peer) -> None:
        peer.send(SSE_HEAD)
        peer.chunk(HELLO + STOP)
        peer.silence()

    assert ask(play, Limits(idle=60)).completion.complete


def test_connections_are_used_again() -> None:
    with FaultServer(whole(LONG), keep_alive=True) as server:
        client = client_for(server)
        for _ in range(20):
            list(client.stream(REQUEST))
        client.close()
    assert len(server.requests) == 20
    assert server.connections <= 3  # one, but for a thread that this machine kept waiting


def test_many_threads_share_a_client() -> None:
    texts: list[str] = []
    with FaultServer(in_pieces(LONG, 500), keep_alive=True) as server:
        client = client_for(server)

        def work() -> None:
            for _ in range(5):
                stream = client.stream(REQUEST)
                list(stream)
                texts.append(stream.completion.text)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close()
    assert texts == [EXPECTED_TEXT] * 40
    assert server.connections <= 9


def test_a_whole_answer_at_once() -> None:
    body = {
        "id": "i",
        "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3},
    }
    with FaultServer(plain("200 OK", json.dumps(body).encode())) as server:
        completion = client_for(server).complete(REQUEST)
    assert (completion.text, completion.usage.input_tokens, completion.complete) == ("hi", 3, True)
    assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2])["stream"] is False


def test_models_and_token_counts() -> None:
    with FaultServer(plain("200 OK", b'{"data": [{"id": "a"}, {"id": "b"}, 7]}')) as server:
        assert client_for(server).models() == ("a", "b")
    with FaultServer(plain("200 OK", b'{"usage": {"prompt_tokens": 12}}')) as server:
        assert client_for(server).count_tokens("glm-test", REQUEST.messages) == 12


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        pytest.param(plain("200 OK", b"[]"), ProtocolError, id="a-list"),
        pytest.param(plain("200 OK", b"<html>"), ProtocolError, id="html"),
        pytest.param(
            plain("401 No", b'{"error": {"code": "1002", "message": "bad"}}'),
            AuthenticationError,
            id="refused",
        ),
        pytest.param(lambda peer: peer.reset(), NoAnswer, id="reset"),
    ],
)
def test_a_plain_call_fails_typed(script: Script, kind: type[GLMError]) -> None:
    with FaultServer(script) as server, pytest.raises(kind):
        client_for(server).count_tokens("glm-test", REQUEST.messages)


# ------------------------------------------------------------------------------------- broken answers


def cut(data: bytes, at: int, how: str) -> Script:
    def play(peer: Peer) -> None:
        if how == "closed":
            peer.send(CLOSED_HEAD + data[:at])
            return
        peer.send(SSE_HEAD)
        if how == "mid-chunk":
            peer.send(b"%x\r\n%s" % (len(data), data[:at]))
        else:
            peer.chunk(data[:at])
        if how == "last-chunk":
            peer.send(LAST_CHUNK)
        if how == "reset":
            peer.reset()

    return play


@pytest.mark.parametrize("how", ["closed", "fin", "mid-chunk", "last-chunk", "reset"])
def test_a_cut_answer_is_never_whole_and_never_wrong(how: str) -> None:
    data = stream_bytes()
    finish = data.index(b'"finish_reason":"tool_calls"}]}') + 31
    points = random.Random(7).sample(range(len(data)), 24)
    for at in [*points, finish - 1]:
        with FaultServer(cut(data, at, how)) as server:
            stream = client_for(server).stream(REQUEST, limits=QUICK)
            if at >= finish and how != "reset":  # a reset may overtake the data
                list(stream)
                assert stream.completion.complete
            else:
                error = None
                try:
                    list(stream)
                except (IncompleteStream, ProtocolError, NoAnswer) as caught:
                    error = caught
                assert at >= finish or (error is not None and error.completion is stream.completion)
        assert EXPECTED_TEXT.startswith(stream.completion.text)
        assert EXPECTED_REASONING.startswith(stream.completion.reasoning)


def then(*parts: bytes, ending: str = "close") -> Script:
    """A chunked answer that begins well."""

    def play(peer: Peer) -> None:
        peer.send(SSE_HEAD)
        for part in parts:
            peer.chunk(part)
        if ending == "silence":
            peer.silence()
        elif ending == "reset":
            time.sleep(0.05)  # let the data arrive, which a reset would overtake
            peer.reset()
        elif ending == "end":
            peer.send(LAST_CHUNK)

    return play


def drip(piece: bytes, *, first: bytes = b"", head: bytes = SSE_HEAD) -> Script:
    def play(peer: Peer) -> None:
        peer.send(head)
        peer.chunk(first)
        peer.drip(iter(lambda: piece, None), 0.02)

    return play


def drip_head(peer: Peer) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
        if peer.server.over.is_set():
            return
        peer.send(bytes([byte]))
        time.sleep(0.02)


def drip_refusal(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 429 Too Many\r\nContent-Length: 1000\r\n\r\n")
    peer.silence()


PAGE = b"<!DOCTYPE html><html><body>Please log in to the proxy</body></html>"

BROKEN = [
    pytest.param(then(HELLO, ending="silence"), StalledStream, "hello", id="stall"),
    pytest.param(then(ending="silence"), NoAnswer, "", id="stall-after-the-head"),
    pytest.param(lambda peer: peer.silence(), NoAnswer, "", id="no-head"),
    pytest.param(drip_head, NoAnswer, "", id="slow-loris-head"),
    pytest.param(drip(b": ping\n\n"), NoAnswer, "", id="comments-for-ever"),
    pytest.param(drip(b": ping\n\n", first=HELLO), StalledStream, "hello", id="comments-after-data"),
    pytest.param(drip(b"x", first=HELLO + b"data: "), StalledStream, "hello", id="slow-loris-event"),
    pytest.param(drip(b"data:\n\n", first=HELLO), StalledStream, "hello", id="empty-events-for-ever"),
    pytest.param(lambda peer: None, NoAnswer, "", id="hangs-up"),
    pytest.param(lambda peer: peer.reset(), NoAnswer, "", id="reset-at-once"),
    pytest.param(then(HELLO, ending="reset"), IncompleteStream, "hello", id="reset"),
    pytest.param(then(HELLO), IncompleteStream, "hello", id="fin-between-chunks"),
    pytest.param(then(HELLO, ending="end"), IncompleteStream, "hello", id="clean-end-without-finish"),
    pytest.param(then(HELLO, DONE, ending="end"), IncompleteStream, "hello", id="done-without-finish"),
    pytest.param(plain("200 OK", PAGE, "text/html"), ProtocolError, "", id="html"),
    pytest.param(plain("200 OK", b""), IncompleteStream, "", id="empty"),
    pytest.param(plain("204 No Content", b""), IncompleteStream, "", id="no-content"),
    pytest.param(plain("200 OK", b'{"code": 1302, "msg": "slow"}'), RateLimitError, "", id="gateway-error-with-200"),
    pytest.param(plain("200 OK", b'{"error": {"code": "1234", "message": "x"}}'), ServerError, "", id="error-with-200"),
    pytest.param(then(HELLO, b"event: error\ndata: {}\n\n", ending="end"), StreamError, "hello", id="error-event"),
    pytest.param(then(HELLO, event({"error": {"code": "1302", "message": "x"}}), ending="silence"), RateLimitError, "hello", id="error-chunk"),
    pytest.param(then(HELLO, b"data: {oops\n\n", STOP, DONE, ending="end"), StreamError, "hello", id="malformed-event"),
    pytest.param(then(HELLO, delta("network_error"), DONE, ending="end"), ServerError, "hello", id="network-error"),
    pytest.param(then(HELLO, delta("sensitive"), DONE, ending="end"), ContentRefused, "hello", id="sensitive"),
    pytest.param(lambda peer: peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + HELLO), IncompleteStream, "hello", id="content-length-too-long"),
    pytest.param(lambda peer: peer.send(SSE_HEAD + b"zz\r\n"), NoAnswer, "", id="chunk-size-of-no-use"),
    pytest.param(lambda peer: peer.send(b"SSH-2.0-OpenSSH_9\r\n\r\n"), NoAnswer, "", id="another-protocol"),
    pytest.param(plain("200 OK", b"not gzip", "text/event-stream", "Content-Encoding: gzip"), ProtocolError, "", id="not-the-encoding-it-says"),
    pytest.param(plain("500 Oops", b"Internal Server Error", "text/plain"), ServerError, "", id="500-text"),
    pytest.param(plain("502 Bad", PAGE, "text/html"), GLMError, "", id="502-html"),
    pytest.param(plain("400 Bad", b'{"error": {"code": 400, "type": "exceed_context_size_error", "message": "too long"}}'), RequestError, "", id="llama-cpp-int-code"),
    pytest.param(plain("400 Bad", b'{"error": {"code": "1261", "message": "too long"}}'), PromptTooLong, "", id="1261"),
    pytest.param(plain("401 No", b'{"error": "Unauthorized"}'), AuthenticationError, "", id="vllm-401"),
    pytest.param(plain("404 No", b'{"detail": "Not Found"}'), RequestError, "", id="vllm-404"),
    pytest.param(plain("422 No", b'{"detail": [{"loc": ["body"], "msg": "extra"}]}'), RequestError, "", id="transformers-422"),
    pytest.param(plain("403 No", b"[" * 60_000), AccessDenied, "", id="403-deep-json"),
    pytest.param(plain("429 Slow", b"x" * 300_000, "text/plain"), RateLimitError, "", id="429-endless-text"),
    pytest.param(lambda peer: peer.send(b"HTTP/1.1 401 No\r\nContent-Length: 900\r\n\r\n{"), AuthenticationError, "", id="401-cut"),
    pytest.param(drip_refusal, NoAnswer, "", id="429-silent-body"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "kind", "text"), BROKEN)
def test_a_broken_answer_is_a_typed_error_that_keeps_the_text(
    script: Script, kind: type[GLMError], text: str
) -> None:
    ends: list[Any] = []
    with FaultServer(script) as server:
        stream = client_for(server).stream(
            REQUEST, limits=QUICK, ended=lambda done, error: ends.append(error) or done
        )
        with pytest.raises(GLMError) as caught:
            list(stream)
        assert isinstance(caught.value, kind)
        assert type(caught.value) is kind or kind is GLMError
        assert caught.value.completion is stream.completion
        assert stream.completion.text == text
        assert not stream.completion.complete
        assert ends == [caught.value]
        assert len(server.requests) == 1
        assert caught.value.__context__ is None
        assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        pytest.param(then(HELLO, ending="silence"), StalledStream, id="stall"),
        pytest.param(lambda peer: peer.silence(), NoAnswer, id="no-head"),
    ],
)
def test_silence_ends_without_threads_too(
    script: Script, kind: type[GLMError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glm_magics._exchange.READ_MARGIN_SECONDS", 0.0)
    with pytest.raises(kind):
        ask(script, threaded=False)


def test_an_error_quotes_the_page_that_came_instead() -> None:
    with pytest.raises(ProtocolError, match="Please log in to the proxy"):
        ask(plain("200 OK", PAGE, "text/html"))


def test_a_request_that_is_not_json_is_refused_before_it_is_sent() -> None:
    with FaultServer(whole(LONG)) as server:
        for extra in ({"x": object()}, {"x": float("nan")}):
            request = ChatRequest(model="m", messages=REQUEST.messages, extra=extra)
            with pytest.raises(RequestError, match="cannot be written as JSON"):
                list(client_for(server).stream(request))
    assert server.requests == []


def test_half_a_character_in_a_prompt_is_replaced() -> None:
    request = ChatRequest(model="m", messages=(Message("user", "a\ud83cb"),))
    with FaultServer(whole(LONG)) as server:
        list(client_for(server).stream(request))
    assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2])["messages"][0]["content"] == "a?b"


@pytest.mark.parametrize("url", ["ftp://x/v1", "http://[::1/v1", "x"])
def test_an_address_of_no_use_is_a_setting_error(url: str) -> None:
    with pytest.raises(SettingError):
        list(Client(Endpoint("test", url), policy=ONCE).stream(REQUEST))
    with pytest.raises(SettingError):
        Client(Endpoint("test", url)).models()


def test_nobody_there_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoConnection, match=f"127.0.0.1:{port}"):
        list(Client(Endpoint("test", f"http://127.0.0.1:{port}/v1"), policy=ONCE).stream(REQUEST))


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(NoConnection) as caught:
        list(Client(Endpoint("test", "http://me:hunter22@127.0.0.1:1/v1"), policy=ONCE).stream(REQUEST))
    assert "hunter22" not in str(caught.value)


def test_a_certificate_that_is_not_there_is_a_setting_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(SettingError, match="cannot be set up"):
        list(Client(Endpoint("test", "https://127.0.0.1:1/v1"), policy=ONCE).stream(REQUEST))


# --------------------------------------------------------------------------------- redirects, proxies


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed_and_the_key_stays_here(status: str) -> None:
    with FaultServer(whole(LONG)) as other:
        redirect = plain(status, b"", "text/plain", f"Location: {other.url}")
        with FaultServer(redirect) as server, pytest.raises(ProtocolError, match=other.address):
            list(client_for(server).stream(REQUEST))
    assert other.requests == []


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(whole(LONG)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        stream = Client(Endpoint("test", "http://api.test.invalid/v1")).stream(REQUEST)
        list(stream)
    assert stream.completion.text == EXPECTED_TEXT
    assert proxy.requests[0].startswith(b"POST http://api.test.invalid/v1/chat/completions")


def test_a_tunnel_is_asked_for_https_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(plain("403 Forbidden", b"no")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        endpoint = Endpoint("test", "https://api.test.invalid/v1", key=ApiKey(KEY, source="the test"))
        with pytest.raises(NoConnection, match=f"through the proxy {proxy.address}"):
            list(Client(endpoint, policy=ONCE).stream(REQUEST))
    assert proxy.requests[0].startswith(b"CONNECT api.test.invalid:443")
    assert b"Canary" not in proxy.requests[0]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_broken_proxy_is_named_without_its_password(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://me:hunter22@127.0.0.1:1")
    with pytest.raises(NoConnection, match=r"through the proxy 127\.0\.0\.1:1") as caught:
        list(Client(Endpoint("test", "https://api.test.invalid/v1"), policy=ONCE).stream(REQUEST))
    assert "hunter22" not in str(caught.value)


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert ask(whole(LONG)).completion.complete


def test_a_proxy_of_no_use_is_a_setting_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://me:hunter22@127.0.0.1:1")
    with pytest.raises(SettingError, match="cannot be set up") as caught:
        list(Client(Endpoint("test", "https://api.test.invalid/v1")).stream(REQUEST))
    assert "hunter22" not in str(caught.value)


# ------------------------------------------------------------------------------------------- forking


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_connects_anew() -> None:
    with FaultServer(whole(LONG), keep_alive=True) as server:
        client = client_for(server)
        list(client.stream(REQUEST))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                stream = client.stream(REQUEST)
                list(stream)
                status = 0 if stream.completion.text == EXPECTED_TEXT else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert server.connections == 2
        list(client.stream(REQUEST))
        assert server.connections == 2
        client.close()


# ----------------------------------------------------------------------------------- stop, interrupt


PIECES = [delta(content=f"{number} ") for number in range(10_000)]
NUMBERS = "".join(f"{number} " for number in range(10_000))


def slow_answer(peer: Peer) -> None:
    time.sleep(0.01)
    peer.send(SSE_HEAD)
    time.sleep(0.01)
    peer.drip(PIECES, 0.001)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda peer: peer.silence(), id="before-the-head"),
        pytest.param(then(ending="silence"), id="before-the-first-event"),
        pytest.param(then(HELLO, ending="silence"), id="after-an-event"),
    ],
)
@pytest.mark.parametrize("used_before", [False, True], ids=["new-connection", "used-connection"])
def test_a_stop_reaches_the_server_at_any_time(script: Script, used_before: bool) -> None:
    first = whole(LONG) if used_before else script
    with FaultServer(
        lambda peer: (first if len(server.requests) == 1 else script)(peer), keep_alive=True
    ) as server:
        client = client_for(server)
        if used_before:
            list(client.stream(REQUEST))
        stream = client.stream(REQUEST, limits=Limits(idle=60))
        stream.poll(0.1)
        wait_for(lambda: len(server.requests) == 1 + used_before)
        threading.Timer(0.05, stream.stop).start()
        list(stream)
        assert stream.completion.finish_reason == "stopped"
        wait_for(lambda: server.hangups)
        wait_for(lambda: not reader_threads())
        assert server.connections == 1


def test_a_stop_leaves_the_other_streams_of_a_client_alone() -> None:
    with FaultServer(slow_answer) as server:
        client = client_for(server)
        streams = [client.stream(REQUEST) for _ in range(4)]
        for stream in streams:
            while not stream.completion.text:
                stream.poll(0.05)
        for stream in streams[1:]:
            stream.stop()
            stream.poll(0.0)
        before = len(streams[0].completion.text)
        while len(streams[0].completion.text) < before + 100:
            streams[0].poll(0.05)
        streams[0].interrupt()
        wait_for(lambda: len(server.hangups) == 4)


def test_two_hundred_stops_at_random_points() -> None:
    chance = random.Random(42)
    with FaultServer(slow_answer) as server:
        client = client_for(server)
        for number in range(200):
            stream = client.stream(REQUEST)
            until = time.monotonic() + chance.random() * 0.05
            seen = ""
            while time.monotonic() < until:
                seen += "".join(getattr(event, "text", "") for event in stream.poll(0.002))
            if number % 2:
                stream.interrupt()
            else:
                threading.Thread(target=stream.stop).start()
                list(stream)
            assert stream.done
            assert stream.completion.finish_reason == ("interrupted" if number % 2 else "stopped")
            assert NUMBERS.startswith(stream.completion.text)
            assert stream.completion.text.startswith(seen)
        wait_for(lambda: not reader_threads())
        wait_for(lambda: len(server.hangups) + 200 - len(server.requests) >= 150)
        client.close()
    assert server.connections <= 200


def test_a_real_interrupt_keeps_the_text_and_the_next_answer_works() -> None:
    with FaultServer(
        lambda peer: (slow_answer if len(server.requests) <= 20 else whole(LONG))(peer)
    ) as server:
        client = client_for(server)
        for number in range(20):
            stream = client.stream(REQUEST)
            timer = threading.Timer(0.005 + 0.003 * number, _thread.interrupt_main)
            timer.start()
            with pytest.raises(KeyboardInterrupt), stream:
                for _ in stream:
                    pass
            assert stream.completion.finish_reason == "interrupted"
            assert NUMBERS.startswith(stream.completion.text)
            timer.join()
            wait_for(lambda number=number: len(server.requests) == number + 1)
        wait_for(lambda: not reader_threads())
        after = client.stream(REQUEST)
        list(after)
        assert after.completion.text == EXPECTED_TEXT


def test_a_stream_that_is_never_polled_asks_nobody() -> None:
    with FaultServer(whole(LONG)) as server:
        with client_for(server).stream(REQUEST) as stream:
            pass
        assert stream.completion.finish_reason == "interrupted"
        assert server.requests == []
        assert server.connections == 0


def test_a_transport_can_be_made_when_it_is_needed() -> None:
    made: list[str] = []

    def transport() -> httpx.BaseTransport:
        made.append("x")
        return httpx.MockTransport(lambda request: httpx.Response(200, content=HELLO + STOP))

    client = Client(Endpoint("test", "http://api.test/v1"), transport=transport)
    assert made == []
    list(client.stream(REQUEST))
    list(client.stream(REQUEST))
    assert made == ["x"]
