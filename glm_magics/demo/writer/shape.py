"""The shape of a JSON value: what a JSON Schema comes down to for somebody who has to write one.

References are followed and recursion is cut: a type inside itself is left out, null or an empty list,
whichever its schema allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

__all__ = ["ANY", "NO_LIMITS", "Kind", "Limits", "Shape", "from_json_schema"]

Kind = Literal[
    "object", "array", "tuple", "union", "enum", "any", "null", "never",
    "string", "integer", "number", "decimal", "boolean", "date", "datetime", "time", "duration", "uuid",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value has to keep to. `shortest` and `longest` count characters, items or keys."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    step: float | None = None
    shortest: int = 0
    longest: int | None = None
    pattern: str | None = None
    distinct: bool = False


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Shape:
    """One value's shape. `fields` belong to an object, `options` to an enum, `parts` to a tuple or a union.

    `item` is that of an array, of the rest of a tuple, or of the free keys of an object. An `optional` field
    may be left out.
    """

    kind: Kind
    fields: tuple[tuple[str, Shape], ...] = ()
    item: Shape | None = None
    options: tuple[Any, ...] = ()
    parts: tuple[Shape, ...] = ()
    nullable: bool = False
    optional: bool = False
    about: str = ""
    limits: Limits = NO_LIMITS


ANY = Shape("any")
_NEVER = Shape("never")
_DEEPEST = 60

_FORMATS: Mapping[str, Kind] = {
    "date": "date",
    "date-time": "datetime",
    "time": "time",
    "duration": "duration",
    "decimal": "decimal",
    "uuid": "uuid",
}
_PRIMITIVES: Mapping[str, Kind] = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_SIZES = {"string": "Length", "array": "Items", "object": "Properties"}


def from_json_schema(schema: Mapping[str, Any]) -> Shape:
    """The shape of a JSON Schema; what it does not understand becomes "any"."""
    definitions = {**(schema.get("definitions") or {}), **(schema.get("$defs") or {})}
    shape = _Reader({str(name): part for name, part in definitions.items()}, schema).node(schema, ())
    return ANY if shape.kind == "never" else shape


class _Reader:
    def __init__(self, definitions: Mapping[str, Any], root: object) -> None:
        self._definitions = {**definitions, "#": root}

    def node(self, schema: object, inside: tuple[str, ...]) -> Shape:
        """The shape of `schema`, found inside the definitions named."""
        if not isinstance(schema, Mapping) or len(inside) > _DEEPEST:
            return ANY
        shape = self._bare(schema, inside)
        about = " ".join(str(schema.get("description") or schema.get("title") or "").split())
        shape = replace(shape, about=about) if about else shape
        return replace(shape, nullable=True) if schema.get("nullable") is True else shape

    def _bare(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> Shape:
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            return _NEVER if name in inside else self.node(self._definitions.get(name), (*inside, name))
        if isinstance(schema.get("allOf"), list):
            return self._bare(_merged(schema), inside)
        for union in ("anyOf", "oneOf"):
            if isinstance(schema.get(union), list) and schema[union]:
                return _union([self.node(part, inside) for part in schema[union]])
        if "enum" in schema or "const" in schema:
            return _labels(schema["enum"] if "enum" in schema else [schema["const"]])
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            return _union([self._bare({**schema, "type": one}, inside) for one in kind])
        if kind == "object":
            return self._object(schema, inside)
        if kind == "array":
            return self._array(schema, inside)
        limits = _limits(schema, str(kind))
        if kind == "string":
            return Shape(_FORMATS.get(str(schema.get("format")), "string"), limits=limits)
        return Shape(_PRIMITIVES.get(str(kind), "any"), limits=limits)

    def _object(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> Shape:
        properties, required = schema.get("properties") or {}, schema.get("required")
        must = required if isinstance(required, list) else []
        read = {str(name): self.node(part, inside) for name, part in properties.items()}
        if any(part.kind == "never" for name, part in read.items() if name in must):
            return _NEVER
        fields = tuple(
            (name, replace(part, optional=name not in must) if isinstance(required, list) else part)
            for name, part in read.items()
            if part.kind != "never"
        )
        rest = schema.get("additionalProperties")
        free = self.node(rest if isinstance(rest, Mapping) else {}, inside) if not properties else None
        limits = _limits(schema, "object")
        if free is not None and (rest is False or free.kind == "never"):
            return _NEVER if limits.shortest else Shape("object")
        return Shape("object", fields, free, limits=limits)

    def _array(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> Shape:
        limits = _limits(schema, "array")
        items = schema.get("items")
        first = schema.get("prefixItems", items if isinstance(items, list) else None)
        if isinstance(first, list) and first:
            parts = tuple(self.node(part, inside) for part in first)
            rest = self.node(items, inside) if isinstance(items, Mapping) else None
            return _NEVER if _NEVER in parts else Shape("tuple", (), rest, parts=parts, limits=limits)
        item = self.node(items, inside) if isinstance(items, Mapping) else ANY
        if item.kind == "never" or items is False:
            return _NEVER if limits.shortest else Shape("array", item=ANY, limits=replace(limits, longest=0))
        return Shape("array", item=item, limits=limits)


def _union(parts: list[Shape]) -> Shape:
    """One shape for a choice of several; labels are joined, and null is a mark on the rest."""
    nullable = any(part.kind == "null" or part.nullable for part in parts)
    solid = [replace(part, nullable=False) for part in parts if part.kind not in ("null", "never")]
    if not solid:
        return Shape("null") if nullable else _NEVER
    if all(part.kind == "enum" for part in solid):
        options = tuple(option for part in solid for option in part.options)
        return Shape("enum", options=options, nullable=nullable)
    if len(solid) == 1:
        return replace(solid[0], nullable=nullable)
    return Shape("union", parts=tuple(solid), nullable=nullable)


def _labels(labels: object) -> Shape:
    options = labels if isinstance(labels, list) else [labels]
    kept = tuple(option for option in options if option is not None)
    return Shape("enum", options=kept, nullable=None in options) if kept else Shape("null")


def _merged(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an `allOf` as one schema."""
    whole: dict[str, Any] = {}
    for part in [*schema["allOf"], {key: value for key, value in schema.items() if key != "allOf"}]:
        if isinstance(part, Mapping):
            properties = {**whole.get("properties", {}), **(part.get("properties") or {})}
            required = [*whole.get("required", []), *(part.get("required") or [])]
            whole = {**whole, **part}
            whole |= {"properties": properties} if properties else {}
            whole |= {"required": required} if required else {}
    return whole


def _limits(schema: Mapping[str, Any], kind: str) -> Limits:
    size = _SIZES.get(kind, "Length")
    longest, pattern = schema.get(f"max{size}"), schema.get("pattern")
    return Limits(
        low=_number(schema.get("minimum")),
        high=_number(schema.get("maximum")),
        above=_number(schema.get("exclusiveMinimum")),
        below=_number(schema.get("exclusiveMaximum")),
        step=_number(schema.get("multipleOf")),
        shortest=int(_number(schema.get(f"min{size}")) or 0),
        longest=longest if isinstance(longest, int) else None,
        pattern=pattern if isinstance(pattern, str) else None,
        distinct=schema.get("uniqueItems") is True,
    )


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
