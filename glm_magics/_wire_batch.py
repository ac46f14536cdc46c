"""The JSON of the platform's batches, both ways; the rest of the wire is in `_wire`.

Facts: docs.bigmodel.cn, batch (read 2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from glm_magics import _wire
from glm_magics.chat import ChatRequest
from glm_magics.errors import ProtocolError

__all__ = [
    "BATCHES_PATH",
    "FILES_PATH",
    "MOST_BYTES",
    "MOST_REQUESTS",
    "PRICE_SHARE",
    "Batch",
    "BatchAnswer",
    "answer",
    "batch",
    "batches",
    "creation",
    "file_id",
    "line",
]

FILES_PATH = "/files"
BATCHES_PATH = "/batches"
MOST_REQUESTS, MOST_BYTES = 50_000, 100_000_000  # in a file
PRICE_SHARE = Decimal("0.5")  # of what the same request costs outside a batch
_ENDPOINT = "/v4/chat/completions"

_OVER = frozenset(("failed", "completed", "expired", "cancelled"))


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the platform last told of it. `total`, `completed` and `failed` count requests.

    Answers are in the file `output_file_id`, refusals in `error_file_id`; `problems` say why it failed whole.
    """

    id: str
    status: str
    total: int = 0
    completed: int = 0
    failed: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Whether it will not change any more."""
        return self.status in _OVER


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """One line of a result file: the chat answer's own JSON, or why there is none."""

    custom_id: str
    status: int
    body: bytes
    failure: _wire.Failure | None = None


def line(custom_id: str, request: ChatRequest) -> bytes:
    """One request as a line of an input file."""
    body = _wire.encode_request(request)
    body.pop("stream", None)
    asked = {"custom_id": custom_id, "method": "POST", "url": _ENDPOINT, "body": body}
    text = json.dumps(asked, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def creation(input_file_id: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The body that begins a batch; its input file is kept, to be looked at if something fails."""
    return {
        "input_file_id": input_file_id,
        "endpoint": _ENDPOINT,
        "auto_delete_input_file": False,
        "metadata": dict(metadata),
    }


def file_id(body: Any) -> str:
    """The id of an uploaded file. Raises `ProtocolError` when the answer has none."""
    return _id(body, "file")


def batch(body: Any) -> Batch:
    """What the platform tells of a batch. Raises `ProtocolError` when that is no batch."""
    id = _id(body, "batch")
    counts = body.get("request_counts")
    counts = counts if isinstance(counts, dict) else body  # one of the documents has them flat
    errors = body.get("errors")
    rows = errors.get("data") if isinstance(errors, dict) else None
    metadata = body.get("metadata")
    return Batch(
        id=id,
        status=str(body.get("status", "")),
        total=_count(counts, "total"),
        completed=_count(counts, "completed"),
        failed=_count(counts, "failed"),
        output_file_id=body.get("output_file_id") or None,
        error_file_id=body.get("error_file_id") or None,
        metadata=metadata if isinstance(metadata, dict) else {},
        problems=tuple(_problem(row) for row in rows or () if isinstance(row, dict)),
    )


def batches(body: Any) -> tuple[tuple[Batch, ...], bool]:
    """One page of a list of batches, and whether more follow."""
    rows = body.get("data") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise ProtocolError("The list of batches has no `data`.")
    return tuple(batch(row) for row in rows), bool(body.get("has_more"))


def answer(raw: str) -> BatchAnswer:
    """One line of a result file. Raises `ProtocolError` for a line that is none."""
    try:
        row = json.loads(raw)
        custom_id, response = row["custom_id"], row["response"]
        status, body = int(response["status_code"]), response["body"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProtocolError(f"A line of the result file cannot be read: {raw[:100]!r}") from None
    failure = _wire.failure(body) if status >= 300 else None
    if status >= 300 and failure is None:
        failure = _wire.Failure(f"HTTP {status}")
    return BatchAnswer(str(custom_id), status, json.dumps(body, ensure_ascii=True).encode(), failure)


def _id(body: Any, what: str) -> str:
    id = body.get("id") if isinstance(body, dict) else None
    if not isinstance(id, str) or not id:
        raise ProtocolError(f"The server's answer names no {what}.")
    return id


def _problem(row: Mapping[str, Any]) -> str:
    line = f"line {row['line']}: " if row.get("line") else ""
    return f"{line}{row.get('message') or row.get('code') or 'unknown'}"


def _count(counts: Mapping[str, Any], name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) and value > 0 else 0
