"""Nothing, truth and labels: read where there is one way to read them."""

from __future__ import annotations

import pytest

from glm_magics.structured.literals import is_nothing, label_meant, truth

LEVELS = ["low", "medium", "high"]


@pytest.mark.parametrize(
    "text", ["N/A", "n.a.", "无", "暂无", "未提供", "—", "", "NULL", "not specified", "**unknown**"]
)
def test_words_for_nothing(text: str) -> None:
    assert is_nothing(text)


@pytest.mark.parametrize("text", ["0", "no", "nothing to add", "无锡", "notable"])
def test_words_for_something(text: str) -> None:
    assert not is_nothing(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes", True), ("是", True), ("✓", True), ("是 (yes)", True), ("No.", False), ("否", False), ("✗", False),
        ("maybe", None), ("yes/no", None), ("Yes (since 2022)", None), ("not true", None),
    ],
)  # fmt: skip
def test_truth(text: str, expected: bool | None) -> None:
    assert truth(text) is expected


@pytest.mark.parametrize(
    "text", ["HIGH", " high ", "high (高)", "高（high）", "high - 高", "high/高", "High 高", "**high**"]
)
def test_a_label_with_a_gloss_is_the_label(text: str) -> None:
    assert label_meant(text, LEVELS) == ["high"]


@pytest.mark.parametrize(
    "text", ["not high", "high (not low)", "low/high", "low, high", "highest", "高", "medium-high", ""]
)
def test_what_may_be_two_labels_is_none(text: str) -> None:
    assert len(label_meant(text, LEVELS)) != 1


def test_signs_are_part_of_a_label() -> None:
    assert label_meant("a+", ["A", "A+"]) == ["A+"]
    assert label_meant("1", ["-1", "0"]) == []
