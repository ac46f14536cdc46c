"""The decoder against every cut and split and every shape of answer; the stream against silence and stops."""

from __future__ import annotations

import _thread
import itertools
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fault_server import DONE, delta, event
from wire_samples import ARGUMENTS, EXPECTED_REASONING, EXPECTED_TEXT, stream_bytes

from glm_magics._decoder import StreamDecoder
from glm_magics._reading import Waiting
from glm_magics._stream import Limits, Stream
from glm_magics.chat import (
    ChatRequest,
    Finished,
    Message,
    ReasoningDelta,
    SearchResult,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from glm_magics.errors import (
    ContentRefused,
    GLMError,
    IncompleteStream,
    NoAnswer,
    ProtocolError,
    QuotaError,
    RateLimitError,
    ServerError,
    StalledStream,
    StreamError,
)

REQUEST = ChatRequest(model="glm-test", messages=(Message("user", "hello"),))


def decode(*chunks: bytes, **options: Any) -> StreamDecoder:
    """A whole answer; its events must say what the decoder remembers."""
    decoder = StreamDecoder(**options)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    events += decoder.close()
    if not options.get("inline_thinking"):
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "".join(decoder.text)
        assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == "".join(decoder.reasoning)
    return decoder


def cut_off(data: bytes, **options: Any) -> tuple[StreamDecoder, GLMError | None]:
    decoder = StreamDecoder(**options)
    decoder.feed(data)
    try:
        decoder.close()
    except GLMError as error:
        return decoder, error
    return decoder, None


def text_of(decoder: StreamDecoder) -> str:
    return "".join(decoder.text)


def reasoning_of(decoder: StreamDecoder) -> str:
    return "".join(decoder.reasoning)


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def answer(*bodies: bytes) -> bytes:
    return b"".join(bodies) + DONE


# ------------------------------------------------------------------------------------ cuts and splits


SAMPLES = [
    pytest.param(stream_bytes(end, mark=mark), id=f"{name}{'-mark' if mark else ''}")
    for name, end in (("lf", b"\n"), ("crlf", b"\r\n"), ("cr", b"\r"))
    for mark in (False, True)
]


def assert_whole(decoder: StreamDecoder) -> None:
    assert text_of(decoder) == EXPECTED_TEXT
    assert reasoning_of(decoder) == EXPECTED_REASONING
    assert decoder.tool_calls == (ToolCall("call_1", "weather", ARGUMENTS),)
    assert decoder.usage == Usage(9, 7, 40, 0)
    assert decoder.finish_reason == "tool_calls"


def assert_honest_cut(data: bytes, at: int) -> None:
    """Nothing invented, and complete only if the finish reason had come."""
    decoder, error = cut_off(data[:at])
    assert EXPECTED_TEXT.startswith(text_of(decoder))
    assert EXPECTED_REASONING.startswith(reasoning_of(decoder))
    assert ARGUMENTS.startswith("".join(call.arguments.removesuffix("\ufffd") for call in decoder.tool_calls))
    finish_came = (
        data.find(b'"finish_reason":"tool_calls"}]}') + len(b'"finish_reason":"tool_calls"}]}') <= at
    )
    if finish_came:
        assert error is None
        assert (text_of(decoder), reasoning_of(decoder)) == (EXPECTED_TEXT, EXPECTED_REASONING)
    else:
        assert isinstance(error, (IncompleteStream, ProtocolError))


@pytest.mark.parametrize("data", SAMPLES)
def test_the_answer_is_the_same_whole_and_byte_by_byte(data: bytes) -> None:
    assert_whole(decode(data))
    assert_whole(decode(*bytewise(data)))
    assert_whole(decode(data.rstrip(b"\r\n")))


@pytest.mark.parametrize("data", SAMPLES)
def test_a_sample_of_cuts_and_splits(data: bytes) -> None:
    for at in range(0, len(data), 23):
        assert_honest_cut(data, at)
        assert_whole(decode(data[:at], data[at:]))


@pytest.mark.long
@pytest.mark.parametrize("data", SAMPLES)
def test_every_cut_and_every_split(data: bytes) -> None:
    for at in range(len(data)):
        assert_honest_cut(data, at)
        assert_whole(decode(data[:at], data[at:]))


@pytest.mark.long
def test_every_split_in_three_around_the_events_of_a_short_answer() -> None:
    data = answer(delta(reasoning_content="想🤔"), delta(content="\n<think"), delta("stop", content=">🎉 ok"))
    for first, second in itertools.combinations(range(len(data)), 2):
        decoder = decode(data[:first], data[first:second], data[second:])
        assert (reasoning_of(decoder), text_of(decoder)) == ("想🤔", "<think>🎉 ok")


def test_a_character_cut_in_two_by_the_end_is_left_out() -> None:
    decoder, error = cut_off(b'data: {"choices":[{"delta":{"content":"a\\ud83c"}}]}\n\n')
    assert isinstance(error, IncompleteStream)
    assert text_of(decoder) == "a"


# --------------------------------------------------------------------------------------------- shapes


def chunk(*choices: dict[str, Any], **more: Any) -> bytes:
    return event({"choices": list(choices), **more})


STOP = delta("stop")

SHAPES = [
    pytest.param(answer(delta(content="a"), STOP), "", "a", id="missing-object"),
    pytest.param(
        answer(chunk(), delta(content="a"), STOP, chunk(usage={"prompt_tokens": 1})),
        "",
        "a",
        id="empty-choices",
    ),
    pytest.param(answer(event({"id": "x"}), delta(content="a"), STOP), "", "a", id="no-choices"),
    pytest.param(
        answer(event({"choices": None}), event({"choices": [None]}), delta(content="a"), STOP),
        "",
        "a",
        id="null-choices",
    ),
    pytest.param(
        answer(chunk({"delta": None}), chunk({}), delta(content="a"), STOP), "", "a", id="null-delta"
    ),
    pytest.param(
        answer(
            delta(role=None, content=None, reasoning_content=None, tool_calls=None), delta(content="a"), STOP
        ),
        "",
        "a",
        id="nulls",
    ),
    pytest.param(
        answer(delta(content=[{"type": "text", "text": "a"}, {"type": "image"}, None, {"text": 3}]), STOP),
        "",
        "a",
        id="content-list",
    ),
    pytest.param(
        answer(delta(content={"text": "?"}), delta(content=7), delta(content="a"), STOP),
        "",
        "a",
        id="content-of-no-use",
    ),
    pytest.param(
        answer(delta(reasoning_content="t"), delta(content="a"), STOP), "t", "a", id="reasoning-content"
    ),
    pytest.param(answer(delta(reasoning="t"), delta(content="a"), STOP), "t", "a", id="vllm-reasoning"),
    pytest.param(answer(delta(reasoning_content="t", content="a"), STOP), "t", "a", id="both-in-one-delta"),
    pytest.param(
        answer(
            delta(reasoning_content="\n"),
            delta(reasoning_content="t\n"),
            delta(content="\n"),
            delta(content="\n\na\n"),
            STOP,
        ),
        "t\n",
        "a\n",
        id="leading-newlines",
    ),
    pytest.param(
        answer(delta("", content="a"), delta("", content="b"), STOP), "", "ab", id="empty-finish-reason"
    ),
    pytest.param(delta(content="a") + delta("stop"), "", "a", id="no-done"),
    pytest.param(delta(content="a") + delta("stop").rstrip(), "", "a", id="no-last-blank-line"),
    pytest.param(answer(delta(content="a"), STOP) + delta(content="late"), "", "a", id="nothing-after-done"),
    pytest.param(
        answer(delta(content="a"), STOP).replace(b"data: ", b"data:"), "", "a", id="no-blank-after-data"
    ),
    pytest.param(
        b"data:\n\ndata: \n\nid: 3\n\nretry: 100\n\n" + answer(delta(content="a"), STOP),
        "",
        "a",
        id="empty-events",
    ),
    pytest.param(b"\n\n \n" + answer(delta(content="a"), STOP), "", "a", id="blank-lines-first"),
    pytest.param(
        answer(
            chunk(
                {"delta": {"content": "a"}, "stop_reason": None, "token_ids": [1], "routed_experts": None},
                prompt_token_ids=None,
            ),
            STOP,
        ),
        "",
        "a",
        id="vllm-foreign-keys",
    ),
    pytest.param(
        answer(delta(content="a\ud83c"), delta(content="\udf89b"), STOP), "", "a🎉b", id="split-surrogates"
    ),
    pytest.param(
        answer(delta(content="a\ud83c"), delta(content="b\udf89"), STOP),
        "",
        "a\ufffdb\ufffd",
        id="lone-surrogates",
    ),
    pytest.param(answer(delta(content="a\ud83c"), STOP), "", "a\ufffd", id="lone-surrogate-at-the-end"),
    pytest.param(
        answer(delta(reasoning_content="\ud83c"), delta(content="\udf89"), STOP),
        "\ufffd",
        "\ufffd",
        id="halves-in-different-fields",
    ),
    pytest.param(
        json.dumps(
            {
                "choices": [
                    {"message": {"reasoning_content": "\nt", "content": "\na"}, "finish_reason": "stop"}
                ]
            }
        ).encode(),
        "t",
        "a",
        id="not-streamed",
    ),
    pytest.param(
        b"\xef\xbb\xbf \n"
        + json.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}).encode(),
        "",
        "a",
        id="not-streamed-with-mark",
    ),
    pytest.param(answer(delta(content="<think>t</think>\n\na"), STOP), "t", "a", id="inline-thinking"),
    pytest.param(
        answer(delta(content="\n<think>\nt\n</think>a"), STOP), "t\n", "a", id="inline-after-newline"
    ),
    pytest.param(answer(delta(content="<think></think>a"), STOP), "", "a", id="inline-empty"),
    pytest.param(answer(delta(content="<think>t"), delta("length")), "t", "", id="inline-never-closed"),
    pytest.param(
        answer(delta(content="Use <think>x</think> so."), STOP),
        "",
        "Use <think>x</think> so.",
        id="talks-about-think",
    ),
    pytest.param(answer(delta(content="t</think>a"), STOP), "", "t</think>a", id="closing-only-unannounced"),
    pytest.param(
        answer(delta(reasoning_content="t"), delta(content="<think>a"), STOP),
        "t",
        "<think>a",
        id="tag-after-a-field-of-its-own",
    ),
    pytest.param(answer(delta(content="<thin"), STOP), "", "<thin", id="almost-a-tag"),
    pytest.param(
        answer(delta(content="<|begin_of_box|>a<|end_of_box|>"), STOP),
        "",
        "<|begin_of_box|>a<|end_of_box|>",
        id="box-marks-of-other-models",
    ),
]


