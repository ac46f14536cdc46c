"""JSON Schema in one normal form: equal schemas look equal, and what reads them has few forms to know.

A node is `{}` (anything), `{"type": one name, …}`, `{"enum": [labels]}`, `{"anyOf": [nodes]}` or `{"$ref":
"#/$defs/Name"}`, each with an optional `description`. "Or null" is always an `anyOf` that ends in `{"type":
"null"}`. `$defs` keeps what is recursive or an object used more than once; the rest stands in its place. A
decimal number is `{"type": "string", "format": "decimal"}`. Titles and defaults are left out: a default
would invite a model to invent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glm_magics.structured.problems import SchemaError

__all__ = ["NULL", "Node", "looks_like_json_schema", "normal", "nullable", "resolved", "without_null"]

Node = dict[str, Any]
NULL: Node = {"type": "null"}

_KEYWORDS: dict[str, tuple[str, ...]] = {
    "string": ("format", "minLength", "maxLength", "pattern"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "boolean": (),
    "null": (),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
}
# A keyword that stands without a `type` says which type is meant.
_IMPLIED = {keyword: kind for kind in ("object", "array", "number", "string") for keyword in _KEYWORDS[kind]}
_RANGES = (
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_UNIONS = ("anyOf", "oneOf", "allOf")
_NOT_UNDERSTOOD = (
    *("not", "if", "patternProperties", "propertyNames", "dependentSchemas", "dependentRequired"),
    *("contains", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef"),
)
_ANNOTATIONS = (
    *(
        "title",
        "description",
        "default",
        "examples",
        "example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "nullable",
    ),
    *(
        "const",
        "enum",
        "discriminator",
        "$comment",
        "$id",
        "$schema",
        "$defs",
        "definitions",
        "$ref",
        "$anchor",
    ),
)
_KNOWN = {*_IMPLIED, *_UNIONS, *_NOT_UNDERSTOOD, *_ANNOTATIONS, "type"}
# How pydantic spells the text of a Decimal; beside a number it means one exact number, not a choice.
_DECIMAL_PATTERN = "^(?!^[-+.]*$)"


def looks_like_json_schema(spec: Mapping[Any, Any]) -> bool:
    """Whether a dict is JSON Schema rather than names with their types.

    It is when it has `$schema`, `$ref` or `$defs`, a dict of `properties`, a list of
    `anyOf`/`oneOf`/`allOf`/`enum`, or the name of a JSON type in `type` and nothing but keywords of JSON
    Schema.
    """
    if not spec:
        return True
    if any(key in spec for key in ("$schema", "$ref", "$defs")) or isinstance(
        spec.get("properties"), Mapping
    ):
        return True
    if any(isinstance(spec.get(key), list) for key in (*_UNIONS, "enum")):
        return True
    kind = spec.get("type")
    named = isinstance(kind, list) or (isinstance(kind, str) and kind in _KEYWORDS)
    return named and all(key in _KNOWN or str(key).startswith("x-") for key in spec)


def normal(schema: Mapping[str, Any], *, lenient: bool = False) -> Node:
    """The normal form of `schema`; of a normal form, itself. Raises `SchemaError` naming the place.

    With `lenient`, keywords that are not understood are left out instead of refused: for schemas of classes,
    which check themselves.
    """
    work = _Normal(schema, lenient=lenient)
    node = work.node(schema, "")
    defs = {name: work.defined[name] for name in sorted(work.defined)}
    return {**node, "$defs": defs} if defs else node


def resolved(node: Node, defs: Mapping[str, Node]) -> Node:
    """`node`, or what its `$ref` stands for, with the description of the place."""
    while "$ref" in node:
        about = {"description": node["description"]} if "description" in node else {}
        node = {**defs[_name(node["$ref"])], **about}
    return node


def without_null(node: Node) -> tuple[Node, bool]:
    """`node` without its "or null", and whether it had one. The description stays."""
    parts = node.get("anyOf", ())
    if NULL not in parts:
        return node, False
    rest = [part for part in parts if part != NULL]
    about = {"description": node["description"]} if "description" in node else {}
    return {**(rest[0] if len(rest) == 1 else {"anyOf": rest}), **about}, True


def nullable(node: Node) -> Node:
    """`node`, or null, with the description on the outside."""
    if not set(node) - {"description"} or node.get("type") == "null" or NULL in node.get("anyOf", ()):
        return node
    inner = {key: value for key, value in node.items() if key != "description"}
    parts = inner.get("anyOf", [inner])
    about = {"description": node["description"]} if "description" in node else {}
    return {"anyOf": [*parts, dict(NULL)], **about}


class _Normal:
    def __init__(self, root: Mapping[str, Any], *, lenient: bool) -> None:
        self.lenient = lenient
        self.root = root
        self.raw: dict[str, Any] = {**(root.get("definitions") or {}), **(root.get("$defs") or {})}
        if any(ref == "#" for ref in _refs(root)):
            self.raw["Root"] = {
                key: value for key, value in root.items() if key not in ("$defs", "definitions")
            }
        self.kept = self._kept_names()
        self.defined: dict[str, Node] = {}

    def _kept_names(self) -> set[str]:
        """Definitions that stay: the recursive ones, and objects that are used more than once."""
        uses = Counter(_name(ref) for ref in _refs(self.root))
        shared = {
            name for name, count in uses.items() if count > 1 and "properties" in self.raw.get(name, {})
        }
        return shared | {name for name in self.raw if name in self._reached(name)}

    def _reached(self, name: str) -> set[str]:
        reached: set[str] = set()
        waiting = [name]
        while waiting:
            for ref in _refs(self.raw.get(waiting.pop(), {})):
                if (target := _name(ref)) not in reached:
                    reached.add(target)
                    waiting.append(target)
        return reached

    def node(self, raw: Any, path: str, *, name: str = "") -> Node:
        if raw is True:
            return {}
        if not isinstance(raw, Mapping):
            raise SchemaError(f"expected a JSON Schema (an object), got {raw!r}", path=path)
        self._refuse_unknown(raw, path)
        about = _description(raw, name)
        if "allOf" in raw:
            raw = self._merged(raw, path)
        if "$ref" in raw:
            return {**self._reference(raw["$ref"], path), **about}
        node = self._shape(raw, path)
        if raw.get("nullable") is True:
            node = nullable(node)
        return {**node, **about}

    def _refuse_unknown(self, raw: Mapping[str, Any], path: str) -> None:
        found = next((key for key in _NOT_UNDERSTOOD if key in raw), None)
        if found and not self.lenient:
            raise SchemaError(f"the JSON Schema keyword {found!r} is not supported", path=path)

    def _reference(self, ref: Any, path: str) -> Node:
        name = _name(ref)
        if name not in self.raw:
            raise SchemaError(f"{ref!r} is not defined in the schema's $defs", path=path)
        if name not in self.kept:
            return self.node(self.raw[name], path)
        if name not in self.defined:
            self.defined[name] = {}  # its own references find it while it is being read
            self.defined[name] = self.node(self.raw[name], name)
        return {"$ref": f"#/$defs/{name}"}

    def _shape(self, raw: Mapping[str, Any], path: str) -> Node:
        if "const" in raw or "enum" in raw:
            return self._labels(raw, path)
        for union in ("anyOf", "oneOf"):
            if union in raw:
                return self._union(raw[union], path)
        kind = raw.get("type", next((_IMPLIED[key] for key in raw if key in _IMPLIED), None))
        if isinstance(kind, list):
            return self._union([{**raw, "type": one} for one in kind], path)
        if kind is None:
            return {}
        if kind not in _KEYWORDS:
            raise SchemaError(f"{kind!r} is no JSON type ({', '.join(_KEYWORDS)})", path=path)
        return self._typed(kind, raw, path)

    def _labels(self, raw: Mapping[str, Any], path: str) -> Node:
        labels = raw["enum"] if "enum" in raw else [raw["const"]]
        if not isinstance(labels, list) or not labels:
            raise SchemaError(f"expected a list of labels in 'enum', got {labels!r}", path=path)
        kept = [label for at, label in enumerate(labels) if label is not None and label not in labels[:at]]
        if not kept:
            return dict(NULL)
        return nullable({"enum": kept}) if None in labels else {"enum": kept}

    def _union(self, parts: Any, path: str) -> Node:
        if not isinstance(parts, list) or not parts:
            raise SchemaError(f"expected a list of schemas, got {parts!r}", path=path)
        if (decimal := _decimal(parts)) is not None:
            return decimal
        flat: list[Node] = []
        for part in parts:
            node = self.node(part, path)
            if not set(node) - {"description"}:
                return {}
            flat += node.get("anyOf", [node])
        distinct = [node for at, node in enumerate(flat) if node != NULL and node not in flat[:at]]
        if not distinct:
            return dict(NULL)
        node = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
        return nullable(node) if NULL in flat else node

    def _typed(self, kind: str, raw: Mapping[str, Any], path: str) -> Node:
        node: Node = {"type": kind}
        keywords = _KEYWORDS[kind]
        if raw.get("format") == "decimal" and kind == "string":
            keywords = (*keywords, *_KEYWORDS["number"])
        for keyword in keywords:
            if keyword in raw and keyword not in (
                "properties",
                "required",
                "additionalProperties",
                "items",
                "prefixItems",
            ):
                node[keyword] = raw[keyword]
        _modern_bounds(node)
        _check_bounds(node, path)
        if kind == "object":
            self._object(node, raw, path)
        if kind == "array":
            self._array(node, raw, path)
        return node

    def _object(self, node: Node, raw: Mapping[str, Any], path: str) -> None:
        properties = raw.get("properties") or {}
        if not isinstance(properties, Mapping):
            raise SchemaError(
                f"expected an object of names and schemas in 'properties', got {properties!r}", path=path
            )
        if properties:
            node["properties"] = {
                str(name): self.node(value, f"{path}.{name}" if path else str(name), name=str(name))
                for name, value in properties.items()
            }
        required = [name for name in properties if name in _list(raw.get("required"))]
        if required:
            node["required"] = required
        rest = raw.get("additionalProperties")
        if rest is False:
            node["additionalProperties"] = False
        elif rest is not None:
            # `true` beside no properties says no more than "an object".
            extra = self.node(rest, f"{path}.*" if path else "*")
            if extra or properties:
                node["additionalProperties"] = extra

    def _array(self, node: Node, raw: Mapping[str, Any], path: str) -> None:
        items = raw.get("items")
        first = raw.get("prefixItems", items if isinstance(items, list) else None)
        if first is not None:
            node["prefixItems"] = [self.node(part, f"{path}[{at}]") for at, part in enumerate(first)]
        if items is False:
            node["items"] = False
        elif items is not None and not isinstance(items, list) and (item := self.node(items, f"{path}[]")):
            node["items"] = item

    def _merged(self, raw: Mapping[str, Any], path: str) -> Node:
        """`allOf` as one schema: properties joined, any other keyword in one part only or the same in all."""
        merged: Node = {}
        for part in [*raw["allOf"], {key: value for key, value in raw.items() if key != "allOf"}]:
            whole = self._followed(part, path) if len(raw["allOf"]) > 1 or _says_something(raw) else part
            for key, value in whole.items():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                elif key in merged and merged[key] != value and key not in _ANNOTATIONS:
                    raise SchemaError(f"the parts of allOf disagree on {key!r}", path=path)
                else:
                    merged[key] = value
        return merged

    def _followed(self, part: Any, path: str) -> Mapping[str, Any]:
        while isinstance(part, Mapping) and "$ref" in part:
            if _name(part["$ref"]) not in self.raw:
                raise SchemaError(f"{part['$ref']!r} is not defined in the schema's $defs", path=path)
            part = self.raw[_name(part["$ref"])]
        if not isinstance(part, Mapping):
            raise SchemaError(f"expected a JSON Schema (an object), got {part!r}", path=path)
        return self._merged(part, path) if "allOf" in part else part


def _says_something(raw: Mapping[str, Any]) -> bool:
    return any(key not in _ANNOTATIONS and key != "allOf" for key in raw)


def _decimal(parts: Sequence[Any]) -> Node | None:
    """One exact number, where `parts` are the two spellings of a Decimal (and perhaps null)."""
    rest = [part for part in parts if part != NULL]
    kinds = {part.get("type"): part for part in rest if isinstance(part, Mapping)}
    if len(rest) != 2 or set(kinds) != {"number", "string"}:
        return None
    if not str(kinds["string"].get("pattern", "")).startswith(_DECIMAL_PATTERN):
        return None
    bounds = {key: value for key, value in kinds["number"].items() if key in _KEYWORDS["number"]}
    node = {"type": "string", "format": "decimal", **bounds}
    return nullable(node) if len(rest) < len(parts) else node


def _modern_bounds(node: Node) -> None:
    """Draft 4 wrote an exclusive bound as a flag beside the bound."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        flag = node.get(exclusive)
        if isinstance(flag, bool):
            del node[exclusive]
        if flag is True and bound in node:
            node[exclusive] = node.pop(bound)


def _check_bounds(node: Node, path: str) -> None:
    for low, high in _RANGES:
        for keyword in (low, high):
            bound = node.get(keyword, 0)
            if not isinstance(bound, (int, float)) or isinstance(bound, bool):
                raise SchemaError(f"expected a number in {keyword!r}, got {bound!r}", path=path)
        if low in node and high in node and node[low] > node[high]:
            raise SchemaError(f"nothing lies between {low} {node[low]} and {high} {node[high]}", path=path)


def _description(raw: Mapping[str, Any], name: str) -> Node:
    """The description; a title takes its place when it says more than the name of the field."""
    title = raw.get("title")
    about = raw.get("description")
    if not about and name and isinstance(title, str) and _plain(title) != _plain(name):
        about = title
    return {"description": " ".join(str(about).split())} if about else {}


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _name(ref: Any) -> str:
    return "Root" if ref == "#" else str(ref).rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _refs(raw: Any) -> Iterator[str]:
    if isinstance(raw, Mapping):
        for key, value in raw.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            elif key not in ("enum", "const", "default", "examples"):
                yield from _refs(value)
    elif isinstance(raw, list):
        for part in raw:
            yield from _refs(part)
