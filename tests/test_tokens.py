from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics.chat import ChatRequest, ImagePart, Message, TextPart, Tool, ToolCall
from glm_magics.tokens import IMAGE_TOKENS, MESSAGE_OVERHEAD, estimate, estimate_input, estimate_messages

ENGLISH = "The quick brown fox jumps over the lazy dog, and then it sleeps in the warm afternoon sun. "
CHINESE = "人工智能正在改变我们的生活方式,许多研究人员都在努力提高模型的能力。"
CODE = "def mean(values: list[float]) -> float:\n    return sum(values) / len(values) if values else 0.0\n"
CSV = "date,city,temperature,humidity\n2026-01-02,Beijing,-3.5,41\n2026-01-03,Shanghai,6.25,77\n"


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        # bounds in characters per token, from what byte-level BPE vocabularies of this size give
        pytest.param(ENGLISH * 20, 3.5, 6.0, id="english"),
        pytest.param(CHINESE * 20, 1.0, 2.2, id="chinese"),
        pytest.param(CODE * 20, 2.0, 5.0, id="code"),
        pytest.param(CSV * 20, 1.5, 4.0, id="csv"),
        pytest.param("🎉🤔" * 100, 0.3, 1.5, id="emoji"),
        pytest.param("0123456789" * 50, 2.0, 3.5, id="digits"),
        pytest.param("\n" * 1000, 4.0, 100.0, id="blank-lines"),
    ],
)
def test_an_estimate_is_of_the_right_size(text: str, least: float, most: float) -> None:
    assert least <= len(text) / estimate(text) <= most


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("hello world", 2), ("你", 1), ("123456", 2)]
)
def test_small_texts(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


@given(st.text(max_size=200), st.text(max_size=200))
def test_two_texts_together_count_as_much_as_each(first: str, second: str) -> None:
    """Within a few tokens where they meet: a word or number can run on across the seam."""
    together, apart = estimate(first + second), estimate(first) + estimate(second)
    assert max(estimate(first), estimate(second)) - 2 <= together <= apart + 2
    assert together >= apart - 5


@given(st.text(max_size=300))
def test_an_estimate_is_never_absurd(text: str) -> None:
    assert 0 <= estimate(text) <= 2 * len(text)
    assert (estimate(text) > 0) == (text.replace(" ", "") != "" or "  " in text)


def test_a_conversation_counts_its_parts() -> None:
    words = Message("user", "hello world")
    assert estimate_messages([words]) == 2 * MESSAGE_OVERHEAD + 2
    picture = Message("user", (TextPart("hello world"), ImagePart("https://x/y.png")))
    assert estimate_messages([picture]) == 2 * MESSAGE_OVERHEAD + 2 + IMAGE_TOKENS
    call = Message("assistant", "", reasoning="so", tool_calls=(ToolCall("1", "f", "{}"),))
    assert estimate_messages([call]) > estimate_messages([Message("assistant", "")]) + MESSAGE_OVERHEAD


def test_more_messages_are_more_tokens() -> None:
    messages = [Message("user", text) for text in (ENGLISH, CHINESE, CODE, CSV)]
    counts = [estimate_messages(messages[:length]) for length in range(5)]
    assert counts == sorted(set(counts))


def test_the_functions_of_a_request_are_input_too() -> None:
    plain = ChatRequest("glm-4.5-air", (Message("user", "hello"),))
    tool = Tool("answer", "", {"type": "object", "properties": {"a": {"type": "integer"}}})
    assert estimate_input(plain) == estimate_messages(plain.messages)
    assert estimate_input(replace(plain, tools=(tool,))) > estimate_input(plain) + 10
