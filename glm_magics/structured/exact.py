"""JSON text read without loss: a number with more digits than a float holds keeps its text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["ExactFloat", "loads", "needs_exact", "with_exact_decimals"]

# A float's shortest spelling has at most 17 digits; a number of fewer than 16 survives it.
_MANY_DIGITS = re.compile(r"[\d.]{17}")


class ExactFloat(float):
    """A float that knows the text it was read from."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> ExactFloat:
        number = super().__new__(cls, text)
        number.text = text
        return number


def loads(text: str) -> Any:
    """`json.loads`, with numbers that a float cannot hold as `ExactFloat`. Raises `ValueError`."""
    return json.loads(text, parse_float=ExactFloat) if needs_exact(text) else json.loads(text)


def needs_exact(text: str) -> bool:
    """Whether a number in `text` may have more digits than a float holds."""
    return _MANY_DIGITS.search(text) is not None


def with_exact_decimals(value: Any, node: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:
    """`value` with its exact floats, where the schema has decimals, as text: for what reads JSON text."""
    if isinstance(value, ExactFloat):
        return value.text if _may_be_decimal(node, defs) else value
    if isinstance(value, list):
        items = [part.get("items") or {} for part in _branches(node, defs)]
        return [with_exact_decimals(item, {"anyOf": items}, defs) for item in value]
    if isinstance(value, dict):
        return {
            key: with_exact_decimals(item, _property(node, key, defs), defs) for key, item in value.items()
        }
    return value


def _branches(node: Mapping[str, Any], defs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "$ref" in node:
        return _branches(defs[str(node["$ref"]).rpartition("/")[2]], defs)
    if "anyOf" in node:
        return [branch for part in node["anyOf"] for branch in _branches(part, defs)]
    return [node]


def _may_be_decimal(node: Mapping[str, Any], defs: Mapping[str, Any]) -> bool:
    return any(part.get("format") == "decimal" for part in _branches(node, defs))


def _property(node: Mapping[str, Any], key: str, defs: Mapping[str, Any]) -> Mapping[str, Any]:
    found = []
    for part in _branches(node, defs):
        rest = part.get("additionalProperties")
        found.append(part.get("properties", {}).get(key) or (rest if isinstance(rest, dict) else {}))
    return {"anyOf": found}
