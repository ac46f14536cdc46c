"""Tiers of the demo that differ: stated shares of wrong, unsure and guessed labels."""

from __future__ import annotations

import pandas as pd
import pytest

from glm_magics import api
from glm_magics.demo import engine_from_url
from glm_magics.demo.slips import parse_slips
from glm_magics.errors import SettingError
from glm_magics.frames.rows import map_rows

pytestmark = pytest.mark.usefixtures("bare_environment")

TRUTH = ["good", "bad"] * 400
FRAME = pd.DataFrame(
    {"text": [f"I {'love' if label == 'good' else 'hate'} it, {n}" for n, label in enumerate(TRUTH)]}
)
SLIPS = "glm-4.5-air:wrong:0.1,glm-4.5-air:unsure:0.2,glm-4.5-air:guess:0.1"


def labels(tier: str = "glm-4.5-air", options: str = "good|bad", **how: object) -> list[str]:
    api.connect(f"demo://?pace=0&level=V3&slips={SLIPS}")
    schema = {"enum": options.split("|")}
    done = map_rows(
        FRAME, "Which label fits? {{text}}", schema=schema, tier=tier, cache="off", progress=False, **how
    )  # type: ignore[arg-type]
    return [str(label) for label in done["answer"]]


def wrong(found: list[str]) -> float:
    return sum(label not in (truth, "unsure") for label, truth in zip(found, TRUTH, strict=True)) / len(TRUTH)


def test_the_stated_share_of_a_tiers_labels_is_wrong_or_unsure() -> None:
    found = labels(options="good|bad|unsure")
    assert found.count("unsure") / len(found) == pytest.approx(0.2, abs=0.04)
    assert wrong(found) == pytest.approx(0.1 + 0.1 / 2, abs=0.04)  # half the guesses are right


def test_other_tiers_are_right() -> None:
    assert labels("glm-4.7") == TRUTH


def test_a_row_is_labelled_the_same_alone_and_with_others() -> None:
    assert labels(rows_per_request=1) == labels(rows_per_request=20)


def test_an_unsure_row_gets_the_right_label_where_unsure_is_not_offered() -> None:
    assert "unsure" not in labels()
    assert wrong(labels()) == pytest.approx(0.15, abs=0.04)


def test_a_guess_turns_with_the_order_of_the_labels_and_nothing_else_does() -> None:
    one, other = labels(options="good|bad|unsure"), labels(options="bad|good|unsure")
    changed = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    assert set(changed) == {("good", "bad")}
    assert len(changed) / len(one) == pytest.approx(0.1, abs=0.04)


@pytest.mark.parametrize(
    ("slips", "words"),
    [
        pytest.param("nope:wrong:0.1", "is no tier", id="tier"),
        pytest.param("glm-4.7:lazy:0.1", "expected wrong, unsure, guess", id="kind"),
        pytest.param("glm-4.7:wrong:2", "from 0 to 1", id="share"),
        pytest.param("glm-4.7:wrong:nan", "from 0 to 1", id="nan"),
        pytest.param("glm-4.7:wrong", "from 0 to 1", id="no-share"),
        pytest.param("glm-4.7:wrong:0.6,glm-4.7:unsure:0.6", "more than 1", id="sum"),
    ],
)
def test_a_bad_setting_says_what_was_expected(slips: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        engine_from_url(f"demo://?slips={slips}")


def test_a_tiers_alias_will_do() -> None:
    assert set(parse_slips("flash:wrong:0.1")) == {"glm-4.7-flash"}