@pytest.mark.parametrize(("data", "reasoning", "text"), SHAPES)
def test_every_shape_on_the_wire_is_read(data: bytes, reasoning: str, text: str) -> None:
    for chunks in ([data], bytewise(data)):
        decoder = decode(*chunks)
        assert (reasoning_of(decoder), text_of(decoder)) == (reasoning, text)


MARKED = [
    pytest.param({}, "<think>ab</think>cd", "ab", "cd", id="opened-and-closed"),
    pytest.param({}, "\n <think>a<b</think>\n\nc</think>d", "a<b", "c</think>d", id="closed-once"),
    pytest.param({"inline_thinking": True}, "ab</think>\ncd", "ab", "cd", id="opened-by-the-template"),
    pytest.param({"inline_thinking": True}, "<think>ab</think>cd", "ab", "cd", id="opened-twice"),
    pytest.param(
        {"inline_thinking": True},
        "use <think> <b> tags</think>cd",
        "use <think> <b> tags",
        "cd",
        id="thinks-about-tags",
    ),
    pytest.param({"inline_thinking": True}, "</think>cd", "", "cd", id="closed-at-once"),
    pytest.param(
        {"inline_thinking": True}, "just an answer", "", "just an answer", id="opened-but-did-not-think"
    ),
    pytest.param({"inline_thinking": True}, "<think>no end", "no end", "", id="opened-twice-never-closed"),
    pytest.param({"boxed": True}, "x <|begin_of_box|>ab<|end_of_box|> <| y", "", "x ab <| y", id="boxed"),
    pytest.param(
        {"boxed": True},
        "<think>t</think><|begin_of_box|>ab<|end_of_box|>",
        "t",
        "ab",
        id="boxed-after-thinking",
    ),
]


