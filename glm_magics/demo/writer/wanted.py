"""The JSON that a prompt asks for, however it is written down.

Understood: the frame in which this package writes a type, a JSON Schema, a TypeScript-like type anywhere in
the text, a filled-in example, and keys named in words ("with keys name, price and mood").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glm_magics.demo.writer.blocks import balanced, fences
from glm_magics.demo.writer.notation import TYPES, read_types
from glm_magics.demo.writer.shape import ANY, Shape, from_json_schema

__all__ = ["Found", "find_shape"]


@dataclass(frozen=True, slots=True)
class Found:
    """A shape and the text without it. It is not `sure` where it may be mere data or a turn of phrase."""

    shape: Shape
    rest: str
    sure: bool


def find_shape(text: str) -> Found | None:
    """The shape that a text asks for; None when it asks for none."""
    framed = _framed(text)
    if framed:
        return framed
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


_FRAME = re.compile(r"^Answer with JSON only, [^\n]* of this type\.\n", re.MULTILINE)
_FRAME_END = re.compile(r"\nEvery key as written, no other keys\.[^\n]*")


def _framed(text: str) -> Found | None:
    """The type in the frame that this package puts around it; the last one counts."""
    start = max((match.span() for match in _FRAME.finditer(text)), default=None)
    end = _FRAME_END.search(text, start[1]) if start else None
    node = read_types(text[start[1] : end.start()]) if start and end else None
    if start is None or end is None or node is None:
        return None
    return Found(from_json_schema(node), text[: start[0]] + text[end.end() :], True)


def _declared(block: str, named: Mapping[str, str]) -> Shape | None:
    """A JSON Schema or a type."""
    try:
        value = json.loads(block)
    except (ValueError, RecursionError):
        return _typed(block, named)
    return from_json_schema(value) if isinstance(value, dict) and _is_schema(value) else None


def _typed(block: str, named: Mapping[str, str]) -> Shape | None:
    others = "".join(f"type {name} = {inside}\n" for name, inside in named.items() if inside != block)
    node = read_types(others + block)
    if node is None or node.get("type") not in ("object", "array"):
        return None
    shape = from_json_schema(node)
    inner = shape.item if shape.kind == "array" else shape
    return shape if inner and (inner.fields or inner.item) and _names_a_type(inner) else None


def _is_schema(value: Mapping[str, Any]) -> bool:
    return (
        "properties" in value
        or "$defs" in value
        or ("type" in value and ("items" in value or "enum" in value))
    )


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
        return any(_names_a_type(part) for _, part in shape.fields)
    if shape.kind == "array":
        return shape.item is not None and _names_a_type(shape.item)
    return len(shape.options) > 1 if shape.kind == "enum" else shape.kind != "null"


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
    return from_json_schema(TYPES[word]) if word in TYPES else Shape("string", about=text)
