"""The shape of the JSON that a prompt asks for, however it is written down.

Understood: a JSON Schema, a TypeScript-like type (`{ name: string, price?: number | null, tags: string[] }`),
a filled-in example, and keys named in words ("with keys name, price and mood").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from glm_magics.demo.writer.blocks import balanced, fences

__all__ = ["Found", "Shape", "find_shape", "from_json_schema"]

Kind = Literal[
    "object", "array", "string", "integer", "number", "boolean", "date", "datetime", "enum", "any", "null"
]


@dataclass(frozen=True, slots=True)
class Shape:
    """One value's shape. `fields` belong to an object, `item` to an array or to free keys, `options` to
    an enum."""

    kind: Kind
    fields: tuple[tuple[str, Shape], ...] = ()
    item: Shape | None = None
    options: tuple[Any, ...] = ()
    nullable: bool = False
    optional: bool = False
    about: str = ""
    least: float | None = None
    most: float | None = None


ANY = Shape("any")


@dataclass(frozen=True, slots=True)
class Found:
    """A shape and the text without it. It is not `sure` where it may be mere data or a turn of phrase."""

    shape: Shape
    rest: str
    sure: bool


def find_shape(text: str) -> Found | None:
    """The shape that a text asks for; None when it asks for none."""
    programs = [(start, end) for start, end, language, _ in fences(text) if language.lower() in _PROGRAMS]
    spans = [span for span in balanced(text) if not any(start < span[0] < end for start, end in programs)]
    named = _declarations(text, spans)
    for start, end in sorted(spans, key=lambda span: span[0] - span[1])[:_MOST_BLOCKS]:
        shape = _declared(text[start:end], named)
        if shape:
            return Found(_listed(shape, text, start, end), text[:start] + text[end:].removeprefix("[]"), True)
    for start, end in spans[:_MOST_BLOCKS]:
        example = _exampled(text, start, end)
        if example:
            return Found(example, text[:start] + text[end:], False)
    keys = _named_keys(text)
    if not keys:
        return None
    return Found(Shape("object", tuple((key, _guessed(key)) for key in keys)), text, False)


def _declared(block: str, named: Mapping[str, str]) -> Shape | None:
    """A JSON Schema or a type."""
    try:
        value = json.loads(block)
    except (ValueError, RecursionError):
        return _TypeReader(block, named).read()
    return from_json_schema(value) if isinstance(value, dict) and _is_schema(value) else None


def _declarations(text: str, spans: list[tuple[int, int]]) -> dict[str, str]:
    """Named types beside the main one: `type Row = {…}`, `interface Row {…}`."""
    named = ((_DECLARED.search(text[max(0, start - 60) : start]), start, end) for start, end in spans)
    return {match[1]: text[start:end] for match, start, end in named if match}


def _listed(shape: Shape, text: str, start: int, end: int) -> Shape:
    many = text.startswith("[]", end) or re.search(
        r"(?:array|list)\s*[<\[]\s*$", text[:start][-12:], re.IGNORECASE
    )
    return Shape("array", item=shape) if many else shape


def _exampled(text: str, start: int, end: int) -> Shape | None:
    """A filled-in example: JSON beside words that call it a form."""
    if not _FORM.search(text[max(0, start - 120) : start]) and not _FORM.search(text[end : end + 40]):
        return None
    try:
        return _of_example(json.loads(text[start:end]))
    except (ValueError, RecursionError):
        return None


_MOST_BLOCKS = 40  # a long prompt can hold thousands of braces; the shape is among the largest, or the first
_PROGRAMS = frozenset(
    ["python", "py", "ipython", "r", "sql", "bash", "sh", "javascript", "js", "java", "c", "cpp"]
)
_DECLARED = re.compile(r"\b(?:type|interface|class)\s+(\w+)\s*=?\s*$")
_FORM = re.compile(
    r"\b(?:schema|shape|format|like|form|template|structure|example)\b|格式|结构|形如|例如", re.IGNORECASE
)
_NAMED_KEYS = re.compile(
    r"\b(?:keys?|fields?|columns?|properties|attributes)\b(?: named| called| are| of)?:?\s*"
    r"((?:[\"'`]?[A-Za-z_]\w*[\"'`]?(?:\s*\([^)]*\))?(?:\s*,\s*(?:and\s+)?|\s+and\s+)?)+)"
    r"|字段(?:名)?[:：为是]?\s*((?:[\w\u3400-\u9fff]+[、,，和]?)+)",
    re.IGNORECASE,
)
_GRAMMAR = "a an the in of to for from with that which it is are this these those and or each"
_NO_KEYS = frozenset(_GRAMMAR.split())


def _named_keys(text: str) -> list[str]:
    match = _NAMED_KEYS.search(text)
    if match is None:
        return []
    words = re.sub(r"\([^)]*\)|\band\b|和|、", ",", match[1] or match[2])
    return [key for key in re.findall(r"[\w\u3400-\u9fff]+", words) if key.lower() not in _NO_KEYS]


_GUESSES: tuple[tuple[str, Shape], ...] = (
    (r"^(?:is|has|was|can)_", Shape("boolean")),
    (r"date|日期", Shape("date", nullable=True)),
    (r"age|count|year|quantity|qty|年龄|数量|年份", Shape("integer", nullable=True)),
    (r"price|cost|amount|total|score|rating|rate|value|weight|价|金额|评分", Shape("number", nullable=True)),
)


def _guessed(key: str) -> Shape:
    """What a key's value is likely to be, when only its name is known."""
    return next(
        (shape for name, shape in _GUESSES if re.search(rf"(?:^|_){name}|{name}$", key.lower())),
        Shape("string", nullable=True),
    )


