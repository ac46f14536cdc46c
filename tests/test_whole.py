"""Whole answers on an event loop: sent once, typed errors, no connection left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from glm_magics._stream import Limits
from glm_magics._whole import WholeAnswers
from glm_magics.chat import ChatRequest, Completion, Message
from glm_magics.client import Client, Endpoint
from glm_magics.demo import DemoTransport, Engine, serve
from glm_magics.errors import (
    AuthenticationError,
    GLMError,
    NoAnswer,
    NoConnection,
    ProtocolError,
    RateLimitError,
    ServerError,
    SettingError,
)
from glm_magics.keys import ApiKey

T = TypeVar("T")
KEY = "demo-key"


def request(text: str = "what is 6 * 7") -> ChatRequest:
    return ChatRequest("glm-4-plus", (Message("user", text),), stream=False)


def client(engine: Engine | None = None, url: str = "http://demo.invalid/api/paas/v4") -> Client:
    transport = DemoTransport(engine) if engine else None
    return Client(Endpoint("demo", url, ApiKey(KEY, source="test"), "CNY"), transport=transport)


def run(client: Client, ask: Callable[[WholeAnswers], Awaitable[T]], *, limits: Limits | None = None) -> T:
    async def main() -> T:
        answers = WholeAnswers(client, limits=limits or Limits())
        try:
            return await ask(answers)
        finally:
            await answers.close()

    return asyncio.run(main())


def test_an_answer_is_what_a_stream_would_have_made_of_it() -> None:
    engine = Engine(pace=0)
    whole = run(client(engine), lambda answers: answers.ask(request()))
    other = client(engine).complete(request())
    assert whole.text == other.text
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (
        other.usage.input_tokens,
        other.usage.output_tokens,
    )
    assert whole.finish_reason == "stop"
    assert whole.model == whole.served_model == "glm-4-plus"


def test_many_at_once_share_connections_over_the_network() -> None:
    async def many(answers: WholeAnswers) -> list[Completion]:
        first = await asyncio.gather(*(answers.ask(request(f"what is {n} + 1")) for n in range(8)))
        return first + await asyncio.gather(*(answers.ask(request(f"what is {n} + 2")) for n in range(8)))

    with serve(Engine(pace=0)) as url:
        done = run(client(url=url), many)
    assert [str(n + 1) in answer.text for n, answer in enumerate(done[:8])] == [True] * 8


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("1302", RateLimitError),
        ("auth", AuthenticationError),
        ("1234", ServerError),
        ("html", ProtocolError),
        ("redirect", ProtocolError),
        ("200-error", ServerError),
        ("malformed", ProtocolError),
        ("reset", NoAnswer),
    ],
)
def test_a_failure_is_a_typed_error_and_is_not_tried_again(fault: str, error: type[GLMError]) -> None:
    engine = Engine(pace=0, fault=fault)
    with pytest.raises(error):
        run(client(engine), lambda answers: answers.ask(request()))
    assert len(engine.seen) == 1


def test_a_cut_answer_is_no_answer() -> None:
    with pytest.raises(GLMError):
        run(client(Engine(pace=0, fault="cut")), lambda answers: answers.ask(request()))


def test_retry_after_is_kept() -> None:
    with pytest.raises(RateLimitError) as raised:
        run(client(Engine(pace=0, fault="1302@7")), lambda answers: answers.ask(request()))
    assert raised.value.retry_after_seconds == 7.0


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(NoConnection):
        run(client(url="http://127.0.0.1:9/v4"), lambda answers: answers.ask(request()))


def test_a_certificate_that_is_not_there_is_a_setting_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(SettingError, match="cannot be set up"):
        run(client(url="https://127.0.0.1:9/v4"), lambda answers: answers.ask(request()))


@pytest.mark.parametrize("limits", [Limits(idle=0.2), Limits(total=0.2)], ids=["idle", "total"])
def test_a_silent_server_is_given_up(limits: Limits) -> None:
    engine = Engine(pace=0, answer_seconds=30)
    with serve(engine) as url, pytest.raises(NoAnswer):
        run(client(url=url), lambda answers: answers.ask(request()), limits=limits)


def test_who_is_cancelled_frees_the_place_on_the_server() -> None:
    engine = Engine(pace=0, answer_seconds=30)

    async def cancelled(answers: WholeAnswers) -> None:
        task = asyncio.ensure_future(answers.ask(request()))
        while not engine.in_flight():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(client(engine), cancelled)
    assert engine.in_flight() == 0


def test_a_key_in_an_error_is_blotted_out() -> None:
    class Telling(Engine):
        def handle(self, method: str, path: str, headers: Any, body: bytes) -> Any:
            return self._json({"error": {"code": "1234", "message": f"bad: {KEY}"}}, status=500)

    with pytest.raises(ServerError) as raised:
        run(client(Telling()), lambda answers: answers.ask(request()))
    assert KEY not in str(raised.value)
