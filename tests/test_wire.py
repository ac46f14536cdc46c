from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics import _wire
from glm_magics._wire import Failure, decode_request, encode_request, failure
from glm_magics.chat import ChatRequest, ImagePart, Message, TextPart, Tool, ToolCall
from glm_magics.image_header import data_uri
from tests.pictures import FORMATS, picture

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
IMAGES = [data_uri(picture(form)) for form in FORMATS]
NUMBERS = st.none() | st.floats(0, 2)
FLAGS = st.none() | st.booleans()
WORDS = st.text(min_size=1, max_size=10)
PARTS = st.builds(TextPart, st.text(max_size=10)) | st.builds(ImagePart, WORDS | st.sampled_from(IMAGES))
CALLS = st.builds(ToolCall, st.text(max_size=5), WORDS, st.text(max_size=20))
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=st.text(max_size=20) | st.lists(PARTS, max_size=3).map(tuple),
    reasoning=st.none() | st.text(max_size=10),
    tool_calls=st.lists(CALLS, max_size=2).map(tuple),
    tool_call_id=st.none() | st.text(max_size=5),
)
TOOLS = st.builds(Tool, WORDS, st.text(max_size=10), st.dictionaries(st.text(max_size=5), JSON, max_size=2))
KNOWN = set(encode_request(ChatRequest("m", (), thinking=True))) | _wire._KNOWN_FIELDS
REQUESTS = st.builds(
    ChatRequest,
    model=WORDS,
    messages=st.lists(MESSAGES, max_size=3).map(tuple),
    stream=st.just(True),
    thinking=FLAGS,
    effort=st.none() | WORDS,
    temperature=NUMBERS,
    top_p=NUMBERS,
    do_sample=FLAGS,
    max_tokens=st.none() | st.integers(0, 10**6),
    stop=st.lists(WORDS, max_size=3).map(tuple),
    tools=st.lists(TOOLS, max_size=2).map(tuple),
    tool_stream=st.booleans(),
    response_format=st.sampled_from([None, "text", "json_object"]),
    request_id=st.none() | WORDS,
    user_id=st.none() | WORDS,
    extra=st.dictionaries(WORDS.filter(lambda name: name not in KNOWN), JSON, max_size=2),
)


@given(REQUESTS)
def test_what_is_encoded_is_decoded_to_the_same(request: ChatRequest) -> None:
    body = json.loads(json.dumps(encode_request(request)))
    assert decode_request(body) == request


def test_a_plain_answer_does_not_ask_for_streamed_tools() -> None:
    request = ChatRequest("m", (), stream=False, tool_stream=True)
    assert "tool_stream" not in encode_request(request)


@pytest.mark.parametrize(
    ("dialect", "expected", "absent"),
    [
        pytest.param("glm", {"thinking": {"type": "disabled"}, "request_id": "abcdef", "do_sample": True}, {"stream_options", "chat_template_kwargs"}, id="glm"),
        pytest.param("openai", {"chat_template_kwargs": {"enable_thinking": False}, "stream_options": {"include_usage": True}}, {"thinking", "request_id", "user_id", "do_sample", "tool_stream"}, id="openai"),
        pytest.param("gateway", {"extra_body": {"thinking": {"type": "disabled"}}, "stream_options": {"include_usage": True}}, {"thinking", "request_id", "user_id", "do_sample", "tool_stream"}, id="gateway"),
    ],
)  # fmt: skip
def test_a_dialect_gets_what_it_knows(dialect: Any, expected: dict[str, Any], absent: set[str]) -> None:
    request = ChatRequest(
        "m", (), thinking=False, request_id="abcdef", user_id="u", do_sample=True, tool_stream=True
    )
    body = encode_request(request, dialect)
    assert {name: body[name] for name in expected} == expected
    assert not absent & body.keys()


@pytest.mark.parametrize("dialect", ["glm", "openai", "gateway"])
def test_nothing_is_said_that_was_not_asked(dialect: Any) -> None:
    body = encode_request(ChatRequest("m", (Message("user", "hi"),), stream=False), dialect)
    assert body == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": False}


