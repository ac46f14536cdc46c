"""What `parse` promises: the value, what was done for it in plain words, and an error where nothing says which."""

from __future__ import annotations

import dataclasses
import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_magics.errors import GLMError, ParseError
from glm_magics.structured.parse import parse
from glm_magics.structured.schema import schema

ITEMS = schema("name: str, price: float?, qty: int", shape="rows")
ITEM = schema("name: str, price: float?, qty: int", shape="record")
CUP = {"name": "Cup", "price": 3.5, "qty": 2}
TEXT = json.dumps([CUP])


def said(text: str, plan: Any = ITEMS, **options: Any) -> list[str]:
    return [
        f"{note.kind}: {note.path + ': ' if note.path else ''}{note.message}"
        for note in parse(text, plan, **options).notes
    ]


def test_an_answer_that_is_right_has_no_notes() -> None:
    parsed = parse(json.dumps({"rows": [CUP]}), ITEMS)
    assert (parsed.value, parsed.complete, parsed.notes) == ([CUP], True, ())


@pytest.mark.parametrize(
    ("text", "note"),
    [
        pytest.param(f"```json\n{TEXT}\n```", "unwrapped: the JSON stood in a longer text", id="fence"),
        pytest.param(
            TEXT.replace('"', "'"), "repaired: quotes that are not JSON's (4 times): \"'name'\"", id="quotes"
        ),
        pytest.param(TEXT.replace("3.5", '"$3.50"'), "coerced: rows[0].price: '$3.50' → 3.50", id="money"),
        pytest.param(
            TEXT.replace("}", ', "x": "y"}'), "dropped: rows[0].x: not in the schema: y", id="extra-key"
        ),
        pytest.param(json.dumps({"data": [CUP]}), "unwrapped: rows: taken out of 'data'", id="wrapping-key"),
        pytest.param(TEXT.replace("name", "Name"), "coerced: rows[0].name: key 'Name' → 'name'", id="key"),
        pytest.param(
            f"```\n[]\n```\nCorrected:\n```\n{TEXT}\n```",
            "chosen: the last of 2 documents: the answer calls it corrected",
            id="corrected",
        ),
        pytest.param(
            f"{TEXT}\nActually the price should be 4.",
            "chosen: the text after the JSON speaks of a correction: check it",
            id="correction-after",
        ),
    ],
)
def test_what_was_done_is_said(text: str, note: str) -> None:
    assert note in said(text)


