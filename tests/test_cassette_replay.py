"""Record, then replay: the same events in the same order, for every fault and every kind of request."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from glm_magics import api, tapes
from glm_magics._session import Session
from glm_magics._stream import Limits
from glm_magics.cassette import Asked, Cassette, Entry, Player
from glm_magics.chat import ChatRequest, Completion, Event, Message, Tool
from glm_magics.client import Client, Endpoint
from glm_magics.demo import FAULTS, Engine, serve
from glm_magics.errors import GLMError, NoAnswer, StalledStream
from glm_magics.keys import ApiKey

LIMITS = Limits(idle=0.4)
WEATHER = Tool(
    "weather", "The weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}}
)


@dataclass(frozen=True)
class Outcome:
    """All that a reader of an answer can tell: times apart."""

    events: tuple[Event, ...]
    completion: Completion
    error: tuple[Any, ...] | None


def plain(completion: Completion) -> Completion:
    return replace(
        completion,
        endpoint="",
        request_id="",
        started=0.0,
        seconds=0.0,
        first_token_seconds=None,
        thinking_seconds=0.0,
    )


def words(error: GLMError) -> str:
    """The message, but for the host, and for who gave up waiting: the reader or the network."""
    silent = isinstance(error, (NoAnswer, StalledStream))
    return "" if silent else re.sub(r"(demo|recorded)\.invalid|127[.:\d]+", "HOST", error.message)


def outcome(client: Client, request: ChatRequest) -> Outcome:
    events: list[Event] = []
    error = None
    stream = client.stream(request, limits=LIMITS)
    try:
        with stream:
            for event in stream:
                events.append(event)  # noqa: PERF402 - what came before an error is to be kept
    except GLMError as failed:
        error = (type(failed), failed.code, failed.status, failed.retry_after_seconds)
        error += (words(failed),)
    return Outcome(tuple(events), plain(stream.completion), error)


def whole(client: Client, request: ChatRequest) -> Outcome:
    """As rows are asked: on an event loop."""
    import asyncio

    from glm_magics._whole import WholeAnswers

    async def ask() -> Completion:
        answers = WholeAnswers(client, limits=LIMITS)
        try:
            return await answers.ask(replace(request, stream=False))
        finally:
            await answers.close()

    try:
        return Outcome((), plain(asyncio.run(ask())), None)
    except GLMError as failed:
        found = (type(failed), failed.code, failed.status, words(failed))
        return Outcome((), plain(failed.completion or Completion("")), found)


@contextmanager
def quick(session: Session) -> Iterator[Client]:
    """The client of a session, without pauses between its tries."""
    session.client.pause = lambda given_up, seconds: given_up.is_set()
    yield session.client


WAYS: dict[str, Callable[[Client, ChatRequest], Outcome]] = {
    "stream": outcome,
    "whole": lambda client, request: outcome(client, replace(request, stream=False)),
    "rows": whole,
}
QUESTION = ChatRequest("glm-4.7", (Message("user", "Why is the sky blue? Explain it step by step."),))


def both(
    path: Path, demo: Callable[..., Session], fault: str, ask: Callable[[Client], Outcome]
) -> tuple[Outcome, Outcome]:
    """What came when it was recorded, and what a replay gives."""
    with quick(demo(fault)), tapes.recording(path):
        live = ask(api.session().client)
    with tapes.replaying(path, pace="fast"):
        return live, ask(api.session().client)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "slow-first"])
def test_every_fault_replays_as_it_was(
    demo: Callable[..., Session], tmp_path: Path, fault: str, way: str
) -> None:
    live, again = both(
        tmp_path / "a.jsonl", demo, f"fault={fault}", lambda client: WAYS[way](client, QUESTION)
    )
    assert again == live


def test_silence_before_the_first_word_replays_as_silence(
    demo: Callable[..., Session], tmp_path: Path
) -> None:
    live, again = both(
        tmp_path / "a.jsonl", demo, "fault=slow-first", lambda client: outcome(client, QUESTION)
    )
    assert live.error is not None
    assert live.error[0] is NoAnswer
    assert again == live


SCENARIOS: dict[str, ChatRequest] = {
    "plain": ChatRequest("glm-4-plus", (Message("user", "hello"),)),
    "thinking": replace(QUESTION, thinking=True),
    "no-thinking": replace(QUESTION, thinking=False),
    "inline-thinking": ChatRequest("glm-z1-flash", (Message("user", "what is 6 * 7?"),)),
    "tools": replace(
        QUESTION, messages=(Message("user", "What is the weather in Paris?"),), tools=(WEATHER,)
    ),
    "tool-stream": replace(
        QUESTION,
        model="glm-4.6",
        messages=(Message("user", "What is the weather in Paris?"),),
        tools=(WEATHER,),
        tool_stream=True,
    ),
    "search": replace(
        QUESTION,
        extra={"tools": [{"type": "web_search", "web_search": {"enable": True, "search_query": "x"}}]},
    ),
    "json": replace(
        QUESTION,
        response_format="json_object",
        messages=(Message("user", 'JSON: {"name": string, "price": number} for a pen at 4.50'),),
    ),
    "cut": replace(QUESTION, max_tokens=20),
    "conversation": replace(
        QUESTION,
        messages=(
            Message("system", "Be brief."),
            Message("user", "你好，世界 🌍"),
            Message("assistant", "你好！"),
            Message("user", "Line\u2028breaks\x85 and \u0000 and 𝔘𝔫𝔦𝔠𝔬𝔡𝔢"),
        ),
    ),
    "refused": replace(QUESTION, model="glm-99"),
    "long": ChatRequest("glm-4-plus", (Message("user", "Tell me about each of these. " + "word " * 3_000),)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_kind_of_request_replays_as_it_was(
    demo: Callable[..., Session], tmp_path: Path, scenario: str, way: str
) -> None:
    live, again = both(tmp_path / "a.jsonl", demo, "", lambda client: WAYS[way](client, SCENARIOS[scenario]))
    assert again == live
    assert live.events or live.error or way == "rows"


def test_the_small_questions_replay_too(demo: Callable[..., Session], tmp_path: Path) -> None:
    def ask() -> list[Any]:
        client = api.session().client
        body = {"model": "embedding-3", "input": "hello", "dimensions": 256}
        return [
            client.models(),
            client.count_tokens("glm-4.7", (Message("user", "hello"),)),
            client.call("POST", "/embeddings", json=body)["data"],
        ]

    with tapes.recording(tmp_path / "a.jsonl"):
        live = ask()
    with tapes.replaying(tmp_path / "a.jsonl"):
        assert ask() == live


def test_a_request_asked_again_gets_the_answers_in_order_and_then_the_last(
    demo: Callable[..., Session], tmp_path: Path
) -> None:
    with tapes.recording(tmp_path / "a.jsonl"):
        live = [api.ask("hello").id for _ in range(3)]
    assert len(set(live)) == 3
    with tapes.replaying(tmp_path / "a.jsonl", pace="fast"):
        assert [api.ask("hello").id for _ in range(5)] == [*live, live[-1], live[-1]]


def test_retries_replay_as_retries(demo: Callable[..., Session], tmp_path: Path) -> None:
    with quick(demo("fault=n:2:1305")), tapes.recording(tmp_path / "a.jsonl") as tape:
        live = api.ask("hello")
    assert tape.recorded == 3
    assert [entry.status for _, entry in Cassette(tmp_path / "a.jsonl").entries()] == [429, 429, 200]
    with tapes.replaying(tmp_path / "a.jsonl", pace="fast"):
        assert api.ask("hello").text == live.text


def test_threads_are_answered_by_what_they_ask(demo: Callable[..., Session], tmp_path: Path) -> None:
    questions = [f"what is {number} * 7?" for number in range(24)]
    with tapes.recording(tmp_path / "a.jsonl"):
        live = {question: api.ask(question).text for question in questions}
    found: dict[str, str] = {}

    def ask(question: str) -> None:
        found[question] = api.ask(question).text

    with tapes.replaying(tmp_path / "a.jsonl", pace="fast"):
        threads = [threading.Thread(target=ask, args=(question,)) for question in reversed(questions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == live


@pytest.mark.parametrize("fault", ["", "fault=spoil-rows", "fault=n:7:1302", "limit=3", "fault=n:3:1234"])
@pytest.mark.parametrize("rows_per_request", ["auto", 1, 4])
def test_a_row_map_replays_whatever_comes_first(
    demo: Callable[..., Session], tmp_path: Path, fault: str, rows_per_request: Any
) -> None:
    demo(fault)
    texts = [
        f"{'I love it' if number % 3 else 'terrible and broken'}, number {number}" for number in range(57)
    ]
    frame = pd.DataFrame({"text": texts})

    def ask(concurrency: int | None) -> pd.DataFrame:
        from glm_magics.frames.rows import map_rows

        done: pd.DataFrame = map_rows(
            frame,
            "Classify the review: {{text}}",
            schema="label: good|bad",
            rows_per_request=rows_per_request,
            concurrency=concurrency,
            progress=False,
        )
        return done.drop(columns=[name for name in done if name.startswith("_glm_rows")], errors="ignore")

    with tapes.recording(tmp_path / "a.jsonl"):
        live = ask(None)
    with tapes.replaying(tmp_path / "a.jsonl", pace="fast"):
        pd.testing.assert_frame_equal(ask(2), live)
    with tapes.replaying(tmp_path / "a.jsonl", pace="fast"):
        pd.testing.assert_frame_equal(ask(None), live)


# Over real sockets, and without any


def block_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*args: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("way", WAYS)
def test_what_came_over_a_socket_replays_without_one(
    bare_environment: None, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    with serve(Engine(keys=("k3y-0123456789",), pace=0)) as url:
        api.connect(url, key="k3y-0123456789", currency="CNY", tier="glm-4.7")
        with tapes.recording(path):
            live = WAYS[way](api.session().client, QUESTION)
    assert "127.0.0.1" not in path.read_text().split("\n", 1)[1]
    assert "k3y-0123" not in path.read_text()
    block_sockets(monkeypatch)
    with tapes.replaying(path, pace="fast"):
        assert WAYS[way](api.session().client, QUESTION) == live


def test_a_stream_that_a_user_ends_is_not_recorded(bare_environment: None, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with serve(Engine(keys=None, pace=1)) as url:
        api.connect(url, key="k3y-0123456789", tier="glm-4.7")
        with tapes.recording(path) as tape:
            with api.session().client.stream(QUESTION) as stream:
                next(iter(stream))
            for thread in threading.enumerate():
                if thread.name == "glm-stream":
                    thread.join(10)
    assert tape.recorded == 0
    assert "broken off" in tape.left_out[0]
    assert not path.exists()


# Time


def entry_at(*times: int) -> Entry:
    chunks = tuple((ms, b"x") for ms in times)
    return Entry(Asked("GET", "/models", {}), "2026-11-26T00:00:00Z", 200, "text/plain", chunks)


def test_a_fast_replay_waits_for_nothing_and_a_real_one_does(tmp_path: Path) -> None:
    import time

    import httpx

    path = tmp_path / "a.jsonl"
    from test_cassette import written

    written(path, entry_at(100, 250, 400))
    seconds = {}
    for pace in ("fast", "real"):
        began = time.monotonic()
        player: Any = Player(Cassette(path), pace=pace)  # type: ignore[arg-type]
        with httpx.Client(transport=player) as client:
            assert client.get("http://recorded.invalid/models").text == "xxx"
        seconds[pace] = time.monotonic() - began
    assert seconds["real"] >= 0.4
    assert seconds["fast"] < seconds["real"]


def test_a_replay_that_is_given_up_ends_at_once(tmp_path: Path) -> None:
    import time

    import httpx
    from test_cassette import written

    written(tmp_path / "a.jsonl", entry_at(1, 60_000))
    given_up = threading.Event()
    player = Player(Cassette(tmp_path / "a.jsonl"), pace="real")
    began = time.monotonic()
    with (
        httpx.Client(transport=player) as client,
        client.stream("GET", "http://x.invalid/models", extensions={"given_up": given_up}) as response,
    ):
        for _ in response.iter_raw():
            given_up.set()
    assert time.monotonic() - began < 30


def test_an_endpoint_of_another_dialect_replays_in_its_own(bare_environment: None, tmp_path: Path) -> None:
    """The header says how the recorded requests were written."""
    from glm_magics.demo import DemoTransport

    endpoint = Endpoint(
        "vllm", "http://x.invalid/v1", key=ApiKey("demo-key", source="test"), dialect="openai"
    )
    api.use_client(Client(endpoint, transport=DemoTransport(Engine(pace=0))), tier="glm-4.7")
    with tapes.recording(tmp_path / "a.jsonl"):
        live = outcome(api.session().client, replace(QUESTION, thinking=True))
    api.exchange_session(None)
    api.connect("demo://?pace=0")
    with tapes.replaying(tmp_path / "a.jsonl", pace="fast"):
        assert outcome(api.session().client, replace(QUESTION, thinking=True)) == live
