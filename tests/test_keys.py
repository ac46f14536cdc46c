"""A key can be sent and nothing else: it is in no text, log, copy, pickle or traceback."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import random
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any
from urllib.parse import quote

import pytest
from fault_server import SSE_HEAD, FaultServer, Peer, delta, event, plain

from glm_magics._stream import Limits
from glm_magics.chat import ChatRequest, Message
from glm_magics.client import Client, Endpoint
from glm_magics.errors import GLMError, SettingError
from glm_magics.keys import ApiKey
from glm_magics.retry import Policy

REQUEST = ChatRequest(model="glm-test", messages=(Message("user", "hello"),))
ID, SECRET = "5f3a9c0de1b24c7f", "Zq8CanaryW2p"


def canary() -> str:
    return f"{ID}.{SECRET}"


def new_key() -> ApiKey:
    return ApiKey(canary(), source="the test")


def forms() -> dict[str, str]:
    """The key as it could leak."""
    whole = canary()
    encoded = {
        f"base64-after-{n}": base64.b64encode(b"x" * n + whole.encode() + b"tail").decode()[4:-6]
        for n in range(3)
    }
    return {
        "plain": whole,
        "id": ID,
        "secret": SECRET,
        "quoted": quote(whole, safe=""),
        "base64": base64.b64encode(whole.encode()).decode(),
        "base64-of-half": base64.b64encode(SECRET.encode()).decode(),
        "url-base64": base64.urlsafe_b64encode(whole.encode()).decode(),
        "hex": whole.encode().hex(),
        "header": f"Bearer {whole}",
        "basic": base64.b64encode(f":{whole}".encode()).decode(),
        "jwt": base64.urlsafe_b64encode(json.dumps({"api_key": ID, "exp": 1}).encode()).decode(),
        **encoded,
    }


def assert_clean(text: str) -> None:
    for name, form in forms().items():
        assert form not in text, name
    assert not new_key().appears_in(text)


# ------------------------------------------------------------------------------------------- accepting


@pytest.mark.parametrize(
    "text",
    [canary(), f" {canary()}\n", f'"{canary()}"', f"'{canary()}'", "EMPTY", "x" * 4096, "a-b_c/+=!~"],
    ids=range(7),
)
def test_a_key_that_can_be_sent_is_taken(text: str) -> None:
    key = ApiKey(text, source="here")
    assert key.authorization() == f"Bearer {text.strip().strip(chr(34) + chr(39))}"
    assert key.source == "here"


def bad_keys() -> list[str]:
    chance = random.Random(5)
    bad = [
        "\n",
        "\r",
        "\r\n",
        "\t",
        " ",
        "\0",
        "\x1b",
        "\x7f",
        "键",
        "é",
        "\u200b",
        "\u2028",
        "\ud83c",
        "🔑",
        "\xa0",
        "\ufeff",
    ]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    keys = []
    for number in range(500):
        middle = "".join(chance.choices(letters, k=chance.randint(8, 40)))
        if number % 10 == 9:
            keys.append(middle * 300 if len(middle) * 300 > 4096 else middle * 1000)
        else:
            at = chance.randint(1, len(middle) - 1)
            keys.append(middle[:at] + "".join(chance.choices(bad, k=chance.randint(1, 3))) + middle[at:])
    return keys


def test_five_hundred_keys_that_cannot_be_sent_are_refused_without_a_character_of_them() -> None:
    for secret in bad_keys():
        with pytest.raises(SettingError) as caught:
            ApiKey(secret, source="ZAI_API_KEY")
        shown = f"{caught.value} {caught.value!r} {vars(caught.value)}" + locals_below(
            caught.value, "test_keys.py"
        )
        assert "ZAI_API_KEY" in shown
        for at in range(0, len(secret) - 5, 3):
            piece = secret[at : at + 5]
            assert piece not in shown
            assert repr(piece)[1:-1] not in shown


def locals_below(error: BaseException, file: str) -> str:
    """The locals of the traceback's frames, except of those in `file`, where the test itself holds the key."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    return "".join(f"{frame.line} {frame.locals}" for frame in frames if not frame.filename.endswith(file))


@pytest.mark.parametrize("secret", ["", "  ", "\n", '""', "''"])
def test_an_empty_key_is_refused(secret: str) -> None:
    with pytest.raises(SettingError, match="is empty"):
        ApiKey(secret, source="here")


# --------------------------------------------------------------------------------------------- showing


class Holder:
    def __init__(self, key: ApiKey) -> None:
        self.key = key


