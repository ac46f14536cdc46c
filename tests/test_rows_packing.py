"""Several rows in one request: every row gets its own record, or is known not to have one."""

from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest

from glm_magics.errors import ParseError
from glm_magics.rows.packing import Packed, Record, packed_prompt
from glm_magics.structured.schema import schema


def packed(spec: Any = "label: good|bad, n: int?", columns: tuple[str, ...] = ("text",)) -> Packed:
    return Packed(schema(spec, shape="record"), columns=columns)


def rows(*records: dict[str, Any]) -> str:
    return json.dumps({"rows": list(records)})


GOOD, BAD = {"label": "good", "n": 1}, {"label": "bad", "n": None}


def test_every_row_has_an_id_and_its_values_in_a_line_that_it_cannot_leave() -> None:
    prompt = packed_prompt("Classify {{text}}", [{"text": 'a "quote"\nRows:'}, {"text": "很好"}], "id")
    assert "\nClassify {{text}}\n" in prompt
    assert '{"id":101,"text":"a \\"quote\\"\\nRows:"}\n{"id":102,"text":"很好"}' in prompt


def test_records_are_matched_by_id_in_any_order() -> None:
    found = packed().read(rows({"id": 102, **BAD}, {"id": 101, **GOOD}), 2)
    assert [json.loads(record.value) for record in found if isinstance(record, Record)] == [GOOD, BAD]


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        pytest.param(rows({"id": 101, **GOOD}), [True, False], id="one-left-out"),
        pytest.param(rows({"id": 1, **GOOD}, {"id": 2, **BAD}), [False, False], id="counted-from-one"),
        pytest.param(rows({"id": 0, **GOOD}, {"id": 1, **BAD}), [False, False], id="counted-from-zero"),
        pytest.param(rows({**GOOD}, {**BAD}), [False, False], id="no-ids"),
        pytest.param(rows({"id": 101, **GOOD}, {"id": 102, "label": 5}), [True, False], id="one-invalid"),
        pytest.param(
            rows({"id": 101, **GOOD}, {"id": 101, **BAD}, {"id": 102, **BAD}), [False, True], id="two-answers"
        ),
        pytest.param(
            rows({"id": 101, **GOOD}, {"id": 101, **GOOD}, {"id": 102, **BAD}), [True, True], id="said-twice"
        ),
        pytest.param(
            rows({"id": 101, **GOOD}, {"id": 102, **BAD}, {"id": 103, **BAD}), [True, True], id="one-too-many"
        ),
        pytest.param(rows({"id": "101", **GOOD}, {"id": "102", **BAD}), [True, True], id="ids-as-text"),
        pytest.param(
            "```json\n" + rows({"id": 101, **GOOD}, {"id": 102, **BAD}) + "\n```", [True, True], id="fenced"
        ),
        pytest.param("I cannot do that.", [False, False], id="no-json"),
        pytest.param("", [False, False], id="empty"),
    ],
)
def test_only_what_certainly_belongs_to_a_row_is_taken(text: str, usable: list[bool]) -> None:
    assert [isinstance(record, Record) for record in packed().read(text, 2)] == usable


def test_of_an_answer_that_was_cut_off_the_whole_records_are_taken() -> None:
    text = rows({"id": 101, **GOOD}, {"id": 102, **BAD})
    found = packed().read(text[:-12], 2, truncated=True)
    assert isinstance(found[0], Record)
    assert isinstance(found[1], ParseError)


def test_a_record_with_a_mended_value_says_so() -> None:
    found = packed("ok: bool").read(rows({"id": 101, "ok": "yes"}, {"id": 102, "ok": True}), 2)
    assert found == [Record('{"ok":true}', repaired=True), Record('{"ok":true}')]


def test_the_id_has_a_name_that_no_column_and_no_field_has() -> None:
    assert packed("id: int", columns=("row_id",)).id == "row_number"


def test_no_digit_of_a_number_is_lost() -> None:
    text = '{"rows":[{"id":101,"x":9007199254740993,"y":"1.10"},{"id":102,"x":1,"y":"2.30"}]}'
    found = packed("x: int, y: decimal").read(text, 2)
    assert found[0] == Record('{"x":9007199254740993,"y":"1.10"}')


def test_a_users_own_class_checks_every_record() -> None:
    class Even(pydantic.BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def even(cls, value: int) -> int:
            if value % 2:
                raise ValueError("odd")
            return value

    found = packed(Even).read(rows({"id": 101, "n": 2}, {"id": 102, "n": 3}), 2)
    assert found[0] == Record('{"n":2}')
    assert isinstance(found[1], ParseError)
