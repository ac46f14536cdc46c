"""Sessions that are recorded and replayed: what they say, what they cost, what they refuse, what they keep."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

import glm_magics as glm
from glm_magics import api
from glm_magics._session import Session
from glm_magics.cassette import Cassette
from glm_magics.chat import Completion, Cost
from glm_magics.demo import Engine, serve
from glm_magics.errors import BudgetExceeded, GLMError, NotRecorded, SettingError
from glm_magics.views import words


@pytest.fixture
def lesson(demo: Callable[..., Session], tmp_path: Path) -> Path:
    """A cassette with two answers."""
    path = tmp_path / "lesson.jsonl"
    with glm.recording(path):
        glm.ask("what is 6 * 7?", tier="glm-4.7")
        glm.ask("what is 7 * 8?", tier="glm-4.7", temperature=0.5)
    return path


def again(**options: object) -> Completion:
    found: Completion = glm.ask("what is 6 * 7?", tier="glm-4.7", **options)  # type: ignore[arg-type]
    return found


# Who paid


def test_an_answer_from_a_cassette_says_so_and_the_day(lesson: Path) -> None:
    day = Cassette(lesson).header.recorded
    with glm.replaying(lesson, pace="fast"):
        done = again()
    assert done.endpoint == f"recorded {day}"
    assert done.recorded == day
    assert done.cost is not None
    footer = words.footer(done)
    assert footer.endswith(f"recorded {day} for {done.cost}")
    assert footer.count(str(done.cost)) == 1
    assert words.record(done)["endpoint"] == f"recorded {day}"


def test_a_replay_adds_nothing_to_what_was_spent(lesson: Path) -> None:
    before = api.session().ledger.spent()
    with glm.replaying(lesson, pace="fast"):
        again()
        assert api.session().ledger.spent()["CNY"].amount > 0  # as when it was recorded
        assert set(glm.usage()["endpoint"]) == {f"recorded {Cassette(lesson).header.recorded}"}
    assert api.session().ledger.spent() == before


def test_the_money_counter_of_a_running_replay_does_not_count_money(lesson: Path) -> None:
    with glm.replaying(lesson, pace="fast"), glm.stream("what is 6 * 7?", tier="glm-4.7") as stream:
        for _ in stream:
            pass
        assert stream.progress().cost is None


def test_a_lesson_about_budgets_replays_as_it_ran(demo: Callable[..., Session], tmp_path: Path) -> None:
    def run() -> list[str]:
        glm.budget("0.02")
        told = []
        for number in range(6):
            try:
                told.append(glm.ask(f"what is {number} * 7?", tier="glm-4.7").text)
            except BudgetExceeded as error:
                told.append(error.message)
        return told

    with glm.recording(tmp_path / "a.jsonl"):
        live = run()
    demo()
    api.exchange_session(None)
    with glm.replaying(tmp_path / "a.jsonl", pace="fast"):
        assert run() == live


def test_a_replay_does_not_touch_a_shared_budget(lesson: Path, tmp_path: Path) -> None:
    with glm.replaying(lesson), pytest.raises(SettingError, match="spends nothing"):
        glm.budget(5, shared=tmp_path / "money.db")
    assert not (tmp_path / "money.db").exists()


def test_with_update_only_what_is_new_is_paid(lesson: Path) -> None:
    session = api.session()
    spent = session.ledger.spent()["CNY"]
    with glm.recording(lesson, update=True) as tape:
        old = again()
        new = glm.ask("what is 9 * 9?", tier="glm-4.7")
    assert old.recorded
    assert not new.recorded
    assert new.cost is not None
    assert session.ledger.spent()["CNY"] == spent + new.cost
    assert session.ledger.entries[-2].cost == Cost(Decimal(0), "CNY")
    assert (tape.recorded, tape.used) == (1, 1)


# Updating


def test_update_keeps_what_is_there_and_adds_what_is_not(lesson: Path) -> None:
    before = lesson.read_bytes()
    with glm.recording(lesson, update=True) as tape:
        again()
        again()
        glm.ask("what is 9 * 9?", tier="glm-4.7")
        assert [entry.asked.question for _, entry in tape.unused()] == ["what is 7 * 8?"]
    assert lesson.read_bytes().startswith(before)
    assert [entry.asked.question for _, entry in Cassette(lesson).entries()] == [
        "what is 6 * 7?",
        "what is 7 * 8?",
        "what is 9 * 9?",
    ]


def test_prune_takes_out_what_nobody_asked_for(lesson: Path) -> None:
    with glm.recording(lesson, update=True, prune=True):
        again()
    assert [entry.asked.question for _, entry in Cassette(lesson).entries()] == ["what is 6 * 7?"]


def test_update_makes_the_cassette_where_there_is_none(demo: Callable[..., Session], tmp_path: Path) -> None:
    with glm.recording(tmp_path / "deep" / "new.jsonl", update=True):
        again()
    assert len(Cassette(tmp_path / "deep" / "new.jsonl")) == 1


def test_a_cassette_of_another_dialect_is_not_updated(lesson: Path) -> None:
    with serve(Engine(keys=None, pace=0)) as url:
        root = url.removesuffix("/api/paas/v4")
        glm.connect(f"{root}/v1", key="k3y-0123456789")
        with pytest.raises(SettingError, match="speaks the glm dialect"), glm.recording(lesson, update=True):
            pass
    glm.connect("demo://?pace=0")
    with glm.recording(lesson, update=True):
        pass  # and it is not locked


# What is not in it


def test_a_request_that_is_not_in_it_names_the_nearest_and_the_difference(lesson: Path) -> None:
    with glm.replaying(lesson, pace="fast"), pytest.raises(NotRecorded) as raised:
        glm.ask("what is 6 * 9?", tier="glm-4.7")
    told = str(raised.value)
    assert "lesson.jsonl" in told
    assert "line 2: glm-4.7: 'what is 6 * 7?'" in told
    assert "messages[0].content: recorded 'what is 6 * 7?', asked 'what is 6 * 9?'" in told
    for way_out in ("%glm record FILE --update", "%glm replay off", "%glm demo"):
        assert way_out in told


def test_of_a_changed_parameter_only_that_is_shown(lesson: Path) -> None:
    with glm.replaying(lesson, pace="fast"), pytest.raises(NotRecorded) as raised:
        glm.ask("what is 7 * 8?", tier="glm-4.7", temperature=0.7)
    lines = raised.value.message.splitlines()
    assert lines[1].startswith("The nearest is on line 3")
    assert lines[2:] == ["  temperature: recorded 0.5, asked 0.7"]


def test_of_a_long_prompt_the_changed_lines_are_shown(demo: Callable[..., Session], tmp_path: Path) -> None:
    poem = "\n".join(f"line {number} of the poem" for number in range(60))
    with glm.recording(tmp_path / "a.jsonl"):
        glm.ask(poem)
    with glm.replaying(tmp_path / "a.jsonl", pace="fast"), pytest.raises(NotRecorded) as raised:
        glm.ask(poem.replace("line 41 of", "verse 41 of"))
    told = raised.value.message
    assert "-line 41 of the poem" in told
    assert "+verse 41 of the poem" in told
    assert len(told.splitlines()) < 8


def test_a_miss_is_not_billed_and_nothing_is_sent(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*args: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with glm.replaying(lesson, pace="fast"):
        with pytest.raises(NotRecorded):
            glm.ask("something else")
        assert api.session().ledger.entries == ()


def test_files_and_batches_are_refused_in_words(lesson: Path) -> None:
    with (
        glm.replaying(lesson),
        pytest.raises(NotRecorded, match="GET /batches is not recorded: a cassette has"),
    ):
        api.session().client.call("GET", "/batches")


def test_files_and_batches_pass_a_recording_and_are_named(
    demo: Callable[..., Session], tmp_path: Path
) -> None:
    with glm.recording(tmp_path / "a.jsonl") as tape:
        assert api.session().client.call("GET", "/batches")["data"] == []
    assert tape.left_out == ("GET /batches: cassettes do not have it",)


def test_rows_that_are_not_recorded_are_errors_of_their_own(
    demo: Callable[..., Session], tmp_path: Path
) -> None:
    glm.pandas()
    with glm.recording(tmp_path / "a.jsonl"):
        pd.DataFrame({"text": ["love", "hate"]}).glm.map("Rate {{text}}", rows_per_request=1, progress=False)
    frame = pd.DataFrame({"text": ["love", "hate", "new"]})
    with glm.replaying(tmp_path / "a.jsonl", pace="fast"):
        done = frame.glm.map("Rate {{text}}", rows_per_request=1, progress=False)
    assert list(done["_glm_status"]) == ["ok", "ok", "error"]
    assert "not in a.jsonl" in done["_glm_error"].iloc[2]


def test_a_line_that_was_edited_by_hand_answers_what_it_now_says(lesson: Path) -> None:
    text = lesson.read_text("utf-8")
    lesson.write_text(text.replace('"what is 6 * 7?"', '"what is six times seven?"', 1), "utf-8")
    with glm.replaying(lesson, pace="fast"):
        assert "42" in glm.ask("what is six times seven?", tier="glm-4.7").text


# One at a time


def test_the_server_stays_while_a_cassette_is_in(lesson: Path, tmp_path: Path) -> None:
    with glm.replaying(lesson):
        with pytest.raises(SettingError, match=r"lesson\.jsonl is being replayed"):
            glm.connect("demo")
        with pytest.raises(SettingError, match="already"), glm.recording(tmp_path / "b.jsonl"):
            pass
    with glm.recording(tmp_path / "b.jsonl"):
        with pytest.raises(SettingError, match=r"b\.jsonl is being recorded"):
            glm.connect("demo")
        with pytest.raises(SettingError, match="already"), glm.replaying(lesson):
            pass
    glm.connect("demo://?pace=0")


def test_everything_is_as_before_after_an_error(lesson: Path, tmp_path: Path) -> None:
    session, client = api.session(), api.session().client
    for tape in (glm.replaying(lesson), glm.recording(tmp_path / "b.jsonl")):
        with pytest.raises(ZeroDivisionError), tape:
            raise ZeroDivisionError
        assert api.session() is session
        assert session.client is client
        assert session.tape is None
    assert again().text


def test_settings_changed_in_a_replay_stay(lesson: Path) -> None:
    from dataclasses import replace

    with glm.replaying(lesson, pace="fast"):
        api.session().defaults = replace(api.session().defaults, tier="glm-4.6")
        glm.budget(3)
    assert api.session().tier.id == "glm-4.6"
    assert api.session().ledger.left() is not None


def test_a_pace_is_real_or_fast(lesson: Path) -> None:
    with pytest.raises(SettingError, match="expected real or fast"), glm.replaying(lesson, pace="slow"):  # type: ignore[arg-type]
        pass


# Rows and caches


def test_no_answer_of_a_replay_goes_to_the_cache_of_rows(
    demo: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLM_CACHE", str(tmp_path / "cache"))
    glm.pandas()
    frame = pd.DataFrame({"text": ["love", "hate"]})

    def ask() -> list[str]:
        return list(frame.glm.map("Rate {{text}}", rows_per_request=1, progress=False)["_glm_status"])

    assert ask() == ["ok", "ok"]
    assert ask() == ["cached", "cached"]
    with glm.recording(tmp_path / "a.jsonl") as tape:
        assert ask() == ["ok", "ok"]  # else the cassette would lack them
    assert tape.recorded == 2
    before = {path: path.read_bytes() for path in (tmp_path / "cache").iterdir()}
    with glm.replaying(tmp_path / "a.jsonl", pace="fast"):
        assert ask() == ["ok", "ok"]
    assert {path: path.read_bytes() for path in (tmp_path / "cache").iterdir()} == before


def test_the_summary_of_replayed_rows_says_that_they_are_recorded(
    demo: Callable[..., Session], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    glm.pandas()
    frame = pd.DataFrame({"text": ["love", "hate"]})
    with glm.recording(tmp_path / "a.jsonl"):
        frame.glm.map("Rate {{text}}", tier="glm-4.7", progress=False)
    capsys.readouterr()
    with glm.replaying(tmp_path / "a.jsonl", pace="fast"):
        frame.glm.map("Rate {{text}}", tier="glm-4.7")
    assert f"recorded {Cassette(tmp_path / 'a.jsonl').header.recorded} for " in capsys.readouterr().err


def test_vectors_of_texts_replay_too(demo: Callable[..., Session], tmp_path: Path) -> None:
    glm.pandas()
    texts = pd.Series([f"text number {number}" for number in range(150)])
    with glm.recording(tmp_path / "a.jsonl") as tape:
        live = texts.glm.embed(dimensions=256, progress=False)
    assert tape.recorded > 1
    with glm.replaying(tmp_path / "a.jsonl", pace="fast"):
        again = texts.glm.embed(dimensions=256, progress=False)
        assert all(entry.endpoint.startswith("recorded ") for entry in api.session().ledger.entries)
    assert set(live["_glm_status"]) == {"ok"}
    assert str(again.to_dict("list")) == str(live.to_dict("list"))


def test_workers_in_other_processes_are_refused_while_a_cassette_is_in(lesson: Path, tmp_path: Path) -> None:
    from glm_magics.frames.elsewhere import Address

    for tape in (glm.replaying(lesson), glm.recording(tmp_path / "b.jsonl")):
        with tape:
            address = Address.of(api.session().client)
        with pytest.raises(SettingError, match="one of the notebook's own process"):
            address.connect()


def test_a_full_disk_costs_the_recording_and_not_the_answer(
    demo: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from glm_magics.cassette import CassetteFile

    with glm.recording(tmp_path / "a.jsonl") as tape:
        again()

        def full(self: CassetteFile, line: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(CassetteFile, "append", full)
        assert "56" in glm.ask("what is 7 * 8?", tier="glm-4.7").text
    assert "No space left" in tape.left_out[0]
    assert len(Cassette(tmp_path / "a.jsonl")) == 1


def test_a_failure_before_an_answer_is_not_recorded(bare_environment: None, tmp_path: Path) -> None:
    glm.connect("http://127.0.0.1:1/v1", tier="x").client.pause = lambda given_up, seconds: False
    with glm.recording(tmp_path / "a.jsonl") as tape, pytest.raises(GLMError):
        glm.ask("hello")
    assert tape.recorded == 0
    assert not (tmp_path / "a.jsonl").exists()
