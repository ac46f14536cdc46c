"""The lines of a batch's result files, in any order: what they say of rows, by the row's own id."""

from __future__ import annotations

import base64
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glm_magics import _asking
from glm_magics import _wire_batch as wire
from glm_magics.chat import Completion, Usage
from glm_magics.errors import ContentRefused, GLMError, ParseError, ProtocolError
from glm_magics.retry import error_for
from glm_magics.rows.cache import Stored
from glm_magics.rows.item import Item, Status
from glm_magics.rows.journal import RowNote
from glm_magics.rows.packing import Record
from glm_magics.tokens import estimate

if TYPE_CHECKING:
    from glm_magics.rows.plan import Plan

__all__ = ["Read", "custom_id", "key_of", "read_lines"]


def custom_id(key: bytes) -> str:
    """The id of a row's line: its key, in 43 letters that are safe everywhere."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def key_of(custom_id: str) -> bytes | None:
    """The key in a row's id; None for an id that is not one."""
    try:
        return base64.b64decode(custom_id + "=" * (-len(custom_id) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Read:
    """What a line says of a row: the answer worth keeping, if there is one, and what it used."""

    note: RowNote
    stored: Stored | None = None
    usage: Usage | None = None


def read_lines(plan: Plan, path: Path, keys: Collection[bytes]) -> Iterator[Read]:
    """The lines of a file that are about one of `keys`, one at a time; lines that cannot be read, and of rows
    that were not asked, are passed over."""
    with path.open("rb") as lines:
        for raw in lines:
            try:
                answer = wire.answer(raw.decode("utf-8", "replace"))
            except ProtocolError:
                continue
            key = key_of(answer.custom_id)
            if key is not None and key in keys:
                yield _read(plan, key, answer)


def _read(plan: Plan, key: bytes, answer: wire.BatchAnswer) -> Read:
    try:
        if answer.failure is not None:
            raise error_for(answer.failure.code, answer.status, answer.failure.message)
        completion = _completion(plan, answer.body)
    except GLMError as error:
        failed: Status = "refused" if isinstance(error, ContentRefused) else "error"
        text = plan.session.client.redact(str(error))
        return Read(RowNote(key, failed, text))
    (record,) = plan.read(completion, [Item(0, "", (), key)])
    if isinstance(record, Record):
        status: Status = "repaired" if record.repaired else "ok"
        raw = completion.text if record.repaired else ""
        return Read(RowNote(key, status, raw=raw), Stored(record.value, status, 1), completion.usage)
    return Read(RowNote(key, "invalid", _why(record), completion.text), usage=completion.usage)


def _completion(plan: Plan, body: bytes) -> Completion:
    decoder = _asking.decoder_for(plan.tier)
    decoder.feed(body)
    decoder.close()
    written = estimate("".join(decoder.text)) if decoder.usage is None else 0
    usage = decoder.usage or Usage(0, 0, written, estimated=True)
    return decoder.completion(usage, finish_reason=decoder.finish_reason or "incomplete", started=time.time())


def _why(error: ParseError) -> str:
    problems = "; ".join(str(problem) for problem in error.problems[:3])
    return f"{error.message} {problems}".strip()
