"""What is shown of a run: a line while it goes, and one that stays."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from conftest import Cells
from IPython.core.interactiveshell import InteractiveShell

from glm_magics import api
from glm_magics._session import Session
from glm_magics.frames.rows import map_rows


def asked(rows: int = 4, **how: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"n": [value % 3 for value in range(rows)]})
    return map_rows(frame, "Take the number {{n}}", schema="n: int", **{"cache": "off", **how})


def test_in_a_file_only_the_summary_is_written(
    demo: Callable[..., Session], capsys: pytest.CaptureFixture[str]
) -> None:
    demo()
    asked(rows_per_request=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("4 rows (3 different): 3 ok · 3 requests · ")
    assert err.count("\n") == 1


def test_nothing_is_shown_when_nothing_shall(
    demo: Callable[..., Session], capsys: pytest.CaptureFixture[str]
) -> None:
    demo()
    asked(progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_run_that_ended_early_says_why_and_how_it_goes_on(
    demo: Callable[..., Session], capsys: pytest.CaptureFixture[str]
) -> None:
    demo()
    asked(9, rows_per_request=1, max_calls=1)
    said = capsys.readouterr().err
    assert "max_calls=1 is reached" in said
    assert "Run it again to go on" in said


def test_in_ipython_it_works_as_in_a_script(cells: Cells) -> None:
    ran = cells(
        "import pandas as pd\nfrom glm_magics.frames.rows import map_rows\n"
        "done = map_rows(pd.DataFrame({'n': [1, 2]}), 'Take {{n}}', schema='n: int')"
    )
    assert ran.error is None
    assert "2 rows: 2 ok" in ran.text
    assert cells["done"]["n"].tolist() == [1, 2]


@pytest.mark.parametrize(("attended", "renewed"), [(True, True), (False, False)])
def test_the_line_is_renewed_only_where_somebody_watches(
    bare_environment: None,
    front_end: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    attended: bool,
    renewed: bool,
) -> None:
    request = {"content": {"allow_stdin": attended}}
    kernel = SimpleNamespace(get_parent=lambda: request)
    monkeypatch.setattr(InteractiveShell.instance(), "kernel", kernel, raising=False)
    api.connect("demo://?pace=0&seconds=0.3")
    asked(rows_per_request=1)
    assert (front_end[-1][0] == "update") is renewed
    assert front_end[-1][1]["text/plain"].startswith("4 rows (3 different): 3 ok")
    assert (len(front_end) > 1) is renewed
