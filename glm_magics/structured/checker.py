"""A JSON Schema in normal form as a strict validator: the same one for every spelling that is not a class.

Strict means that no value changes its meaning: text is not read as a number, nor a number as text, time or
truth. What JSON has no type for is read from its one ISO 8601 spelling; a decimal number, from a number or
from text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator
from pydantic_core import SchemaError as CoreSchemaError
from pydantic_core import core_schema as cs

from glm_magics.structured.exact import ExactFloat
from glm_magics.structured.normal import Node, without_null
from glm_magics.structured.problems import SchemaError

__all__ = ["Checker", "checker"]

_CLOCK = r"\d\d:\d\d(:\d\d(\.\d{1,9})?)?"
_ZONE = r"([Zz]|[+-]\d\d:?\d\d)?"
_DAY = r"\d{4}-\d\d-\d\d"
_AMOUNT = r"\d+(\.\d+)?"
_PERIOD = rf"({_AMOUNT}W|{_AMOUNT}D(T.+)?|T.+)"
# The patterns are narrower than the parsers behind them, which also take "1700000000" for a moment in 2023
# and "P1M" for thirty days.
_FORMATS: dict[str, tuple[str, CoreSchema, str]] = {
    "date": (rf"^{_DAY}$", cs.date_schema(), "a date such as 2026-01-31"),
    "date-time": (
        rf"^{_DAY}[Tt ]{_CLOCK}{_ZONE}$",
        cs.datetime_schema(microseconds_precision="truncate"),
        "a date and time such as 2026-01-31T09:30:00Z",
    ),
    "time": (rf"^{_CLOCK}{_ZONE}$", cs.time_schema(), "a time such as 09:30:00"),
    "duration": (
        rf"^[-+]?P{_PERIOD}$",
        cs.timedelta_schema(),
        "a duration in weeks, days, hours, minutes, seconds, such as P1DT2H30M",
    ),
}
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_DECIMAL = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,4})?\Z", re.ASCII)
_BOUNDS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}


class Checker(Protocol):
    """What pydantic's `TypeAdapter` and `SchemaValidator` have in common."""

    def validate_json(self, data: str | bytes, /, *, strict: bool | None = None) -> Any: ...

    def validate_python(self, value: Any, /) -> Any: ...


def checker(schema: Node) -> SchemaValidator:
    """The validator of one value of `schema`. Raises `SchemaError` for a schema that cannot be one."""
    defs: Mapping[str, Node] = schema.get("$defs", {})
    try:
        node = _core({key: value for key, value in schema.items() if key != "$defs"})
        if defs:
            node = cs.definitions_schema(node, [{**_core(part), "ref": name} for name, part in defs.items()])
        return SchemaValidator(node)
    except CoreSchemaError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise SchemaError(f"the schema cannot be checked against: {lines[-1]}") from None


def _core(node: Node) -> CoreSchema:
    if "$ref" in node:
        return cs.definition_reference_schema(str(node["$ref"]).rpartition("/")[2])
    if "anyOf" in node:
        return _union(node)
    if "enum" in node:
        return _labels(node["enum"])
    kind = node.get("type")
    return _KINDS[kind](node) if kind else cs.no_info_plain_validator_function(_anything)


def _union(node: Node) -> CoreSchema:
    rest, optional = without_null(node)
    parts = rest.get("anyOf", [rest])
    if len(parts) == 1:
        inner = _core(parts[0])
    else:
        # In the order of the schema; objects by how many fields fit: one may be a part of another.
        objects = sum("$ref" in part or part.get("type") == "object" for part in parts)
        inner = cs.union_schema(
            [_core(part) for part in parts], mode="smart" if objects > 1 else "left_to_right"
        )
    return cs.nullable_schema(inner) if optional else inner


def _labels(labels: Sequence[Any]) -> CoreSchema:
    """Labels of one type at a time: Python's 1 equals True and 1.0, JSON's does not."""
    guards: dict[type, CoreSchema] = {
        bool: cs.bool_schema(strict=True),
        int: cs.int_schema(strict=True),
        float: cs.float_schema(strict=True),
    }
    groups: dict[type, list[Any]] = {}
    for label in labels:
        groups.setdefault(type(label), []).append(label)
    parts: list[CoreSchema] = [
        cs.chain_schema([guards[kind], cs.literal_schema(group)])
        if kind in guards
        else cs.literal_schema(group)
        for kind, group in groups.items()
    ]
    if len(parts) == 1 and not guards.keys() & groups.keys():
        return parts[0]
    expected = " or ".join(repr(label) for label in labels)
    return _saying(
        parts[0] if len(parts) == 1 else cs.union_schema([*parts]), "label", f"should be {expected}"
    )


def _string(node: Node) -> CoreSchema:
    form = node.get("format")
    if form == "decimal":
        bounds: Any = {_BOUNDS[key]: Decimal(str(value)) for key, value in node.items() if key in _BOUNDS}
        return cs.no_info_before_validator_function(_decimal, cs.decimal_schema(**bounds))
    if form in _FORMATS:
        pattern, parsed, expected = _FORMATS[form]
        spelt = cs.chain_schema([cs.str_schema(strict=True, pattern=pattern), parsed])
        typed: Any = {**parsed, "strict": True}  # the value of an answer that was checked already
        either = cs.union_schema([spelt, typed], mode="left_to_right")
        return _saying(
            cs.json_or_python_schema(spelt, either), form.replace("-", "_"), f"should be {expected}"
        )
    if form == "uuid":
        return _saying(cs.str_schema(strict=True, pattern=_UUID), "uuid", "should be a UUID")
    return cs.str_schema(
        strict=True, min_length=node.get("minLength"), max_length=node.get("maxLength"), **_pattern(node)
    )