WAYS: list[tuple[str, Callable[[ApiKey], object]]] = [
    ("str", str),
    ("repr", repr),
    ("ascii", ascii),
    ("format", lambda key: f"{key} {key!s} {key!r} {key:>80} {key:s}"),
    ("percent", lambda key: "%s %r" % (key, key)),  # noqa: UP031
    ("format-method", lambda key: "{0} {0!r}".format(key)),  # noqa: UP032
    ("list", lambda key: str([key, (key,), {key: key}])),
    ("pprint", lambda key: pprint.pformat({"key": key})),
    ("dir", dir),
    ("hash", hash),
    ("endpoint", lambda key: Endpoint("n", "https://x/v1", key=key)),
    ("endpoint-copy", lambda key: copy.copy(Endpoint("n", "https://x/v1", key=key))),
    ("endpoint-replace", lambda key: dataclasses.replace(Endpoint("n", "https://x/v1", key=key), name="m")),
    ("client", lambda key: Client(Endpoint("n", "https://x/v1", key=key))),
    ("client-vars", lambda key: vars(Client(Endpoint("n", "https://x/v1", key=key)))),
    ("http-vars", lambda key: vars(Client(Endpoint("n", "https://x/v1", key=key)).http())),
    ("client-copy", lambda key: vars(copy.copy(Client(Endpoint("n", "https://x/v1", key=key))))),
    ("stream", lambda key: vars(Client(Endpoint("n", "https://x/v1", key=key)).stream(REQUEST))),
    ("completion", lambda key: Client(Endpoint("n", "https://x/v1", key=key)).stream(REQUEST).completion),
    ("holder-vars", lambda key: vars(Holder(key))),
    ("json-default", lambda key: json.dumps({"key": key}, default=str)),
    ("error", lambda key: SettingError(f"bad {key}")),
]


