"""JSON to DataFrame and back: typed by the schema, exact, and the same for an empty answer."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import gc
import json
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pydantic import BaseModel, Field

from glm_magics.errors import ParseError
from glm_magics.structured.dtypes import TEXT
from glm_magics.structured.frame_json import to_json_records
from glm_magics.structured.problems import InvalidAnswer, SchemaError
from glm_magics.structured.schema import schema
from glm_magics.structured.table import as_json, to_frame, to_record

UTC = dt.timezone.utc
SPEC = (
    "name: str, n: int?, x: float?, ok: bool?, mood: good|bad?, when: datetime?, day: date?, took: duration?"
)
FULL = {
    "name": "01234",
    "n": 9007199254740993,
    "x": 1,
    "ok": True,
    "mood": "bad",
    "when": "2026-01-31T09:30:00+08:00",
    "day": "2026-01-31",
    "took": "PT1H30M",
}
OBJECT = pd.Series([], dtype="object").dtype


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows, None for what is missing."""
    columns = {
        name: [
            None if gone is True else value
            for gone, value in zip(frame[name].isna(), frame[name], strict=True)
        ]
        for name in frame
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


# With a schema


def test_rows_have_the_dtypes_and_values_of_the_schema() -> None:
    frame = to_frame({"rows": [FULL, {"name": "a"}]}, SPEC)
    assert frame.dtypes.to_dict() == schema(SPEC).dtypes()
    assert plain(frame) == [
        {
            "name": "01234",
            "n": 9007199254740993,
            "x": 1.0,
            "ok": True,
            "mood": "bad",
            "when": pd.Timestamp("2026-01-31T01:30:00Z"),
            "day": pd.Timestamp("2026-01-31"),
            "took": pd.Timedelta(minutes=90),
        },
        {**dict.fromkeys(FULL), "name": "a"},
    ]


@pytest.mark.parametrize("answer", [pytest.param("[]", id="text"), pytest.param({"rows": []}, id="value")])
def test_an_empty_answer_has_the_dtypes_too(answer: Any) -> None:
    assert to_frame(answer, SPEC).dtypes.to_dict() == schema(SPEC).dtypes()
    assert len(to_frame(answer, SPEC)) == 0


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param("{}", id="bare"),
        pytest.param('{{"rows": {}}}', id="root object"),
        pytest.param("```json\n{}\n```", id="fence"),
        pytest.param("Here it is:\n{}\nThat is all.", id="prose"),
    ],
)
def test_text_is_read_as_it_comes(wrap: str) -> None:
    assert to_frame(wrap.format('[{"a": 1}]'), "a: int").a.tolist() == [1]


def test_what_does_not_fit_is_an_error_with_the_place() -> None:
    with pytest.raises(InvalidAnswer, match=r"rows\[1\]\.a: should be a whole number, got 'x'") as caught:
        to_frame([{"a": 1}, {"a": "x"}], "a: int")
    assert caught.value.problems[0].loc == (1, "a")
    assert isinstance(caught.value, ValueError)
    with pytest.raises(ParseError):
        to_frame("no JSON here", "a: int")


def test_what_was_settled_is_noted_on_the_frame() -> None:
    frame = to_frame([{"a": 3.0, "b": 1}], "a: int")
    assert frame.attrs["glm_notes"] == [
        "rows[0].a: 3.0 was read as 3",
        "rows[0].b: left out: the schema has no such field",
    ]
    assert to_frame([{"a": 3}], "a: int").attrs == {}


def test_objects_within_are_flattened_or_kept() -> None:
    rows = [{"a": {"b": 1, "c": None}}, {"a": {"b": 2, "c": {"d": "x"}}}]
    frame = to_frame(rows, "a: {b: int, c: {d: str}?}")
    assert plain(frame) == [{"a.b": 1, "a.c.d": None}, {"a.b": 2, "a.c.d": "x"}]
    assert to_frame(rows, "a: {b: int, c: {d: str}?}", nested="keep").a.tolist() == [row["a"] for row in rows]


