"""One schema from every spelling, and a check that changes no value's meaning."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import pickle
import subprocess
import sys
import typing
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Optional

import pandas as pd
import pytest
import typing_extensions
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from glm_magics.structured.normal import normal
from glm_magics.structured.problems import SchemaError
from glm_magics.structured.schema import schema

SHORTHAND = "name: str, price: float?, mood: good|bad, tags: list[str], when: datetime, dim: {w: int, h: int}"


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Dim(BaseModel):
    w: int
    h: int


class Model(BaseModel):
    name: str
    price: float | None = None
    mood: Mood
    tags: list[str]
    when: dt.datetime
    dim: Dim


@dataclasses.dataclass
class DataDim:
    w: int
    h: int


@dataclasses.dataclass(kw_only=True)
class Data:
    name: str
    price: Optional[float] = None  # noqa: UP045 - users write it so
    mood: Literal["good", "bad"]
    tags: list[str]
    when: dt.datetime
    dim: DataDim


class TypedDim(typing.TypedDict):
    w: int
    h: int


class Typed(typing.TypedDict):
    name: str
    price: typing_extensions.NotRequired[float | None]
    mood: Mood
    tags: list[str]
    when: dt.datetime
    dim: TypedDim


class Extended(typing_extensions.TypedDict):
    name: str
    price: typing_extensions.NotRequired[float | None]
    mood: Literal["good", "bad"]
    tags: list[str]
    when: dt.datetime
    dim: TypedDim


class Named(NamedTuple):
    name: str
    mood: Mood
    tags: list[str]
    when: dt.datetime
    dim: Dim
    price: float | None = None


JSON_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Row",
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Name"},
        "price": {"type": ["number", "null"], "default": None},
        "mood": {"type": "string", "enum": ["good", "bad"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "when": {"type": "string", "format": "date-time"},
        "dim": {"allOf": [{"$ref": "#/$defs/Dim"}]},
    },
    "required": ["name", "mood", "tags", "when", "dim"],
    "$defs": {
        "Dim": {"type": "object", "properties": {"w": {"type": "integer"}, "h": {"type": "integer"}}, "required": ["h", "w"]}
    },
}  # fmt: skip
MAPPING = {
    "name": str,
    "price": "float?",
    "mood": Mood,
    "tags": [str],
    "when": dt.datetime,
    "dim": {"w": "int", "h": int},
}
ROW = {
    "name": "a",
    "price": None,
    "mood": "good",
    "tags": [],
    "when": "2026-01-31T09:30:00Z",
    "dim": {"w": 1, "h": 2},
}

# Spellings


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(Model, id="pydantic"),
        pytest.param(Data, id="dataclass"),
        pytest.param(Typed, id="typing.TypedDict"),
        pytest.param(Extended, id="typing_extensions.TypedDict"),
        pytest.param(Named, id="NamedTuple"),
        pytest.param(JSON_SCHEMA, id="JSON Schema"),
        pytest.param(Model.model_json_schema(), id="the JSON Schema of a model"),
        pytest.param(MAPPING, id="names and types"),
        pytest.param(list[Model], id="list of models"),
        pytest.param(list[Typed], id="list of TypedDict"),
        pytest.param(f"list[{{{SHORTHAND}}}]", id="list in shorthand"),
    ],
)
def test_every_spelling_says_the_same(spec: Any) -> None:
    plan = schema(spec)
    assert (plan.json_schema, plan.shape) == (schema(SHORTHAND).json_schema, "rows")
    assert plan.key() == schema(SHORTHAND).key()
    checked = plan.validate({"rows": [ROW]})
    assert checked.ok
    assert not plan.validate([{**ROW, "price": "1"}]).ok
    assert not plan.validate([{**ROW, "mood": "other"}]).ok


@pytest.mark.parametrize(
    ("annotation", "shorthand"),
    [
        pytest.param(int, "int", id="int"),
        pytest.param(list[str], "list[str]", id="list"),
        pytest.param(dict[str, int], "dict[str, int]", id="dict"),
        pytest.param(Optional[int], "int?", id="Optional"),  # noqa: UP045 - users write it so
        pytest.param(int | str, "int|str", id="union"),
        pytest.param(Literal["good", "bad"], "good|bad", id="Literal"),
        pytest.param(Mood, "good|bad", id="Enum"),
        pytest.param(Decimal, "decimal", id="Decimal"),
        pytest.param(Annotated[Decimal, Field(ge=0)], "decimal >= 0", id="Decimal with a bound"),
        pytest.param(dt.date, "date", id="date"),
        pytest.param(dt.time, "time", id="time"),
        pytest.param(dt.timedelta, "timedelta", id="timedelta"),
        pytest.param(uuid.UUID, "uuid", id="UUID"),
        pytest.param(Any, "any", id="Any"),
        pytest.param(Annotated[int, Field(ge=0, lt=5)], "int >= 0 < 5", id="bounds"),
        pytest.param(Annotated[str, Field(min_length=1, pattern="^a")], "str len >= 1 /^a/", id="constraints"),
        pytest.param(list[dict[str, dt.date]], "list[dict[str, date]]", id="nested"),
        pytest.param({"type": "array", "items": {"type": ["integer", "null"]}}, "list[int?]", id="types as a list"),
        pytest.param({"type": "string", "nullable": True}, "str?", id="nullable of OpenAPI"),
        pytest.param({"enum": ["a", "b", None]}, "a|b|null", id="null among labels"),
        pytest.param({"oneOf": [{"type": "integer"}, {"const": "x"}]}, {"anyOf": [{"type": "integer"}, {"enum": ["x"]}]}, id="oneOf and const"),
        pytest.param({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, "int > 0", id="draft 4 bounds"),
    ],
)  # fmt: skip
def test_a_value_is_spelt_as_a_type_too(annotation: Any, shorthand: Any) -> None:
    assert schema(annotation) == dataclasses.replace(
        schema(shorthand), model=schema(annotation).model, annotation=schema(annotation).annotation
    )
    assert schema(annotation).shape == "value"


def test_descriptions_and_titles_travel() -> None:
    class Row(BaseModel):
        price: float = Field(description="in euro")
        unit_name: str = Field(title="Name of the unit")

    properties = schema(Row).json_schema["properties"]
    assert properties["price"]["description"] == "in euro"
    assert properties["unit_name"]["description"] == "Name of the unit"


def test_an_example_frame_is_a_schema() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "x": [1.5, None],
            "ok": [True, False],
            "s": ["a", None],
            "c": pd.Categorical(["lo", "hi"], categories=["lo", "hi"]),
            "t": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True),
            "p": pd.to_timedelta(["1h", None]),
            "l": [["a"], []],
            "d": [{"k": 1}, {"k": 2, "m": "x"}],
        }
    )
    expected = "n: int, x: float?, ok: bool, s: str?, c: lo|hi, t: datetime, p: duration?, l: list[str], d: {k: int, m: str}"
    wanted = schema(expected).json_schema
    wanted["properties"]["d"]["required"] = ["k"]
    assert schema(frame).json_schema == wanted
    optional = schema(frame.dtypes).json_schema["properties"]
    assert optional["n"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert list(optional) == list(frame.columns)


def test_the_shapes() -> None:
    assert schema("a, b int").shape == "rows"
    assert schema("a, b int", shape="record").wire_schema == schema("a, b int").json_schema
    assert schema("a, b int").wire_schema["properties"].keys() == {"rows"}
    assert schema("list[int]").wire_schema["properties"]["value"] == {
        "type": "array",
        "items": {"type": "integer"},
    }
    assert schema(list[Model], shape="value").json_schema["type"] == "array"
    assert schema(schema("a"), shape="record").shape == "record"
    assert schema(schema(Model), shape="record").validate(ROW).value.dim.w == 1


# Wrong specifications


class Opaque:
    pass


@dataclasses.dataclass
class Holder:
    a: int
    inner: Opaque


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param(None, "expected a shorthand string, .*got NoneType", id="None"),
        pytest.param(5, "got int 5", id="a number"),
        pytest.param(Dim(w=1, h=2), "a value of Dim: give the class itself", id="an instance"),
        pytest.param("", "empty", id="nothing"),
        pytest.param({"a": {"b": "flot"}}, r"^a\.b: 'flot' is no type; did you mean 'float'", id="a nested name"),
        pytest.param({"a": 5}, "^a: expected a type", id="no type"),
        pytest.param({1: "int"}, "names of fields are text", id="a number as a name"),
        pytest.param({"type": "object", "properties": {"a": {"type": "strnig"}}}, "^a: 'strnig' is no JSON type", id="a JSON type"),
        pytest.param({"properties": {"a": {"properties": {"b": {"not": {}}}}}}, r"^a\.b: .*'not' is not supported", id="a keyword"),
        pytest.param({"$ref": "#/$defs/X"}, "not defined", id="a dangling reference"),
        pytest.param(Holder, r"^Holder\.inner: .*Opaque", id="a field of a class"),
        pytest.param(Opaque, "^Opaque cannot be a schema", id="a class"),
        pytest.param(pd.Series([1]), "give its DataFrame", id="a Series"),
        pytest.param(pd.DataFrame({1: [1]}), "text as names, got 1", id="columns that are numbers"),
    ],
)  # fmt: skip
def test_a_wrong_specification_is_one_line_that_names_the_place(spec: Any, words: str) -> None:
    with pytest.raises(SchemaError, match=words) as caught:
        schema(spec)
    assert "\n" not in caught.value.message.partition("\n  ")[0]


@pytest.mark.parametrize("shape", ["rows", "record"])
def test_a_table_needs_named_fields(shape: Any) -> None:
    with pytest.raises(SchemaError, match="needs named fields"):
        schema("list[str]", shape=shape)


def test_a_shape_is_one_of_three() -> None:
    with pytest.raises(SchemaError, match="'rows', 'record' or 'value', got 'frame'"):
        schema("a", shape="frame")  # type: ignore[arg-type]


def test_a_pattern_that_is_none_is_refused_with_the_schema() -> None:
    with pytest.raises(SchemaError, match="no regular expression"):
        schema({"type": "string", "pattern": "("}).validate("x")


# The check


@pytest.mark.parametrize(
    ("spec", "value", "typed"),
    [
        pytest.param("str", "01234", "01234", id="digits stay text"),
        pytest.param("int", 2**70, 2**70, id="a huge integer"),
        pytest.param("float", 1, 1.0, id="a whole number is a number"),
        pytest.param("int|str", "5", "5", id="text in a union"),
        pytest.param("decimal", "12.50", Decimal("12.50"), id="a decimal of text"),
        pytest.param("decimal", 0.1, Decimal("0.1"), id="a decimal of a number"),
        pytest.param("date", "2026-01-31", dt.date(2026, 1, 31), id="date"),
        pytest.param("time", "09:30", dt.time(9, 30), id="time"),
        pytest.param("duration", "P1DT2H", dt.timedelta(days=1, hours=2), id="duration"),
        pytest.param("datetime", "2026-01-31T09:30:00+08:00", dt.datetime(2026, 1, 31, 1, 30, tzinfo=dt.timezone.utc), id="datetime"),
        pytest.param("1|2", 2, 2, id="a number as a label"),
        pytest.param("any", {"a": [None, 1.5]}, {"a": [None, 1.5]}, id="anything"),
        pytest.param("str", "\ud83d", "\ud83d", id="half a surrogate pair"),
        pytest.param({"type": "string", "pattern": "^(?=.*1)a"}, "ab1", "ab1", id="a pattern with look-ahead"),
    ],
)  # fmt: skip
def test_a_value_that_fits(spec: Any, value: Any, typed: Any) -> None:
    checked = schema(spec).validate({"value": value})
    assert (checked.value, checked.errors, checked.notes) == (typed, (), ())
    assert type(checked.value) is type(typed)


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        pytest.param("int", "5", id="text for an integer"),
        pytest.param("int", True, id="true for an integer"),
        pytest.param("int", 1.5, id="a fraction for an integer"),
        pytest.param("int", 2.0**60, id="a float too large to be exact"),
        pytest.param("float", "1.5", id="text for a number"),
        pytest.param("float", float("nan"), id="NaN"),
        pytest.param("any", [float("inf")], id="infinity anywhere"),
        pytest.param("float", False, id="false for a number"),
        pytest.param("bool", 1, id="a number for true"),
        pytest.param("bool", "true", id="text for true"),
        pytest.param("str", 5, id="a number for text"),
        pytest.param("str", None, id="null"),
        pytest.param("date", "20260131", id="a date without dashes"),
        pytest.param("date", "2026-02-30", id="no day of the calendar"),
        pytest.param("date", "2026-01-31T00:00:00Z", id="a time for a date"),
        pytest.param("datetime", "1700000000", id="seconds since 1970"),
        pytest.param("datetime", 1700000000, id="a number for a time"),
        pytest.param("datetime", "2026-01-31", id="a date for a time"),
        pytest.param("duration", "P1M", id="months"),
        pytest.param("duration", 60, id="a number for a duration"),
        pytest.param("decimal", True, id="true for a decimal"),
        pytest.param("decimal", "1_000", id="underscores"),
        pytest.param("decimal", "NaN", id="a decimal NaN"),
        pytest.param("1|2", True, id="true for the label 1"),
        pytest.param("1|2", 1.0, id="1.0 for the label 1"),
        pytest.param("a|b", "A", id="another case"),
        pytest.param("str len <= 2", "abc", id="too long"),
        pytest.param("list[int] len >= 1", [], id="too short"),
        pytest.param("0..5", 6, id="out of range"),
        pytest.param("decimal > 0", "0", id="a decimal out of range"),
        pytest.param({"type": "array", "uniqueItems": True}, [1, 1], id="an item twice"),
        pytest.param({"type": "array", "prefixItems": [{"type": "string"}], "items": False}, ["a", 1], id="too many items"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit(spec: Any, value: Any) -> None:
    checked = schema(spec).validate({"value": value})
    assert len(checked.errors) == 1
    assert str(checked.errors[0]).startswith("value")


def test_problems_name_the_path_and_what_came() -> None:
    rows = [ROW, {**ROW, "price": "12 USD", "dim": {"w": True, "h": 1}}, {"name": "x"}]
    shown = [str(problem) for problem in schema("name, price: float, dim: {w: int, h: int}, 'a b': int?").validate(
        [{key: row[key] for key in ("name", "price", "dim") if key in row} for row in rows]
    ).errors]  # fmt: skip
    assert shown == [
        "rows[0].price: should be a number, got None",
        "rows[1].price: should be a number, got '12 USD'",
        "rows[1].dim.w: should be a whole number, got True",
        "rows[2].price: is missing",
        "rows[2].dim: is missing",
    ]
    assert schema("'a b': int").validate([{"a b": "x"}]).errors[0].path == "rows[0]['a b']"
    assert schema("a: int", shape="record").validate({"a": "x"}).errors[0].path == "a"


@pytest.mark.parametrize("spec", [pytest.param("a: int", id="shorthand"), pytest.param(Dim, id="class")])
def test_whole_floats_are_integers_and_said_so(spec: Any) -> None:
    row = dict.fromkeys(schema(spec).json_schema["properties"], 3.0)
    raw = [row]
    checked = schema(spec).validate(raw)
    assert checked.ok
    assert checked.notes[0].message == "3.0 was read as 3"
    assert raw == [row], "the raw value stays"
    assert type(raw[0].popitem()[1]) is float


def test_keys_that_nobody_asked_for_are_left_out_and_said_so() -> None:
    checked = schema("a: int, b: {c: int}").validate([{"a": 1, "b": {"c": 2, "d": 3}, "e": 4}])
    assert checked.value == [{"a": 1, "b": {"c": 2}}]
    assert [note.path for note in checked.notes] == ["rows[0].b.d", "rows[0].e"]


def test_a_schema_that_forbids_other_keys_is_obeyed() -> None:
    node = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    assert schema(node).validate([{"a": 1, "b": 2}]).errors[0].path == "rows[0].b"
    open_node = {**node, "additionalProperties": {"type": "string"}}
    assert schema(open_node).validate([{"a": 1, "b": "x"}]).value == [{"a": 1, "b": "x"}]
    assert not schema(open_node).validate([{"a": 1, "b": 2}]).ok


def test_a_class_checks_with_its_own_validators() -> None:
    class Row(BaseModel):
        model_config = ConfigDict(str_strip_whitespace=True)
        name: str
        n: int

        @field_validator("n")
        @classmethod
        def even(cls, n: int) -> int:
            if n % 2:
                raise ValueError("is odd")
            return n

    plan = schema(Row)
    assert plan.model is Row
    assert plan.validate([{"name": " a ", "n": 2}]).value == [Row(name="a", n=2)]
    assert [str(problem) for problem in plan.validate([{"name": "a", "n": 3}]).errors] == [
        "rows[0].n: is odd, got 3"
    ]


def test_a_class_never_sees_nan() -> None:
    class Row(BaseModel):
        x: float

    shown = [str(problem) for problem in schema(Row).validate([{"x": 1.0}, {"x": float("nan")}]).errors]
    assert shown == ["rows[1].x: should be a finite number, got nan"]


def test_a_recursive_model_and_its_json_schema_check_alike() -> None:
    class Node(BaseModel):
        v: int
        kids: list[Node] = []

    Node.model_rebuild(_types_namespace={"Node": Node})
    for plan in (schema(Node), schema(Node.model_json_schema())):
        assert plan.validate([{"v": 1, "kids": [{"v": 2}]}]).ok
        assert plan.validate([{"v": 1, "kids": [{"v": "x"}]}]).errors[0].path == "rows[0].kids[0].v"


def test_a_union_of_objects_takes_the_one_that_fits() -> None:
    plan = schema("pet: {name: str} | {name: str, age: int}")
    assert plan.validate([{"pet": {"name": "a", "age": 2}}]).value == [{"pet": {"name": "a", "age": 2}}]
    assert not plan.validate([{"pet": {"name": "a", "age": "2"}}]).ok


def test_json_text_keeps_every_digit_of_a_decimal() -> None:
    class Row(BaseModel):
        x: Decimal

    for spec in ("x: decimal", Row):
        value = (
            schema(spec).validate_json('{"rows": [{"x": 0.1234567890123456789012345}, {"x": 12.50}]}').value
        )
        numbers = [row["x"] if isinstance(row, dict) else row.x for row in value]
        assert numbers == [Decimal("0.1234567890123456789012345"), Decimal("12.5")]


@pytest.mark.parametrize(
    ("spec", "root", "value"),
    [
        pytest.param("a: int", {"rows": [{"a": 1}]}, [{"a": 1}], id="rows"),
        pytest.param("a: int", [{"a": 1}], [{"a": 1}], id="rows without the root object"),
        pytest.param("a: int", {"items": [{"a": 1}]}, [{"a": 1}], id="rows under another name"),
        pytest.param("a: int", {"a": 1}, [{"a": 1}], id="one record"),
        pytest.param("rows: list[int]", {"rows": [1]}, [{"rows": [1]}], id="a field named rows"),
        pytest.param("int", {"value": 1}, 1, id="a value"),
        pytest.param("int", 1, 1, id="a bare value"),
        pytest.param("dict[str, int]", {"value": {"a": 1}}, {"a": 1}, id="a dict"),
        pytest.param("dict[str, int]", {"value": 1}, {"value": 1}, id="a dict with the key value"),
    ],
)
def test_the_root_object_is_unwrapped(spec: str, root: Any, value: Any) -> None:
    assert schema(spec).unwrap(root) == value


# Identity


def test_the_key_is_the_same_in_another_process() -> None:
    code = f"from glm_magics.structured.schema import schema; print(schema({SHORTHAND!r}).key())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == schema(SHORTHAND).key()


def test_the_key_differs_by_meaning_not_by_order() -> None:
    assert schema({"a": "int", "b": "str"}).key() == schema({"b": "str", "a": "int"}).key()
    keys = {
        schema(spec).key()
        for spec in ("a: int", "a: int?", "a: float", "b: int", "a: int >= 0", "a: int 'x'", "int")
    }
    assert len(keys | {schema("a: int", shape="record").key()}) == 8


def test_a_schema_pickles_and_is_hashable() -> None:
    plan = schema(Model)
    assert plan.validate([ROW]).ok
    copy = pickle.loads(pickle.dumps(plan))
    assert copy == plan
    assert {copy: 1}[plan] == 1
    assert copy.validate([ROW]).ok


# Properties: random schemas and values that fit, or do not

_NAMES = st.text("abcxyz_名 .-", min_size=1, max_size=6).filter(lambda name: name.strip() != "")
_LEAVES: list[tuple[dict[str, Any], st.SearchStrategy[Any]]] = [
    ({"type": "string"}, st.text(max_size=8)),
    ({"type": "integer"}, st.integers()),
    ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False)),
    ({"type": "boolean"}, st.booleans()),
    ({"type": "string", "format": "date"}, st.dates().map(dt.date.isoformat)),
    ({"type": "string", "format": "date-time"}, st.datetimes(timezones=st.just(dt.timezone.utc)).map(dt.datetime.isoformat)),
    ({"type": "string", "format": "decimal"}, st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str)),
    ({"enum": ["lo", "mid", "高"]}, st.sampled_from(["lo", "mid", "高"])),
    ({"enum": [1, 2]}, st.sampled_from([1, 2])),
]  # fmt: skip
_WRONG: dict[str, list[Any]] = {
    "string": [5, True, [], {}, 1.5],
    "integer": ["5", True, 1.5, [], {}],
    "number": ["1.5", True, [], {}],
    "boolean": [0, 1, "true", []],
    "enum": ["other", True, 3, []],
    "array": [{}, "x", 5, True],
    "object": [[], "x", 5, True],
}


def leaves() -> st.SearchStrategy[tuple[dict[str, Any], st.SearchStrategy[Any]]]:
    return st.sampled_from(_LEAVES)


def nodes() -> st.SearchStrategy[tuple[dict[str, Any], st.SearchStrategy[Any]]]:
    """Pairs of a schema in normal form and a strategy for the JSON values that fit it."""
    return st.recursive(
        leaves(), lambda inner: _lists(inner) | _optional(inner) | records(inner), max_leaves=6
    )


def _lists(inner: Any) -> Any:
    return inner.map(lambda pair: ({"type": "array", "items": pair[0]}, st.lists(pair[1], max_size=3)))


def _optional(inner: Any) -> Any:
    def made(pair: Any) -> Any:
        node = pair[0] if "anyOf" in pair[0] else {"anyOf": [pair[0], {"type": "null"}]}
        return node, st.none() | pair[1]

    return inner.map(made)


def records(inner: Any) -> Any:
    def made(fields: dict[str, Any]) -> Any:
        properties = {name: node for name, (node, _) in fields.items()}
        node = {"type": "object", "properties": properties, "required": list(properties)}
        return node, st.fixed_dictionaries({name: values for name, (_, values) in fields.items()})

    return st.dictionaries(_NAMES, inner, min_size=1, max_size=4).map(made)


@settings(deadline=None)
@given(nodes())
def test_the_normal_form_of_a_normal_form_is_itself(pair: Any) -> None:
    assert normal(pair[0]) == pair[0]


@settings(deadline=None)
@given(st.data(), records(nodes()))
def test_values_that_fit_are_accepted(data: st.DataObject, pair: Any) -> None:
    rows = data.draw(st.lists(pair[1], max_size=3))
    plan = schema(pair[0])
    checked = plan.validate({"rows": rows})
    assert (checked.errors, checked.notes) == ((), ())
    assert plan.validate_json(json.dumps({"rows": rows})) == checked


@settings(deadline=None)
@given(st.data(), records(nodes()))
def test_a_wrong_value_is_found_where_it_is(data: st.DataObject, pair: Any) -> None:
    node, values = pair
    row = data.draw(values)
    name = data.draw(st.sampled_from(sorted(row)))
    part = node["properties"][name]
    part = part["anyOf"][0] if "anyOf" in part else part
    kind = "enum" if "enum" in part else part["type"]
    wrongs = _WRONG[kind] if part.get("format") != "decimal" else [True, [], "x"]
    wrong = data.draw(
        st.sampled_from([value for value in wrongs if value not in part.get("enum", ())] or ["other"])
    )
    checked = schema(node).validate([{**row, name: wrong}])
    assert {problem.loc[:2] for problem in checked.errors} == {(0, name)}


@settings(deadline=None)
@given(st.data(), records(nodes()))
def test_a_missing_value_is_found(data: st.DataObject, pair: Any) -> None:
    row = data.draw(pair[1])
    name = data.draw(st.sampled_from(sorted(row)))
    checked = schema(pair[0]).validate([{key: value for key, value in row.items() if key != name}])
    assert [(problem.loc, problem.message) for problem in checked.errors] == [((0, name), "is missing")]


class Absent(BaseModel):
    other: "Nowhere"  # type: ignore[name-defined]  # noqa: F821, UP037


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("a: int b: str", r"^expected a comma before the field 'b'\n  a: int b: str\n         \^$", id="no comma"),
        pytest.param("a: int; b: str", r"^expected a comma before the field 'b'", id="a semicolon"),
        pytest.param("a: str = 'x'", r"^a field has no default", id="a default"),
        pytest.param({"properties": {"a": {"type": "string", "minLength": "x"}}}, r"^a: expected a number in 'minLength', got 'x'$", id="a bound that is no number"),
        pytest.param({"properties": {"a": {"type": "integer", "minimum": 5, "maximum": 1}}}, r"^a: nothing lies between minimum 5 and maximum 1$", id="an empty range"),
        pytest.param(list[Opaque], r"Opaque\] cannot be a schema: .*Opaque has no JSON form; expected a type", id="a class of no fields"),
        pytest.param(Absent, r"^Absent cannot be a schema: it names a type that is not defined here$", id="a name that is not defined"),
    ],
)  # fmt: skip
def test_a_slip_is_pointed_at(spec: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        schema(spec)
