"""The shorthand: every spelling has one meaning, and a wrong one is answered with the place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glm_magics.structured.normal import normal
from glm_magics.structured.problems import SchemaError
from glm_magics.structured.shorthand import TYPES, parse_shorthand, parse_type

TEXT = {"type": "string"}
INT = {"type": "integer"}
NULL = {"type": "null"}


def fields(**properties: Any) -> dict[str, Any]:
    required = [name for name, node in properties.items() if NULL not in node.get("anyOf", ())]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def optional(*nodes: Any) -> dict[str, Any]:
    return {"anyOf": [*nodes, NULL]}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        pytest.param("name", fields(name=TEXT), id="a bare name is text"),
        pytest.param("name, age int", fields(name=TEXT, age=INT), id="a type after a space"),
        pytest.param("name: str, age: int", fields(name=TEXT, age=INT), id="a type after a colon"),
        pytest.param("name: str\nage: int\n", fields(name=TEXT, age=INT), id="lines"),
        pytest.param("name: str,\n  age: int,", fields(name=TEXT, age=INT), id="lines and commas"),
        pytest.param("date, price: float", fields(date=TEXT, price={"type": "number"}), id="a bare name that is a type"),
        pytest.param("a: INTEGER", fields(a=INT), id="synonyms and capitals"),
        pytest.param("a: int?, b?: int, c?", fields(a=optional(INT), b=optional(INT), c=optional(TEXT)), id="optional"),
        pytest.param("a: int|null", fields(a=optional(INT)), id="or null"),
        pytest.param("a: int|None", fields(a=optional(INT)), id="or None"),
        pytest.param("a: int|str", fields(a={"anyOf": [INT, TEXT]}), id="a union of types"),
        pytest.param("mood: good|bad", fields(mood={"enum": ["good", "bad"]}), id="labels"),
        pytest.param("mood: good | bad?", fields(mood=optional({"enum": ["good", "bad"]})), id="optional labels"),
        pytest.param("kind: 'text'|image|\"a b\"", fields(kind={"enum": ["text", "image", "a b"]}), id="quoted labels"),
        pytest.param("defect: scratch|none", fields(defect={"enum": ["scratch", "none"]}), id="none is a label"),
        pytest.param("stars: 1|2|3", fields(stars={"enum": [1, 2, 3]}), id="numbers as labels"),
        pytest.param("x: a|a|b", fields(x={"enum": ["a", "b"]}), id="a label twice"),
        pytest.param("情绪：好｜坏，价格：float？", fields(情绪={"enum": ["好", "坏"]}, 价格=optional({"type": "number"})), id="Chinese"),
        pytest.param("tags: list[str]", fields(tags={"type": "array", "items": TEXT}), id="list"),
        pytest.param("tags: str[]", fields(tags={"type": "array", "items": TEXT}), id="brackets"),
        pytest.param("tags: (a|b)[]", fields(tags={"type": "array", "items": {"enum": ["a", "b"]}}), id="list of labels"),
        pytest.param("tags: list[int?]?", fields(tags=optional({"type": "array", "items": optional(INT)})), id="optional in a list"),
        pytest.param("x: dict[str, int]", fields(x={"type": "object", "additionalProperties": INT}), id="dict"),
        pytest.param("x: dict[int]", fields(x={"type": "object", "additionalProperties": INT}), id="dict of values"),
        pytest.param("x: list, y: dict, z: any", fields(x={"type": "array"}, y={"type": "object"}, z={}), id="anything"),
        pytest.param("dim: {w: int, h}", fields(dim=fields(w=INT, h=TEXT)), id="nested"),
        pytest.param("dims: {w: int}[]", fields(dims={"type": "array", "items": fields(w=INT)}), id="list of nested"),
        pytest.param("age: int >= 0 <= 150", fields(age={**INT, "minimum": 0, "maximum": 150}), id="bounds"),
        pytest.param("age: int > 0?", fields(age=optional({**INT, "exclusiveMinimum": 0})), id="bound and optional"),
        pytest.param("n: 0..5, x: 0.5..1", fields(n={**INT, "minimum": 0, "maximum": 5}, x={"type": "number", "minimum": 0.5, "maximum": 1}), id="ranges"),
        pytest.param("x: float -1..1", fields(x={"type": "number", "minimum": -1, "maximum": 1}), id="range of a type"),
        pytest.param("x: int|str >= 3", fields(x={"anyOf": [{**INT, "minimum": 3}, TEXT]}), id="bound in a union"),
        pytest.param("t: str len <= 20", fields(t={**TEXT, "maxLength": 20}), id="length"),
        pytest.param("t: str[] len 1..3", fields(t={"type": "array", "items": TEXT, "minItems": 1, "maxItems": 3}), id="length of a list"),
        pytest.param(r"zip: str /^\d{5}$/", fields(zip={**TEXT, "pattern": r"^\d{5}$"}), id="pattern"),
        pytest.param("age: int 'in years'", fields(age={**INT, "description": "in years"}), id="description"),
        pytest.param("age: int? 'in years'", fields(age={**optional(INT), "description": "in years"}), id="description of an optional"),
        pytest.param("age: int in years", fields(age={**INT, "description": "in years"}), id="description in plain words"),
        pytest.param("age int: in years", fields(age={**INT, "description": "in years"}), id="description after a second colon"),
        pytest.param("bio: one sentence about them", fields(bio={**TEXT, "description": "one sentence about them"}), id="words that are no type"),
        pytest.param("bio: the person's life (work, home), b", fields(bio={**TEXT, "description": "the person's life (work, home)"}, b=TEXT), id="apostrophes and commas in parentheses"),
        pytest.param("bio: 'a, b'", fields(bio={**TEXT, "description": "a, b"}), id="only a description"),
        pytest.param("'unit price': float", fields(**{"unit price": {"type": "number"}}), id="quoted name"),
        pytest.param("2024: int", fields(**{"2024": INT}), id="a number as a name"),
        pytest.param("float", {"type": "number"}, id="one type"),
        pytest.param("good|bad", {"enum": ["good", "bad"]}, id="one choice"),
        pytest.param("list[str] len >= 1", {"type": "array", "items": TEXT, "minItems": 1}, id="one list"),
        pytest.param("0..5", {**INT, "minimum": 0, "maximum": 5}, id="one range"),
        pytest.param("{a: int}", fields(a=INT), id="fields in braces"),
        pytest.param("list[{a: int}]", {"type": "array", "items": fields(a=INT)}, id="a list of records"),
    ],
)  # fmt: skip
def test_a_shorthand_means(text: str, meaning: dict[str, Any]) -> None:
    assert parse_shorthand(text) == meaning


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        pytest.param("price: flot", 7, "did you mean 'float'", id="a misspelt type"),
        pytest.param("tags: list[flot]", 11, "did you mean 'float'", id="misspelt within"),
        pytest.param("a: foo[]", 3, "no type", id="brackets after no type"),
        pytest.param("bio: summary", 5, "quotes", id="a description of one word"),
        pytest.param("first name, b", 6, "no type", id="a name with a space"),
        pytest.param("a: text|image", 3, "quote it", id="types and labels mixed"),
        pytest.param("a: very good|bad", 12, "quotes", id="a label with a space"),
        pytest.param("a: >= 0", 3, "expected a type", id="a bound without a type"),
        pytest.param("a: str >= 0", 7, "len <= 20", id="a bound of a text"),
        pytest.param("a: int len < 3", 11, "a text, a list", id="a length of a number"),
        pytest.param("a: 5..1", 3, "empty", id="an empty range"),
        pytest.param("a: {b: int", 10, "not closed", id="an open brace"),
        pytest.param("a: list[int", 11, "']'", id="an open bracket"),
        pytest.param("a: 'xx", 3, "not closed", id="an open quote"),
        pytest.param("a, b, a", 6, "twice", id="a name twice"),
        pytest.param("a: dict[int, str]", 8, "keys", id="keys that are no text"),
        pytest.param("list[str], b", 9, "expected the end", id="a type and a field"),
        pytest.param("a: null", 3, "no type", id="only null"),
        pytest.param("a: int =>0", 7, "not understood", id="no operator"),
        pytest.param("a: {}", 5, "expected a field", id="no fields"),
    ],
)
def test_a_wrong_shorthand_is_shown_at_its_place(text: str, column: int, words: str) -> None:
    with pytest.raises(SchemaError, match=r".") as caught:
        parse_shorthand(text)
    line, source, caret = str(caught.value).split("\n")
    assert words in line
    assert source == f"  {text}"
    assert caret == " " * (column + 2) + "^"


def test_the_caret_stands_under_chinese_and_shows_only_the_line_in_question() -> None:
    with pytest.raises(SchemaError) as caught:
        parse_shorthand("a: int\n价格: flot\nb")
    assert str(caught.value).split("\n")[1:] == ["  价格: flot", "        ^"]


@pytest.mark.parametrize("name", TYPES)
def test_every_name_of_a_type_is_one(name: str) -> None:
    assert parse_shorthand(f"x: {name}")["properties"]["x"] == TYPES[name]
    assert parse_type(name) == TYPES[name]


@settings(deadline=None)
@given(st.text() | st.text("ab:?|{}[]()'\" ,\n.0159<>=-intlsr", max_size=30))
@example("{" * 5000)
@example("(" * 5000)
@example("a: " + "list[" * 500)
def test_any_text_is_a_schema_or_a_schema_error(text: str) -> None:
    try:
        node = parse_shorthand(text)
    except SchemaError:
        return
    assert normal(node) == normal(normal(node))
