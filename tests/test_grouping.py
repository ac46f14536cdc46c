"""Groups of things that match: stars around their first member."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from glm_magics.frames.grouping import Pair, heads_of


class World:
    """`same` are the pairs that match; of the pairs, only `seen` are candidates at once."""

    def __init__(self, same: set[Pair], *, seen: int = 10**6) -> None:
        self.same, self.seen = same, seen
        self.asked: list[Pair] = []

    def heads(self, count: int) -> list[int]:
        return heads_of(count, self.candidates, self.matches, lambda one, other: 1.0 / (1 + other - one))

    def candidates(self, among: Sequence[int]) -> tuple[list[Pair], bool]:
        pairs = sorted(pair for pair in self.same if set(pair) <= set(among))
        return pairs[: self.seen], len(pairs) <= self.seen

    def matches(self, pairs: Sequence[Pair]) -> list[bool]:
        self.asked += pairs
        return [pair in self.same for pair in pairs]


def test_what_matches_is_one_group() -> None:
    assert World({(0, 2), (1, 3)}).heads(5) == [0, 1, 0, 1, 4]


def test_a_chain_is_not_merged_over_its_middle() -> None:
    assert World({(0, 1), (1, 2)}).heads(3) == [0, 0, 2]


def test_a_middle_that_comes_first_gathers_both_ends() -> None:
    assert World({(0, 1), (0, 2)}).heads(3) == [0, 0, 0]


def test_of_several_heads_the_likest_is_taken() -> None:
    assert World({(0, 2), (1, 2)}).heads(3) == [0, 1, 1]


def test_a_group_larger_than_the_candidates_of_one_look_is_found_whole() -> None:
    everyone = {(i, j) for i in range(9) for j in range(i + 1, 9)}
    assert World(everyone, seen=3).heads(9) == [0] * 9


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 9).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1])),
            st.integers(1, 5),
        )
    )
)
def test_everyone_matches_the_head_of_the_group_and_no_pair_is_asked_twice(
    drawn: tuple[int, set[Pair], int],
) -> None:
    count, same, seen = drawn
    world = World(same, seen=seen)
    heads = world.heads(count)
    for number, head in enumerate(heads):
        assert heads[head] == head
        assert head == number or (head, number) in same
    assert len(world.asked) == len(set(world.asked))
