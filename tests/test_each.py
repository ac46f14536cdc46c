"""`%%glm --each` in real cells: what is asked, bound and shown, and what a wrong line says."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from conftest import Cells
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from glm_magics import api
from glm_magics._session import Session
from glm_magics.cells import Interrupted
from glm_magics.client import Client, Endpoint
from glm_magics.completer import candidates
from glm_magics.demo import DemoTransport, Engine
from glm_magics.errors import SettingError, TemplateError
from glm_magics.keys import ApiKey

REVIEWS = """
import pandas as pd
reviews = pd.DataFrame({
    "text": ["I love it, paid 12 dollars", "terrible and broken", "很好吃"],
    "email": ["a@b.c", "d@e.f", "g@h.i"],
    "n": [1, 2, 3],
}, index=["x", "y", "z"])
"""
CELL = "%%glm --each reviews -o rated --schema 'mood: good|bad'\nRate this review: {{text}}"


class Listener(Engine):
    """Keeps the bodies that it is sent."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(pace=0, **settings)
        self.bodies: list[dict[str, Any]] = []

    def handle(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        self.bodies.append(json.loads(body))
        return super().handle(method, path, headers, body)


@pytest.fixture
def engine(cells: Cells) -> Listener:
    """The engine that the cells ask, with the frame `reviews` in the notebook."""
    engine = Listener()
    connect(engine)
    assert cells(REVIEWS).error is None
    return engine


def connect(engine: Engine) -> Session:
    key = ApiKey("demo-key", source="test")
    endpoint = Endpoint("demo", "http://demo.invalid/api/paas/v4", key, "CNY", address=f"demo://{id(engine)}")
    return api.use_client(Client(endpoint, transport=DemoTransport(engine)), tier="glm-4-plus")


def sent(engine: Listener) -> str:
    """All prompts that the engine got."""
    return "\n".join(body["messages"][-1]["content"] for body in engine.bodies)


def wrong(cells: Cells, line: str, text: str = "Rate {{text}}") -> str:
    error = cells(f"{line}\n{text}").error
    assert isinstance(error, UsageError)
    return str(error)


def test_out_is_the_frame_with_typed_columns(cells: Cells, engine: Listener) -> None:
    ran = cells(CELL)
    assert ran.error is None
    rated = cells["rated"]
    assert rated["mood"].tolist() == ["good", "bad", "good"]
    assert str(rated.dtypes["mood"]) == "category"
    pd.testing.assert_frame_equal(rated[["text", "email", "n"]], cells["reviews"])


def test_the_cell_shows_its_first_rows_and_a_summary(cells: Cells, engine: Listener) -> None:
    ran = cells(CELL)
    assert ran.value is None
    assert "3 rows: 3 ok · 3 requests" in ran.text
    assert "terrible and broken" in ran.text
    assert "bad" in ran.text
    assert "d@e.f" not in ran.text
    assert "_glm_status" not in ran.text


def test_without_a_schema_the_answer_is_a_text(cells: Cells, engine: Listener) -> None:
    cells("%%glm --each reviews -o said\nTranslate to French: good morning {{n}}")
    assert cells["said"]["answer"].str.len().gt(0).all()


def test_other_names_are_variables_of_the_notebook_for_all_rows(cells: Cells, engine: Listener) -> None:
    cells("labels = ['good', '坏']\nn = 'not this'")
    cells("%%glm --each reviews -o said\nOne of {{labels}}: {{n}} {{text}}")
    assert 'One of ["good", "坏"]: 3 很好吃' in sent(engine)
    assert "not this" not in sent(engine)


def test_a_value_is_never_read_as_a_template(cells: Cells, engine: Listener) -> None:
    cells("house = 'Be {{text}} kind'")
    cells("%%glm --each reviews -o said\n{{house}}: {{n}}")
    assert "Be {{text}} kind: 2" in sent(engine)


def test_the_system_message_is_filled_once(cells: Cells, engine: Listener) -> None:
    cells("who = 'a critic'")
    cells("%%glm --each reviews -o said -s 'You are {{who}}.'\nRate {{text}}")
    assert engine.bodies[-1]["messages"][0]["content"] == "You are a critic."


def test_a_series_is_its_one_column(cells: Cells, engine: Listener) -> None:
    cells("words = reviews['text'].rename(None)")
    cells("%%glm --each words -o rated --schema 'mood: good|bad'\nRate {{text}}")
    assert cells["rated"].columns[:2].tolist() == ["text", "mood"]


def test_polars_works_too(cells: Cells, engine: Listener) -> None:
    cells("import polars\nparts = polars.DataFrame({'text': ['I love it', 'broken']})")
    cells("%%glm --each parts -o rated --schema 'mood: good|bad'\nRate {{text}}")
    assert cells["rated"]["mood"].tolist() == ["good", "bad"]


def test_what_was_asked_is_not_paid_again_unless_fresh(
    cells: Cells, engine: Listener, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLM_CACHE", str(tmp_path))
    cells(CELL)
    asked = len(engine.seen)
    assert "3 cached" in cells(CELL).text
    assert len(engine.seen) == asked
    cells(CELL.replace("--each", "--fresh --each"))
    assert len(engine.seen) > asked


def test_an_estimate_sends_nothing(cells: Cells, engine: Listener) -> None:
    ran = cells(CELL.replace("-o rated", "--estimate"))
    assert ran.value.index[0] == "glm-4-plus"
    assert "Nothing was sent" in ran.text
    assert not engine.seen
    assert "rated" not in cells.shell.user_ns


def test_a_budget_is_a_wall_and_the_rows_say_so(cells: Cells, engine: Listener) -> None:
    ran = cells(CELL.replace("--each", "--budget 0.0000001 --each"))
    assert set(cells["rated"]["_glm_status"]) == {"skipped_budget"}
    assert "3 skipped_budget" in ran.text
    assert "_glm_error" in ran.text


def test_quiet_shows_nothing(cells: Cells, engine: Listener) -> None:
    assert cells(CELL.replace("--each", "-q --each")).text == ""
    assert len(cells["rated"]) == 3


@pytest.mark.parametrize("where", ["line", "session"])
def test_a_masked_column_is_not_sent(cells: Cells, engine: Listener, where: str) -> None:
    if where == "session":
        cells("%config GLMMagics.mask = ['email']")
    line = "%%glm --each reviews -o rated" + (" --mask email" if where == "line" else "")
    assert isinstance(cells(f"{line}\nWho is {{{{email}}}}?").error, TemplateError)
    cells("extra = {'email': 'secret@b.c', 'ok': 1}")
    assert cells(f"{line}\nRate {{{{text}}}} {{{{extra}}}}").error is None
    assert "masked" in sent(engine)
    assert "secret@b.c" not in sent(engine)


def test_a_mask_that_names_no_column_is_an_error(cells: Cells, engine: Listener) -> None:
    error = cells("%%glm --each reviews -o rated --mask emial\nRate {{text}}").error
    assert isinstance(error, SettingError)
    assert "Did you mean email?" in str(error)
    assert not engine.seen


def test_where_no_row_may_leave_none_does(cells: Cells, engine: Listener) -> None:
    assert isinstance(cells(CELL.replace("--each", "--privacy stats --each")).error, SettingError)
    assert not engine.seen


def test_a_name_that_is_nowhere_is_an_error(cells: Cells, engine: Listener) -> None:
    error = cells("%%glm --each reviews -o rated\nRate {{txt}}").error
    assert isinstance(error, TemplateError)
    assert "Did you mean text?" in str(error)


@pytest.mark.parametrize("name", ["_secret", "In", "reviews", "print"])
def test_what_is_no_plain_data_does_not_stand_in_a_prompt(cells: Cells, engine: Listener, name: str) -> None:
    cells("_secret = 'x'")
    assert isinstance(
        cells(f"%%glm --each reviews -o rated\n{{{{{name}}}}} {{{{text}}}}").error, TemplateError
    )
    assert not engine.seen


@pytest.mark.parametrize(
    "option",
    [
        "--code",
        "--raw",
        "-i reviews",
        "--file a.txt",
        "--image fig",
        "--map-reduce",
        "--stop x",
        "--no-stream",
        "--schema n:int --as record",
    ],
)
def test_an_option_that_makes_no_sense_for_rows_is_an_error(
    cells: Cells, engine: Listener, option: str
) -> None:
    assert "does not go with --each" in wrong(cells, f"%%glm --each reviews -o rated {option}")
    assert not engine.seen


def test_each_needs_a_frame_and_names_the_nearest(cells: Cells, engine: Listener) -> None:
    assert "Did you mean reviews?" in wrong(cells, "%%glm --each review -o rated")
    cells("reviewz = [1]")
    said = wrong(cells, "%%glm --each reviewz -o rated")
    assert "expected a DataFrame or a Series, got list" in said
    assert "Did you mean reviews?" in said


def test_each_needs_a_name_for_its_result(cells: Cells, engine: Listener) -> None:
    assert "needs -o NAME" in wrong(cells, "%%glm --each reviews")


def test_fresh_needs_each(cells: Cells) -> None:
    assert "needs --each" in wrong(cells, "%%glm --fresh", "hello")


def test_each_is_for_cells(cells: Cells, engine: Listener) -> None:
    assert "%%glm --each NAME" in str(cells("%glm --each reviews -o rated rate {{text}}").error)


def test_what_a_cell_holds_cannot_act_in_the_output(
    cells: Cells, engine: Listener, front_end: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InteractiveShell.instance(), "kernel", object(), raising=False)
    cells("reviews.loc['y', 'text'] = '<script>alert(1)</script> $x$'")
    assert cells(CELL).error is None
    html = [seen[1]["text/html"] for seen in front_end if "text/html" in seen[1]]
    assert "&lt;script&gt;" in html[-1]
    assert "<script>" not in html[-1]


def test_an_interrupt_binds_what_is_done(cells: Cells, demo: Callable[..., Session]) -> None:
    cells("import pandas as pd\nmany = pd.DataFrame({'n': range(200)})")
    engine = Listener(answer_seconds=0.05, most_in_flight=2)
    connect(engine)

    def interrupt() -> None:
        while len(engine.seen) < 10:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    ran = cells("%%glm --each many -o done\nTake {{n}}")
    assert isinstance(ran.error, Interrupted)
    statuses = cells["done"]["_glm_status"].value_counts()
    assert statuses["ok"] > 0
    assert statuses["pending"] > 0


def test_names_of_frames_follow_each(cells: Cells, engine: Listener) -> None:
    cells("number = 1")
    _, found = candidates("%%glm --each ", cells.shell.user_ns)
    assert found is not None
    assert "reviews" in found
    assert "number" not in found
