"""A JSON Schema as the text a model reads: a TypeScript-like type, far shorter than the schema itself.

    {rows: {
    name: string
    price: number | null // in euro; >= 0
    mood: "good" | "bad"
    day: date // "YYYY-MM-DD"
    }[]}

Everything the schema demands is there: formats, bounds and descriptions as comments behind their field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from glm_magics.structured.normal import NULL, Node

__all__ = ["prompt_text", "tool_text", "type_text"]

_NAME = re.compile(r"[^\W\d]\w*\Z")
_ONE_LINE = 60
_PRIMITIVES = {"string": "string", "integer": "int", "number": "number", "boolean": "boolean", "null": "null"}
_FORMATS = {
    "date": ("date", '"YYYY-MM-DD"'),
    "date-time": ("datetime", 'ISO 8601 with offset: "YYYY-MM-DDThh:mm:ssZ"'),
    "time": ("time", '"hh:mm:ss"'),
    "duration": ("string", 'ISO 8601 duration such as "P1DT2H30M", no months or years'),
    "decimal": ("string", 'exact decimal number such as "12.50"'),
    "uuid": ("string", "UUID"),
}


def prompt_text(schema: Node) -> str:
    """The type of the root object, and how to answer."""
    return (
        "Answer with JSON only, no Markdown and no other text: one object of this type.\n"
        f"{type_text(schema)}\n"
        f"Every key as written, no other keys. {_honesty(schema)}"
    )


def tool_text(schema: Node, name: str) -> str:
    """How to answer by a function whose parameters are the schema."""
    return f"Answer by calling the function `{name}` once, with no other text. {_honesty(schema)}"


def _honesty(schema: Node) -> str:
    unknown = "Give null for what is not known," if _may_be_unknown(schema) else "Take what is known,"
    return f"{unknown} never invent a value."


def type_text(schema: Node) -> str:
    """`schema` as a TypeScript-like type; recursive and shared parts come before it as `type Name = …`."""
    writer = _Writer(schema.get("$defs", {}))
    root = {key: value for key, value in schema.items() if key != "$defs"}
    named = [f"type {_type_name(name)} = {writer.whole(part)}\n" for name, part in writer.defs.items()]
    about = schema.get("description")
    return (
        "".join(named)
        + writer.whole(root)
        + (f" // {about}" if about and "\n" not in writer.whole(root) else "")
    )


def _may_be_unknown(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        if schema.get("type") == "null" or len(schema.get("required", ())) < len(
            schema.get("properties", ())
        ):
            return True
        return any(_may_be_unknown(part) for key, part in schema.items() if key != "enum")
    return isinstance(schema, list) and any(_may_be_unknown(part) for part in schema)


class _Writer:
    def __init__(self, defs: Mapping[str, Node]) -> None:
        self.defs = defs

    def whole(self, node: Node) -> str:
        text, comments = self.type(node)
        return _with_comment(text, comments)

    def type(self, node: Node) -> tuple[str, list[str]]:
        """The type and what a comment has to say about it, without the description."""
        if "$ref" in node:
            return _type_name(str(node["$ref"]).rpartition("/")[2]), []
        if "anyOf" in node:
            return self._union(node["anyOf"])
        if "enum" in node:
            return " | ".join(json.dumps(label, ensure_ascii=False) for label in node["enum"]), []
        kind = node.get("type")
        if kind == "object":
            return self._object(node)
        if kind == "array":
            return self._array(node)
        if kind == "string":
            return _string(node)
        return _PRIMITIVES.get(kind or "", "any"), _bounds(node)

    def _union(self, parts: list[Node]) -> tuple[str, list[str]]:
        written = [self.type(part) for part in parts if part != NULL]
        texts = [text for text, _ in written] + ["null"] * (NULL in parts)
        comments = [comment for _, found in written for comment in found]
        comments += [part["description"] for part in parts if "description" in part]
        return " | ".join(dict.fromkeys(texts)), list(dict.fromkeys(comments))

    def _array(self, node: Node) -> tuple[str, list[str]]:
        comments = _between(node.get("minItems"), node.get("maxItems"), "items")
        comments += ["no item twice"] if node.get("uniqueItems") else []
        if "prefixItems" in node:
            return self._tuple(node, comments)
        items = node.get("items")
        if not items:
            return "any[]", comments
        text, inner = self.type(items)
        inner += [items["description"]] if "description" in items else []
        text = f"({text})" if " | " in text and not _is_block(text) else text
        return f"{text}[]", [f"each {comment}" for comment in inner] + comments

    def _tuple(self, node: Node, comments: list[str]) -> tuple[str, list[str]]:
        written = [self.type(part) for part in node["prefixItems"]]
        texts = [text for text, _ in written]
        if isinstance(rest := node.get("items"), dict):
            texts.append(f"...{self.type(rest)[0]}[]")
        inner = [f"item {at}: {comment}" for at, (_, found) in enumerate(written, 1) for comment in found]
        return f"[{', '.join(texts)}]", inner + comments

    def _object(self, node: Node) -> tuple[str, list[str]]:
        rest = node.get("additionalProperties")
        comments = _between(node.get("minProperties"), node.get("maxProperties"), "keys")
        if "properties" not in node:
            text, inner = self.type(rest) if isinstance(rest, dict) else ("any", [])
            return f"{{[key: string]: {text}}}", [f"each {comment}" for comment in inner] + comments
        required = node.get("required", ())
        fields = [self._field(name, part, name in required) for name, part in node["properties"].items()]
        if isinstance(rest, dict):
            text, inner = self.type(rest)
            fields.append((f"[other: string]: {text}", inner))
        line = "{" + ", ".join(text for text, _ in fields) + "}"
        commented = any(comment for _, comment in fields)
        if not commented and (len(fields) == 1 or (len(line) <= _ONE_LINE and "\n" not in line)):
            return line, comments
        return "{\n" + "".join(_with_comment(*each) + "\n" for each in fields) + "}", comments

    def _field(self, name: str, node: Node, required: bool) -> tuple[str, list[str]]:
        text, comments = self.type(node)
        about = [node["description"]] if "description" in node else []
        mark = "" if required or NULL in node.get("anyOf", ()) else "?"
        shown = name if _NAME.match(name) else json.dumps(name, ensure_ascii=False)
        return f"{shown}{mark}: {text}", [*comments, *about]


def _with_comment(text: str, comments: list[str]) -> str:
    return f"{text} // {'; '.join(comments)}" if comments else text


def _is_block(text: str) -> bool:
    """Whether the text is one pair of braces, so that a `|` in it needs no parentheses."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return position == len(text) - 1 and text.startswith("{")
    return False


def _string(node: Node) -> tuple[str, list[str]]:
    name, comment = _FORMATS.get(node.get("format", ""), ("string", node.get("format", "")))
    comments = [comment] if comment else []
    comments += _between(node.get("minLength"), node.get("maxLength"), "characters")
    comments += [f"matches /{node['pattern']}/"] if "pattern" in node else []
    return name, comments + _bounds(node)


def _bounds(node: Node) -> list[str]:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        found = [f"{low}..{high}"]
    else:
        signs = {">=": low, "<=": high}
        found = [f"{sign} {bound}" for sign, bound in signs.items() if bound is not None]
    found += [f"> {node['exclusiveMinimum']}"] if "exclusiveMinimum" in node else []
    found += [f"< {node['exclusiveMaximum']}"] if "exclusiveMaximum" in node else []
    return found + ([f"multiple of {node['multipleOf']}"] if "multipleOf" in node else [])


def _between(low: int | None, high: int | None, what: str) -> list[str]:
    if low is not None and high is not None:
        return [f"{low} {what}" if low == high else f"{low}..{high} {what}"]
    if low is not None:
        return [f"{low} or more {what}"]
    return [f"at most {high} {what}"] if high is not None else []


def _type_name(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_") or "Part"
