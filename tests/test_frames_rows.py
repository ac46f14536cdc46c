"""A prompt over every row: the frame comes back whole, whatever the platform does."""

from __future__ import annotations

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

from glm_magics import api
from glm_magics._session import Session
from glm_magics.client import Client, Endpoint
from glm_magics.demo import DemoTransport, Engine, serve
from glm_magics.errors import (
    AuthenticationError,
    RequestError,
    SettingError,
    TemplateError,
)
from glm_magics.frames.rows import errors, map_rows, retry
from glm_magics.keys import ApiKey
from glm_magics.ledger import Ledger
from glm_magics.shared_budget import SharedBudget
from glm_magics.structured.problems import SchemaError

LABEL = "label: good|bad|neutral"


def reviews(count: int = 6) -> pd.DataFrame:
    words = ["I love it", "terrible and broken", "很好吃"]
    return pd.DataFrame(
        {"text": [f"{words[n % 3]}, number {n}" for n in range(count)]},
        index=[f"r{n}" for n in range(count)],
    )


def connected(engine: Engine, tier: str = "glm-4-plus") -> Session:
    """A session on that very engine."""
    key = ApiKey("demo-key", source="test")
    endpoint = Endpoint("demo", "http://demo.invalid/api/paas/v4", key, "CNY", address=f"demo://{id(engine)}")
    return api.use_client(Client(endpoint, transport=DemoTransport(engine)), tier=tier)


def asked(frame: pd.DataFrame, task: Any = "Classify the review: {{text}}", **how: Any) -> pd.DataFrame:
    how = {"schema": LABEL, "progress": False, "cache": "off"} | how
    return map_rows(frame, task, **how)


def chats(engine: Engine) -> list[int]:
    return [seen.status for seen in engine.seen if seen.path.endswith("/chat/completions")]


pytestmark = pytest.mark.usefixtures("bare_environment")


def test_the_same_rows_come_back_with_typed_columns() -> None:
    connected(Engine(pace=0))
    frame = reviews()
    done = asked(frame, schema="label: good|bad|neutral, n: int?, day: date?")
    pd.testing.assert_frame_equal(done[["text"]], frame)
    assert list(done["label"]) == ["good", "bad", "good"] * 2
    assert list(done["n"]) == [0, 1, 2, 3, 4, 5]
    assert str(done.dtypes["label"]) == "category"
    assert str(done.dtypes["n"]) == "Int64"
    assert str(done.dtypes["day"]).startswith("datetime64")
    assert set(done["_glm_status"]) == {"ok"}
    assert done["_glm_error"].isna().all()


def test_packed_rows_get_what_they_get_alone() -> None:
    connected(Engine(pace=0))
    alone = asked(reviews(60), rows_per_request=1)
    together = asked(reviews(60), rows_per_request=20)
    assert list(alone["label"]) == list(together["label"])
    assert set(together["_glm_rows_per_request"]) == {20}


def test_rows_that_a_packed_answer_spoils_are_asked_again_and_none_is_lost_or_mixed_up() -> None:
    connected(Engine(pace=0))
    alone = asked(reviews(300), schema="label: good|bad|neutral, n: int", rows_per_request=1)
    engine = Engine(pace=0, fault="spoil-rows")
    connected(engine)
    done = asked(reviews(300), schema="label: good|bad|neutral, n: int")
    assert list(done["label"]) == list(alone["label"])
    assert list(done["n"]) == list(range(300))
    assert errors(done).empty
    assert 10 < len(chats(engine)) < 150


def test_a_prompt_that_its_row_makes_too_long_is_refused_before_anything_is_sent() -> None:
    engine = Engine(pace=0)
    connected(engine)
    with pytest.raises(TemplateError, match="characters"):
        asked(pd.DataFrame({"text": ["short", "x" * 2_000_001]}))
    assert not chats(engine)


def test_what_a_cell_says_is_never_read_as_a_template() -> None:
    connected(Engine(pace=0))
    frame = pd.DataFrame({"text": ["{{other}} good"], "other": ["never"]})
    done = map_rows(frame, "Repeat: {{text}} \\{{other}}", column="said", progress=False, cache="off")
    assert "{{other}} good" in done["said"][0]
    assert "never" not in done["said"][0]


def test_identical_rows_are_asked_once() -> None:
    engine = Engine(pace=0)
    connected(engine)
    frame = pd.DataFrame({"text": ["I love it", "awful", "I love it", "I love it"]})
    assert list(asked(frame, rows_per_request=1)["label"]) == ["good", "bad", "good", "good"]
    assert len(chats(engine)) == 2


