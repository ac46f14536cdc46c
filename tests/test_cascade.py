"""Two tiers for one table: only what the cheap one is not sure about goes to the strong one."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import httpx
import pandas as pd
import pydantic
import pytest

from glm_magics import api
from glm_magics._session import Session
from glm_magics.client import Client, Endpoint
from glm_magics.demo import DemoTransport, Engine
from glm_magics.errors import RequestError, SettingError
from glm_magics.frames import rows
from glm_magics.frames.cascade_report import CASCADE, CascadeReport
from glm_magics.frames.interval import enough
from glm_magics.frames.operators import RowOperators
from glm_magics.frames.rows import errors
from glm_magics.frames.votes import ballot
from glm_magics.keys import ApiKey

CHEAP, STRONG = "glm-4.5-air", "glm-4.6"
TRUTH = ["good", "bad"] * 200
FRAME = pd.DataFrame(
    {"text": [f"I {'love' if label == 'good' else 'hate'} it, {n}" for n, label in enumerate(TRUTH)]}
)

pytestmark = pytest.mark.usefixtures("bare_environment")


class Rows(RowOperators):
    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table


class Picky(DemoTransport):
    """A demo whose strong tier is out of reach of the account after some requests."""

    def __init__(self, engine: Engine, strong_requests: int) -> None:
        super().__init__(engine)
        self.left = strong_requests

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if json.loads(await request.aread()).get("model") == STRONG:
            self.left -= 1
            if self.left < 0:
                error = {"error": {"code": "1113", "message": "Insufficient balance"}}
                return httpx.Response(429, json=error, request=request)
        return await super().handle_async_request(request)


def connected(slips: str = "", transport: DemoTransport | None = None, **engine: Any) -> Engine:
    engine = {"most_in_flight": 500} | engine
    demo = transport.engine if transport else Engine(pace=0, slips=slips or None, **engine)
    key = ApiKey("demo-key", source="test")
    endpoint = Endpoint("demo", "http://demo.invalid/api/paas/v4", key, "CNY", address=f"demo://{id(demo)}")
    api.use_client(Client(endpoint, transport=transport or DemoTransport(demo)))
    return demo


def classified(frame: pd.DataFrame = FRAME, **how: Any) -> pd.DataFrame:
    how = {"labels": ["good", "bad"], "cascade": [CHEAP, STRONG], "progress": False, "cache": "off"} | how
    return Rows(frame).classify("text", **how)


def report(result: pd.DataFrame) -> CascadeReport:
    return Rows(result).report()


def all_spent() -> Decimal:
    return sum((entry.cost.amount for entry in api.session().ledger.entries if entry.cost), Decimal(0))


def requests(engine: Engine) -> Counter[str]:
    return Counter(seen.model for seen in engine.seen if seen.status == 200)


def test_only_rows_that_the_cheap_tier_is_unsure_about_go_up() -> None:
    engine = connected(f"{CHEAP}:unsure:0.2")
    done = classified(rows_per_request=1)
    told = report(done)
    assert list(done["label"]) == TRUTH
    assert requests(engine) == {CHEAP: 400, STRONG: 50 + told.escalated}
    assert told.escalated_share == pytest.approx(0.2, abs=0.05)
    assert (done["_glm_tier"] == STRONG).sum() == 50 + told.escalated
    assert set(done["_glm_status"]) == {"ok"}


def test_unsure_is_left_only_where_both_are() -> None:
    connected(f"{CHEAP}:unsure:0.3,{STRONG}:unsure:0.3")
    done = classified()
    left = (done["label"] == "unsure").sum()
    assert left / 400 == pytest.approx(0.09, abs=0.04)
    assert set(done.loc[done["label"] == "unsure", "_glm_tier"]) == {STRONG}
    assert list(done["label"].cat.categories) == ["good", "bad", "unsure"]


def test_the_label_unsure_is_gone_where_no_row_has_it() -> None:
    connected()
    assert list(classified()["label"].cat.categories) == ["good", "bad"]


def test_a_second_vote_finds_the_guesses() -> None:
    connected(f"{CHEAP}:guess:0.3")
    once, twice = classified(), classified(votes=2)
    assert (once["label"].astype(object) != TRUTH).mean() == pytest.approx(0.13, abs=0.06)
    assert list(twice["label"]) == TRUTH
    assert report(twice).escalated_share == pytest.approx(0.3, abs=0.06)


def test_rows_whose_answer_is_refused_go_up() -> None:
    engine = connected(fault="once:1301")
    done = classified(FRAME.iloc[:100], rows_per_request=1, concurrency=1, calibrate=1)
    assert errors(done).empty
    assert requests(engine) == {CHEAP: 99, STRONG: 1 + report(done).escalated}


def test_over_many_seeds_the_interval_covers_the_planted_agreement_as_often_as_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "_demo_answers", None)
    api.connect(f"demo://?pace=0&level=V3&slips={CHEAP}:wrong:0.1,{CHEAP}:unsure:0.1")
    planted = report(classified(cache="on", calibrate=400)).agreement.share
    assert planted is not None
    found = [report(classified(cache="on", seed=seed)).agreement for seed in range(40)]
    assert sum(each.low <= planted <= each.high for each in found) >= 0.95 * len(found)
    assert planted == pytest.approx(0.89, abs=0.03)
    assert len({each.good for each in found}) > 2


def test_where_the_agreement_is_not_shown_all_rows_go_to_the_strong_tier_and_it_says_so() -> None:
    engine = connected(f"{CHEAP}:wrong:0.1")
    done = classified(accuracy=0.95, rows_per_request=1)
    assert set(done["_glm_tier"]) == {STRONG}
    assert list(done["label"]) == TRUTH
    assert requests(engine) == {CHEAP: 2 * enough(0.95), STRONG: 400}
    assert not report(done).trusted
    assert "all other rows went to glm-4.6" in str(report(done))


def test_where_the_agreement_is_shown_the_cheap_tier_is_used() -> None:
    connected()
    done = classified(accuracy=0.95)
    told = report(done)
    assert told.trusted
    assert told.agreement.low >= 0.95
    assert (told.escalated, told.stayed) == (0, 400 - told.calibrated)


def test_a_sample_that_cannot_show_the_accuracy_is_refused_before_anything_is_sent() -> None:
    engine = connected()
    with pytest.raises(RequestError, match="so few rows cannot show"):
        classified(accuracy=0.95, calibrate=50)
    assert not engine.seen


def test_the_report_tells_what_was_spent_and_saved() -> None:
    connected(f"{CHEAP}:unsure:0.1")
    told = report(classified())
    spent = all_spent()
    assert Decimal(told.spent or 0) == spent
    connected()
    Rows(FRAME).classify(
        "text", labels=["good", "bad"], tier=STRONG, cache="off", progress=False, rows_per_request=10
    )
    alone = all_spent() - spent
    assert told.saved is not None
    assert Decimal("0.8") < Decimal(told.strong_only or 0) / alone < Decimal("1.25")
    assert told.saved.amount == Decimal(told.strong_only or 0) - spent


def test_rows_from_the_cache_are_no_saving() -> None:
    connected(f"{CHEAP}:unsure:0.1")
    whole = report(classified(cache="on"))
    again = report(classified(cache="on", seed=1))
    assert whole.strong_only is not None
    assert again.strong_only is not None
    assert Decimal(again.strong_only) < Decimal(whole.strong_only) / 2


def test_a_budget_is_one_wall_for_both_tiers() -> None:
    connected(f"{CHEAP}:unsure:0.2")
    done = classified(budget="0.02")
    spent = all_spent()
    assert 0 < spent <= Decimal("0.02")
    missing = errors(done)
    assert 0 < len(missing) < 400
    assert set(missing["_glm_status"]) == {"skipped_budget"}
    assert missing["label"].isna().all()
    assert report(done).unanswered == len(missing)


def test_answers_come_from_the_cache_of_each_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_demo_answers", None)
    engine = connected(f"{CHEAP}:unsure:0.2,{CHEAP}:guess:0.1")
    first = classified(cache="on", votes=2)
    engine.seen.clear()
    again = classified(cache="on", votes=2)
    assert not engine.seen
    pd.testing.assert_series_equal(first["label"], again["label"])
    pd.testing.assert_series_equal(first["_glm_tier"], again["_glm_tier"])
    assert report(again).agreement == report(first).agreement
    assert "not known" in str(report(again))


@pytest.mark.parametrize("seconds", [0.3, 1.2])
def test_an_interrupt_gives_back_what_is_done(seconds: float) -> None:
    engine = connected(f"{CHEAP}:unsure:0.2", answer_seconds=0.1, most_in_flight=10)
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    done = classified(rows_per_request=1)
    counts = done["_glm_status"].value_counts()
    assert 0 < counts["ok"] < 400
    assert counts["ok"] + counts["pending"] == 400
    assert done.loc[done["_glm_status"] == "pending", "_glm_tier"].isna().all()
    right = pd.Series(TRUTH)[done["_glm_status"] == "ok"]
    assert list(done.loc[right.index, "label"]) == list(right)
    assert engine.in_flight() == 0


def test_what_is_done_comes_back_when_the_account_refuses_the_strong_tier_later() -> None:
    engine = Engine(pace=0, most_in_flight=500, slips=f"{CHEAP}:unsure:0.2")
    connected(transport=Picky(engine, strong_requests=50))
    done = classified(rows_per_request=1)
    counts = done["_glm_status"].value_counts()
    assert counts["pending"] == report(done).escalated == report(done).unanswered > 0
    assert counts["ok"] == 400 - counts["pending"]
    assert errors(done)["_glm_error"].str.contains("balance").all()


def test_an_estimate_sends_nothing_and_tells_each_step() -> None:
    engine = connected()
    told = classified(estimate=True, votes=2)
    assert not engine.seen
    steps = told.index.get_level_values("step")
    assert list(steps) == ["cheap", "second vote", "calibration", "escalated, at most"]
    assert list(told.index.get_level_values("tier")) == [CHEAP, CHEAP, STRONG, STRONG]
    assert (told["cost"] > 0).all()


def test_the_rest_of_the_frame_stays_as_it_was() -> None:
    connected()
    frame = FRAME.assign(label="old", n=range(400)).set_axis([7] * 400)
    done = classified(frame)
    assert list(done.columns[:2]) == ["text", "n"]
    assert list(done["label"]) == TRUTH
    pd.testing.assert_frame_equal(done[["text", "n"]], frame[["text", "n"]])


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_table_smaller_than_the_sample_is_asked_of_both(count: int) -> None:
    connected()
    done = classified(FRAME.iloc[:count])
    assert list(done["label"]) == TRUTH[:count]
    assert report(done).calibrated == count


def test_numbers_and_several_fields_are_compared_each() -> None:
    connected(f"{CHEAP}:wrong:0.1")
    done = Rows(FRAME).extract(
        "mood: good|bad, n: int", "text", cascade=[CHEAP, STRONG], votes=2, cache="off", progress=False
    )
    assert list(done["n"]) == list(range(400))
    assert report(done).agreement.share == pytest.approx(0.9, abs=0.08)
    assert list(done["mood"].cat.categories) == ["good", "bad"]


def test_a_function_makes_the_prompts_too() -> None:
    connected(f"{CHEAP}:unsure:0.2")
    done = Rows(FRAME).map(
        lambda row: f"Which label? {row['text']}",
        schema="label: good|bad",
        cascade=[CHEAP, STRONG],
        cache="off",
        progress=False,
    )
    assert list(done["label"]) == TRUTH


def test_the_labels_of_a_model_stay_as_they_are() -> None:
    class Review(pydantic.BaseModel):
        mood: Literal["good", "bad"]
        n: int

    votes = ballot(Review, "answer", 2)
    assert votes.added == ()
    assert list(votes.second["properties"]) == ["n", "mood"]
    assert votes.second["properties"]["mood"]["enum"] == ["bad", "good"]


def test_missing_labels_and_those_of_the_user_are_kept() -> None:
    optional = ballot("label: good|bad?", "answer", 1).first["properties"]["label"]
    assert optional["anyOf"] == [{"enum": ["good", "bad", "unsure"]}, {"type": "null"}]
    own = ballot({"enum": ["yes", "unsure"]}, "answer", 1)
    assert own.first["properties"]["answer"]["enum"] == ["yes", "unsure"]
    assert (own.labelled, own.added) == (("answer",), ())


def test_a_report_is_plain_values_and_reads_itself_back() -> None:
    connected()
    done = classified()
    told = report(done)
    assert CascadeReport(**json.loads(json.dumps(done.attrs[CASCADE]))) == told
    assert repr(told) == str(told)
    assert "Spent" in repr(told)


def test_a_frame_without_a_cascade_has_no_report(demo: Callable[..., Session]) -> None:
    with pytest.raises(SettingError, match="not the result of a cascade"):
        report(FRAME)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        pytest.param({"cascade": [CHEAP]}, "expected two tiers", id="one"),
        pytest.param({"cascade": CHEAP}, "expected two tiers", id="text"),
        pytest.param({"cascade": [CHEAP, CHEAP]}, f"both are {CHEAP}", id="same"),
        pytest.param({"tier": STRONG}, "expected one of them", id="tier"),
        pytest.param({"votes": 3}, "expected 1 or 2", id="votes"),
        pytest.param({"accuracy": 1.0}, "between 0 and 1", id="accuracy"),
        pytest.param({"calibrate": 0}, "calibrate=0", id="calibrate"),
        pytest.param({"cascade": None, "votes": 2}, "belong to a cascade", id="no-cascade"),
    ],
)
def test_what_makes_no_cascade_is_said_before_anything_is_sent(how: dict[str, Any], words: str) -> None:
    engine = connected()
    with pytest.raises(RequestError, match=words):
        classified(**how)
    assert not engine.seen


def test_free_text_and_one_plain_field_cannot_be_voted_on() -> None:
    connected()
    with pytest.raises(RequestError, match="needs a schema"):
        Rows(FRAME).map("{{text}}", cascade=[CHEAP, STRONG])
    with pytest.raises(RequestError, match="one field without labels"):
        Rows(FRAME).map("{{text}}", schema="n: int", cascade=[CHEAP, STRONG], votes=2)
