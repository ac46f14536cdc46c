"""The commands of `%glm`: what is one, what they do, and that a sentence stays a question."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from conftest import Cells

from glm_magics import api, commands, grammar
from glm_magics.demo import FAULTS
from glm_magics.errors import BudgetExceeded, SettingError, UnknownTier
from glm_magics.manual import COMMANDS


@pytest.mark.parametrize(
    "line",
    [
        *(
            "",
            "tiers",
            "tiers --free",
            "tiers --context 200k",
            "use air",
            "login",
            "login bigmodel --remember",
        ),
        *(
            "connect demo",
            "connect http://x/v1 --currency USD",
            "usage",
            "usage --plot",
            "budget",
            "budget 5",
        ),
        *(
            "budget off",
            "budget 5 per cell",
            "budget 5 CNY",
            "budget lots",
            "demo",
            "demo on",
            "demo fault cut",
        ),
        *("demo pace 0", "doctor", "help"),
    ],
)
def test_a_line_that_fits_is_a_command(line: str) -> None:
    assert commands.find(grammar.parse(line)) is not None


@pytest.mark.parametrize(
    "line",
    [
        *(
            "use of the ablative in Latin",
            "tiers of Dante's hell",
            "budget airlines in Europe",
            "help me with this",
        ),
        *("login screens should be simple", "connect the dots for me", "usage of commas", "demo of a monad"),
        *("doctor Who is what?", "budget 2024 of France was how high", "why?", "use"),
    ],
)
def test_a_sentence_is_a_question(line: str) -> None:
    assert commands.find(grammar.parse(line)) is None


def test_every_command_is_in_the_manual() -> None:
    assert set(commands._COMMANDS) == set(COMMANDS)


def test_the_card_shows_where_how_and_how_much(cells: Cells) -> None:
    cells("%glm budget 1")
    cells("%glm what is 7 * 6?")
    card = cells("%glm").out
    assert "demo engine (offline, no key" in card
    assert "none needed" in card
    assert "glm-4.5-air" in card
    assert "1.00 CNY" in card
    assert "in 1 requests" in card


def test_tiers_is_a_frame(cells: Cells) -> None:
    ran = cells("%glm tiers --free --thinking")
    assert isinstance(ran.value, pd.DataFrame)
    assert "glm-4.7-flash" in ran.value.index
    assert cells("x = %glm tiers --context=1m\nx").value.shape[0] >= 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("tiers --context", "--context needs a value", id="no-value"),
        pytest.param("usage --polt", "Did you mean --plot?", id="near-miss"),
        pytest.param("connect demo --colour red", "does not know '--colour'", id="unknown"),
        pytest.param("login z.ai --forget", "It takes --remember, --new.", id="what-it-takes"),
    ],
)
def test_a_wrong_option_of_a_command_is_one_line(cells: Cells, line: str, message: str) -> None:
    ran = cells(f"%glm {line}")
    assert message in ran.err
    assert len(ran.text.strip().splitlines()) == 1


def test_use_sets_the_tier_and_says_what_is_special(cells: Cells) -> None:
    assert cells("%glm use flash").out == "glm-4.7-flash answers the cells that name no tier.\n"
    assert "announced to go offline" in cells("%glm use glm-4.5-flash").out
    assert isinstance(cells("%glm use flahs").error, UnknownTier)
    assert api.session().tier.id == "glm-4.5-flash"


def test_budget_is_a_wall_for_the_cells_that_follow(cells: Cells) -> None:
    assert "this session: 0 CNY, 0 CNY left" in cells("%glm budget 0").out
    ran = cells("%glm hello")
    assert isinstance(ran.error, BudgetExceeded)
    assert "Traceback" not in ran.text
    assert cells("%glm -m flash hello").error is None
    assert "no budget" in cells("%glm budget off").out
    assert cells("%glm hello").error is None


def test_a_budget_for_each_cell_stands_beside_it(cells: Cells) -> None:
    assert "each cell:    0.000001 CNY" in cells("%glm budget 0.000001 CNY per cell").out.replace(
        "0.0000010", "0.000001"
    )
    assert isinstance(cells("%glm hello").error, BudgetExceeded)
    cells("%glm budget off per cell")
    assert cells("%glm hello").error is None


def test_a_budget_on_the_line_is_for_this_cell(cells: Cells) -> None:
    assert isinstance(cells("%glm --budget 0.0000001 hello").error, BudgetExceeded)
    assert cells("%glm --budget 1 hello").error is None
    assert cells("%glm -m flash --budget 0 hello").error is None


def test_usage_is_a_frame_and_a_picture(cells: Cells) -> None:
    cells("%glm hello")
    cells("%glm -m flash hello")
    assert list(cells("%glm usage").value["tier"]) == ["glm-4.5-air", "glm-4.7-flash"]
    ran = cells("%glm usage --plot")
    assert "Image" in ran.out or "Figure" in ran.out
    assert len(ran.value) == 2


def test_the_demo_explains_itself_and_its_faults(cells: Cells) -> None:
    shown = cells("%glm demo").out
    assert all(name in shown for name in FAULTS)


def test_a_fault_can_be_shown_and_taken_back(cells: Cells) -> None:
    cells("%glm demo fault 1113")
    assert cells("%glm hello").error is not None
    assert isinstance(cells("%glm demo fault 1113x").error, SettingError)
    cells("%glm demo pace 0")
    assert cells("%glm hello").error is None


def test_demo_off_goes_back_to_the_environment(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLM_BASE_URL", "http://localhost:8000/v1")
    assert "localhost:8000" in cells("%glm demo off").out


def test_the_doctor_checks_and_reports(cells: Cells) -> None:
    report = cells("%glm doctor").out
    for part in ("python", "ipython", "TerminalView", "offline demo engine", "none needed", "models"):
        assert part in report


def test_the_doctor_says_why_a_server_does_not_answer(cells: Cells) -> None:
    cells("%glm connect http://127.0.0.1:1/v1")
    report = cells("%glm doctor").out
    assert "No connection to 127.0.0.1:1" in report


@pytest.mark.parametrize("width", [110])
def test_the_manual_fits_a_screen(cells: Cells, width: int) -> None:
    long = [line for line in cells("%glm help").out.splitlines() if len(line) > width + 10]
    assert long == []


def test_an_estimate_covers_every_tier_with_a_price(cells: Cells) -> None:
    table: Any = cells("%glm --estimate --max-tokens 500 hello").value
    assert table.iloc[:, 1].is_monotonic_increasing or table.iloc[:, 0].is_monotonic_increasing
    assert table.loc["glm-4.7-flash"].sum() == 0


def test_a_pretended_failure_can_be_ended(cells: Cells) -> None:
    cells("%glm demo fault balance")
    assert cells("%glm hi").error is not None
    cells("%glm demo fault off")
    assert cells("%glm hi").error is None
