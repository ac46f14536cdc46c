"""What a failed request means for its rows: the table, row by row."""

from __future__ import annotations

import pytest

from glm_magics.errors import GLMError, IncompleteStream, NoAnswer, NoConnection
from glm_magics.retry import error_for
from glm_magics.rows.verdict import verdict


def said(code: str | None, status: int | None = 429) -> GLMError:
    return error_for(code, status, "no")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *[pytest.param(said(code), "slow down", id=code) for code in ("1302", "1303")],
        pytest.param(said(None, 429), "slow down", id="429"),
        *[pytest.param(said(code), "wait", id=code) for code in ("1305", "1312")],
        pytest.param(said(None, 503), "wait", id="503"),
        *[
            pytest.param(said(code), "stop", id=code)
            for code in ("1000", "1002", "1112", "1113", "1304", "1308", "1309", "1310", "1311", "1211")
        ],
        pytest.param(said(None, 401), "stop", id="401"),
        *[pytest.param(said(code, 500), "again", id=code) for code in ("1230", "1234")],
        pytest.param(NoConnection("refused"), "again", id="no-connection"),
        pytest.param(NoAnswer("silence"), "again", id="no-answer"),
        pytest.param(IncompleteStream("cut"), "again", id="cut"),
        *[
            pytest.param(said(code, 400), "fail", id=code)
            for code in ("1210", "1214", "1231", "1261", "1301")
        ],
    ],
)
def test_the_first_failure_of_a_row(error: GLMError, kind: str) -> None:
    assert verdict(error, rows=1, troubles=1).kind == kind


@pytest.mark.parametrize("code", ["1261", "1301"])
def test_what_may_be_about_one_row_only_takes_the_rows_apart(code: str) -> None:
    assert verdict(said(code, 400), rows=10, troubles=1).kind == "apart"


def test_what_may_have_been_paid_is_sent_once_more_and_no_more() -> None:
    assert [verdict(NoAnswer("silence"), rows=1, troubles=n).kind for n in (1, 2)] == ["again", "fail"]


def test_a_passing_trouble_is_tried_five_times_with_growing_patience() -> None:
    tries = [verdict(said("1234", 500), rows=1, troubles=n, jitter=lambda: 1.0) for n in range(1, 6)]
    assert [each.kind for each in tries] == ["again"] * 4 + ["fail"]
    assert [each.seconds for each in tries[:4]] == [1.0, 2.0, 4.0, 8.0]


def test_a_refused_row_is_not_called_an_error() -> None:
    assert verdict(said("1301", 400), rows=1, troubles=1).status == "refused"
    assert verdict(said("1261", 400), rows=1, troubles=1).status == "error"
