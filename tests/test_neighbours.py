"""The nearest vectors: what a full matrix of cosines says, without ever holding one."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_magics.frames import neighbours
from glm_magics.frames.neighbours import nearest, nearest_pairs, unit


def some(rows: int, dimensions: int = 8, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(rows, dimensions)).astype(np.float32))


@pytest.fixture(params=[(2, 3), (5, 4), (1_024, 4_096)], ids=["small", "uneven", "real"])
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_ROWS", request.param[0])
    monkeypatch.setattr(neighbours, "_COLUMNS", request.param[1])


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize(("rows", "k", "least"), [(1, 3, 0.0), (17, 3, 0.3), (40, 5, -1.0), (40, 60, 0.5)])
def test_pairs_are_those_of_the_whole_matrix(rows: int, k: int, least: float) -> None:
    vectors = some(rows)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    wanted = set()
    for i in range(rows):
        for j in np.argsort(-cosines[i], kind="stable")[:k]:
            if cosines[i, j] >= least:
                wanted.add((min(i, int(j)), max(i, int(j))))
    i, j, found, complete = nearest_pairs(vectors, k, least)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == wanted
    assert np.allclose(found, cosines[i, j], atol=1e-6)
    assert complete == ((cosines >= least).sum(axis=1) < k).all()


@pytest.mark.usefixtures("_blocks")
def test_the_nearest_of_another_table_come_in_order() -> None:
    left, right = some(13, seed=1), some(29, seed=2)
    numbers, cosines = nearest(left, right, 4)
    whole = left @ right.T
    assert (numbers == np.argsort(-whole, axis=1, kind="stable")[:, :4]).all()
    assert np.allclose(cosines, np.take_along_axis(whole, numbers, axis=1), atol=1e-6)


def test_fewer_vectors_than_wanted_leave_places_empty() -> None:
    numbers, _ = nearest(some(3), some(2, seed=5), 4)
    assert (numbers[:, 2:] == -1).all()
    assert (numbers[:, :2] >= 0).all()


def test_no_vectors_have_no_neighbours() -> None:
    assert nearest(some(3), some(0), 2)[0].tolist() == [[-1, -1]] * 3
    assert len(nearest_pairs(some(0), 3, 0.5)[0]) == 0


def test_the_memory_is_that_of_a_block_and_not_of_all_cosines() -> None:
    vectors = some(8_000)
    tracemalloc.start()
    nearest_pairs(vectors, 5, 0.9)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000 * 8_000 * 4 / 3


def test_a_vector_of_zeros_is_near_to_nothing() -> None:
    assert unit(np.zeros((2, 4), dtype=np.float32)).tolist() == [[0.0] * 4] * 2


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 6))
def test_equal_vectors_keep_the_order_of_their_numbers(rows: int, k: int) -> None:
    vectors = np.tile(some(1), (rows, 1))
    numbers, _ = nearest(vectors[:1], vectors, k)
    assert numbers[0].tolist() == [n if n < rows else -1 for n in range(k)]
