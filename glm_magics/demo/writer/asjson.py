"""Answers in JSON: one object for each record of the input, or one for all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glm_magics.demo.ask import Ask
from glm_magics.demo.writer import facts
from glm_magics.demo.writer.blocks import balanced, without_fences
from glm_magics.demo.writer.fill import Source, fill
from glm_magics.demo.writer.packed import PackedRows, packed_rows
from glm_magics.demo.writer.shape import Shape, find_shape
from glm_magics.demo.writer.tables import attached, without_tables
from glm_magics.demo.writer.words import keywords, sentences

__all__ = ["json_answer", "value_for", "wants_json"]

_ASKED = re.compile(r"(?<!`)\bjson\b", re.IGNORECASE)  # ```json only says what is in a fence
_ID = re.compile(r"^(?:id|_id|row|row_?id|index|idx|i|n|no|number|编号)$", re.IGNORECASE)
_INSTRUCTION = re.compile(
    r"\b(?:json|schema|keys?|fields?|extract|classify|return|respond|answer with|output|format)\b"
    r"|\bnever invent\b|\bby calling the function\b|\bone object of this type\b"
    r"|\b(?:give null for|take) what is (?:not )?known\b"
    r"|字段|提取|返回|输出",
    re.IGNORECASE,
)


def wants_json(ask: Ask) -> bool:
    """Whether the request is for JSON: by its mode, or by a shape that its words carry."""
    if ask.json_mode:
        return True
    found = find_shape(ask.question) or find_shape(ask.system)
    return found is not None and (found.sure or bool(_ASKED.search(f"{ask.system}\n{ask.question}")))


def json_answer(ask: Ask, *, result: str = "") -> str:
    """The JSON text, compact enough to read; `result` is what a tool just said."""
    shape, question = _shape(ask)
    rows = packed_rows(ask.question)
    if rows is not None and shape is not None:
        return json.dumps(_row_by_row(rows, shape), ensure_ascii=False)
    if result:
        question = result
    value = value_for(shape, question) if shape else _free(question)
    return json.dumps(value, ensure_ascii=False)


def _row_by_row(packed: PackedRows, shape: Shape) -> Any:
    one = _rows_of(shape) or shape
    fields = tuple((name, part) for name, part in one.fields if name != packed.id)
    record = replace(one, fields=fields)
    return {"rows": [{packed.id: id, **value_for(record, question)} for id, question in packed.questions]}


def _shape(ask: Ask) -> tuple[Shape | None, str]:
    """The shape wanted and the words to find values in: the shape may stand in the system message."""
    inside, outside = find_shape(ask.question), find_shape(ask.system)
    if inside and (inside.sure or not outside):
        return inside.shape, inside.rest
    return (outside.shape if outside else None), ask.question


def value_for(shape: Shape, text: str) -> Any:
    """A value of the shape, from the records or the words of the text."""
    rows = _rows_of(shape)
    records = _records(text)
    if rows is not None and records:
        filled = [_filled(rows, record, n) for n, record in enumerate(records)]
        return _around(shape, filled, text)
    if rows is not None:
        return _around(shape, [fill(rows, part) for part in _parts(text)], text)
    return fill(shape, Source(_data(text), records[0].row if len(records) == 1 else {}))


def _rows_of(shape: Shape) -> Shape | None:
    """The shape of one row, when a list of objects is asked for: bare, or as the one list of an object."""
    if shape.kind == "array" and shape.item is not None and shape.item.kind == "object":
        return shape.item
    lists = [
        part for _, part in shape.fields if part.kind == "array" and part.item and part.item.kind == "object"
    ]
    return lists[0].item if len(lists) == 1 else None


def _around(shape: Shape, rows: list[Any], text: str) -> Any:
    if shape.kind == "array":
        return rows
    source = Source(_data(text))
    return {
        name: rows if _rows_of(Shape("object", ((name, part),))) else fill(part, source, name=name)
        for name, part in shape.fields
    }


def _filled(shape: Shape, record: Source, number: int) -> dict[str, Any]:
    row: dict[str, Any] = fill(shape, record)
    for name, part in shape.fields:
        if _ID.match(name) and record.cell(name) is None:
            given = next((value for key, value in record.row.items() if _ID.match(str(key))), number)
            row[name] = str(given) if part.kind == "string" else int(given) if str(given).isdigit() else given
    return row


def _records(text: str) -> list[Source]:
    """The input's records: rows of an attached table, JSON objects, tagged rows, or numbered lines."""
    for table in attached(text):
        return [Source(_spoken(row), row) for row in table.records]
    objects = [value for start, end in balanced(text) for value in [_object(text[start:end])] if value]
    if len(objects) > 1:
        return [Source(_spoken(row), row) for row in objects]
    tagged = re.findall(r"<(\w+)[^>]*?\b(?:id|n|index)=[\"']?([\w-]+)[\"']?[^>]*>(.*?)</\1>", text, re.DOTALL)
    if tagged:
        return [Source(inside.strip(), {"id": id}) for _, id, inside in tagged]
    numbered = re.findall(r"^[ \t]*(?:\[(\d+)\]|#?(\d+)[.):])[ \t]+(.+)$", text, re.MULTILINE)
    if numbered:
        return [Source(words.strip(), {"id": one or other}) for one, other, words in numbered]
    bullets = re.findall(r"^[ \t]*[-*•][ \t]+(.+)$", text, re.MULTILINE)
    return [Source(words.strip()) for words in bullets] if len(bullets) > 1 else []


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _spoken(row: Mapping[str, Any]) -> str:
    """A row's words: those of its cells that are text, then the others with their names."""
    words = [
        str(v)
        for k, v in row.items()
        if isinstance(v, str) and not _ID.match(str(k)) and not facts.numbers(v)
    ]
    return ". ".join(
        [*words, *(f"{k}: {v}" for k, v in row.items() if str(v) not in words and not _ID.match(str(k)))]
    )


def _parts(text: str) -> list[Source]:
    """Sentences with facts in them; those that only instruct are left aside."""
    said = [part for part in sentences(_data(text)) if facts.names(part) or facts.numbers(part)]
    return [Source(part) for part in said] or [Source(_data(text))]


def _data(text: str) -> str:
    """The text to look at, without the sentences that only say what to do with it."""
    plain = without_tables(text) or text
    kept = [part for part in sentences(plain) if not _INSTRUCTION.search(part.partition(":")[0])]
    told = [
        part.partition(":")[2] for part in sentences(plain) if _INSTRUCTION.search(part.partition(":")[0])
    ]
    data = [*(part for part in told if not _INSTRUCTION.search(part)), *kept]
    return "\n".join(part.strip() for part in data if part.strip()) or plain


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