@pytest.mark.parametrize(("options", "content", "reasoning", "text"), MARKED)
def test_marks_inside_the_text_are_found_however_it_is_split(
    options: dict[str, bool], content: str, reasoning: str, text: str
) -> None:
    splits = [[content[:at], content[at:]] for at in range(len(content) + 1)]
    for pieces in [*splits, list(content)]:
        decoder = decode(answer(*(delta(content=piece) for piece in pieces), STOP), **options)
        assert (reasoning_of(decoder), text_of(decoder)) == (reasoning, text), pieces


@pytest.mark.parametrize(("options", "content", "reasoning", "text"), MARKED)
def test_half_a_mark_at_a_cut_is_not_text(
    options: dict[str, bool], content: str, reasoning: str, text: str
) -> None:
    if options.get("inline_thinking") and not reasoning:
        reasoning = content  # not known to be the answer before the end
    for at in range(len(content)):
        decoder, error = cut_off(delta(content=content[:at]), **options)
        assert isinstance(error, IncompleteStream)
        assert reasoning.startswith(reasoning_of(decoder))
        assert text.startswith(text_of(decoder))


def test_thinking_in_a_field_of_its_own_ends_the_search_for_marks() -> None:
    data = answer(delta(reasoning_content="t"), delta(content="a</think>b"), STOP)
    decoder = decode(data, inline_thinking=True)
    assert (reasoning_of(decoder), text_of(decoder)) == ("t", "a</think>b")


USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 2}}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(answer(delta(content="a"), event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE})), id="in-the-finish-chunk"),
        pytest.param(answer(delta(content="a"), STOP, chunk(usage=USAGE)), id="in-a-chunk-of-its-own"),
        pytest.param(answer(chunk({"delta": {"content": "a"}}, usage=None), chunk({"delta": {}, "finish_reason": "stop"}, usage=None), chunk(usage=USAGE)), id="null-before"),
        pytest.param(answer(chunk({"delta": {"content": "a"}}, usage={"prompt_tokens": 5, "completion_tokens": 1}), chunk({"delta": {}, "finish_reason": "stop"}, usage=USAGE)), id="growing"),
        pytest.param(answer(delta(content="a"), STOP, chunk({"index": 0, "delta": {}}, usage={**USAGE, "cost": 0.0001})), id="litellm-with-a-choice"),
        pytest.param(answer(delta(content="a"), STOP, chunk(usage=USAGE), chunk(usage=None), chunk(usage={})), id="null-after"),
    ],
)  # fmt: skip
def test_usage_is_found_where_a_server_puts_it(data: bytes) -> None:
    assert decode(data).usage == Usage(5, 0, 3, 2)


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param({"prompt_tokens": "5"}, id="text"),
        pytest.param({"prompt_tokens": None, "prompt_tokens_details": None}, id="nulls"),
        pytest.param({"prompt_tokens": -3, "prompt_tokens_details": [1]}, id="nonsense"),
    ],
)
def test_usage_of_no_use_counts_nothing(counts: dict[str, Any]) -> None:
    assert decode(answer(STOP, chunk(usage=counts))).usage == Usage()


def call(
    name: str | None = None, arguments: Any = None, *, index: Any = 0, id: str | None = None
) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    fields = {"index": index, "id": id, "type": "function", "function": function}
    return {key: value for key, value in fields.items() if value is not None}


A, B = '{"a": 1}', '{"b": "北京"}'

CALLS = [
    pytest.param([[call("f", A, id="1")]], [("1", "f", A)], id="whole"),
    pytest.param([[call("f", "", id="1")], [call(arguments='{"a"')], [call(arguments=": 1}")]], [("1", "f", A)], id="fragments"),
    pytest.param([[call("f", id="1")], [call(arguments=A)]], [("1", "f", A)], id="no-arguments-key-first"),
    pytest.param([[call("f", A, id="1"), call("g", B, index=1, id="2")]], [("1", "f", A), ("2", "g", B)], id="two-in-one-delta"),
    pytest.param([[call("f", A, id="1"), call("g", B, id="2")]], [("1", "f", A), ("2", "g", B)], id="two-with-one-index"),
    pytest.param([[call("f", A, id="1", index=-1)], [call("g", B, id="2", index=-1)]], [("1", "f", A), ("2", "g", B)], id="index-minus-one"),
    pytest.param([[call("f", A, id="1", index=None), call("f", B, id="2", index=None)]], [("1", "f", A), ("2", "f", B)], id="no-index"),
    pytest.param([[call("f", "", id="1", index=None)], [call(arguments=A, index=None)]], [("1", "f", A)], id="fragments-without-index"),
    pytest.param([[call("f", '{"a"', id="1", index=None)], [call("f", ": 1}", id="1", index=None)]], [("1", "f", A)], id="name-and-id-in-every-fragment-without-index"),
    pytest.param([[call("f", '{"a"', id="1")], [call(arguments=": 1}", id="2")]], [("1", "f", A)], id="new-id-per-fragment"),
    pytest.param([[call("f", '{"a"', id="1")], [call("f", ": 1}", id="2")]], [("1", "f", A)], id="new-id-and-name-per-fragment"),
    pytest.param([[call("f", "", id="1")], [call("g", "", id="2")]], [("1", "f", ""), ("2", "g", "")], id="two-without-arguments-and-one-index"),
    pytest.param([[call("f", {"b": "北京"}, id="1")]], [("1", "f", B)], id="arguments-as-object"),
    pytest.param([[call("f", "", id="1")]], [("1", "f", "")], id="empty-arguments"),
    pytest.param([[call("f", A)]], [("call_0", "f", A)], id="no-id"),
    pytest.param([[call("f", '"\ud83c', id="1")], [call(arguments='\udf89"')]], [("1", "f", '"🎉"')], id="split-surrogates"),
    pytest.param([[call("f\ud83c", A, id="\udf89")]], [("\ufffd", "f\ufffd", A)], id="lone-surrogates-in-name-and-id"),
    pytest.param([[{"index": 0}, None, 3], [call("f", A, id="1")]], [("1", "f", A)], id="strange-entries"),
    pytest.param([[call("g", "", index=1, id="2")], [call("f", "", index=0, id="1")], [call(arguments=B, index=1)], [call(arguments=A, index=0)]], [("2", "g", B), ("1", "f", A)], id="interleaved"),
]  # fmt: skip


