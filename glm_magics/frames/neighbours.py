"""Which vectors lie nearest to each other: exact cosines, in blocks, so that memory stays bounded.

The work is n × m × d multiplications for n and m vectors of d dimensions (half of it among n vectors of one
table), the memory the vectors, k neighbours for each, and one block of cosines (16 MB). That suits up to a
few hundred thousand vectors; `tests/benchmarks/bench_meaning.py` prints the times. Beyond that an approximate
index (HNSW or IVF, as in hnswlib or faiss) is the tool: give it the column of `df.glm.embed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["nearest", "nearest_pairs", "unit"]

_ROWS, _COLUMNS = 1_024, 4_096  # of a block of cosines


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same array, its rows changed to length 1, so that a product is a cosine; zeros stay zeros."""
    import numpy as np

    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    np.divide(vectors, lengths, out=vectors, where=lengths > 0)
    return vectors


def nearest_pairs(
    vectors: NDArray[np.float32], k: int, at_least: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], bool]:
    """Pairs i < j of unit vectors whose cosine is `at_least` that, where one is among the `k` nearest of the
    other; ordered by i, then j. Returns i, j, the cosines, and whether that is all pairs: no vector has `k`.
    """
    import numpy as np

    best = _Best(len(vectors), k, at_least)
    for top in range(0, len(vectors), _ROWS):
        rows = vectors[top : top + _ROWS]
        for left in range(top, len(vectors), _COLUMNS):
            cosines = rows @ vectors[left : left + _COLUMNS].T
            _keep_above_the_diagonal(cosines, left - top)
            if (cosines >= np.float32(at_least)).any():
                best.see(cosines, top, left)
                best.see(cosines.T, left, top)
    i = np.repeat(np.arange(len(vectors)), k).reshape(len(vectors), k)
    there = best.numbers >= 0
    ends = np.stack([i[there], best.numbers[there]])
    pairs, at = np.unique(np.sort(ends, axis=0), axis=1, return_index=True)
    return pairs[0], pairs[1], best.cosines[there][at], not (best.numbers[:, -1] >= 0).any()


def nearest(
    left: NDArray[np.float32], right: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each unit vector of `left` the numbers of the `k` nearest in `right`, nearest first, and their
    cosines: two arrays of len(left) × k. Where `right` has fewer, the rest are -1."""
    best = _Best(len(left), k, -2.0)
    for top in range(0, len(left), _ROWS):
        rows = left[top : top + _ROWS]
        for start in range(0, len(right), _COLUMNS):
            best.see(rows @ right[start : start + _COLUMNS].T, top, start)
    return best.numbers, best.cosines


def _keep_above_the_diagonal(cosines: NDArray[np.float32], offset: int) -> None:
    """A vector is no neighbour of itself, and each pair is seen once."""
    import numpy as np

    if offset < cosines.shape[0]:
        rows, columns = np.tril_indices(cosines.shape[0], -offset, cosines.shape[1])
        cosines[rows, columns] = -3.0


def _where_at_least(cosines: Any, bound: Any) -> tuple[Any, Any]:
    """Where each row reaches its bound; only rows that reach it anywhere are looked at closely."""
    import numpy as np

    some = np.flatnonzero(cosines.max(axis=1) >= bound)
    rows, columns = np.nonzero(cosines[some] >= bound[some, None])
    return some[rows], columns


class _Best:
    """The `k` greatest cosines of each row so far, greatest first; equal ones in the order of their
    numbers."""

    def __init__(self, rows: int, k: int, at_least: float) -> None:
        import numpy as np

        self.numbers = np.full((rows, k), -1, dtype=np.int64)
        self.cosines = np.full((rows, k), np.float32(-3.0), dtype=np.float32)
        self._least = np.float32(at_least)
        self._k = k

    def see(self, cosines: NDArray[np.float32], top: int, left: int) -> None:
        """Cosines of the rows from `top` with the vectors from `left`."""
        import numpy as np

        mine = slice(top, top + len(cosines))
        bound = np.maximum(self.cosines[mine, -1], self._least)
        rows, columns = _where_at_least(cosines, bound)
        if len(rows) > 8 * self._k * len(cosines):
            rows, columns = self._greatest(cosines, bound)
        if len(rows):
            self._merge(rows, columns + left, cosines[rows, columns], top)

    def _greatest(self, cosines: Any, bound: Any) -> tuple[Any, Any]:
        """As many of each row as can matter, where there would be far too many to sort."""
        import numpy as np

        k = min(self._k, cosines.shape[1])
        columns = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        rows = np.repeat(np.arange(len(cosines)), k).reshape(columns.shape)
        there = cosines[rows, columns] >= bound[:, None]
        return rows[there], columns[there]

    def _merge(self, rows: Any, numbers: Any, cosines: Any, top: int) -> None:
        import numpy as np

        touched, at = np.unique(rows, return_inverse=True)
        known = self.numbers[top + touched]
        at = np.concatenate([np.repeat(np.arange(len(touched)), self._k), at])
        numbers = np.concatenate([known.ravel(), numbers])
        cosines = np.concatenate([self.cosines[top + touched].ravel(), cosines])
        order = np.lexsort((numbers, -cosines, at))
        at, numbers, cosines = at[order], numbers[order], cosines[order]
        rank = np.arange(len(at)) - np.searchsorted(at, at)
        kept = rank < self._k
        self.numbers[top + touched[at[kept]], rank[kept]] = numbers[kept]
        self.cosines[top + touched[at[kept]], rank[kept]] = cosines[kept]
