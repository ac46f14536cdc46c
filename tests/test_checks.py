"""What marks an exercise: it passes for the answer that is wanted, and for no other."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import glm_magics as glm
from glm_magics.chat import Completion, Cost, Usage
from glm_magics.errors import CheckFailed, GLMError, SettingError

ANSWER = Completion(
    "17 × 23 = 391",
    reasoning="Twenty times seventeen …",
    usage=Usage(input_tokens=10, output_tokens=50, reasoning_tokens=30),
    cost=Cost(Decimal("0.0002"), "CNY"),
    model="glm-4.5-air",
    endpoint="demo",
)
ROWS = pd.DataFrame(
    {"name": ["pen", "book"], "price": [3.5, 12.0], "day": pd.to_datetime(["2026-01-02"] * 2)}
)


class Agreeable:
    """Says that it equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ANSWER, {"contains": "391"}),
        (ANSWER, {"matches": r"\d+ × \d+ = \d+"}),
        (ANSWER, {"tier": "air", "think": True, "max_tokens": 50, "cost_below": "0.001"}),
        (replace(ANSWER, text=" 391\n"), {"equals": 391}),
        (replace(ANSWER, text="391.0"), {"equals": "391"}),
        ("Grün", {"contains": "GRÜN"}),
        (0.3001, {"equals": 0.3, "tolerance": "0.001"}),
        (Decimal("0.10"), {"equals": "0.1"}),
        (pd.Series([7]).iloc[0], {"equals": 7}),
        (True, {"equals": "True"}),
        (["good", "bad"], {"equals": ["good", "bad"]}),
        ({"a": [1]}, {"equals": {"a": [1]}}),
        (ROWS, {"schema": "name: str, price: float, day: date"}),
        ('[{"name": "pen", "price": 3.5}]', {"schema": "name: str, price: float"}),
        ({"name": "pen", "price": 3.5}, {"schema": "name: str, price: float"}),
        (pd.Series({"name": "pen", "price": 3.5}, dtype="object"), {"schema": "name: str, price: float"}),
    ],
)
def test_an_answer_that_is_wanted_passes(answer: Any, expected: dict[str, Any]) -> None:
    assert glm.check_answer(answer, **expected).startswith("Passed: ")


@pytest.mark.parametrize(
    ("answer", "expected", "told"),
    [
        (ANSWER, {"equals": 391}, "Expected 391, got '17 × 23 = 391'"),
        (ANSWER, {"equals": 391}, "ask for the value alone"),
        (ANSWER, {"contains": "392"}, "Expected 392 in the answer"),
        (ANSWER, {"matches": r"^\d+$"}, r"Expected what matches /^\d+$/"),
        (ANSWER, {"tier": "glm-4.7"}, "an answer of glm-4.7, got one of 'glm-4.5-air'"),
        (ANSWER, {"think": False}, "without thinking, got one with"),
        (replace(ANSWER, reasoning="", usage=Usage()), {"think": True}, "with thinking, got one without"),
        (ANSWER, {"max_tokens": 49}, "at most 49 tokens of output, got 50"),
        (ANSWER, {"cost_below": "0.0002"}, "below 0.0002 CNY, got 0.00020 CNY"),
        (replace(ANSWER, cost=None), {"cost_below": 1}, "price of this answer is unknown"),
        (ANSWER, {"schema": "name: str"}, "fits 'name: str', but"),
        (ANSWER, {"contains": "391", "think": False}, "without thinking"),
        (0.3001, {"equals": 0.3, "tolerance": 0.00001}, "Expected 0.3 ± 0.00001, got 0.3001"),
        (0.3001, {"cost_below": 1}, "a whole answer (a Completion) to check cost_below of"),
        (1, {"equals": True}, "Expected True, got 1"),
        (None, {"equals": 3}, "got None"),
        (None, {"contains": "x"}, "Expected text to check contains of, got None"),
        (Agreeable(), {"equals": 3}, "got a Agreeable"),
        (["1e9999999999999"], {"equals": [1]}, "got '1e9999999999999'"),
        ("1e999999999", {"equals": 3, "tolerance": 1}, "Expected 3 ± 1"),
        (float("nan"), {"equals": float("nan")}, "Expected nan, got nan"),
        (["a", "b"], {"equals": ["a", "c"]}, "Expected 'c' for [1], got 'b'"),
        ({"x": 1, "y": None}, {"equals": {"x": 1, "y": 2}}, "Expected 2 for y, got None"),
        (["a"], {"equals": ["a", "b"]}, "Expected ['a', 'b'], got ['a']"),
        ({"x": 1}, {"equals": {"z": 1}}, "Expected {'z': 1}, got {'x': 1}"),
        (ROWS, {"equals": 3}, "got a DataFrame"),
        (ROWS, {"schema": "name: str, stock: int"}, "rows[0].stock: is missing"),
        (ROWS.head(0), {"schema": "name: str"}, "got none"),
        ("[]", {"schema": "name: str"}, "got none"),
        (ROWS.assign(price=[3.5, None]), {"schema": "name: str, price: float"}, "rows[1].price"),
        ("x" * 20_001, {"matches": "y"}, "at most 20,000 characters"),
    ],
)
def test_any_other_answer_is_an_assertion_that_fails_and_says_what_came(
    answer: Any, expected: dict[str, Any], told: str
) -> None:
    with pytest.raises(AssertionError) as failed:
        glm.check_answer(answer, **expected)
    assert isinstance(failed.value, CheckFailed)
    assert told in str(failed.value)


@pytest.mark.parametrize(
    "expected",
    [
        {},
        {"tolerance": 1},
        {"equals": "x", "tolerance": 1},
        {"matches": "("},
        {"matches": "(?=x)"},
        {"matches": "x" * 501},
        {"matches": "(((x{1,50}){1,50}){1,50})y"},
        {"schema": "name: strr"},
        {"cost_below": "much"},
    ],
    ids=str,
)
def test_a_check_that_cannot_be_made_never_passes(expected: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        glm.check_answer(ANSWER, **expected)


def test_no_answer_makes_a_pattern_take_for_ever() -> None:
    with pytest.raises(CheckFailed):
        glm.check_answer("a" * 19_000 + "b", matches="^(a+)+$")


def test_what_passed_is_the_same_line_for_every_answer_that_passes() -> None:
    other = replace(ANSWER, text="It is 391.", cost=Cost(Decimal("0.0001"), "CNY"))
    lines = {glm.check_answer(answer, contains="391", cost_below=1) for answer in (ANSWER, other)}
    assert lines == {"Passed: contains 391, cost below 1 CNY (an answer of the demo engine)."}


def test_where_an_answer_came_from_is_told() -> None:
    recorded = replace(ANSWER, endpoint="recorded 2026-11-01")
    assert "(a recorded answer)" in glm.check_answer(recorded, contains="391")
    real = replace(ANSWER, endpoint="z.ai")
    assert glm.check_answer(real, contains="391") == "Passed: contains 391."


def test_hidden_characters_of_an_answer_are_shown_and_it_is_cut() -> None:
    with pytest.raises(CheckFailed) as failed:
        glm.check_answer("\u202eabc\x1b[31m\n" + "x" * 500, equals="y")
    assert "\u202e" not in str(failed.value)
    assert "\x1b" not in str(failed.value)
    assert len(failed.value.message) < 150


def test_it_is_caught_as_every_error_of_the_package() -> None:
    assert issubclass(CheckFailed, GLMError)
