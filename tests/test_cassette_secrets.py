"""A key that must reach no cassette: in every usual writing, from every place that is recorded."""

from __future__ import annotations

import base64
import codecs
import contextlib
import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from glm_magics import api, tapes
from glm_magics.cassette import Cassette
from glm_magics.cassette.secrets import secret_in
from glm_magics.chat import ChatRequest, Message, Tool
from glm_magics.client import Client, Endpoint
from glm_magics.errors import GLMError, SettingError
from glm_magics.keys import ApiKey

ACCOUNT, SECRET = "c4n4ry0123456789abcdef", "Zq7+wV/9tXe-Rk2_LmP4"
CANARY = f"{ACCOUNT}.{SECRET}"
KEY = ApiKey(CANARY, source="test")


def base64_at(offset: int) -> Callable[[str], str]:
    return lambda text: base64.b64encode(b"key"[:offset] + text.encode() + b"!").decode()


def every_letter(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(ord(letter)) for letter in text)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "account": lambda text: ACCOUNT,
    "secret": lambda text: SECRET,
    "first-half": lambda text: text[: len(text) // 2],
    "last-half": lambda text: text[len(text) // 2 :],
    "reversed": lambda text: text[::-1],
    "upper": str.upper,
    "base64-0": base64_at(0),
    "base64-1": base64_at(1),
    "base64-2": base64_at(2),
    "base64-url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64-half": lambda text: base64.b64encode(text[len(text) // 2 :].encode()).decode(),
    "base64-reversed": lambda text: base64.b64encode(text[::-1].encode()).decode(),
    "base64-lines": lambda text: "\n".join(base64_at(0)(text)[at : at + 8] for at in range(0, 64, 8)),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex-upper": lambda text: text.encode().hex().upper(),
    "hex-spaced": lambda text: text.encode().hex(" "),
    "url": lambda text: quote(text, safe=""),
    "url-twice": lambda text: quote(quote(text, safe=""), safe=""),
    "url-every-letter": every_letter("%{:02x}"),
    "json": lambda text: json.dumps(text).replace("/", "\\/"),
    "json-every-letter": every_letter("\\u{:04x}"),
    "html": html.escape,
    "html-every-letter": every_letter("&#{};"),
    "wide": lambda text: "".join(chr(ord(letter) + 0xFEE0) for letter in text),
    "spaced": " ".join,
    "zero-width": "\u200b".join,
    "dashes": "-".join,
    "list": lambda text: json.dumps(list(text)),
    "hex-colons": lambda text: text.encode().hex(":"),
    "hex-array": lambda text: ", ".join(f"0x{code:02x}" for code in text.encode()),
    "hex-escapes": every_letter("\\x{:02x}"),
    "decimal-array": lambda text: str(list(text.encode())),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "base64-twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64-utf16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base85": lambda text: base64.b85encode(text.encode()).decode(),
}


def event(**delta: object) -> str:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]}, ensure_ascii=False)}\n\n"


END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
STREAM = {"content-type": "text/event-stream"}


