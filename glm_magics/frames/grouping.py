"""Things that mean the same, in groups. Pure: who matches whom is asked through functions.

A group is a star: its first member, the head, and those that match the head itself. In a chain A ~ B ~ C
where A and C do not match, A and B are a group and C is one of its own, so that whoever keeps the heads alone
loses nothing that is not kept. What comes first decides: with B in front, all three are one group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Pair", "heads_of"]

Pair: TypeAlias = tuple[int, int]  # the smaller number first


def heads_of(
    count: int,
    candidates: Callable[[Sequence[int]], tuple[Iterable[Pair], bool]],
    matches: Callable[[Sequence[Pair]], Sequence[bool]],
    likeness: Callable[[int, int], float],
) -> list[int]:
    """For each of `count` things the number of its head, which is its own for a head.

    `candidates` gives pairs among some things, and whether these are all there are; where they are not, it is
    asked again about the heads that are left. `matches` says which pairs match: each is asked once. Of
    several heads that a thing matches, the likest is its own.
    """
    stars = _Stars(list(range(count)), matches, likeness)
    complete = False
    while True:
        found: Iterable[Pair] = ()
        if not complete:
            found, complete = candidates(stars.heads())
        asked = stars.learn(found)
        changed = stars.gather()
        if not asked and not changed:
            return stars.head


@dataclass(slots=True)
class _Stars:
    """`earlier` has for each thing those in front of it that it matches."""

    head: list[int]
    matches: Callable[[Sequence[Pair]], Sequence[bool]]
    likeness: Callable[[int, int], float]
    known: dict[Pair, bool] = field(default_factory=dict)
    earlier: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def heads(self) -> list[int]:
        return [number for number, head in enumerate(self.head) if head == number]

    def learn(self, pairs: Iterable[Pair]) -> bool:
        """Ask about the pairs that are not known; whether there were any."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self.known]
        for pair, same in zip(new, self.matches(new) if new else (), strict=True):
            self.known[pair] = same
            if same:
                self.earlier[pair[1]].append(pair[0])
        return bool(new)

    def gather(self) -> bool:
        """Put each head under an earlier one that it matches; whether anything moved."""
        moved = False
        for number in self.heads():
            near = [other for other in self.earlier[number] if self.head[other] == other]
            if near:
                self.head[number] = max(near, key=lambda other: (self.likeness(other, number), -other))
                moved = True
        return self._settle() or moved

    def _settle(self) -> bool:
        """Whose head is none any more matches the new one too, or is a head again."""
        lost = [number for number, head in enumerate(self.head) if self.head[head] != head]
        self.learn((self.head[self.head[number]], number) for number in lost)
        for number in lost:
            new = self.head[self.head[number]]
            self.head[number] = new if self.known[new, number] else number
        return bool(lost)
