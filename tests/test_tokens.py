from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics.chat import ChatRequest, ImagePart, Message, TextPart, Tool, ToolCall
from glm_magics.image_header import MOST_IMAGE_TOKENS
from glm_magics.tokens import (
    ERROR_BAND,
    MESSAGE_OVERHEAD,
    ceiling,
    estimate,
    estimate_input,
    estimate_messages,
    most_estimated,
)
from tests.benchmarks.token_texts import texts

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
    assert 0 <= estimate(text) <= 3 * len(text)
    assert (estimate(text) > 0) == (text != "")


def test_a_conversation_counts_its_parts() -> None:
    words = Message("user", "hello world")
    assert estimate_messages([words]) == 2 * MESSAGE_OVERHEAD + 2
    picture = Message("user", (TextPart("hello world"), ImagePart("https://x/y.png")))
    assert estimate_messages([picture]) == 2 * MESSAGE_OVERHEAD + 2 + MOST_IMAGE_TOKENS
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


# Against public vocabularies. The counts were made by `tests/benchmarks/bench_tokens.py --write`.

COUNTED = json.loads((Path(__file__).parent / "data" / "token_counts.json").read_text("utf-8"))


def own_texts() -> list[tuple[str, str, int]]:
    """Kind, text, and its tokens in the vocabulary that stands for GLM's."""
    place = COUNTED["columns"].index("glm")
    found = []
    for kind, made in texts().items():
        for text, row in zip(made, COUNTED["counts"][kind], strict=True):
            assert row[0] == len(text), (
                "the texts have changed: renew the counts with bench_tokens.py --write"
            )
            found.append((kind, text, row[place]))
    return found


def test_the_estimate_is_within_its_band_on_200_texts_of_five_kinds() -> None:
    counted = own_texts()
    assert len(counted) >= 200
    assert len({kind for kind, _, _ in counted}) == 5
    for kind, text, tokens in counted:
        error = estimate(text) / tokens - 1
        assert abs(error) <= ERROR_BAND, f"{error:+.1%} in {kind}: {text[:60]!r}"


def test_no_kind_of_text_is_off_on_average() -> None:
    for kind in COUNTED["counts"]:
        errors = [estimate(text) / tokens - 1 for known, text, tokens in own_texts() if known == kind]
        assert abs(sum(errors) / len(errors)) <= 0.075, kind


def test_the_ceiling_is_never_below_the_count() -> None:
    """Nor below that of any other vocabulary that a text was counted with, where its rule of digits is GLM's."""
    other = COUNTED["columns"].index("deepseek")
    for _, text, tokens in own_texts():
        assert ceiling(estimate(text)) >= tokens, text[:60]
    for kind, made in texts().items():
        for text, row in zip(made, COUNTED["counts"][kind], strict=True):
            assert ceiling(estimate(text)) >= 0.95 * row[other], text[:60]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        # characters per token in other scripts and signs: rather too many tokens than too few
        pytest.param(
            "Машинное обучение изучает алгоритмы, которые улучшаются с опытом.", 1.5, 4.0, id="russian"
        ),
        pytest.param("機械学習は、データから規則を学ぶ方法です。", 0.9, 2.0, id="japanese"),
        pytest.param("기계 학습은 데이터로부터 규칙을 배우는 방법입니다.", 0.9, 2.2, id="korean"),
        pytest.param("機器學習是人工智慧的一個分支，研究如何讓電腦學習。", 1.1, 2.0, id="traditional"),
        pytest.param("L'été dernier, nous avons déjà étudié les modèles.", 2.0, 4.0, id="french"),
        pytest.param("التعلم الآلي هو فرع من فروع الذكاء الاصطناعي", 1.3, 3.0, id="arabic"),
        pytest.param("aGVsbG8gd29ybGQhIFRoaXMgaXMgYmFzZTY0IGRhdGE" * 9, 1.2, 3.0, id="base64"),
        pytest.param("//" + "-" * 300 + "\n", 20, 120, id="a long rule"),
        pytest.param("2026-01-31T08:15:00Z,-12.345,9\n" * 30, 1.3, 2.5, id="timestamps"),
    ],
)
def test_other_scripts_and_shapes_are_of_the_right_size(text: str, least: float, most: float) -> None:
    assert least <= len(text) / estimate(text) <= most


def test_a_text_longer_than_a_chunk_counts_like_its_parts() -> None:
    long = CODE * 9_000
    assert len(long) > 3 * (1 << 18)
    assert estimate(long) == pytest.approx(9_000 * estimate(CODE), rel=0.02)


@pytest.mark.parametrize("tokens", [0, 15, 16, 17, 100, 8_000, 131_072])
def test_the_longest_estimate_is_the_last_one_within(tokens: int) -> None:
    most = most_estimated(tokens)
    assert ceiling(most) <= tokens < ceiling(most + 1)
