"""`%glm check` in a cell: one line when it passes, and an error that a grader sees whatever else happens."""

from __future__ import annotations

import pytest
from conftest import Cells
from IPython.core.error import UsageError

from glm_magics import api
from glm_magics.check_commands import answers
from glm_magics.errors import CheckFailed, GLMError, SettingError


@pytest.fixture
def asked(cells: Cells) -> Cells:
    assert cells("answer = %glm what is 17 * 23?").error is None
    return cells


def test_a_check_that_passes_is_one_line(asked: Cells) -> None:
    ran = asked("%glm check answer --contains 391 --tier air --max-tokens 500 --cost-below 0.01")
    assert ran.error is None
    assert ran.out == (
        "Passed: contains 391, answered by glm-4.5-air, at most 500 tokens of output, cost below 0.01 CNY "
        "(an answer of the demo engine).\n"
    )
    assert ran.err == ""


def test_data_is_checked_against_a_schema_in_words_or_by_name(cells: Cells) -> None:
    cells("df = %glm --schema 'name: str, price: float' A pen for 3.50 and a book for 12.")
    cells("class Product:\n    name: str\n    price: float\nfrom dataclasses import dataclass")
    cells("Product = dataclass(Product)")
    passed = "Passed: fits {} (an answer of the demo engine).\n"
    assert cells("%glm check df --schema 'name: str, price: float'").out == passed.format(
        "'name: str, price: float'"
    )
    assert cells("%glm check df --schema Product").out == passed.format("Product")


def test_thinking_is_checked_either_way(cells: Cells) -> None:
    cells("slow = %glm --think what is 2 + 2?")
    cells("quick = %glm --no-think what is 2 + 2?")
    assert cells("%glm check slow --think").error is None
    assert cells("%glm check quick --no-think").error is None
    assert isinstance(cells("%glm check quick --think").error, CheckFailed)
    assert isinstance(cells("%glm check slow --no-think").error, CheckFailed)


@pytest.mark.parametrize(
    "line",
    [
        "answer --equals 391",  # there is more around it
        "answr --contains 391",
        "answer",
        "answer --contain 391",
        "answer --contains",
        "the answer --contains 391",
        "answer --schema 'name: strr'",
        "answer --max-tokens many",
        "answer --think --no-think",
        "--contains 391",
        "answer --contains 391 --cost-below -1",
    ],
)
def test_a_check_that_fails_or_is_misspelt_is_an_error_and_asks_nothing(asked: Cells, line: str) -> None:
    before = len(api.session().ledger.entries)
    ran = asked(f"%glm check {line}")
    assert isinstance(ran.error, (CheckFailed, SettingError))
    assert not isinstance(ran.error, UsageError), "IPython prints that as a line, and no grader sees an error"
    assert "Passed" not in ran.out
    assert len(api.session().ledger.entries) == before


def test_a_failed_check_in_python_shows_no_traceback_either(asked: Cells) -> None:
    asked("import glm_magics as glm")
    ran = asked("glm.check_answer(answer, equals=391)")
    assert "Expected 391, got" in ran.out
    assert "Traceback" not in ran.out
    assert "checks.py" not in ran.out


def test_the_name_that_is_missing_is_guessed(asked: Cells) -> None:
    error = asked("%glm check answr --contains 391").error
    assert isinstance(error, GLMError)
    assert "Did you mean answer?" in str(error)


def test_tab_offers_answers_and_data(asked: Cells) -> None:
    asked("count, function = 3, print")
    assert {"answer", "count"} <= set(answers(asked.shell.user_ns))
    assert "function" not in answers(asked.shell.user_ns)


def test_alone_it_says_what_can_be_checked(cells: Cells) -> None:
    assert "--equals VALUE" in cells("%glm check").out


def test_a_sentence_that_begins_with_check_is_a_question(cells: Cells) -> None:
    assert cells("x = %glm check the sum 17 * 23").error is None
    assert "391" in cells["x"].text
