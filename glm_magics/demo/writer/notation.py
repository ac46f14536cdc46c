"""Types as people write them in a prompt, read into JSON Schema.

    type Item = {name: string, price: number | null}
    {rows: {
    name: string // as on the invoice; at most 40 characters
    mood: "good" | "bad"
    items?: Item[] // 1 or more items
    }[]}

Close to TypeScript; the spellings of Python (`list[str]`, `int?`) and bare labels (`good|bad`) are read too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from glm_magics.demo.writer.demands import demanded

__all__ = ["TYPES", "read_types"]

Node = dict[str, Any]

_NAMES: tuple[tuple[Node, str], ...] = (
    ({"type": "string"}, "string str text char"),
    ({"type": "integer"}, "integer int int64 bigint"),
    ({"type": "number"}, "number float num double"),
    ({"type": "boolean"}, "boolean bool"),
    ({"type": "string", "format": "date"}, "date"),
    ({"type": "string", "format": "date-time"}, "datetime timestamp"),
    ({"type": "string", "format": "time"}, "time"),
    ({"type": "string", "format": "duration"}, "duration timedelta"),
    ({"type": "string", "format": "decimal"}, "decimal"),
    ({"type": "string", "format": "uuid"}, "uuid"),
    ({"type": "null"}, "null none undefined"),
    ({"type": "object"}, "object dict record"),
    ({"type": "array"}, "array list"),
    ({}, "any unknown json"),
)
TYPES: Mapping[str, Node] = {name: node for node, names in _NAMES for name in names.split()}
"""The names of types, each with its JSON Schema."""

_NULL: Node = {"type": "null"}
_TOKEN = re.compile(
    r"(?P<note>//[^\n]*|#[^\n]*|/\*.*?\*/)|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\w))|(?P<word>[\w$]+)|(?P<mark>\.\.\.|[{}\[\]()<>|?:,;=&])"
    r"|(?P<other>\S)",
    re.DOTALL,
)
_CLOSING = {"<": ">", "[": "]"}


def read_types(text: str) -> Node | None:
    """The JSON Schema of a type, with those declared before it as its `$defs`; None when it is not one."""
    try:
        return _Reader(text).whole()
    except (ValueError, RecursionError):
        return None


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = [(str(match.lastgroup), match[0]) for match in _TOKEN.finditer(text)]
        self._at = 0
        self._notes: list[str] = []
        self._declared = {
            name
            for (_, word), (_, name), (_, mark) in zip(
                self._tokens, self._tokens[1:], self._tokens[2:], strict=False
            )
            if word == "type" and mark == "="
        }

    def whole(self) -> Node:
        defs: dict[str, Node] = {}
        while self._peek() == "type" and self._tokens[self._at + 2 : self._at + 3] == [("mark", "=")]:
            self._eat()
            name = self._eat()
            self._eat("=")
            defs[name] = self._noted()
        root = self._noted()
        if self._peek():
            raise ValueError(self._peek())
        return {**root, "$defs": defs} if defs else root

    # Tokens; notes are set aside as they pass

    def _peek(self, skip: int = 0) -> str:
        while self._at < len(self._tokens) and self._tokens[self._at][0] == "note":
            self._notes.append(re.sub(r"^(?://|#|/\*)|\*/$", "", self._tokens[self._at][1]).strip())
            self._at += 1
        at = self._at + skip
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _eat(self, expected: str | None = None) -> str:
        token = self._peek()
        if not token or (expected is not None and token != expected):
            raise ValueError(token)
        self._at += 1
        return token

    # Types

    def _noted(self) -> Node:
        """A type and what the comment behind it demands."""
        self._notes.clear()
        node = self._type()
        while self._peek() in (",", ";"):
            self._eat()
        self._peek()
        notes, self._notes = self._notes, []
        return demanded(node, "; ".join(notes)) if notes else node

    def _type(self) -> Node:
        if self._peek() == "|":
            self._eat()
        members = [self._member()]
        while self._peek() in ("|", "&"):
            self._eat()
            members.append(self._member())
        return _one_of(members)

    def _member(self) -> Node:
        node = self._base()
        while True:
            if self._peek() == "?":
                self._eat()
                node = _one_of([node, _NULL])
            elif self._peek() == "[" and self._peek(1) == "]":
                self._at += 2
                node = {"type": "array", "items": node} if node else {"type": "array"}
            else:
                return node

    def _base(self) -> Node:
        token = self._eat()
        if token == "{":
            return self._object()
        if token == "[":
            return self._tuple()
        if token == "(":
            inner = self._type()
            self._eat(")")
            return inner
        if token in self._declared:
            return {"$ref": f"#/$defs/{token}"}
        kind = self._tokens[self._at - 1][0]
        if kind == "word" and self._peek() in _CLOSING and self._peek(1) != "]" and self._peek(2) != ":":
            return self._generic(token)
        if kind == "word" and token.lower() in TYPES:
            return dict(TYPES[token.lower()])
        return {"enum": [_label(token, kind)]}

    def _generic(self, name: str) -> Node:
        """`list[X]`, `Array<X>`, `dict[str, X]`, `Record<string, X>`."""
        close = _CLOSING[self._eat()]
        inner = [self._type()]
        while self._peek() == ",":
            self._eat()
            inner.append(self._type())
        self._eat(close)
        if name.lower() in ("array", "list", "set", "sequence") and len(inner) == 1:
            return {"type": "array", "items": inner[0]}
        if name.lower() in ("record", "dict", "map", "mapping") and len(inner) == 2:
            return {"type": "object", "additionalProperties": inner[1]}
        if name.lower() == "optional" and len(inner) == 1:
            return _one_of([*inner, _NULL])
        raise ValueError(name)

    def _tuple(self) -> Node:
        """`[X, Y, ...Z[]]`; of a single type, a list of any length."""
        parts: list[Node] = []
        rest: Node | None = None
        while self._peek() != "]":
            if self._peek() == "...":
                self._eat()
                rest = self._member()
            else:
                parts.append(self._type())
            if self._peek() != "]":
                self._eat(",")
        self._eat("]")
        if rest is not None:
            return {"type": "array", "prefixItems": parts, "items": rest.get("items", {})}
        if len(parts) > 1:
            return {"type": "array", "prefixItems": parts}
        return {"type": "array", "items": parts[0]} if parts else {"type": "array"}

    def _object(self) -> Node:
        node: Node = {"type": "object"}
        required: list[str] = []
        while self._peek() != "}":
            if self._peek() == "[":
                node["additionalProperties"] = self._free_keys()
                continue
            token = self._eat()
            name = str(_label(token, self._tokens[self._at - 1][0]))
            optional = self._peek() == "?"
            if optional:
                self._eat()
            self._eat(":")
            node.setdefault("properties", {})[name] = self._noted()
            required += [] if optional else [name]
        self._eat("}")
        return {**node, "required": required} if "properties" in node else node

    def _free_keys(self) -> Node:
        """`[key: string]: X`."""
        self._eat("[")
        self._eat()
        self._eat(":")
        self._type()
        self._eat("]")
        self._eat(":")
        return self._noted()


def _label(token: str, kind: str) -> Any:
    """What a label or a name stands for."""
    if kind == "text" and token[0] == "'":
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    if kind in ("text", "number") or token in ("true", "false"):
        return json.loads(token)
    if kind == "word":
        return token
    raise ValueError(token)


def _one_of(members: list[Node]) -> Node:
    """A union in one piece: labels joined, null at the end."""
    if any(not member for member in members):
        return {}
    flat = [part for member in members for part in member.get("anyOf", [member])]
    parts: list[Node] = []
    for part in flat:
        if part != _NULL and parts and set(part) == set(parts[-1]) == {"enum"}:
            parts[-1] = {"enum": [*parts[-1]["enum"], *part["enum"]]}
        elif part != _NULL:
            parts.append(part)
    if _NULL in flat:
        parts.append(_NULL)
    return parts[0] if len(parts) == 1 else {"anyOf": parts}
