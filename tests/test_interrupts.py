"""Interrupts at random moments in a real kernel: what had come stays, and the next cell works."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY_VARIABLES
from document_samples import report
from jupyter_client.manager import start_new_kernel

from glm_magics._reading import ThreadedReading

SEED = 11
PATIENCE_SECONDS = 20.0  # a hang, not a measure

SETUP = """
import threading
import glm_magics as glm
glm.connect("demo://?pace=0.4")
%load_ext glm_magics
"""
QUESTION = "%%glm -o part\nwrite 800 tokens about rivers"
REPORT = "(part.finish_reason, len(part.text + part.reasoning), part.complete)"
THREADS = "[t.name for t in threading.enumerate() if t.name == 'glm-stream']"


class Kernel:
    def __init__(self, manager: Any, client: Any) -> None:
        self.manager = manager
        self.client = client

    def begin(self, code: str) -> str:
        """Send a cell; returns when the kernel has begun to run it."""
        request: str = self.client.execute(code, allow_stdin=False)
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE_SECONDS)
            if message["msg_type"] == "execute_input" and message["parent_header"]["msg_id"] == request:
                return request

    def end(self, request: str) -> dict[str, Any]:
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE_SECONDS)
            if reply["parent_header"].get("msg_id") == request:
                content: dict[str, Any] = reply["content"]
                return content

    def value(self, expression: str) -> Any:
        while True:
            request = self.client.execute("", user_expressions={"x": expression}, allow_stdin=False)
            reply = self.end(request)
            if reply["status"] != "aborted":  # the kernel still throws away what stood behind the interrupt
                break
            time.sleep(0.1)
        shown = reply["user_expressions"]["x"]
        assert shown["status"] == "ok", shown
        return eval(shown["data"]["text/plain"])


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    environ = {name: value for name, value in os.environ.items() if name not in KEY_VARIABLES}
    manager, client = start_new_kernel(kernel_name="python3", env=environ)
    running = Kernel(manager, client)
    try:
        assert running.end(running.begin(SETUP))["status"] == "ok"
        yield running
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def interrupt_often(kernel: Kernel, count: int) -> list[float]:
    """Seconds from each interrupt to the reply."""
    rng = random.Random(SEED)
    took = []
    for number in range(count):
        kernel.end(kernel.begin("part = None"))
        request = kernel.begin(QUESTION)
        time.sleep(rng.choice([0.0, 0.01, 0.05]) if number % 4 == 0 else rng.uniform(0.0, 1.0))
        began = time.perf_counter()
        kernel.manager.interrupt_kernel()
        if number % 5 == 0:
            kernel.manager.interrupt_kernel()  # impatient people press it twice
        reply = kernel.end(request)
        took.append(time.perf_counter() - began)
        assert reply["status"] == "error"
        assert reply["ename"] in ("Interrupted", "KeyboardInterrupt"), reply
        time.sleep(0.3)  # a second press may come after the end, and is no concern of the next cell
        bound = kernel.value("part is not None")
        if reply["ename"] == "Interrupted":
            assert bound
            reason, length, complete = kernel.value(REPORT)
            assert (reason, complete) == ("interrupted", False)
            assert length >= 0
    deadline = time.monotonic() + PATIENCE_SECONDS  # the demo sleeps through what is left of its wait
    while kernel.value(THREADS) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert kernel.value(THREADS) == []
    return took


def test_an_interrupt_keeps_what_had_come_and_the_next_cell_works(kernel: Kernel) -> None:
    took = interrupt_often(kernel, 20)
    print(f"slowest of {len(took)} interrupts: {max(took):.2f} s")


@pytest.mark.long
def test_two_hundred_interrupts(kernel: Kernel) -> None:
    took = interrupt_often(kernel, 200)
    print(f"slowest of {len(took)} interrupts: {max(took):.2f} s")


def test_an_interrupt_late_in_an_answer_keeps_its_text(kernel: Kernel) -> None:
    request = kernel.begin(QUESTION.replace("-o part", "-o part --no-think"))
    time.sleep(3)
    kernel.manager.interrupt_kernel()
    assert kernel.end(request)["ename"] == "Interrupted"
    reason, length, _ = kernel.value(REPORT)
    assert reason == "interrupted"
    assert length > 20
    assert kernel.value("glm.session().ledger.entries[-1].finish_reason") == "interrupted"


def test_an_interrupt_while_a_document_is_read_keeps_the_notes(kernel: Kernel, tmp_path: Path) -> None:
    # A small window makes many parts of little text: some have been read by then, on any machine, and not all.
    (tmp_path / "depots.md").write_text(report(60, paragraphs=60))
    small = (
        "glm.connect('demo://?pace=1'); glm.add_tier({'id': 'small', 'context': '3k', 'max_output': 1000})"
    )
    assert kernel.end(kernel.begin(f"part = None; {small}"))["status"] == "ok"
    request = kernel.begin(
        f"%%glm small -o part --map-reduce --file {tmp_path}/depots.md\nWhat do they hold?"
    )
    time.sleep(8)
    began = time.perf_counter()
    kernel.manager.interrupt_kernel()
    assert kernel.end(request)["ename"] == "Interrupted"
    print(f"interrupted after {time.perf_counter() - began:.2f} s")
    time.sleep(0.3)
    requests = kernel.value("len(glm.usage())")
    reason, notes, parts = kernel.value("(part.finish_reason, part.text.count('**[S'), len(part.sources))")
    assert reason == "interrupted"
    assert 0 < notes < parts
    time.sleep(2)
    assert kernel.value("len(glm.usage())") == requests
    kernel.end(kernel.begin("glm.connect('demo://?pace=0.4')"))


def test_an_interrupt_while_the_reader_starts_breaks_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    aborted = threading.Event()
    reading = ThreadedReading(iter([b"never read"]))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reading.begin()
    reading.close(aborted.set, patient=True)
    assert aborted.is_set()