@pytest.mark.parametrize(("deltas", "expected"), CALLS)
def test_tool_calls_are_put_together(deltas: list[list[Any]], expected: list[tuple[str, str, str]]) -> None:
    data = answer(*(delta(tool_calls=calls) for calls in deltas), delta("tool_calls"))
    decoder = decode(data)
    assert decoder.tool_calls == tuple(ToolCall(*fields) for fields in expected)
    assert decoder.finish_reason == "tool_calls"


def test_fragments_of_a_call_carry_its_position() -> None:
    decoder = StreamDecoder()
    found = decoder.feed(delta(tool_calls=[call("f", A, index=-1), call("g", B, index=-1)]))
    assert [event.index for event in found if isinstance(event, ToolCallDelta)] == [0, 1]


def test_an_argument_cut_off_by_the_server_stays_as_it_is() -> None:
    decoder = decode(answer(delta(tool_calls=[call("f", '{"city": "Beijing', id="1")]), delta("length")))
    assert decoder.tool_calls == (ToolCall("1", "f", '{"city": "Beijing'),)


def test_search_results_are_kept_once() -> None:
    row = {"title": "T", "link": "https://x", "content": None, "icon": "i"}
    data = answer(event({"web_search": [row, row, 5], "choices": []}), event({"web_search": 7}), STOP)
    assert decode(data).search_results == [SearchResult("T", "https://x")]


def test_who_answered_is_remembered() -> None:
    decoder = decode(answer(event({"id": "i", "request_id": "r", "model": "m", "choices": []}), STOP))
    assert (decoder.id, decoder.request_id, decoder.model) == ("i", "r", "m")


def test_a_reason_nobody_knows_is_passed_on() -> None:
    decoder = StreamDecoder()
    assert decoder.feed(delta("eos")) == [Finished("eos")]


# --------------------------------------------------------------------------------------- bad endings


HELLO = delta(content="hello")
HTML = b"<!DOCTYPE html><html><title>Log in</title><body>Please   log in</body></html>"