def _names_a_type(shape: Shape) -> bool:
    """Whether a type or a choice is named anywhere inside: a mere `{'a': [x]}` is somebody's data."""
    if shape.kind == "object":
        parts = [part for _, part in shape.fields] + ([shape.item] if shape.item else [])
        return any(_names_a_type(part) for part in parts)
    if shape.kind == "array":
        return shape.item is not None and _names_a_type(shape.item)
    return len(shape.options) > 1 if shape.kind == "enum" else shape.kind != "null"


# JSON Schema


def _is_schema(value: Mapping[str, Any]) -> bool:
    return (
        "properties" in value
        or "$defs" in value
        or ("type" in value and ("items" in value or "enum" in value))
    )


def from_json_schema(schema: Mapping[str, Any]) -> Shape:
    """The shape of a JSON Schema; what it does not understand becomes "any"."""
    definitions = {**(schema.get("definitions") or {}), **(schema.get("$defs") or {})}
    return _node(schema, definitions, depth=0)


def _node(schema: object, definitions: Mapping[str, Any], *, depth: int) -> Shape:
    if not isinstance(schema, Mapping) or depth > 12:
        return ANY
    if "$ref" in schema:
        return _node(definitions.get(str(schema["$ref"]).rpartition("/")[2]), definitions, depth=depth + 1)
    for union in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(union), list) and schema[union]:
            shapes = [_node(part, definitions, depth=depth + 1) for part in schema[union]]
            return replace(_first_of(shapes), about=str(schema.get("description") or ""))
    about = str(schema.get("description") or schema.get("title") or "")
    if "enum" in schema or "const" in schema:
        options = tuple(schema.get("enum") or [schema.get("const")])
        return Shape(
            "enum", options=tuple(o for o in options if o is not None), nullable=None in options, about=about
        )
    kinds = schema.get("type", "object" if "properties" in schema else "any")
    kind = next((k for k in kinds if k != "null"), "null") if isinstance(kinds, list) else str(kinds)
    nullable = isinstance(kinds, list) and "null" in kinds
    if kind == "object":
        required = schema.get("required")
        fields = tuple(
            (
                name,
                replace(
                    _node(part, definitions, depth=depth + 1),
                    optional=required is not None and name not in required,
                ),
            )
            for name, part in (schema.get("properties") or {}).items()
        )
        return Shape("object", fields, nullable=nullable, about=about)
    if kind == "array":
        return Shape(
            "array",
            item=_node(schema.get("items"), definitions, depth=depth + 1),
            nullable=nullable,
            about=about,
        )
    if kind == "string":
        kind = {"date": "date", "date-time": "datetime"}.get(str(schema.get("format")), "string")
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    return Shape(_kind(kind), nullable=nullable, about=about, least=low, most=high)


def _first_of(shapes: list[Shape]) -> Shape:
    """A union: its first member that is not null."""
    solid = [shape for shape in shapes if shape.kind != "null"]
    if not solid:
        return Shape("null")
    if all(shape.kind == "enum" for shape in solid):
        options = tuple(option for shape in solid for option in shape.options)
        return Shape("enum", options=options, nullable=len(solid) < len(shapes))
    return replace(solid[0], nullable=solid[0].nullable or len(solid) < len(shapes))


_KINDS: Mapping[str, Kind] = {
    "string": "string", "str": "string", "text": "string", "char": "string",
    "integer": "integer", "int": "integer", "int64": "integer", "bigint": "integer",
    "number": "number", "float": "number", "num": "number", "double": "number", "decimal": "number",
    "boolean": "boolean", "bool": "boolean",
    "date": "date", "datetime": "datetime", "timestamp": "datetime", "time": "string",
    "null": "null", "none": "null", "undefined": "null",
    "object": "object", "dict": "object", "record": "object", "array": "array", "list": "array",
}  # fmt: skip


def _kind(name: str) -> Kind:
    return _KINDS.get(name.lower(), "any")


# A filled-in example