def test_lists_stay_or_are_exploded() -> None:
    rows = [{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": []}]
    assert to_frame(rows, "id: int, tags: list[str]").tags.tolist() == [["a", "b"], []]
    frame = to_frame(rows, "id: int, tags: list[str]", explode="tags")
    assert frame.index.tolist() == [0, 0, 1]
    assert plain(frame) == [{"id": 1, "tags": "a"}, {"id": 1, "tags": "b"}, {"id": 2, "tags": None}]
    assert frame.dtypes["tags"] == TEXT


def test_exploded_records_become_columns() -> None:
    spec = "id: int, items: list[{sku: str, n: int}]"
    frame = to_frame(
        [{"id": 1, "items": [{"sku": "x", "n": 2}, {"sku": "y", "n": 3}]}], spec, explode=["items"]
    )
    assert plain(frame) == [
        {"id": 1, "items.sku": "x", "items.n": 2},
        {"id": 1, "items.sku": "y", "items.n": 3},
    ]
    assert frame.dtypes["items.n"] == "Int64"
    with pytest.raises(SchemaError, match=r"^id: explode takes the name of a list \(items\)"):
        to_frame([], spec, explode="id")


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        pytest.param("x: int", [2**70, 1], id="an integer of more than 64 bits"),
        pytest.param("x: str", ["\ud83d", "a"], id="half a surrogate pair"),
        pytest.param("x: int|float", [2**53 + 1, 1.5], id="a whole number that no float holds"),
    ],
)
def test_what_a_dtype_cannot_hold_stays_exact_as_objects(spec: str, values: list[Any]) -> None:
    rows = [{"x": value} for value in values]
    for answer in (rows, json.dumps(rows)):
        frame = to_frame(answer, spec)
        assert frame.dtypes["x"] == OBJECT
        assert frame.x.tolist() == values
    assert to_frame(rows).x.tolist() == values


def test_a_time_without_a_zone_is_taken_as_utc() -> None:
    frame = to_frame(
        [{"x": "2026-01-31T09:30:00"}, {"x": "9999-12-31T23:59:59Z"}, {"x": "0001-01-01T00:00:00Z"}],
        "x: datetime",
    )
    assert frame.x[0] == pd.Timestamp("2026-01-31T09:30:00Z")
    assert frame.x[1].year == 9999
    assert frame.x[2].year == 1


def test_text_with_digits_beyond_a_float_keeps_them_in_decimals() -> None:
    frame = to_frame('[{"x": 0.12345678901234567890}]', "x: decimal")
    assert frame.x[0] == Decimal("0.12345678901234567890")


@pytest.mark.parametrize(
    ("spec", "answer", "rows"),
    [
        pytest.param("float", {"value": 1.5}, [{"value": 1.5}], id="a scalar"),
        pytest.param("list[str]", {"value": ["a", "b"]}, [{"value": "a"}, {"value": "b"}], id="a list"),
        pytest.param("dict[str, int]", {"value": {"a": 1}}, [{"key": "a", "value": 1}], id="a dict"),
        pytest.param("dict[str, {n: int}]", {"value": {"a": {"n": 1}}}, [{"key": "a", "value.n": 1}], id="a dict of records"),
        pytest.param("list[list[int]]", {"value": [[1], []]}, [{"value": [1]}, {"value": []}], id="a list of lists"),
    ],
)  # fmt: skip
def test_a_value_that_is_no_record_is_a_table_too(spec: str, answer: Any, rows: list[Any]) -> None:
    frame = to_frame(answer, spec)
    assert plain(frame) == rows
    assert frame.dtypes.to_dict() == schema(spec).dtypes()


def test_a_value_that_was_checked_already_is_taken_as_it_is() -> None:
    spec = "d: date, w: datetime, t: time, p: duration, m: decimal, l: list[date]"
    rows = [{"d": "2026-01-31", "w": "2026-01-31T09:30:00Z", "t": "09:30:00", "p": "PT1H", "m": "1.50", "l": ["2026-01-31"]}]  # fmt: skip
    typed = schema(spec).validate(rows).value
    assert_frame_equal(to_frame(typed, spec), to_frame(rows, spec))
    with pytest.raises(InvalidAnswer, match=r"rows\[0\]\.d: should be a date"):
        to_frame([{**typed[0], "d": typed[0]["w"]}], spec)


