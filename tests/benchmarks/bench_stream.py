"""What the client adds to a stream: CPU and time to the first event, next to a bare httpx loop.

    python tests/benchmarks/bench_stream.py [events]

A child process serves the answer over loopback, so its CPU is not counted. "Bare" is the loop a user would
write: httpx `iter_raw`, split at blank lines, `json.loads`, append the text. Runs alternate; medians are shown.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from glm_magics.chat import ChatRequest, Message, TextDelta
from glm_magics.client import Client, Endpoint

REQUEST = ChatRequest(model="glm-test", messages=(Message("user", "hello"),))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def events(count: int) -> list[bytes]:
    chance = random.Random(1)
    made = []
    for number in range(count):
        text = "".join(chance.choices("abcdefghij 北京", k=chance.randint(1, 10)))
        delta = {"role": "assistant", "content": text}
        choice: dict[str, Any] = {"index": 0, "delta": delta}
        if number == count - 1:
            choice["finish_reason"] = "stop"
        body = {
            "id": "20260210102538",
            "created": 1770690338,
            "object": "chat.completion.chunk",
            "model": "glm-test",
        }
        made.append(
            b"data: " + json.dumps(body | {"choices": [choice]}, ensure_ascii=False).encode() + b"\n\n"
        )
    return [*made, b"data: [DONE]\n\n"]


def serve(listener: socket.socket, count: int) -> None:
    """Each request gets an answer: all at once, or an event a millisecond where the path says so."""
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in events(count)]
    whole = HEAD + b"".join(chunks) + b"0\r\n\r\n"
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection, whole, chunks), daemon=True).start()


def answer(connection: socket.socket, whole: bytes, chunks: list[bytes]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while request := read_request(connection):
        if b"/paced/" not in request:
            connection.sendall(whole)
            continue
        connection.sendall(HEAD)
        began = time.perf_counter()
        for number, chunk in enumerate(chunks):
            while time.perf_counter() - began < number * 0.001:
                time.sleep(0.0002)
            connection.sendall(chunk)
        connection.sendall(b"0\r\n\r\n")


def read_request(connection: socket.socket) -> bytes:
    """Head and body, which httpx sends one after the other."""
    data = b""
    while piece := connection.recv(65_536):
        data += piece
        if data.endswith(b"}"):  # both loops send a JSON object
            return data
    return b""


def bare(http: httpx.Client, base: str) -> tuple[float, str]:
    texts: list[str] = []
    first = 0.0
    began = time.perf_counter()
    with http.stream("POST", base + "/chat/completions", json={"model": "glm-test"}) as response:
        rest = b""
        for chunk in response.iter_raw():
            *blocks, rest = (rest + chunk).split(b"\n\n")
            for block in blocks:
                data = block[6:]
                if data != b"[DONE]":
                    texts.append(json.loads(data)["choices"][0]["delta"]["content"])
                    first = first or time.perf_counter() - began
    return first, "".join(texts)


def ours(client: Client) -> tuple[float, str]:
    texts: list[str] = []
    first = 0.0
    began = time.perf_counter()
    with client.stream(REQUEST) as stream:
        for event in stream:
            if type(event) is TextDelta:
                texts.append(event.text)
                first = first or time.perf_counter() - began
    return first, "".join(texts)


def measure(run: Callable[[], tuple[float, str]]) -> tuple[float, float, str]:
    """CPU seconds of this process (all threads), seconds to the first event, the text."""
    began = time.process_time()
    first, text = run()
    return time.process_time() - began, first, text


def compare(label: str, base: str, rounds: int) -> None:
    http = httpx.Client(headers={"Accept-Encoding": "identity"}, timeout=60)
    client = Client(Endpoint("bench", base))
    results: dict[str, list[tuple[float, float, str]]] = {"bare": [], "ours": []}
    bare(http, base)
    ours(client)
    for _ in range(rounds):
        results["bare"].append(measure(lambda: bare(http, base)))
        results["ours"].append(measure(lambda: ours(client)))
    texts = {text for runs in results.values() for _, _, text in runs}
    assert len(texts) == 1, "the two loops read different texts"
    cpu = {name: statistics.median(run[0] for run in runs) for name, runs in results.items()}
    first = {name: statistics.median(run[1] for run in runs) for name, runs in results.items()}
    ratio = statistics.median(b[0] / a[0] for a, b in zip(results["bare"], results["ours"], strict=True))
    print(
        f"{label:6} CPU bare {cpu['bare'] * 1e3:7.1f} ms  ours {cpu['ours'] * 1e3:7.1f} ms  ratio {ratio:4.2f}   "
        f"first event bare {first['bare'] * 1e3:5.2f} ms  ours {first['ours'] * 1e3:5.2f} ms"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = multiprocessing.Process(target=serve, args=(listener, count), daemon=True)
    server.start()
    try:
        print(f"{count} events, python {sys.version.split()[0]}, httpx {httpx.__version__}")
        compare("bulk", base + "/bulk", 9)
        compare("paced", base + "/paced", 3)
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
