"""What a `%%glm` cell costs the kernel, and how soon its first words leave it; in a real kernel, without a page.

    python tests/benchmarks/bench_kernel_stream.py [tokens …]        (default: 5000 20000)

First words: a server on the loopback interface stamps the moment at which it writes the first chunk; the bench
stamps the moment at which a message with text comes out of the kernel. A bare httpx loop that prints, in the
same kernel, takes turns. Cost: CPU of the kernel's process, bytes and messages, at 200 tokens a second.
"""

from __future__ import annotations

import http.server
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

BROWSER_TESTS = Path(__file__).parent.parent / "browser"
RUNS = 20
RATE = 200  # tokens a second
CHARACTERS = 4  # a token, about

SETUP = """
%load_ext glm_magics
import json, time, httpx, scripted

def bare():
    body = {'model': 'm', 'messages': [{'role': 'user', 'content': 'x'}], 'stream': True}
    with httpx.stream('POST', 'URL/chat/completions', json=body) as answer:
        for line in answer.iter_lines():
            if line.startswith('data: {'):
                print(json.loads(line[6:])['choices'][0]['delta'].get('content', ''), end='', flush=True)

def prose(tokens):
    text = scripted.PROSE * (1 + tokens * 4 // len(scripted.PROSE))
    return text[:tokens * 4]

def printed(tokens):
    due = time.monotonic()
    for piece in scripted._pieces(prose(tokens), 4):
        print(piece, end='')
        due += 1 / 200
        time.sleep(max(0, due - time.monotonic()))

def cpu(run):
    began = time.process_time()
    run()
    return time.process_time() - began
"""
SHOWN = """
scripted.connect()
scripted.say(prose({tokens}), pause=1 / 200)
seconds = cpu(lambda: get_ipython().run_cell_magic('glm', '', 'x'))
"""
PRINTED = "seconds = cpu(lambda: printed({tokens}))"


class Server(http.server.ThreadingHTTPServer):
    """Answers after a while, so that the first chunk comes alone; `wrote` is when."""

    wrote = 0.0


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        time.sleep(0.3)
        self.server.wrote = time.monotonic()
        self._event({"content": "firstword and more "})
        time.sleep(0.2)
        self._event({}, finish="stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, delta: dict[str, str], finish: str | None = None) -> None:
        body = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        self.wfile.write(b"data: " + json.dumps(body).encode() + b"\n\n")

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Traffic:
    """What came out of the kernel while a cell ran."""

    messages: int = 0
    bytes: int = 0
    seen: dict[str, float] = field(default_factory=dict)


@contextmanager
def kernel(url: str) -> Iterator[Callable[[str], Traffic]]:
    """A function that runs a cell as a notebook does."""
    environment = os.environ | {
        "JPY_SESSION_NAME": "bench.ipynb",
        "GLM_BASE_URL": url,
        "PYTHONPATH": str(BROWSER_TESTS),
    }
    manager, client = start_new_kernel(env=environment)

    def run(code: str) -> Traffic:
        request = client.execute(code, allow_stdin=True, store_history=True)
        traffic = Traffic()
        while True:
            frames = client.iopub_channel.socket.recv_multipart()
            now = time.monotonic()
            _, parts = client.session.feed_identities(frames)
            message = client.session.deserialize(parts)
            if message["parent_header"].get("msg_id") != request:
                continue
            traffic.messages += 1
            traffic.bytes += sum(map(len, parts))
            if "firstword" in str(message["content"]):
                traffic.seen.setdefault("firstword", now)
            if message["msg_type"] == "error":
                sys.exit("\n".join(message["content"]["traceback"]))
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                client.get_shell_msg(timeout=60)
                return traffic

    try:
        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or [5_000, 20_000]
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    with kernel(url) as run:
        run(SETUP.replace("URL", url))
        run("%config GLMMagics.tier = 'm'")
        first_words(server, run)
        cost(run, sizes)


def first_words(server: Server, run: Callable[[str], Traffic]) -> None:
    late: dict[str, list[float]] = {"%%glm": [], "bare httpx + print": []}
    for _ in range(RUNS):
        for name, code in (("%%glm", "%%glm\nx"), ("bare httpx + print", "bare()")):
            traffic = run(code)
            late[name].append((traffic.seen["firstword"] - server.wrote) * 1000)
    print(f"\nfirst words, ms after the server's first byte ({RUNS} runs, the first one is cold)")
    for name, times in late.items():
        warm = sorted(times[1:])
        print(
            f"  {name:20} median {statistics.median(warm):6.1f}   worst {warm[-1]:6.1f}   cold {times[0]:6.1f}"
        )


def cost(run: Callable[[str], Traffic], sizes: list[int]) -> None:
    print(f"\n{'':24}{'tokens':>8}{'CPU s':>8}{'ms/token':>10}{'MB':>8}{'messages':>10}{'a second':>10}")
    for name, code in (("%%glm", SHOWN), ("print", PRINTED)):
        for tokens in sizes:
            began = time.monotonic()
            traffic = run(code.format(tokens=tokens))
            took = time.monotonic() - began
            seconds = float(printed_by(run))
            print(
                f"  {name:22}{tokens:8,}{seconds:8.2f}{seconds / tokens * 1000:10.3f}{traffic.bytes / 1e6:8.2f}"
                f"{traffic.messages:10,}{traffic.messages / took:10.1f}"
            )


def printed_by(run: Callable[[str], Traffic]) -> str:
    """The variable `seconds` of the kernel, by way of a file that both can read."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"bench-{os.getpid()}"
    run(f"open({str(path)!r}, 'w').write(repr(seconds))")
    try:
        return path.read_text()
    finally:
        path.unlink()


if __name__ == "__main__":
    main()