def _pattern(node: Node) -> dict[str, Any]:
    """The pattern, by the fast engine where it knows how, else by Python's."""
    pattern = node.get("pattern")
    if pattern is None:
        return {}
    try:
        SchemaValidator(cs.str_schema(pattern=pattern))
    except CoreSchemaError:
        try:
            found = re.compile(pattern)
        except re.error as error:
            raise SchemaError(f"{pattern!r} is no regular expression: {error}") from None
        return {"pattern": found, "regex_engine": "python-re"}
    return {"pattern": pattern}


def _integer(node: Node) -> CoreSchema:
    ends = {
        "minimum": math.ceil,
        "maximum": math.floor,
        "exclusiveMinimum": math.floor,
        "exclusiveMaximum": math.ceil,
    }
    bounds: Any = {_BOUNDS[key]: end(node[key]) for key, end in ends.items() if key in node}
    if "multipleOf" in node:
        bounds["multiple_of"] = node["multipleOf"]
    return cs.int_schema(strict=True, **bounds)


def _float(node: Node) -> CoreSchema:
    bounds: Any = {_BOUNDS[key]: value for key, value in node.items() if key in _BOUNDS}
    if "multipleOf" in node:
        bounds["multiple_of"] = node["multipleOf"]
    return cs.float_schema(strict=True, allow_inf_nan=False, **bounds)


def _array(node: Node) -> CoreSchema:
    if "prefixItems" in node:
        return _tuple(node)
    array: CoreSchema = cs.list_schema(
        _core(node["items"]) if node.get("items") else _core({}),
        min_length=node.get("minItems"),
        max_length=0 if node.get("items") is False else node.get("maxItems"),
        strict=True,
    )
    return cs.no_info_after_validator_function(_unique, array) if node.get("uniqueItems") else array


def _tuple(node: Node) -> CoreSchema:
    """A list of items that each have their own schema; fewer may come unless `minItems` forbids it."""
    first = node["prefixItems"]
    least = node.get("minItems", 0)
    items = [_core(part) for part in first]
    rest = node.get("items", {})
    lengths = range(min(least, len(items)), len(items))
    whole: list[Any] = [cs.tuple_schema(items[:length]) for length in lengths]
    if rest is False or node.get("maxItems", len(items) + 1) <= len(items):
        whole.append(cs.tuple_schema(items))
    else:
        whole.append(cs.tuple_schema([*items, _core(rest)], variadic_item_index=len(items)))
    only_lists = cs.chain_schema(
        [cs.list_schema(strict=True), cs.union_schema(whole) if len(whole) > 1 else whole[0]]
    )
    return cs.no_info_after_validator_function(list, only_lists)


def _object(node: Node) -> CoreSchema:
    rest = node.get("additionalProperties")
    if "properties" not in node:
        return cs.dict_schema(
            cs.str_schema(strict=True),
            _core(rest if isinstance(rest, dict) else {}),
            min_length=node.get("minProperties"),
            max_length=0 if rest is False else node.get("maxProperties"),
            strict=True,
        )
    required = node.get("required", ())
    fields = {
        name: cs.typed_dict_field(_core(part), required=name in required)
        for name, part in node["properties"].items()
    }
    if isinstance(rest, dict):
        return cs.typed_dict_schema(fields, extra_behavior="allow", extras_schema=_core(rest), strict=True)
    return cs.typed_dict_schema(fields, extra_behavior="forbid", strict=True)


_KINDS: dict[str, Callable[[Node], CoreSchema]] = {
    "string": _string,
    "integer": _integer,
    "number": _float,
    "boolean": lambda node: cs.bool_schema(strict=True),
    "null": lambda node: cs.none_schema(),
    "array": _array,
    "object": _object,
}


def _saying(schema: CoreSchema, kind: str, message: str) -> CoreSchema:
    """`schema`, whose every error is `message`: the value and the place are in the error anyway."""
    return cs.custom_error_schema(schema, kind, custom_error_message=message)


def _decimal(value: Any) -> Decimal:
    """Exact: a float stands for its shortest spelling, or for the text it was read from."""
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, ExactFloat):
        return Decimal(value.text)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return Decimal(repr(value))
    if isinstance(value, str) and _DECIMAL.match(value):
        try:
            return Decimal(value)
        except InvalidOperation:
            pass
    raise PydanticCustomError("decimal", "should be a decimal number such as 12.50")


def _anything(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("finite", "should be a finite number")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _anything(part)
    return value


def _unique(items: list[Any]) -> list[Any]:
    seen: list[Any] = []
    hashed: set[tuple[type, Any]] = set()
    for item in items:
        try:
            key = (type(item), item)
            fresh = key not in hashed
            hashed.add(key)
        except TypeError:
            fresh = item not in seen
            seen.append(item)
        if not fresh:
            raise PydanticCustomError("unique_items", "should hold no item twice")
    return items
