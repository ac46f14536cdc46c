"""The shorthand for schemas, read into JSON Schema.

    "name: str, price: float?, mood: good|bad, tags: list[str], when: datetime, dim: {w: int, h: int}"

A *field* is `name`, `name: type`, `name type`, or either followed by its description; fields end at a comma
or a line break. A bare name is a string. After the name:

- types: `str int float bool date datetime time timedelta decimal any dict list` and their synonyms, `list[X]`
  or `X[]`, `dict[str, X]`, `{fields}`, `0..5`, `(X)`;
- `a|b|c` are labels, `int|str` a union; a label that is also the name of a type, or holds spaces, is quoted;
- `?` after the type or the name makes it optional, as does `|null`;
- constraints: `>= 0`, `< 5`, `0..5`, `len <= 20`, `len 1..5`, `/pattern/`;
- a description in quotes, or as plain words: `age: int in years`, `bio: one sentence about them`. Words that
  begin with no type are a description of a string; one single such word is an error, as it may be a
  misspelt type.

A specification that is no list of fields but one type (`list[str]`, `good|bad`, `float`) describes a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from glm_magics.structured.problems import SchemaError

__all__ = ["TYPES", "parse_shorthand", "parse_type"]

Node = dict[str, Any]

_NODES: dict[str, tuple[Node, tuple[str, ...]]] = {
    "str": ({"type": "string"}, ("string", "text")),
    "int": ({"type": "integer"}, ("integer",)),
    "float": ({"type": "number"}, ("number", "num", "double")),
    "bool": ({"type": "boolean"}, ("boolean",)),
    "date": ({"type": "string", "format": "date"}, ()),
    "datetime": ({"type": "string", "format": "date-time"}, ("timestamp",)),
    "time": ({"type": "string", "format": "time"}, ()),
    "timedelta": ({"type": "string", "format": "duration"}, ("duration",)),
    "decimal": ({"type": "string", "format": "decimal"}, ()),
    "uuid": ({"type": "string", "format": "uuid"}, ()),
    "dict": ({"type": "object"}, ("object",)),
    "list": ({"type": "array"}, ("array",)),
    "any": ({}, ("json",)),
}
TYPES: dict[str, Node] = {name: node for first, (node, others) in _NODES.items() for name in (first, *others)}
"""The names of types, each with its JSON Schema."""

_TOKEN = re.compile(
    r"""[^\S\n]*(?:
      (?P<newline>\n)
    | (?P<quoted>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|“[^”\n]*”|‘[^’\n]*’)
    | (?P<op>\.\.|>=|<=|==|>|<|≥|≤)
    | (?P<number>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![^\s:：,，?？|｜\[\]{}()<>=.]))
    | (?P<pattern>/(?:[^/\\\n]|\\.)+/)
    | (?P<mark>[:：,，?？|｜\[\]{}()])
    | (?P<word>[^\s:：,，?？|｜\[\]{}()<>='"“”‘’]+)
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_MARKS = str.maketrans("：，？｜", ":,?|")
_OPS = {"≥": ">=", "≤": "<="}
_DEEPEST = 40
_FIELD = re.compile(r"([^\W\d]\w*)[ \t]*[:：][ \t]*(\w+)")
_ESCAPE = re.compile(r"\\(.)")
_BOUNDS = {">=": "minimum", "<=": "maximum", ">": "exclusiveMinimum", "<": "exclusiveMaximum"}
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


def parse_shorthand(text: str) -> Node:
    """JSON Schema of a list of fields (an object) or of one type. Raises `SchemaError` with a caret."""
    parser = _Parser(text)
    if parser.at_end():
        raise SchemaError("The schema is empty; expected fields such as 'name: str, price: float?'.")
    return parser.whole_type() if parser.starts_as_type() else parser.record(closing="")


def parse_type(text: str) -> Node:
    """JSON Schema of what may stand after `name:` in the shorthand: a type, a description, or both."""
    parser = _Parser(text)
    if parser.at_end():
        return {"type": "string"}
    node = parser.annotation()
    parser.expect_end()
    return node


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def value(self) -> str:
        """The text without its quotes."""
        return _ESCAPE.sub(r"\1", self.text[1:-1]) if self.kind == "quoted" else self.text


class _Parser:
    """Recursive descent over `text`, which is read token by token: a description is taken as it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0

    # Tokens

    def peek(self, skip: int = 0) -> _Token:
        position = self.position
        for _ in range(skip):
            position = self._token(position).end
        return self._token(position)

    def take(self) -> _Token:
        token = self.peek()
        self.position = token.end
        return token

    def accept(self, mark: str) -> bool:
        token = self.peek()
        if token.kind not in ("mark", "op") or token.text != mark:
            return False
        self.position = token.end
        return True

    def expect(self, mark: str, why: str) -> None:
        if not self.accept(mark):
            raise self.wrong(self.peek(), f"expected {mark!r} {why}")

    def at_end(self) -> bool:
        self.skip_newlines()
        return self.peek().kind == "end"

    def skip_newlines(self) -> None:
        while self.peek().kind == "newline":
            self.take()

    def expect_end(self) -> None:
        if not self.at_end():
            raise self.wrong(
                self.peek(), "expected the end here; more than one field needs names: 'a: str, b: int'"
            )

    def wrong(self, token: _Token, message: str) -> SchemaError:
        return SchemaError.at(self.text, token.start, message)

    def _token(self, position: int) -> _Token:
        found = _TOKEN.match(self.text, position)
        if found is None:
            start = position + len(self.text[position:]) - len(self.text[position:].lstrip())
            problem = (
                "this quote is not closed" if self.text[start] in "'\"“”‘’" else "this is not understood"
            )
            if self.text[start] == "=" and self.text[start + 1 : start + 2] not in ("<", ">"):
                problem = "a field has no default (what may be missing is marked '?')"
            raise SchemaError.at(self.text, start, f"{problem}: {self.text[start : start + 12]!r}")
        kind = found.lastgroup or "end"
        text = found[kind]
        text = text.translate(_MARKS) if kind == "mark" else _OPS.get(text, text)
        return _Token(kind, text, found.start(kind), found.end())

    # Fields

    def starts_as_type(self) -> bool:
        """Whether the text is one type, not a list of fields. A lone name of a type is that type."""
        self.skip_newlines()
        first, second = self.peek(), self.peek(1)
        if first.text in ("{", "("):
            return True
        if second.text == "|" or (first.kind == "number" and second.text == ".."):
            return True
        if not _names_type(first):
            return False
        if second.text == "?":
            return self.peek(2).kind == "end"
        return second.text in ("[", "len") or second.kind in ("end", "op", "number", "quoted", "pattern")

    def whole_type(self) -> Node:
        node = self.annotation()
        self.expect_end()
        return node

    def record(self, *, closing: str) -> Node:
        """Fields up to `closing` ("}" or the end), which is taken."""
        properties: dict[str, Node] = {}
        required = []
        while not self._closed(closing):
            token = self.peek()
            name, node, optional = self.field()
            if name in properties:
                raise self.wrong(token, f"the field {name!r} is there twice")
            properties[name] = node
            if not optional:
                required.append(name)
            self._separator(closing)
        if not properties:
            raise self.wrong(self.peek(), "expected a field, such as 'name: str'")
        node = {"type": "object", "properties": properties}
        return {**node, "required": required} if required else node

    def field(self) -> tuple[str, Node, bool]:
        name = self.take()
        if name.kind not in ("word", "quoted", "number") or not name.value.strip():
            raise self.wrong(name, f"expected the name of a field, got {name.text!r}")
        optional = self.accept("?")
        if self.accept(":"):
            node = {"type": "string"} if self.field_ends() else self.annotation()
        elif self.field_ends():
            node = {"type": "string"}
        else:
            node = self._after_bare_name(name)
        node = _nullable(node) if optional else node
        return name.value, node, _is_nullable(node)

    def _after_bare_name(self, name: _Token) -> Node:
        """`age int`, `age int: in years`, `bio 'one sentence'`."""
        token = self.peek()
        if token.kind == "quoted" and self.peek(1).text != "|":
            return self.tail({"type": "string"})
        if not self.type_ahead():
            raise self.wrong(
                token,
                f"after the name {name.value!r} comes a type or a colon, and {token.text!r} is no type"
                f"{_nearest(token.text)}; a description needs the colon, a name with spaces quotes",
            )
        node = self.tail(self.type())
        if self.accept(":") and not self.field_ends():
            return self.tail(node) if self.peek().kind == "quoted" else self.words(node)
        return node

    def _separator(self, closing: str) -> None:
        token = self.peek()
        if token.text == "," or token.kind in ("newline", "end") or (closing and token.text == closing):
            return
        raise self.wrong(token, f"expected a comma before the next field, got {token.text!r}")

    def _closed(self, closing: str) -> bool:
        while self.peek().kind == "newline" or self.peek().text == ",":
            self.take()
        if self.peek().kind == "end":
            if closing:
                raise self.wrong(self.peek(), f"expected {closing!r}: a '{{' is not closed")
            return True
        return bool(closing) and self.accept(closing)

    def field_ends(self) -> bool:
        token = self.peek()
        return token.kind in ("newline", "end") or (token.kind == "mark" and token.text in ",}])")

    # What stands after the name

    def annotation(self) -> Node:
        self.skip_newlines()
        token = self.peek()
        if self.type_ahead():
            return self.tail(self.type())
        if token.kind in ("quoted", "pattern"):
            return self.tail({"type": "string"})
        if token.kind not in ("word", "number"):
            raise self.wrong(token, f"expected a type or a description, got {token.text!r}")
        return self._only_words(token)

    def _only_words(self, first: _Token) -> Node:
        node = self.words({"type": "string"})
        if len(node["description"].split()) > 1 or not node["description"].isascii():
            return node
        raise self.wrong(
            first,
            f"{first.text!r} is no type{_nearest(first.text)}; a description of one word stands in quotes",
        )

    def type_ahead(self) -> bool:
        first, second = self.peek(), self.peek(1) if self.peek().kind != "end" else self.peek()
        if first.kind == "mark":
            return first.text in ("{", "(")
        if first.kind in ("word", "quoted", "number") and second.text == "|":
            return True
        if first.kind == "number":
            return second.text == ".."
        return _names_type(first) or (first.kind == "word" and second.text == "[")

    def tail(self, node: Node) -> Node:
        """Constraints, `?` and the description, in any order, up to the end of the field."""
        optional = False
        while not self.field_ends() and self.peek().text != ":":
            token = self.peek()
            if self.accept("?"):
                optional = True
            elif token.kind == "quoted":
                node = {**node, "description": self.take().value}
            elif token.kind == "op":
                self.take()
                node = self._bound(node, token)
            elif token.kind == "number" and self.peek(1).text == "..":
                node = self._range(node)
            elif token.kind == "pattern":
                node = self._pattern(node)
            elif token.text == "len" and self.peek(1).kind in ("op", "number"):
                self.take()
                node = self._length(node)
            elif token.kind in ("word", "number"):
                node = self.words(node)
            else:
                raise self.wrong(token, f"{token.text!r} is not expected after a type")
        return _nullable(node) if optional else node

    def words(self, node: Node) -> Node:
        """The rest of the field as its description."""
        start = self.position
        end = _end_of_words(self.text, start)
        if self.text[end : end + 1] in tuple("{[|｜"):
            message = "a label of several words, or a description with this sign, stands in quotes"
            raise SchemaError.at(self.text, end, message)
        field = _FIELD.search(self.text, start, end)
        if field is not None and field[2].lower() in TYPES:
            raise SchemaError.at(self.text, field.start(1), f"expected a comma before the field {field[1]!r}")
        self.position = end
        return {**node, "description": " ".join(self.text[start:end].split())}

    # Types

    def type(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.wrong(self.peek(), f"more than {_DEEPEST} types within each other")
        parts = [self.alternative()]
        while self.accept("|"):
            self.skip_newlines()
            parts.append(self.alternative())
        self.depth -= 1
        return self._joined(parts)

    def _joined(self, parts: list[tuple[_Token, Node]]) -> Node:
        """Labels become an enum, types a union; `null` among either makes it optional."""
        kept = [(token, node) for token, node in parts if node != {"type": "null"}]
        labels = [node["enum"][0] for _, node in kept if "enum" in node and len(node) == 1]
        if not kept:
            raise self.wrong(parts[0][0], "only null: expected a type or labels")
        if labels and len(labels) < len(kept):
            token = next(token for token, node in kept if "enum" not in node)
            raise self.wrong(token, f"{token.text!r} is a type among labels: quote it if it is a label")
        if len(kept) == 1 and labels and kept[0][0].kind == "word" and len(parts) == 1:
            token = kept[0][0]
            raise self.wrong(token, f"{token.text!r} is no type{_nearest(token.text)}")
        node = {"enum": list(dict.fromkeys(labels))} if labels else _union([node for _, node in kept])
        return _nullable(node) if len(kept) < len(parts) else node

    def alternative(self) -> tuple[_Token, Node]:
        token = self.peek()
        node = self.atom()
        while self.peek().text == "[" and self.peek(1).text == "]":
            if "enum" in node and token.text != "(":
                raise self.wrong(token, f"{token.text!r} is no type{_nearest(token.text)}")
            self.take()
            self.take()
            node = {"type": "array", "items": node}
        return token, node

    def atom(self) -> Node:
        token = self.take()
        name = token.text.lower()
        if token.text == "{":
            return self.record(closing="}")
        if token.text == "(":
            return self._closing(self.inner(), ")")
        if token.kind == "number" and self.accept(".."):
            return self._ranged(token, {})
        if token.kind == "number":
            return {"enum": [_number(token.text)]}
        if token.kind == "quoted":
            return {"enum": [token.value]}
        if token.kind != "word":
            raise self.wrong(
                token, f"expected a type, got {token.text!r}" if token.text else "expected a type here"
            )
        if token.text in ("null", "None"):
            return {"type": "null"}
        if _names_type(token) and name in ("list", "array") and self._opens():
            return self._closing({"type": "array", "items": self.inner()}, "]")
        if _names_type(token) and name in ("dict", "object") and self._opens():
            return self._closing({"type": "object", "additionalProperties": self._dict_value()}, "]")
        if _names_type(token):
            return dict(TYPES[name])
        if self.peek().text == "[" and self.peek(1).text != "]":
            raise self.wrong(token, f"{token.text!r} takes no brackets; expected list[…] or dict[str, …]")
        return {"enum": [token.text]}

    def inner(self) -> Node:
        """A type within brackets, with its `?` and constraints."""
        self.skip_newlines()
        node = self.tail(self.type())
        self.skip_newlines()
        return node

    def _opens(self) -> bool:
        return self.peek(1).text != "]" and self.accept("[")

    def _closing(self, node: Node, mark: str) -> Node:
        self.expect(mark, "to close the type")
        return node

    def _dict_value(self) -> Node:
        token = self.peek()
        first = self.inner()
        if not self.accept(","):
            return first
        if first != {"type": "string"}:
            raise self.wrong(token, "the keys of a JSON object are text: dict[str, …]")
        return self.inner()

    # Constraints

    def _bound(self, node: Node, op: _Token) -> Node:
        token = self.take()
        if token.kind != "number":
            raise self.wrong(token, f"expected a number after {op.text!r}, got {token.text!r}")
        value = _number(token.text)
        if op.text == "..":
            raise self.wrong(op, "a range needs both ends: 0..5")
        bounds = {"minimum": value, "maximum": value} if op.text == "==" else {_BOUNDS[op.text]: value}
        return self._numeric(node, bounds, op)

    def _range(self, node: Node) -> Node:
        low = self.take()
        self.expect("..", "in a range")
        return self._ranged(low, node)

    def _ranged(self, low: _Token, node: Node) -> Node:
        high = self.take()
        if high.kind != "number":
            raise self.wrong(high, f"expected the upper end of the range, got {high.text!r}")
        ends = _number(low.text), _number(high.text)
        if ends[0] > ends[1]:
            raise self.wrong(low, f"the range {low.text}..{high.text} is empty")
        kind = "integer" if all(isinstance(end, int) for end in ends) else "number"
        bounds = {"minimum": ends[0], "maximum": ends[1]}
        return self._numeric(node or {"type": kind}, bounds, low)

    def _numeric(self, node: Node, bounds: Node, token: _Token) -> Node:
        def bounded(part: Node) -> Node:
            numeric = part.get("type") in ("integer", "number") or part.get("format") == "decimal"
            return {**part, **bounds} if numeric else part

        changed = _each(node, bounded)
        if changed == node:
            raise self.wrong(token, "a bound needs a number before it; the length of a text is 'len <= 20'")
        return changed

    def _length(self, node: Node) -> Node:
        op = self.take()
        low, high = self._length_ends(op)
        keys = _LENGTHS.get(node.get("type", ""))
        if keys is None or "format" in node:
            raise self.wrong(op, "a length needs a text, a list or a dict before it")
        ends = zip(keys, (low, high), strict=True)
        return {**node, **{key: end for key, end in ends if end is not None}}

    def _length_ends(self, op: _Token) -> tuple[int | None, int | None]:
        if op.kind == "number":
            self.expect("..", "or a comparison after 'len'")
            return self._count(op), self._count(self.take())
        count = self._count(self.take())
        ends: dict[str, tuple[int | None, int | None]] = {
            ">=": (count, None),
            ">": (count + 1, None),
            "<=": (None, count),
            "<": (None, count - 1),
            "==": (count, count),
        }
        if op.text not in ends:
            raise self.wrong(op, "expected a comparison after 'len', such as len <= 20")
        return ends[op.text]

    def _count(self, token: _Token) -> int:
        if token.kind == "number" and token.text.isdigit():
            return int(token.text)
        raise self.wrong(token, f"expected a whole number, got {token.text!r}")

    def _pattern(self, node: Node) -> Node:
        token = self.take()
        if node.get("type") != "string" or "format" in node:
            raise self.wrong(token, "a pattern needs a text before it")
        return {**node, "pattern": token.text[1:-1].replace("\\/", "/")}


def _end_of_words(text: str, start: int) -> int:
    """Where a description in plain words ends: at a separator or bracket outside of its parentheses."""
    depth = 0
    for position in range(start, len(text)):
        character = text[position]
        depth += (character in "(（") - (character in ")）")
        if depth < 0 or character in "\n{}[]|｜" or (depth == 0 and character in ",，"):
            return position
    return len(text)


def _names_type(token: _Token) -> bool:
    return token.kind == "word" and token.text.lower() in TYPES


def _nearest(word: str) -> str:
    near = get_close_matches(word.lower(), TYPES, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f" ({', '.join(_NODES)})"


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _union(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else {"anyOf": nodes}


def _is_nullable(node: Node) -> bool:
    return {"type": "null"} in node.get("anyOf", ())


def _nullable(node: Node) -> Node:
    """`node` or null, its description on the outside."""
    if _is_nullable(node):
        return node
    inner = {key: value for key, value in node.items() if key != "description"}
    parts = inner["anyOf"] if set(inner) == {"anyOf"} else [inner]
    about = {"description": node["description"]} if "description" in node else {}
    return {"anyOf": [*parts, {"type": "null"}], **about}


def _each(node: Node, change: Any) -> Node:
    """`change` applied to the node, or to every branch of a union."""
    if "anyOf" in node:
        return {**node, "anyOf": [_each(part, change) for part in node["anyOf"]]}
    return dict(change(node))
