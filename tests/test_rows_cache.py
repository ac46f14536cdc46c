"""Answers on disk: shared, safe against kills, and never in the way."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from glm_magics.rows.cache import RowCache, Stored

ANSWER = Stored('{"label":"good"}', "ok", 10)


def test_what_landed_is_there_for_the_next_process(tmp_path: Path) -> None:
    first = RowCache(tmp_path)
    first.sending([b"a", b"b"])
    first.landed([b"a", b"b"], {b"a": ANSWER})
    first.close()
    assert RowCache(tmp_path).read([b"a", b"b", b"c"]) == {b"a": ANSWER}


def test_more_keys_than_sqlite_takes_at_once_are_read(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    keys = [number.to_bytes(4, "big") for number in range(2_500)]
    cache.landed(keys, dict.fromkeys(keys, ANSWER))
    assert len(cache.read(keys)) == 2_500


def test_rows_in_flight_of_a_killed_process_are_told_of_once(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from glm_magics.rows.cache import RowCache\n"
        "cache = RowCache(Path(sys.argv[1])); cache.sending([b'a', b'b']); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    cache = RowCache(tmp_path)
    assert cache.left_behind([b"b", b"c"]) == {b"b"}
    assert cache.left_behind([b"b", b"c"]) == set()


def test_rows_in_flight_of_a_living_process_are_its_own_affair(tmp_path: Path) -> None:
    RowCache(tmp_path).sending([b"a"])
    assert RowCache(tmp_path).left_behind([b"a"]) == set()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_user_may_look_into_it(tmp_path: Path) -> None:
    RowCache(tmp_path / "new").landed([b"a"], {b"a": ANSWER})
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    for file in (tmp_path / "new").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_eight_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from glm_magics.rows.cache import RowCache, Stored\n"
        "cache = RowCache(Path(sys.argv[1])); me = sys.argv[2].encode()\n"
        "for n in range(100):\n"
        "    key = me + b'-' + str(n).encode()\n"
        "    cache.sending([key]); cache.landed([key], {key: Stored('1', 'ok', 1)})\n"
        "assert not cache.notes, cache.notes"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)]) for n in range(8)]
    assert [process.wait() for process in processes] == [0] * 8
    keys = [f"{process}-{n}".encode() for process in range(8) for n in range(100)]
    assert len(RowCache(tmp_path).read(keys)) == 800


def test_threads_share_one_cache_in_memory_and_nothing_is_lost() -> None:
    cache = RowCache(None)
    keys = [[b"%d-%d" % (thread, number) for number in range(300)] for thread in range(8)]

    def work(mine: list[bytes]) -> None:
        for key in mine:
            cache.sending([key])
            cache.landed([key], {key: Stored("{}", "ok", 1)})
            cache.read(mine)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.notes == []
    assert len(cache.read([key for mine in keys for key in mine])) == 2400


def test_a_folder_that_cannot_be_used_costs_a_note_and_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = RowCache(tmp_path / "file" / "below")
    cache.landed([b"a"], {b"a": ANSWER})
    assert cache.read([b"a"]) == {b"a": ANSWER}
    assert "kept in memory" in cache.notes[0]


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "rows.sqlite").write_bytes(b"this is no database, whatever its name says" * 100)
    cache = RowCache(tmp_path)
    cache.landed([b"a"], {b"a": ANSWER})
    assert RowCache(tmp_path).read([b"a"]) == {b"a": ANSWER}
    assert "damaged" in cache.notes[0]
    assert len(list(tmp_path.glob("*damaged*"))) == 1


def test_a_file_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "rows.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    cache = RowCache(tmp_path)
    cache.landed([b"a"], {b"a": ANSWER})
    assert "later version" in cache.notes[0]
    database = sqlite3.connect(tmp_path / "rows.sqlite")
    assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_when_the_disk_takes_no_more_the_run_goes_on_in_memory(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    cache._database.execute("PRAGMA max_page_count = 1")
    big = Stored("x" * 1_000_000, "ok", 1)
    cache.landed([b"a"], {b"a": big})
    assert cache.read([b"a"]) == {b"a": big}
    assert len(cache.notes) == 1