@pytest.mark.parametrize("show", [pytest.param(show, id=name) for name, show in WAYS])
def test_no_text_shows_a_key(show: Callable[[ApiKey], object]) -> None:
    shown = show(new_key())
    assert_clean(f"{shown} {shown!r}")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda key: key, id="key"),
        pytest.param(lambda key: [key], id="list"),
        pytest.param(lambda key: Endpoint("n", "https://x/v1", key=key), id="endpoint"),
        pytest.param(Holder, id="holder"),
        pytest.param(lambda key: Client(Endpoint("n", "https://x/v1", key=key)), id="client"),
        pytest.param(lambda key: Client(Endpoint("n", "https://x/v1", key=key)).stream(REQUEST), id="stream"),
    ],
)
@pytest.mark.parametrize(
    "take",
    [
        *(
            pytest.param(lambda thing, p=p: pickle.dumps(thing, p), id=f"pickle-{p}")
            for p in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
        pytest.param(copy.deepcopy, id="deepcopy"),
    ],
)
def test_a_key_is_neither_pickled_nor_deeply_copied(
    make: Callable[[ApiKey], Any], take: Callable[[Any], Any]
) -> None:
    with pytest.raises(TypeError) as caught:
        take(make(new_key()))
    assert_clean(str(caught.value))


def test_a_key_is_not_turned_into_a_dict() -> None:
    with pytest.raises(TypeError):
        dataclasses.asdict(Endpoint("n", "https://x/v1", key=new_key()))
    with pytest.raises(TypeError):
        vars(new_key())
    with pytest.raises(TypeError):
        copy.copy(new_key())
    with pytest.raises(TypeError):
        json.dumps(new_key())


def test_keys_are_equal_only_to_themselves() -> None:
    key = new_key()
    assert key == key
    assert key != new_key()


# ------------------------------------------------------------------------------------------- redacting


@pytest.mark.parametrize(("name", "form"), forms().items(), ids=forms())
def test_every_form_is_found_and_blotted_out(name: str, form: str) -> None:
    text = f"before {form} after, {form} end."
    assert new_key().appears_in(text)
    redacted = new_key().redact(text)
    assert_clean(redacted)
    assert redacted.startswith("before ")
    assert redacted.endswith(".")


def test_a_key_cut_off_at_the_end_of_a_message_is_blotted_out() -> None:
    for length in range(8, len(canary())):
        redacted = new_key().redact(f"got {canary()[:length]}")
        assert canary()[:8] not in redacted
        assert redacted.startswith("got ")


def test_plain_words_are_left_alone() -> None:
    text = "The key was not accepted. 5f3a9c0 Zq8C"
    assert new_key().redact(text) == text
    assert not new_key().appears_in(text)
    assert ApiKey("none", source="here").redact("none of these") == "none of these"


# ------------------------------------------------------------------- what a server or network says back


def echo_401(form: str) -> Callable[[Peer], None]:
    return plain(
        "401 No",
        json.dumps({"error": {"code": "1002", "message": f"bad key {form}"}, "request_id": form}).encode(),
    )


def echo_text(form: str) -> Callable[[Peer], None]:
    return plain("500 Oops", ("x" * 150 + f" {form} " + "y" * 300).encode(), "text/plain")


def echo_cut(form: str) -> Callable[[Peer], None]:
    return plain("500 Oops", ("x" * (198 - len(form) // 2) + f" {form}").encode(), "text/plain")


def echo_redirect(form: str) -> Callable[[Peer], None]:
    return plain("302 Found", b"", "text/plain", f"Location: https://u:{form}@{form}.example/")


def echo_body(form: str) -> Callable[[Peer], None]:
    return plain("200 OK", json.dumps({"code": 1302, "msg": f"slow {form}"}).encode())


def echo_page(form: str) -> Callable[[Peer], None]:
    return plain("200 OK", f"<html>{'x' * 170}{form}".encode(), "text/html")


def in_stream(data: bytes) -> Callable[[Peer], None]:
    def play(peer: Peer) -> None:
        peer.send(SSE_HEAD)
        peer.chunk(delta(content="hello"))
        peer.chunk(data)

    return play


def echo_event(form: str) -> Callable[[Peer], None]:
    return in_stream(event({"error": {"code": "1234", "message": f"bad {form}"}, "request_id": form}))


def echo_malformed(form: str) -> Callable[[Peer], None]:
    return in_stream(f"data: {{ {'x' * 180} {form}\n\n".encode())


ECHOES = [echo_401, echo_text, echo_cut, echo_redirect, echo_body, echo_page, echo_event, echo_malformed]


def failure(url: str) -> GLMError:
    """The error of a request to `url`, raised and caught as a cell would see it."""
    client = Client(Endpoint("n", url, key=new_key()), policy=Policy(attempts=1))
    with pytest.raises(GLMError) as caught, client.stream(REQUEST, limits=Limits(idle=1)) as stream:
        for _ in stream:
            pass
    return caught.value


@pytest.mark.parametrize("echo", ECHOES)
def test_a_key_that_a_server_sends_back_is_in_no_error(echo: Callable[[str], Callable[[Peer], None]]) -> None:
    for form in forms().values():
        if "/" in form and echo is echo_redirect:
            continue
        with FaultServer(echo(form)) as server:
            error = failure(server.url)
        everything = f"{error} {error!r} {vars(error)} {error.args} {pickle.dumps(error)!r}"
        everything += "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
        assert_clean(everything)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    names = ["", "glm_magics", "httpx", "httpcore", "httpcore.http11", "httpcore.connection", "h11"]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def ways_to_fail() -> Iterator[tuple[str, GLMError]]:
    yield "connect", failure(closed_port())
    for name, script in (
        ("401", echo_401("words")),
        ("broken stream", in_stream(b"data: {oops\n\n")),
        ("cut", in_stream(b"")),
    ):
        with FaultServer(script) as server:
            yield name, failure(server.url)
    with FaultServer(lambda peer: peer.reset()) as server:
        yield "reset", failure(server.url)


def test_debug_logs_do_not_hold_the_key(log: io.StringIO) -> None:
    for _ in ways_to_fail():
        pass
    assert "httpcore" in log.getvalue()
    assert "httpx" in log.getvalue()
    assert_clean(log.getvalue())


def with_locals(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    return "".join(traceback.TracebackException(kind, error, trace, capture_locals=True, limit=None).format())


def every_frame(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """As cgitb and debuggers do: each frame's locals, and what their objects hold."""
    shown = []
    for frame, _ in traceback.walk_tb(trace):
        for name, value in frame.f_locals.items():
            shown.append(f"{name} = {value!r} {getattr(value, '__dict__', '')}")
    return "\n".join(shown)


def in_ipython(mode: str) -> Callable[..., str]:
    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
        ultratb = pytest.importorskip("IPython.core.ultratb")
        return str(ultratb.FormattedTB(mode=mode).text(kind, error, trace))

    return show


@pytest.mark.parametrize(
    "show",
    [
        pytest.param(with_locals, id="traceback"),
        pytest.param(every_frame, id="every-frame"),
        *(
            pytest.param(in_ipython(mode), id=f"ipython-{mode}")
            for mode in ("Plain", "Context", "Verbose", "Minimal")
        ),
    ],
)
def test_tracebacks_do_not_hold_the_key(show: Callable[..., str]) -> None:
    for name, error in ways_to_fail():
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
            chain.append(cause)
        for link in chain:
            shown = show(type(link), link, link.__traceback__)
            assert shown or show is every_frame, name
            assert_clean(shown)


def test_an_error_outside_the_tree_does_not_hold_the_key_in_our_frames() -> None:
    """Such as a bug in a transport, whose traceback goes through the frames that know the key."""

    class Broken:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...

        def handle_request(self, request: Any) -> Any:
            raise ZeroDivisionError("a bug")

        def close(self) -> None: ...

    client = Client(Endpoint("n", "https://x/v1", key=new_key()), transport=Broken())  # type: ignore[arg-type]
    try:
        list(client.stream(REQUEST))
    except ZeroDivisionError:
        kind, error, trace = sys.exc_info()
        assert kind is not None
        assert error is not None
        assert_clean(with_locals(kind, error, trace) + every_frame(kind, error, trace))
    else:
        pytest.fail("the bug was hidden")
