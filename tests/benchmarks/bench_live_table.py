"""What a live table costs while its rows stream in: the page's main thread, and the kernel.

    python -m tests.benchmarks.bench_live_table [--rows N] [--seconds N] [--rounds N]     (from the project's root)

In a page of JupyterLab, a `%%glm --schema` cell gets that many rows of five columns in that many seconds; the
same with `-q`, which shows nothing; and both again while somebody scrolls and types in another cell, which
keeps the page busy by itself. Printed: the share of the time in which the page's main thread was busy (`TaskDuration`
of the browser's own metrics in the thread's own time, the idle page's share taken off), the longest time between two animation frames,
the kernel's CPU seconds, bytes and messages. Target: busy at most 30 % of the time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_browser import frame_size, server
from tests.browser import lab

SETUP = """
%load_ext glm_magics
import json, time, scripted, pandas
scripted.connect()
def answer(rows):
    return json.dumps({'rows': [
        {'name': 'row number %d' % i, 'price': i * 1.25, 'stock': i * 7 % 1000, 'kind': ['cup', 'pot', '杯子'][i % 3],
         'remark': None if i % 5 == 0 else 'a few words about it'} for i in range(rows)]}, ensure_ascii=False)
def say(rows, seconds):
    text = answer(rows)
    scripted.say(text, size=100, pause=seconds / (len(text) / 100))  # about a row each
"""
SCHEMA = "--schema 'name: str, price: float, stock: int, kind: cup|pot|杯子, remark: str?'"
CELLS = (
    SETUP,
    "say({rows}, {seconds}); cpu = time.process_time()",
    f"%%glm {SCHEMA} -o df\nRows.",
    f"%%glm {SCHEMA} -o df -q\nRows.",
    "print(round(time.process_time() - cpu, 2), len(df))",
    "",
)
SAY, SHOWN, QUIET, CPU, OTHER = 1, 2, 3, 4, 5

FRAMES = """() => {
    window.__gap = 0;
    let last = performance.now();
    const frame = (now) => {
        window.__gap = Math.max(window.__gap, now - last);
        last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""


@dataclass(frozen=True)
class Figures:
    busy: float  # share of the time
    took: float  # seconds
    gap: float  # milliseconds
    cpu: float  # seconds of the kernel
    bytes: int
    messages: int


def main() -> None:
    parser = argparse.ArgumentParser(description="What a live table costs the page and the kernel.")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cells = [cell.replace("{rows}", str(options.rows)) for cell in CELLS]
    cells = [cell.replace("{seconds}", str(options.seconds)) for cell in cells]
    print(f"{'':24}{'busy':>7}{'took s':>9}{'longest gap ms':>16}{'kernel s':>10}{'MB':>7}{'messages':>10}")
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as jupyter, lab.browser() as chromium:
        for way, cell, act in (
            ("-q", QUIET, False),
            ("table", SHOWN, False),
            ("-q, scroll and type", QUIET, True),
            ("table, scroll and type", SHOWN, True),
        ):
            found = []
            for _ in range(options.rounds):
                with lab.notebook(jupyter, chromium, cells) as page:
                    page.run(0, SAY)
                    found.append(measured(page, cell, act=act))
            figures = sorted(found, key=lambda each: each.busy)[len(found) // 2]
            print(
                f"{way:24}{figures.busy:7.1%}{figures.took:9.1f}{figures.gap:16.0f}{figures.cpu:10.2f}"
                f"{figures.bytes / 1e6:7.2f}{figures.messages:10,}",
                flush=True,
            )


def measured(page: lab.Notebook, cell: int, *, act: bool) -> Figures:
    session = page.page.context.new_cdp_session(page.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    session.send("Network.enable")
    sizes: list[int] = []
    session.on("Network.webSocketFrameReceived", lambda event: sizes.append(frame_size(event)))
    page.page.evaluate(FRAMES)

    def busy() -> float:
        metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
        return float(metrics["TaskDuration"])

    before_idle = busy()
    page.page.wait_for_timeout(2000)
    idle = (busy() - before_idle) / 2
    sizes.clear()
    page.page.evaluate("() => { window.__gap = 0 }")
    began, before = time.monotonic(), busy()
    page.start(cell)
    if act:
        if cell == SHOWN:
            page.page.locator(".glm-window").wait_for()
        scroll_and_type(page, page.page.locator(".glm-window" if cell == SHOWN else ".jp-Notebook >> nth=0"))
    page.idle()
    took = time.monotonic() - began
    worked = busy() - before - idle * took
    gap = page.page.evaluate("() => window.__gap")
    received, messages = sum(sizes), len(sizes)
    page.run(CPU)
    cpu = float(page.text(CPU).split()[0])
    return Figures(worked / took, took, gap, cpu, received, messages)


def scroll_and_type(page: Any, place: Any) -> None:
    """Up and down in `place`, and a line in the last cell, again and again for some seconds."""
    editor = page.page.locator(".jp-Notebook .jp-Cell").nth(OTHER).locator(".cm-content")
    for turn in range(4):
        place.hover()
        page.page.mouse.wheel(0, -2000 if turn % 2 else 1500)
        page.page.wait_for_timeout(300)
        editor.click()
        page.page.keyboard.type(f"x{turn} = 'typed while the rows come'\n", delay=20)


if __name__ == "__main__":
    main()
