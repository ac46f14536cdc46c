"""The forms in which a record is asked for when it has to show that the tier is sure of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from glm_magics.errors import RequestError
from glm_magics.rows.plan import record_schema
from glm_magics.structured.normal import Node, resolved

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UNSURE", "Ballot", "ballot"]

UNSURE = "unsure"
_ABOUT = f'"{UNSURE}" where the text does not let you decide'
_Labels = list[Any]


@dataclass(frozen=True, slots=True)
class Ballot:
    """`first` is the schema to ask with, `second` the same with its labels and fields the other way round.

    `labelled` are the fields that can be "unsure"; `added` those of them whose own labels lack it.
    """

    first: Any
    second: Any
    labelled: tuple[str, ...]
    added: tuple[str, ...]

    def unsure(self, answers: pd.DataFrame) -> pd.Series[Any]:
        """For each row whether a label is "unsure"."""
        return (answers[list(self.labelled)].astype(object) == UNSURE).any(axis=1)

    def settled(self, answers: pd.DataFrame) -> pd.DataFrame:
        """The answers, without the label where no row has it and the user did not name it."""
        import pandas as pd

        answers = answers.copy()
        for name in self.added:
            column = answers[name]
            if isinstance(column.dtype, pd.CategoricalDtype) and not (column == UNSURE).any():
                labels = [label for label in column.cat.categories if label != UNSURE]
                answers[name] = column.cat.set_categories(labels)
        return answers


def ballot(spec: Any, column: str, votes: int) -> Ballot:
    """The forms for a schema of one row's answer. Raises `RequestError` where votes cannot differ.

    Labels of a class, such as a pydantic model, stay as they are, so that its own checks hold.
    """
    record = record_schema(spec, column)
    plain = record.json_schema
    labelled = [name for name, labels in _labels(plain).items() if UNSURE in labels]
    added: list[str] = []
    first: Any = record
    if record.annotation is None:
        added = [name for name, labels in _labels(plain).items() if UNSURE not in labels]
        plain = _changed(plain, lambda labels: labels if UNSURE in labels else [*labels, UNSURE], _ABOUT)
        first = plain
    second = _turned(plain)
    if votes == 2 and len(plain.get("properties", {})) < 2 and not _labels(plain):
        raise RequestError(
            "votes=2: the second vote gets the labels, or the fields, in another order, and here is but one "
            "field without labels.",
            hint="Leave votes out.",
        )
    return Ballot(first, second, (*labelled, *added), tuple(added))


def _labels(node: Node) -> dict[str, _Labels]:
    """The labels of each field that has some."""
    defs = node.get("$defs", {})
    found: dict[str, _Labels] = {}
    for name, part in node.get("properties", {}).items():
        _change(part, defs, partial(found.setdefault, name))
    return found


def _changed(node: Node, change: Callable[[_Labels], _Labels], about: str = "") -> Node:
    """The schema of a record with the labels of its fields changed; `about` is added where they are."""
    defs, fields = node.get("$defs", {}), {}
    for name, part in node["properties"].items():
        new = _change(part, defs, change)
        if about and new is not part:
            told = [text for text in (new.get("description"), about) if text]
            new = {**new, "description": "; ".join(told)}
        fields[name] = new
    return {**node, "properties": fields}


def _change(part: Node, defs: dict[str, Node], change: Callable[[_Labels], _Labels]) -> Node:
    """A field with its labels changed; the very same where it has none."""
    kind = resolved(part, defs)
    if "enum" in kind:
        labels = [label for label in kind["enum"] if label is not None]
        if not labels or not all(isinstance(label, str) for label in labels):
            return part
        missing = [None] if None in kind["enum"] else []
        return {**kind, "enum": [*change(labels), *missing]}
    if "anyOf" in kind:
        parts = [_change(each, defs, change) for each in kind["anyOf"]]
        if any(new is not old for new, old in zip(parts, kind["anyOf"], strict=True)):
            return {**kind, "anyOf": parts}
    return part


def _turned(node: Node) -> Node:
    turned = _changed(node, lambda labels: labels[::-1])
    return {**turned, "properties": dict(reversed(turned["properties"].items()))}
