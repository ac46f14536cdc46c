"""A streaming array gives each record once, as soon as its last brace is there, however the text is cut."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_magics.structured.records import RecordSplitter

TRICKY = st.sampled_from(
    ['"', "\\", "{", "}", "[", "]", ",", ":", "}, {", "]}", "\n", "😀", "杯", "a", "\\u", "<think>", "```"]
)
TEXT = st.one_of(st.text(max_size=6), st.lists(TRICKY, max_size=5).map("".join))
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(TEXT, VALUE, max_size=4), max_size=5)


def cut(text: str, sizes: list[int]) -> list[str]:
    deltas = []
    at = 0
    for size in sizes:
        deltas.append(text[at : at + size])
        at += size
    return [*deltas, text[at:]]


def halves(text: str) -> str:
    """The text with characters beyond U+FFFF as two halves, as JavaScript counts them."""
    return "".join(mark if mark <= "\uffff" else _pair(mark) for mark in text)


def _pair(mark: str) -> str:
    code = ord(mark) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


@settings(max_examples=300, deadline=None)
@given(
    records=RECORDS,
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
    wrap=st.sampled_from(
        [
            "{}",
            '{{"rows": {}}}',
            "Here: [1] {{x}}\n```json\n{}\n```\nDone [2].",
            '<think>[{{"a": 1}}]</think>{}',
        ]
    ),
    sizes=st.lists(st.integers(0, 9), max_size=120),
)
def test_any_cutting_gives_the_same_records(
    records: list[dict[str, Any]], ascii_only: bool, indent: int | None, wrap: str, sizes: list[int]
) -> None:
    text = wrap.format(halves(json.dumps(records, ensure_ascii=ascii_only, indent=indent)))
    splitter = RecordSplitter()
    found = [record for delta in cut(text, sizes) for record in splitter.feed(delta)]
    assert found == records
    assert splitter.tail() is None
    assert splitter.broken == 0


@settings(max_examples=150, deadline=None)
@given(records=RECORDS.filter(bool), ascii_only=st.booleans())
def test_every_prefix_gives_exactly_its_whole_records(
    records: list[dict[str, Any]], ascii_only: bool
) -> None:
    _every_prefix(records, ascii_only=ascii_only)


@pytest.mark.long
@settings(max_examples=2_500, deadline=None)
@given(records=RECORDS.filter(bool), ascii_only=st.booleans())
def test_every_prefix_of_very_many_answers(records: list[dict[str, Any]], ascii_only: bool) -> None:
    _every_prefix(records, ascii_only=ascii_only)


def _every_prefix(records: list[dict[str, Any]], *, ascii_only: bool) -> None:
    pieces = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
    text = '{"rows": [' + ", ".join(pieces) + "]}"
    ends, at = [], len('{"rows": [')
    for piece in pieces:
        ends.append(at + len(piece))
        at = ends[-1] + 2
    splitter = RecordSplitter()
    found: list[dict[str, Any]] = []
    for at, mark in enumerate(text, 1):
        found += splitter.feed(mark)
        assert found == records[: sum(end <= at for end in ends)]


def test_the_unfinished_record_is_shown_as_far_as_it_goes() -> None:
    splitter = RecordSplitter()
    assert splitter.feed('{"rows": [{"name": "Cup"}, {"name": "Po') == [{"name": "Cup"}]
    assert splitter.tail() == {"name": "Po"}
    assert splitter.feed('t", "qty": 1') == []
    assert splitter.tail() == {"name": "Pot", "qty": 1}
    assert splitter.feed("2}") == [{"name": "Pot", "qty": 12}]
    assert splitter.tail() is None


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param("", id="nothing"),
        pytest.param("Sure, as in [1] and {this}:\n", id="prose"),
        pytest.param('<think>[{"name": "draft"}] and {"rows": [{"a": 1}]}</think>', id="thinking"),
        pytest.param("\ufeff```json\n", id="fence"),
        pytest.param('{"status": "ok", "count": 2, "items": ', id="wrapper"),
        pytest.param("<|begin_of_box|>", id="box"),
        pytest.param("x" * 100_000, id="long"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_comes_before_the_array_is_passed_over(noise: str, size: int) -> None:
    text = noise + '[{"name": "Cup"}, {"name": "Pot"}]} and [{"name": "later"}]'
    splitter = RecordSplitter()
    found = [record for at in range(0, len(text), size) for record in splitter.feed(text[at : at + size])]
    assert found == [{"name": "Cup"}, {"name": "Pot"}]


def test_a_record_that_cannot_be_read_is_counted_and_does_not_stop_the_others() -> None:
    splitter = RecordSplitter()
    text = '[{"a": 1}, {"a": oops, "b": [{"c": "}"}, {}, {}]}, {"a": 2}, {"a": 3}]'
    found = [record for mark in text for record in splitter.feed(mark)]
    assert found == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert splitter.broken == 1


def test_half_a_character_written_as_an_escape_becomes_a_replacement_character() -> None:
    assert RecordSplitter().feed('[{"a": "\\ud83d"}, {"a": "\\ud83d\\ude00"}]') == [
        {"a": "\ufffd"},
        {"a": "😀"},
    ]


def test_finished_text_is_let_go() -> None:
    rng = random.Random(1)
    record = json.dumps({"name": "x" * 200, "n": [1, 2, {"y": "}"}]})
    splitter = RecordSplitter()
    splitter.feed("[" + record)
    tracemalloc.start()
    for _ in range(20_000):
        text = ", " + record
        at = rng.randint(1, len(text) - 1)
        assert len(splitter.feed(text[:at])) + len(splitter.feed(text[at:])) == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000


def test_one_huge_record_is_looked_at_once() -> None:
    """20,000 closing braces inside one record: reading it anew at each of them would take minutes."""
    inner = ", ".join(f'"k{at}": {{"v": "}}, {{"}}' for at in range(20_000))
    text = "[{" + inner + "}]"
    splitter = RecordSplitter()
    found = [record for at in range(0, len(text), 20) for record in splitter.feed(text[at : at + 20])]
    assert len(found) == 1
    assert len(found[0]) == 20_000