FAILURES = [
    pytest.param(HELLO, IncompleteStream, "ended before the answer", id="no-finish"),
    pytest.param(HELLO + DONE, IncompleteStream, "without a finish reason", id="done-without-finish"),
    pytest.param(b"", IncompleteStream, "ended before the answer", id="nothing"),
    pytest.param(b": ping\n\n: ping\n\n", ProtocolError, "not an answer", id="comments-only"),
    pytest.param(HTML, ProtocolError, "Log in", id="html"),
    pytest.param(b"Bad Gateway\r\n", ProtocolError, "Bad Gateway", id="plain-text"),
    pytest.param(b"[1, 2]", ProtocolError, "not an answer", id="json-array"),
    pytest.param(b'{"id": "x", "choi', ProtocolError, "not an answer", id="cut-json"),
    pytest.param(b"[" * 100_000, ProtocolError, "not an answer", id="deep-json"),
    pytest.param(b'{"code": 1302, "msg": "slow", "success": false}', RateLimitError, "slow", id="error-body"),
    pytest.param(b'{"error": {"code": "1302", "message": "slow"}}', RateLimitError, "slow", id="error-object-body"),
    pytest.param(b'{"error": "Unauthorized"}', StreamError, "Unauthorized", id="error-text-body"),
    pytest.param(b'{"detail": "Not Found"}', StreamError, "Not Found", id="detail-body"),
    pytest.param(HELLO + b'event: error\ndata: {"error": {"code": "1234", "message": "net"}}\n\n', ServerError, "net", id="error-event"),
    pytest.param(HELLO + b'event: error\ndata: {"reason": "x"}\n\n', StreamError, "reason", id="error-event-strange"),
    pytest.param(HELLO + b"event: error\ndata: boom\n\n", StreamError, "boom", id="error-event-text"),
    pytest.param(HELLO + b"event: error\ndata: null\n\n", StreamError, "null", id="error-event-null"),
    pytest.param(HELLO + event({"error": {"code": "1308", "message": "until 2026-01-02 03:04:05"}}), QuotaError, "until", id="error-chunk"),
    pytest.param(HELLO + event({"error": {"code": 500, "message": "int"}}), StreamError, "int", id="error-chunk-int-code"),
    pytest.param(HELLO + event({"error": "text", "choices": []}), StreamError, "text", id="error-chunk-with-choices"),
    pytest.param(HELLO + event({"code": 1302, "message": "slow"}), RateLimitError, "slow", id="gateway-chunk"),
    pytest.param(HELLO + b'data: {"error": "un"quoted"}\n\n', StreamError, 'un"quoted', id="error-chunk-broken"),
    pytest.param(HELLO + b'data: {"choices": [}\n\n' + STOP + DONE, StreamError, "not JSON", id="malformed"),
    pytest.param(HELLO + b"data: " + b"[" * 100_000 + b"\n\n", StreamError, "not JSON", id="deep-event"),
    pytest.param(HELLO + b"data: 17\n\n" + STOP + DONE, ProtocolError, "17", id="a-number"),
    pytest.param(HELLO + delta("network_error"), ServerError, "network_error", id="network-error"),
    pytest.param(HELLO + delta("network_error") + DONE, ServerError, "network_error", id="network-error-done"),
    pytest.param(HELLO + delta("sensitive") + DONE, ContentRefused, "filter", id="sensitive"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "words"), FAILURES)
def test_a_bad_ending_is_a_typed_error(data: bytes, kind: type[GLMError], words: str) -> None:
    decoder, error = cut_off(data)
    assert type(error) is kind
    assert words in error.message
    assert text_of(decoder) == ("hello" if data.startswith(HELLO) else "")


@pytest.mark.parametrize(("data", "kind", "words"), FAILURES)
@pytest.mark.parametrize("threaded", [True, False], ids=["threaded", "inline"])
@pytest.mark.parametrize("size", [10_000_000, 7], ids=["at-once", "in-pieces"])
def test_what_came_before_an_error_is_seen_first(
    data: bytes, kind: type[GLMError], words: str, threaded: bool, size: int
) -> None:
    if len(data) > 10_000:
        size = 10_000_000
    stream = Stream(
        iter([data[at : at + size] for at in range(0, len(data), size)]), REQUEST, threaded=threaded
    )
    seen: list[str] = []
    with pytest.raises(kind) as caught:
        seen.extend(event.text for event in stream if isinstance(event, TextDelta))
    assert stream.done
    assert caught.value.completion is stream.completion
    assert caught.value.completion.text == "".join(seen) == ("hello" if data.startswith(HELLO) else "")
    assert not stream.completion.complete
    assert stream.poll(0.0) == []


def test_an_error_after_the_finish_reason_is_still_an_error() -> None:
    _, error = cut_off(HELLO + STOP + event({"error": {"code": "1234", "message": "late"}}))
    assert isinstance(error, ServerError)


def test_the_time_of_a_quota_is_read() -> None:
    _, error = cut_off(event({"error": {"code": "1308", "message": "resets at 2026-01-02 03:04:05."}}))
    assert isinstance(error, QuotaError)
    assert str(error.resets_at) == "2026-01-02 03:04:05"


