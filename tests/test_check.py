"""How well a tier does on a sample of rows, told with the uncertainty that a sample has."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import comb

import pandas as pd
import pytest

from glm_magics import api
from glm_magics._session import Session
from glm_magics.errors import RequestError
from glm_magics.frames import rows
from glm_magics.frames.agreement import same
from glm_magics.frames.check import check
from glm_magics.frames.check_report import Check
from glm_magics.frames.interval import enough, same_chance, wilson
from glm_magics.frames.operators import RowOperators

CHEAP, STRONG = "glm-4.5-air", "glm-4.6"
LABELS = ["good", "bad"]
TRUTH = ["good", "bad"] * 500
FRAME = pd.DataFrame(
    {
        "text": [f"I {'love' if label == 'good' else 'hate'} it, {n}" for n, label in enumerate(TRUTH)],
        "truth": TRUTH,
    }
)


class Rows(RowOperators):
    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table


@pytest.fixture
def slipping(demo: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(rows, "_demo_answers", None)  # no other test's answers
    return demo(f"level=V3&slips={CHEAP}:wrong:0.1")


def checked(frame: pd.DataFrame = FRAME, text: str = "text", **how: object) -> Check:
    how = {"labels": LABELS, "tier": CHEAP, "truth": "truth", "progress": False} | how
    return Rows(frame).check(text, **how)  # type: ignore[arg-type]


# The interval


@pytest.mark.parametrize(
    ("good", "of", "low", "high"),
    [
        # E. B. Wilson's formula, as R's prop.test(correct=FALSE) gives it
        pytest.param(8, 10, 0.4902, 0.9433, id="few"),
        pytest.param(0, 10, 0.0, 0.2775, id="none"),
        pytest.param(10, 10, 0.7225, 1.0, id="all"),
        pytest.param(950, 1000, 0.9347, 0.9618, id="many"),
    ],
)
def test_an_interval_is_wilsons(good: int, of: int, low: float, high: float) -> None:
    found = wilson(good, of)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_nothing_counted_leaves_all_open() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high, wilson(0, 0).share) == (0, 1, None)


@pytest.mark.parametrize("of", [20, 50, 200])
def test_an_interval_covers_the_truth_as_often_as_it_says(of: int) -> None:
    intervals = [wilson(good, of) for good in range(of + 1)]
    shares = [at / 200 for at in range(100, 200)]
    covered = [
        sum(
            comb(of, good) * share**good * (1 - share) ** (of - good)
            for good, found in enumerate(intervals)
            if found.low <= share <= found.high
        )
        for share in shares
    ]
    assert sum(covered) / len(covered) >= 0.945
    assert min(covered) > 0.83


def test_the_fewest_rows_for_a_bound_are_the_fewest() -> None:
    for share in (0.5, 0.8, 0.9, 0.95, 0.99):
        rows = enough(share)
        assert wilson(rows, rows).low >= share > wilson(rows - 1, rows - 1).low


def test_the_sign_test_is_exact() -> None:
    assert same_chance(0, 0) == 1
    assert same_chance(5, 5) == 1
    assert same_chance(0, 5) == pytest.approx(2 / 32)
    assert same_chance(1, 9) == pytest.approx(2 * 11 / 1024)
    assert same_chance(3_000, 3_100) > 0.1


# What is the same


@pytest.mark.parametrize(
    ("left", "right", "tolerance", "expected"),
    [
        pytest.param(["Good ", "bad"], ["good", "worse"], 0, [True, False], id="text"),
        pytest.param([1.0, 100.0], [1.0000000001, 104.0], 0.05, [True, True], id="within"),
        pytest.param([1.0, 106.0], [1.1, 100.0], 0.05, [False, False], id="beyond"),
        pytest.param([None, 1.0], [None, None], 0, [True, False], id="missing"),
        pytest.param([True, False], ["yes?", "false"], 0, [False, True], id="truths"),
        pytest.param(["12", "x"], [12, 13], 0, [True, False], id="numbers-in-texts"),
        pytest.param([Decimal("1.10"), 2], [Decimal("1.1"), Decimal(3)], 0, [True, False], id="decimals"),
        pytest.param(["2026-01-02", None], pd.to_datetime(["2026-01-02"] * 2), 0, [True, False], id="days"),
    ],
)
def test_values_are_compared_as_people_would(
    left: list[object], right: list[object], tolerance: float, expected: list[bool]
) -> None:
    assert same(pd.Series(left), pd.Series(right), tolerance).tolist() == expected


# The check


def test_accuracy_is_what_the_tier_got_right(slipping: Session) -> None:
    found = checked(sample=1_000)
    row = found.accuracy.loc[(CHEAP, "label")]
    assert row["rows"] == 1_000
    assert row["accuracy"] == pytest.approx(0.9, abs=0.03)
    assert row["low"] < row["accuracy"] < row["high"]
    assert len(found.disagreements) == 1_000 - row["right"]
    assert (found.disagreements["truth"] != found.disagreements[CHEAP]).all()
    assert "text" in found.disagreements


def test_the_confusion_and_each_label_add_up(slipping: Session) -> None:
    found = checked(sample=1_000)
    assert found.confusion.to_numpy().sum() == 1_000
    hits = found.confusion.loc["good", "good"]
    assert found.labels.loc["good", "precision"] == hits / found.confusion["good"].sum()
    assert found.labels.loc["good", "recall"] == hits / found.confusion.loc["good"].sum()
    assert found.labels["rows"].tolist() == [500, 500]


def test_over_many_seeds_the_interval_covers_the_planted_truth_as_often_as_it_says(slipping: Session) -> None:
    share = checked(sample=1_000).accuracy["accuracy"].iloc[0]  # the rest comes from the cache
    found = [checked(sample=50, seed=seed).accuracy.iloc[0] for seed in range(100)]
    covered = sum(row["low"] <= share <= row["high"] for row in found)
    assert covered >= 0.95 * len(found)
    assert len({row["right"] for row in found}) > 3


def test_the_same_seed_draws_the_same_rows(slipping: Session) -> None:
    one, same_again, other = (checked(sample=50, seed=seed).disagreements.index for seed in (1, 1, 2))
    assert list(one) == list(same_again) != list(other)


def test_two_tiers_are_compared_on_the_same_rows(slipping: Session) -> None:
    found = checked(against=STRONG)
    assert list(found.tiers.index) == [CHEAP, STRONG]
    assert found.accuracy.loc[(STRONG, "label"), "accuracy"] == 1
    assert found.tiers.loc[CHEAP, "cost_per_1000"] < found.tiers.loc[STRONG, "cost_per_1000"]
    assert (found.tiers["seconds_per_1000"] > 0).all()
    assert found.agreement is not None
    assert found.agreement.good == found.accuracy.loc[(CHEAP, "label"), "right"]
    assert f"{STRONG} is better" in found.advice
    assert {"truth", CHEAP, STRONG} <= set(found.disagreements)


def test_tiers_that_do_not_differ_are_not_said_to(slipping: Session) -> None:
    found = checked(tier="glm-4.7", against=STRONG)
    assert "no difference was seen" in found.advice
    assert found.disagreements.empty


def test_a_free_tier_is_called_free(slipping: Session) -> None:
    found = checked(truth=None, tier="glm-4.7-flash", against=STRONG)
    assert "glm-4.7-flash is free" in found.advice
    assert "all of it" not in found.advice


def test_without_a_truth_the_agreement_is_told_and_nothing_more(slipping: Session) -> None:
    found = checked(truth=None, against=STRONG)
    assert found.accuracy.empty
    assert found.agreement is not None
    assert len(found.disagreements) == found.agreement.of - found.agreement.good
    assert "not known without a truth" in found.advice


def test_the_cost_is_that_of_the_rows_asked(slipping: Session) -> None:
    found = checked(cache="off")
    spent = sum((entry.cost.amount for entry in slipping.ledger.entries if entry.cost), Decimal(0))
    assert float(found.tiers.loc[CHEAP, "cost_per_1000"]) == pytest.approx(float(spent) * 5, rel=1e-4)


def test_rows_from_the_cache_have_no_cost_and_no_time(slipping: Session) -> None:
    checked()
    found = checked()
    assert found.tiers.loc[CHEAP, "cost_per_1000"] is None
    assert "all from the cache" in repr(found)


def test_the_truth_is_never_sent(slipping: Session) -> None:
    with pytest.raises(RequestError, match="the truth itself"):
        checked(text="{{text}} {{truth}}")
    seen: list[list[str]] = []

    def prompt(row: pd.Series) -> str:
        seen.append(list(row.index))
        return str(row["text"])

    check(FRAME, prompt, truth="truth", schema={"enum": LABELS}, sample=3, progress=False)
    assert seen == [["text"]] * 3


def test_several_fields_are_judged_each_and_together(slipping: Session) -> None:
    frame = FRAME.assign(label=TRUTH, n=[n * 1.04 for n in range(1_000)])
    how = {"labels": None, "schema": "label: good|bad, n: int", "truth": ["label", "n"]}
    found = checked(frame, "{{text}}", tolerance=0.05, **how)
    right = found.accuracy["right"].loc[CHEAP]
    assert right["n"] == 200
    assert right["label"] == right["all fields"] < 200
    assert checked(frame, "{{text}}", **how).accuracy["right"].loc[(CHEAP, "n")] < 10


@pytest.mark.parametrize("kind", ["column", "series", "other-order", "mapping", "frame"])
def test_the_truth_may_be_given_in_several_ways(slipping: Session, kind: str) -> None:
    given = {
        "column": "truth",
        "series": FRAME["truth"],
        "other-order": FRAME["truth"].iloc[::-1],
        "mapping": {"label": "truth"},
        "frame": FRAME[["truth"]].rename(columns={"truth": "label"}),
    }
    assert checked(truth=given[kind]).accuracy["accuracy"].iloc[0] == pytest.approx(0.9, abs=0.07)


def test_rows_whose_truth_is_missing_are_not_drawn(slipping: Session) -> None:
    frame = FRAME.assign(truth=pd.Series(TRUTH).where(FRAME.index < 30))
    assert checked(frame).rows == 30


def test_an_index_with_doubles_does_no_harm(slipping: Session) -> None:
    frame = FRAME.set_axis([0] * len(FRAME))
    assert checked(frame).accuracy["accuracy"].iloc[0] == pytest.approx(0.9, abs=0.07)


def test_an_answer_that_is_refused_counts_as_wrong(demo: Callable[..., Session]) -> None:
    demo("fault=1301")
    found = checked(sample=5)
    assert found.accuracy["right"].tolist() == [0]
    assert found.accuracy["rows"].tolist() == [5]
    assert list(found.confusion.columns) == ["(no answer)"]
    assert found.labels["recall"].tolist() == [0.0] * len(found.labels)


def test_rows_that_money_did_not_suffice_for_are_not_counted(slipping: Session) -> None:
    found = checked(budget="0.000001")
    assert found.accuracy["rows"].tolist() == [0]
    assert "no row was answered" in found.advice


@pytest.mark.parametrize(
    ("how", "words"),
    [
        pytest.param({"truth": None}, "nothing to compare", id="nothing"),
        pytest.param({"truth": "nope"}, "expected a column", id="column"),
        pytest.param({"truth": {"nope": "truth"}}, "no field 'nope'", id="field"),
        pytest.param({"truth": pd.Series(["good"], index=["elsewhere"])}, "does not say which", id="index"),
        pytest.param({"against": CHEAP}, "the tier itself", id="itself"),
        pytest.param({"sample": 0}, "sample=0", id="sample"),
        pytest.param({"schema": "a: int"}, "no schema", id="both"),
        pytest.param({"labels": None, "schema": "a: int, b: int"}, "several fields", id="which-field"),
        pytest.param({"truth": pd.Series([None] * 1_000)}, "no row to check", id="unknown"),
    ],
)
def test_what_cannot_be_checked_is_said_before_anything_is_sent(
    slipping: Session, how: dict[str, object], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        checked(**how)
    assert not api.session().ledger.entries
