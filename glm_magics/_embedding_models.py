"""Embedding models: what a request may hold and what it costs, from the `embeddings` of `tiers.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from glm_magics._tier import Tier, name_key, unlisted
from glm_magics._tier_rows import tier_from
from glm_magics.errors import RequestError, UnknownTier

__all__ = ["DEFAULT_EMBEDDING", "EmbeddingModel", "embedding_model", "embedding_models"]

DEFAULT_EMBEDDING = "embedding-3"
MOST_TEXTS = 64  # of a request, where no limit is known


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """One model that turns texts into vectors. None, or no dimensions, is a fact that is not known.

    `tier` has its id, prices and requests in flight. `dimensions` are the lengths of a vector on offer, the
    default first; `most_tokens` is for each text, `most_texts` and `most_request_tokens` for a request.
    """

    tier: Tier
    dimensions: tuple[int, ...] = ()
    most_tokens: int | None = None
    most_texts: int = MOST_TEXTS
    most_request_tokens: int | None = None

    @property
    def id(self) -> str:
        return self.tier.id

    def check(self, dimensions: int | None) -> int | None:
        """The length of its vectors when `dimensions` is asked for; None where only the server knows.

        Raises `RequestError` for a length that is not on offer.
        """
        if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
            raise RequestError(f"dimensions={dimensions!r}: expected a whole number above 0.")
        if dimensions is None or not self.dimensions:
            return dimensions or next(iter(self.dimensions), None)
        if dimensions not in self.dimensions:
            offered = ", ".join(map(str, sorted(self.dimensions)))
            raise RequestError(f"dimensions={dimensions}: {self.id} has {offered}.", hint="Nothing was sent.")
        return dimensions


def embedding_models() -> tuple[EmbeddingModel, ...]:
    """The models of the platform."""
    return _shipped()


def embedding_model(name: str | None, *, of_platform: bool) -> EmbeddingModel:
    """The model of this id. A server that is not the platform may have any, of which nothing is known.

    Raises `UnknownTier` for one that the platform has not.
    """
    known = {model.id: model for model in embedding_models()}
    wanted = name_key(name or DEFAULT_EMBEDDING)
    if wanted in known and (of_platform or name is None):
        return known[wanted]
    if of_platform:
        raise UnknownTier(f"{name!r} is no embedding model: there are {', '.join(known)}")
    return EmbeddingModel(unlisted(str(name)))


@cache
def _shipped() -> tuple[EmbeddingModel, ...]:
    table = json.loads(Path(__file__).with_name("tiers.json").read_text(encoding="utf-8"))
    return tuple(map(_model, table["embeddings"]))


def _model(row: Mapping[str, Any]) -> EmbeddingModel:
    own = {"dimensions", "most_tokens", "most_texts", "most_request_tokens"}
    limits = {name: value for name, value in row.items() if name in own}
    limits["dimensions"] = tuple(limits["dimensions"])
    return EmbeddingModel(tier_from({name: row[name] for name in row if name not in own}), **limits)