def test_keys_that_the_schema_allows_unnamed_are_columns() -> None:
    node = {"properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "integer"}}
    frame = to_frame([{"a": 1, "b": 2}, {"a": 3, "c": 4}], node)
    assert plain(frame) == [{"a": 1, "b": 2, "c": None}, {"a": 3, "b": None, "c": 4}]
    assert frame.dtypes["c"] == "Int64"


# Classes


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Dim(BaseModel):
    w: int


class Point(NamedTuple):
    x: int


@dataclasses.dataclass
class Part:
    sku: str


class Row(BaseModel):
    id: UUID
    mood: Mood
    dim: Dim | None
    point: Point
    parts: list[Part]
    moods: list[Mood]
    unit_price: Decimal = Field(alias="unitPrice")


ROW = {
    "id": "12345678-1234-5678-1234-567812345678",
    "mood": "good",
    "dim": {"w": 1},
    "point": {"x": 2},
    "parts": [{"sku": "a"}],
    "moods": ["bad"],
    "unitPrice": "1.50",
}


def test_instances_of_classes_become_plain_columns() -> None:
    frame = to_frame([ROW, {**ROW, "dim": None}], Row)
    assert plain(frame)[0] == {
        "id": ROW["id"],
        "mood": "good",
        "dim.w": 1,
        "point.x": 2,
        "parts": [{"sku": "a"}],
        "moods": ["bad"],
        "unitPrice": Decimal("1.50"),
    }
    assert frame.dtypes.to_dict() == schema(Row).dtypes()
    assert plain(frame)[1]["dim.w"] is None
    assert_frame_equal(to_frame([Row(**ROW), Row(**{**ROW, "dim": None})], Row), frame)
    assert_frame_equal(to_frame(schema(Row).validate([ROW, {**ROW, "dim": None}]), Row), frame)


def test_a_record_is_an_instance_or_a_series() -> None:
    assert to_record(ROW, Row) == Row(**ROW)
    assert to_record('{"w": 1}', Dim) == Dim(w=1)
    series = to_record({"a": 1, "b": {"c": "2026-01-31"}}, "a: int, b: {c: date}")
    assert series.to_dict() == {"a": 1, "b.c": pd.Timestamp("2026-01-31")}
    with pytest.raises(InvalidAnswer, match="a: is missing"):
        to_record({}, "a: int")


def test_json_is_plain_values_without_the_root_object() -> None:
    assert as_json({"rows": [ROW]}, Row) == [{**ROW}]
    assert as_json({"value": ["2026-01-31"]}, "list[date]") == ["2026-01-31"]
    assert as_json('{"rows": [{"a": 2.0}]}', "a: int") == [{"a": 2}]


# Without a schema


def test_without_a_schema_the_values_tell() -> None:
    frame = to_frame(
        '{"rows": [{"i": 9007199254740993, "f": 1, "b": true, "s": "01", "l": [1]}, {"f": 1.5, "m": 1}]}'
    )
    assert frame.dtypes.to_dict() == {
        "i": "Int64",
        "f": "Float64",
        "b": "boolean",
        "s": TEXT,
        "l": OBJECT,
        "m": "Int64",
    }
    assert plain(frame)[0] == {"i": 9007199254740993, "f": 1.0, "b": True, "s": "01", "l": [1], "m": None}


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        pytest.param('[{"a": 1}, {"b": 2}]', [{"a": 1, "b": None}, {"a": None, "b": 2}], id="other keys"),
        pytest.param('{"a": 1}', [{"a": 1}], id="one record"),
        pytest.param("[1, 2]", [{"value": 1}, {"value": 2}], id="scalars"),
        pytest.param("[]", [], id="nothing"),
    ],
)
def test_without_a_schema_the_shape_is_found(answer: str, rows: list[Any]) -> None:
    assert plain(to_frame(answer)) == rows


def test_the_collector_runs_again_afterwards() -> None:
    to_frame([{"a": 1}], "a: int")
    with pytest.raises(InvalidAnswer):
        to_frame([{"a": "x"}], "a: int")
    assert gc.isenabled()


# Properties

_MICROSECONDS = st.timedeltas(dt.timedelta(days=-9000), dt.timedelta(days=9000))


def _iso(value: dt.timedelta) -> str:
    sign, value = ("-", -value) if value < dt.timedelta(0) else ("", value)
    return f"{sign}P{value.days}DT{value.seconds}.{value.microseconds:06d}S"


LEAVES: dict[str, tuple[st.SearchStrategy[Any], Any, Any]] = {
    "str": (st.text(max_size=6), str, TEXT),
    "int": (st.integers(-(2**63), 2**63 - 1), int, "Int64"),
    "float": (st.floats(allow_nan=False, allow_infinity=False), float, "Float64"),
    "bool": (st.booleans(), bool, "boolean"),
    "lo|mid|高": (st.sampled_from(["lo", "mid", "高"]), str, pd.CategoricalDtype(["lo", "mid", "高"])),
    "1|2": (st.sampled_from([1, 2]), int, "Int64"),
    "date": (st.dates().map(str), lambda text: pd.Timestamp(text).as_unit("s"), "datetime64[s]"),
    "datetime": (
        st.datetimes(timezones=st.sampled_from([UTC, dt.timezone(dt.timedelta(hours=8))]), min_value=dt.datetime(2, 1, 1), max_value=dt.datetime(9998, 1, 1)).map(dt.datetime.isoformat),
        lambda text: pd.Timestamp(dt.datetime.fromisoformat(text).astimezone(UTC)).as_unit("us"),
        "datetime64[us, UTC]",
    ),
    "time": (st.times().map(str), dt.time.fromisoformat, OBJECT),
    "duration": (_MICROSECONDS.map(_iso), None, "timedelta64[us]"),
    "decimal": (st.decimals(allow_nan=False, allow_infinity=False, places=6).map(str), Decimal, OBJECT),
    "list[int]": (st.lists(st.integers(), max_size=3), list, OBJECT),
}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
    """A schema in shorthand, rows that fit it, and the dtypes they shall have."""
    fields, values, dtypes = [], {}, {}
    for name in draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True)):
        text, strategy, dtype = draw(_field(name))
        fields.append(f"{name}: {text}")
        values[name] = strategy
        dtypes.update(dtype)
    return ", ".join(fields), draw(st.lists(st.fixed_dictionaries(values), max_size=4)), dtypes


