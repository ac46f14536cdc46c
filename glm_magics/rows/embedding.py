"""Texts into vectors, on the same engine as rows: many texts in a request, each kept by itself.

A vector travels and is kept as base64 of its 32-bit floats, lowest byte first: 4 bytes a dimension, and a
third more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from glm_magics import _governing
from glm_magics._embedding_models import EmbeddingModel
from glm_magics._stream import Limits
from glm_magics._whole import Connections
from glm_magics._wire_embedding import EMBEDDINGS_PATH, EmbeddingRequest, embeddings, encode
from glm_magics.chat import Completion, Cost, Usage
from glm_magics.errors import GLMError, ParseError
from glm_magics.rows.item import Item
from glm_magics.rows.packing import Record
from glm_magics.rows.work import PackSize, RowsPerRequest, Work
from glm_magics.tokens import ERROR_BAND, ceiling, estimate

if TYPE_CHECKING:
    from array import array

    from glm_magics._session import Session

__all__ = ["EmbeddingAnswers", "EmbeddingPlan", "packed_bytes"]

_SECONDS = 120.0  # of silence


class EmbeddingPlan:
    """Requests for vectors of texts. Raises `RequestError` for a length of vectors that is not on offer."""

    label = "embeddings"

    def __init__(self, session: Session, model: EmbeddingModel, dimensions: int | None = None) -> None:
        _governing.hold(session)
        session.policy.check_listed(model.id)
        self.session = session
        self.model = model
        self.tier = model.tier
        self.dimensions = model.check(dimensions)
        self._price = self.tier.prices.get(session.client.endpoint.currency or "")
        self._hash = hashlib.sha256(self._identity())

    def item(self, number: int, text: str) -> Item:
        """A text to embed."""
        key = self._hash.copy()
        key.update(text.encode("utf-8", "surrogatepass"))
        return Item(number, text, (), key.digest(), estimate(text))

    def work(self, items: Iterable[Item], wanted: RowsPerRequest) -> Work:
        """As many texts in a request as the platform takes. One that may be too long for it goes by itself,
        so that its refusal is its own."""
        most = self.model.most_texts
        size = PackSize(most if wanted == "auto" else wanted, most=most, limit=most)
        return Work(
            items,
            size,
            long_tokens=_safely(self.model.most_tokens),
            most_tokens=_safely(self.model.most_request_tokens),
        )

    def connections(self) -> EmbeddingAnswers:
        """New connections, on the event loop that uses them."""
        client = self.session.client
        return EmbeddingAnswers(self, Connections(client, EMBEDDINGS_PATH, limits=Limits(idle=_SECONDS)))

    def request(self, batch: Sequence[Item], *, bounded: bool = False) -> EmbeddingRequest:
        """The request for these texts."""
        length = self.dimensions if len(self.model.dimensions) != 1 else None  # there is nothing to choose
        return EmbeddingRequest(self.model.id, tuple(item.prompt for item in batch), length)

    def most(self, request: EmbeddingRequest) -> Cost | None:
        """The most that the request can cost; None where no price is known."""
        return self._price.ceiling(ceiling(_tokens(request)), 0) if self._price else None

    def guess(self, request: EmbeddingRequest, rows: int) -> Completion:
        """What a request may have cost whose answer never came."""
        return self.answer(request, Usage(_tokens(request), estimated=True), finish_reason="incomplete")

    def answer(
        self,
        request: EmbeddingRequest,
        usage: Usage,
        vectors: Sequence[str] = (),
        *,
        finish_reason: str = "stop",
        began: float | None = None,
    ) -> Completion:
        """What came of a request; `vectors` are its `value`, in the order of the texts."""
        now = time.time()
        return Completion(
            "",
            finish_reason=finish_reason,
            usage=usage,
            cost=self._price.cost(usage) if self._price else None,
            model=request.model,
            endpoint=self.session.client.endpoint.name,
            started=began or now,
            seconds=now - (began or now),
            value=tuple(vectors),
        )

    def read(self, completion: Completion, batch: Sequence[Item]) -> list[Record | ParseError]:
        """For each text its vector, or what is wrong with the answer."""
        if isinstance(completion.value, ParseError):
            return [completion.value for _ in batch]
        return [Record(vector) for vector in completion.value]

    def _identity(self) -> bytes:
        """All that a vector depends on but for its text. No key is in it."""
        endpoint = self.session.client.endpoint
        about = [
            endpoint.base_url,
            endpoint.address if endpoint.is_demo else "",
            self.model.id,
            self.dimensions,
        ]
        return json.dumps(["embedding", *about]).encode() + b"\0"


class EmbeddingAnswers:
    """The connections of one run over a plan's texts."""

    def __init__(self, plan: EmbeddingPlan, connections: Connections) -> None:
        self._plan = plan
        self._connections = connections

    async def ask(self, request: EmbeddingRequest) -> Completion:
        """The vectors of a request's texts, sent once. Raises a `GLMError`."""
        began = time.time()
        raw, recorded = await self._connections.post(encode(request))
        completion = self._read(raw, request, began)
        return replace(completion, endpoint=recorded) if recorded else completion

    def _read(self, raw: bytes, request: EmbeddingRequest, began: float) -> Completion:
        try:
            found = embeddings(raw, request)
        except ParseError as error:  # it was billed all the same
            usage = Usage(_tokens(request), estimated=True)
            return replace(self._plan.answer(request, usage, began=began), value=error)
        except GLMError as error:
            error.message = self._plan.session.client.redact(error.message)
            error.args = (error.message,)
            raise
        usage = found.usage or Usage(_tokens(request), estimated=True)
        return self._plan.answer(
            request, usage, [packed_bytes(vector) for vector in found.vectors], began=began
        )

    async def close(self) -> None:
        await self._connections.close()


def packed_bytes(vector: array[float]) -> str:
    """The floats as base64, lowest byte first."""
    if sys.byteorder == "big":
        vector = vector[:]
        vector.byteswap()
    return base64.b64encode(vector.tobytes()).decode("ascii")


def _tokens(request: EmbeddingRequest) -> int:
    return sum(map(estimate, request.texts))


def _safely(tokens: int | None) -> float:
    """So many estimated tokens are surely within a limit; without one, any number is."""
    return tokens / (1 + ERROR_BAND) if tokens else float("inf")
