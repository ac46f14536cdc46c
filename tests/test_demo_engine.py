"""The engine: wire shapes, limits, keys, places in flight, the context cache, pace, and faults."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from itertools import islice
from typing import Any

import httpx
import pytest

from glm_magics.demo import (
    BASE_PATH,
    FAULTS,
    AsyncDemoTransport,
    DemoTransport,
    Engine,
    Response,
    connect_transport,
    engine_from_url,
    parse_fault,
    settings,
)
from glm_magics.errors import SettingError

PATH = f"{BASE_PATH}/chat/completions"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0
        self.started = self.now

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    @property
    def passed(self) -> float:
        return self.now - self.started


def ask(engine: Engine, text: str = "hello", key: str = "demo-key", **extra: Any) -> Response:
    body = {"model": "glm-4.5-air", "messages": [{"role": "user", "content": text}]} | extra
    return engine.handle("POST", PATH, {"Authorization": f"Bearer {key}"}, json.dumps(body).encode())


def whole(engine: Engine, text: str = "hello", **extra: Any) -> dict[str, Any]:
    response = ask(engine, text, **extra)
    found = json.loads(b"".join(response.chunks))
    assert response.status == 200, found
    return found  # type: ignore[no-any-return]


def message(engine: Engine, text: str, **extra: Any) -> dict[str, Any]:
    return whole(engine, text, **extra)["choices"][0]["message"]  # type: ignore[no-any-return]


def events(engine: Engine, text: str = "hello", **extra: Any) -> list[dict[str, Any]]:
    raw = b"".join(ask(engine, text, stream=True, **extra).chunks)
    frames = raw.decode().split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]


def code_of(response: Response) -> str:
    return json.loads(b"".join(response.chunks))["error"]["code"]  # type: ignore[no-any-return]


def joined(chunks: list[dict[str, Any]], name: str) -> str:
    return "".join(chunk["choices"][0]["delta"].get(name) or "" for chunk in chunks)


# Shapes


def test_a_stream_has_the_platforms_shape() -> None:
    chunks = events(Engine(pace=0))
    first, last = chunks[0], chunks[-1]
    assert re.fullmatch(r"\d{14}[0-9a-f]{16}", first["id"])
    assert {chunk["id"] for chunk in chunks} == {first["id"]}
    assert first["object"] == "chat.completion.chunk"
    assert first["choices"] == [{"index": 0, "delta": {"role": "assistant", "reasoning_content": "\n"}}]
    contents = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    assert next(text for text in contents if text is not None) == "\n"
    assert last["choices"][0]["finish_reason"] == "stop"
    assert (
        last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + last["usage"]["completion_tokens"]
    )
    assert all("usage" not in chunk for chunk in chunks[:-1])


def test_thinking_comes_before_the_text() -> None:
    kinds = [next(iter(chunk["choices"][0]["delta"].keys() - {"role"})) for chunk in events(Engine(pace=0))]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"reasoning_content", "content"}


def test_a_stream_and_a_whole_answer_say_the_same() -> None:
    chunks, said = events(Engine(pace=0), "why is the sky blue"), whole(Engine(pace=0), "why is the sky blue")
    assert joined(chunks, "content") == said["choices"][0]["message"]["content"]
    assert joined(chunks, "reasoning_content") == said["choices"][0]["message"]["reasoning_content"]
    assert chunks[-1]["usage"] == said["usage"]


def test_the_same_request_has_the_same_answer_and_another_seed_another() -> None:
    long = {"text": "write 300 tokens about rivers"}
    one, two = message(Engine(pace=0), **long), message(Engine(pace=0), **long)
    assert one == two
    assert message(Engine(pace=0), **long, seed=7) != one


def test_object_can_be_left_out_as_the_platform_often_does() -> None:
    assert all("object" not in chunk for chunk in events(Engine(pace=0, with_object=False)))


def test_characters_that_end_lines_are_escaped() -> None:
    hard = "a\u2028b\u2029c\x85d\x0be\x1cf"
    raw = b"".join(ask(Engine(pace=0), f"repeat {hard}", stream=True).chunks).decode()
    assert raw.splitlines() == raw.split("\n")[:-1]


def test_half_an_emoji_does_not_break_the_answer() -> None:
    body = b'{"model":"glm-4.5-air","messages":[{"role":"user","content":"what is \\ud83c"}]}'
    response = Engine(pace=0).handle("POST", PATH, {"Authorization": "Bearer demo-key"}, body)
    assert response.status == 200
    assert json.loads(b"".join(response.chunks))["choices"]


def test_z1_thinks_inside_its_content() -> None:
    said = message(Engine(pace=0), "hello", model="glm-z1-air")
    assert said["content"].startswith("<think>\n")
    assert "</think>" in said["content"]
    assert "reasoning_content" not in said


def test_tiers_without_thinking_begin_with_the_text() -> None:
    said = message(Engine(pace=0), "hello", model="glm-4-plus")
    assert "reasoning_content" not in said
    assert not said["content"].startswith("\n")


@pytest.mark.parametrize(
    "off", [{"thinking": {"type": "disabled"}}, {"model": "glm-5.2", "reasoning_effort": "none"}]
)
def test_thinking_can_be_switched_off(off: dict[str, Any]) -> None:
    found = whole(Engine(pace=0), **off)
    assert "reasoning_content" not in found["choices"][0]["message"]
    assert found["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}


def test_low_effort_thinks_less() -> None:
    low, high = (
        message(Engine(pace=0), "hello", model="glm-5.3", reasoning_effort=e) for e in ("low", "max")
    )
    assert len(low["reasoning_content"]) < len(high["reasoning_content"])


# Limits


def test_max_tokens_cuts_and_says_length() -> None:
    found = whole(Engine(pace=0), "count to 500", model="glm-4-plus", max_tokens=20)
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["usage"]["completion_tokens"] == 20
    assert found["choices"][0]["message"]["content"].startswith("1, 2, 3, ")


def test_thinking_can_use_up_all_tokens() -> None:
    found = whole(Engine(pace=0), max_tokens=5)
    assert found["choices"][0]["message"]["content"] == ""
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5


def test_the_stop_word_ends_the_answer_and_is_not_in_it() -> None:
    found = whole(Engine(pace=0), "count to 100", stop=["7,"])
    assert found["choices"][0]["message"]["content"] == "\n1, 2, 3, 4, 5, 6, "
    assert found["choices"][0]["finish_reason"] == "stop"


def test_the_context_window_limits_the_answer_too() -> None:
    text = "the " * 130_950 + " write 20000 tokens"
    found = whole(Engine(pace=0), text, thinking={"type": "disabled"})
    assert found["choices"][0]["finish_reason"] == "model_context_window_exceeded"
    assert found["usage"]["total_tokens"] == 131_072


def test_a_long_answer_has_the_length_asked_for() -> None:
    found = whole(Engine(pace=0), "write 20000 tokens about rivers", thinking={"type": "disabled"})
    assert 19_600 <= found["usage"]["completion_tokens"] <= 20_400
    text = found["choices"][0]["message"]["content"]
    assert all(mark in text for mark in ("\n## ", "\n|---|", "\n```python", "\n- ", "$$"))


def test_usage_counts_a_shared_beginning_as_cached() -> None:
    engine = Engine(pace=0)
    rules = "Be exact and answer with one word. " * 40
    first, second = (whole(engine, f"{rules}\nrow {n}") for n in (1, 2))
    cached = second["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert first["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert cached % 64 == 0
    assert 0 < cached < second["usage"]["prompt_tokens"]
    other = whole(engine, f"{rules}\nrow 3", model="glm-4.6")
    assert other["usage"]["prompt_tokens_details"]["cached_tokens"] == 0


# Tools and search


def test_a_tool_is_called_whole_in_one_delta() -> None:
    chunks = events(Engine(pace=0), "What is the weather in Paris?", tools=[WEATHER])
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert len(calls) == 1
    assert calls[0]["type"] == "function"
    assert calls[0]["function"] == {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_tool_stream_sends_the_arguments_in_fragments() -> None:
    chunks = events(Engine(pace=0), "weather in Paris?", model="glm-4.6", tools=[WEATHER], tool_stream=True)
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert len(calls) > 3
    assert [call["function"].get("name") for call in calls] == ["get_weather"] + [None] * (len(calls) - 1)
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"city": "Paris"}


def test_two_places_are_two_calls() -> None:
    calls = message(Engine(pace=0), "Weather in Paris and Rome?", tools=[WEATHER])["tool_calls"]
    assert [json.loads(call["function"]["arguments"])["city"] for call in calls] == ["Paris", "Rome"]
    assert len({call["id"] for call in calls}) == 2


def test_a_tools_result_is_used_and_the_tool_not_called_again() -> None:
    engine = Engine(pace=0)
    asked = {"role": "user", "content": "weather in Paris?"}
    called = message(engine, "", messages=[asked], tools=[WEATHER])
    result = {"role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": '{"celsius": 21}'}
    said = message(engine, "", messages=[asked, called, result], tools=[WEATHER])
    assert "tool_calls" not in said
    assert '{"celsius": 21}' in said["content"]


def test_an_unrelated_question_calls_nothing() -> None:
    assert "tool_calls" not in message(Engine(pace=0), "tell me a joke", tools=[WEATHER])


def test_web_search_results_stand_at_the_top_level() -> None:
    search = {"type": "web_search", "web_search": {"enable": True, "search_engine": "search_std"}}
    found = whole(Engine(pace=0), "news about rivers", tools=[search])
    assert {"title", "link", "content", "media", "refer", "publish_date"} <= found["web_search"][0].keys()
    assert events(Engine(pace=0), "news", tools=[search])[-1]["web_search"]
    search["web_search"]["enable"] = False  # type: ignore[index]
    assert "web_search" not in whole(Engine(pace=0), "news", tools=[search])


# Keys


def token(key: str, *, now: float, **changed: Any) -> str:
    account, secret = key.split(".")
    header = {"alg": "HS256", "sign_type": "SIGN"} | changed.pop("header", {})
    payload = {"api_key": account, "exp": int((now + 210) * 1000), "timestamp": int(now * 1000)} | changed

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(payload).encode())}"
    return f"{signed}.{part(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "1001"),
        ("", "1001"),
        ("Bearer ", "1001"),
        ("Bearer wrong", "1002"),
        ("Bearer a.b.c", "1002"),
        ("Bearer 中.文.字", "1002"),
        ("Basic demo-key", "1002"),
    ],
)
def test_a_missing_or_wrong_key_is_401(header: str | None, code: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = Engine().handle("POST", PATH, headers, b"{}")
    assert (response.status, code_of(response)) == (401, code)


def test_a_signed_token_is_accepted_as_the_key_is() -> None:
    time = Time()
    engine = Engine(("id.secret",), pace=0, clock=time.clock)
    assert ask(engine, key="id.secret").status == 200
    assert ask(engine, key=token("id.secret", now=time.now)).status == 200


@pytest.mark.parametrize(
    ("made_with", "changed", "code"),
    [
        pytest.param("id.other", {}, "1002", id="signed with another secret"),
        pytest.param("who.secret", {}, "1002", id="unknown account"),
        pytest.param("id.secret", {"exp": 1_790_000_000_000 - 1}, "1003", id="expired"),
        pytest.param("id.secret", {"exp": 1_790_000_210}, "1003", id="in seconds, not milliseconds"),
        pytest.param("id.secret", {"timestamp": None}, "1002", id="no timestamp"),
        pytest.param("id.secret", {"header": {"sign_type": "X"}}, "1002", id="wrong sign_type"),
        pytest.param("id.secret", {"header": {"alg": "none"}}, "1002", id="unsigned"),
    ],
)
def test_a_bad_token_is_refused(made_with: str, changed: dict[str, Any], code: str) -> None:
    time = Time()
    engine = Engine(("id.secret",), clock=time.clock)
    assert code_of(ask(engine, key=token(made_with, now=time.now, **changed))) == code


def test_any_key_mode_takes_any_key_but_not_none() -> None:
    engine = Engine(None, pace=0)
    assert ask(engine, key="whatever").status == 200
    assert ask(engine, key=token("x.y", now=engine.timing.clock())).status == 200
    assert code_of(engine.handle("POST", PATH, {}, b"{}")) == "1001"


# Places in flight


def test_too_many_in_flight_is_1302_until_one_ends() -> None:
    engine = Engine(pace=0, level="V0")
    plus = {"model": "glm-4-plus", "stream": True}
    running = [ask(engine, **plus) for _ in range(50)]
    refused = ask(engine, **plus)
    assert (refused.status, code_of(refused)) == (429, "1302")
    assert ask(engine, model="glm-4-long").status == 200, "each tier has its own places"
    running[0].close()
    b"".join(running[1].chunks)
    running += [ask(engine, **plus) for _ in range(3)]
    assert [response.status for response in running[-3:]] == [200, 200, 429]


def test_the_level_of_the_account_sets_the_places() -> None:
    def places(level: str) -> int:
        engine = Engine(pace=0, level=level)
        kept = []
        while len(kept) < 1000 and (response := ask(engine, model="glm-4-plus")).status == 200:
            kept.append(response)
        return len(kept)

    assert [places(level) for level in ("V0", "V1", "V2", "V3", "z.ai")] == [50, 100, 300, 500, 20]


def test_a_reply_that_is_dropped_unread_frees_its_place() -> None:
    engine = Engine(pace=0)
    ask(engine)
    assert engine.in_flight() == 0


def test_keys_do_not_share_places() -> None:
    engine = Engine(("one", "two"), pace=0, level="V0")
    kept = [ask(engine, key="one", model="glm-4-long") for _ in range(10)]
    assert code_of(ask(engine, key="one", model="glm-4-long")) == "1302"
    assert ask(engine, key="two", model="glm-4-long").status == 200
    assert len(kept) == 10


# Pace


def test_a_stream_takes_its_tiers_time() -> None:
    time = Time()
    found = b"".join(
        ask(
            Engine(clock=time.clock, sleep=time.sleep), "count to 200", stream=True, model="glm-4-plus"
        ).chunks
    )
    tokens = json.loads(found.split(b"\n\n")[-3].removeprefix(b"data: "))["usage"]["completion_tokens"]
    assert time.passed == pytest.approx(0.8 + tokens / 35, rel=0.35)


def test_a_whole_answer_waits_before_its_headers() -> None:
    time = Time()
    engine = Engine(clock=time.clock, sleep=time.sleep)
    client = httpx.Client(transport=DemoTransport(engine), headers={"Authorization": "Bearer demo-key"})
    body = {"model": "glm-4-plus", "messages": [{"role": "user", "content": "count to 40"}]}
    client.post(f"http://demo{PATH}", json=body)
    assert time.passed > 2


def test_flash_is_faster_than_plus_and_pace_scales() -> None:
    def seconds(model: str, pace: float) -> float:
        time = Time()
        for _ in ask(Engine(pace=pace, clock=time.clock, sleep=time.sleep), stream=True, model=model).chunks:
            pass
        return time.passed

    assert seconds("glm-4-flash-250414", 1) < seconds("glm-4-plus", 1)
    assert seconds("glm-4-plus", 3) == pytest.approx(3 * seconds("glm-4-plus", 1), rel=0.05)


def test_pace_zero_never_sleeps() -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError(seconds)

    engine = Engine(pace=0, sleep=sleep)
    assert whole(engine, "count to 300")
    assert events(engine, "count to 300")


def test_a_late_reader_does_not_slow_the_writer() -> None:
    time = Time()
    chunks = ask(Engine(clock=time.clock, sleep=time.sleep), "count to 30", stream=True).chunks
    next(chunks)
    time.now += 100
    before = time.now
    assert len(list(chunks)) > 20
    assert time.now == before


def test_a_closed_stream_stops() -> None:
    time = Time()
    response = ask(Engine(clock=time.clock, sleep=time.sleep), "count to 300", stream=True)
    chunks = response.chunks
    got = list(islice(chunks, 3))
    response.close()
    assert len(got) == 3
    assert list(chunks) == []


# Faults

CODES = sorted(name for name in FAULTS if len(name) == 4 and name.isdigit())
STATUSES = ["502", "503", "504", "529"]


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_the_platforms_refusal(code: str) -> None:
    response = ask(Engine(pace=0, fault=code))
    assert response.status >= 400
    assert code_of(response) == code


@pytest.mark.parametrize("name", STATUSES)
def test_a_status_is_a_plain_reply_of_it(name: str) -> None:
    assert ask(Engine(pace=0, fault=name)).status == int(name)


def test_a_fault_can_be_limited_and_named_in_words() -> None:
    once = Engine(pace=0, fault="once:rate-limit@7")
    first = ask(once)
    assert (first.status, first.headers["Retry-After"]) == (429, "7")
    assert ask(once).status == 200
    thrice = Engine(pace=0, fault="n:3:1305")
    assert [ask(thrice).status for _ in range(5)] == [429, 429, 429, 200, 200]


@pytest.mark.parametrize(
    ("spec", "hint"),
    [("stal", "stall"), ("n:x:1302", "whole number"), ("1302@soon", "whole number"), ("cut:many", "whole number"), ("9999", "is not a fault")],
)  # fmt: skip
def test_an_unknown_fault_names_the_nearest(spec: str, hint: str) -> None:
    with pytest.raises(SettingError, match=hint):
        parse_fault(spec)


def test_every_fault_has_a_line_and_can_be_had() -> None:
    for name, line in FAULTS.items():
        assert "\n" not in line
        assert line
        assert parse_fault(name) is not None


def spoilt(fault: str, *, stream: bool = True, first: int = 2000, **extra: Any) -> bytes:
    time = Time()
    engine = Engine(pace=0, fault=fault, clock=time.clock, sleep=time.sleep)
    response = ask(engine, "count to 30", stream=stream, **extra)
    found = b"".join(islice(response.chunks, first))
    response.close()
    assert engine.in_flight() == 0
    return found


def test_pages_stand_in_for_the_answer() -> None:
    assert spoilt("html").startswith(b"<!DOCTYPE html>")
    assert b"nginx" in spoilt("502-html")
    assert ask(Engine(fault="502-html")).status == 502
    redirect = ask(Engine(fault="redirect"))
    assert (redirect.status, redirect.headers["Location"]) == (302, "https://elsewhere.invalid/v4")
    assert json.loads(spoilt("200-error"))["error"]["code"] == "1234"
    assert json.loads(spoilt("200-code")) == {"code": 1001, "msg": FAULTS["1001"], "success": False}


def test_silent_and_endless_streams_begin_like_any_other() -> None:
    silent, noisy = spoilt("stall"), spoilt("comments")
    assert 0 < silent.count(b"data: ") < 20
    assert b"finish_reason" not in silent + noisy
    assert noisy.endswith(b": keep-alive\n\n" * 100)


def test_a_cut_stream_ends_without_a_finish() -> None:
    found = spoilt("cut")
    assert b"data: " in found
    assert b"finish_reason" not in found
    assert len(spoilt("cut:777")) == 777
    assert len(spoilt("cut:77", stream=False)) == 77


@pytest.mark.parametrize("stream", [True, False])
def test_a_reset_is_raised_while_reading(stream: bool) -> None:
    with pytest.raises(ConnectionResetError):
        spoilt("reset", stream=stream)


def test_errors_can_arrive_in_the_middle() -> None:
    assert b'event: error\ndata: {"error":' in spoilt("event-error")
    assert b'\n\ndata: {"error":' in spoilt("midstream-error")
    broken = [frame for frame in spoilt("malformed").split(b"\n\n") if frame.endswith(b"bro")]
    assert len(broken) == 1


@pytest.mark.parametrize("reason", ["network_error", "sensitive"])
def test_a_failed_inference_is_a_finish_reason(reason: str) -> None:
    assert f'"finish_reason":"{reason}"'.encode() in spoilt(reason)
    assert json.loads(spoilt(reason, stream=False))["choices"][0]["finish_reason"] == reason


def test_small_irregularities() -> None:
    good = spoilt("")
    assert b"usage" in good
    assert b"usage" not in spoilt("no-usage")
    assert "usage" not in json.loads(spoilt("no-usage", stream=False))
    assert spoilt("no-done") == good.removesuffix(b"data: [DONE]\n\n")
    assert spoilt("bom") == b"\xef\xbb\xbf" + good
    assert spoilt("crlf") == good.replace(b"\n", b"\r\n")
    spent = json.loads(spoilt("empty", stream=False))
    empty, usage = spent["choices"][0], spent["usage"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == usage["completion_tokens"]
    assert (empty["message"]["content"], empty["finish_reason"]) == ("", "length")


def test_slow_first_waits_before_the_first_token() -> None:
    time = Time()
    chunks = ask(Engine(pace=0, fault="slow-first", clock=time.clock, sleep=time.sleep), stream=True).chunks
    assert next(chunk for chunk in chunks if chunk)
    assert time.passed == pytest.approx(20, abs=0.2)


# Under a client


def client(engine: Engine, **options: Any) -> httpx.Client:
    headers = {"Authorization": "Bearer demo-key"}
    return httpx.Client(
        transport=DemoTransport(engine), base_url=f"http://demo{BASE_PATH}", headers=headers, **options
    )


BODY = {"model": "glm-4.5-air", "messages": [{"role": "user", "content": "hello"}]}


def test_a_client_reads_the_demo_as_a_network() -> None:
    engine = Engine(pace=0)
    with client(engine) as http:
        assert http.post("/chat/completions", json=BODY).json()["choices"]
        with http.stream("POST", "/chat/completions", json=BODY | {"stream": True}) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            assert list(response.iter_lines())[-2] == "data: [DONE]"
    assert engine.in_flight() == 0


def test_leaving_a_stream_frees_its_place() -> None:
    engine = Engine(pace=0)
    with (
        client(engine) as http,
        http.stream("POST", "/chat/completions", json=BODY | {"stream": True}) as response,
    ):
        next(response.iter_raw())
        assert engine.in_flight() == 1
    assert engine.in_flight() == 0


@pytest.mark.parametrize("stream", [True, False])
def test_the_clients_read_timeout_ends_a_silence(stream: bool) -> None:
    time = Time()
    engine = Engine(pace=0, fault="stall", clock=time.clock, sleep=time.sleep)
    with client(engine, timeout=5) as http, pytest.raises(httpx.ReadTimeout):
        http.post("/chat/completions", json=BODY | {"stream": stream})
    assert time.passed == pytest.approx(5, abs=0.3)
    assert engine.in_flight() == 0


def test_the_clients_read_timeout_ends_a_long_wait_for_headers() -> None:
    time = Time()
    engine = Engine(pace=100, clock=time.clock, sleep=time.sleep)
    with client(engine, timeout=5) as http, pytest.raises(httpx.ReadTimeout):
        http.post("/chat/completions", json=BODY)
    assert time.passed == pytest.approx(5, abs=0.3)
    assert engine.in_flight() == 0


def test_a_reset_is_a_read_error() -> None:
    with client(Engine(pace=0, fault="reset")) as http, pytest.raises(httpx.ReadError):
        http.post("/chat/completions", json=BODY | {"stream": True})


def test_the_asynchronous_transport_does_the_same() -> None:
    async def talk(engine: Engine, timeout: float = 5, **extra: Any) -> httpx.Response:
        headers = {"Authorization": "Bearer demo-key"}
        transport = AsyncDemoTransport(engine)
        async with httpx.AsyncClient(transport=transport, headers=headers, timeout=timeout) as http:
            return await http.post(f"http://demo{PATH}", json=BODY | extra)

    assert asyncio.run(talk(Engine(pace=0))).json()["choices"]
    assert asyncio.run(talk(Engine(pace=0), stream=True)).text.endswith("data: [DONE]\n\n")
    with pytest.raises(httpx.ReadError):
        asyncio.run(talk(Engine(pace=0, fault="reset"), stream=True))
    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(talk(Engine(pace=0, fault="stall"), timeout=0.1, stream=True))


# Addresses


def test_an_address_carries_the_settings() -> None:
    url = "demo://?fault=once:1302&pace=0.5&level=v1&currency=usd&key=mine"
    assert settings(url) == {
        "fault": "once:1302",
        "pace": 0.5,
        "level": "V1",
        "currency": "USD",
        "keys": ("mine",),
    }
    engine = engine_from_url(url)
    assert (engine.keys, engine.level, engine.pace, engine.currency) == (("mine",), "V1", 0.5, "USD")
    assert engine_from_url("demo://?key=*").keys is None
    assert isinstance(connect_transport("demo://"), DemoTransport)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("demo://?pase=0", "did you mean pace"),
        ("demo://?pace=fast", "expected a number"),
        ("demo://?pace=-1", "expected a pace"),
        ("demo://?pace=nan", "expected a pace"),
        ("demo://?level=V9", "expected a level"),
        ("demo://?currency=EUR", "expected a currency"),
        ("demo://?fault=1320", "did you mean"),
        ("https://open.bigmodel.cn", "expected a demo://"),
    ],
)
def test_a_bad_address_says_what_was_expected(url: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        engine_from_url(url)


def test_what_was_seen_holds_neither_key_nor_words() -> None:
    engine = Engine(pace=0)
    ask(engine, "my secret question")
    ask(engine, key="my-secret-key")
    assert [(seen.status, seen.code, seen.model) for seen in engine.seen] == [
        (200, "", "glm-4.5-air"),
        (401, "1002", ""),
    ]
    assert "secret" not in repr(list(engine.seen))
