"""Other people's clients against the served demo: OpenAI's, the vendor's, and two strict readers of raw JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest
import zai

from glm_magics.demo import Engine, serve

MODEL = "glm-4.6"
KEY = "0123456789abcdef.a-secret-of-no-less-than-32-characters"
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(Engine(("demo-key", KEY), pace=0)) as base_url:
        yield base_url


@contextmanager
def failing(fault: str) -> Iterator[str]:
    with serve(Engine(pace=0, fault=fault)) as base_url:
        yield base_url


# OpenAI


@pytest.fixture
def openai_client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key="demo-key", max_retries=0) as client:
        yield client


def test_openai_reads_a_whole_answer(openai_client: openai.OpenAI) -> None:
    done = openai_client.chat.completions.create(model=MODEL, messages=HELLO)
    assert "Hello!" in (done.choices[0].message.content or "")
    assert done.choices[0].message.reasoning_content  # type: ignore[attr-defined]
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert done.usage.completion_tokens_details is not None
    assert (done.usage.completion_tokens_details.reasoning_tokens or 0) > 0


def test_openai_reads_a_stream(openai_client: openai.OpenAI) -> None:
    stream = openai_client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "Hello!" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].usage is not None
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_openai_switches_thinking_off(openai_client: openai.OpenAI) -> None:
    done = openai_client.chat.completions.create(
        model=MODEL, messages=HELLO, extra_body={"thinking": {"type": "disabled"}}
    )
    assert not hasattr(done.choices[0].message, "reasoning_content")


def test_openai_calls_a_tool_and_hands_back_its_result(openai_client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "weather in Paris?"}]
    done = openai_client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    call: Any = (done.choices[0].message.tool_calls or [])[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})
    messages += [
        done.choices[0].message.model_dump(),
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
    ]
    said = openai_client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert "21 degrees" in (said.choices[0].message.content or "")


def test_openai_accumulates_a_streamed_tool_call(openai_client: openai.OpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": "weather in Paris?"}]
    with openai_client.chat.completions.stream(
        model=MODEL, messages=asked, tools=[WEATHER], extra_body={"tool_stream": True}
    ) as stream:
        done = stream.get_final_completion()
    call: Any = (done.choices[0].message.tool_calls or [])[0]
    assert json.loads(call.function.arguments) == {"city": "Paris"}


def test_openai_gets_json(openai_client: openai.OpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": "JSON {name: string, age: int}: Ann is 34."}]
    done = openai_client.chat.completions.create(
        model=MODEL, messages=asked, response_format={"type": "json_object"}
    )
    assert json.loads(done.choices[0].message.content or "") == {"name": "Ann", "age": 34}


def test_openai_embeds_and_lists(openai_client: openai.OpenAI) -> None:
    vectors = openai_client.embeddings.create(model="embedding-3", input=["a cat", "a dog"], dimensions=256)
    assert [len(row.embedding) for row in vectors.data] == [256, 256]
    assert "glm-4.6" in {model.id for model in openai_client.models.list()}


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("1002", openai.AuthenticationError, "1002"),
        ("1302", openai.RateLimitError, "1302"),
        ("1113", openai.RateLimitError, "1113"),
        ("1214", openai.BadRequestError, "1214"),
        ("500", openai.InternalServerError, "500"),
    ],
)
def test_openai_raises_its_typed_errors(fault: str, error: type[openai.APIStatusError], code: str) -> None:
    with failing(fault) as url, openai.OpenAI(base_url=url, api_key="demo-key", max_retries=0) as client:
        with pytest.raises(error) as raised:
            client.chat.completions.create(model=MODEL, messages=HELLO)
        assert raised.value.code == code


def test_openai_raises_an_error_in_the_middle_of_a_stream() -> None:
    with failing("midstream-error") as url, openai.OpenAI(base_url=url, api_key="demo-key") as client:
        stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        with pytest.raises(openai.APIError):
            list(stream)


def test_openai_retries_what_the_demo_calls_temporary() -> None:
    with (
        failing("once:1302@0") as url,
        openai.OpenAI(base_url=url, api_key="demo-key", max_retries=1) as client,
    ):
        assert client.chat.completions.create(model=MODEL, messages=HELLO).choices


# The vendor's SDK

VENDOR = [pytest.param(zai.ZaiClient, id="z.ai"), pytest.param(zai.ZhipuAiClient, id="bigmodel")]


@pytest.fixture(params=VENDOR)
def zai_client(request: pytest.FixtureRequest, url: str) -> Any:
    return request.param(api_key=KEY, base_url=url, max_retries=0)


def test_zai_reads_a_whole_answer(zai_client: Any) -> None:
    done = zai_client.chat.completions.create(model=MODEL, messages=HELLO)
    assert "Hello!" in done.choices[0].message.content
    assert done.choices[0].message.reasoning_content
    assert done.request_id == done.id
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens


def test_zai_reads_a_stream_with_line_separators_in_it(zai_client: Any) -> None:
    asked = [{"role": "user", "content": "repeat a\u2028b\u2029c\x85d"}]
    chunks = list(zai_client.chat.completions.create(model=MODEL, messages=asked, stream=True, temperature=0))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "Offline demo" in text
    assert chunks[-1].usage.completion_tokens > 0
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_zai_switches_thinking(zai_client: Any) -> None:
    off = zai_client.chat.completions.create(model=MODEL, messages=HELLO, thinking={"type": "disabled"})
    assert not off.choices[0].message.reasoning_content


def test_zai_calls_a_tool_whole_and_in_fragments(zai_client: Any) -> None:
    asked = [{"role": "user", "content": "weather in Paris?"}]
    done = zai_client.chat.completions.create(
        model=MODEL, messages=asked, tools=[WEATHER], tool_choice="auto"
    )
    assert json.loads(done.choices[0].message.tool_calls[0].function.arguments) == {"city": "Paris"}
    options: dict[str, Any] = {"model": MODEL, "messages": asked, "tools": [WEATHER], "stream": True}
    chunks = list(zai_client.chat.completions.create(**options, tool_stream=True))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert json.loads("".join(call.function.arguments or "" for call in calls)) == {"city": "Paris"}


def test_zai_gets_json(zai_client: Any) -> None:
    asked = [{"role": "user", "content": "JSON {name: string, age: int}: Ann is 34."}]
    done = zai_client.chat.completions.create(
        model=MODEL, messages=asked, response_format={"type": "json_object"}
    )
    assert json.loads(done.choices[0].message.content) == {"name": "Ann", "age": 34}


def test_zai_embeds(zai_client: Any) -> None:
    done = zai_client.embeddings.create(model="embedding-3", input="a cat", dimensions=256)
    assert len(done.data[0].embedding) == 256


def test_zai_signs_a_token(url: str) -> None:
    client = zai.ZhipuAiClient(api_key=KEY, base_url=url, disable_token_cache=False, max_retries=0)
    assert client.chat.completions.create(model=MODEL, messages=HELLO).choices
    wrong = zai.ZhipuAiClient(api_key=f"{KEY}x", base_url=url, disable_token_cache=False, max_retries=0)
    with pytest.raises(zai.core.APIAuthenticationError):
        wrong.chat.completions.create(model=MODEL, messages=HELLO)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("1002", zai.core.APIAuthenticationError),
        ("1302", zai.core.APIReachLimitError),
        ("1113", zai.core.APIReachLimitError),
        ("1211", zai.core.APIRequestFailedError),
        ("500", zai.core.APIInternalError),
        ("503", zai.core.APIServerFlowExceedError),
    ],
)
def test_zai_raises_its_typed_errors(fault: str, error: type[Exception]) -> None:
    with failing(fault) as url:
        client = zai.ZaiClient(api_key="demo-key", base_url=url, max_retries=0)
        with pytest.raises(error):
            client.chat.completions.create(model=MODEL, messages=HELLO)


def test_zai_raises_an_error_in_the_middle_of_a_stream() -> None:
    with failing("midstream-error") as url:
        client = zai.ZaiClient(api_key="demo-key", base_url=url, max_retries=0)
        with pytest.raises(zai.core.APIResponseError):
            list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))


# Two strict readers, as assertions on the raw JSON


def post(url: str, **body: Any) -> httpx.Response:
    return httpx.post(
        f"{url}/chat/completions", headers={"Authorization": "Bearer demo-key"}, json={"model": MODEL, **body}
    )


def raw_chunks(url: str, **body: Any) -> list[dict[str, Any]]:
    data = [line.removeprefix("data: ") for line in post(url, stream=True, **body).text.splitlines() if line]
    assert data[-1] == "[DONE]"
    return [json.loads(line) for line in data[:-1]]


def test_the_schema_of_zhipu_ai_provider_holds(url: str) -> None:
    """Its validation (AI SDK): role "assistant" or absent, whole tool calls with string fields, usage in replies."""
    asked = [{"role": "user", "content": "weather in Paris?"}]
    for chunk in raw_chunks(url, messages=asked, tools=[WEATHER], tool_choice="auto", think=True):
        assert isinstance(chunk["id"], str)
        assert isinstance(chunk["created"], int)
        for choice in chunk["choices"]:
            delta = choice["delta"]
            assert delta.get("role", "assistant") == "assistant"
            assert isinstance(delta.get("content", ""), str)
            for call in delta.get("tool_calls", []):
                assert isinstance(call["index"], int)
                assert isinstance(call["id"], str)
                assert call["type"] == "function"
                assert isinstance(call["function"]["name"], str)
                json.loads(call["function"]["arguments"])
    reply = post(url, messages=asked, tools=[WEATHER]).json()
    assert {"prompt_tokens", "completion_tokens"} <= reply["usage"].keys()
    error = post(url, messages=[]).json()["error"]
    assert isinstance(error["message"], str)
    assert isinstance(error["code"], str)


def test_what_chat_zhipu_ai_needs_is_there(url: str) -> None:
    """LangChain's client: temperature 0.95, every chunk with a choice, the usage beside the finish reason."""
    chunks = raw_chunks(url, messages=HELLO, temperature=0.95, response_format=None)
    assert all(chunk["choices"] for chunk in chunks)
    assert all("role" in chunk["choices"][0]["delta"] for chunk in chunks)
    finishes = [chunk for chunk in chunks if chunk["choices"][0].get("finish_reason")]
    assert finishes == [chunks[-1]]
    assert "usage" in chunks[-1]
    assert not post(url, messages=HELLO, stream=True).content.startswith(b"\xef\xbb\xbf")
