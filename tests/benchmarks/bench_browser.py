"""What a streaming answer costs the page, next to the same text printed by the same notebook.

    python -m tests.benchmarks.bench_browser [--tokens N …] [--rate N] [--rounds N]     (from the project's root)

For each kind of text, in turns, in one page of JupyterLab: seconds in which the page's main thread was busy
(`TaskDuration` of the browser's own metrics, the idle page's share taken off), bytes and messages that came
over the web socket. Ratios are to `print(piece, end="", flush=True)`, as every API's examples have it; without
the flush the kernel gathers the text for a fifth of a second. Targets: busy at most 1.4 times as long; 1.5 MB for 20,000 tokens.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser import lab

SETUP = """
%load_ext glm_magics
import time, scripted
scripted.connect()
def text(kind, tokens):
    size = tokens * 4
    if kind == 'prose':
        return (scripted.PROSE * (1 + size // len(scripted.PROSE)))[:size]
    if kind == 'code':
        lines = ('    value_%04d = sum(range(%d))  # a line' % (i, i) for i in range(size))
        return '```python\\n' + first(lines, size) + '\\n```\\n'
    rows = ('| row %d | %d | a few words here |' % (i, i * i) for i in range(size))
    return '| left | right | words |\\n|---|---:|---|\\n' + first(rows, size) + '\\n'
def first(lines, size):
    taken = []
    for line in lines:
        size -= len(line) + 1
        if size < 0:
            return '\\n'.join(taken)
        taken.append(line)
def printed(kind, tokens, rate, flush):
    due = time.monotonic()
    for piece in scripted._pieces(text(kind, tokens), 4):
        print(piece, end='', flush=flush)
        due += 1 / rate
        time.sleep(max(0, due - time.monotonic()))
"""
SHOW = "scripted.say(text({kind!r}, {tokens}), pause=1 / {rate})"
PRINT = "printed({kind!r}, {tokens}, {rate}, {flush})"


@dataclass(frozen=True)
class Figures:
    busy: float  # seconds
    took: float
    bytes: int
    messages: int


def main() -> None:
    parser = argparse.ArgumentParser(description="What a streaming answer costs the page.")
    parser.add_argument("--tokens", type=int, nargs="+", default=[1_000, 5_000])
    parser.add_argument("--rate", type=int, default=200, help="tokens a second (default: 200)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", default=["prose", "code", "table"])
    options = parser.parse_args()
    print(f"{'':32}{'busy s':>9}{'x flush':>9}{'MB':>8}{'messages':>10}{'a second':>10}")
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as jupyter, lab.browser() as chromium:
        for kind in options.kinds:
            for tokens in options.tokens:
                bench(jupyter, chromium, kind, tokens, options.rate, options.rounds)


def bench(jupyter: Any, chromium: Any, kind: str, tokens: int, rate: int, rounds: int) -> None:
    values = {"kind": kind, "tokens": tokens, "rate": rate}
    ways = {
        "print, flush": PRINT.format(**values, flush=True),
        "print": PRINT.format(**values, flush=False),
        "%%glm": "%%glm\nx",
    }
    found: dict[str, list[Figures]] = {way: [] for way in ways}
    for _ in range(rounds):  # a new page each time: a long output makes every later one dearer
        for way, code in ways.items():
            with lab.notebook(jupyter, chromium, [SETUP, SHOW.format(**values), code]) as page:
                page.run(0, 1)
                found[way].append(measured(page, 2))
    base = middle(found["print, flush"]).busy
    for way, each in found.items():
        figures = middle(each)
        print(
            f"{kind:6}{tokens:8,}    {way:14}{figures.busy:9.2f}{figures.busy / base:9.2f}{figures.bytes / 1e6:8.2f}"
            f"{figures.messages:10,}{figures.messages / figures.took:10.1f}",
            flush=True,
        )


def measured(page: lab.Notebook, cell: int) -> Figures:
    session = page.page.context.new_cdp_session(page.page)
    session.send("Performance.enable")
    sizes: list[int] = []
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", lambda event: sizes.append(frame_size(event)))

    def busy() -> float:
        metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
        return float(metrics["TaskDuration"])

    before_idle = busy()
    page.page.wait_for_timeout(2000)
    idle = (busy() - before_idle) / 2
    sizes.clear()
    began, before = time.monotonic(), busy()
    page.run(cell)
    took = time.monotonic() - began
    page.settle()
    page.page.wait_for_timeout(3000)  # the static output is laid out, its math set
    whole = time.monotonic() - began
    return Figures(busy() - before - idle * whole, took, sum(sizes), len(sizes))


def frame_size(event: Any) -> int:
    """Bytes of a frame; binary ones are reported in base64."""
    frame = event["response"]
    data: str = frame["payloadData"]
    return len(data) * 3 // 4 if frame["opcode"] == 2 else len(data.encode())


def middle(found: list[Figures]) -> Figures:
    return sorted(found, key=lambda figures: figures.busy)[len(found) // 2]


@contextmanager
def server(folder: Path) -> Iterator[lab.Server]:
    started = lab.Server(folder)
    try:
        yield started
    finally:
        started.close()


if __name__ == "__main__":
    main()
