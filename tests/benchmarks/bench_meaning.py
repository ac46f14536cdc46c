"""Near neighbours among vectors, in time and memory, next to the ways people have: and a whole dedupe.

    python tests/benchmarks/bench_meaning.py [rows] [dimensions]

The vectors are random, with a near copy planted for one row in ten. Each way runs in a process of its own; "more
MB" is its greatest memory beside the vectors (Linux), "found" the share of the planted pairs. Peers: the full
matrix of cosines in numpy (only where it fits into 4 GB), and scikit-learn's NearestNeighbors (brute force,
cosine), if it is installed and there are at most 50,000 vectors. "whole_dedupe" is `df.glm.dedupe` without a
check, on vectors that the cache holds; reading them from there is in it.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glm_magics import api
from glm_magics._embedding_models import embedding_model
from glm_magics.frames.dedupe import dedupe
from glm_magics.frames.neighbours import nearest_pairs, unit
from glm_magics.rows.cache import RowCache, Stored
from glm_magics.rows.embedding import EmbeddingPlan, packed_bytes

LEAST, K = 0.9, 10
MOST_BYTES = 4 << 30
Pairs = set[tuple[int, int]]


def vectors(rows: int, dimensions: int) -> tuple[Any, Pairs]:
    """Unit vectors, and the pairs that were planted."""
    random = np.random.default_rng(7)
    made = random.standard_normal((rows, dimensions), dtype=np.float32)
    copies = rows // 10
    first = random.choice(rows - copies, copies, replace=False)
    noise = 0.2 * random.standard_normal((copies, dimensions), dtype=np.float32)
    made[rows - copies :] = made[first] + noise
    return unit(made), {(int(i), rows - copies + n) for n, i in enumerate(first)}


def in_blocks(made: Any) -> Pairs:
    i, j, _, _ = nearest_pairs(made, K, LEAST)
    return set(zip(i.tolist(), j.tolist(), strict=True))


def full_matrix(made: Any) -> Pairs:
    i, j = np.nonzero(np.triu(made @ made.T, 1) >= LEAST)
    return set(zip(i.tolist(), j.tolist(), strict=True))


def scikit_learn(made: Any) -> Pairs:
    from sklearn.neighbors import NearestNeighbors  # type: ignore[import-not-found,unused-ignore]

    index = NearestNeighbors(n_neighbors=K + 1, metric="cosine", algorithm="brute").fit(made)
    far, near = index.kneighbors(made)
    i, at = np.nonzero(far <= 1 - LEAST)
    ends = ((int(a), int(b)) for a, b in zip(i, near[i, at], strict=True))
    return {(min(pair), max(pair)) for pair in ends if pair[0] != pair[1]}


def whole_dedupe(made: Any) -> Pairs:
    """As a user calls it; the answers of the embedding model are in the cache."""
    session = api.connect("demo://?pace=0")
    with tempfile.TemporaryDirectory() as folder:
        plan = EmbeddingPlan(session, embedding_model(None, of_platform=True), made.shape[1])
        cache = RowCache(Path(folder))
        texts = [f"text {n}" for n in range(len(made))]
        for at in range(0, len(texts), 5_000):
            some = range(at, min(at + 5_000, len(texts)))
            kept = {plan.item(n, texts[n]).key: Stored(packed_bytes(_floats(made[n])), "ok", 1) for n in some}
            cache.landed([], kept)
        cache.close()
        began = time.perf_counter()
        frame = pd.DataFrame({"text": texts})
        done = dedupe(
            frame, "{{text}}", check=False, dimensions=made.shape[1], cache=Path(folder), progress=False
        )
        print(f"  (dedupe itself: {time.perf_counter() - began:.1f} s)", flush=True)
    first: dict[int, int] = {}
    heads = [first.setdefault(group, n) for n, group in enumerate(done["group"].tolist())]
    return {(head, n) for n, head in enumerate(heads) if head != n}


def _floats(row: Any) -> Any:
    from array import array

    return array("f", row.tobytes())


def measured(pipe: Connection, way: Callable[[Any], Pairs], rows: int, dimensions: int) -> None:
    made, planted = vectors(rows, dimensions)
    before = _reset_peak()
    began = time.perf_counter()
    try:
        found = way(made)
    except ImportError as error:
        pipe.send(str(error))
        return
    seconds = time.perf_counter() - began
    share = len(found & planted) / len(planted)
    pipe.send((seconds, _peak() - before, share, len(found - planted)))


def _peak() -> float:
    """The greatest memory of this process since it was reset, in MB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def _reset_peak() -> float:
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    dimensions = int(sys.argv[2]) if len(sys.argv) > 2 else 256
    print(f"{rows:,} vectors of {dimensions} dimensions: {rows * dimensions * 4 / 1e6:,.0f} MB")
    print(f"{'way':<22} {'seconds':>8} {'ratio':>6} {'more MB':>8} {'found':>7} {'others':>7}")
    first = None
    for way in (in_blocks, full_matrix, scikit_learn, whole_dedupe):
        if way is full_matrix and rows * rows * 4 * 2 > MOST_BYTES:
            print(f"{way.__name__:<22} does not fit: {rows * rows * 4 / 1e9:,.0f} GB of cosines")
            continue
        if way is scikit_learn and rows > 50_000:
            print(f"{way.__name__:<22} left out: some minutes")
            continue
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=measured, args=(there, way, rows, dimensions)
        )
        process.start()
        there.close()
        try:
            told = here.recv()
        except EOFError:
            told = "ended without a word: too little memory?"
        process.join()
        if isinstance(told, str):
            print(f"{way.__name__:<22} {told}")
            continue
        seconds, memory, share, others = told
        first = first or seconds
        print(
            f"{way.__name__:<22} {seconds:8.1f} {seconds / first:6.2f} {memory:8.0f} {share:7.1%} {others:7,}"
        )


if __name__ == "__main__":
    main()