@st.composite
def _field(draw: st.DrawFn, name: str) -> tuple[str, Any, dict[str, Any]]:
    if name.count(".") < 2 and draw(st.integers(0, 4)) == 4:
        inner = {part: draw(_field(f"{name}.{part}")) for part in draw(st.sampled_from(["x", "xy"]))}
        text = "{" + ", ".join(f"{part}: {field[0]}" for part, field in inner.items()) + "}"
        values = st.fixed_dictionaries({part: field[1] for part, field in inner.items()})
        dtypes = {key: dtype for field in inner.values() for key, dtype in field[2].items()}
    else:
        text = draw(st.sampled_from(sorted(LEAVES)))
        values, _, dtype = LEAVES[text]
        dtypes = {name: dtype}
    if draw(st.booleans()):
        return f"{text}?", st.none() | values, dtypes
    return text, values, dtypes


def _expected(value: Any, dtype: Any) -> Any:
    convert = next(
        (convert for _, convert, known in LEAVES.values() if known == dtype and convert), lambda value: value
    )
    return None if value is None else convert(value)


def _leaf(row: Any, name: str) -> Any:
    for part in name.split("."):
        row = None if row is None else row[part]
    return row


@settings(deadline=None)
@given(tables())
def test_the_frame_holds_the_values_in_the_declared_dtypes(table: Any) -> None:
    spec, rows, dtypes = table
    frame = to_frame(rows, spec)
    assert frame.dtypes.to_dict() == dtypes
    assert len(frame) == len(rows)
    for name, dtype in dtypes.items():
        if dtype in (OBJECT, "timedelta64[us]"):
            continue  # compared by the round trip below
        got = [row[name] for row in plain(frame)]
        assert got == [_expected(_leaf(row, name), dtype) for row in rows]
    assert_frame_equal(to_frame(json.dumps({"rows": rows}), spec), frame)


@settings(deadline=None)
@given(tables())
def test_a_frame_goes_through_json_and_back(table: Any) -> None:
    spec, rows, _ = table
    frame = to_frame(rows, spec)
    text = to_json_records(frame, spec)
    assert_frame_equal(to_frame(text, spec), frame)
    again = schema(spec).validate_json(text)
    assert again.ok


@settings(deadline=None)
@given(tables())
def test_objects_are_what_validation_gives(table: Any) -> None:
    spec, rows, dtypes = table
    typed = schema(spec).validate(rows).value
    frame = to_frame(rows, spec)
    for name, dtype in dtypes.items():
        if dtype == OBJECT:
            assert frame[name].tolist() == [_leaf(row, name) for row in typed]


@settings(deadline=None)
@given(tables())
def test_a_frame_is_its_own_schema(table: Any) -> None:
    """Without nested columns, an example frame describes what it holds."""
    spec, rows, dtypes = table
    frame = to_frame(rows, spec)
    if OBJECT in dtypes.values():
        return
    back = to_frame(to_json_records(frame), schema(frame))
    assert_frame_equal(back, frame)


def test_missing_keys_and_nulls_come_back_as_the_schema_has_them() -> None:
    node = {
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": ["integer", "null"]},
            "c": {"properties": {"d": {"type": "integer"}}, "required": ["d"]},
        },
        "required": ["b"],
    }
    frame = to_frame([{"b": None}, {"a": 1, "b": 2, "c": {"d": 3}}], node)
    assert json.loads(to_json_records(frame, node)) == [{"b": None}, {"a": 1, "b": 2, "c": {"d": 3}}]


def test_infinities_have_no_json() -> None:
    with pytest.raises(ValueError, match=r"\[0\]\.x: inf is not JSON"):
        to_json_records(pd.DataFrame({"x": [float("inf")]}))