class Pieces(httpx.SyncByteStream):
    """A body of one letter at a time."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __iter__(self):
        for letter in self._text:
            yield letter.encode()


ANSWERS: dict[str, Callable[[str], httpx.Response]] = {
    "answer": lambda leak: httpx.Response(
        200, headers=STREAM, text=event(content=f"it is {leak}, ok?") + END
    ),
    "answer-split": lambda leak: httpx.Response(
        200,
        headers=STREAM,
        text="".join(event(role="assistant", content=letter) for letter in f"it is {leak}") + END,
    ),
    "thinking-split": lambda leak: httpx.Response(
        200,
        headers=STREAM,
        text="".join(event(reasoning_content=leak[at : at + 5]) for at in range(0, len(leak), 5)) + END,
    ),
    "tool-call": lambda leak: httpx.Response(
        200,
        headers=STREAM,
        text=event(
            tool_calls=[
                {"index": 0, "id": "1", "function": {"name": "f", "arguments": json.dumps({"a": leak})}}
            ]
        )
        + END,
    ),
    "network-split": lambda leak: httpx.Response(
        200, headers=STREAM, stream=Pieces(event(content=leak) + END)
    ),
    "id": lambda leak: httpx.Response(
        200, headers=STREAM, text=f"data: {json.dumps({'id': leak, 'choices': []})}\n\n" + END
    ),
    "model": lambda leak: httpx.Response(
        200, headers=STREAM, text=f"data: {json.dumps({'model': leak, 'choices': []})}\n\n" + END
    ),
    "error": lambda leak: httpx.Response(
        400, json={"error": {"code": "1210", "message": f"bad token {leak}"}}
    ),
    "error-page": lambda leak: httpx.Response(500, text=f"<pre>token {leak}</pre>"),
    "whole": lambda leak: httpx.Response(
        200, json={"choices": [{"message": {"content": leak}, "finish_reason": "stop"}]}
    ),
    "comment": lambda leak: httpx.Response(
        200, headers=STREAM, text=f": {leak!r}\n\n" + event(content="hi") + END
    ),
}

QUESTIONS: dict[str, Callable[[str], ChatRequest]] = {
    "prompt": lambda leak: ChatRequest("m", (Message("user", f"what is {leak}?"),)),
    "system": lambda leak: ChatRequest("m", (Message("system", leak), Message("user", "hi"))),
    "tool": lambda leak: ChatRequest("m", (Message("user", "hi"),), tools=(Tool("f", leak, {}),)),
    "user-id": lambda leak: ChatRequest("m", (Message("user", "hi"),), extra={"user_id": leak}),
}
HELLO = ChatRequest("m", (Message("user", "hello"),))


def connect(answer: Callable[[], httpx.Response], key: ApiKey = KEY) -> list[httpx.Request]:
    """A server that answers so; what it is sent."""
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answer()

    endpoint = Endpoint("echo", "http://echo.invalid/v1", key=key, dialect="openai")
    client = Client(endpoint, transport=httpx.MockTransport(handle), pause=lambda event, seconds: True)
    api.use_client(client)
    return sent


def ask(request: ChatRequest) -> None:
    with api.session().client.stream(request) as stream:
        for _ in stream:
            pass


@pytest.mark.parametrize("place", ANSWERS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_answer_that_holds_it_is_not_written(
    bare_environment: None, tmp_path: Path, encoding: str, place: str
) -> None:
    leak = ENCODINGS[encoding](CANARY)
    connect(lambda: ANSWERS[place](leak))
    tape = tapes.record(tmp_path / "a.jsonl")
    with contextlib.suppress(GLMError):  # errors are answers too
        ask(HELLO)
    tape.stop()
    assert "the API key (from test)" in tape.refused[0]
    assert CANARY not in tape.refused[0]
    assert tape.recorded == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", QUESTIONS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_request_that_holds_it_is_not_sent(
    bare_environment: None, tmp_path: Path, encoding: str, place: str
) -> None:
    sent = connect(lambda: ANSWERS["answer"]("nothing"))
    with tapes.recording(tmp_path / "a.jsonl"), pytest.raises(SettingError, match="not sent") as raised:
        ask(QUESTIONS[place](ENCODINGS[encoding](CANARY)))
    assert not secret_in([str(raised.value)], [KEY])
    assert sent == []
    assert list(tmp_path.iterdir()) == []


def test_these_are_more_than_45_encodings_and_places() -> None:
    assert len(ENCODINGS) * (len(ANSWERS) + len(QUESTIONS)) > 45


def test_the_rest_of_a_recording_is_written(bare_environment: None, tmp_path: Path) -> None:
    answers = iter([ANSWERS["answer"]("fine"), ANSWERS["answer"](CANARY), ANSWERS["answer"]("fine too")])
    connect(lambda: next(answers))
    path = tmp_path / "a.jsonl"

    def all_three() -> None:
        with tapes.recording(path):
            for text in ("one", "two", "three"):
                ask(ChatRequest("m", (Message("user", text),)))

    with pytest.raises(SettingError, match="Not recorded in") as raised:
        all_three()
    assert not secret_in([str(raised.value)], [KEY])
    assert [each.asked.question for _, each in Cassette(path).entries()] == ["one", "three"]
    assert not secret_in([path.read_text()], [KEY])


def test_no_header_of_a_request_is_written(bare_environment: None, tmp_path: Path) -> None:
    sent = connect(lambda: ANSWERS["answer"]("fine"))
    with tapes.recording(tmp_path / "a.jsonl"):
        ask(HELLO)
    assert sent[0].headers["authorization"] == f"Bearer {CANARY}"
    written = (tmp_path / "a.jsonl").read_text().lower()
    assert "bearer" not in written
    assert "authorization" not in written
    assert "user-agent" not in written


def test_of_the_headers_of_an_answer_only_three_facts_are_written(
    bare_environment: None, tmp_path: Path
) -> None:
    headers = {
        "set-cookie": "session=topsecret1",
        "x-account": "topsecret2",
        "location": "https://user:topsecret3@a.example/path?token=topsecret4",
        "retry-after": "7",
        "content-type": "text/html",
    }
    connect(lambda: httpx.Response(302, headers=headers))
    with tapes.recording(tmp_path / "a.jsonl"), pytest.raises(GLMError):
        ask(HELLO)
    ((_, entry),) = Cassette(tmp_path / "a.jsonl").entries()
    assert (entry.location, entry.retry_after, entry.type) == ("https://a.example/", 7.0, "text/html")
    assert "topsecret" not in (tmp_path / "a.jsonl").read_text()


def test_a_key_of_another_server_in_the_environment_is_kept_out_too(
    bare_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.connect("demo://?pace=0")
    monkeypatch.setenv("ZHIPUAI_API_KEY", CANARY)
    with tapes.recording(tmp_path / "a.jsonl"), pytest.raises(SettingError, match="ZHIPUAI_API_KEY"):
        ask(ChatRequest("glm-4.7", (Message("user", f"my key is {CANARY}"),)))


def test_the_demo_has_no_secret(bare_environment: None, tmp_path: Path) -> None:
    api.connect("demo://?pace=0")
    with tapes.recording(tmp_path / "a.jsonl") as tape:
        api.ask("The demo takes the key demo-key.")
    assert tape.recorded == 1


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefgh12345678.Zz",
        "'Authorization': 'Bearer sk-0123456789abcdef'",
        '{\\"authorization\\": \\"Bearer 0123456789abcdefg\\"}',
        "authorization=0123456789abcdef",
        "AUTHORIZATION%3A%20Basic%20dXNlcjpwYXNzd29yZDE%3D",
        "eyJhbGciOiJIUzI1NiJ9.eyJhcGlfa2V5IjoiYSJ9.abcdefghijkl",
    ],
)
def test_an_authorization_header_or_token_of_anybody_is_a_secret(text: str) -> None:
    assert secret_in([f"curl -H {text} https://a.example"], [])


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer YOUR_API_KEY",
        "Authorization: Bearer <your key>",
        "Authorization is about what somebody may do, authentication about who it is.",
        'headers={"Authorization": f"Bearer {api_key}"}',
        "authorization, 1234567890, was refused",
        "The demo explains 0123456789 and c4n4ry.",
    ],
)
def test_words_about_keys_are_no_secret(text: str) -> None:
    assert secret_in([text], [KEY]) == ""
