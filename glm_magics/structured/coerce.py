"""Values moved to the types of a schema, where that changes their spelling and not their meaning.

Text stays text: `'01234'` in a text field is left alone. What could mean two things is a problem.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any

from glm_magics.structured.amounts import amount
from glm_magics.structured.literals import fold, is_nothing, label_meant, truth
from glm_magics.structured.moments import FORMATS, in_format
from glm_magics.structured.normal import Node, resolved, without_null
from glm_magics.structured.problems import Note, Part, Problem, path_text
from glm_magics.structured.reader import Bare
from glm_magics.structured.repair import json_in
from glm_magics.structured.strings import Unreadable
from glm_magics.structured.units import same_unit, unit_agrees, wants_fraction
from glm_magics.structured.values import is_number, plain, same, shown

__all__ = ["REMARKS", "Coercion"]


@dataclass(slots=True)
class Coercion:
    """Moves values to `node`'s types. Collects notes of what it did, and problems it left alone."""

    defs: Mapping[str, Node]
    root: str = ""
    notes: list[Note] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    units: dict[str, dict[str, None]] = field(default_factory=dict)

    def value(self, value: Any, node: Node, loc: tuple[Part, ...] = ()) -> Any:
        node = resolved(node, self.defs)
        node, optional = without_null(node)
        node = resolved(node, self.defs)
        if value is None or (isinstance(value, Bare) and value == ""):
            return self._nothing(value, node, optional, loc)
        if optional and self._says_nothing(value, node):
            self.note("coerced", loc, f"{value!r} → null")
            return None
        if (
            isinstance(value, list)
            and len(value) == 1
            and _is_scalar(node)
            and not isinstance(value[0], list)
        ):
            self.note("unwrapped", loc, "an array of one value")
            return self.value(value[0], node, loc)
        if "anyOf" in node:
            return self._any_of(value, node["anyOf"], loc)
        if "enum" in node:
            return self._label(value, node["enum"], loc)
        kind = node.get("type")
        if kind is None:
            return self.plain(value, loc)
        return getattr(self, f"_{kind}")(value, node, loc)

    def plain(self, value: Any, loc: tuple[Part, ...] = ()) -> Any:
        """A value that no schema describes: exact numbers as Python's own, words without quotes as text."""
        done, problem = plain(value)
        if problem:
            self.problem(loc, problem, value)
        return done

    def note(self, kind: str, loc: tuple[Part, ...], message: str) -> None:
        self.notes.append(Note(kind, path_text(self.root, loc), message))

    def problem(self, loc: tuple[Part, ...], message: str, got: Any) -> None:
        self.problems.append(Problem(path_text(self.root, loc), message, got, loc))

    def mixed_units(self) -> None:
        """One column in centimetres and metres cannot be numbers without its units."""
        for path, units in self.units.items():
            if not all(same_unit(unit, other) for unit in units for other in units):
                shown = " and ".join(repr(unit) for unit in list(units)[:4])
                self.problems.append(Problem(path, f"should be in one unit, not in {shown}", list(units)))

    def _nothing(self, value: Any, node: Node, optional: bool, loc: tuple[Part, ...]) -> Any:
        if optional or node.get("type") in (None, "null"):
            if value is not None:
                self.note("coerced", loc, "no value → null")
            return None
        self.problem(loc, "should not be empty", None)
        return None

    def _says_nothing(self, value: Any, node: Node) -> bool:
        """`N/A` where no text may stand; in a text field only without quotes, as text it is left alone."""
        if not isinstance(value, str) or not is_nothing(value):
            return False
        return not _takes_text(node, self.defs) or isinstance(value, Bare)

    def _any_of(self, value: Any, nodes: Sequence[Node], loc: tuple[Part, ...]) -> Any:
        """The one branch that takes the value as it is; else the one that takes it with a change."""
        tried = []
        for node in nodes:
            trial = Coercion(self.defs, self.root)
            done = trial.value(value, node, loc)
            if not trial.problems:
                tried.append((len(trial.notes), done, trial))
        least = min((count for count, _, _ in tried), default=0)
        best = [(done, trial) for count, done, trial in tried if count == least]
        if not best or (least and any(not same(done, best[0][0]) for done, _ in best)):
            self.problem(loc, "should be one of the kinds in the schema", value)
            return value
        exact = next((pair for pair in best if same(pair[0], value)), best[0])
        self.notes += exact[1].notes
        for path, units in exact[1].units.items():
            self.units.setdefault(path, {}).update(units)
        return exact[0]

    def _label(self, value: Any, labels: Sequence[Any], loc: tuple[Part, ...]) -> Any:
        for label in labels:
            if same(label, value) or (isinstance(value, Decimal) and label == value and is_number(label)):
                return label
        written = json.dumps(value) if isinstance(value, bool) else str(value)
        close = label_meant(written, labels) if isinstance(value, (str, int, Decimal)) else []
        if len(close) == 1:
            self.note("coerced", loc, f"{value!s} → {close[0]!s}")
            return close[0]
        self.problem(loc, f"should be {' or '.join(repr(label) for label in labels)}", value)
        return value

    def _string(self, value: Any, node: Node, loc: tuple[Part, ...]) -> Any:
        form = node.get("format")
        if form == "decimal":
            return self._decimal(value, node, loc)
        if form in FORMATS:
            return self._formatted(value, form, loc)
        if isinstance(value, Bare) and value in ("NaN", "Infinity", "-Infinity", "undefined"):
            self.problem(loc, "should be text", str(value))
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            self.note("coerced", loc, f"number {value} → text")
            return str(value)
        self.problem(loc, "should be text", value)
        return value

    def _formatted(self, value: Any, form: str, loc: tuple[Part, ...]) -> Any:
        if form == "date" and isinstance(value, int) and re.fullmatch(r"\d{8}", str(value)):
            value = str(value)
        if not isinstance(value, str):
            self.problem(loc, f"should be {FORMATS[form]}", value)
            return value
        text = str(value).strip()
        read_as = in_format(text, form)
        if read_as == text:
            return text
        if read_as is None:
            self.problem(loc, f"should be {FORMATS[form]}", value)
            return value
        self.note("coerced", loc, f"{value!r} → {read_as}")
        return read_as

    def _decimal(self, value: Any, node: Node, loc: tuple[Part, ...]) -> Any:
        if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
            return Decimal(value)
        return self._from_words(value, node, loc)

    def _number(self, value: Any, node: Node, loc: tuple[Part, ...]) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        read_as = value if isinstance(value, Decimal) else self._from_words(value, node, loc)
        if not isinstance(read_as, Decimal):
            return read_as
        as_float = float(read_as)
        if as_float in (float("inf"), float("-inf")):
            self.problem(loc, "should be a number that a float can hold", str(read_as)[:60])
        return as_float

    def _integer(self, value: Any, node: Node, loc: tuple[Part, ...]) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        read_as = value if isinstance(value, Decimal) else self._from_words(value, node, loc)
        if not isinstance(read_as, Decimal):
            return read_as
        if read_as.adjusted() > 4_000 or read_as != read_as.to_integral_value():
            self.problem(loc, "should be a whole number", shown(value))
            return value
        whole = int(read_as)
        if isinstance(value, Decimal):
            self.note("coerced", loc, f"{value} → {whole}")
        return whole

    def _from_words(self, value: Any, node: Node, loc: tuple[Part, ...]) -> Any:
        """A number from text such as `"$1,299.50"`, with a note; else a problem."""
        found = amount(value) if isinstance(value, str) else None
        if (
            node.get("type") == "integer"
            and isinstance(value, str)
            and _THREE_DECIMALS.fullmatch(value.strip())
        ):
            found = None  # `1.000` is one, or a thousand
        if found is None or not unit_agrees(found.unit, found.scaled, node, loc):
            wanted = "a whole number" if node.get("type") == "integer" else "a number"
            self.problem(loc, f"should be {wanted}", shown(value))
            return value
        number = found.number / 100 if found.unit == "%" and wants_fraction(node, loc) else found.number
        if found.unit:
            path = path_text(self.root, tuple(part for part in loc if not isinstance(part, int)))
            self.units.setdefault(path, {})[found.unit.lower()] = None
        if str(value) != str(number):
            self.note("coerced", loc, f"{shown(value)!r} → {number}")
        elif node.get("format") != "decimal":  # which is asked for as text
            self.note("coerced", loc, f"text {shown(value)!r} → number")
        return number

    def _boolean(self, value: Any, node: Node, loc: tuple[Part, ...]) -> Any:
        if isinstance(value, bool):
            return value
        read_as = truth(str(value)) if isinstance(value, (str, int)) else None
        if read_as is None:
            self.problem(loc, "should be true or false", shown(value))
            return value
        self.note("coerced", loc, f"{value} → {json.dumps(read_as)}")
        return read_as

    def _null(self, value: Any, node: Node, loc: tuple[Part, ...]) -> Any:
        if isinstance(value, str) and is_nothing(value):
            self.note("coerced", loc, f"{value!r} → null")
            return None
        self.problem(loc, "should be null", value)
        return value

    def _array(self, value: Any, node: Node, loc: tuple[Part, ...]) -> Any:
        value = self.unstringed(value, "[", loc)
        first = node.get("prefixItems")
        if not isinstance(value, list):
            if first is not None or (isinstance(value, str) and _SEVERAL.search(value)):
                self.problem(loc, "should be an array", shown(value))
                return value
            if isinstance(value, dict) and _kind_of(node.get("items"), self.defs) != "object":
                self.problem(loc, "should be an array", shown(value))
                return value
            self.note("coerced", loc, "one value → an array of it")
            value = [value]
        items = node.get("items") or {}
        nodes = [*(first or []), *[items] * (len(value) - len(first or []))]
        return [self.value(item, nodes[at], (*loc, at)) for at, item in enumerate(value)]

    def _object(self, value: Any, node: Node, loc: tuple[Part, ...]) -> Any:
        value = self.unstringed(value, "{", loc)
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            self.note("coerced", loc, "an array of one object → the object")
            value = value[0]
        if not isinstance(value, dict):
            self.problem(loc, "should be an object", shown(value))
            return value
        properties = node.get("properties")
        rest = node.get("additionalProperties")
        rest = rest if isinstance(rest, dict) else None
        if properties is None:
            return {key: self.value(item, rest or {}, (*loc, key)) for key, item in value.items()}
        value = self._nested(self._unwrapped(value, properties, loc), properties, loc)
        given = self._named(value, properties, loc)
        known = {
            key: self.value(item, properties[key], (*loc, key))
            for key, item in given.items()
            if key in properties
        }
        extra = {key: item for key, item in given.items() if key not in properties}
        if rest is not None:
            known |= {key: self.value(item, rest, (*loc, key)) for key, item in extra.items()}
            extra = {}
        self._check_extra(extra, {key: properties[key] for key in properties if key not in known}, loc)
        self._check_missing(known, node, loc)
        return known

    def _unwrapped(
        self, value: dict[str, Any], properties: Mapping[str, Node], loc: tuple[Part, ...]
    ) -> dict[str, Any]:
        """`{"item": {"name": …}}` where `{"name": …}` was asked for."""
        if len(value) != 1:
            return value
        (key, inner), names = next(iter(value.items())), {fold(name) for name in properties}
        if isinstance(inner, dict) and fold(key) not in names and names & {fold(name) for name in inner}:
            self.note("unwrapped", loc, f"taken out of {key!r}")
            return inner
        return value

    def _nested(
        self, value: dict[str, Any], properties: Mapping[str, Node], loc: tuple[Part, ...]
    ) -> dict[str, Any]:
        """`{"dim.w": 1}` where `{"dim": {"w": 1}}` was asked for."""
        nested: dict[str, Any] = {}
        for key, item in value.items():
            head, dot, tail = key.partition(".")
            inside = properties[head] if head in properties and key not in properties else {}
            if not dot or head in value or "properties" not in resolved(without_null(inside)[0], self.defs):
                nested[key] = item
                continue
            self.note("coerced", (*loc, head), f"key {key!r} → {tail!r} in {head!r}")
            nested.setdefault(head, {})[tail] = item
        return nested

    def _named(
        self, value: dict[str, Any], properties: Mapping[str, Node], loc: tuple[Part, ...]
    ) -> dict[str, Any]:
        """Keys as the schema spells them. Two spellings of one key with two values are a problem."""
        folded: dict[str, list[str]] = {}
        for name in properties:
            folded.setdefault(fold(name), []).append(name)
        named: dict[str, Any] = {}
        for key, item in value.items():
            names = folded.get(fold(key), [])
            name = key if key in properties or len(names) != 1 else names[0]
            if name != key:
                self.note("coerced", (*loc, name), f"key {key!r} → {name!r}")
            if name in named and not same(named[name], item):
                self.problem((*loc, name), "should stand once, not twice with different values", shown(item))
            named[name] = item
        return named

    def _check_extra(
        self, extra: Mapping[str, Any], absent: Mapping[str, Node], loc: tuple[Part, ...]
    ) -> None:
        """A key the schema does not know is dropped, unless it may be one of its own under another name."""
        for key, item in extra.items():
            meant = next((name for name, node in absent.items() if self._may_be(key, item, name, node)), None)
            if meant is not None:
                self.problem((*loc, meant), f"should stand under its own name, not {key!r}", shown(item))
            else:
                self.note("dropped", (*loc, key), f"not in the schema: {shown(item)}")

    def _may_be(self, key: str, item: Any, name: str, node: Node) -> bool:
        if SequenceMatcher(None, fold(key), fold(name)).ratio() >= 0.6 or fold(name) in fold(key):
            return True
        if fold(key) in REMARKS:
            return False
        trial = Coercion(self.defs, self.root)
        trial.value(item, node)
        return item is not None and not trial.problems and not trial.notes

    def _check_missing(self, known: Mapping[str, Any], node: Node, loc: tuple[Part, ...]) -> None:
        for name in node.get("required", ()):
            if name not in known:
                self.problem((*loc, name), "is missing", None)

    def unstringed(self, value: Any, bracket: str, loc: tuple[Part, ...]) -> Any:
        """JSON that was put into a string, or into a string in a string."""
        inner = value
        for _ in range(_DEEPEST_STRING):
            if not isinstance(inner, str) or inner.lstrip()[:1] not in (bracket, '"'):
                break
            try:
                inner = json_in(inner.strip())
            except Unreadable:
                return value
        if inner is value or isinstance(inner, str):
            return value
        self.note("unwrapped", loc, "JSON inside a string was read")
        return inner