def test_an_answer_without_a_schema_is_text() -> None:
    connected(Engine(pace=0))
    done = map_rows(reviews(2), "Repeat: {{text}}", column="said", progress=False, cache="off")
    assert done["said"].str.contains("number").all()
    assert str(done.dtypes["said"]) == ("str" if pd.__version__ >= "3" else "string")


def test_one_value_goes_into_the_column_named_for_it() -> None:
    connected(Engine(pace=0))
    done = asked(reviews(3), schema="int", column="n")
    assert str(done.dtypes["n"]) == "Int64"


def test_a_function_makes_the_prompt_of_each_row() -> None:
    connected(Engine(pace=0))
    done = asked(reviews(3), lambda row: f"Classify the review: {row['text']}")
    assert list(done["label"]) == ["good", "bad", "good"]


def test_a_missing_value_is_left_empty() -> None:
    connected(Engine(pace=0))
    frame = pd.DataFrame({"text": ["I love it", None], "n": [1.0, float("nan")]})
    done = asked(frame, "Classify: {{text}} {{n}}", rows_per_request=2)
    assert list(done["_glm_status"]) == ["ok", "ok"]


def test_no_rows_give_typed_columns_and_no_request() -> None:
    engine = Engine(pace=0)
    connected(engine)
    done = asked(reviews(0), schema="n: int")
    assert str(done.dtypes["n"]) == "Int64"
    assert not chats(engine)


