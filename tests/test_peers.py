"""Mistakes that users of other magics met, one test each: they are not made here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Cells
from IPython.core.error import UsageError

from glm_magics import api
from glm_magics._session import Session
from glm_magics.chat import Completion
from glm_magics.errors import GLMError, TemplateError

Demo = Callable[..., Session]


def shown(cells: Cells, completion: Completion) -> dict[str, str]:
    data, _ = cells.shell.display_formatter.format(completion)
    return data


def test_a_variable_is_not_interpolated_twice(cells: Cells) -> None:
    cells("secret = 'hunter2'\ndoc = 'as {{secret}} and {secret} and $secret'")
    assert "hunter2" not in cells("%glm repeat {{doc}}").value.text


def test_two_blanks_on_the_line_are_no_extra_argument(cells: Cells) -> None:
    assert cells("%%glm  air   -t  0.2\nhi").error is None


def test_a_sampling_option_is_not_dropped(cells: Cells) -> None:
    request = api.session().request("hi", api.Options(temperature=0.2))
    assert request.temperature == 0.2


def test_no_tier_means_the_default_one_and_no_dump(cells: Cells) -> None:
    assert cells("%glm hi").value.model == "glm-4.5-air"


def test_a_failure_is_raised_and_not_returned_as_text(cells: Cells, demo: Demo) -> None:
    demo("fault=1113")
    ran = cells("%%glm\nhi")
    assert isinstance(ran.error, GLMError)
    assert ran.value is None


@pytest.mark.parametrize("cell", ["%%glm\n", "%%glm\n\n\n", "%%glm\n \t "])
def test_an_empty_cell_is_not_sent(cells: Cells, cell: str) -> None:
    assert isinstance(cells(cell).error, UsageError)
    assert api.session().ledger.entries == ()


def test_an_apostrophe_on_the_line_is_a_letter(cells: Cells) -> None:
    assert cells("%glm what's up?").error is None
    assert cells("%%glm -s don't\nhi").error is None


def test_every_command_of_the_manual_works(cells: Cells) -> None:
    for line in ("tiers", "use air", "connect demo://?pace=0", "usage", "budget", "demo", "doctor", "help"):
        assert cells(f"%glm {line}").error is None, line


def test_the_price_of_a_current_tier_is_known(cells: Cells) -> None:
    for tier in ("glm-4.6", "glm-4.7", "glm-4.5-air"):
        assert cells(f"%glm -m {tier} hi").value.cost is not None


def test_the_plain_text_of_an_answer_is_its_text(cells: Cells) -> None:
    assert shown(cells, Completion(text="Forty-two."))["text/plain"] == "Forty-two."


def test_dollars_are_not_turned_into_mathematics(cells: Cells) -> None:
    markdown = shown(cells, Completion(text="It costs $5 or $6 in all."))["text/markdown"]
    assert "$5 or $6" not in markdown
    assert "5 or" in markdown


def test_thinking_is_neither_lost_nor_shown_as_tags(cells: Cells) -> None:
    completion = cells("%glm --think hi").value
    cells("'a later cell'")
    assert completion.reasoning
    assert "<think" not in completion.text
    assert "<details>" in shown(cells, completion)["text/markdown"]


def test_nothing_is_written_into_the_working_directory(cells: Cells, tmp_path: Path) -> None:
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        for code in ("%reload_ext glm_magics", "%glm hi", "%%glm -o x\nhi", "%glm usage", "%glm nope --x"):
            cells(code)
    finally:
        os.chdir(before)
    assert list(tmp_path.iterdir()) == []


def test_an_undefined_name_does_not_become_empty(cells: Cells) -> None:
    assert isinstance(cells("%glm about {{nothing_here}}").error, TemplateError)


def test_unloading_takes_the_magic_away(cells: Cells) -> None:
    cells("%unload_ext glm_magics")
    assert cells.shell.find_line_magic("glm") is None
    assert cells.shell.find_cell_magic("glm") is None
    cells("%load_ext glm_magics")


def test_help_works_on_a_cell_without_a_body(cells: Cells) -> None:
    assert "Options" in cells("%%glm --help").out


def test_json_on_the_line_survives(cells: Cells) -> None:
    text = json.dumps({"a": "b c", "d": [1, 2]})
    assert text in cells(f"%glm repeat {text}").value.text.replace("\\", "")
