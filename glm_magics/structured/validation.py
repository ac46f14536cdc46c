"""One value against one validator: what fits, what does not and where, and what was settled without loss.

Two things are settled and noted, since neither changes what the answer says: `3.0` where a whole number
stands, and a key that nobody asked for, which is left out (unless the schema itself forbids or allows
others).
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pydantic
from pydantic_core import ErrorDetails, ValidationError

from glm_magics.structured.normal import Node, resolved, without_null
from glm_magics.structured.problems import MISSING, Note, Part, Problem, Validated, path_text

__all__ = ["NotJson", "json_text", "node_at", "validated"]

Place = tuple[Part, ...]

_ROUNDS = 3
_EXACT_INTEGERS = 2**53
_WORDING = {
    "missing": MISSING,
    "extra_forbidden": "is not a field of the schema",
    "float_type": "should be a number",
    "int_type": "should be a whole number",
    "bool_type": "should be true or false",
    "string_type": "should be text",
    "dict_type": "should be an object",
    "model_type": "should be an object",
    "dataclass_type": "should be an object",
    "list_type": "should be a list",
    "none_required": "should be null",
}


class NotJson(ValueError):
    """NaN or infinity, which JSON cannot say, at `place`."""

    def __init__(self, place: Place, value: float) -> None:
        super().__init__(f"{path_text('', place) or 'the value'}: {value!r} is not JSON")
        self.place = place
        self.value = value


def validated(
    value: Any, *, run: Callable[[Any], Any], schema: Node, root: str, drop_extra: bool
) -> Validated:
    """`value` through the validator `run`. `schema` is its JSON Schema, `root` what paths begin with."""
    notes: list[Note] = []
    current = value
    errors: list[ErrorDetails] = []
    for _ in range(_ROUNDS):
        try:
            return Validated(run(current), notes=tuple(notes))
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False)
        except NotJson as error:
            problem = Problem(
                path_text(root, error.place), "should be a finite number", error.value, error.place
            )
            return Validated(value, errors=(problem,))
        changes = _harmless(current, errors, schema, drop_extra=drop_extra)
        if not changes:
            break
        notes += [_noted(current, place, root) for place in changes]
        current = _changed(current, changes)
    return Validated(value, errors=tuple(_problems(current, errors, root)))


def node_at(schema: Node, place: Sequence[Part]) -> Node | None:
    """The schema of the value at `place`, null aside; None where it is open or depends on the value."""
    defs = schema.get("$defs", {})
    node = _plain(schema, defs)
    for part in place:
        if isinstance(part, int):
            inner = node.get("items")
        else:
            inner = node.get("properties", {}).get(part, node.get("additionalProperties"))
        if not isinstance(inner, dict):
            return None
        node = _plain(inner, defs)
    return node


def json_text(value: Any) -> str:
    """Compact JSON; dates, decimals, enums, models as JSON spells them. NaN and infinity raise `NotJson`."""
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_jsonable
        )
    except ValueError:
        for place, number in _infinities(value, ()):
            raise NotJson(place, number) from None
        raise


def _plain(node: Node, defs: dict[str, Node]) -> Node:
    return resolved(without_null(resolved(node, defs))[0], defs)


def _infinities(value: Any, place: Place) -> Iterator[tuple[Place, float]]:
    if isinstance(value, float) and not math.isfinite(value):
        yield place, value
    parts: Any = value.items() if isinstance(value, dict) else ()
    for key, part in enumerate(value) if isinstance(value, (list, tuple)) else parts:
        yield from _infinities(part, (*place, key))


# Settling


def _harmless(value: Any, errors: Sequence[ErrorDetails], schema: Node, *, drop_extra: bool) -> list[Place]:
    places = []
    for error in errors:
        place = _place(value, error)
        if error["type"] == "int_type" and _whole(error["input"]):
            places.append(place)
        elif error["type"] == "extra_forbidden" and drop_extra:
            parent = node_at(schema, place[:-1])
            if parent is not None and "anyOf" not in parent and "additionalProperties" not in parent:
                places.append(place)
    return places


def _whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_INTEGERS


def _noted(value: Any, place: Place, root: str) -> Note:
    found = _at(value, place)
    if isinstance(found, float) and math.isfinite(found):
        return Note("number", path_text(root, place), f"{found!r} was read as {int(found)}")
    return Note("extra", path_text(root, place), "left out: the schema has no such field")


def _at(value: Any, place: Place) -> Any:
    for part in place:
        value = value[part]
    return value


def _changed(value: Any, places: Sequence[Place]) -> Any:
    """A copy of `value` with the floats at `places` as whole numbers and anything else there removed."""
    if not isinstance(value, (list, dict)):
        return int(value)
    copy: Any = value.copy()
    copied = {id(copy)}
    for place in places:
        node: Any = copy
        for part in place[:-1]:
            child = node[part]
            if id(child) not in copied:
                child = node[part] = child.copy()
                copied.add(id(child))
            node = child
        if isinstance(node[place[-1]], float):
            node[place[-1]] = int(node[place[-1]])
        else:
            del node[place[-1]]
    return copy


# Problems


def _problems(value: Any, errors: Sequence[ErrorDetails], root: str) -> Iterator[Problem]:
    """One for each place: what a union says for every branch is joined."""
    places: dict[Place, list[ErrorDetails]] = {}
    for error in errors:
        places.setdefault(_place(value, error), []).append(error)
    for place, found in places.items():
        messages = list(dict.fromkeys(_message(error) for error in found))
        message = messages[0] if len(messages) == 1 else " or ".join(messages[:4])
        got = None if found[0]["type"] == "missing" else found[0]["input"]
        yield Problem(path_text(root, place), message, got, place)


def _message(error: ErrorDetails) -> str:
    message = _WORDING.get(error["type"], error["msg"])
    message = message.removeprefix("Input ").removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _place(value: Any, error: ErrorDetails) -> Place:
    """Where in `value` the error is. An error's own location also names validators and branches of unions."""
    place: list[Part] = []
    for part in error["loc"]:
        if _leads_on(value, part):
            value = value[part]
        elif not (error["type"] == "missing" and part == error["loc"][-1]):
            continue
        place.append(part)
    return tuple(place)


def _leads_on(value: Any, part: Part) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, (list, tuple)) and isinstance(part, int) and part < len(value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return _iso_duration(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _iso_duration(value: datetime.timedelta) -> str:
    sign = "-" if value < datetime.timedelta(0) else ""
    value = abs(value)
    seconds = f"{value.seconds}.{value.microseconds:06d}" if value.microseconds else str(value.seconds)
    return f"{sign}P{value.days}DT{seconds}S"
