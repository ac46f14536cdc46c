"""A session: one endpoint, one ledger, one set of defaults for every request.

Only what a notebook needs when it is loaded is imported here; the work is in `_asking`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

from glm_magics._options import Options
from glm_magics._policy import NO_POLICY, Policy
from glm_magics.client import Client

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from glm_magics._asking import Estimate
    from glm_magics._stream import Stream
    from glm_magics._tier import Tier
    from glm_magics._traffic import Traffic
    from glm_magics.cassette import Entry
    from glm_magics.chat import ChatRequest, Completion, Cost, Message, Usage
    from glm_magics.ledger import Ledger

__all__ = ["Session", "Tape"]


class Tape(Protocol):
    """A cassette in use: see `tapes`."""

    @property
    def doing(self) -> str:
        """What goes on, in a few words: "lesson.jsonl is being recorded"."""
        ...

    def unused(self) -> Sequence[tuple[int, Entry]]:
        """The entries of the cassette, with their lines, that nothing has asked for in this session."""
        ...


@dataclass
class Session:
    """Mutable on purpose: `use`, `budget` and `connect` change it for every later cell.

    `cell_budget` is a wall for each single request, beside the ledger's wall for all of them.
    `policy` is what the class may do; `origin` what chose the endpoint, such as "GLM_BASE_URL".
    `last` is the latest answer, whole or partial; `tape` the recording or replay that is running; `traffic`
    what the latest requests were on the wire.
    """

    client: Client
    defaults: Options = field(default_factory=Options)
    cell_budget: Decimal | None = None
    last: Completion | None = None
    tape: Tape | None = None
    policy: Policy = NO_POLICY
    origin: str = "this session"
    traffic: deque[Traffic] = field(default_factory=partial(deque, maxlen=4), repr=False)

    @cached_property
    def ledger(self) -> Ledger:
        """What was spent, and the wall for all of it."""
        from glm_magics.ledger import Ledger

        return Ledger(live=True)

    @property
    def has_ledger(self) -> bool:
        """Whether anything was asked or limited yet."""
        return "ledger" in self.__dict__

    @property
    def tier(self) -> Tier:
        """The tier of a cell that names none."""
        return self.find_tier(self.defaults.tier)

    def find_tier(self, name: str | None) -> Tier:
        """The tier of that name or alias. A server other than the platform may have any, without a price.

        Raises `UnknownTier`, with the nearest names.
        """
        from glm_magics import _asking

        return _asking.find_tier(self, name)

    def request(self, prompt: str | tuple[Message, ...], options: Options) -> ChatRequest:
        """A checked request; nothing is sent. Raises `UnknownTier` or `RequestError` for what cannot work."""
        from glm_magics import _asking

        return _asking.request(self, prompt, options)

    def estimate(self, request: ChatRequest) -> Estimate:
        """Tokens and money of a request before it is sent; money is None where no price is known."""
        from glm_magics import _asking

        return _asking.estimate(self, request)

    def stream(self, request: ChatRequest, *, options: Options | None = None, label: str = "") -> Stream:
        """Reserve the money and begin. Raises `BudgetExceeded` before anything is sent."""
        from glm_magics import _asking

        return _asking.stream(self, request, options=options, label=label)

    def prepared(self, request: ChatRequest, options: Options) -> Traffic:
        """What `stream` would send, without the key; nothing is sent. Raises `BudgetExceeded`."""
        from glm_magics import _asking

        return _asking.prepared(self, request, options)

    def price(self, tier: Tier, usage: Usage) -> Cost | None:
        """What so many tokens cost on this endpoint; None where no price is known."""
        from glm_magics import _asking

        return _asking.price(self, tier, usage)

    def money(self, amount: Decimal) -> Cost:
        """An amount in the currency of this endpoint. Raises `SettingError` where none is known."""
        from glm_magics import _asking

        return _asking.money(self, amount)