def test_extra_parameters_are_merged_as_they_are() -> None:
    assert encode_request(ChatRequest("m", (), extra={"seed": 7, "model": "n"}))["seed"] == 7


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"model": "m", "messages": [{"role": "assistant", "content": None}]}, id="null-content"),
        pytest.param(
            {
                "model": "m",
                "messages": [{"role": "assistant"}],
                "thinking": None,
                "response_format": None,
                "tools": None,
                "stop": None,
            },
            id="nulls-of-sdks",
        ),
    ],
)
def test_bodies_of_other_clients_are_read(body: dict[str, Any]) -> None:
    assert decode_request(body) == ChatRequest("m", (Message("assistant", ""),), stream=False)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"error": {"code": "1214", "message": "empty"}}, Failure("empty", "1214"), id="platform"),
        pytest.param({"error": {"code": "1214", "message": "empty"}, "request_id": "r"}, Failure("empty", "1214", "r"), id="platform-with-id"),
        pytest.param({"error": {"code": 1214, "message": "empty"}}, Failure("empty", "1214"), id="code-as-number"),
        pytest.param({"error": {"code": 404, "message": "no model", "type": "NotFoundError", "param": None}}, Failure("no model"), id="vllm"),
        pytest.param({"error": "Unauthorized"}, Failure("Unauthorized"), id="vllm-401"),
        pytest.param({"detail": "Not Found"}, Failure("Not Found"), id="fastapi"),
        pytest.param({"detail": [{"loc": ["body"], "msg": "extra"}]}, Failure('[{"loc": ["body"], "msg": "extra"}]'), id="fastapi-422"),
        pytest.param({"error": {"code": 400, "message": "too long", "type": "exceed_context_size_error", "n_ctx": 8}}, Failure("too long"), id="llama-cpp"),
        pytest.param({"error": {"message": "litellm.BadRequest", "code": "400"}}, Failure("litellm.BadRequest"), id="litellm"),
        pytest.param({"error": {"message": "litellm.RateLimitError: RateLimitError: OpenAIException - too many\n\nLiteLLM: model group 'x' failed", "type": "throttling_error", "code": "429"}}, Failure("too many"), id="litellm-around-the-platform"),
        pytest.param({"error": {"message": "0.10 CNY is left", "type": "budget_exceeded", "code": "402"}}, Failure("0.10 CNY is left", "budget_exceeded"), id="class-budget"),
        pytest.param({"error": {"message": "busy", "type": "1302", "code": "429"}}, Failure("busy", "1302"), id="class-passes-the-code-on"),
        pytest.param({"code": 1001, "msg": "no header", "success": False}, Failure("no header", "1001"), id="gateway"),
        pytest.param({"code": 1302, "message": "slow"}, Failure("slow", "1302"), id="gateway-message"),
        pytest.param({"code": 500, "success": False}, Failure(""), id="gateway-without-words"),
        pytest.param({"error": {"type": "x"}}, Failure('{"type": "x"}'), id="without-message"),
        pytest.param({"error": {"message": "half \ud83c"}}, Failure("half \ufffd"), id="half-a-character"),
        pytest.param({"error": None, "choices": []}, None, id="null-error"),
        pytest.param({"error": ""}, None, id="empty-error"),
        pytest.param({"choices": [], "code": 7, "msg": "x"}, None, id="an-answer"),
        pytest.param({"usage": {}}, None, id="usage"),
        pytest.param([], None, id="list"),
        pytest.param(None, None, id="null"),
    ],
)  # fmt: skip
def test_an_error_is_found_in_every_shape(body: Any, expected: Failure | None) -> None:
    assert failure(body) == expected


@pytest.mark.parametrize("body", [None, [], 3, {}, {"data": None}, {"data": 7}, {"data": [None, 3]}])
def test_a_list_of_models_of_no_use_is_empty(body: Any) -> None:
    assert _wire.model_ids(body) == ()
