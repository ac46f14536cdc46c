"""Instances of the user's classes read as records, by the names in JSON, a column at a time."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from glm_magics.structured.dtypes import OBJECT, Column, is_arrow
from glm_magics.structured.normal import Node

__all__ = ["Values", "fields_of", "mapping_of", "plain"]

_ATOMS = frozenset((str, int, float, bool, type(None)))
_JSON_LIKE = frozenset(("string", "integer", "number", "boolean"))


class Values:
    """The values of records by path; what lies within an object is looked up once for all of its columns.

    `classes` says that instances may be among the values; without it all of them are plain.
    """

    def __init__(self, records: Sequence[Any], *, classes: bool) -> None:
        self._classes = classes
        self._levels: dict[tuple[str, ...], _Level] = {(): _Level(records, classes=classes)}

    def of(self, column: Column) -> list[Any]:
        """A column's value in each record, None where it is missing."""
        *parent, name = column.path
        found = self._level(tuple(parent)).field(name)
        if not self._classes:
            return found
        kinds = set(map(type, found))
        if is_arrow(column.dtype) or column.dtype == OBJECT:
            if kinds <= _ATOMS or (_lists_of_atoms(column.node) and kinds <= {list, type(None)}):
                return found
            return [plain(value) for value in found]
        if any(issubclass(kind, enum.Enum) for kind in kinds):
            return [value.value if isinstance(value, enum.Enum) else value for value in found]
        return found

    def _level(self, path: tuple[str, ...]) -> _Level:
        if path not in self._levels:
            found = self._level(path[:-1]).field(path[-1])
            self._levels[path] = _Level(found, classes=self._classes)
        return self._levels[path]


class _Level:
    """Records, or the objects within them; some may be missing."""

    def __init__(self, values: Sequence[Any], *, classes: bool) -> None:
        kinds = set(map(type, values))
        self._gaps = type(None) in kinds
        self._read: Any = itemgetter
        self._names: Mapping[str, str] | None = None
        self._values = values
        if classes and not kinds <= {dict, type(None)}:
            self._open(kinds - {type(None)})

    def _open(self, kinds: set[type]) -> None:
        """Makes the fields of instances readable: of one class as they are, of several as mappings."""
        self._names = fields_of(*kinds) if len(kinds) == 1 else None
        if self._names is None:
            self._values = [mapping_of(value) for value in self._values]
        elif all(hasattr(kind, "model_fields") for kind in kinds):  # reading its attributes is slow
            self._values = [None if value is None else value.__dict__ for value in self._values]
        else:
            self._read = attrgetter

    def field(self, name: str) -> list[Any]:
        key = name if self._names is None else self._names.get(name)
        if key is None:
            return [None] * len(self._values)
        read = self._read(key)
        if not self._gaps:
            with suppress(KeyError):
                return list(map(read, self._values))
        if self._read is attrgetter:
            return [None if value is None else read(value) for value in self._values]
        return [None if value is None else value.get(key) for value in self._values]


@lru_cache(maxsize=256)
def fields_of(kind: Any) -> Mapping[str, str] | None:
    """The attributes of a class's instances by their names in JSON; None where each has names of its own."""
    if hasattr(kind, "model_fields"):
        if kind.model_config.get("extra") == "allow":
            return None
        return {_json_name(name, field): name for name, field in kind.model_fields.items()}
    if dataclasses.is_dataclass(kind):
        return {field.name: field.name for field in dataclasses.fields(kind)}
    return {name: name for name in kind._fields} if hasattr(kind, "_fields") else None


def mapping_of(value: Any) -> Any:
    """A record as a mapping by the names it has in JSON; None stays None."""
    if value is None or isinstance(value, dict):
        return value
    kind: Any = type(value)
    fields = fields_of(kind)
    if fields is not None:
        return {name: getattr(value, attribute) for name, attribute in fields.items()}
    if hasattr(value, "model_extra"):
        named = {_json_name(name, field): getattr(value, name) for name, field in kind.model_fields.items()}
        return {**named, **(value.model_extra or {})}
    return dict(value)


def plain(value: Any) -> Any:
    """Plain Python within lists and objects: dicts for instances, values for members of an Enum."""
    kind: Any = type(value)
    if kind in _ATOMS:
        return value
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (list, tuple, set, frozenset)) and not hasattr(kind, "_fields"):
        return [item if type(item) in _ATOMS else plain(item) for item in value]
    if isinstance(value, dict) or hasattr(kind, "model_fields") or fields_of(kind) is not None:
        return {name: plain(part) for name, part in mapping_of(value).items()}
    return value


def _json_name(name: str, field: Any) -> str:
    """What a model's field is called in the JSON that it reads, and in its JSON Schema."""
    alias = field.validation_alias or field.alias
    choices = getattr(alias, "choices", [alias])
    return next((choice for choice in choices if isinstance(choice, str)), name)


def _lists_of_atoms(node: Node) -> bool:
    """Whether the values are lists of what JSON and Python have alike."""
    items = node.get("items") or {}
    return items.get("type") in _JSON_LIKE and "format" not in items
