"""Any value that fits any schema: asked for from the demo over the real client, read, made a frame, and back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glm_magics as glm
from glm_magics._session import Session
from glm_magics.structured.frame_json import to_json_records
from glm_magics.structured.schema import schema
from glm_magics.structured.table import as_json, to_frame

Kind = tuple[dict[str, Any], st.SearchStrategy[Any]]
"""A JSON Schema, and the values that fit it in the one spelling that they come back in."""


def _duration(value: dt.timedelta) -> str:
    seconds = f"{value.seconds}.{value.microseconds:06d}" if value.microseconds else str(value.seconds)
    return f"P{value.days}DT{seconds}S"


def string(form: str, values: st.SearchStrategy[Any], spelling: Callable[[Any], str] = str) -> Kind:
    return {"type": "string", "format": form}, values.map(spelling)


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
LABELS = ["low", "mid", "高", "a b", "null"]
LEAVES: list[Kind] = [
    ({"type": "string"}, TEXT),
    ({"type": "string", "minLength": 2, "maxLength": 4}, st.text("ab杯😀", min_size=2, max_size=4)),
    ({"type": "string", "pattern": "^[a-z]{2}$"}, st.text("abcxyz", min_size=2, max_size=2)),
    ({"type": "integer"}, st.integers(-(2**63), 2**63 - 1)),
    ({"type": "integer", "minimum": 0, "exclusiveMaximum": 5}, st.integers(0, 4)),
    ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False)),
    ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, st.floats(0.001, 1)),
    ({"type": "boolean"}, st.booleans()),
    ({"enum": LABELS}, st.sampled_from(LABELS)),
    ({"enum": [1, 2, 30]}, st.sampled_from([1, 2, 30])),
    string("date", st.dates()),
    string(
        "date-time",
        st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1), timezones=st.just(dt.timezone.utc)),
        dt.datetime.isoformat,
    ),
    string("time", st.times(), dt.time.isoformat),
    string("duration", st.timedeltas(dt.timedelta(0), dt.timedelta(9000)), _duration),
    string("decimal", st.decimals(-(10**9), 10**9, places=6)),
    string("uuid", st.uuids()),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, st.dictionaries(TEXT, st.integers(), max_size=3)),
]  # fmt: skip
NAMES = ["a", "price_eur", "名", "unit price", "x"]


@st.composite
def kinds(draw: st.DrawFn, depth: int = 2) -> Kind:
    choice = draw(st.integers(0, 8 if depth else 5))
    if choice == 6:
        node, values = draw(kinds(depth - 1))
        return {"type": "array", "items": node, "description": "all of them"}, st.lists(values, max_size=3)
    if choice == 7:
        return draw(records(depth - 1))
    node, values = draw(st.sampled_from(LEAVES))
    if choice == 8:
        return {"anyOf": [node, {"type": "null"}]}, st.none() | values
    return node, values


@st.composite
def records(draw: st.DrawFn, depth: int = 2) -> Kind:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    fields = {name: draw(kinds(depth)) for name in names}
    node = {
        "type": "object",
        "properties": {name: field[0] for name, field in fields.items()},
        "required": names,
    }
    return node, st.fixed_dictionaries({name: field[1] for name, field in fields.items()})


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[Any]]:
    node, values = draw(records())
    return node, draw(st.lists(values, max_size=4))


def goes_there_and_back(node: dict[str, Any], rows: list[Any], form: Any) -> None:
    plan = schema(node)
    told = json.dumps({"rows": rows}, ensure_ascii=False).replace("`", "\\u0060")
    done = glm.ask(f"Give me these rows.\n\n```json\n{told}\n```", schema=plan, form=form)
    assert done.form == (form or "json_object")
    assert as_json(done.value, plan) == rows
    assert all("→ number" in note for note in done.notes)  # a decimal, which is asked for as text
    for backend in ("numpy_nullable", "pyarrow", "polars"):
        frame: Any = to_frame(done.value, plan, nested="keep", backend=backend)
        declared = plan.dtypes(nested="keep", backend=backend)
        assert list(frame.columns) == list(declared)
        assert all(found == wanted for found, wanted in zip(frame.dtypes, declared.values(), strict=True))
        assert json.loads(to_json_records(frame, plan)) == rows
    flat = done.to_frame()
    assert flat.dtypes.to_dict() == plan.dtypes()
    assert json.loads(to_json_records(flat, plan)) == rows


settled = settings(
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@settings(settled, max_examples=200)
@given(answer=answers(), form=st.sampled_from([None, "prompt", "tool"]))
def test_any_fitting_value_survives(demo: Callable[..., Session], answer: Any, form: Any) -> None:
    goes_there_and_back(*answer, form)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(settled, max_examples=2_500)
@given(answer=answers(), form=st.sampled_from([None, "prompt", "tool"]))
def test_any_fitting_value_survives_however_many(
    demo: Callable[..., Session], answer: Any, form: Any
) -> None:
    goes_there_and_back(*answer, form)
