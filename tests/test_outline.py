"""Lines of keys and values: read as an object or objects, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from glm_magics.structured.outline import outline
from glm_magics.structured.strings import Unreadable

CUP = {"name": "Cup", "qty": "2"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("name: Cup\nqty: 2", CUP, id="lines"),
        pytest.param("**name:** Cup\n\n**qty**: `2`", CUP, id="bold"),
        pytest.param("- name: Cup\n- qty: 2", CUP, id="bullets"),
        pytest.param("1. name: Cup\n2. qty: 2", CUP, id="numbers"),
        pytest.param("名称：杯\n数量：3", {"名称": "杯", "数量": "3"}, id="chinese"),
        pytest.param("- name: Cup\n  qty: 2\n- name: Pot", [CUP, {"name": "Pot"}], id="list"),
        pytest.param("name: Cup\nqty: 2\n\nname: Pot", [CUP, {"name": "Pot"}], id="records"),
        pytest.param("### One\nname: Cup\nqty: 2\n---\nname: Pot", [CUP, {"name": "Pot"}], id="headings"),
        pytest.param("a:\n  b: 1\n  c:\n    - x\n    - y", {"a": {"b": "1", "c": ["x", "y"]}}, id="nested"),
        pytest.param('a: [1, "x"]\nb: {c: 1}', {"a": [1, "x"], "b": {"c": 1}}, id="json-values"),
        pytest.param('a: "x: y"\nb: see http://x.y', {"a": "x: y", "b": "see http://x.y"}, id="colons"),
        pytest.param("a:\nb: ~", {"a": "", "b": ""}, id="no-values"),
    ],
)
def test_lines_are_read(text: str, expected: Any) -> None:
    assert outline(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("name: Cup\nand more", id="words"),
        pytest.param("a: |\n  text", id="block-of-text"),
        pytest.param("a: 1\n    b: 2", id="too-deep"),
        pytest.param('a: "x" y', id="two-values"),
        pytest.param("", id="nothing"),
        pytest.param("\n".join("  " * depth + "a:" for depth in range(60)), id="hostile"),
    ],
)
def test_other_lines_are_not(text: str) -> None:
    with pytest.raises(Unreadable):
        outline(text)


def test_comments_are_left_out_where_they_may_stand() -> None:
    assert outline("a: 1 # one", comments=True) == {"a": "1"}
    assert outline("a: C # D") == {"a": "C # D"}
