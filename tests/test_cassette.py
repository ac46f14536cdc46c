"""The file of a cassette: what is in it, that it is the same after a round trip, and what damage does to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics.cassette import Asked, Cassette, CassetteFile, Entry, Header
from glm_magics.cassette.chunks import decode, encode, spoken
from glm_magics.cassette.entry import read_entry
from glm_magics.cassette.request import asked
from glm_magics.errors import SettingError

HEADER = Header("2026-11-26", "0.1.0", "z.ai", currency="USD")


def chat(text: str, **more: Any) -> Asked:
    body = {"model": "glm-4.7", "messages": [{"role": "user", "content": text}], "stream": True, **more}
    found = asked("POST", "/chat/completions", json.dumps(body).encode())
    assert found is not None
    return found


def entry(text: str = "hi", *chunks: bytes, **more: Any) -> Entry:
    timed = tuple((number * 10, data) for number, data in enumerate(chunks, start=1))
    return Entry(chat(text), "2026-11-26T11:40:00Z", 200, "text/event-stream", timed, **more)


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def delta(text: str) -> bytes:
    return event(id="a1", model="glm-4.7", choices=[{"index": 0, "delta": {"content": text}}])


def written(path: Path, *entries: Entry) -> Path:
    file = CassetteFile(path, HEADER)
    for each in entries:
        file.append(each.line())
    file.close()
    return path


# Requests


def test_a_request_is_the_same_in_any_order_and_with_any_request_id() -> None:
    one = asked(
        "POST", "/chat/completions", b'{"model":"m","request_id":"a","temperature":1.0,"messages":[]}'
    )
    two = asked("POST", "/chat/completions", b'{"messages":[],"temperature":1,"model":"m","request_id":"b"}')
    assert one is not None
    assert two is not None
    assert one.key == two.key
    assert "request_id" not in one.text


@pytest.mark.parametrize(
    "change", [{"temperature": 0.5}, {"model": "glm-5"}, {"stream": False}, {"max_tokens": 5}]
)
def test_a_request_with_another_parameter_is_another_one(change: dict[str, Any]) -> None:
    assert chat("hi").key != chat("hi", **change).key


def test_an_image_is_kept_as_its_digest() -> None:
    picture = "iVBORw0KGgo" + "A" * 5_000
    parts = [{"type": "image_url", "image_url": {"url": picture}}, {"type": "text", "text": "what is it?"}]
    with_image = chat("", messages=[{"role": "user", "content": parts}])
    other = chat(
        "",
        messages=[{"role": "user", "content": [{**parts[0], "image_url": {"url": picture[:-1]}}, parts[1]]}],
    )
    assert "AAAA" not in with_image.text
    assert "of 5,011 characters" in with_image.text
    assert with_image.key != other.key
    assert with_image.question.strip() == "what is it?"


@pytest.mark.parametrize("path", ["/files", "/batches", "/files/x/content", "/rerank"])
def test_files_and_batches_are_not_recorded(path: str) -> None:
    assert asked("POST", path, b"{}") is None


# Bodies


@given(st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=40)), max_size=8))
def test_any_bytes_come_back_as_they_were(chunks: list[tuple[int, bytes]]) -> None:
    every, shown = encode(chunks)
    again = json.loads(json.dumps([every, shown]))
    assert b"".join(data for _, data in decode(*again)) == b"".join(data for _, data in chunks)


EVENTS = st.lists(
    st.one_of(
        st.text(max_size=12).map(delta),
        st.just(b"data: [DONE]\n\n"),
        st.just(b": keep-alive\n\n"),
        st.text(max_size=5).map(
            lambda text: event(id="a1", model="other", usage={"prompt_tokens": len(text)})
        ),
        st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False)).map(lambda found: event(a=found)),
    ),
    max_size=10,
)


@given(EVENTS, st.lists(st.integers(0, 600), max_size=6))
def test_a_stream_that_is_cut_anywhere_comes_back_byte_for_byte(events: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(events)
    places = sorted({0, *(cut for cut in cuts if cut < len(whole)), len(whole)})
    chunks = [(start, whole[start:end]) for start, end in pairwise(places)]
    made = read_entry(Entry(chat("hi"), "2026-11-26", 200, "text/event-stream", tuple(chunks)).line())
    assert b"".join(data for _, data in made.chunks) == whole


def test_an_event_in_a_chunk_of_its_own_stays_in_it() -> None:
    chunks = [delta("Hel"), delta("lo 世界"), b"data: [DONE]\n\n"]
    assert [data for _, data in read_entry(entry("hi", *chunks).line()).chunks] == chunks
    assert [ms for ms, _ in read_entry(entry("hi", *chunks).line()).chunks] == [10, 20, 30]


def test_what_was_said_can_be_read_in_the_line() -> None:
    line = entry("hi", delta("Hel"), delta("lo 世界"), b"data: [DONE]\n\n").line().decode()
    value = json.loads(line)
    assert value["said"] == {"content": "Hello 世界"}
    assert value["every"] == {"id": "a1", "model": "glm-4.7"}
    assert value["chunks"][0] == [10, {"delta": {"content": "Hel"}}]
    assert "世界" in line


def test_pieces_of_a_field_are_put_together() -> None:
    assert spoken(delta("ab") + delta("cd"))["content"] == "abcd"
    assert spoken(b'{"a": ["x", {"a": "y"}]}') == {"a": "xy"}


def test_an_entry_has_all_that_an_answer_needs_and_no_header_more() -> None:
    refused = entry(
        "x", b'{"error":1}', retry_after=2.0, location="https://a.example/", end="ReadError", why="x"
    )
    assert read_entry(refused.line()) == refused
    allowed = {"key", "at", "request", "status", "type", "retry_after", "location", "end", "why", "said"}
    assert set(json.loads(refused.line())) <= allowed | {"every", "chunks"}


# Files


def test_a_cassette_is_a_header_and_a_line_for_each_exchange(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", entry("one", delta("1")), entry("two", delta("2")))
    lines = path.read_text("utf-8").splitlines()
    assert json.loads(lines[0]) == {
        "cassette": 1,
        "recorded": "2026-11-26",
        "glm_magics": "0.1.0",
        "endpoint": "z.ai",
        "dialect": "glm",
        "currency": "USD",
    }
    assert len(lines) == 3
    found = Cassette(path)
    assert len(found) == 2
    assert found.header == HEADER
    assert found.numbers(chat("two")) == [3]
    assert found.entry(3).asked == chat("two")


def test_a_line_cut_off_at_any_byte_is_left_out_with_a_note(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", entry("one", delta("1")), entry("two", delta("世")))
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for end in range(last + 1, len(whole)):
        path.write_bytes(whole[:end])
        found = Cassette(path)
        assert len(found) == 1
        assert "cut off" in found.notes[0]
    path.write_bytes(whole[:last])
    assert Cassette(path).notes == ()


def test_recording_goes_on_after_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", entry("one", delta("1")), entry("two", delta("2")))
    path.write_bytes(path.read_bytes()[:-9])
    file = CassetteFile(path, HEADER, update=True)
    file.append(entry("three", delta("3")).line())
    file.close()
    found = Cassette(path)
    assert [each.asked.question for _, each in found.entries()] == ["one", "three"]
    assert found.notes == ()


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_cassette import HEADER, delta, entry
from glm_magics.cassette import CassetteFile
file = CassetteFile(Path(sys.argv[1]), HEADER)
print("recording", flush=True)
number = 0
while True:
    number += 1
    file.append(entry(f"question {{number}}", delta("x" * 3_000)).line())
"""


