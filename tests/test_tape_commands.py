"""`%glm record` and `%glm replay` in a notebook, and what the other commands say while a cassette is in."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Cells

from glm_magics import api, commands, grammar, tapes
from glm_magics.cassette import Cassette
from glm_magics.client import Client, Endpoint
from glm_magics.errors import NotRecorded, SettingError
from glm_magics.keys import ApiKey

ROOT = Path(__file__).parent.parent


@pytest.fixture
def at(cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cells:
    """A notebook in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return cells


@pytest.fixture
def recorded(at: Cells) -> Cells:
    """A notebook with a cassette of two answers."""
    for cell in ("%glm record lesson.jsonl", "%glm what is 6 * 7?", "%glm what is 7 * 8?", "%glm record off"):
        assert at(cell).error is None
    return at


@pytest.mark.parametrize(
    "line",
    [
        *("record", "record a.jsonl", "record a.jsonl --update", "record off", "record off --prune"),
        *(
            "replay",
            "replay a.jsonl",
            "replay a.jsonl --pace fast",
            "replay off",
            "replay --pace=fast a.jsonl",
        ),
    ],
)
def test_a_line_that_fits_is_a_command(line: str) -> None:
    assert commands.find(grammar.parse(line)) is not None


@pytest.mark.parametrize("line", ["record sales of 2023 were how high?", "replay the match in words"])
def test_a_sentence_is_a_question(line: str) -> None:
    assert commands.find(grammar.parse(line)) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("record --update", "It is `%glm record FILE [--update]`"),
        ("record a.jsonl --prune", "It is `%glm record FILE [--update]`"),
        ("record a.jsonl --pace fast", "does not know '--pace'"),
        ("replay a.jsonl --pace slow", "expected real or fast"),
        ("replay --pace fast", "It is `%glm replay FILE"),
        ("replay a.jsonl --pase fast", "Did you mean --pace?"),
    ],
)
def test_a_wrong_option_is_one_line(at: Cells, line: str, message: str) -> None:
    ran = at(f"%glm {line}")
    assert message in ran.err
    assert len(ran.text.strip().splitlines()) == 1


def test_recording_says_what_it_does_and_did(at: Cells) -> None:
    begun = at("%glm record lesson.jsonl").out
    assert "Recording to lesson.jsonl from demo engine" in begun
    assert "No key is written" in begun
    assert "lesson.jsonl is being recorded" in at("%glm").out
    at("%glm what is 6 * 7?")
    assert at("%glm record off").out == "lesson.jsonl: 1 answer recorded.\n"
    assert "cassette" not in at("%glm").out


def test_replaying_says_where_the_answers_are_from(recorded: Cells) -> None:
    day = Cassette(Path("lesson.jsonl")).header.recorded
    begun = recorded("%glm replay lesson.jsonl --pace fast").out
    assert begun.startswith(f"Replaying lesson.jsonl: 2 answers, recorded {day} from demo. No network")
    ran = recorded("answer = %glm what is 6 * 7?")
    assert "42" in ran.out
    assert f"recorded {day}" in ran.text
    card = recorded("%glm").out
    assert f"recorded {day} (a replay: no network, nothing is paid)" in card
    assert "nothing now; " in card
    assert "none needed" in card
    ended = recorded("%glm replay off").out
    assert ended.startswith("lesson.jsonl: 1 of 2 answers used. Back to demo engine")
    assert recorded["answer"].recorded == day


def test_what_was_cut_off_is_said_when_the_replay_begins(recorded: Cells) -> None:
    path = Path("lesson.jsonl")
    path.write_bytes(path.read_bytes()[:-5])
    begun = recorded("%glm replay lesson.jsonl").out
    assert "1 answer," in begun
    assert "cut off and is left out" in begun
    recorded("%glm replay off")


def test_the_tier_of_the_cells_goes_on(recorded: Cells) -> None:
    recorded("%glm use glm-4.7")
    recorded("%glm replay lesson.jsonl --pace fast")
    ran = recorded("%glm what is 6 * 7?")
    assert isinstance(ran.error, NotRecorded)
    assert "model: recorded" in ran.text
    assert "Traceback" not in ran.text
    recorded("%glm use glm-4.5-air")
    assert recorded("%glm what is 6 * 7?").error is None
    recorded("%glm replay off")
    assert api.session().tier.id == "glm-4.5-air"


