"""A schema with a question: how it is sent, the value that comes back, and the second try."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import glm_magics as glm
from glm_magics import _tiers, api
from glm_magics._session import Session
from glm_magics.client import Client, Endpoint
from glm_magics.errors import ParseError, RequestError, SettingError

SPEC = "name: str, price: float?, mood: good|bad"
GOOD = '{"rows": [{"name": "tea", "price": 2.5, "mood": "good"}]}'


CALL = {"id": "call_1", "type": "function", "function": {"name": "answer", "arguments": GOOD}}


def answering(
    *answers: str | dict[str, Any], dialect: Any = "glm", tier: str = "glm-4.5-air"
) -> list[dict[str, Any]]:
    """A server that gives these texts or messages in turn; returns the bodies it is sent."""
    seen: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        said = answers[len(seen) - 1]
        message = {"role": "assistant", **({"content": said} if isinstance(said, str) else said)}
        reason = "tool_calls" if message.get("tool_calls") else "stop"
        usage = {"prompt_tokens": 10, "completion_tokens": 5}
        return httpx.Response(
            200, json={"choices": [{"index": 0, "finish_reason": reason, "message": message}], "usage": usage}
        )

    endpoint = Endpoint("test", "http://test/v4", dialect=dialect, currency="USD")
    api.use_client(Client(endpoint, transport=httpx.MockTransport(answer)), tier=tier)
    return seen


def calling(*arguments: str) -> dict[str, Any]:
    """A message that calls `answer` with each of these."""
    calls = [
        {**CALL, "id": f"call_{at}", "function": {"name": "answer", "arguments": text}}
        for at, text in enumerate(arguments)
    ]
    return {"content": None, "tool_calls": calls}


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


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize(
    ("dialect", "choice"),
    [
        pytest.param("glm", "auto", id="the platform knows auto only"),
        pytest.param("openai", {"type": "function", "function": {"name": "answer"}}, id="others can be told"),
    ],
)
def test_the_schema_is_a_tool_where_asked(dialect: Any, choice: Any) -> None:
    seen = answering(calling(GOOD), dialect=dialect)
    done = glm.ask("What costs what?", schema=SPEC, form="tool")
    ((tool,), body) = seen[0]["tools"], seen[0]
    assert tool["function"]["parameters"] == glm.schema(SPEC).wire_schema
    assert body["tool_choice"] == choice
    assert "response_format" not in body
    assert "calling the function `answer`" in body["messages"][-1]["content"]
    assert (done.form, done.value) == ("tool", [{"name": "tea", "price": 2.5, "mood": "good"}])
    assert list(done.to_frame().dtypes) == list(glm.schema(SPEC).dtypes().values())


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        pytest.param(f"Here:\n```json\n{GOOD}\n```", 1, id="text"),
        pytest.param(calling(GOOD.replace('"good"', '"good",')), 1, id="arguments that need repair"),
        pytest.param(calling(GOOD, GOOD), 2, id="a call for each row"),
    ],
)
def test_whatever_a_model_makes_of_the_tool_is_read(answer: Any, rows: int) -> None:
    answering(answer)
    done = glm.ask("What costs what?", schema=SPEC, form="tool")
    assert done.value == [{"name": "tea", "price": 2.5, "mood": "good"}] * rows
    assert len(done.notes) >= 1


@pytest.mark.usefixtures("bare_environment")
def test_a_call_that_does_not_fit_is_answered_and_asked_for_once_more() -> None:
    seen = answering(calling(GOOD.replace("good", "fine")), calling(GOOD))
    done = glm.ask("What costs what?", schema=SPEC, form="tool")
    roles = [message["role"] for message in seen[1]["messages"]]
    assert roles == ["user", "assistant", "tool", "user"]
    assert seen[1]["messages"][2]["tool_call_id"] == seen[1]["messages"][1]["tool_calls"][0]["id"]
    assert "mood" in seen[1]["messages"][-1]["content"]
    assert done.value[0]["mood"] == "good"


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize(
    ("form", "mode"),
    [
        pytest.param("prompt", None, id="prompt"),
        pytest.param("json_object", {"type": "json_object"}, id="json_object"),
    ],
)
def test_a_form_can_be_named(form: Any, mode: Any) -> None:
    seen = answering(GOOD, dialect="gateway")
    assert glm.ask("What costs what?", schema=SPEC, form=form).form == form
    assert seen[0].get("response_format") == mode


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize(
    ("tier", "form", "problem"),
    [
        pytest.param("no-tools", "tool", "no-tools calls no tools", id="tool"),
        pytest.param("no-tools", "json_object", "no-tools has no JSON mode", id="json_object"),
        pytest.param("glm-4.5-air", "json_schema", "GLM ignores a json_schema", id="json_schema"),
        pytest.param(
            "glm-4.5-air", "xml", "A form is one of json_schema, json_object, prompt, tool", id="other"
        ),
    ],
)
def test_a_form_that_cannot_be_is_refused_before_anything_is_sent(
    tier: str, form: Any, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tiers, "_current", None)
    glm.add_tier({"id": "no-tools", "tools": False, "json_object": False})
    seen = answering(GOOD, tier=tier)
    with pytest.raises(SettingError if form == "xml" else RequestError, match=problem):
        glm.ask("What costs what?", schema=SPEC, form=form)
    assert seen == []


@pytest.mark.usefixtures("bare_environment")
def test_a_form_without_a_schema_is_an_error() -> None:
    with pytest.raises(SettingError, match="there is no schema"):
        glm.ask("What costs what?", form="tool")


def test_the_demo_calls_the_tool_with_all_rows(demo: Callable[..., Session]) -> None:
    done = glm.ask(
        "Extract the items.\n\n- tea costs 2.50, good\n- rice costs 3.20, bad", schema=SPEC, form="tool"
    )
    assert (done.text, len(done.tool_calls)) == ("", 1)
    assert [(row["price"], row["mood"]) for row in done.value] == [(2.5, "good"), (3.2, "bad")]


def test_the_demo_fills_a_schema_from_the_input(demo: Callable[..., Session]) -> None:
    prompt = "Extract the items.\n\n- tea costs 2.50, good\n- rice costs 3.20, bad"
    done = glm.ask(prompt, schema=SPEC)
    assert [row["price"] for row in done.value] == [2.5, 3.2]
    assert [row["mood"] for row in done.value] == ["good", "bad"]


def test_parse_takes_every_spelling_of_a_schema() -> None:
    assert glm.parse(f"Here it is:\n```json\n{GOOD}\n```", SPEC).value[0]["mood"] == "good"
