"""Cassettes: how long 10,000 answers take to load, and how true a replay at real pace is to the recorded times.

    python tests/benchmarks/bench_cassette.py [entries]

Peers in the same run: `json.loads` of every line, and, where vcrpy is installed (it is in no extra), its own
YAML cassette of a twentieth of the answers, times twenty. Lines are parsed when they are used, so the time from
the file to the first answer, read to its end, is told too. Targets: 0.3 s, and 50 ms.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from glm_magics import api, tapes
from glm_magics.cassette import Asked, Cassette, CassetteFile, Entry, Header, Player

WORDS = ["The", " answer", " to", " the", " question", " is", " 世界", " and", " so", " on", "."] * 3


def entry(number: int) -> Entry:
    envelope = {"id": f"2026{number:020}", "created": 1_795_694_082, "model": "glm-4.7"}
    chunks = [
        (
            10 * at,
            b"data: " + _json({**envelope, "choices": [{"index": 0, "delta": {"content": word}}]}) + b"\n\n",
        )
        for at, word in enumerate(WORDS)
    ]
    body = {
        "messages": [{"content": f"question {number}", "role": "user"}],
        "model": "glm-4.7",
        "stream": True,
    }
    asked = Asked("POST", "/chat/completions", body)
    chunks.append((500, b"data: [DONE]\n\n"))
    return Entry(asked, "2026-11-26T00:00:00Z", 200, "text/event-stream", tuple(chunks))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def best(work: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def loading(folder: Path, entries: int) -> None:
    path = folder / "many.jsonl"
    file = CassetteFile(path, Header("2026-11-26", "0", "z.ai"))
    questions = []
    for number in range(entries):
        one = entry(number)
        questions.append(one.asked)
        file.append(one.line())
    file.close()
    print(f"{entries:,} answers, {path.stat().st_size / 1e6:.0f} MB")
    ours = best(lambda: Cassette(path))
    lines = best(lambda: [json.loads(line) for line in path.read_text("utf-8").splitlines()])
    print(f"  load                       {ours:8.3f} s")
    first = best(lambda: first_answer(path, questions[-1]))
    print(f"  load, and the last answer  {first:8.3f} s")
    print(f"  json.loads of every line   {lines:8.3f} s   {lines / ours:.1f} times as long")
    peer = vcr_seconds(folder, entries // 20)
    if peer is None:
        print("  vcrpy                      not installed: pip install vcrpy")
    else:
        print(f"  vcrpy, YAML (× 20)         {peer * 20:8.3f} s   {peer * 20 / ours:.0f} times as long")
    player = Player(Cassette(path))
    print(f"  find one answer            {best(lambda: player.find(questions[-1])) * 1e6:8.0f} µs")


def first_answer(path: Path, question: Asked) -> None:
    player = Player(Cassette(path), pace="fast")
    request = httpx.Request("POST", "http://x.invalid/chat/completions", json=question.body)
    player.handle_request(request).read()


def vcr_seconds(folder: Path, entries: int) -> float | None:
    try:
        from vcr.persisters.filesystem import FilesystemPersister
        from vcr.request import Request
        from vcr.serializers import yamlserializer
    except ImportError:
        return None
    made = [entry(number) for number in range(entries)]
    requests = [
        Request("POST", "https://x.invalid/chat/completions", _json(one.asked.body), {}) for one in made
    ]
    responses = [
        {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": one.body}}
        for one in made
    ]
    path = folder / "many.yaml"
    FilesystemPersister.save_cassette(path, {"requests": requests, "responses": responses}, yamlserializer)
    return best(lambda: FilesystemPersister.load_cassette(path, yamlserializer), times=1)


def pacing(folder: Path) -> None:
    """The times at which the reader has each event, live and replayed."""
    path = folder / "paced.jsonl"
    api.connect("demo://")

    def times() -> list[float]:
        began, seen = time.perf_counter(), []
        with api.stream("Write 120 tokens about rivers.", tier="glm-4.7") as stream:
            seen.extend(time.perf_counter() - began for _ in stream)
        return seen

    api.ask("Warm up.", tier="airx")  # what is imported with the first request is no pace
    with tapes.recording(path):
        live = times()
    with tapes.replaying(path):
        again = times()
    assert len(live) == len(again)
    each = [abs(one - other) * 1000 for one, other in zip(live, again, strict=True)]
    last, apart = each[-1], sorted(each[:-1])
    print(f"{len(live)} events over {live[-1]:.1f} s, replayed at real pace, apart by")
    print(
        f"  median {statistics.median(apart):.1f} ms, 99 % {apart[len(apart) * 99 // 100]:.1f} ms, most {apart[-1]:.1f} ms"
    )
    print(f"  the end {last:.1f} ms: a recording looks for secrets in the answer before it ends")
    with tapes.replaying(path, pace="fast"):
        print(f"  fast: {best(times):.3f} s")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        loading(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
        pacing(Path(name))
