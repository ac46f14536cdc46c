"""`df.glm`: there when pandas is, gone with the extension, and it sends what its preview shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pandas as pd
import pytest
from conftest import Cells
from frames_zoo import hostile
from test_magics import Recorded

import glm_magics
from glm_magics import api
from glm_magics._session import Session
from glm_magics.errors import SettingError
from glm_magics.frames import accessor

FRAME = pd.DataFrame({"city": ["Rome", "Oslo"], "rain": [80, 95]})


@pytest.fixture
def registered(demo: Callable[..., Session]) -> Iterator[None]:
    glm_magics.pandas()
    yield
    accessor.unregister()


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_preview_is_exactly_what_is_sent(registered: None) -> None:
    sent = Recorded(api.session())
    shown = FRAME.glm.preview(mask="city", tokens=500, tier="flash", name="weather")
    assert sent.requests == []
    FRAME.glm.ask("Where does it rain?", mask="city", tokens=500, tier="flash", name="weather")
    assert sent.prompts == [f"Where does it rain?\n\n{shown.text}"]
    assert "Rome" not in shown.text
    assert shown.estimate.tier.id == "glm-4.7-flash"
    assert shown.data[0].masked == ("city",)


def test_a_preview_shows_the_card_and_the_text(registered: None) -> None:
    shown = FRAME.glm.preview(privacy="sample")
    for view in (repr(shown), shown._repr_html_()):
        assert "df: 2 rows × 2 columns, cells of 2 rows and 2 columns are sent, privacy sample" in view
        assert "Nothing was sent." in view
        assert "glm-4.7-flash" in view
        assert "Rome,80" in view
    assert shown.text in repr(shown)


def test_a_long_text_is_folded_away(registered: None) -> None:
    table = pd.concat([FRAME] * 30, ignore_index=True)
    assert "<details open>" in FRAME.glm.preview()._repr_html_()
    assert "<details>" in table.glm.preview()._repr_html_()


def test_hostile_cells_break_no_display(registered: None) -> None:
    table = hostile()
    table.iloc[0, 0] = "<script>alert(1)</script>"
    shown = table.glm.preview(tokens=20_000)
    assert "<script" not in shown._repr_html_()
    assert "&lt;script&gt;" in shown._repr_html_()
    assert all(character.isprintable() or character == "\n" for character in repr(shown))


def test_ask_takes_the_options_of_ask(registered: None) -> None:
    done = FRAME.glm.ask("Which cities?", max_tokens=3_000, schema="rows: int", label="rain")
    assert isinstance(done.value, (dict, list))
    assert "All 2 rows of df were sent." in done.notes
    assert api.usage()["cell"].iloc[-1] == "rain"


def test_a_series_has_it_too(registered: None) -> None:
    assert "Table `df` (Series): 2 rows × 1 column." in FRAME["rain"].glm.preview().text


def test_a_mask_that_names_no_column_sends_nothing(registered: None) -> None:
    with pytest.raises(SettingError, match="Did you mean city"):
        FRAME.glm.ask("hi", mask=["ciyt"])


def test_importing_the_package_does_not_import_pandas_but_registers_where_it_is() -> None:
    assert run("import glm_magics, sys; print('pandas' in sys.modules)") == "False\n"
    assert run("import pandas as pd, glm_magics; print(hasattr(pd.DataFrame, 'glm'))") == "True\n"
    late = "import glm_magics as glm; import pandas as pd; print(hasattr(pd.Series, 'glm')); glm.pandas(); "
    assert run(late + "print(hasattr(pd.Series, 'glm'))") == "False\nTrue\n"


LATE = """
from IPython.core.interactiveshell import InteractiveShell
import sys
shell = InteractiveShell.instance()
callbacks = lambda: len(shell.events.callbacks["post_run_cell"])
before = callbacks()
shell.run_cell("%load_ext glm_magics")
print("pandas" in sys.modules, callbacks() - before)
shell.run_cell("1 + 1")
print(callbacks() - before)
shell.run_cell("import pandas as pd")
import pandas as pd
print(hasattr(pd.DataFrame, "glm"), callbacks() - before)
shell.run_cell("import dask.dataframe")
print(callbacks() - before)
shell.run_cell("%unload_ext glm_magics")
print(hasattr(pd.DataFrame, "glm"), hasattr(pd.Series, "glm"))
shell.run_cell("%load_ext glm_magics")
print(hasattr(pd.DataFrame, "glm"), callbacks() - before)
"""


def test_the_extension_waits_for_pandas_and_for_dask_and_then_looks_no_more() -> None:
    lines = [line for line in run(LATE).splitlines() if line.startswith(("True", "False", "0", "1"))]
    assert lines == ["False 1", "1", "True 1", "0", "False False", "True 0"]


def test_unloading_before_pandas_came_leaves_no_callback() -> None:
    program = (
        LATE.partition('shell.run_cell("1 + 1")')[0]
        + 'shell.run_cell("%unload_ext glm_magics"); print(callbacks() - before)'
    )
    assert run(program).splitlines()[-1] == "0"


def test_it_is_there_in_a_notebook_that_has_pandas(cells: Cells) -> None:
    cells("import pandas as pd")
    assert "Rome" in cells("pd.DataFrame({'a': ['Rome']}).glm.preview().text").value
    cells("%unload_ext glm_magics")
    assert not hasattr(pd.DataFrame, "glm")
    cells("%load_ext glm_magics")
    assert hasattr(pd.DataFrame, "glm")
