"""Extract, classify, filter and score: each a row map with its own question."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pandas as pd
import pytest

from glm_magics._session import Session
from glm_magics.errors import RequestError
from glm_magics.frames.operators import RowOperators
from glm_magics.frames.rows import RowOptions, map_rows

QUIET = {"progress": False, "cache": "off"}


class Rows(RowOperators):
    def __init__(self, table: pd.DataFrame | pd.Series) -> None:
        self._table = table


@pytest.fixture
def reviews(demo: Callable[..., Session]) -> Rows:
    demo()
    texts = ["I love it, paid 12 dollars", "terrible and broken, paid 8 dollars", "很好吃"]
    return Rows(pd.DataFrame({"text": texts, "n": [1, 2, 3]}))


def test_extract_gives_the_fields_it_finds(reviews: Rows) -> None:
    found = reviews.extract("price: float?", "text", **QUIET)
    assert found["price"].tolist()[:2] == [12.0, 8.0]
    assert pd.isna(found["price"].iloc[2])


def test_classify_gives_a_category(reviews: Rows) -> None:
    found = reviews.classify("text", labels=["good", "bad"], **QUIET)
    assert found["label"].tolist() == ["good", "bad", "good"]
    assert list(found["label"].cat.categories) == ["good", "bad"]


def test_labels_may_say_what_they_mean(reviews: Rows) -> None:
    found = reviews.classify("{{text}}", labels={"good": "is happy", "bad": "is not"}, column="mood", **QUIET)
    assert found["mood"].notna().all()


def test_filter_keeps_the_rows_for_which_it_holds(reviews: Rows) -> None:
    found = reviews.filter("the customer is content", "text", column="positive", **QUIET)
    assert found["n"].tolist() == [1, 3]


def test_filter_keeps_rows_that_got_no_answer(demo: Callable[..., Session], reviews: Rows) -> None:
    demo("fault=1301")
    found = reviews.filter("anything", "text", rows_per_request=1, **QUIET)
    assert len(found) == 3
    assert len(Rows(found).errors()) == 3


def test_score_stays_within_its_bounds(reviews: Rows) -> None:
    found = reviews.score("How happy is the customer?", "text", low=1, high=5, **QUIET)
    assert found["score"].between(1, 5).all()
    assert str(found.dtypes["score"]) == "Int64"


def test_without_a_text_all_columns_are_looked_at(reviews: Rows) -> None:
    assert reviews._text(None) == "text: {{text}}\nn: {{n}}"


def test_a_series_is_its_one_column(reviews: Rows) -> None:
    texts = reviews._table["text"].rename(None)
    assert Rows(texts).classify(labels=["good", "bad"], **QUIET)["label"].tolist() == ["good", "bad", "good"]


def test_a_result_can_be_asked_again(demo: Callable[..., Session], reviews: Rows) -> None:
    demo("fault=1301")
    failed = reviews.classify("text", labels=["good", "bad"], rows_per_request=1, **QUIET)
    demo()
    assert Rows(Rows(failed).retry()).errors().empty


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda rows: rows.classify("text", labels=["one"]), id="one-label"),
        pytest.param(lambda rows: rows.classify("text", labels="good|bad"), id="labels-in-a-text"),
        pytest.param(lambda rows: rows.classify("nothing", labels=["a", "b"]), id="no-such-column"),
        pytest.param(lambda rows: rows.score("how?", "text", low=5, high=5), id="no-range"),
        pytest.param(
            lambda rows: Rows(rows._frame.rename(columns={"text": "the text"})).extract("a: int"), id="name"
        ),
    ],
)
def test_what_cannot_work_is_said(reviews: Rows, wrong: Callable[[Rows], object]) -> None:
    with pytest.raises(RequestError):
        wrong(reviews)


def test_every_option_of_the_map_can_be_passed_on() -> None:
    named = set(inspect.signature(map_rows).parameters) - {"frame", "task", "schema"}
    assert set(RowOptions.__annotations__) == named
