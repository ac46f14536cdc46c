"""Files and batches through the client: what is sent, what comes back, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from glm_magics import _wire_batch as wire
from glm_magics._batch_api import BatchApi
from glm_magics.chat import ChatRequest, Message
from glm_magics.client import Client, Endpoint
from glm_magics.demo import BASE_PATH, DemoTransport, Engine
from glm_magics.errors import GLMError, NoAnswer, ProtocolError, RequestError
from glm_magics.keys import ApiKey

ENDPOINT = Endpoint("demo", f"http://demo{BASE_PATH}", key=ApiKey("demo-key", source="test"), currency="CNY")
REQUEST = ChatRequest(model="glm-4.5-air", messages=(Message("user", "What is 6 * 7?"),), temperature=0.2)


def api(transport: httpx.BaseTransport | None = None) -> BatchApi:
    return BatchApi(Client(ENDPOINT, transport=transport or DemoTransport(Engine(pace=0))))


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "asked.jsonl"
    path.write_bytes(wire.line("row-0", REQUEST) + wire.line("row-1", REQUEST))
    return path


def test_a_line_is_the_request_without_a_stream() -> None:
    row = json.loads(wire.line("row-0", REQUEST))
    assert (row["custom_id"], row["method"], row["url"]) == ("row-0", "POST", "/v4/chat/completions")
    assert "stream" not in row["body"]
    assert row["body"]["temperature"] == 0.2


def test_a_batch_from_its_file_to_its_answers(asked: Path, tmp_path: Path) -> None:
    calls = api()
    batch = calls.create(calls.upload(asked), {"job": "j1"})
    while not batch.over:
        batch = calls.look(batch.id)
    assert (batch.status, batch.total, batch.completed, batch.failed) == ("completed", 2, 2, 0)
    assert batch.output_file_id is not None
    calls.download(batch.output_file_id, tmp_path / "out.jsonl")
    answers = [wire.answer(row) for row in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [answer.custom_id for answer in answers] == ["row-0", "row-1"]
    assert b"42" in answers[0].body


def test_every_batch_of_the_account_is_found(asked: Path) -> None:
    calls = api()
    file_id = calls.upload(asked)
    made = [calls.create(file_id, {"job": str(n)}).id for n in range(120)]
    assert [batch.id for batch in calls.all()] == made[::-1]


def test_a_refusal_is_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "asked.txt"
    path.write_text("{}")
    with pytest.raises(RequestError, match="jsonl"):
        api().upload(path)


def test_a_file_that_is_gone_can_be_deleted_again(asked: Path) -> None:
    calls = api()
    file_id = calls.upload(asked)
    calls.delete_file(file_id)
    calls.delete_file(file_id)


def test_a_download_that_breaks_leaves_no_file(tmp_path: Path) -> None:
    class Breaking(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield b"half"
            raise httpx.ReadError("gone")

    calls = api(httpx.MockTransport(lambda request: httpx.Response(200, stream=Breaking())))
    with pytest.raises(GLMError):
        calls.download("f", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_counts_may_be_flat_and_errors_may_be_missing() -> None:
    state = wire.batch({"id": "b", "status": "failed", "total": 3, "failed": 3, "errors": None})
    assert (state.total, state.failed, state.over, state.problems) == (3, 3, True, ())


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"custom_id": "a", "response": {"status_code": "x"}}'])
def test_a_strange_line_is_a_protocol_error(raw: str) -> None:
    with pytest.raises(ProtocolError):
        wire.answer(raw)


def test_no_answer_at_all_is_said() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("nothing")

    with pytest.raises(NoAnswer):
        api(httpx.MockTransport(silent)).look("b")