def test_no_bytes_make_the_decoder_fail_untyped() -> None:
    """Every JSON value in the place of every field of a chunk."""
    values: list[Any] = [
        None,
        0,
        -1,
        1.5,
        True,
        "",
        "x",
        "\ud83c",
        [],
        [[]],
        [None],
        {},
        {"a": 1},
        [{"a": {}}],
    ]
    places: list[Any] = [
        "id",
        "request_id",
        "model",
        "choices",
        "usage",
        "web_search",
        "error",
        "detail",
        "code",
    ]
    fields = ["role", "content", "reasoning_content", "reasoning", "tool_calls"]
    bodies: list[Any] = [{place: value} for place in places for value in values]
    bodies += [{"code": value, "msg": value, "message": value} for value in values]
    bodies += [{"error": {"code": value, "message": value}, "request_id": value} for value in values]
    bodies += [{"choices": [{"delta": {field: value}}]} for field in fields for value in values]
    bodies += [{"choices": [{"delta": value, "message": value, "finish_reason": value}]} for value in values]
    bodies += [{"choices": [{"delta": {"tool_calls": [value]}}]} for value in values]
    bodies += [
        {"choices": [{"delta": {"tool_calls": [{"index": v, "id": v, "function": v}]}}]} for v in values
    ]
    bodies += [
        {"choices": [{"delta": {"tool_calls": [{"function": {"name": v, "arguments": v}}]}}]} for v in values
    ]
    for body in [*bodies, *values]:
        for data in (event(body), json.dumps(body).encode()):
            decoder, _ = cut_off(data)
            for printable in (
                text_of(decoder),
                reasoning_of(decoder),
                decoder.id,
                decoder.model,
                decoder.tool_calls,
            ):
                str(printable).encode()


# ------------------------------------------------------------------------------------------ the stream


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_whole_answer() -> None:
    source = iter([delta(reasoning_content="t"), delta(content="a"), delta("stop"), chunk(usage=USAGE), DONE])
    with Stream(source, REQUEST, endpoint=lambda: "here") as stream:
        events = list(stream)
    assert events == [ReasoningDelta("t"), TextDelta("a"), Finished("stop")]
    done = stream.completion
    assert (done.text, done.reasoning, done.finish_reason, done.complete) == ("a", "t", "stop", True)
    assert (done.usage, done.model, done.served_model, done.endpoint) == (
        Usage(5, 0, 3, 2),
        "glm-test",
        "glm-test",
        "here",
    )
    assert stream.progress().phase == "done"


def test_without_usage_it_is_estimated() -> None:
    stream = Stream(iter([delta("stop", content="four words are here")]), REQUEST)
    list(stream)
    assert stream.completion.usage.estimated
    assert stream.completion.usage.output_tokens == 4
    assert stream.completion.usage.input_tokens > 0


def test_the_last_word_counts_even_if_the_connection_breaks_after_it() -> None:
    def source() -> Iterator[bytes]:
        yield HELLO + STOP
        raise IncompleteStream("reset")

    stream = Stream(source(), REQUEST)
    list(stream)
    assert stream.completion.complete


def endless(piece: bytes, clock: FakeClock, seconds: float) -> Iterator[bytes]:
    while True:
        clock.now += seconds
        yield piece


@pytest.mark.parametrize(
    ("first", "piece", "kind"),
    [
        pytest.param([], b": ping\n\n", NoAnswer, id="comments"),
        pytest.param([HELLO], b": ping\n\n", StalledStream, id="comments-after-data"),
        pytest.param([HELLO], b"data:\n\n", StalledStream, id="empty-events"),
        pytest.param([HELLO], b"x", StalledStream, id="slow-loris"),
        pytest.param([], b"\n", NoAnswer, id="blank-lines"),
    ],
)
def test_what_is_not_data_does_not_keep_a_stream_alive(
    first: list[bytes], piece: bytes, kind: type[GLMError]
) -> None:
    clock = FakeClock()

    def source() -> Iterator[bytes]:
        yield from first
        for data in endless(piece, clock, 1.0):
            if clock.now > 200:  # far over the limit: it should have ended
                return
            if data:
                yield data

    stream = Stream(source(), REQUEST, limits=Limits(idle=30, total=1000), clock=clock, threaded=False)
    with pytest.raises(kind, match="no data for 30 s") as caught:
        list(stream)
    assert caught.value.completion is not None
    assert caught.value.completion.text == ("hello" if HELLO in first else "")


def test_data_that_never_ends_meets_the_total_limit() -> None:
    clock = FakeClock()
    source = endless(delta(content="x"), clock, 1.0)
    stream = Stream(source, REQUEST, limits=Limits(idle=30, total=50), clock=clock, threaded=False)
    with pytest.raises(StalledStream, match="more than 50 s"):
        list(stream)
    assert 40 <= len(stream.completion.text) <= 55


def test_done_is_not_waited_for_for_ever() -> None:
    clock = FakeClock()
    source = itertools.chain([HELLO + STOP], endless(b": ping\n\n", clock, 1.0))
    stream = Stream(source, REQUEST, clock=clock, threaded=False)
    list(stream)
    assert stream.completion.complete


