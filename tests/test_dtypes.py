"""JSON Schema to pandas dtypes: nullable, exact, and the same for an empty answer."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from glm_magics.errors import SettingError
from glm_magics.structured.dtypes import TEXT
from glm_magics.structured.schema import schema

OBJECT = pd.Series([], dtype="object").dtype


@pytest.mark.parametrize(
    ("spec", "dtype"),
    [
        pytest.param("int", "Int64", id="int"),
        pytest.param("float", "Float64", id="float"),
        pytest.param("bool", "boolean", id="bool"),
        pytest.param("str", TEXT, id="str"),
        pytest.param("uuid", TEXT, id="uuid"),
        pytest.param("good|bad", pd.CategoricalDtype(["good", "bad"], ordered=False), id="labels"),
        pytest.param("1|2", "Int64", id="whole numbers as labels"),
        pytest.param("1.5|2", "Float64", id="numbers as labels"),
        pytest.param("datetime", "datetime64[us, UTC]", id="datetime"),
        pytest.param("date", "datetime64[s]", id="date"),
        pytest.param("duration", "timedelta64[us]", id="duration"),
        pytest.param("time", OBJECT, id="time"),
        pytest.param("decimal", OBJECT, id="decimal"),
        pytest.param("any", OBJECT, id="any"),
        pytest.param("list[int]", OBJECT, id="list"),
        pytest.param("dict[str, int]", OBJECT, id="dict"),
        pytest.param("int|float", "Float64", id="numbers"),
        pytest.param("int|str", OBJECT, id="a union"),
        pytest.param("str|uuid", TEXT, id="texts"),
    ],
)
@pytest.mark.parametrize("mark", [pytest.param("", id="required"), pytest.param("?", id="optional")])
def test_a_type_has_a_dtype(spec: str, dtype: Any, mark: str) -> None:
    assert schema(f"x: {spec}{mark}").dtypes() == {"x": dtype}


def test_labels_keep_the_order_of_the_schema() -> None:
    dtype = schema("x: low|mid|high").dtypes()["x"]
    assert list(dtype.categories) == ["low", "mid", "high"]


def test_objects_within_become_dotted_columns_or_stay() -> None:
    plan = schema("a: {b: int, c: {d: str}?}, e: {f: int}[]")
    assert list(plan.dtypes()) == ["a.b", "a.c.d", "e"]
    assert plan.dtypes(nested="keep") == {"a": OBJECT, "e": OBJECT}


def test_dotted_names_that_are_taken_keep_the_objects() -> None:
    assert list(schema("a: {b: int}, 'a.b': int").dtypes()) == ["a", "a.b"]


def test_a_recursive_object_is_one_column() -> None:
    node = {
        "$defs": {
            "N": {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/N"}}}
        },
        "$ref": "#/$defs/N",
    }
    assert schema(node).dtypes() == {"v": "Int64", "next": OBJECT}


def test_decimals_are_floats_when_asked() -> None:
    assert schema("x: decimal").dtypes(decimals="float") == {"x": "Float64"}


@pytest.mark.parametrize("option", ["nested", "decimals", "backend"])
def test_an_unknown_option_names_the_known_ones(option: str) -> None:
    with pytest.raises(SettingError, match=r"Expected one of .*, got 'other'"):
        schema("x: int").dtypes(**{option: "other"})


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        pytest.param("float", ["value"], id="a scalar"),
        pytest.param("list[str]", ["value"], id="a list"),
        pytest.param("dict[str, int]", ["key", "value"], id="a dict"),
        pytest.param("dict[str, {a: int}]", ["key", "value.a"], id="a dict of records"),
    ],
)
def test_a_value_that_is_no_record_has_columns_too(spec: str, names: list[str]) -> None:
    assert list(schema(spec).dtypes()) == names


def test_the_arrow_backend_has_types_for_lists_objects_and_times() -> None:
    from glm_magics.structured.table import to_frame

    plan = schema(
        "i: int, f: float?, s, e: a|b, d: date, w: datetime, t: time?, p: duration, l: list[int], o: {x: int}"
    )
    rows = [
        {"i": 1, "f": None, "s": "x", "e": "a", "d": "2026-01-31", "w": "2026-01-31T09:30:00Z", "t": "09:30:00", "p": "PT1H", "l": [1], "o": {"x": 1}},
        {"i": 2, "f": 1.5, "s": "y", "e": "b", "d": "2026-02-01", "w": "2026-01-31T09:30:00Z", "t": None, "p": "PT1H", "l": [], "o": {"x": 2}},
    ]  # fmt: skip
    frame = to_frame(rows, plan, nested="keep", backend="pyarrow")
    dtypes = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert dtypes == {
        "i": "int64[pyarrow]",
        "f": "double[pyarrow]",
        "s": "string[pyarrow]",
        "e": "dictionary<values=string, indices=int32, ordered=0>[pyarrow]",
        "d": "date32[day][pyarrow]",
        "w": "timestamp[us, tz=UTC][pyarrow]",
        "t": "time64[us][pyarrow]",
        "p": "duration[us][pyarrow]",
        "l": "list<item: int64>[pyarrow]",
        "o": "struct<x: int64>[pyarrow]",
    }
    assert frame.l.tolist() == [[1], []]
    assert frame.d[0] == dt.date(2026, 1, 31)
    assert str(to_frame([], plan, backend="pyarrow").dtypes["i"]) == "int64[pyarrow]"


def test_decimal_columns_hold_decimals() -> None:
    from glm_magics.structured.table import to_frame

    assert to_frame([{"x": "1.10"}], "x: decimal").x[0] == Decimal("1.10")
    assert to_frame([{"x": "1.10"}], "x: decimal", decimals="float").x[0] == 1.1
