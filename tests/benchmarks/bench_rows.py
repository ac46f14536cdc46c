"""1,000 rows against the demo server over loopback HTTP: how near to ideal, at what cost, and what is lost.

    python tests/benchmarks/bench_rows.py [rows] [--lotus PYTHON]

Ideal is rows × seconds per answer ÷ requests in flight. The server is a process of its own, so its CPU is not
counted; each client's CPU is. "lost" are rows without an answer, "refused" what the server said 429 to. Peers:
the AsyncOpenAI client with a semaphore, a pool of threads around one httpx client, and LOTUS's `sem_map` where
an interpreter that has it is named (it brings 6 GB), all told 50. The floor is 50 threads with the standard
library's client and nothing around it: what this machine and this server can do at best.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import itertools
import json
import multiprocessing
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pandas as pd

from glm_magics import api
from glm_magics.demo import Engine, serve
from glm_magics.frames.rows import map_rows

SECONDS = 0.2
TASK, SCHEMA = "Classify the review: {{text}}", "label: good|bad"
BODY = {"model": "glm-4-plus", "response_format": {"type": "json_object"}}


def server(pipe: Connection) -> None:
    """Takes settings, a schedule of later limits, or a wish for the count of refusals."""
    engine = Engine(None, pace=0, answer_seconds=SECONDS)
    with serve(engine) as url:
        pipe.send(url)
        while (wish := pipe.recv()) != "end":
            pipe.send(sum(seen.status == 429 for seen in engine.seen))
            engine.seen.clear()
            engine.most_in_flight = wish["limit"]
            engine._fault = wish["fault"] and Engine(fault=wish["fault"])._fault
            for seconds, limit in wish["later"]:
                threading.Timer(seconds, setattr, (engine, "most_in_flight", limit)).start()


class Server:
    """The demo in a process of its own."""

    def __init__(self) -> None:
        self._pipe, far = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=server, args=(far,), daemon=True)
        self._process.start()
        self.url: str = self._pipe.recv()

    def set(self, limit: int = 50, *, fault: str = "", later: Any = ()) -> int:
        """New settings; the refusals since the last ones."""
        self._pipe.send({"limit": limit, "fault": fault, "later": later})
        return int(self._pipe.recv())


def reviews(rows: int) -> pd.DataFrame:
    words = ["I love it", "terrible and broken"]
    return pd.DataFrame({"text": [f"{words[n % 2]}, number {n}" for n in range(rows)]})


_accounts = itertools.count()


def ours(server: Server, frame: pd.DataFrame, **how: Any) -> pd.Series[Any]:
    # a new key each time: no run knows the limit that the one before has found
    api.connect(server.url, key=f"account-{next(_accounts)}", tier="glm-4-plus", currency="CNY")
    how = {"schema": SCHEMA, "progress": False, "cache": "off", "rows_per_request": 1} | how
    return map_rows(frame, TASK, **how)["label"]


def prompts(frame: pd.DataFrame) -> list[str]:
    shape = '\n\nAnswer with JSON only: one object of this type.\n{label: "good" | "bad"}'
    return [TASK.replace("{{text}}", text) + shape for text in frame["text"]]


def label(text: str) -> str | None:
    return json.loads(text).get("label")


def async_openai(server: Server, frame: pd.DataFrame) -> pd.Series[Any]:
    async def run() -> list[str | None]:
        client = openai.AsyncOpenAI(base_url=server.url, api_key="key")
        places = asyncio.Semaphore(50)

        async def one(prompt: str) -> str | None:
            async with places:
                try:
                    done = await client.chat.completions.create(
                        messages=[{"role": "user", "content": prompt}], **BODY
                    )
                    return label(done.choices[0].message.content or "")
                except openai.OpenAIError:
                    return None

        async with client:
            return await asyncio.gather(*map(one, prompts(frame)))

    return pd.Series(asyncio.run(run()))


def threads(server: Server, frame: pd.DataFrame) -> pd.Series[Any]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    with httpx.Client(base_url=server.url, headers={"Authorization": "Bearer key"}, limits=limits) as client:

        def one(prompt: str) -> str | None:
            body = BODY | {"messages": [{"role": "user", "content": prompt}]}
            answer = client.post("chat/completions", json=body, timeout=60)
            with contextlib.suppress(KeyError, ValueError):
                return label(answer.json()["choices"][0]["message"]["content"])
            return None

        with ThreadPoolExecutor(50) as pool:
            return pd.Series(list(pool.map(one, prompts(frame))))


def floor(server: Server, frame: pd.DataFrame) -> pd.Series[Any]:
    where, local = urlsplit(server.url), threading.local()
    headers = {"Authorization": "Bearer key", "Content-Type": "application/json"}

    def one(prompt: str) -> str | None:
        if not hasattr(local, "http"):
            local.http = http.client.HTTPConnection(where.netloc)
        body = json.dumps(BODY | {"messages": [{"role": "user", "content": prompt}]})
        local.http.request("POST", f"{where.path}/chat/completions", body, headers)
        answer = json.loads(local.http.getresponse().read())
        return label(answer["choices"][0]["message"]["content"])

    with ThreadPoolExecutor(50) as pool:
        return pd.Series(list(pool.map(one, prompts(frame))))


def lotus(server: Server, frame: pd.DataFrame, python: str) -> pd.Series[Any]:
    script = Path(__file__).with_name("lotus_rows.py")
    done = subprocess.run(
        [python, script, server.url],
        input=json.dumps(prompts(frame)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout.splitlines()[-1])
    labels = pd.Series([answer and label(answer) for answer in report["answers"]], dtype=object)
    labels.attrs = report  # measured there: its imports and its interpreter are not counted
    return labels


def measured(
    name: str, server: Server, ideal: float, run: Callable[[], pd.Series[Any]], **settings: Any
) -> float:
    server.set(**settings)
    began, cpu = time.perf_counter(), time.process_time()
    labels = run()
    wall = labels.attrs.get("seconds", time.perf_counter() - began)
    cpu = labels.attrs.get("cpu", time.process_time() - cpu)
    refused = server.set()
    right = pd.Series(["good", "bad"] * (len(labels) // 2 + 1))[: len(labels)]
    wrong = int((labels.astype(object).dropna() != right[labels.notna().to_numpy()].to_numpy()).sum())
    print(
        f"{name:48} {wall:7.2f} s {wall / ideal:6.2f} × ideal  CPU {cpu:5.2f} s  refused {refused:4}"
        f"  lost {int(labels.isna().sum()):4}  wrong {wrong}"
    )
    return wall


def main(rows: int, lotus_python: str | None) -> None:
    server, frame = Server(), reviews(rows)
    ours(server, frame[:20])  # what is imported once is not counted
    ideal = rows * SECONDS / 50
    print(f"{rows:,} rows of {SECONDS} s, at most 50 in flight: ideal {ideal:.2f} s")
    measured("glm-magics, told 50", server, ideal, lambda: ours(server, frame, concurrency=50))
    measured("AsyncOpenAI and a semaphore of 50", server, ideal, lambda: async_openai(server, frame))
    measured("50 threads around httpx.Client", server, ideal, lambda: threads(server, frame))
    measured("floor: 50 threads around http.client", server, ideal, lambda: floor(server, frame))
    if lotus_python:
        measured("LOTUS sem_map", server, ideal, lambda: lotus(server, frame, lotus_python))
    ideal = rows * SECONDS / 30
    print(f"\nthe same, but 30 are allowed and nobody says so: ideal {ideal:.2f} s")
    measured("glm-magics, told nothing", server, ideal, lambda: ours(server, frame), limit=30)
    measured(
        "AsyncOpenAI and a semaphore of 50", server, ideal, lambda: async_openai(server, frame), limit=30
    )
    measured("50 threads around httpx.Client", server, ideal, lambda: threads(server, frame), limit=30)
    if lotus_python:
        measured("LOTUS sem_map", server, ideal, lambda: lotus(server, frame, lotus_python), limit=30)
    later = ((2.0, 15), (5.0, 30))
    seconds = 5 + (rows * SECONDS - 2 * 30 - 3 * 15) / 30
    print(f"\n30 allowed, 15 from 2 s to 5 s: ideal {seconds:.2f} s")
    measured("glm-magics, told nothing", server, seconds, lambda: ours(server, frame), limit=30, later=later)
    ideal = rows * SECONDS / 10
    print(
        f"\n10 allowed, one row in 20 left out of a packed answer and one in 50 broken: ideal {ideal:.2f} s"
    )
    spoilt: dict[str, Any] = {"limit": 10, "fault": "spoil-rows"}
    alone = measured(
        "one row a request", server, ideal, lambda: ours(server, frame, concurrency=10), **spoilt
    )
    packed = measured(
        "several rows a request",
        server,
        ideal,
        lambda: ours(server, frame, concurrency=10, rows_per_request="auto"),
        **spoilt,
    )
    print(f"packed is {alone / packed:.1f} × as fast")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", type=int, default=1_000)
    parser.add_argument("--lotus", metavar="PYTHON", help="an interpreter that has lotus-ai")
    wanted = parser.parse_args()
    main(wanted.rows, wanted.lotus)
