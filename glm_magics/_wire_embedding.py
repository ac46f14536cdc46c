"""The JSON of embeddings, both ways; the rest of the wire is in `_wire`.

Facts: docs.bigmodel.cn, API reference, text embedding (read 2026-11).
"""

from __future__ import annotations

import json
import math
from array import array
from dataclasses import dataclass
from typing import Any

from glm_magics import _wire
from glm_magics.chat import Usage
from glm_magics.errors import ParseError, ProtocolError
from glm_magics.retry import error_for

__all__ = ["EMBEDDINGS_PATH", "EmbeddingRequest", "Embeddings", "embeddings", "encode"]

EMBEDDINGS_PATH = "/embeddings"


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts to turn into vectors. `dimensions` of None leaves the length of a vector to the server."""

    model: str
    texts: tuple[str, ...]
    dimensions: int | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The vectors of a request's texts, in their order, as 32-bit floats; `usage` is None where none came."""

    vectors: tuple[array[float], ...]
    usage: Usage | None
    model: str = ""


def encode(request: EmbeddingRequest) -> bytes:
    """The body of a request."""
    body: dict[str, Any] = {"model": request.model, "input": list(request.texts)}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def embeddings(raw: bytes, request: EmbeddingRequest) -> Embeddings:
    """What a server answered to `request`.

    Raises the `GLMError` of a refusal that came as a success, `ProtocolError` for what is no such answer, and
    `ParseError` for one that does not fit the request: without a vector for a text, or one of another length.
    """
    try:
        body = json.loads(raw)
        failure = _wire.failure(body)
        if failure is not None:
            raise error_for(failure.code, None, failure.message, request_id=failure.request_id)
        rows = [(row["index"], row["embedding"]) for row in body["data"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProtocolError("The server's answer holds no embeddings.") from None
    found = {index: values for index, values in rows if type(index) is int}
    if len(rows) != len(request.texts) or set(found) != set(range(len(request.texts))):
        raise ParseError(f"The answer has {len(rows)} vectors for {len(request.texts)} texts.")
    vectors = tuple(_vector(found[index]) for index in range(len(rows)))
    lengths = {len(vector) for vector in vectors}
    if len(lengths) != 1 or 0 in lengths or (request.dimensions and lengths != {request.dimensions}):
        raise ParseError(f"The vectors have {sorted(lengths)} dimensions, not {request.dimensions or 'one'}.")
    return Embeddings(vectors, _wire.usage(body), str(body.get("model") or ""))


def _vector(values: Any) -> array[float]:
    try:
        vector = array("f", values if isinstance(values, list) else ())
    except (TypeError, OverflowError):
        vector = array("f", [math.nan])
    if not all(map(math.isfinite, vector)):
        raise ParseError("The answer has a vector that is not made of finite numbers.")
    return vector
