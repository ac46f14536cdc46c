"""What is left to ask, and which rows travel together."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Literal

from glm_magics.rows.item import Item

__all__ = ["MOST_TOGETHER", "START", "PackSize", "RowsPerRequest", "Work"]

RowsPerRequest = int | Literal["auto"]

START, MOST_TOGETHER = 10, 50
_STEP = 5
LONG_ROW_TOKENS = 400
MOST_INPUT_TOKENS = 8_000


class PackSize:
    """How many rows go into a request: a number given, or as many as have been going well.

    `most` is what the tier's longest answer leaves room for, `limit` what a request takes at all.
    """

    def __init__(
        self, wanted: RowsPerRequest, *, most: int = MOST_TOGETHER, limit: int = MOST_TOGETHER
    ) -> None:
        self.fixed = wanted if isinstance(wanted, int) else None
        self.most = max(1, min(most, limit))
        self._size = min(self.fixed or START, self.most)

    def now(self, left: int, places: int) -> int:
        """Rows for the next request when `left` rows are left for `places` in flight.

        A given number is kept to; else the last rows are spread over all the places, so that none is idle.
        """
        if self.fixed is not None:
            return self._size
        return max(1, min(self._size, math.ceil(left / max(1, places))))

    def settle(self) -> None:
        """Stay at the size there is."""
        self.fixed = self._size

    def went(self, asked: int, usable: int) -> None:
        """A request about `asked` rows came back with a usable record for `usable` of them."""
        if self.fixed is not None or asked < 2:
            return
        if usable * 5 < asked * 4:
            self._size = max(2, asked // 2)
        elif usable == asked and asked >= self._size:
            self._size = min(self.most, self._size + _STEP)


class Work:
    """The rows that are not answered yet and not in flight.

    A row of more than `long_tokens` goes by itself; a request has at most `most_tokens` of rows.
    """

    def __init__(
        self,
        items: Iterable[Item],
        size: PackSize,
        *,
        long_tokens: float = LONG_ROW_TOKENS,
        most_tokens: float = MOST_INPUT_TOKENS,
    ) -> None:
        self.size = size
        self._steady = False
        self._long, self._most = long_tokens, most_tokens
        self.singly = False
        self._fresh = deque(items)
        self._first: deque[list[Item]] = deque()
        self._again: deque[Item] = deque()
        self._alone: deque[Item] = deque()
        self._waiting = 0  # rows in `_first`

    def settle(self) -> None:
        """From here on, which rows travel together does not depend on which answer comes first."""
        self._steady = True
        self.size.settle()

    def __len__(self) -> int:
        return len(self._fresh) + self._waiting + len(self._again) + len(self._alone)

    def take(self, places: int) -> list[Item]:
        """The rows of the next request, when so many may be in flight."""
        if self._first:
            batch = self._first.popleft()
            self._waiting -= len(batch)
            return batch
        if self._alone:
            return [self._alone.popleft()]
        most = 1 if self.singly else self.size.now(len(self), places)
        if self._again and (len(self._again) >= most or not self._fresh):
            return self._pack(self._again, most)
        return self._pack(self._fresh, most)

    def put_back(self, batch: list[Item]) -> None:
        """These come first, as they were: they were not asked."""
        self._first.append(batch)
        self._waiting += len(batch)

    def again(self, item: Item) -> None:
        """Ask for this row again: with others, then with half as many, then by itself."""
        (self._alone if self._steady or item.unusable > 2 else self._again).append(item)

    def alone(self, item: Item) -> None:
        """Ask for this row again, by itself."""
        item.unusable = max(item.unusable, 3)
        self._alone.append(item)

    def rest(self) -> list[Item]:
        """All that is left; nothing is left afterwards."""
        left = [*(item for batch in self._first for item in batch), *self._alone, *self._again, *self._fresh]
        self._first.clear()
        self._waiting = 0
        for queue in (self._alone, self._again, self._fresh):
            queue.clear()
        return left

    def _pack(self, queue: deque[Item], most: int) -> list[Item]:
        batch = [queue.popleft()]
        if batch[0].unusable == 2:
            most = max(1, most // 2)
        if most == 1:
            return batch
        tokens = batch[0].tokens
        while len(batch) < most and queue and tokens <= self._most:
            following = queue[0]
            tokens += following.tokens
            if max(batch[0].tokens, following.tokens) > self._long or tokens > self._most:
                break
            if following.unusable != batch[0].unusable:
                break
            batch.append(queue.popleft())
        return batch
