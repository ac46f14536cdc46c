"""What is asked of a row, and under which key its answer is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glm_magics._options import Options
from glm_magics._session import Session
from glm_magics.chat import Completion
from glm_magics.errors import ParseError, RequestError
from glm_magics.rows.packing import Record
from glm_magics.rows.plan import Plan, Task, record_schema
from glm_magics.tokens import estimate

Connect = Callable[..., Session]
LABEL = "label: good|bad"


def plan(session: Session, spec: Any = LABEL, **options: Any) -> Plan:
    return Plan(session, Task("Classify {{text}}", ("text",), "answer"), Options(**options), spec)


def test_a_row_has_the_same_key_however_it_travels_and_in_every_process(demo: Connect) -> None:
    session = demo()
    first, again = plan(session), plan(session)
    assert first.item(0, "Classify a", ("a",)).key == again.item(9, "Classify a", ("a",)).key


def test_the_tokens_of_a_row_are_counted_when_they_are_first_needed(demo: Connect) -> None:
    item = plan(demo()).item(0, "Classify a", ("a",))
    assert item.counted is None
    assert item.tokens == item.counted == estimate("Classify a")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"tier": "glm-4.6"}, id="tier"),
        pytest.param({"spec": "label: bad|good"}, id="order-of-labels"),
        pytest.param({"temperature": 0.5}, id="temperature"),
        pytest.param({"system": "Be brief."}, id="system"),
        pytest.param({"spec": None}, id="no-schema"),
        pytest.param({"max_tokens": 10}, id="longest-answer"),
    ],
)
def test_what_an_answer_depends_on_changes_the_key(demo: Connect, other: dict[str, Any]) -> None:
    session = demo()
    keys = {plan(session, **how).item(0, "Classify a", ("a",)).key for how in ({}, other)}
    assert len(keys) == 2


def test_the_key_of_the_account_is_no_part_of_it(demo: Connect) -> None:
    one = plan(demo()).item(0, "a", ()).key
    other = plan(demo("key=another-key")).item(0, "a", ()).key
    assert b"key" not in one
    assert one != other, "another address of the demo is another endpoint"


def test_one_row_is_asked_as_it_would_be_in_a_cell(demo: Connect) -> None:
    made = plan(demo())
    request = made.request([made.item(0, "Classify a", ("a",))])
    assert request.messages[-1].text.startswith("Classify a\n\nAnswer with JSON only")
    assert not request.stream


def test_a_budget_limits_the_answer_of_each_row(demo: Connect) -> None:
    made = plan(demo(), think=False)
    rows = [made.item(n, f"Classify {n}", (n,)) for n in range(3)]
    assert made.request(rows[:1]).max_tokens is None
    assert made.request(rows[:1], bounded=True).max_tokens == 1_024
    assert made.request(rows, bounded=True).max_tokens == 3_072


def test_an_answer_that_was_refused_goes_back_with_what_was_wrong(demo: Connect) -> None:
    made = plan(demo())
    item = made.item(0, "Classify a", ("a",))
    item.refused = (Completion('{"label": "great"}'), ParseError("No such label."))
    said = [message.text for message in made.request([item]).messages]
    assert said[1] == '{"label": "great"}'
    assert "No such label." in said[2]


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ('{"label": "good"}', Record('{"label":"good"}')),
        ('```json\n{"label": "good"}\n```', Record('{"label":"good"}')),
        ('{"label": "Good"}', Record('{"label":"good"}', repaired=True)),
    ],
)
def test_an_answer_about_one_row_is_read(demo: Connect, text: str, record: Record) -> None:
    made = plan(demo())
    assert made.read(Completion(text), [made.item(0, "a", ("a",))]) == [record]


@pytest.mark.parametrize(
    "completion",
    [
        Completion("I do not know"),
        Completion('{"label": "good"', finish_reason="length"),
        Completion(""),
        Completion('{"label": "unknown"}'),
    ],
)
def test_what_is_no_answer_is_an_error_of_that_row(demo: Connect, completion: Completion) -> None:
    made = plan(demo())
    (found,) = made.read(completion, [made.item(0, "a", ("a",))])
    assert isinstance(found, ParseError)


def test_an_empty_prompt_is_not_sent(demo: Connect) -> None:
    with pytest.raises(RequestError):
        plan(demo()).item(3, "  ", ())


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        pytest.param("a: int, b: str", ["a", "b"], id="fields"),
        pytest.param("int", ["answer"], id="one-value"),
        pytest.param({"enum": ["x", "y"]}, ["answer"], id="labels"),
        pytest.param("list[str]", ["answer"], id="a-list"),
    ],
)
def test_every_spelling_is_a_record_of_one_row(spec: Any, fields: list[str]) -> None:
    made = record_schema(spec, "answer")
    assert made.shape == "record"
    assert list(made.json_schema["properties"]) == fields
