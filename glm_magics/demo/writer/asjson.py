"""Answers in JSON: one object for each record of the input, or one for all of it, or invented rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from glm_magics.demo.ask import Ask
from glm_magics.demo.slips import Slips
from glm_magics.demo.writer import facts
from glm_magics.demo.writer.blocks import fences, without_fences
from glm_magics.demo.writer.compared import compared
from glm_magics.demo.writer.fill import fill, limited
from glm_magics.demo.writer.fits import fits
from glm_magics.demo.writer.invent import Wish, invented, wish
from glm_magics.demo.writer.packed import PackedRows, packed_rows
from glm_magics.demo.writer.parts import ROW_ID, data_of, json_object, parts, records
from glm_magics.demo.writer.shape import Shape, from_json_schema
from glm_magics.demo.writer.source import Source
from glm_magics.demo.writer.tables import attached
from glm_magics.demo.writer.wanted import find_shape
from glm_magics.demo.writer.words import keywords, sentences
from glm_magics.tokens import estimate

__all__ = ["json_answer", "value_for", "wants_json"]

_ASKED = re.compile(r"(?<!`)\bjson\b", re.IGNORECASE)  # ```json only says what is in a fence
_MOST_TOKENS = 131_072


def wants_json(ask: Ask) -> bool:
    """Whether the request is for JSON: by its mode, or by a shape that its words carry."""
    if ask.json_mode or ask.json_schema:
        return True
    question = ask.question
    found = find_shape(question) or find_shape(ask.system)
    return found is not None and (found.sure or bool(_ASKED.search(f"{ask.system}\n{question}")))


def json_answer(ask: Ask, *, result: str = "") -> str:
    """The JSON text, compact enough to read; `result` is what a tool just said."""
    task = _task(ask)
    packed = packed_rows(ask.question)
    if packed is not None and task.shape is not None and not result:
        return json.dumps(_row_by_row(packed, task.shape, ask.slips), ensure_ascii=False)
    if task.shape is None:
        text = result or task.text
        return json.dumps(_given(text) or _free(text), ensure_ascii=False)
    value = value_for(task.shape, result) if result else _answered(task, ask)
    return json.dumps(value, ensure_ascii=False)


def _row_by_row(packed: PackedRows, shape: Shape, slips: Slips) -> Any:
    """Every row as it would be answered alone, under its id."""
    rows = _list_of(shape)
    one = rows.item if rows is not None and rows.item is not None else shape
    record = replace(one, fields=tuple((name, part) for name, part in one.fields if name != packed.id))
    answers = (
        (id, slips.labelled(record, value_for(record, question), question))
        for id, question in packed.questions
    )
    return {"rows": [{packed.id: id, **answer} for id, answer in answers]}


@dataclass(frozen=True, slots=True)
class _Task:
    """The shape wanted, and the words to find values in."""

    shape: Shape | None
    text: str


def _task(ask: Ask) -> _Task:
    question = ask.question
    inside, outside = find_shape(question), find_shape(ask.system)
    if ask.json_schema:
        return _Task(from_json_schema(ask.json_schema), inside.rest if inside and inside.sure else question)
    if inside and (inside.sure or not outside):
        return _Task(inside.shape, inside.rest)
    return _Task(outside.shape if outside else None, question)


def _answered(task: _Task, ask: Ask) -> Any:
    assert task.shape is not None
    rows = _list_of(task.shape)
    wanted = wish(task.text) if rows is not None else None
    if (
        rows is not None
        and rows.item is not None
        and wanted
        and (wanted.explicit or not _has_data(task.text))
    ):
        most = ask.max_tokens or ask.tier.max_output or _MOST_TOKENS
        made = limited(rows, list(_within(most, rows.item, wanted, ask.seed)))
        return _around(task.shape, rows, made, "")
    return ask.slips.labelled(task.shape, value_for(task.shape, task.text), task.text)


def _within(most: int, row: Shape, wanted: Wish, seed: int) -> Iterator[Any]:
    """Invented rows until the answer is longer than `most` tokens: it is cut there, as the platform does."""
    written = 0
    for value in invented(row, wanted, seed):
        yield value
        written += estimate(json.dumps(value, ensure_ascii=False))
        if written > most + 200:
            return


def _has_data(text: str) -> bool:
    """Whether there is anything beside the wish itself to find values in."""
    if records(text):
        return True
    rest = [part for part in sentences(text) if wish(part) is None]
    return bool(rest) and any(facts.numbers(part) or facts.names(part) for part in rest)


def value_for(shape: Shape, text: str) -> Any:
    """A value of the shape: one that stands in the text, else from its records or its words."""
    said = compared(text)
    if said is not None and len(shape.fields) == 1:
        return {shape.fields[0][0]: said}
    given = _given(text)
    if given is not None and given.keys() == {name for name, _ in shape.fields}:
        return given
    rows = _list_of(shape)
    if rows is None or rows.item is None:
        marked = records(text)
        return fill(shape, Source(data_of(text), marked[0].row if len(marked) == 1 else {}), alone=True)
    if rows.item.kind != "object":
        return _around(shape, rows, _values(rows, text), text)
    marked = records(text)
    if marked:
        filled = [_filled(rows.item, record, number) for number, record in enumerate(marked)]
    else:
        filled = [row for part in parts(text, rows.item) for row in [fill(rows.item, part)] if part.hits]
    return _around(shape, rows, limited(rows, filled), text)


def _given(text: str) -> dict[str, Any] | None:
    """The object in the one JSON fence of the text: the answer itself, where it has its keys."""
    found = [inside for _, _, language, inside in fences(text) if language.lower() == "json"]
    return json_object(found[0]) if len(found) == 1 else None


def _values(rows: Shape, text: str) -> list[Any]:
    """One value for each record of the text, or all that there are in it."""
    item, marked = rows.item, records(text)
    if item is not None and marked and item.kind != "array":
        name = "name" if item.kind == "string" else ""
        values = [(record, fill(item, record, name=name)) for record in marked]
        return limited(rows, [value for record, value in values if record.hits])
    return list(fill(rows, Source(data_of(text))) or [])


def _list_of(shape: Shape) -> Shape | None:
    """The list whose items are the answer: the whole, or the one list of an object that has nothing else."""
    if shape.kind == "array":
        return shape
    if shape.kind == "object" and len(shape.fields) == 1 and shape.fields[0][1].kind == "array":
        return shape.fields[0][1]
    lists = [
        part for _, part in shape.fields if part.kind == "array" and part.item and part.item.kind == "object"
    ]
    flat = all(part.kind != "object" for _, part in shape.fields)
    return lists[0] if len(lists) == 1 and flat and shape.fields[0][1] is lists[0] else None


def _around(shape: Shape, rows: Shape, values: list[Any], text: str) -> Any:
    if shape.kind == "array":
        return values
    source = Source(data_of(text))
    return {name: values if part is rows else fill(part, source, name=name) for name, part in shape.fields}


def _filled(shape: Shape, record: Source, number: int) -> Any:
    row = fill(shape, record)
    for name, part in shape.fields if isinstance(row, dict) else ():
        if ROW_ID.match(name) and record.cell(name) is None and part.kind in ("string", "integer", "any"):
            given = next((value for key, value in record.row.items() if ROW_ID.match(str(key))), number)
            whole = str(given).isdigit() and part.kind != "string"
            value = int(given) if whole else str(given)
            if part.kind != "integer" or whole:
                row[name] = value if fits(part, value) else row.get(name)
    return row


def _free(text: str) -> Any:
    """JSON without a shape: the facts of the input under plain names."""
    tables = attached(text)
    if tables:
        return {"rows": [dict(row) for row in tables[0].records]}
    words = without_fences(text)
    found = {
        "names": facts.names(words),
        "numbers": [n.value if not n.whole else int(n.value) for n in facts.numbers(words)],
        "dates": facts.dates(words),
        "keywords": keywords(words, 5),
    }
    return {
        "answer": next(iter(sentences(words)), ""),
        **{key: value for key, value in found.items() if value},
    }
