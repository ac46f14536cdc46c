"""A schema with a question: how it is sent, the value that comes back, and the second try."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import glm_magics as glm
from glm_magics import api
from glm_magics._session import Session
from glm_magics.client import Client, Endpoint
from glm_magics.errors import ParseError

SPEC = "name: str, price: float?, mood: good|bad"
GOOD = '{"rows": [{"name": "tea", "price": 2.5, "mood": "good"}]}'


def answering(*texts: str, dialect: Any = "glm") -> list[dict[str, Any]]:
    """A server that says these texts in turn; returns the bodies it is sent."""
    seen: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        message = {"role": "assistant", "content": texts[len(seen) - 1]}
        usage = {"prompt_tokens": 10, "completion_tokens": 5}
        return httpx.Response(
            200, json={"choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": usage}
        )

    endpoint = Endpoint("test", "http://test/v4", dialect=dialect, currency="USD")
    api.use_client(Client(endpoint, transport=httpx.MockTransport(answer)), tier="glm-4.5-air")
    return seen


@pytest.mark.usefixtures("bare_environment")
def test_the_schema_goes_into_the_prompt_and_json_mode_is_on() -> None:
    (body,) = (answering(GOOD), glm.ask("What costs what?", schema=SPEC))[0]
    assert body["messages"][-1]["content"].startswith("What costs what?\n\nAnswer with JSON only")
    assert 'mood: "good" | "bad"' in body["messages"][-1]["content"]
    assert body["response_format"] == {"type": "json_object"}


@pytest.mark.usefixtures("bare_environment")
def test_another_server_gets_the_schema_itself() -> None:
    seen = answering(GOOD, dialect="openai")
    done = glm.ask("What costs what?", schema=SPEC)
    assert seen[0]["response_format"]["json_schema"]["schema"] == glm.schema(SPEC).wire_schema
    assert done.form == "json_schema"


@pytest.mark.usefixtures("bare_environment")
def test_the_value_is_the_rows_and_becomes_a_typed_frame() -> None:
    answering(GOOD)
    done = glm.ask("What costs what?", schema=SPEC)
    assert done.value == [{"name": "tea", "price": 2.5, "mood": "good"}]
    assert (done.form, done.notes) == ("json_object", ())
    frame = done.to_frame()
    assert list(frame["mood"].dtype.categories) == ["good", "bad"]


@pytest.mark.usefixtures("bare_environment")
def test_an_answer_that_does_not_fit_is_asked_for_once_more_with_its_problems() -> None:
    seen = answering('{"rows": [{"name": "tea", "price": 2.5, "mood": "fine"}]}', GOOD)
    done = glm.ask("What costs what?", schema=SPEC)
    roles = [message["role"] for message in seen[1]["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert "mood" in seen[1]["messages"][-1]["content"]
    assert done.value == [{"name": "tea", "price": 2.5, "mood": "good"}]
    assert "asked for again" in done.notes[-1]
    assert len(glm.usage()) == 2


@pytest.mark.usefixtures("bare_environment")
def test_two_answers_that_do_not_fit_are_an_error_with_the_text() -> None:
    answering("I would rather not.", "No.")
    with pytest.raises(ParseError) as raised:
        glm.ask("What costs what?", schema=SPEC)
    assert raised.value.text == "No."
    assert raised.value.completion is not None
    assert len(glm.usage()) == 2


def test_the_demo_fills_a_schema_from_the_input(demo: Callable[..., Session]) -> None:
    prompt = "Extract the items.\n\n- tea costs 2.50, good\n- rice costs 3.20, bad"
    done = glm.ask(prompt, schema=SPEC)
    assert [row["price"] for row in done.value] == [2.5, 3.2]
    assert [row["mood"] for row in done.value] == ["good", "bad"]


def test_parse_takes_every_spelling_of_a_schema() -> None:
    assert glm.parse(f"Here it is:\n```json\n{GOOD}\n```", SPEC).value[0]["mood"] == "good"