def test_a_cut_answer_says_what_was_left_out() -> None:
    text = '{"rows": [' + json.dumps(CUP) + ', {"name": "Pot", "price": 1.25, "qt'
    parsed = parse(text, ITEMS, truncated=True)
    assert parsed.value == [CUP]
    assert not parsed.complete
    (note,) = [note for note in parsed.notes if note.kind == "dropped"]
    assert note.path == "[1]"
    assert "Pot" in note.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("I cannot help.", "there is no JSON in it", id="none"),
        pytest.param("<think>{}", "its thinking never came to an answer", id="thinking"),
        pytest.param(
            '[{"name": "Cup", "qty": "two"}]',
            r"rows\[0\].qty: should be a whole number, got 'two'",
            id="word",
        ),
        pytest.param('[{"name": "Cup"}]', r"rows\[0\].qty: is missing", id="missing"),
        pytest.param(
            '[{"name": "a", "name": "b", "qty": 1}]', "stands twice with different values", id="twice"
        ),
        pytest.param(TEXT[:-10], "a value would have to be invented", id="cut"),
        pytest.param(f"```\n{TEXT}\n```\nor\n```\n[]\n```", "2 JSON documents that differ", id="rivals"),
        pytest.param(
            '[{"name": "Cup", "pirce": 1, "qty": 1}]',
            "should stand under its own name, not 'pirce'",
            id="typo",
        ),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
    ],
)
def test_a_refusal_says_why_and_keeps_the_answer(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        parse(text, ITEMS)
    assert caught.value.text == text
    assert isinstance(caught.value, GLMError)


def test_the_problems_of_a_refusal_have_their_places() -> None:
    with pytest.raises(ParseError) as caught:
        parse('[{"name": "Cup", "qty": 1}, {"name": "Pot", "qty": "x", "price": "y"}]', ITEMS)
    assert [problem.path for problem in caught.value.problems] == ["rows[1].qty", "rows[1].price"]


def test_several_documents_without_a_schema_are_a_list_of_all() -> None:
    parsed = parse('```json\n{"a": 1}\n```\nand\n```json\n{"b": 2}\n```')
    assert parsed.value == [{"a": 1}, {"b": 2}]
    assert any("2 JSON documents" in note.message for note in parsed.notes)


def test_values_have_the_types_of_the_schema() -> None:
    plan = schema("day: date, at: datetime, sum: decimal, big: int", shape="record")
    text = '{"day": "2026年3月5日", "at": "2026-03-05 09:30", "sum": 12.50, "big": 90071992547409931}'
    assert parse(text, plan).value == {
        "day": datetime.date(2026, 3, 5),
        "at": datetime.datetime(2026, 3, 5, 9, 30),
        "sum": Decimal("12.50"),
        "big": 90071992547409931,
    }
    assert str(parse(text, plan).value["sum"]) == "12.50"


def test_a_class_gives_its_instances() -> None:
    @dataclasses.dataclass
    class Cup:
        name: str
        qty: int = 1

    assert parse("[{'name': 'a', 'qty': '2'}]", schema(Cup)).value == [Cup("a", 2)]


@pytest.mark.parametrize("make", [dict, list], ids=["objects", "arrays"])
def test_depth_is_no_crash(make: Any) -> None:
    text = ('{"a":' if make is dict else "[") * 400 + "1" + ("}" if make is dict else "]") * 400
    parse(text)
    for hostile in (text.replace("1", "1,"), text * 200):
        with pytest.raises(ParseError):
            parse(hostile)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": "' + "\\" * 300_000, id="backslashes"),
        pytest.param('[{"name": "' + 'x" y ' * 60_000 + '"}]', id="quotes"),
        pytest.param("<think>" * 40_000, id="thoughts"),
        pytest.param("```\n" * 60_000, id="fences"),
        pytest.param("[1 " * 100_000, id="footnotes"),
        pytest.param('{"a": x ' * 40_000, id="open-objects"),
        pytest.param("[" + "," * 300_000, id="commas"),
        pytest.param('{"a": ' + "9" * 50_000 + "}", id="digits"),
        pytest.param('[{"name": "a", "qty": 1e999999999}]', id="exponent"),
        pytest.param('{"a": 1' + " " * 300_000 + "x}", id="blanks"),
        pytest.param("\x00" * 300_000 + "{", id="nuls"),
        pytest.param("{[" * 100_000, id="brackets"),
        pytest.param("<|" * 100_000 + "{}", id="tokens"),
        pytest.param(" " * 300_000 + "x", id="blank-line"),
        pytest.param("name: " * 60_000, id="keys-in-a-line"),
        pytest.param("name: a\n" * 20_000, id="lines-of-keys"),
        pytest.param("|name|qty|\n|---|---|\n" * 6_000, id="tables"),
        pytest.param("name,qty\n" * 20_000, id="csv-headers"),
        pytest.param("- " * 150_000, id="bullets"),
        pytest.param('[{"name": "a", "qty": "5' + " " * 4_000 + 'x"}]', id="blanks-in-a-number"),
    ],
)
@pytest.mark.timeout(60)
def test_hostile_text_is_refused_in_bounded_time(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text, ITEMS)


@pytest.mark.timeout(120)
def test_a_large_answer_is_read() -> None:
    text = "[" + ",".join(json.dumps(CUP | {"qty": at}) for at in range(40_000)) + ",]"
    parsed = parse(f"```json\n{text}\n```", ITEMS)
    assert len(parsed.value) == 40_000
    assert parsed.value[-1]["qty"] == 39_999


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, (list, dict)))


@given(json_values, st.booleans())
def test_valid_json_is_read_back_as_it_is(value: Any, ascii_only: bool) -> None:
    parsed = parse(json.dumps(value, ensure_ascii=ascii_only))
    assert parsed.value == value
    assert parsed.notes == ()


@given(json_values.filter(bool))
def test_a_trailing_comma_changes_nothing(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert parse(f"{text[:-1]},{text[-1]}").value == value


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *"{}[]\",:'\\ \n`“”：，1-.eE",
                "name",
                "qty",
                "null",
                "```json\n",
                "<think>",
                '{"name": "a", "qty": 1}',
            ]
        ),
        max_size=25,
    ).map("".join),
    st.booleans(),
)
def test_any_text_gives_a_value_of_the_schema_or_a_refusal(text: str, truncated: bool) -> None:
    try:
        value = parse(text, ITEMS, truncated=truncated).value
    except ParseError:
        return
    for row in value:
        assert set(row) >= {"name", "qty"}
        assert isinstance(row["name"], str)
        assert type(row["qty"]) is int


def test_a_decimal_as_text_is_what_was_asked_for() -> None:
    assert parse('{"rows": [{"cost": "12.50"}]}', "cost: decimal").notes == ()


def test_a_cut_answer_that_is_nothing_but_json_did_not_stand_in_a_text() -> None:
    cut = parse('{"rows": [{"a": 1}, {"a": ', "a: int", truncated=True)
    assert [note.kind for note in cut.notes] == ["dropped"]
