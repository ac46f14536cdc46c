"""What the comment behind a type demands: "0..5", "at most 3 items", "each 2 characters", "matches /^x/".

Words that are no demand are the description.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["demanded"]

Node = dict[str, Any]

_NUM = r"(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
_SIZED = {"characters": ("string", "Length"), "items": ("array", "Items"), "keys": ("object", "Properties")}
_BOUNDS = {">=": "minimum", "<=": "maximum", ">": "exclusiveMinimum", "<": "exclusiveMaximum"}
_ITEM = re.compile(r"item ([1-9]\d{0,2}): ")
_SIZE = re.compile(
    r"(?:(\d+)\.\.(\d+)|(\d+) or more|at most (\d+)|(\d+)) (characters|items|keys)", re.IGNORECASE
)
_FORMATS = (
    (r'"YYYY-MM-DD"', "date"),
    (r"ISO 8601 (?:date and time|with offset).*", "date-time"),
    (r'"hh:mm(?::ss)?"', "time"),
    (r"ISO 8601 duration\b.*", "duration"),
    (r"exact decimal number\b.*", "decimal"),
    (r"UUID", "uuid"),
)
_SAID_ONLY_HERE = ("duration", "decimal", "uuid")  # their type is a mere `string`
_DECIMAL = {"type": "string", "format": "decimal"}


def demanded(node: Node, comment: str) -> Node:
    """`node` with the keywords that `comment` stands for, and with what else it says as a description."""
    words: list[str] = []
    for part in _parts(comment):
        changed = _with(node, part)
        if changed is None:
            words.append(part)
        else:
            node = changed
    return {**node, "description": "; ".join(words)} if words else node


def _parts(comment: str) -> list[str]:
    """The comment at its semicolons, but a pattern in one piece."""
    parts: list[str] = []
    for part in comment.split("; "):
        if parts and _is_open_pattern(parts[-1]):
            parts[-1] += f"; {part}"
        else:
            parts.append(part)
    return [part for part in parts if part]


def _is_open_pattern(part: str) -> bool:
    start = re.match(r"(?:each |item \d+: )*matches /", part)
    return start is not None and not (part.endswith("/") and len(part) > start.end())


def _with(node: Node, part: str) -> Node | None:
    """`node` under one more demand; None when the words are none that it can take."""
    if "anyOf" in node:
        return _with_member(node, part)
    if part.startswith("each "):
        return _with_each(node, part.removeprefix("each "))
    item = _ITEM.match(part)
    if item and int(item[1]) <= len(node.get("prefixItems", ())):
        at, parts = int(item[1]) - 1, node["prefixItems"]
        changed = _with(parts[at], part[item.end() :])
        return changed and {**node, "prefixItems": [*parts[:at], changed, *parts[at + 1 :]]}
    keywords = _keywords(node, part)
    return None if keywords is None or keywords.keys() & node.keys() - {"format"} else {**node, **keywords}


def _with_member(node: Node, part: str) -> Node | None:
    members = _with_first(node["anyOf"], part)
    return None if members is None else {**node, "anyOf": members}


def _with_first(nodes: list[Node], part: str) -> list[Node] | None:
    """The nodes, the first that can take the demand under it."""
    for at, node in enumerate(nodes):
        changed = _with(node, part)
        if changed is not None:
            return [*nodes[:at], changed, *nodes[at + 1 :]]
    return None


def _with_each(node: Node, part: str) -> Node | None:
    inner = {"array": "items", "object": "additionalProperties"}.get(str(node.get("type")))
    if inner is None or not isinstance(node.get(inner), dict):
        return None
    changed = _with(node[inner], part)
    if changed is None:
        about = node[inner].get("description")
        changed = {**node[inner], "description": f"{about}; {part}" if about else part}
    return {**node, inner: changed}


def _keywords(node: Node, part: str) -> Node | None:
    kind = node.get("type")
    if kind == "array" and part == "no item twice":
        return {"uniqueItems": True}
    sized = _SIZE.fullmatch(part)
    if sized:
        owner, size = _SIZED[sized[6].lower()]
        low, high = sized[1] or sized[3] or sized[5], sized[2] or sized[4] or sized[5]
        return _present({f"min{size}": low, f"max{size}": high}) if owner == kind else None
    if kind == "string":
        found = _of_text(part, str(node.get("format", "")))
        if found is not None:
            return found
    return _bounds(part) if kind in ("integer", "number") or _DECIMAL.items() <= node.items() else None


def _of_text(part: str, form: str) -> Node | None:
    pattern = re.fullmatch(r"matches /(.+)/", part, re.DOTALL)
    if pattern:
        return {"pattern": pattern[1]}
    named = next((name for said, name in _FORMATS if re.fullmatch(said, part)), None)
    return {"format": named} if named and form == ("" if named in _SAID_ONLY_HERE else named) else None


def _bounds(part: str) -> Node | None:
    span = re.fullmatch(rf"{_NUM}\.\.{_NUM}", part)
    if span:
        return {"minimum": _number(span[1]), "maximum": _number(span[2])}
    bound = re.fullmatch(rf"(>=|<=|>|<|multiple of) ?{_NUM}", part)
    if bound:
        return {_BOUNDS.get(bound[1], "multipleOf"): _number(bound[2])}
    return None


def _present(counts: dict[str, str | None]) -> Node:
    return {key: int(count) for key, count in counts.items() if count is not None}


def _number(text: str) -> float:
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
