"""`--schema` and `--as` in real cells: what is shown, what is bound, and what a wrong line says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pandas as pd
import pytest
from conftest import Cells
from IPython.core.error import UsageError

import glm_magics as glm
from glm_magics import api
from glm_magics.chat import Completion
from glm_magics.client import Client, Endpoint
from glm_magics.errors import ParseError

GOOD = '{"rows": [{"name": "tea", "price": 2.5}, {"name": "salt", "price": null}]}'
BAD = '{"rows": [{"name": "tea", "price": "some"}]}'
Served = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def served(cells: Cells) -> Iterator[Served]:
    """A server that says these texts in turn, each as a stream; gives the bodies it is sent."""

    def serve(*texts: str, finish: str = "stop") -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(json.loads(request.content))
            text = texts[len(seen) - 1]
            parts = [{"delta": {"content": text[at : at + 7]}} for at in range(0, len(text), 7)]
            parts.append({"delta": {}, "finish_reason": finish})
            lines = [f"data: {json.dumps({'choices': [{'index': 0, **part}]})}\n\n" for part in parts]
            content = "".join([*lines, "data: [DONE]\n\n"])
            return httpx.Response(200, content=content, headers={"content-type": "text/event-stream"})

        endpoint = Endpoint("test", "http://test/v4", currency="USD")
        api.use_client(Client(endpoint, transport=httpx.MockTransport(answer)), tier="glm-4.5-air")
        return seen

    return serve


def test_out_is_a_typed_frame(cells: Cells, served: Served) -> None:
    seen = served(GOOD)
    cells("%%glm --schema 'name: str, price: float?' -o prices\nwhat costs what?")
    frame = cells["prices"]
    assert frame["name"].dtype == glm.schema("name").dtypes()["name"]
    assert frame["price"].dtype == "Float64"
    assert frame["name"].tolist() == ["tea", "salt"]
    assert seen[0]["response_format"] == {"type": "json_object"}
    assert "what costs what?" in seen[0]["messages"][-1]["content"]


def test_the_frame_carries_the_record_of_its_answer(cells: Cells, served: Served) -> None:
    served(GOOD)
    cells("%%glm --schema 'name: str, price: float?' -o prices\nwhat costs what?")
    assert cells["prices"].attrs["glm_magics"]["tier"] == "glm-4.5-air"


def test_the_value_of_a_cell_is_the_whole_answer(cells: Cells, served: Served) -> None:
    served(GOOD)
    ran = cells("%%glm --schema 'name: str, price: float?'\nwhat costs what?")
    assert isinstance(ran.value, Completion)
    assert len(ran.value.to_frame()) == 2


def test_the_value_of_a_line_is_the_data(cells: Cells, served: Served) -> None:
    served(GOOD)
    cells("prices = %glm --schema 'name: str, price: float?' what costs what?")
    assert isinstance(cells["prices"], pd.DataFrame)


@pytest.mark.parametrize(
    ("shape", "answer", "expected"),
    [
        pytest.param(
            "json", GOOD, [{"name": "tea", "price": 2.5}, {"name": "salt", "price": None}], id="json"
        ),
        pytest.param("text", GOOD, GOOD, id="text"),
        pytest.param("record", '{"name": "tea", "price": 2.5}', {"name": "tea", "price": 2.5}, id="record"),
    ],
)
def test_as_chooses_the_shape(cells: Cells, served: Served, shape: str, answer: str, expected: Any) -> None:
    served(answer)
    cells(f"%%glm --schema 'name: str, price: float?' --as {shape} -o found\nwhat?")
    found = cells["found"]
    assert (found.to_dict() if isinstance(found, pd.Series) else found) == expected


def test_dates_and_decimals_stay_what_they_are(cells: Cells, served: Served) -> None:
    served('{"rows": [{"day": "2026-01-02", "cost": "12.50"}]}' * 1)
    cells("%%glm --schema 'day: date, cost: decimal' -o found\nwhat?")
    assert str(cells["found"]["cost"][0]) == "12.50"
    assert cells["found"]["day"][0] == pd.Timestamp("2026-01-02")


def test_a_schema_can_be_a_class_a_frame_or_a_variable(cells: Cells, served: Served) -> None:
    cells(
        "from dataclasses import dataclass\n@dataclass\nclass Item:\n    name: str\n    price: float | None"
    )
    cells(
        "import pandas as pd\nlike = pd.DataFrame({'name': ['x'], 'price': [1.5]})\nspec = 'name, price: float?'"
    )
    for spec in ("Item", "list[Item]", "like", "spec"):
        served('{"rows": [{"name": "tea", "price": 2.5}]}')
        cells(f"%%glm --schema {spec} -o found\nwhat?")
        assert cells["found"]["price"].tolist() == [2.5], spec


def test_a_record_of_a_class_is_its_instance(cells: Cells, served: Served) -> None:
    cells("from dataclasses import dataclass\n@dataclass\nclass Item:\n    name: str")
    served('{"name": "tea"}')
    cells("%%glm --schema Item --as record -o found\nwhat?")
    assert cells("found == Item('tea')").value is True


def test_an_answer_that_does_not_fit_is_asked_for_again(cells: Cells, served: Served) -> None:
    seen = served(BAD, GOOD)
    ran = cells("%%glm --schema 'name: str, price: float?' -o prices\nwhat costs what?")
    assert "rows[0].price" in seen[1]["messages"][-1]["content"]
    assert len(cells["prices"]) == 2
    assert any("asked again" in note or "asked for again" in note for note in ran.value.notes)
    assert len(api.session().ledger.entries) == 2


def test_a_second_refusal_is_an_error_and_the_name_keeps_what_it_had(cells: Cells, served: Served) -> None:
    served(BAD, BAD)
    cells("prices = 'before'")
    error = cells("%%glm --schema 'name: str, price: float?' -o prices\nwhat costs what?").error
    assert isinstance(error, ParseError)
    assert "rows[0].price" in str(error)
    assert error.text == BAD
    assert cells["prices"] == "before"


def test_what_was_cut_at_the_token_limit_is_not_asked_for_again(cells: Cells, served: Served) -> None:
    seen = served('{"rows": [{"name": "tea", "price": 2.5}, {"name": "sa', finish="length")
    ran = cells("%%glm --schema 'name: str, price: float?' -o prices\nwhat costs what?")
    assert len(seen) == 1
    assert cells["prices"]["name"].tolist() == ["tea"]
    assert any("not complete" in note for note in ran.value.notes)


def test_the_schema_counts_in_an_estimate(cells: Cells, served: Served) -> None:
    seen = served()
    bare = cells("%%glm --estimate\nwhat?").out
    with_schema = cells("%%glm --estimate --schema 'name: str, price: float?'\nwhat?").out
    assert seen == []
    assert bare != with_schema


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param("--schema 'name: strr'", "at ▸ in: name: ▸strr", id="misspelt type"),
        pytest.param("--schema Itme", "no Itme in the notebook", id="misspelt name"),
        pytest.param("--schema 'int' --as record", "named fields", id="no fields"),
        pytest.param("--as json", "--as needs --schema", id="no schema"),
        pytest.param("--schema x --as table", "expected frame, record, json or text", id="unknown shape"),
        pytest.param("--schema three", "got int 3", id="a number"),
    ],
)
def test_a_wrong_line_is_one_error_and_nothing_is_sent(
    cells: Cells, served: Served, line: str, says: str
) -> None:
    seen = served()
    cells("three = 3")
    error = cells(f"%%glm {line}\nwhat?").error
    assert isinstance(error, UsageError)
    assert says in str(error)
    assert seen == []


def test_the_demo_fills_a_schema_from_the_prompt(cells: Cells) -> None:
    cells("%%glm --schema 'name: str, price: float' -o found\nApples cost 1.20 and pears cost 2.35.")
    assert isinstance(cells["found"], pd.DataFrame)
    assert list(cells["found"]) == ["name", "price"]
