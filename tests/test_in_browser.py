"""What works in JupyterLite, where Python has no threads and no sockets: proven here by taking both away."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import anywidget  # noqa: F401  (before the platform is another one)
import httpx  # noqa: F401
import pandas as pd
import pydantic  # noqa: F401
import pytest
from conftest import Cells

from glm_magics import api
from glm_magics.client import Client, Endpoint
from glm_magics.errors import GLMError, SettingError
from glm_magics.rows import loop
from glm_magics.views.choose import choose

KEY = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6.S3cr3tS3cr3tS3cr"


@pytest.fixture
def lite(cells: Cells, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Cells]:
    """A notebook as Pyodide has it."""

    def none(*_: Any, **__: Any) -> Any:
        raise RuntimeError("can't start new thread")

    def unreachable(*_: Any, **__: Any) -> Any:
        raise OSError(138, "Not supported")

    monkeypatch.setenv("GLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loop, "_background", None)
    monkeypatch.setattr(threading.Thread, "start", none)
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr(socket, "socketpair", unreachable)
    monkeypatch.setattr(socket.socket, "connect", unreachable)
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert cells("%glm connect demo://?pace=0").error is None
    assert (
        cells("import pandas as pd\nreviews = pd.DataFrame({'text': ['good food', 'bad service']})").error
        is None
    )
    yield cells
    api.session().client.close()


@pytest.mark.parametrize(
    "cell",
    [
        "%reload_ext glm_magics",
        "%%glm -o answer\nWhat is 17 * 23?",
        "%glm flash what is 17 * 23?",
        "%%glm -i reviews\nWhat stands out?",
        "%%glm --schema 'age: int'\nAda is 36.",
        "%%glm --compare air,flash\nWhat is 17 * 23?",
        "%%glm --each reviews -o rated --schema 'mood: good|bad'\nRate this review: {{text}}",
        "reviews.glm.map('Rate: {{text}}', schema='mood: good|bad')",
        "reviews.glm.filter('{{text}} is good')",
        "reviews.glm.embed('text')",
        "reviews.glm.batch('Rate: {{text}}', schema='mood: good|bad').result()",
        *("%glm tiers", "%glm usage", "%glm budget 1", "%glm doctor", "%glm", "%%glm?"),
    ],
)
def test_a_cell_runs_without_threads_and_sockets(lite: Cells, cell: str) -> None:
    ran = lite(cell)
    assert ran.error is None, ran.text


def test_an_answer_is_the_same_as_with_threads(cells: Cells, request: pytest.FixtureRequest) -> None:
    question = "%%glm -o answer --temperature 0\nWhat is 17 * 23?"
    cells("%glm connect demo://?pace=0")
    assert cells(question).error is None
    threaded = cells["answer"]
    lite: Cells = request.getfixturevalue("lite")
    assert lite(question).error is None
    assert (lite["answer"].text, lite["answer"].usage) == (threaded.text, threaded.usage)


def test_rows_get_the_answers_that_they_get_with_threads(
    cells: Cells, request: pytest.FixtureRequest
) -> None:
    ask = (
        "rated = table.glm.map('Rate: {{text}}', schema='mood: good|bad', cache='fresh', rows_per_request=2)"
    )
    make = "import pandas as pd\ntable = pd.DataFrame({'text': ['good', 'bad', 'good food', 'bad service', 'good tea']})"
    assert cells("%glm connect demo://?pace=0").error is None
    assert cells(make).error is None
    assert cells(ask).error is None
    threaded: pd.DataFrame = cells["rated"]
    lite: Cells = request.getfixturevalue("lite")
    assert lite(ask).error is None
    pd.testing.assert_frame_equal(lite["rated"][["text", "mood"]], threaded[["text", "mood"]])
    assert (lite["rated"]["_glm_status"] == "ok").all()


def test_a_broken_answer_keeps_what_came(lite: Cells) -> None:
    lite("%glm connect demo://?pace=0&fault=cut:9000")
    ran = lite("%%glm -o part --no-think\nWrite 200 tokens about rivers.")
    assert isinstance(ran.error, GLMError)
    assert lite["part"].text


def test_a_cassette_is_recorded_and_replayed(lite: Cells) -> None:
    for line in (
        "%glm record lesson.jsonl",
        "%glm what is 6 * 7?",
        "%glm record off",
        "%glm replay lesson.jsonl",
    ):
        assert lite(line).error is None
    assert "42" in lite("answer = %glm what is 6 * 7?\nprint(answer.text)").text
    assert lite("%glm replay off").error is None


@pytest.mark.parametrize(
    "line", ["%glm login z.ai", "%glm login bigmodel", "%glm connect http://localhost:8000/v1"]
)
def test_a_server_is_refused_before_a_key_is_asked_for(lite: Cells, line: str) -> None:
    ran = lite(line)
    assert isinstance(ran.error, SettingError)
    assert "no sockets" in str(ran.error)
    assert "%glm demo on" in str(ran.error)
    assert lite("%%glm\nStill there?").error is None


def test_a_key_in_the_environment_is_in_no_message(lite: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZAI_API_KEY", KEY)
    ran = lite("%glm login z.ai")
    assert isinstance(ran.error, SettingError)
    assert KEY not in ran.text + str(ran.error)


def test_the_live_view_is_chosen_in_jupyterlite(lite: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    class Kernel:
        def get_parent(self, channel: str | None = None) -> dict[str, Any]:
            return {"content": {"allow_stdin": True}, "header": {}}

    monkeypatch.setattr(lite.shell, "kernel", Kernel(), raising=False)
    assert type(choose(lite.shell, environ={})).__name__ == "LiveView"


def test_a_client_outside_the_browser_reads_in_a_thread() -> None:
    client = Client(Endpoint("here", "http://127.0.0.1:9/v1"))
    assert client._threaded
