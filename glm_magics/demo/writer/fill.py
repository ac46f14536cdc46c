"""Fills a shape with values found in a text. What is not there becomes null where null is allowed.

Nothing is understood: fields are matched to facts by name, type and shared words. Every value keeps to the
limits of its shape; one that would not is not taken.
"""

from __future__ import annotations

import json
import re
from typing import Any

from glm_magics.demo.writer import facts
from glm_magics.demo.writer.choices import choice, related, truth
from glm_magics.demo.writer.fits import emptiest, fits
from glm_magics.demo.writer.parts import parts
from glm_magics.demo.writer.pattern import sample
from glm_magics.demo.writer.phrases import thing
from glm_magics.demo.writer.quantities import quantity, written
from glm_magics.demo.writer.shape import ANY, Shape
from glm_magics.demo.writer.source import Source
from glm_magics.demo.writer.texts import words
from glm_magics.demo.writer.words import keywords, overlap, sentences

__all__ = ["fill", "limited"]

_NUMBERS = ("integer", "number", "decimal")
_NO_NAMES = re.compile(r"tag|keyword|topic|categor|label|标签|关键", re.IGNORECASE)


def fill(shape: Shape, source: Source, *, name: str = "", within: str = "", alone: bool = False) -> Any:
    """A value of this shape, for the field called `name` in an object called `within`."""
    found = _found(shape, source, name, within, alone)
    if found is not None:
        return found
    return None if shape.nullable else emptiest(shape)


def _found(shape: Shape, source: Source, name: str, within: str, alone: bool = False) -> Any:
    """What the text has for this shape; None when that is nothing."""
    match shape.kind:
        case "object":
            before = source.hits
            filled = _object(shape, source, name)
            may_be_absent = shape.optional or shape.nullable
            return None if may_be_absent and source.hits == before else filled
        case "array":
            return limited(shape, _array(shape, source, name, within))
        case "tuple":
            return [fill(part, source, name=name) for part in shape.parts]
        case "union":
            found = (_found(part, source, name, within, alone) for part in shape.parts)
            return next((value for value in found if value is not None), None)
        case "null" | "never":
            return None
        case _:
            value = _scalar(shape, source, name, within, alone)
            if value is None or not fits(shape, value):
                value = _matching(shape, source)
            source.hits += value is not None
            return value


def _object(shape: Shape, source: Source, name: str) -> dict[str, Any]:
    if shape.item is not None:
        return _free_keys(shape, source)
    texts = [key for key, part in shape.fields if part.kind == "string" and not part.optional]
    filled: dict[str, Any] = {}
    for key, part in shape.fields:
        value = _found(part, source, key, name, alone=len(texts) == 1 == len(shape.fields))
        if value is None and part.optional and not part.nullable:
            continue
        filled[key] = value if value is not None or part.nullable else emptiest(part)
    return filled


def _free_keys(shape: Shape, source: Source) -> dict[str, Any]:
    """`label: value` pairs, or things with their numbers, as the keys and values of an object."""
    item, found = shape.item or ANY, {}
    for clause in re.split(r"[,;\n，；。]|\.\s|\band\b", source.text):
        label, colon, said = re.sub("：", ":", clause).partition(":")
        key = label.strip(" -*•\"'") if colon else thing(clause.strip())
        value = _found(item, Source(said if colon else clause), "", "") if key else None
        if key and value is not None and len(key) <= 40:
            found[key] = value
    kept = dict(list(found.items())[: shape.limits.longest])
    missing = shape.limits.shortest - len(kept)
    return kept | {f"key{n + 1}": emptiest(item, n) for n in range(max(0, missing))}


def limited(shape: Shape, items: list[Any]) -> list[Any]:
    """As many items as the shape takes; the emptiest ones where it wants more."""
    if shape.limits.distinct:
        items = list({json.dumps(item, sort_keys=True): item for item in items}.values())
    items = items[: shape.limits.longest]
    number = 0
    while len(items) < shape.limits.shortest and number < 10 * shape.limits.shortest + 10:
        spare = emptiest(shape.item or ANY, number)
        number += 1
        if not (shape.limits.distinct and spare in items):
            items.append(spare)
    return items