def start(path: Path) -> subprocess.Popen[str]:
    program = PROGRAM.format(tests=str(Path(__file__).parent))
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "recording\n"
    return process


def test_a_killed_recording_leaves_a_cassette_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with start(path) as process:
        while not path.stat().st_size > 200_000:
            time.sleep(0.01)
        process.kill()
    found = Cassette(path)
    questions = [each.asked.question for _, each in found.entries()]
    assert questions == [f"question {number}" for number in range(1, len(questions) + 1)]
    assert len(questions) > 10


def test_two_kernels_cannot_record_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with start(path) as process:
        try:
            with pytest.raises(SettingError, match="being recorded into already"):
                CassetteFile(path, HEADER, update=True)
        finally:
            process.kill()
    CassetteFile(path, HEADER, update=True).close()  # the lock went with the process


def test_an_existing_file_is_not_written_over(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", entry("one", delta("1")))
    before = path.read_bytes()
    with pytest.raises(SettingError, match="exists already") as raised:
        CassetteFile(path, HEADER)
    assert "--update" in raised.value.hint
    assert path.read_bytes() == before


def test_pruning_keeps_what_was_used_and_what_is_new(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *(entry(text, delta(text)) for text in ("one", "two", "three")))
    file = CassetteFile(path, HEADER, update=True)
    file.append(entry("four", delta("4")).line())
    file.close(keep=[3])
    assert [each.asked.question for _, each in Cassette(path).entries()] == ["two", "four"]
    assert os.listdir(tmp_path) == ["a.jsonl"]


def test_a_recording_of_nothing_leaves_no_file(tmp_path: Path) -> None:
    CassetteFile(tmp_path / "a.jsonl", HEADER).close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is no cassette", id="empty"),
        pytest.param(b"hello\n", "is no cassette", id="text"),
        pytest.param(b'{"a": 1}\n', "is no cassette", id="other-json"),
        pytest.param(b'{"cassette": 9}\n', "format 9", id="later-version"),
        pytest.param(HEADER.line() + b"<<<<<<< HEAD\n", "Line 2 of", id="merge-conflict"),
    ],
)
def test_what_is_no_cassette_is_refused_in_words(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(SettingError, match=message):
        Cassette(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="There is no cassette"):
        Cassette(tmp_path / "none.jsonl")


def test_a_damaged_line_is_named_when_it_is_used(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", entry("one", delta("1")), entry("two", delta("2")))
    path.write_bytes(
        path.read_bytes().replace(b'"status":200,"type":"text/event-stream","said":{"content":"2"}', b"")
    )
    found = Cassette(path)
    assert found.entry(2).asked.question == "one"
    with pytest.raises(SettingError, match="Line 3 of"):
        found.entry(3)


def test_a_file_with_the_line_ends_of_windows_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", entry("one", delta("1")))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert Cassette(path).entry(2).chunks == entry("one", delta("1")).chunks


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="cannot be recorded into"):
        CassetteFile(tmp_path / "file" / "a.jsonl", HEADER)