def test_update_and_prune_in_a_notebook(recorded: Cells) -> None:
    recorded("%glm record lesson.jsonl --update")
    recorded("%glm what is 6 * 7?")
    recorded("%glm what is 9 * 9?")
    ended = recorded("%glm record off").out
    assert "1 answer recorded, 1 used again" in ended
    assert "1 answer not asked for in this session, still in it" in ended
    assert "line 3: glm-4.5-air: 'what is 7 * 8?'" in ended
    recorded("%glm record lesson.jsonl --update")
    recorded("%glm what is 6 * 7?")
    assert "taken out" in recorded("%glm record off --prune").out
    assert len(Cassette(Path("lesson.jsonl"))) == 1


@pytest.mark.parametrize(
    "line", ["replay nothing.jsonl", "record off", "replay off", "record lesson.jsonl", "replay lesson.txt"]
)
def test_what_cannot_be_done_is_an_error_in_words(recorded: Cells, line: str) -> None:
    Path("lesson.txt").write_text("hello\n")
    ran = recorded(f"%glm {line}")
    assert isinstance(ran.error, SettingError)
    assert "Traceback" not in ran.text
    assert api.session().tape is None


def test_the_doctor_finds_stale_entries_and_leaves_no_trace(recorded: Cells) -> None:
    recorded("%glm replay lesson.jsonl --pace fast")
    recorded("%glm what is 6 * 7?")
    report = recorded("%glm doctor").out
    assert "not asked for yet, so stale if every cell has run: 1" in report
    assert "line 3: glm-4.5-air: 'what is 7 * 8?'" in report
    assert "no network" in report
    recorded("%glm what is 7 * 8?")
    assert "nothing in it is stale" in recorded("%glm doctor").out
    recorded("%glm replay off")
    recorded("%glm record other.jsonl")
    assert "lists" in recorded("%glm doctor").out
    assert "other.jsonl: 0 answers recorded.\n" in recorded("%glm record off").out


def test_alone_the_commands_explain_themselves(at: Cells) -> None:
    assert "%glm record FILE --update" in at("%glm record").out
    assert "--pace fast" in at("%glm replay").out
    at("%glm record a.jsonl")
    assert "a.jsonl is being recorded" in at("%glm replay").out
    at("%glm record off")


def test_a_secret_answer_is_named_when_the_recording_ends(at: Cells) -> None:
    canary = "c4n4ry0123456789abcdef.Zq7w19tXeRk2LmP4"
    answer = {"choices": [{"message": {"content": canary}, "finish_reason": "stop"}]}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    endpoint = Endpoint("echo", "http://echo.invalid/v1", key=ApiKey(canary, source="test"), dialect="openai")
    api.use_client(Client(endpoint, transport=transport), tier="m")
    at("%glm record a.jsonl")
    assert at("%glm what is my key?").error is None
    told = at("%glm record off").out
    assert "Not recorded: the answer to /chat/completions (m) holds the API key (from test)" in told
    assert canary not in told
    assert not Path("a.jsonl").exists()


def sources(notebook: str) -> list[str]:
    found = json.loads((ROOT / "notebooks" / notebook).read_text("utf-8"))
    return ["".join(cell["source"]) for cell in found["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", ["01_quickstart.ipynb", "02_structured.ipynb", "04_rows.ipynb"])
def test_a_whole_notebook_replays_without_a_socket(
    at: Cells, notebook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the cells change of the connection is left out: it stays while a cassette is in."""
    skipped = ("load_ext", "%glm demo", "glm.connect", "%glm connect", "%glm doctor", "%glm login")
    cells = [source for source in sources(notebook) if not any(word in source for word in skipped)]
    assert len(cells) > 5

    ours = set(at.shell.user_ns)

    def run() -> list[Any]:
        shown = []
        for name in set(at.shell.user_ns) - ours:
            del at.shell.user_ns[name]
        for cell in cells:
            ran = at(cell)
            names = sorted(name for name in at.shell.user_ns if not name.startswith("_"))
            answers = [at[name].text for name in names if type(at[name]).__name__ == "Completion"]
            shown.append((type(ran.error).__name__, answers))
        return shown

    at("%glm record lesson.jsonl")
    live = run()
    assert "answers recorded" in at("%glm record off").out

    def refuse(*args: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    api.exchange_session(None)
    api.connect("http://127.0.0.1:1/v1", tier="x")  # whatever the notebook begins with
    at("%glm replay lesson.jsonl --pace fast")
    api.session().defaults = api.Options()
    assert run() == live
    tape = api.session().tape
    assert isinstance(tape, tapes.Replay)
    assert tape.unused() == []
    at("%glm replay off")