_DEEPEST_STRING = 3


_THREE_DECIMALS = re.compile(r"[-+]?\d{1,3}\.\d{3}")
# One text that may be several: an array of one of it would hide the others.
_SEVERAL = re.compile(r"[,，、;；|/\n\[{]|\s(?:and|or|&)\s|[和与及]|^\s*$", re.IGNORECASE)
# What models add of their own accord, beside what was asked for.
_REMARK_WORDS = """
confidence certainty explanation reason reasoning reasons rationale justification evidence source sources
analysis thought thoughts thinking index
置信度 解释 理由 原因 依据 来源 出处 说明 分析
"""
REMARKS = frozenset(_REMARK_WORDS.split())


def _takes_text(node: Node, defs: Mapping[str, Node]) -> bool:
    """Is any text a value of it? An enum takes its labels; a date or a decimal is not any text."""
    node = resolved(node, defs)
    if "anyOf" in node:
        return any(_takes_text(part, defs) for part in node["anyOf"])
    if "enum" in node:
        return any(isinstance(label, str) and is_nothing(label) for label in node["enum"])
    return node.get("type", "string") == "string" and node.get("format") not in (*FORMATS, "decimal", "uuid")


def _is_scalar(node: Node) -> bool:
    return "enum" in node or node.get("type") in ("string", "number", "integer", "boolean")


def _kind_of(node: Any, defs: Mapping[str, Node]) -> str:
    return str(resolved(node or {}, defs).get("type", "object"))
