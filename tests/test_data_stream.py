"""Data as it streams: the value at the end, the second try, and what is left when it is broken off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_server import DONE, delta

from glm_magics._data_stream import DataStream
from glm_magics._stream import Stream
from glm_magics.chat import AskedAgain, ChatRequest, Message, TextDelta
from glm_magics.errors import BudgetExceeded, IncompleteStream, ParseError
from glm_magics.structured.schema import schema

PLAN = schema("name: str, price: float?")
REQUEST = ChatRequest(model="glm-test", messages=(Message("user", "what costs what?"),))
TEA = '{"name": "tea", "price": 2.5}'
GOOD = f'{{"rows": [{TEA}]}}'
BAD = '{"rows": [{"name": "tea", "price": "some"}]}'


def whole(text: str, *, finish: str = "stop") -> list[bytes]:
    return [*pieces(text), delta(finish=finish), DONE]


def pieces(text: str) -> list[bytes]:
    return [delta(content=text[at : at + 5]) for at in range(0, len(text), 5)]


def asking(*answers: list[bytes]) -> tuple[DataStream, list[ChatRequest]]:
    """A stream whose requests get these answers in turn, and the requests it sends."""
    sent: list[ChatRequest] = []

    def start(request: ChatRequest) -> Stream:
        sent.append(request)
        bodies = answers[len(sent) - 1]
        return Stream(iter(bodies), request, threaded=False)

    return DataStream(start, REQUEST, schema=PLAN, form="json_object"), sent


def read(stream: DataStream, *, until: Callable[[], bool] = lambda: False) -> list[object]:
    seen: list[object] = []
    while not stream.done and not until():
        seen += stream.poll(0.01)
    return seen


def test_the_value_is_there_at_the_end() -> None:
    stream, _ = asking(whole(GOOD))
    events = read(stream)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == GOOD
    assert stream.completion.value == [{"name": "tea", "price": 2.5}]
    assert (stream.completion.form, stream.completion.schema) == ("json_object", PLAN)


def test_between_two_answers_comes_an_event_with_the_reasons() -> None:
    stream, sent = asking(whole(BAD), whole(GOOD))
    events = read(stream)
    (again,) = (event for event in events if isinstance(event, AskedAgain))
    assert "rows[0].price" in again.problems[0]
    assert sent[1].messages[-2].text == BAD
    assert stream.completion.value == [{"name": "tea", "price": 2.5}]


def test_the_second_refusal_is_raised_with_the_answer() -> None:
    stream, sent = asking(whole(BAD), whole(BAD))
    with pytest.raises(ParseError) as failed:
        read(stream)
    assert stream.done
    assert (failed.value.text, failed.value.completion) == (BAD, stream.completion)
    assert len(sent) == 2


def test_an_interrupt_keeps_the_whole_records() -> None:
    stream, _ = asking(whole(f'{{"rows": [{TEA}, {{"name": "sa'))
    read(stream, until=lambda: '"sa' in stream.completion.text)
    stream.interrupt()
    assert stream.done
    assert stream.completion.finish_reason == "interrupted"
    assert stream.completion.value == [{"name": "tea", "price": 2.5}]
    assert any("not complete" in note for note in stream.completion.notes)


def test_an_interrupt_before_the_first_record_leaves_no_value() -> None:
    stream, _ = asking(whole('{"rows": [{"na'))
    read(stream, until=lambda: bool(stream.completion.text))
    stream.interrupt()
    assert (stream.completion.value, stream.completion.schema) == (None, None)


def test_stop_keeps_the_whole_records_and_asks_nothing_more() -> None:
    stream, sent = asking(whole(f'{{"rows": [{TEA}, {{"name": "sa'))
    read(stream, until=lambda: '"sa' in stream.completion.text)
    stream.stop()
    read(stream)
    assert stream.completion.finish_reason == "stopped"
    assert stream.completion.value == [{"name": "tea", "price": 2.5}]
    assert len(sent) == 1


def test_a_stream_that_breaks_carries_the_whole_records() -> None:
    stream, _ = asking(pieces(f'{{"rows": [{TEA}, {{"name": "sa'))
    with pytest.raises(IncompleteStream) as failed:
        read(stream)
    assert failed.value.completion is not None
    assert failed.value.completion.value == [{"name": "tea", "price": 2.5}]
    assert stream.completion is failed.value.completion


def test_what_was_cut_at_the_token_limit_is_not_asked_for_again() -> None:
    stream, sent = asking(whole('{"rows": [{"name": "te', finish="length"))
    with pytest.raises(ParseError):
        read(stream)
    assert len(sent) == 1


def test_without_money_for_the_second_try_the_first_answer_is_the_error() -> None:
    requests: list[ChatRequest] = []

    def start(request: ChatRequest) -> Stream:
        requests.append(request)
        if len(requests) > 1:
            raise BudgetExceeded("0.01 CNY is left.")
        return Stream(iter(whole(BAD)), request, threaded=False)

    stream = DataStream(start, REQUEST, schema=PLAN, form="prompt")
    with pytest.raises(ParseError, match=r"not asked again: 0\.01 CNY is left"):
        read(stream)


def test_leaving_the_block_ends_the_stream() -> None:
    stream, _ = asking(whole(GOOD))
    with stream:
        pass
    assert stream.completion.finish_reason == "interrupted"
