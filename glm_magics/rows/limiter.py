"""How many requests may be in flight: known, or found out from what the platform refuses.

The limit doubles until the first refusal, then grows by one for every round of answers. A refusal right after
growth tells the account's limit exactly. At a level that used to be fine, a single refusal is taken for
chance; several say that the limit has shrunk, and cut it to four fifths. The refused level is remembered and
tried again only now and then. Pure: time is passed in, nothing sleeps here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["UNKNOWN_START", "Limiter", "Place"]

UNKNOWN_START = 8  # in flight at first, where nothing is known about the account
_MOST = 512
_CUT = 0.8
_DOUBTS = 3  # refusals among twice as many requests that are no chance any more
_ROUNDS_BETWEEN_TRIES = 1  # of answers, before a refused level is tried again; doubles with each refusal
_MOST_ROUNDS = 32
_FLOOR_SECONDS, _LONGEST_FLOOR = 0.5, 30.0  # waits of the last one in flight, doubling
_BUSY_SECONDS, _LONGEST_BUSY = 5.0, 120.0  # waits of all while the platform itself is busy (1305), doubling


@dataclass(frozen=True, slots=True)
class Place:
    """One request in flight: how many there were with it when it was sent, since which cut, and when."""

    level: int
    epoch: int
    sent: float


class Limiter:
    """The places in flight of one account and tier.

    `start` is where to begin: the account's known limit, or None. A known limit counts as found: what lies
    above it is tried only now and then. `most` is never passed. `jitter` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        start: int | None = None,
        *,
        most: int = _MOST,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        known = start is not None
        self.most = max(1, most)
        self.limit = min(self.most, max(1, start or UNKNOWN_START))
        self.in_flight = 0
        self.refusals = 0
        self._jitter = jitter
        self._doubling = not known
        self._refused_level: int | None = self.limit + 1 if known else None
        self._rounds = _ROUNDS_BETWEEN_TRIES
        self._proven = 0  # the highest level that was accepted since the last cut
        self._answers = 0  # since the limit last changed
        self._epoch = 0
        self._burst = 0  # of the requests before the last cut, those that were not refused
        self._shrunk = False  # whether the last cut was at a level that used to be fine
        self._doubts = 0  # refusals at such a level, and the requests sent since the first of them
        self._sent = 0
        self._floor_waits = 0
        self._busy_waits = 0
        self._not_before = 0.0

    def take(self, now: float) -> Place | None:
        """A place, or None while all are taken or everybody waits."""
        if self.in_flight >= self.limit or now < self._not_before:
            return None
        self.in_flight += 1
        self._sent += 1
        return Place(self.in_flight, self._epoch, now)

    def pause(self, now: float) -> float:
        """Seconds for which nobody gets a place, whoever gives one back."""
        return max(0.0, self._not_before - now)

    def give_back(self, place: Place) -> None:
        """The request ended in a way that says nothing about the limit, or a wait with the place is over."""
        self.in_flight -= 1

    def answered(self, place: Place) -> None:
        """The request was accepted and answered; its place is given back."""
        self.in_flight -= 1
        self._floor_waits = self._busy_waits = 0
        if place.epoch != self._epoch:
            return
        self._proven = max(self._proven, place.level)
        if self._refused_level is not None and place.level >= self._refused_level:
            self._refused_level, self._rounds = None, _ROUNDS_BETWEEN_TRIES
            self._doubling = True  # the account allows more again
        self._answers += 1
        self._grow(place)

    def refused(self, place: Place, now: float, *, retry_after: float | None = None) -> float | None:
        """Too many in flight. Seconds to wait with the place kept, or None: it is given back.

        The last one in flight keeps its place: many processes on one account must not all knock at once.
        """
        self.refusals += 1
        others = self.in_flight - 1
        if retry_after is not None:
            self._not_before = max(self._not_before, now + retry_after)
        if others == 0 and self.limit == 1:
            self._floor_waits += 1
            wait = min(_FLOOR_SECONDS * 2.0**self._floor_waits, _LONGEST_FLOOR)
            return retry_after if retry_after is not None else wait * (0.5 + self._jitter() / 2)
        self.in_flight = others
        if place.epoch == self._epoch:
            if others >= self._proven or self._is_no_chance():
                self._cut(place, others)
                # others that were sent with it are being refused as well, and that takes as long to be heard
                self._not_before = max(self._not_before, now + (now - place.sent))
        elif place.epoch == self._epoch - 1:
            self._burst -= 1  # sent with the one that was refused first
            self._settle(self._burst)
        return None

    def busy(self, place: Place, now: float, *, retry_after: float | None = None) -> None:
        """The platform is overloaded: half as many, and a long wait for all. The place is given back."""
        self.in_flight -= 1
        if place.epoch == self._epoch:
            self._epoch += 1
            self._burst = self.in_flight
            self._busy_waits += 1
            self._set(self.limit // 2)
            self._doubling = False
            wait = min(_BUSY_SECONDS * 2.0 ** (self._busy_waits - 1), _LONGEST_BUSY)
            wait = retry_after if retry_after is not None else wait * (0.5 + self._jitter() / 2)
            self._not_before = max(self._not_before, now + wait)

    @property
    def waits(self) -> int:
        """How often everybody had to wait since the last answer."""
        return self._floor_waits + self._busy_waits

    def _is_no_chance(self) -> bool:
        """Whether refusals at a level that used to be fine have become too many."""
        if not self._doubts or self._sent > 2 * _DOUBTS:
            self._doubts, self._sent = 0, 0
        self._doubts += 1
        return self._doubts >= _DOUBTS

    def _cut(self, place: Place, others: int) -> None:
        self._epoch += 1
        self._doubts = 0
        self._burst = others
        self._doubling = False
        self._shrunk = others < self._proven
        if self._refused_level == place.level:
            self._rounds = min(_MOST_ROUNDS, self._rounds * 2)
        self._settle(others)

    def _settle(self, accepted: int) -> None:
        """The limit after a refusal, when `accepted` others were let in."""
        self._refused_level = accepted + 1
        limit = int(accepted * _CUT) if self._shrunk else accepted
        self._set(min(self.limit, limit))
        self._proven = min(self._proven, self.limit)

    def _set(self, limit: int) -> None:
        self.limit = min(self.most, max(1, limit))
        self._answers = 0

    def _grow(self, place: Place) -> None:
        if self._doubling:
            if place.level * 2 > self.limit:
                self.limit = min(self.most, self.limit + 1)
            return
        needed = self.limit
        if self._refused_level is not None and self.limit + 1 >= self._refused_level:
            needed *= self._rounds
        if self._answers >= needed and place.level >= self.limit:
            self._set(self.limit + 1)
