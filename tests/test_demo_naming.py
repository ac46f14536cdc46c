"""Names that the demo gives: drawn by the temperature, as a model draws its words."""

from __future__ import annotations

from collections import Counter

import pytest

from glm_magics._tiers import tiers
from glm_magics.demo.ask import Ask, Turn
from glm_magics.demo.writer import compose

AIR = tiers().find("glm-4.5-air")
QUESTIONS = (
    "Suggest a name for a small café. Keep it short. (Try {}.)",
    "给一家小咖啡馆起一个名字，简短些。（第 {} 次）",
)


def names(question: str, *settings: tuple[str, object], times: int = 200) -> Counter[str]:
    asks = (Ask(tier=AIR, turns=(Turn("user", question.format(n)),), settings=settings) for n in range(times))
    return Counter(compose(ask).text for ask in asks)


@pytest.mark.parametrize("question", QUESTIONS, ids=["english", "chinese"])
def test_the_higher_the_temperature_the_more_names(question: str) -> None:
    cold, cool, warm = (names(question, ("temperature", degree)) for degree in ("0.0", "0.2", "1.0"))
    assert len(cold) == 1
    assert 1 < len(cool) < len(warm)
    assert cold.most_common(1)[0][0] == cool.most_common(1)[0][0] == warm.most_common(1)[0][0]


def test_without_sampling_the_temperature_does_nothing() -> None:
    assert len(names(QUESTIONS[0], ("do_sample", "false"), ("temperature", "1.0"))) == 1


def test_without_a_temperature_it_is_the_tiers_own() -> None:
    assert len(names(QUESTIONS[0])) > 1


def test_the_same_request_gives_the_same_name() -> None:
    again = [names(QUESTIONS[0], ("temperature", "1.0"), times=5) for _ in range(2)]
    assert again[0] == again[1]


def test_other_things_have_other_names() -> None:
    things = ("a café", "a boat", "a garden", "a band", "a dog")
    said = {
        thing: list(names(f"Suggest a name for {thing}. Be brief.", ("temperature", "0.0")))
        for thing in things
    }
    assert len({found[0] for found in said.values()}) > 1


@pytest.mark.parametrize(
    "question", ["Name for the file?", "What is a good name for a variable", "名字是什么", "List 3 names"]
)
def test_other_questions_about_names_are_answered_as_before(question: str) -> None:
    draft = compose(Ask(tier=AIR, turns=(Turn("user", question),)))
    assert not set(draft.text.splitlines()) & set(names(QUESTIONS[0]))
