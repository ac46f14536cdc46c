from __future__ import annotations

import dataclasses
import pickle
from decimal import Decimal

import pytest

from glm_magics import chat
from glm_magics.chat import (
    COMPLETE_REASONS,
    ChatRequest,
    Completion,
    Cost,
    ImagePart,
    Message,
    TextPart,
    Usage,
)


@pytest.mark.parametrize("name", [n for n in chat.__all__ if dataclasses.is_dataclass(getattr(chat, n))])
def test_values_are_frozen_and_slotted(name: str) -> None:
    kind = getattr(chat, name)
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)


def test_requests_and_answers_are_compared_and_pickled_by_content() -> None:
    request = ChatRequest("m", (Message("user", (TextPart("a"), ImagePart("u"))),), extra={"a": 1})
    assert pickle.loads(pickle.dumps(request)) == request
    answer = Completion("text", cost=Cost(Decimal("0.1"), "CNY"))
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert str(answer) == "text"


@pytest.mark.parametrize("reason", sorted(COMPLETE_REASONS))
def test_an_answer_that_the_server_ended_is_complete(reason: str) -> None:
    assert Completion("", finish_reason=reason).complete


@pytest.mark.parametrize("reason", ["interrupted", "stopped", "incomplete", "sensitive", "network_error"])
def test_any_other_end_is_not(reason: str) -> None:
    assert not Completion("", finish_reason=reason).complete


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0 USD"),
        ("0.000", "0 USD"),
        ("1", "1.00 USD"),
        ("12.345", "12.34 USD"),
        ("0.5", "0.50 USD"),
        ("0.034", "0.034 USD"),
        ("0.00001234", "0.000012 USD"),
        ("1234567.891", "1234567.89 USD"),
    ],
)
def test_small_amounts_show_two_digits(amount: str, shown: str) -> None:
    assert str(Cost(Decimal(amount), "USD")) == shown
    assert str(Cost(Decimal(amount), "USD", estimated=True)) == f"≈ {shown}"


def test_costs_add_up_in_one_currency_only() -> None:
    assert Cost(Decimal("0.1"), "CNY") + Cost(Decimal("0.2"), "CNY", True) == Cost(
        Decimal("0.3"), "CNY", True
    )
    with pytest.raises(ValueError, match="cannot add USD to CNY"):
        Cost(Decimal(1), "CNY") + Cost(Decimal(1), "USD")


def test_tokens_per_second_leave_out_the_wait() -> None:
    usage = Usage(output_tokens=100)
    assert Completion("", usage=usage, seconds=3.0, first_token_seconds=1.0).tokens_per_second == 50.0
    assert Completion("", usage=usage, seconds=0.01).tokens_per_second is None


def test_the_words_of_a_message_leave_out_its_pictures() -> None:
    assert Message("user", (TextPart("a"), ImagePart("u"), TextPart("b"))).text == "a\nb"
    assert Message("user", "a").text == "a"


def test_all_tokens_are_those_that_went_in_and_out() -> None:
    assert Usage(input_tokens=3, cached_tokens=2, output_tokens=4, reasoning_tokens=1).total_tokens == 7
