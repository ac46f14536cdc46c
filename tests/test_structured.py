"""A frame of JSON, with types that keep what was said."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from glm_magics.structured.table import to_frame

ROWS = [{"a": 1}, {"a": 2}]
TEXT = "string" if pd.__version__ < "3" else "str"  # pandas' own dtype for text with missing values


@pytest.mark.parametrize(
    ("value", "dtypes"),
    [
        pytest.param(ROWS, {"a": "Int64"}, id="integers"),
        pytest.param([{"a": 1}, {"a": None}], {"a": "Int64"}, id="missing-integer"),
        pytest.param([{"a": 1}, {"a": 2.5}], {"a": "Float64"}, id="mixed-numbers"),
        pytest.param([{"a": True}, {"b": "x"}], {"a": "boolean", "b": TEXT}, id="ragged"),
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
