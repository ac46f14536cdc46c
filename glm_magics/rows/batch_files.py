"""The files of a batch job: one line for each row that is asked, written as a stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from glm_magics import _wire_batch as wire
from glm_magics.chat import Cost
from glm_magics.rows.batch_reading import custom_id
from glm_magics.rows.item import Item
from glm_magics.rows.journal import Journal, Part
from glm_magics.rows.splitting import FileLimits, Splitter

if TYPE_CHECKING:
    from glm_magics.rows.plan import Plan

__all__ = ["half", "input_file", "remove_files", "write_files"]

_AT_ONCE = 1_000  # rows in one transaction


def half(cost: Cost) -> Cost:
    """What a batch costs where one by one the same requests cost `cost`."""
    return replace(cost, amount=cost.amount * wire.PRICE_SHARE)


def input_file(folder: Path, id: str, part: int) -> Path:
    return folder / f"{id}-{part}.jsonl"


def write_files(
    plan: Plan,
    items: Iterable[Item],
    journal: Journal,
    id: str,
    folder: Path,
    *,
    limits: FileLimits,
    bounded: bool,
) -> list[Part]:
    """Write the requests, in as many files as the limits want, and note which row is in which. `bounded`
    limits the answers where the user set no limit.

    Raises `RequestError` for a request that is too long, and `OSError`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    splitter = Splitter(limits)
    parts: list[Part] = []
    file: _File | None = None
    waiting = iter(items)
    try:
        while some := list(islice(waiting, _AT_ONCE)):
            places: dict[int, list[bytes]] = {}
            for item in some:
                request = plan.request([item], bounded=bounded)
                line = wire.line(custom_id(item.key), request)
                number = splitter.place(len(line))
                if file is None or file.number != number:
                    parts += [file.close()] if file else []
                    file = _File(input_file(folder, id, number), number)
                file.add(line, item.key, plan.most(request))
                places.setdefault(number, []).append(item.key)
            for number, keys in places.items():
                journal.add_rows(id, number, keys)
        parts += [file.close()] if file else []
    finally:
        if file is not None:
            file.stream.close()
    return parts


def remove_files(folder: Path, id: str, numbers: Sequence[int]) -> None:
    for number in numbers:
        input_file(folder, id, number).unlink(missing_ok=True)


class _File:
    """A file that is being written."""

    def __init__(self, path: Path, number: int) -> None:
        self.number = number
        self.stream = path.open("wb")
        path.chmod(0o600)
        self._digest = hashlib.sha256()
        self._requests = 0
        self._most: Decimal | None = Decimal(0)
        self._currency = ""

    def add(self, line: bytes, key: bytes, most: Cost | None) -> None:
        self.stream.write(line)
        self._digest.update(key)
        self._requests += 1
        if most is None or self._most is None:
            self._most = None
        else:
            self._most += half(most).amount
            self._currency = most.currency

    def close(self) -> Part:
        self.stream.close()
        most = None if self._most is None else str(self._most)
        digest = self._digest.hexdigest()[:16]
        return Part(self.number, self._requests, digest, most=most, currency=self._currency)