def test_duplicated_index_labels_stay_as_they_are() -> None:
    connected(Engine(pace=0))
    frame = reviews(4).set_axis(["a", "a", "b", "b"])
    assert list(asked(frame).index) == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("task", "how", "error"),
    [
        pytest.param("Classify {{texts}}", {}, TemplateError, id="no-such-column"),
        pytest.param("", {}, RequestError, id="empty"),
        pytest.param(lambda row: None, {}, RequestError, id="function-without-prompt"),
        pytest.param("{{text}}", {"schema": "a: nonsense"}, SchemaError, id="bad-schema"),
        pytest.param("{{text}}", {"rows_per_request": 0}, RequestError, id="no-rows-per-request"),
        pytest.param("{{text}}", {"concurrency": "many"}, RequestError, id="bad-concurrency"),
        pytest.param("{{text}}", {"cache": "somewhere"}, SettingError, id="bad-cache"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_sent(task: Any, how: dict[str, Any], error: Any) -> None:
    engine = Engine(pace=0)
    connected(engine)
    with pytest.raises(error):
        asked(reviews(), task, **how)
    assert not chats(engine)


def test_a_key_in_a_prompt_is_not_sent() -> None:
    endpoint = Endpoint("somewhere", "http://demo.invalid/v1", ApiKey("sk-0123456789abcdef", source="test"))
    api.use_client(Client(endpoint, transport=DemoTransport(Engine(None, pace=0))), tier="glm-4-plus")
    with pytest.raises(SettingError, match="key"):
        asked(pd.DataFrame({"text": ["fine", "my key is sk-0123456789abcdef"]}))


def test_an_estimate_sends_nothing_and_names_cheaper_tiers() -> None:
    engine = Engine(pace=0)
    connected(engine, tier="glm-4.6")
    table = asked(reviews(100), estimate=True)
    assert not chats(engine)
    assert table.index[0] == "glm-4.6"
    assert len(table) > 1
    assert list(table["cost"][1:]) == sorted(table["cost"][1:])
    assert table["cost"].iloc[0] > table["cost"].iloc[1]


def test_an_estimate_is_near_what_it_then_costs() -> None:
    session = connected(Engine(pace=0), tier="glm-4.6")
    table = asked(reviews(100), estimate=True)
    asked(reviews(100), concurrency=10)
    spent = sum((entry.cost.amount for entry in session.ledger.entries if entry.cost), Decimal(0))
    assert Decimal("0.5") < table["cost"].iloc[0] / spent < 2


@pytest.mark.parametrize(
    ("tier", "how", "thinks"),
    [
        pytest.param("glm-4.6", {}, False, id="off-by-default"),
        pytest.param("glm-4.6", {"think": True}, True, id="asked-for"),
        pytest.param("glm-z1-air", {}, True, id="a-tier-that-always-thinks"),
        pytest.param("glm-4-plus", {}, False, id="a-tier-that-never-thinks"),
    ],
)
def test_rows_are_asked_without_thinking_where_that_can_be(
    tier: str, how: dict[str, bool], thinks: bool
) -> None:
    session = connected(Engine(pace=0), tier=tier)
    asked(reviews(2), rows_per_request=1, **how)
    assert all((entry.usage.reasoning_tokens > 0) == thinks for entry in session.ledger.entries)


# Failures of rows


class Moody(Engine):
    """Answers, but for the requests whose text holds one of these words: they get that fault's refusal."""

    def __init__(self, faults: dict[str, str], **settings: Any) -> None:
        super().__init__(pace=0, **settings)
        self.faults = {word: Engine(pace=0, fault=fault) for word, fault in faults.items()}

    def handle(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        for word, engine in self.faults.items():
            if word.encode() in body:
                return engine.handle(method, path, headers, body)
        return super().handle(method, path, headers, body)


@pytest.mark.parametrize("rows_per_request", [1, 5])
@pytest.mark.parametrize(
    ("fault", "status"), [("1301", "refused"), ("1261", "error"), ("1210", "error")], ids=str
)
def test_a_rows_failure_is_its_own(fault: str, status: str, rows_per_request: int) -> None:
    connected(Moody({"number 4": fault}))
    done = asked(reviews(5), rows_per_request=rows_per_request)
    if fault == "1210" and rows_per_request > 1:
        assert set(done["_glm_status"]) == {status}, "the request itself was wrong"
        return
    assert list(done["_glm_status"]) == ["ok"] * 4 + [status]
    assert done["label"].isna().tolist() == [False] * 4 + [True]
    assert fault in done["_glm_error"].iloc[4]
    assert list(errors(done).index) == ["r4"]


def test_what_failed_can_be_asked_again() -> None:
    engine = Moody({"number 4": "1301"})
    connected(engine)
    done = asked(reviews(5))
    engine.faults.clear()
    again = retry(done)
    assert list(again["_glm_status"]) == ["ok"] * 5
    assert str(again.dtypes["label"]) == "category"
    assert list(again["label"]) == ["good", "bad", "good", "good", "bad"]


def test_an_answer_that_does_not_fit_is_asked_for_once_more_and_then_invalid() -> None:
    engine = Engine(pace=0, fault="empty")
    connected(engine)
    done = asked(reviews(1), rows_per_request=1)
    assert list(done["_glm_status"]) == ["invalid"]
    assert len(chats(engine)) == 2


def test_passing_troubles_are_waited_out() -> None:
    engine = Engine(pace=0, fault="n:3:1234")
    connected(engine)
    done = asked(reviews(3), rows_per_request=1)
    assert errors(done).empty
    assert chats(engine).count(200) == 3


def test_too_many_in_flight_slows_down_and_loses_nothing() -> None:
    engine = Engine(pace=0, answer_seconds=0.05, most_in_flight=3)
    connected(engine)
    done = asked(reviews(60), rows_per_request=1)
    assert errors(done).empty
    assert chats(engine).count(429) < 30


def test_no_more_are_in_flight_than_the_user_allows() -> None:
    engine = Engine(pace=0, answer_seconds=0.05, most_in_flight=2)
    connected(engine)
    asked(reviews(20), rows_per_request=1, concurrency=2)
    assert chats(engine) == [200] * 20


# Ends of a run


def test_an_account_that_refuses_everything_is_an_error() -> None:
    connected(Engine(("another-key",), pace=0))
    with pytest.raises(AuthenticationError):
        asked(reviews())


def test_when_the_money_of_the_account_ends_what_is_done_stays_and_the_rest_is_pending() -> None:
    engine = Moody({"number 7": "1113"})
    connected(engine)
    done = asked(reviews(30), rows_per_request=1, concurrency=1)
    assert list(done["_glm_status"]) == ["ok"] * 7 + ["pending"] * 23
    assert "1113" in done["_glm_error"].iloc[29]
    engine.faults.clear()
    assert errors(retry(done)).empty


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    engine = Moody({"number 7": "1113"})
    connected(engine)
    asked(reviews(30), rows_per_request=1, concurrency=1, cache=tmp_path)
    engine.faults.clear()
    engine.seen.clear()
    done = asked(reviews(30), cache=tmp_path)
    assert list(done["_glm_status"])[:7] == ["cached"] * 7
    assert errors(done).empty
    assert len(chats(engine)) < 23


def test_fresh_pays_again_and_is_remembered(tmp_path: Path) -> None:
    engine = Engine(pace=0)
    connected(engine)
    asked(reviews(3), rows_per_request=1, cache=tmp_path)
    api._session = None
    os.environ["GLM_CACHE"] = str(tmp_path)
    try:
        connected(engine)
        done = asked(reviews(3), rows_per_request=1, cache="fresh")
    finally:
        del os.environ["GLM_CACHE"]
    assert set(done["_glm_status"]) == {"ok"}
    assert len(chats(engine)) == 6


def test_a_budget_is_a_wall_and_most_of_it_can_be_used() -> None:
    session = connected(Engine(pace=0), tier="glm-4-plus")
    done = asked(reviews(400), rows_per_request=1, budget="0.05", max_answer_tokens=60)
    spent = sum((entry.cost.amount for entry in session.ledger.entries if entry.cost), Decimal(0))
    assert Decimal("0.045") < spent <= Decimal("0.05")
    counts = done["_glm_status"].value_counts()
    assert counts["ok"] > 50
    assert counts["ok"] + counts["skipped_budget"] == 400


@pytest.mark.parametrize("bound", [{"max_calls": 5}, {"max_tokens": 500}], ids=str)
def test_a_run_stops_at_its_bounds(bound: dict[str, int]) -> None:
    engine = Engine(pace=0)
    connected(engine)
    done = asked(reviews(50), rows_per_request=1, concurrency=1, **bound)
    assert 3 <= len(chats(engine)) <= 10
    assert done["_glm_status"].iloc[-1] == "pending"
    assert next(iter(bound)) in done["_glm_error"].iloc[-1]


def test_an_interrupt_gives_back_what_is_done_and_sends_nothing_more() -> None:
    engine = Engine(pace=0, answer_seconds=0.2, most_in_flight=5)
    connected(engine)
    threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    done = asked(reviews(500), rows_per_request=1)
    assert time.monotonic() - began < 2.5
    counts = done["_glm_status"].value_counts()
    assert counts["ok"] >= 5
    assert counts["ok"] + counts["pending"] == 500
    assert 0 < len(done.attrs["glm_may_be_billed"]) <= 5
    sent = len(engine.seen)
    time.sleep(0.5)
    assert len(engine.seen) == sent
    assert engine.in_flight() == 0


# Over the network


def test_rows_over_real_connections() -> None:
    engine = Engine(pace=0, level="V3")
    with serve(engine) as url:
        api.connect(url, key="demo-key", tier="glm-4-plus", currency="CNY")
        done = asked(reviews(100), rows_per_request=1, concurrency=8)
    assert errors(done).empty
    assert list(done["label"]) == ["good", "bad", "good"] * 33 + ["good"]


def test_a_transport_that_can_only_wait_works_too() -> None:
    engine = DemoTransport(Engine(pace=0))
    endpoint = Endpoint("demo", "http://demo.invalid/api/paas/v4", ApiKey("demo-key", source="t"), "CNY")

    class Waiting(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return engine.handle_request(request)

    api.use_client(Client(endpoint, transport=Waiting()), tier="glm-4-plus")
    assert errors(asked(reviews(9), rows_per_request=1)).empty


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_asks_on_a_loop_of_its_own(demo: Callable[..., Session]) -> None:
    demo()
    asked(reviews(2))
    child = os.fork()
    if child == 0:
        os._exit(0 if errors(asked(reviews(3))).empty else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def others_hold(tmp_path: Path) -> tuple[SharedBudget, int]:
    """A budget that the session shares, all of it set aside by somebody else."""
    session = connected(Engine(pace=0))
    budget = SharedBudget(tmp_path / "budget.sqlite", limit=session.money(Decimal(5)))
    session.ledger = Ledger(shared=budget)
    return budget, budget.reserve(session.money(Decimal(5)))


def test_rows_wait_for_money_that_others_give_back(others_hold: tuple[SharedBudget, int]) -> None:
    budget, held = others_hold
    threading.Timer(0.3, budget.release, (held,)).start()
    assert set(asked(reviews())["_glm_status"]) == {"ok"}


def test_a_row_that_waits_for_money_holds_the_others_back(
    others_hold: tuple[SharedBudget, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glm_magics.rows.engine._POOR_SECONDS", 0.3)
    budget, _ = others_hold
    tried = 0
    reserve = SharedBudget.reserve

    def counting(self: SharedBudget, most: Any) -> int:
        nonlocal tried
        tried += 1
        return reserve(self, most)

    monkeypatch.setattr(SharedBudget, "reserve", counting)
    done = asked(reviews(300), rows_per_request=1)
    assert set(done["_glm_status"]) == {"skipped_budget"}
    assert 300 <= tried < 320  # each row once, and one of them a few times more
    assert budget.standing().spent.amount == 0
