"""polars and Arrow: frames of these, exact and typed as the schema says, and as examples of a schema."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel

from glm_magics.errors import SettingError
from glm_magics.structured.frame_json import to_json_records
from glm_magics.structured.problems import SchemaError
from glm_magics.structured.schema import schema
from glm_magics.structured.table import to_frame

UTC = dt.timezone.utc
SPEC = (
    "i: int, f: float?, s, ok: bool, e: hi|lo, d: date, w: datetime, t: time?, p: duration, l: list[int], "
    "o: {x: int, q: decimal?}, m: decimal, g: list[good|bad], any: any, k: dict[str, int]"
)
ROW = {
    "i": 1,
    "f": None,
    "s": "杯",
    "ok": True,
    "e": "lo",
    "d": "2026-01-31",
    "w": "2026-01-31T09:30:00+08:00",
    "t": "09:30:00",
    "p": "PT1H",
    "l": [1],
    "o": {"x": 1, "q": "1.25"},
    "m": "1.10",
    "g": ["bad"],
    "any": {"a": [1]},
    "k": {"a": 1},
}
OTHER = {**ROW, "f": 1.5, "t": None, "l": [], "o": {"x": 2, "q": None}, "m": 2, "any": 1}


def test_a_polars_frame_has_the_dtypes_and_values_of_the_schema() -> None:
    frame = to_frame([ROW, OTHER], SPEC, backend="polars")
    assert dict(frame.schema) == {
        "i": pl.Int64(),
        "f": pl.Float64(),
        "s": pl.String(),
        "ok": pl.Boolean(),
        "e": pl.Enum(["hi", "lo"]),
        "d": pl.Date(),
        "w": pl.Datetime("us", "UTC"),
        "t": pl.Time(),
        "p": pl.Duration("us"),
        "l": pl.List(pl.Int64),
        "o.x": pl.Int64(),
        "o.q": pl.Decimal(38, 2),
        "m": pl.Decimal(38, 2),
        "g": pl.List(pl.Enum(["good", "bad"])),
        "any": pl.Object(),
        "k": pl.Object(),
    }
    assert dict(frame.schema) == schema(SPEC).dtypes(backend="polars")
    assert frame["w"].to_list() == [dt.datetime(2026, 1, 31, 1, 30, tzinfo=UTC)] * 2
    assert frame["m"].to_list() == [Decimal("1.10"), Decimal(2)]
    assert frame.row(0, named=True)["any"] == {"a": [1]}


@pytest.mark.parametrize("nested", ["flatten", "keep"])
@pytest.mark.parametrize("backend", ["polars", "pyarrow"])
def test_a_frame_goes_through_json_and_back(backend: Any, nested: Any) -> None:
    frame = to_frame([ROW, OTHER], SPEC, backend=backend, nested=nested)
    back = to_frame(to_json_records(frame, SPEC), SPEC, backend=backend, nested=nested)
    assert list(back.dtypes) == list(frame.dtypes)
    if isinstance(frame, pd.DataFrame):
        pd.testing.assert_frame_equal(back, frame)
    else:
        assert back.rows() == frame.rows()


def test_an_empty_answer_has_the_dtypes_too() -> None:
    frame = to_frame([], SPEC, backend="polars", nested="keep")
    assert dict(frame.schema) == schema(SPEC).dtypes(backend="polars", nested="keep")
    assert frame.schema["o"] == pl.Struct({"x": pl.Int64, "q": pl.Decimal(38, 0)})


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        pytest.param("x: int", [2**70, 1], id="an integer of more than 64 bits"),
        pytest.param("x: str", ["\ud83d", "a"], id="half a surrogate pair"),
        pytest.param("x: int|float", [2**53 + 1, 0.5], id="a whole number that no float holds"),
        pytest.param("x: list[int|float]", [[2**53 + 1, 0.5]], id="the same in a list"),
    ],
)
def test_what_a_dtype_cannot_hold_stays_exact_as_objects(spec: str, values: list[Any]) -> None:
    frame = to_frame([{"x": value} for value in values], spec, backend="polars")
    assert frame.schema["x"] == pl.Object()
    assert frame["x"].to_list() == values


def test_decimals_of_too_many_digits_stay_decimals() -> None:
    frame = to_frame([{"x": "1e30"}, {"x": "0." + "1" * 20}], "x: decimal", backend="polars")
    assert frame["x"].to_list() == [Decimal("1e30"), Decimal("0." + "1" * 20)]


def test_decimals_are_floats_when_asked() -> None:
    rows = [{"x": "1.5", "y": ["2.5"]}]
    frame = to_frame(rows, "x: decimal, y: list[decimal]", backend="polars", decimals="float")
    assert frame.rows() == [(1.5, [2.5])]
    assert dict(frame.schema) == {"x": pl.Float64, "y": pl.List(pl.Float64)}


def test_instances_of_a_class_become_columns() -> None:
    class Dim(BaseModel):
        w: int

    class Row(BaseModel):
        name: str
        dims: list[Dim]

    frame = to_frame([{"name": "a", "dims": [{"w": 1}]}], Row, backend="polars")
    assert frame.rows(named=True) == [{"name": "a", "dims": [{"w": 1}]}]
    assert frame.schema["dims"] == pl.List(pl.Struct({"w": pl.Int64}))


def test_what_was_settled_is_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"rows\[0\].x: 1.0 was read as 1"):
        assert to_frame([{"x": 1.0}], "x: int", backend="polars")["x"].to_list() == [1]


def test_another_backend_needs_a_schema() -> None:
    with pytest.raises(SettingError, match="needs a schema"):
        to_frame("[]", None, backend="polars")


@pytest.mark.parametrize("name", ["polars", "pyarrow"])
def test_without_the_library_the_error_says_what_to_install(name: str) -> None:
    code = (
        f"import sys; sys.modules[{name!r}] = None\n"
        "from glm_magics.errors import SettingError\n"
        "from glm_magics.structured.table import to_frame\n"
        f"try:\n    to_frame([], 'x: int', backend={name!r})\n"
        "except SettingError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"pip install {name}" in done.stdout


# Examples

EXAMPLE = pl.DataFrame(
    {
        "n": [1, None],
        "s": ["a", "b"],
        "e": pl.Series(["hi", "lo"], dtype=pl.Enum(["hi", "lo"])),
        "m": [Decimal("1.1"), None],
        "w": [dt.datetime(2026, 1, 1, tzinfo=UTC)] * 2,
        "l": [["x"], []],
        "o": [{"k": 1}, {"k": 2}],
    }
)
ROWS = "n: int?, s, e: hi|lo, m: decimal?, w: datetime, l: list[str], o: {k: int}"
OPTIONAL = "n: int?, s: str?, e: hi|lo?, m: decimal?, w: datetime?, l: list[str?]?, o: {k: int?}?"


def test_a_polars_frame_is_an_example() -> None:
    assert schema(EXAMPLE).key() == schema(ROWS).key()


def test_a_pyarrow_table_is_an_example() -> None:
    table = pa.table({"n": [1, None], "s": ["a", "b"], "l": [[1], []], "o": [{"k": 1}, {"k": 2}]})
    assert schema(table).key() == schema("n: int?, s, l: list[int], o: {k: int}").key()


def test_dtypes_are_an_example_where_all_may_be_missing() -> None:
    wanted = schema(OPTIONAL.replace("str?]", "str]")).key()
    assert schema(EXAMPLE.schema).key() == wanted
    assert schema(EXAMPLE.lazy()).key() == wanted
    kinds = pa.schema([("n", pa.int64()), ("d", pa.date32()), ("l", pa.list_(pa.float64()))])
    assert schema(kinds).key() == schema("n: int?, d: date?, l: list[float]?").key()


@pytest.mark.parametrize(
    "spec",
    [pytest.param(pl.Series("a", [1]), id="series"), pytest.param(pa.array([1]), id="array")],
)
def test_a_single_column_is_no_example(spec: Any) -> None:
    with pytest.raises(SchemaError, match="give its DataFrame"):
        schema(spec)
