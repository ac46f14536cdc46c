"""The limiter finds what an account allows, in simulated time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from glm_magics.rows.limiter import Limiter, Place

LATENCY, REFUSAL = 0.2, 0.004  # seconds


@dataclass
class Simulated:
    """A server that lets `allowed(now)` requests in, and refuses the others at once."""

    limiter: Limiter
    allowed: Callable[[float], int]
    chance: random.Random
    spurious: float = 0.0
    now: float = 0.0
    most: int = 0

    def ask(self, rows: int) -> float:
        """Seconds until all rows are answered."""
        events: list[tuple[float, int, str, Place]] = []
        left, answered, accepted, number = rows, 0, 0, 0
        while answered < rows:
            while left and (place := self.limiter.take(self.now)) is not None:
                left, number = left - 1, number + 1
                if accepted >= self.allowed(self.now) or self.chance.random() < self.spurious:
                    heapq.heappush(events, (self.now + REFUSAL, number, "refused", place))
                else:
                    accepted += 1
                    heapq.heappush(events, (self.now + LATENCY, number, "answered", place))
                self.most = max(self.most, accepted)
            if not events:
                self.now += self.limiter.pause(self.now) + 1e-9
                continue
            self.now, number_, kind, place = heapq.heappop(events)
            if kind == "answered":
                accepted, answered = accepted - 1, answered + 1
                self.limiter.answered(place)
            elif kind == "waited":
                self.limiter.give_back(place)
            else:
                left += 1
                wait = self.limiter.refused(place, self.now)
                if wait is not None:
                    heapq.heappush(events, (self.now + wait, number_, "waited", place))
        return self.now


def simulated(allowed: int | Callable[[float], int], start: int | None = None, **more: float) -> Simulated:
    chance = random.Random(7)
    fixed = allowed if callable(allowed) else lambda now: allowed
    return Simulated(Limiter(start, jitter=chance.random), fixed, chance, **more)


@pytest.mark.parametrize("allowed", [1, 3, 10, 30, 50])
def test_an_unknown_limit_is_found_with_few_refusals(allowed: int) -> None:
    server = simulated(allowed)
    seconds = server.ask(1_000)
    assert seconds <= 1.2 * 1_000 * LATENCY / allowed
    assert server.limiter.refusals <= 50
    assert server.most <= allowed


def test_thirty_unknown_places_cost_at_most_a_tenth_of_the_time_and_thirty_refusals() -> None:
    server = simulated(30)
    assert server.ask(1_000) <= 1.1 * 1_000 * LATENCY / 30
    assert server.limiter.refusals <= 30


def test_a_known_limit_is_used_from_the_first_moment() -> None:
    server = simulated(50, start=50)
    assert server.ask(1_000) <= 1.01 * 1_000 * LATENCY / 50
    assert server.limiter.refusals <= 6


def test_a_limit_that_shrinks_and_grows_again_is_followed() -> None:
    server = simulated(lambda now: 15 if 3 <= now < 9 else 30)
    ideal = 9 + (2_000 * LATENCY - 3 * 30 - 6 * 15) / 30
    assert server.ask(2_000) <= 1.35 * ideal
    assert server.limiter.refusals <= 60
    assert server.limiter.limit >= 28


def test_refusals_by_chance_do_not_starve_the_run() -> None:
    server = simulated(30, spurious=0.02)
    assert server.ask(2_000) <= 1.6 * 2_000 * LATENCY / 30


def test_the_last_one_in_flight_waits_longer_each_time_with_its_place() -> None:
    limiter = Limiter(1, jitter=lambda: 1.0)
    waits = []
    for _ in range(4):
        place = limiter.take(0.0)
        assert place is not None
        waits.append(limiter.refused(place, 0.0))
        assert limiter.take(0.0) is None, "its place is kept"
        limiter.give_back(place)
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert limiter.waits == 4


def test_nobody_starts_before_the_time_the_server_named() -> None:
    limiter = Limiter(4)
    first, second = limiter.take(0.0), limiter.take(0.0)
    assert first is not None
    assert second is not None
    limiter.refused(second, 1.0, retry_after=5.0)
    limiter.answered(first)
    assert limiter.take(5.9) is None
    assert limiter.pause(2.0) == pytest.approx(4.0)
    assert limiter.take(6.0) is not None


def test_an_overloaded_platform_is_left_alone_for_long_and_longer() -> None:
    limiter = Limiter(8, jitter=lambda: 1.0)
    now, pauses = 0.0, []
    for _ in range(3):
        place = limiter.take(now)
        assert place is not None
        limiter.busy(place, now)
        pauses.append(limiter.pause(now))
        now += limiter.pause(now)
    assert pauses == [5.0, 10.0, 20.0]
    assert limiter.limit == 1


def test_a_burst_of_overload_counts_once() -> None:
    limiter = Limiter(8, jitter=lambda: 1.0)
    places = [limiter.take(0.0) for _ in range(8)]
    for place in places:
        assert place is not None
        limiter.busy(place, 0.0)
    assert limiter.limit == 4
    assert limiter.in_flight == 0
