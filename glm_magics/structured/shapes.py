"""The value that was asked for, out of the value that came: rows, one record, or any other value.

Models wrap (`{"data": {"items": […]}}`), forget the wrapping, send one object for an array, columns for rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glm_magics.structured.coerce import REMARKS, Coercion
from glm_magics.structured.literals import fold
from glm_magics.structured.normal import Node, resolved
from glm_magics.structured.problems import Note, Part, Problem

__all__ = ["Shaper"]

_DEEPEST_WRAP = 4
_MOST_BESIDE = 8


class Shaper:
    """Finds the rows, the record or the value of one schema in a JSON value."""

    def __init__(self, schema: Node, shape: str) -> None:
        self.node = schema
        self.shape = shape
        self.defs: Mapping[str, Node] = schema.get("$defs", {})
        self.record = resolved(schema, self.defs)
        self.properties: Mapping[str, Node] = self.record.get("properties", {})
        self.names = {fold(name) for name in self.properties}

    def shaped(self, value: Any) -> tuple[Any, list[Note], list[Problem]]:
        """The value in shape and in the schema's types, with notes; `problems` say why it does not fit."""
        coercion = Coercion(self.defs, "rows" if self.shape == "rows" else "")
        if self.shape == "rows":
            rows = self.rows(value, coercion)
            done = (
                [self._row(row, at, coercion) for at, row in enumerate(rows)] if rows is not None else value
            )
        elif self.shape == "record":
            done = coercion.value(self.one_record(value, coercion), self.node)
        else:
            done = coercion.value(self.any_value(value, coercion), self.node)
        coercion.mixed_units()
        return done, coercion.notes, coercion.problems

    def related(self, value: Any) -> bool:
        """Does the value look like an attempt at this schema?"""
        if isinstance(value, list):
            return any(self.related(item) for item in value[:20])
        if not isinstance(value, dict):
            return self.shape == "value" and not self.names
        keys = {fold(key) for key in value}
        return bool(keys & (self.names | {"rows", "value"})) or any(
            self.related(item) for item in list(value.values())[:20] if isinstance(item, (dict, list))
        )

    def lacks_nothing(self, record: Mapping[str, Any]) -> bool:
        """Is every property of the schema there, so that a missing bracket cut nothing off?"""
        return bool(self.names) and self.names <= {fold(key) for key in record}

    def _row(self, row: Any, at: int, coercion: Coercion) -> Any:
        loc: tuple[Part, ...] = (at,)
        return coercion.value(row, self.node, loc)

    def rows(self, value: Any, coercion: Coercion, depth: int = 0) -> list[Any] | None:
        value = coercion.unstringed(value, "{" if str(value).lstrip().startswith("{") else "[", ())
        if isinstance(value, list):
            return self._flat(value, coercion)
        if not isinstance(value, dict) or depth > _DEEPEST_WRAP:
            coercion.problem((), "should be an array of records", value)
            return None
        if not value:
            coercion.problem((), "should be an array of records, not an empty object", value)
            return None
        wrapped = self._wrapped(value)
        if wrapped is not None:
            self._note_wrap(value, wrapped, coercion)
            return self.rows(value[wrapped], coercion, depth + 1)
        if any(self._holds_records(value[key]) for key in value if fold(key) not in self.names):
            coercion.problem((), "should be an array of records, not a record that holds others", value)
            return None
        columns = self._columns(value)
        if columns is not None:
            coercion.note("unwrapped", (), "columns were turned into rows")
            return columns
        if not self.names or self.names & {fold(key) for key in value}:
            coercion.note("coerced", (), "one object → an array of it")
            return [value]
        coercion.problem((), "should be an array of records", value)
        return None

    def _flat(self, value: list[Any], coercion: Coercion) -> list[Any]:
        if len(value) == 1 and isinstance(value[0], list):
            coercion.note("unwrapped", (), "an array in an array")
            return value[0]
        if len(value) == 1 and isinstance(value[0], dict):
            wrapped = self._wrapped(value[0])
            if wrapped is not None and isinstance(value[0][wrapped], list):
                self._note_wrap(value[0], wrapped, coercion)
                return list(value[0][wrapped])
        head = value[0] if value else None
        if not isinstance(head, list) or not self.names or self.names != {fold(str(cell)) for cell in head}:
            return value
        if not all(isinstance(row, list) and len(row) == len(head) for row in value):
            return value
        coercion.note("unwrapped", (), "a header and arrays were turned into records")
        return [dict(zip(map(str, head), row, strict=True)) for row in value[1:]]

    def _wrapped(self, value: dict[str, Any]) -> str | None:
        """The key under which the records are: "rows", or the only one whose value holds records."""
        keys = [key for key in value if fold(key) not in self.names]
        named = [key for key in keys if fold(key) == "rows" and isinstance(value[key], (list, dict, str))]
        if named and not (self.names & {fold(key) for key in value}):
            return named[0]
        lists = [key for key in keys if self._holds_records(value[key])]
        if len(lists) == 1 and (len(keys) == len(value) or not self._required_in(value)):
            return lists[0]
        if len(value) == 1 and keys and isinstance(value[keys[0]], (dict, list)) and len(value[keys[0]]) == 0:
            return keys[0] if isinstance(value[keys[0]], list) else None
        return None

    def _holds_records(self, value: Any, depth: int = 0) -> bool:
        bracket = value.lstrip()[:1] if isinstance(value, str) else ""
        if bracket in ("[", "{"):
            value = Coercion(self.defs).unstringed(value, bracket, ())
        if isinstance(value, dict):
            return bool(self.names & {fold(key) for key in value}) or (
                depth < _DEEPEST_WRAP
                and any(
                    isinstance(item, list) or len(value) <= _MOST_BESIDE
                    for item in value.values()
                    if self._holds_records(item, depth + 1)
                )
            )
        return (
            isinstance(value, list)
            and bool(value)
            and any(isinstance(item, dict) and (not self.names or self.related(item)) for item in value)
        )

    def _required_in(self, value: dict[str, Any]) -> bool:
        return {fold(name) for name in self.record.get("required", self.properties)} <= {
            fold(key) for key in value
        }

    def _columns(self, value: dict[str, Any]) -> list[dict[str, Any]] | None:
        """`{"name": ["a", "b"], "price": [1, 2]}`, where no field is itself an array."""
        arrays = any("array" in str(node) or not node for node in self.properties.values())
        lists = list(value.values())
        if (
            arrays
            or not all(isinstance(item, list) for item in lists)
            or len({len(item) for item in lists}) != 1
        ):
            return None
        if len(value) < 2 or {fold(key) for key in value} != self.names:
            return None
        return [dict(zip(value, row, strict=True)) for row in zip(*lists, strict=True)]

    def one_record(self, value: Any, coercion: Coercion, depth: int = 0) -> Any:
        value = coercion.unstringed(value, "{" if str(value).lstrip().startswith("{") else "[", ())
        if isinstance(value, list) and len(value) == 1:
            coercion.note("unwrapped", (), "an array of one record")
            return self.one_record(value[0], coercion, depth + 1)
        if not isinstance(value, dict) or not self.names or self.names & {fold(key) for key in value}:
            return value
        inner = [key for key, item in value.items() if self._holds_one(item)]
        if len(inner) == 1 and depth < _DEEPEST_WRAP:
            self._note_wrap(value, inner[0], coercion)
            return self.one_record(value[inner[0]], coercion, depth + 1)
        return value

    def _holds_one(self, value: Any, depth: int = 0) -> bool:
        if isinstance(value, str):
            return value.lstrip().startswith("{")
        if isinstance(value, list):
            return len(value) == 1 and self._holds_one(value[0], depth + 1)
        return (
            isinstance(value, dict)
            and depth < _DEEPEST_WRAP
            and (
                bool(self.names & {fold(key) for key in value})
                or any(
                    self._holds_one(item, depth + 1)
                    for item in value.values()
                    if isinstance(item, (dict, list))
                )
            )
        )

    def any_value(self, value: Any, coercion: Coercion) -> Any:
        """The value itself, under "value" or the one key that is not a remark about it."""
        if not isinstance(value, dict) or self.properties:
            return value
        scalar = self.record.get("type") != "object"
        keys = [key for key in value if not (scalar and len(value) > 1 and fold(key) in REMARKS)]
        key = "value" if scalar and "value" in value else keys[0] if len(keys) == 1 else None
        if key is None or (fold(key) != "value" and not scalar):
            return value
        self._note_wrap(value, key, coercion)
        return value[key]

    def _note_wrap(self, value: Mapping[str, Any], key: str, coercion: Coercion) -> None:
        if fold(key) not in ("rows", "value"):
            coercion.note("unwrapped", (), f"taken out of {key!r}")
        for other in value:
            if other != key:
                coercion.note("dropped", (), f"{other!r} beside the records: {str(value[other])[:60]}")
