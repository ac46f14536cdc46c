"""What of a session goes along when rows are asked in another process: all that is not secret.

Where to ask, with which tier and defaults, and behind which walls. The key stays: it is read again from the
environment over there.
"""

from __future__ import annotations

import socket
import tempfile
import uuid
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from glm_magics import _connect
from glm_magics._session import Session
from glm_magics._tiers import add_tier, tiers
from glm_magics.chat import Cost
from glm_magics.errors import GLMError, SettingError
from glm_magics.ledger import Ledger
from glm_magics.shared_budget import SharedBudget

if TYPE_CHECKING:
    from glm_magics._options import Options
    from glm_magics._policy import Policy
    from glm_magics._tier import Tier
    from glm_magics._wire import Dialect
    from glm_magics.client import Client

__all__ = ["Address", "Elsewhere", "Wall"]

_BUDGETS = "budgets.sqlite"


@dataclass(frozen=True, slots=True)
class Address:
    """An endpoint without its key. `is_real` is False for what this process alone has: its
    transport, or a cassette that is in."""

    name: str
    base_url: str
    typed: str
    currency: str | None
    dialect: Dialect
    level: str | None
    has_key: bool
    is_demo: bool
    is_real: bool

    @classmethod
    def of(cls, client: Client) -> Address:
        endpoint = client.endpoint
        return cls(
            name=endpoint.name,
            base_url=endpoint.base_url,
            typed=endpoint.address,
            currency=endpoint.currency,
            dialect=endpoint.dialect,
            level=endpoint.level,
            has_key=endpoint.key is not None,
            is_demo=endpoint.is_demo,
            is_real=(client.uses_network or endpoint.is_demo) and not client.is_taped,
        )

    def connect(self) -> Client:
        """A client of this process, with the key of its environment. Raises `SettingError`."""
        if not self.is_real:
            raise SettingError("This connection is one of the notebook's own process; workers cannot use it.")
        try:
            client = _connect.connect(
                self.typed if self.is_demo else self.base_url,
                currency=self.currency,
                level=self.level,
                dialect=self.dialect,
            )
        except SettingError:
            client = None
        if client is None or (self.has_key and client.endpoint.key is None):
            variable = _connect.variable_of(self.base_url)
            raise SettingError(
                f"This worker has no key for {self.name}: a key is never sent along with the work.",
                hint=f"Set {variable} in the environment that the workers start from (a local cluster takes "
                "over the notebook's), or register distributed's `Environ` plugin for those that run.",
            )
        return client


@dataclass(frozen=True, slots=True)
class Wall:
    """A budget in a file, for the processes of one machine: `host`. SQLite's locks, which make it hold, are
    not to be relied on across a network.
    """

    file: Path
    name: str
    host: str

    @classmethod
    def of(cls, shared: SharedBudget) -> Wall:
        return cls(shared.file, shared.name, socket.gethostname())

    @classmethod
    def new(cls, limit: Cost) -> Wall:
        """A budget of its own, kept beside the answers, or where no home can be written."""
        name = uuid.uuid4().hex
        folder = _connect.cache_folder()
        if folder is not None:
            with suppress(SettingError):
                return cls.of(SharedBudget(folder / _BUDGETS, name, limit=limit))
        folder = Path(tempfile.mkdtemp(prefix="glm-magics-"))
        return cls.of(SharedBudget(folder / _BUDGETS, name, limit=limit))

    def open(self) -> SharedBudget:
        """The budget. Raises `SettingError` on another machine, where it would not hold."""
        if socket.gethostname() != self.host:
            raise SettingError(
                f"The budget is kept on {self.host}, and this worker runs on another machine.",
                hint="A budget holds for the workers of one machine. Give each machine a part of the rows "
                "and of the money.",
            )
        return _opened(self.file, self.name)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A session as it was when the work was described, to be had again in any process.

    `wall` is the budget of the work itself, `shared` the file that the session spends from; `walled` says
    that the session has a budget which only its own process keeps.
    """

    address: Address
    defaults: Options
    policy: Policy
    tier: Tier
    wall: Wall | None
    shared: Wall | None
    walled: bool

    @classmethod
    def of(cls, session: Session, tier: Tier, budget: Decimal | None) -> Elsewhere:
        limits = [amount for amount in (budget, session.cell_budget) if amount is not None]
        shared = session.ledger.shared
        return cls(
            address=Address.of(session.client),
            defaults=session.defaults,
            policy=session.policy.without_money(),
            tier=tier,
            wall=Wall.new(session.money(min(limits))) if limits else None,
            shared=Wall.of(shared) if shared is not None else None,
            walled=session.ledger.budget is not None,
        )

    def at_home(self, client: Client, ledger: Ledger) -> Session:
        """The session in the process that described it: its client and its ledger are there."""
        return self._session(client, ledger)

    def away(self) -> Session:
        """The session in any other process. Raises `SettingError` where it cannot be had there."""
        if self.walled:
            raise SettingError(
                "This session has a budget that only its own process keeps; workers would spend past it.",
                hint="`glm.budget(AMOUNT, shared=FILE)` makes one that they share, and "
                "`budget=AMOUNT` one for this work.",
            )
        if tiers().get(self.tier.id) != self.tier:
            add_tier(self.tier)
        shared = self.shared.open() if self.shared is not None else None
        return self._session(self.address.connect(), Ledger(shared=shared))

    def _session(self, client: Client, ledger: Ledger) -> Session:
        session = Session(client, self.defaults, policy=self.policy)
        wall = self.wall.open() if self.wall is not None else None
        session.ledger = Ledger(shared=wall, parent=ledger)
        return session


@lru_cache(maxsize=32)
def _opened(file: Path, name: str) -> SharedBudget:
    try:
        return SharedBudget(file, name)
    except GLMError as error:
        reason = error.message
    raise SettingError(f"The budget of this work cannot be reached: {reason}")
