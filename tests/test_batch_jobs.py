"""Rows of a frame as a batch job: what is sent, what comes back, what it costs, and what is never done twice."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from batch_server import Platform

import glm_magics as glm
from glm_magics import api
from glm_magics._batch_api import BatchApi
from glm_magics._options import Options
from glm_magics.client import Client, Endpoint
from glm_magics.demo import DemoTransport
from glm_magics.errors import BudgetExceeded, RateLimitError, RequestError, SettingError
from glm_magics.frames.batch import BatchJob, batch_rows, begin, job, jobs
from glm_magics.frames.rows import How, map_rows
from glm_magics.keys import ApiKey
from glm_magics.rows.splitting import FileLimits, Splitter

TASK, SCHEMA = "Take the number of row {{n}}.", "n: int"
SMALL = FileLimits(requests=4)


@pytest.fixture(autouse=True)
def home(bare_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GLM_CACHE", str(tmp_path))
    return tmp_path


class Interposed(DemoTransport):
    """The platform behind a network that changes or loses answers: `changed(request, response)`."""

    def __init__(self, engine: Platform, changed: Callable[[httpx.Request, httpx.Response], httpx.Response]):
        super().__init__(engine)
        self._changed = changed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.read()
        return self._changed(request, response)


def connected(
    engine: Platform, transport: httpx.BaseTransport | None = None, *, tier: str = "glm-4-plus", **place: Any
) -> None:
    place = {"name": "demo", "base_url": "http://demo.invalid/api/paas/v4", **place}
    endpoint = Endpoint(key=ApiKey("demo-key", source="test"), currency="CNY", **place)
    api.use_client(Client(endpoint, transport=transport or DemoTransport(engine)), tier=tier)


def frame(rows: int = 10) -> pd.DataFrame:
    return pd.DataFrame({"n": range(rows)}, index=[f"r{n}" for n in range(rows)])


def begun(table: pd.DataFrame, **how: Any) -> BatchJob:
    return begin(table, How(TASK, SCHEMA, Options(), rows_per_request=1, **how), limits=SMALL)


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.jsonl"))


# -- splitting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "limits", "places"),
    [
        ([1, 1, 1, 1, 1], FileLimits(2, 100), [1, 1, 2, 2, 3]),
        ([50, 50, 1, 100], FileLimits(9, 100), [1, 1, 2, 3]),
        ([], FileLimits(2, 100), []),
    ],
)
def test_files_are_filled_up_to_their_limits(sizes: list[int], limits: FileLimits, places: list[int]) -> None:
    splitter = Splitter(limits)
    assert [splitter.place(size) for size in sizes] == places


def test_a_request_that_no_file_holds_is_refused_before_anything_is_sent(home: Path) -> None:
    engine = Platform()
    connected(engine)
    with pytest.raises(RequestError, match="holds 100"):
        begin(frame(), How(TASK, SCHEMA, Options()), limits=FileLimits(9, 100))
    assert not engine.seen
    assert kept(home) == []
    assert jobs().empty


# -- a job ------------------------------------------------------------------------------------------


def test_a_job_gives_what_the_row_map_gives_and_the_map_has_its_answers() -> None:
    engine = Platform()
    connected(engine)
    table = pd.concat([frame(), frame(3)])
    done = begun(table).wait().result()
    pd.testing.assert_frame_equal(done[["n"]].astype(int), table)
    assert list(done.index) == list(table.index)
    assert set(done["_glm_status"]) == {"ok"}
    assert set(engine.paid.values()) == {1}
    calls = len(engine.seen)
    mapped = map_rows(table, TASK, schema=SCHEMA, progress=False)
    assert set(mapped["_glm_status"]) == {"cached"}
    assert len(engine.seen) == calls
    pd.testing.assert_frame_equal(done.drop(columns="_glm_status"), mapped.drop(columns="_glm_status"))


def test_rows_that_are_answered_already_are_not_asked() -> None:
    engine = Platform()
    connected(engine)
    map_rows(frame(7), TASK, schema=SCHEMA, progress=False, rows_per_request=1)
    done = begun(frame()).wait().result()
    assert list(done["_glm_status"]) == ["cached"] * 7 + ["ok"] * 3
    assert sum(engine.paid.values()) == 3


def test_the_same_cell_finds_the_same_job_and_pays_nothing_again() -> None:
    engine = Platform()
    connected(engine)
    first = begun(frame())
    second = begun(frame())
    assert first.id == second.id
    second.wait().result()
    begun(frame()).wait().result()
    assert engine.created == 3
    assert set(engine.paid.values()) == {1}


def test_an_open_job_has_pending_rows_and_says_why() -> None:
    connected(Platform())
    opened = begun(frame())
    done = opened.result()
    assert set(done["_glm_status"]) == {"pending"}
    assert done["_glm_error"].iloc[0].startswith("Part 1 of the job is ")
    assert list(opened.status()["total"]) == [4, 4, 2]


def test_the_cost_is_half_and_is_told_once() -> None:
    connected(Platform())
    job = begun(frame()).wait()
    job.result()
    job.result()
    entries = api.session().ledger.entries
    assert [entry.label for entry in entries] == ["batch"] * 3
    tier = api.session().tier
    whole = sum((tier.prices["CNY"].cost(entry.usage).amount for entry in entries), Decimal(0))
    assert sum((entry.cost.amount for entry in entries if entry.cost), Decimal(0)) == whole / 2
    assert "CNY so far" in repr(job)


def test_a_budget_is_a_wall_before_anything_is_uploaded(home: Path) -> None:
    engine = Platform()
    connected(engine)
    with pytest.raises(BudgetExceeded):
        batch_rows(frame(), TASK, schema=SCHEMA, budget="0.0001")
    assert not engine.seen
    assert kept(home) == []
    assert jobs().empty
    assert api.session().ledger.spent() == {}


def test_what_a_job_can_cost_is_set_aside_until_it_is_paid() -> None:
    connected(Platform())
    glm.budget(1)
    job = begun(frame())
    left = api.session().ledger.left()
    job.wait().result()
    after = api.session().ledger.left()
    assert left is not None
    assert after is not None
    (spent,) = api.session().ledger.spent().values()
    assert left.amount < after.amount == 1 - spent.amount


def test_an_estimate_sends_nothing_and_is_half_that_of_the_map(home: Path) -> None:
    engine = Platform()
    connected(engine)
    half = batch_rows(frame(), TASK, schema=SCHEMA, estimate=True)
    whole = map_rows(frame(), TASK, schema=SCHEMA, estimate=True, rows_per_request=1)
    assert isinstance(half, pd.DataFrame)
    assert half["cost"].iloc[0] == whole["cost"].iloc[0] / 2
    assert not engine.seen
    assert kept(home) == []


@pytest.mark.parametrize(
    "place",
    [
        {"name": "z.ai", "base_url": "https://api.z.ai/api/paas/v4"},
        {"name": "bigmodel", "base_url": "https://open.bigmodel.cn/api/coding/paas/v4"},
        {"name": "localhost:8000", "base_url": "http://localhost:8000/v1", "dialect": "openai"},
    ],
    ids=lambda place: place["base_url"],
)
def test_a_server_without_batches_is_said_before_anything_is_written(place: Any, home: Path) -> None:
    engine = Platform()
    connected(engine, **place)
    with pytest.raises(SettingError, match="no batches"):
        batch_rows(frame(), TASK, schema=SCHEMA)
    assert not engine.seen
    assert list(home.iterdir()) == []


def test_a_cache_that_keeps_nothing_is_refused() -> None:
    connected(Platform())
    with pytest.raises(SettingError, match="row cache"):
        batch_rows(frame(), TASK, schema=SCHEMA, cache="off")


def test_without_a_folder_the_demo_keeps_its_jobs_in_memory(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.delenv("GLM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    connected(Platform())
    assert set(begun(frame(5)).wait().result()["_glm_status"]) == {"ok"}
    assert list(home.iterdir()) == []


# -- what goes wrong ----------------------------------------------------------------------------------


def test_refused_rows_are_told_and_the_map_asks_them_again() -> None:
    engine = Platform({"row 3.": "1301", "row 5.": "1210"})
    connected(engine)
    done = begun(frame()).wait().result()
    assert list(done["_glm_status"].iloc[[3, 5]]) == ["refused", "error"]
    assert done["_glm_error"].notna().sum() == 2
    again = map_rows(frame(), TASK, schema=SCHEMA, progress=False)
    assert set(again["_glm_status"]) == {"ok", "cached"}


def test_failed_rows_are_asked_again_as_a_new_job() -> None:
    engine = Platform({"row 3.": "1301"})
    connected(engine)
    first = begun(frame()).wait()
    first.result()
    engine.refused.clear()
    second = first.retry()
    assert second.id != first.id
    assert first.retry().id == second.id
    done = second.wait().result()
    assert list(done["n"]) == list(range(10))
    assert set(engine.paid.values()) == {1}
    assert set(first.result()["_glm_status"]) == {"ok", "cached"}


def test_lines_may_come_in_any_order_twice_unknown_or_unreadable() -> None:
    def shuffled(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if not request.url.path.endswith("/content"):
            return response
        rows = response.content.splitlines()
        fenced = json.loads(rows[0])
        message = fenced["response"]["body"]["choices"][0]["message"]
        message["content"] = f"```json\n{message['content']}\n```"
        strange = json.dumps({**fenced, "custom_id": "stranger"}).encode()
        rows = [b"{not json", *rows[:0:-1], strange, b"\xff\xfe", b"[" * 100_000, rows[-1]]
        rows.append(json.dumps(fenced).encode())
        return httpx.Response(200, content=b"\n".join(rows))

    engine = Platform()
    connected(engine, Interposed(engine, shuffled))
    done = begun(frame()).wait().result()
    assert list(done["n"]) == list(range(10))
    assert set(done["_glm_status"]) <= {"ok", "repaired"}


def test_a_row_without_a_line_is_an_error() -> None:
    def shortened(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if not request.url.path.endswith("/content"):
            return response
        return httpx.Response(200, content=b"\n".join(response.content.splitlines()[1:]))

    engine = Platform()
    connected(engine, Interposed(engine, shortened))
    done = begun(frame()).wait().result()
    assert list(done["_glm_status"]).count("error") == 3
    assert done["_glm_error"].dropna().str.contains("no line for this row").all()


def test_an_answer_that_does_not_fit_is_invalid_and_kept() -> None:
    def strange(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if not request.url.path.endswith("/content"):
            return response
        rows = [json.loads(row) for row in response.content.splitlines()]
        rows[0]["response"]["body"]["choices"][0]["message"]["content"] = "I would rather not."
        return httpx.Response(200, content="\n".join(json.dumps(row) for row in rows).encode())

    engine = Platform()
    connected(engine, Interposed(engine, strange))
    done = begun(frame(2)).wait().result()
    assert list(done["_glm_status"]) == ["invalid", "ok"]
    assert done["_glm_raw"].iloc[0] == "I would rather not."


def test_a_creation_whose_answer_is_lost_is_found_and_not_repeated() -> None:
    lost: list[str] = []

    def losing(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/batches") and len(lost) < 2:
            lost.append("one")
            raise httpx.ReadTimeout("lost", request=request)
        return response

    engine = Platform()
    connected(engine, Interposed(engine, losing))
    assert set(begun(frame()).wait().result()["_glm_status"]) == {"ok"}
    assert len(lost) == 2
    assert engine.created == 3


def test_a_lost_journal_finds_the_batches_on_the_platform(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Platform()
    connected(engine)
    begun(frame())
    monkeypatch.setenv("GLM_CACHE", str(tmp_path_factory.mktemp("another")))
    assert set(begun(frame()).wait().result()["_glm_status"]) == {"ok"}
    assert engine.created == 3


def test_a_network_that_fails_for_a_while_does_not_end_the_waiting() -> None:
    failures = iter([True, True, True])

    def failing(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == "GET" and next(failures, False):
            raise httpx.ConnectError("gone", request=request)
        return response

    engine = Platform()
    connected(engine)
    opened = begun(frame())
    connected(engine, Interposed(engine, failing))
    assert set(begun(frame()).wait().result()["_glm_status"]) == {"ok"}
    assert opened.id


def test_a_cancelled_job_keeps_what_was_answered() -> None:
    engine = Platform()
    connected(engine)
    job = begun(frame())
    job.cancel()
    done = job.wait().result()
    assert set(done["_glm_status"]) <= {"ok", "pending"}
    assert job.is_over
    assert done["_glm_error"].dropna().str.contains("cancelled").all()


def test_nothing_more_is_sent_of_a_cancelled_job() -> None:
    def refusing(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/files"):
            return httpx.Response(429, json={"error": {"code": "1302", "message": "too many"}})
        return response

    engine = Platform()
    connected(engine, Interposed(engine, refusing))
    with pytest.raises(RateLimitError):
        begun(frame())
    connected(engine)
    done = job(jobs().index[0]).cancel().result(frame())
    assert set(done["_glm_status"]) == {"pending"}
    assert engine.created == 0


def test_rows_of_an_expired_batch_are_pending_and_the_map_asks_them() -> None:
    now = [time.time()]
    engine = Platform(clock=lambda: now[0])
    connected(engine)
    job = begun(frame())
    now[0] += 7 * 86_400
    done = job.wait().result()
    assert set(done["_glm_status"]) == {"pending"}
    assert set(done["_glm_error"]) == {"The batch is expired; this row was not answered."}
    assert set(map_rows(frame(), TASK, schema=SCHEMA, progress=False)["_glm_status"]) == {"ok"}
    assert set(job.result()["_glm_status"]) == {"cached"}


def test_a_file_that_the_platform_refuses_is_told_with_its_reason() -> None:
    def failing(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == "GET" and "/batches/" in request.url.path:
            problems = {"data": [{"line": 2, "message": "no such model"}]}
            return httpx.Response(200, json={**response.json(), "status": "failed", "errors": problems})
        return response

    engine = Platform()
    connected(engine, Interposed(engine, failing))
    done = begun(frame(3)).wait().result()
    assert set(done["_glm_status"]) == {"error"}
    assert done["_glm_error"].str.contains("line 2: no such model").all()
    assert api.session().ledger.spent() == {}


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
def test_an_interrupt_ends_the_waiting_and_not_the_job() -> None:
    engine = Platform()
    stuck = threading.Event()

    def stays(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == "GET" and not stuck.is_set() and "/batches/" in request.url.path:
            body = response.json()
            return httpx.Response(200, json={**body, "status": "in_progress"})
        return response

    connected(engine, Interposed(engine, stays))
    job = begun(frame(3))
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    assert job.wait(seconds=60) is job
    timer.join()
    assert not job.is_over
    stuck.set()
    assert set(job.wait().result()["_glm_status"]) == {"ok"}


def test_a_wait_ends_after_its_seconds() -> None:
    connected(Platform())
    job = begun(frame(3))
    assert job.wait(seconds=0) is job


# -- after a restart ----------------------------------------------------------------------------------


def restarted(engine: Platform) -> None:
    """A new session, with no job in memory."""
    from glm_magics.frames import batch

    batch._begun.clear()
    connected(engine)


def test_a_job_is_found_by_its_id_and_takes_the_frame_in_any_order() -> None:
    engine = Platform()
    connected(engine)
    id = begun(frame()).id
    restarted(engine)
    found = job(id[:8])
    with pytest.raises(SettingError, match="not in this kernel"):
        found.result()
    shuffled = frame(12).sample(frac=1, random_state=1)
    done = found.wait().result(shuffled)
    assert list(done.index) == list(shuffled.index)
    asked = done[shuffled["n"].to_numpy() < 10]
    assert [int(index[1:]) for index in asked.index] == list(asked["n"])
    assert set(done.loc[["r10", "r11"], "_glm_status"]) == {"pending"}
    assert engine.created == 3


def test_a_job_in_memory_needs_no_frame() -> None:
    connected(Platform())
    begun_here = begun(frame())
    assert job(begun_here.id) is begun_here


def test_a_function_is_not_noted_so_its_cell_has_to_run_again() -> None:
    engine = Platform()
    connected(engine)
    how = How(lambda row: f"Take the number of row {row['n']}.", SCHEMA, Options(), rows_per_request=1)
    id = begin(frame(3), how).id
    restarted(engine)
    with pytest.raises(SettingError, match="function"):
        job(id).result(frame(3))
    assert set(begin(frame(3), how).wait().result()["_glm_status"]) == {"ok"}
    assert engine.created == 1


def test_an_unknown_job_is_said() -> None:
    connected(Platform())
    with pytest.raises(SettingError, match="No jobs begin"):
        job("nothing")


def test_a_job_of_another_server_is_said() -> None:
    engine = Platform()
    connected(engine)
    id = begun(frame(3)).id
    connected(engine, base_url="http://other.invalid/api/paas/v4")
    with pytest.raises(SettingError, match=r"other\.invalid"):
        job(id).status()


def test_the_table_of_jobs_says_what_was_seen_last() -> None:
    connected(Platform())
    glm.pandas()
    one = frame().glm.batch(TASK, schema=SCHEMA)
    one.wait().result()
    table = jobs()
    assert list(table.index) == [one.id]
    row = table.loc[one.id]
    assert (row["state"], row["asked"], row["done"], row["failed"]) == ("completed", 10, 10, 0)
    assert row["cost"] > 0


def test_what_the_platform_stored_is_deleted_when_it_is_merged(home: Path) -> None:
    engine = Platform({"row 3.": "1301"})
    connected(engine)
    begun(frame()).wait().result()
    client = api.session().client
    for purpose in ("batch", "batch_output"):
        assert client.call("GET", "/files", params={"purpose": purpose})["data"] == []
    assert kept(home) == []
    assert len(list(BatchApi(client).all())) == 3


def test_neither_the_key_nor_a_prompt_is_in_the_journal(home: Path) -> None:
    connected(Platform())
    begun(pd.DataFrame({"n": ["a very private word"]})).wait().result()
    stored = b"".join(path.read_bytes() for path in home.glob("batches.sqlite*"))
    assert b"demo-key" not in stored
    assert b"very private" not in stored