def _scalar(shape: Shape, source: Source, name: str, within: str, alone: bool) -> Any:
    cell = source.cell(name)
    if cell is not None and cell != "":
        fitting = _as(shape, cell)
        if fitting is not None:
            return fitting
    said = source.said(name) if name else None
    match shape.kind:
        case "enum":
            return choice(shape, said or source.text)
        case "boolean":
            return truth(name, shape.about, source.text, said)
        case "integer" | "number" | "decimal":
            stated = _as(shape, said) if said else None
            return stated if stated is not None and fits(shape, stated) else quantity(shape, source, name)
        case "date" | "datetime":
            stated = _as(shape, said) if said else None
            day = stated or source.take(source.dates)
            return None if day is None else _moment(shape, day)
        case "time":
            return source.take(facts.times(source.text))
        case "duration":
            return source.take(facts.durations(source.text))
        case "uuid":
            return source.take(facts.uuids(source.text))
        case _:
            return said or _words(shape, source, name, within, alone)


def _words(shape: Shape, source: Source, name: str, within: str, alone: bool) -> str | None:
    found = words(source, name, shape.about, within=within, alone=alone)
    longest = shape.limits.longest
    if found is None or longest is None or len(found) <= longest or " " not in found[:longest]:
        return found
    return found[:longest].rpartition(" ")[0]


def _matching(shape: Shape, source: Source) -> str | None:
    """A word of the text that the pattern of the field matches."""
    if shape.kind != "string" or shape.limits.pattern is None or sample(shape.limits.pattern) is None:
        return None
    whole = (word.strip(".,;:!?()[]\"'，。；：（）") for word in source.text.split())
    return source.take([word for word in whole if 0 < len(word) <= 40 and fits(shape, word)])


def _moment(shape: Shape, day: str) -> str:
    if shape.kind == "date":
        return day[:10]
    return day if "T" in day else f"{day}T00:00:00"


def _as(shape: Shape, cell: Any) -> Any:
    """A table's cell as the shape wants it, or None when it does not fit."""
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    match shape.kind:
        case "integer" | "number" | "decimal":
            found = [n for n in facts.numbers(text) if n.whole or shape.kind != "integer"]
            return written(shape, found[0]) if found else None
        case "boolean":
            known = {"true": True, "yes": True, "1": True, "y": True, "是": True}
            return known.get(text.strip().lower(), False)
        case "enum":
            return next(
                (option for option in shape.options if str(option).lower() == text.strip().lower()), None
            )
        case "date" | "datetime":
            day = next(iter(facts.dates(text)), None)
            return None if day is None else _moment(shape, day)
        case "time":
            return next(iter(facts.times(text)), None)
        case "duration":
            return next(iter(facts.durations(text)), None)
        case "uuid":
            return next(iter(facts.uuids(text)), None)
        case _:
            return text


# Lists


def _array(shape: Shape, source: Source, name: str, within: str) -> list[Any]:
    item = shape.item or ANY
    cell = source.cell(name)
    if isinstance(cell, list):
        return [
            value for value in (_as(item, part) for part in cell) if value is not None and fits(item, value)
        ]
    if item.kind == "object" and item.fields:
        filled = [(part, fill(item, part, name=name)) for part in parts(source.text, item)]
        source.hits += sum(part.hits for part, _ in filled)
        return [row for part, row in filled if part.hits]
    if item.kind == "enum":
        text = source.text
        return [o for o in item.options if overlap(related(str(o)), text) or str(o).lower() in text.lower()]
    found = [value for value in _many(item, source, name) if fits(item, value)]
    source.hits += bool(found)
    return found


def _many(item: Shape, source: Source, name: str) -> list[Any]:
    """All values of a kind that a text has."""
    match item.kind:
        case "integer" | "number" | "decimal":
            return [written(item, n) for n in source.numbers if n.whole or item.kind != "integer"]
        case "date" | "datetime":
            return [_moment(item, day) for day in source.dates]
        case "time":
            return facts.times(source.text)
        case "duration":
            return facts.durations(source.text)
        case "uuid":
            return facts.uuids(source.text)
        case "string" | "any":
            return _texts(source, name)
        case _:
            return []


def _texts(source: Source, name: str) -> list[str]:
    if re.search(r"e-?mail", name, re.IGNORECASE):
        return facts.emails(source.text)
    if re.search(r"url|link", name, re.IGNORECASE):
        return facts.urls(source.text)
    if source.names and not _NO_NAMES.search(name):
        return source.names
    listed = re.findall(r"^[ \t]*[-*•][ \t]+(.+)$", source.text, re.MULTILINE)
    things = [found for found in map(thing, listed) if found]
    if things:
        return things
    return keywords(source.text, 3) if sentences(source.text) else []
