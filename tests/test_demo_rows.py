"""The demo answers a request about several rows as it would answer each alone, and can be careless with them."""

from __future__ import annotations

import json

import pytest

from glm_magics.demo import Engine, engine_from_url
from glm_magics.demo.spoil import spoiled
from glm_magics.demo.writer.packed import packed_rows
from glm_magics.errors import SettingError
from glm_magics.rows.packing import packed_prompt


def test_each_row_is_the_question_it_would_be_by_itself() -> None:
    text = packed_prompt(
        "Classify {{text}} of {{n}}", [{"text": "很\n好", "n": 1}, {"text": None, "n": 2}], "id"
    )
    found = packed_rows(f"{text}\n\nAnswer with JSON only.")
    assert found is not None
    assert found.id == "id"
    assert found.questions == ((101, "Classify 很\n好 of 1"), (102, "Classify  of 2"))


def test_another_request_has_no_rows() -> None:
    assert packed_rows("Classify this for each of the 3 rows") is None


def test_a_careless_answer_leaves_some_rows_out_and_breaks_some() -> None:
    rows = [{"id": n, "label": "good"} for n in range(5_000)]
    kept = json.loads(spoiled(json.dumps({"rows": rows})))["rows"]
    broken = [row for row in kept if row["label"] != "good"]
    assert 0.03 < 1 - len(kept) / 5_000 < 0.07
    assert 0.01 < len(broken) / 5_000 < 0.03


@pytest.mark.parametrize("text", ["hello", '{"rows": [{"id": 1}]}', '{"label": "good"}', '{"rows": [1, 2]}'])
def test_what_is_not_about_several_rows_is_left_alone(text: str) -> None:
    assert spoiled(text) == text


def test_an_address_can_name_the_limit_and_the_time() -> None:
    engine = engine_from_url("demo://?limit=30&seconds=0.2")
    assert (engine.most_in_flight, engine.answer_seconds) == (30, 0.2)


@pytest.mark.parametrize("option", ["limit=0", "limit=many", "seconds=soon"])
def test_an_address_that_says_nonsense_is_an_error(option: str) -> None:
    with pytest.raises(SettingError):
        engine_from_url(f"demo://?{option}")


def test_the_limit_may_change_while_it_runs() -> None:
    engine = Engine(pace=0, most_in_flight=0)
    body = json.dumps({"model": "glm-4-plus", "messages": [{"role": "user", "content": "hi"}]}).encode()
    headers = {"authorization": "Bearer demo-key"}
    refused = engine.handle("POST", "/api/paas/v4/chat/completions", headers, body)
    engine.most_in_flight = 1
    allowed = engine.handle("POST", "/api/paas/v4/chat/completions", headers, body)
    assert (refused.status, allowed.status) == (429, 200)
    allowed.close()
