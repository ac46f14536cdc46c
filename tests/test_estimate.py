"""What rows would cost and how long they would take, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from glm_magics import api
from glm_magics._session import Session
from glm_magics.frames import estimate, rows
from glm_magics.frames.duration import duration
from glm_magics.frames.rows import map_rows
from glm_magics.rows.limiter import UNKNOWN_START

FRAME = pd.DataFrame({"text": [f"I love it, number {n}" for n in range(200)]})


@pytest.fixture(autouse=True)
def session(demo: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(rows, "_demo_answers", None)
    return api.connect("demo://?pace=0&level=V3&seconds=0.2", tier="glm-4.6")


def told(frame: pd.DataFrame = FRAME, **how: Any) -> pd.DataFrame:
    how = {"schema": "label: good|bad", "progress": False, "estimate": True, "rows_per_request": 10} | how
    return map_rows(frame, "Classify {{text}}", **how)


def test_the_time_is_requests_times_seconds_over_those_in_flight() -> None:
    table = told(concurrency=4)
    each = 1 + table["output_tokens"] / table["requests"] / 50
    assert table["seconds"].tolist() == pytest.approx((table["requests"] * each / 4).tolist(), abs=0.06)
    assert set(table["in_flight"]) == {4}
    assert len(table) > 1


def test_what_nobody_has_measured_is_called_a_guess() -> None:
    assert set(told()["timed"]) == {"guess"}


def test_seconds_are_those_that_the_session_has_measured_for_the_tier() -> None:
    told(FRAME.iloc[:40], estimate=False)
    table = told(concurrency=2)
    assert table["timed"].iloc[0] == "measured"
    assert set(table["timed"].iloc[1:]) == {"guess"}
    requests = table["requests"].iloc[0]
    assert requests * 0.2 / 2 <= table["seconds"].iloc[0] + 0.05 < requests * 0.5 / 2


def test_a_tiers_known_limit_is_kept_to_and_an_unknown_one_is_where_a_run_begins(session: Session) -> None:
    tier = session.find_tier("glm-4.6")
    found = duration(session, tier, 100, 0, label="rows", concurrency=None)
    known = tier.concurrency.get(session.client.endpoint.level or session.client.endpoint.name)
    assert found.in_flight == (known or UNKNOWN_START)
    assert duration(session, tier, 100, 0, label="rows", concurrency=1).in_flight == 1
    assert duration(session, tier, 0, 0, label="rows", concurrency=None).seconds == 0
    assert duration(session, tier, 2, 0, label="rows", concurrency=None).in_flight == 2


def test_of_many_rows_a_sample_is_counted_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame({"text": [f"I love it {'very much ' * (n % 7)}, {n}" for n in range(3_000)]})
    whole = told(frame)
    monkeypatch.setattr(rows, "MOST_COUNTED", 2_000)
    monkeypatch.setattr(estimate, "MOST_COUNTED", 2_000)
    capsys.readouterr()
    sampled = told(frame, progress=True)
    assert "estimated from 1,000 of 3,000 rows" in capsys.readouterr().err
    for name in ("requests", "input_tokens", "output_tokens"):
        assert sampled[name].iloc[0] == pytest.approx(whole[name].iloc[0], rel=0.03)
    assert Decimal("0.97") < sampled["cost"].iloc[0] / whole["cost"].iloc[0] < Decimal("1.03")


def test_an_estimate_of_vectors_has_a_time_too() -> None:
    from glm_magics.frames.embedding import embed_rows

    table = embed_rows(FRAME, "{{text}}", estimate=True)
    assert list(table.columns) == estimate.COLUMNS[1:]
    assert table["seconds"].iloc[0] > 0
