"""The demo's files and batches: the documented life of a batch, its limits, and the vendor's SDK over it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from glm_magics.demo import BASE_PATH, DemoTransport, Engine
from glm_magics.demo.batches import MOST_REQUESTS
from glm_magics.demo.server import serve

HEADERS = {"Authorization": "Bearer demo-key"}


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    engine = Engine(pace=0)
    with httpx.Client(
        transport=DemoTransport(engine), base_url=f"http://demo{BASE_PATH}", headers=HEADERS
    ) as client:
        yield client


def line(id: str, prompt: str = "What is 6 * 7?", **body: Any) -> dict[str, Any]:
    asked = {"model": "glm-4.5-air", "messages": [{"role": "user", "content": prompt}], **body}
    return {"custom_id": id, "method": "POST", "url": "/v4/chat/completions", "body": asked}


def lines(*requests: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(request).encode() + b"\n" for request in requests)


def upload(
    http: httpx.Client, content: bytes, name: str = "in.jsonl", purpose: str = "batch"
) -> httpx.Response:
    return http.post("/files", files={"file": (name, content)}, data={"purpose": purpose})


def create(http: httpx.Client, content: bytes, **options: Any) -> dict[str, Any]:
    file = upload(http, content).json()
    asked = {"input_file_id": file["id"], "endpoint": "/v4/chat/completions", **options}
    batch: dict[str, Any] = http.post("/batches", json=asked).json()
    return batch


def look(http: httpx.Client, id: str, until: tuple[str, ...]) -> list[str]:
    """The states a batch goes through, each once."""
    states: list[str] = []
    for _ in range(10_000):
        status = http.get(f"/batches/{id}").json()["status"]
        if status not in states:
            states.append(status)
        if status in until:
            return states
    raise AssertionError(states)


def results(http: httpx.Client, file_id: str) -> list[dict[str, Any]]:
    return [json.loads(row) for row in http.get(f"/files/{file_id}/content").text.splitlines()]


def test_a_file_comes_back_as_it_was_sent(http: httpx.Client) -> None:
    content = b'{"a": "\xe8\x8c\xb6"}\r\n\r\n--not-a-boundary\n'
    file = upload(http, content).json()
    assert (file["bytes"], file["purpose"], file["object"]) == (len(content), "batch", "file")
    assert http.get(f"/files/{file['id']}/content").content == content


def test_files_are_listed_in_pages_and_deleted(http: httpx.Client) -> None:
    ids = [upload(http, b"{}\n").json()["id"] for _ in range(3)]
    first = http.get("/files", params={"purpose": "batch", "limit": 2, "order": "asc"}).json()
    rest = http.get("/files", params={"purpose": "batch", "after": ids[1], "order": "asc"}).json()
    assert ([file["id"] for file in first["data"]], first["has_more"]) == (ids[:2], True)
    assert ([file["id"] for file in rest["data"]], rest["has_more"]) == (ids[2:], False)
    assert http.delete(f"/files/{ids[0]}").json()["deleted"] is True
    assert http.get(f"/files/{ids[0]}/content").json()["error"]["code"] == "1214"


def test_another_account_does_not_see_a_file() -> None:
    with httpx.Client(transport=DemoTransport(Engine(None)), base_url=f"http://demo{BASE_PATH}") as http:
        mine = {"Authorization": "Bearer one"}
        file = http.post(
            "/files", files={"file": ("a.jsonl", b"{}")}, data={"purpose": "batch"}, headers=mine
        ).json()
        other = http.get(f"/files/{file['id']}/content", headers={"Authorization": "Bearer two"})
        assert other.json()["error"]["code"] == "1214"


@pytest.mark.parametrize(
    ("name", "purpose", "code"),
    [
        pytest.param("in.txt", "batch", "1214", id="not jsonl"),
        pytest.param("in.jsonl", "fine-tune", "1214", id="another purpose"),
    ],
)
def test_what_is_no_batch_file_is_refused(http: httpx.Client, name: str, purpose: str, code: str) -> None:
    assert upload(http, b"{}\n", name, purpose).json()["error"]["code"] == code


def test_a_batch_goes_through_its_states_and_leaves_its_answers(http: httpx.Client) -> None:
    batch = create(http, lines(line("a"), line("b", "What is 2 + 2?")), metadata={"job": "x"})
    assert (batch["status"], batch["metadata"]) == ("validating", {"job": "x"})
    assert look(http, batch["id"], ("completed",)) == ["in_progress", "finalizing", "completed"]
    done = http.get(f"/batches/{batch['id']}").json()
    assert done["request_counts"] == {"total": 2, "completed": 2, "failed": 0}
    answers = {row["custom_id"]: row["response"] for row in results(http, done["output_file_id"])}
    assert "42" in answers["a"]["body"]["choices"][0]["message"]["content"]
    assert answers["b"]["status_code"] == 200
    assert done["error_file_id"] is None


def test_requests_that_fail_stand_in_a_file_of_their_own(http: httpx.Client) -> None:
    batch = create(http, lines(line("good"), line("bad", temperature=7)))
    look(http, batch["id"], ("completed",))
    done = http.get(f"/batches/{batch['id']}").json()
    (failed,) = results(http, done["error_file_id"])
    assert (failed["custom_id"], failed["response"]["status_code"]) == ("bad", 400)
    assert failed["response"]["body"]["error"]["code"] == "1214"
    assert done["request_counts"]["failed"] == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"{oops\n", "not JSON", id="not json"),
        pytest.param(lines(line("a"), line("a")), "twice", id="the same id twice"),
        pytest.param(lines(line("")), "custom_id", id="no id"),
        pytest.param(lines(line("a"), line("b", model="glm-4.7")), "One model", id="two models"),
        pytest.param(lines(line("a") | {"url": "/v1/chat"}), "Expected POST", id="another address"),
        pytest.param(lines(line("a", stream=True)), "does not stream", id="a stream"),
        pytest.param(b"\n", "empty", id="empty"),
        pytest.param(
            b"".join(
                b'{"custom_id":"%d","method":"POST","url":"/v4/chat/completions","body":{}}\n' % n
                for n in range(MOST_REQUESTS + 1)
            ),
            "More than",
            id="too many",
        ),
    ],
)
def test_a_malformed_file_fails_its_batch(http: httpx.Client, content: bytes, says: str) -> None:
    batch = create(http, content)
    assert look(http, batch["id"], ("failed",)) == ["failed"]
    problems = http.get(f"/batches/{batch['id']}").json()["errors"]["data"]
    assert says in problems[0]["message"]


def test_a_cancelled_batch_keeps_what_was_answered(http: httpx.Client) -> None:
    batch = create(http, lines(*(line(str(n), "List 20 facts.") for n in range(2_000))))
    http.get(f"/batches/{batch['id']}")
    assert http.post(f"/batches/{batch['id']}/cancel").json()["status"] == "cancelling"
    look(http, batch["id"], ("cancelled",))
    done = http.get(f"/batches/{batch['id']}").json()
    assert done["request_counts"]["completed"] < 2_000
    assert http.post(f"/batches/{batch['id']}/cancel").json()["error"]["code"] == "1214"


def test_batches_are_listed_newest_first(http: httpx.Client) -> None:
    ids = [create(http, lines(line("a")))["id"] for _ in range(3)]
    assert [batch["id"] for batch in http.get("/batches").json()["data"]] == ids[::-1]


def test_the_input_file_can_go_with_its_batch(http: httpx.Client) -> None:
    batch = create(http, lines(line("a")), auto_delete_input_file=True)
    assert http.get(f"/files/{batch['input_file_id']}/content").json()["error"]["code"] == "1214"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("PUT", "/files", "1212"),
        ("GET", "/files/a/b/c", "1222"),
        ("GET", "/batches/none", "1214"),
        ("POST", "/batches/none/cancel", "1214"),
    ],
)
def test_other_addresses_are_refused(http: httpx.Client, method: str, path: str, code: str) -> None:
    assert http.request(method, path).json()["error"]["code"] == code


def test_a_batch_needs_a_key(http: httpx.Client) -> None:
    assert http.get("/batches", headers={"Authorization": ""}).json()["error"]["code"] == "1001"


def test_the_vendors_sdk_runs_a_batch() -> None:
    from zai import ZhipuAiClient

    with serve(Engine(pace=0)) as base_url:
        client = ZhipuAiClient(api_key="demo-key", base_url=base_url)
        file = client.files.create(file=("in.jsonl", lines(line("a"))), purpose="batch")
        assert file.id is not None
        endpoint: Any = "/v4/chat/completions"
        batch = client.batches.create(input_file_id=file.id, endpoint=endpoint)
        for _ in range(100):
            batch = client.batches.retrieve(batch.id)
            if batch.status == "completed":
                break
        assert batch.output_file_id is not None
        assert b"42" in client.files.content(batch.output_file_id).content


def test_a_batch_that_is_not_done_within_seven_days_expires() -> None:
    now = [1_000_000.0]
    engine = Engine(pace=0, clock=lambda: now[0])
    with httpx.Client(
        transport=DemoTransport(engine), base_url=f"http://demo{BASE_PATH}", headers=HEADERS
    ) as http:
        id = create(http, lines(line("a")))["id"]
        now[0] += 7 * 86_400
        assert http.get(f"/batches/{id}").json()["status"] == "expired"
        assert http.post(f"/batches/{id}/cancel").status_code == 400
