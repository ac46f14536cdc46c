"""JSON in answers: found whole or refused, and a frame of it with types that keep what was said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics.structured.parse import find_json
from glm_magics.structured.table import to_frame

ROWS = [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param('[{"a": 1}, {"a": 2}]', ROWS, id="bare"),
        pytest.param('```json\n[{"a": 1}, {"a": 2}]\n```', ROWS, id="fence"),
        pytest.param('Here:\n\n~~~\n[{"a": 1}, {"a": 2}]\n~~~\nDone.', ROWS, id="tilde-fence-in-prose"),
        pytest.param('```python\nx = [1]\n```\n```json\n[{"a": 1}, {"a": 2}]\n```', ROWS, id="second-fence"),
        pytest.param('The answer is [{"a": 1}, {"a": 2}], I think.', ROWS, id="prose"),
        pytest.param('\ufeff {"a": 1}\n', {"a": 1}, id="mark-and-blanks"),
        pytest.param(
            '{"t": "a } in ] text", "n": null}', {"t": "a } in ] text", "n": None}, id="brackets-in-text"
        ),
    ],
)
def test_json_is_found(text: str, value: Any) -> None:
    assert find_json(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("No data here.", "no JSON array or object", id="none"),
        pytest.param("42", "no JSON array or object", id="number"),
        pytest.param('[{"a": 1}, {"a": ', "broken or cut off", id="cut-off"),
        pytest.param('{"a": 1,}', "broken or cut off", id="comma"),
        pytest.param('First {"a": 1} {"b": 2}', "several JSON values", id="several"),
        pytest.param("", "no JSON array or object", id="empty"),
    ],
)
def test_what_is_not_whole_is_an_error_and_not_a_guess(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_json(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, (list, dict)))


@given(json_values)
def test_what_was_written_is_read_back(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert find_json(text) == value
    assert find_json(f"```json\n{text}\n```") == value


@pytest.mark.parametrize(
    ("value", "dtypes"),
    [
        pytest.param(ROWS, {"a": "Int64"}, id="integers"),
        pytest.param([{"a": 1}, {"a": None}], {"a": "Int64"}, id="missing-integer"),
        pytest.param([{"a": 1}, {"a": 2.5}], {"a": "Float64"}, id="mixed-numbers"),
        pytest.param([{"a": True}, {"b": "x"}], {"a": "boolean", "b": "string"}, id="ragged"),
        pytest.param([{"a": 2**70}], {"a": "object"}, id="huge"),
        pytest.param([{"a": [1]}, {"a": {"b": 1}}], {"a": "object"}, id="nested"),
        pytest.param([{"a": 1}, {"a": "x"}], {"a": "object"}, id="mixed-kinds"),
        pytest.param([{"a": True}, {"a": 1}], {"a": "object"}, id="boolean-and-number"),
    ],
)
def test_columns_have_nullable_types(value: Any, dtypes: dict[str, str]) -> None:
    frame = to_frame(value)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dtypes


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        pytest.param({"rows": ROWS}, (2, 1), id="unwrapped"),
        pytest.param({"a": 1, "b": [1, 2]}, (1, 2), id="one-object-is-a-row"),
        pytest.param([1, 2, 3], (3, 1), id="values"),
        pytest.param([], (0, 0), id="nothing"),
        pytest.param({"rows": []}, (0, 0), id="no-rows"),
    ],
)
def test_the_shape_follows_the_json(value: Any, shape: tuple[int, int]) -> None:
    assert to_frame(value).shape == shape


def test_integers_stay_exact() -> None:
    assert to_frame(json.dumps([{"id": 9_007_199_254_740_993}]))["id"][0] == 9_007_199_254_740_993


def test_the_value_of_the_caller_is_not_changed() -> None:
    rows = [{"a": 1, "b": [1]}]
    to_frame(rows)
    assert rows == [{"a": 1, "b": [1]}]
