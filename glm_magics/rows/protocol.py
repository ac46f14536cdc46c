"""What the engine needs to know of a plan: requests for rows, and answers read back, of whatever kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from glm_magics._tier import Tier
from glm_magics.chat import Completion, Cost
from glm_magics.errors import ParseError
from glm_magics.rows.item import Item
from glm_magics.rows.packing import Record
from glm_magics.rows.work import RowsPerRequest, Work

if TYPE_CHECKING:
    from glm_magics._session import Session

__all__ = ["Asking", "RowPlan"]


class Asking(Protocol):
    """The connections of one run."""

    async def ask(self, request: Any) -> Completion: ...

    async def close(self) -> None: ...


class RowPlan(Protocol):
    """`rows.plan.Plan` asks in a chat, `rows.embedding.EmbeddingPlan` for vectors."""

    session: Session
    tier: Tier
    label: str

    def work(self, items: Iterable[Item], wanted: RowsPerRequest) -> Work: ...

    def connections(self) -> Asking: ...

    def request(self, batch: Sequence[Item], *, bounded: bool = False) -> Any: ...

    def most(self, request: Any) -> Cost | None: ...

    def guess(self, request: Any, rows: int) -> Completion: ...

    def read(self, completion: Completion, batch: Sequence[Item]) -> list[Record | ParseError]: ...
