"""Several rows in one request: the platform limits requests in flight, so this multiplies what gets through.

Each row has an id that it must come back with. Ids begin at 101, so that an answer that counts by itself,
from 0 or 1, matches no row and is not taken for another's. Pure: text in, records out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from glm_magics.errors import ParseError
from glm_magics.structured.normal import resolved
from glm_magics.structured.parse import Parsed, parse
from glm_magics.structured.schema import Schema, schema
from glm_magics.structured.validation import json_text

__all__ = ["Packed", "Record", "mended", "packed_prompt"]

FIRST_ID = 101
_ID_NAMES = ("id", "row_id", "row_number", "glm_row_id")

_HEAD = """\
Do the task below once for each of the {count} rows, each by itself, as if it were the only one.
In the task, {{{{name}}}} stands for the row's value of that name.

Task:
{task}

Rows, one JSON object a line:
{rows}

Answer with one record for each row, with the row's own {id}."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row's record as JSON text; `repaired` says that something in it was mended."""

    value: str
    repaired: bool = False


class Packed:
    """The shape of an answer about several rows: the schema of one row with an id before its fields."""

    def __init__(self, record: Schema, *, columns: Iterable[str]) -> None:
        node = resolved(record.json_schema, record.json_schema.get("$defs", {}))
        taken = {*columns, *node.get("properties", {})}
        self.id = next(name for name in _ID_NAMES if name not in taken)
        self.record = record
        fields = {self.id: {"type": "integer"}, **node["properties"]}
        required = [self.id, *node.get("required", ())]
        rows = {**node, "properties": fields, "required": required}
        defs = record.json_schema.get("$defs")
        self.schema = schema({**rows, "$defs": defs} if defs else rows, shape="rows")

    def read(self, text: str, count: int, *, truncated: bool = False) -> list[Record | ParseError]:
        """For each of the `count` rows its record, or what is wrong with it."""
        quick = self._quickly(text, count)
        if quick is not None:
            return cast("list[Record | ParseError]", quick)
        try:
            parsed = parse(text, truncated=truncated)
        except ParseError as error:
            return [error] * count
        found = self._by_id(parsed)
        return [self._one(found.get(FIRST_ID + at), parsed, text) for at in range(count)]

    def _quickly(self, text: str, count: int) -> list[Record] | None:
        """When all is well: every row once, every record as it should be."""
        if self.record.annotation is not None:
            return None  # the user's class checks each record itself
        try:
            checked = self.schema.validate_json(text)
        except (ValueError, RecursionError):
            return None
        if not checked.ok or checked.notes:
            return None
        found = {row.pop(self.id): row for row in checked.value}
        if len(checked.value) != count or set(found) != set(range(FIRST_ID, FIRST_ID + count)):
            return None
        return [Record(json_text(found[FIRST_ID + at])) for at in range(count)]

    def _by_id(self, parsed: Parsed) -> dict[int, list[dict[str, Any]]]:
        """All records of the answer; a row that is answered twice has two."""
        found: dict[int, list[dict[str, Any]]] = {}
        for record in _records(parsed.value):
            rest = {name: value for name, value in record.items() if name != self.id}
            if rest not in found.setdefault(_number(record.get(self.id)), []):
                found[_number(record.get(self.id))].append(rest)
        return found

    def _one(self, records: list[dict[str, Any]] | None, parsed: Parsed, text: str) -> Record | ParseError:
        if not records:
            return ParseError("The answer leaves this row out.", text=text)
        if len(records) > 1:
            return ParseError("The answer has two different records for this row.", text=text)
        checked = self.record.validate(records[0])
        if checked.ok and not checked.notes:
            return Record(json_text(checked.value), repaired=_changed(parsed))
        try:
            return mended(json.dumps(records[0], ensure_ascii=False, default=str), self.record)
        except ParseError as error:
            error.text = text
            return error


def packed_prompt(task: str, rows: Sequence[Mapping[str, Any]], id: str) -> str:
    """The prompt for several rows: the task with its `{{names}}`, and the values of each row as JSON."""
    lines = (json_text({id: FIRST_ID + at, **row}) for at, row in enumerate(rows))
    return _HEAD.format(count=len(rows), task=task.strip(), rows="\n".join(lines), id=json.dumps(id))


def mended(text: str, record: Schema, *, truncated: bool = False) -> Record:
    """The record in an answer about one row. Raises `ParseError`."""
    parsed = parse(text, record, truncated=truncated)
    if not parsed.complete:
        raise ParseError("The answer is not complete.", text=text)
    return Record(json_text(parsed.value), repaired=_changed(parsed))


def _changed(parsed: Parsed) -> bool:
    """Whether more was done than taking JSON out of what stood around it."""
    return any(note.kind != "unwrapped" for note in parsed.notes)


def _records(value: Any) -> Iterator[dict[str, Any]]:
    """The records in an answer: a list, or an object around one."""
    if isinstance(value, dict):
        lists = [part for part in value.values() if isinstance(part, list)]
        value = lists[0] if len(lists) == 1 and len(value) == 1 else [value]
    for part in value if isinstance(value, list) else ():
        if isinstance(part, dict):
            yield part
        elif isinstance(part, list):
            yield from _records(part)


def _number(id: Any) -> int:
    if isinstance(id, bool):
        return -1
    if isinstance(id, str) and id.strip().isdecimal():
        return int(id)
    return id if isinstance(id, int) else -1