def test_a_pause_before_another_try_is_shown_and_not_counted_as_silence() -> None:
    clock = FakeClock()

    def source() -> Iterator[bytes | Waiting]:
        yield Waiting(60.0, "busy")
        clock.now += 60
        yield b": ping\n\n"
        yield answer(HELLO, STOP)

    stream = Stream(source(), REQUEST, limits=Limits(idle=30), clock=clock, threaded=False)
    stream.poll(0.1)
    assert stream.progress().note == "busy"
    list(stream)
    assert stream.completion.text == "hello"
    assert stream.progress().note == ""


def test_the_phases_of_an_answer() -> None:
    source = iter(
        [delta(reasoning_content="t"), delta(content="a"), delta(tool_calls=[call("f", A, id="1")]), STOP]
    )
    stream = Stream(source, REQUEST, threaded=False)
    phases = [stream.progress().phase]
    while not stream.done:
        stream.poll(0.1)
        phases.append(stream.progress().phase)
    assert list(dict.fromkeys(phases)) == ["waiting", "thinking", "answering", "calling a tool", "done"]


def test_the_end_is_told_once_with_what_came() -> None:
    told: list[Any] = []

    def ended(completion: Any, error: Any) -> Any:
        told.append((completion.text, type(error)))
        return completion

    with Stream(iter([HELLO]), REQUEST, ended=ended) as stream, pytest.raises(IncompleteStream):
        list(stream)
    stream.interrupt()
    stream.stop()
    assert told == [("hello", IncompleteStream)]


class Gate:
    """A source that gives its pieces and then blocks until it is aborted."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.aborted = threading.Event()
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self.pieces
            self.aborted.wait(30)
        finally:
            self.closed.set()


@pytest.mark.parametrize("end", ["stop", "interrupt"])
def test_an_ended_stream_keeps_its_text_and_leaves_its_source(end: str) -> None:
    gate = Gate(HELLO)
    with Stream(iter(gate), REQUEST, abort=gate.aborted.set) as stream:
        while not stream.completion.text:
            stream.poll(0.05)
        getattr(stream, end)()
        stream.poll(0.05)
    assert stream.done
    assert (stream.completion.text, stream.completion.complete) == ("hello", False)
    assert stream.completion.finish_reason == {"stop": "stopped", "interrupt": "interrupted"}[end]
    assert gate.closed.wait(5)


def test_a_source_that_goes_on_is_left_when_the_stream_is_stopped() -> None:
    """Also between two pieces, where there is no wait that an abort could break."""
    for _ in range(50):
        closed = threading.Event()

        def source(closed: threading.Event = closed) -> Iterator[bytes]:
            try:
                while True:
                    yield delta(content="x")
            finally:
                closed.set()

        with Stream(source(), REQUEST) as stream:
            stream.poll(0.05)
        assert closed.wait(5)


def test_stop_works_from_another_thread() -> None:
    gate = Gate(HELLO)
    stream = Stream(iter(gate), REQUEST, abort=gate.aborted.set)
    threading.Timer(0.05, stream.stop).start()
    list(stream)
    assert stream.completion.finish_reason == "stopped"
    assert stream.completion.text == "hello"


def test_an_interrupt_gets_through_a_silent_wait() -> None:
    gate = Gate(HELLO)
    stream = Stream(iter(gate), REQUEST, abort=gate.aborted.set)
    timer = threading.Timer(0.1, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt), stream:  # noqa: PT012
        for _ in stream:
            pass
        time.sleep(1)  # where the interrupt would come if the loop had ended
    assert stream.completion.finish_reason == "interrupted"
    assert stream.completion.text == "hello"
    assert gate.closed.wait(5)


def test_an_error_of_the_source_that_is_not_ours_is_not_hidden() -> None:
    def source() -> Iterator[bytes]:
        yield HELLO
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"), Stream(source(), REQUEST) as stream:
        list(stream)
    assert stream.done
    assert stream.completion.text == "hello"


def test_a_secret_that_the_server_echoes_is_blotted_out() -> None:
    source = iter([event({"error": {"code": "1234", "message": "bad s3cret"}, "request_id": "s3cret"})])
    stream = Stream(source, REQUEST, redact=lambda text: text.replace("s3cret", "***"))
    with pytest.raises(ServerError) as caught:
        list(stream)
    assert "s3cret" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


def test_begin_sends_the_request_before_anyone_polls():
    read = threading.Event()

    def source():
        read.set()
        yield delta("stop", content="hi")

    stream = Stream(source(), REQUEST)
    stream.begin()
    assert read.wait(10)
    assert [type(event).__name__ for event in stream] == ["TextDelta", "Finished"]