def _of_example(value: object) -> Shape | None:
    match value:
        case dict() if value:
            return Shape(
                "object", tuple((name, _of_example(part) or Shape("string")) for name, part in value.items())
            )
        case list():
            return Shape("array", item=_of_example(value[0]) if value else ANY)
        case bool():
            return Shape("boolean")
        case int():
            return Shape("integer")
        case float():
            return Shape("number")
        case str():
            return _of_example_text(value)
        case None:
            return Shape("string", nullable=True)
    return None


def _of_example_text(text: str) -> Shape:
    """A type's name, a choice "a|b|c", or words that describe the value."""
    if re.fullmatch(r"[\w ]+(\s*\|\s*[\w ]+)+", text):
        return Shape("enum", options=tuple(part.strip() for part in text.split("|")))
    if re.fullmatch(r"\d{4}-\d\d-\d\d|YYYY-MM-DD", text):
        return Shape("date")
    word = text.strip("<>. ").lower()
    return Shape(_KINDS[word]) if word in _KINDS else Shape("string", about=text)


# A TypeScript-like type

_TOKEN = re.compile(
    r"(?P<note>//[^\n]*|#[^\n]*|/\*.*?\*/)|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[\w$\u3400-\u9fff]+)|(?P<mark>[{}\[\]()<>|?:,;=&])|(?P<other>\S)",
    re.DOTALL,
)


class _TypeReader:
    """Reads `{ name: type, … }`; gives up (None) on what is not one."""

    def __init__(self, text: str, named: Mapping[str, str] | None = None) -> None:
        self._named = dict(named or {})
        self._tokens = [(str(match.lastgroup), match[0]) for match in _TOKEN.finditer(text)]
        self._at = 0
        self._note = ""

    def read(self) -> Shape | None:
        try:
            shape = self._type()
        except (ValueError, IndexError, RecursionError):
            return None
        if self._at < len(self._tokens) - 1:
            return None
        inner = shape.item if shape.kind == "array" else shape
        return shape if inner and inner.fields and _names_a_type(inner) else None

    def _peek(self) -> str:
        while self._at < len(self._tokens) and self._tokens[self._at][0] == "note":
            self._note = self._tokens[self._at][1].strip("/#* \t")
            self._at += 1
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _eat(self, expected: str | None = None) -> str:
        token = self._peek()
        if not token or (expected is not None and token != expected):
            raise ValueError(token)
        self._at += 1
        return token

    def _type(self) -> Shape:
        members = [self._member()]
        while self._peek() in ("|", "&"):
            self._eat()
            members.append(self._member())
        return _first_of(members) if len(members) > 1 else members[0]

    def _member(self) -> Shape:
        shape = self._base()
        while self._peek() in ("[", "?"):
            if self._eat() == "?":
                shape = replace(shape, nullable=True)
            else:
                self._eat("]")
                shape = Shape("array", item=shape)
        return shape

    def _base(self) -> Shape:
        token = self._eat()
        if token == "{":
            return self._object()
        if token == "[":
            item = self._type()
            self._eat("]")
            return Shape("array", item=item)
        if token == "(":
            inner = self._type()
            self._eat(")")
            return inner
        if token[0] in "\"'":
            return Shape("enum", options=(token[1:-1],))
        if token.lower() in ("array", "list", "set") and self._peek() in ("<", "["):
            close = {"<": ">", "[": "]"}[self._eat()]
            item = self._type()
            self._eat(close)
            return Shape("array", item=item)
        if not re.match(r"[\w\u3400-\u9fff]", token):
            raise ValueError(token)
        if token in self._named:
            return self._declared(token)
        kind = _KINDS.get(token.lower())
        if kind is None:  # a bare word is a label, as in `mood: good | bad`
            return Shape(
                "enum", options=(json.loads(token) if token.isascii() and token.isdigit() else token,)
            )
        return Shape(kind)

    def _declared(self, name: str) -> Shape:
        others = {key: text for key, text in self._named.items() if key != name}  # no type inside itself
        shape = _TypeReader(self._named[name], others).read()
        if shape is None:
            raise ValueError(name)
        return shape

    def _object(self) -> Shape:
        fields: list[tuple[str, Shape]] = []
        rest: Shape | None = None
        while self._peek() != "}":
            if self._peek() == "[":
                rest = self._free_keys()
                continue
            name = self._eat().strip("\"'")
            if not re.match(r"[\w\u3400-\u9fff]", name):
                raise ValueError(name)
            optional = self._peek() == "?"
            if optional:
                self._eat()
            self._eat(":")
            self._note = ""
            shape = self._type()
            while self._peek() in (",", ";"):
                self._eat()
            self._peek()
            fields.append((name, replace(shape, optional=optional, about=shape.about or self._note)))
        self._eat("}")
        return Shape("object", tuple(fields), item=rest)

    def _free_keys(self) -> Shape:
        """`[key: string]: type`: keys that nobody asks for by name."""
        for mark in ("[", None, ":", "string", "]", ":"):
            self._eat(mark)
        shape = self._type()
        while self._peek() in (",", ";"):
            self._eat()
        return shape
