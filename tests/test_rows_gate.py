"""Places in flight are shared by all runs of an account, and waited for."""

from __future__ import annotations

import asyncio
from itertools import chain, repeat
from types import SimpleNamespace

import pytest

from glm_magics.rows import gate as gate_module
from glm_magics.rows.gate import Gate, Gates
from glm_magics.rows.limiter import Limiter


def test_who_finds_no_place_waits_for_one() -> None:
    async def main() -> bool:
        gate = Gate(Limiter(1))
        first = await gate.enter()
        second = asyncio.ensure_future(gate.enter())
        await asyncio.sleep(0.01)
        waited = not second.done()
        gate.limiter.give_back(first)
        gate.wake()
        await asyncio.wait_for(second, 1)
        return waited

    assert asyncio.run(main())


def test_a_pause_ends_by_itself() -> None:
    async def main() -> None:
        gate = Gate(Limiter(4))
        place = await gate.enter()
        now = asyncio.get_running_loop().time()
        gate.limiter.refused(place, now, retry_after=0.05)
        await asyncio.wait_for(gate.enter(), 1)

    asyncio.run(main())


def test_a_pause_that_ends_between_two_looks_at_the_clock_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = chain([0.049], repeat(0.051))
    monkeypatch.setattr(gate_module, "time", SimpleNamespace(monotonic=lambda: next(looks)))

    async def main() -> None:
        limiter = Limiter(4)
        place = limiter.take(0.0)
        assert place is not None
        limiter.refused(place, 0.0, retry_after=0.05)
        await asyncio.wait_for(Gate(limiter).enter(), 1)

    asyncio.run(main())


def test_an_account_and_tier_has_one_gate() -> None:
    gates = Gates()
    assert gates.of(("a", "air"), start=5) is gates.of(("a", "air"), start=9)
    assert gates.of(("a", "air"), start=5).limiter.limit == 5
    assert gates.of(("b", "air"), start=None) is not gates.of(("a", "air"), start=None)
