"""The records of a text: its rows, lines or bullets where it has such, else the sentences or clauses that
each say something new.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from glm_magics.demo.writer import facts
from glm_magics.demo.writer.blocks import balanced
from glm_magics.demo.writer.phrases import thing
from glm_magics.demo.writer.shape import Shape
from glm_magics.demo.writer.source import Source
from glm_magics.demo.writer.tables import attached, without_tables
from glm_magics.demo.writer.words import sentences

__all__ = ["ROW_ID", "data_of", "json_object", "parts", "records"]

ROW_ID = re.compile(r"^(?:id|_id|row|row_?id|index|idx|i|n|no|number|编号)$", re.IGNORECASE)
_NUMBERS = ("integer", "number", "decimal")
_STRONG = (*_NUMBERS, "date", "datetime", "time", "duration", "uuid")
_INSTRUCTION = re.compile(
    r"^\W*(?:please\s+|now\s+|then\s+)*(?:extract|classify|return|respond|answer|output|give|list|fill|find|"
    r"summari[sz]e|take|never|label|rate|tag|identify|which|what|who|whom|whose|where|when|why|how|is|are|does|"
    r"do|read|turn|convert|parse|make|tell|every key|for (?:each|every))\b"
    r"|^\W*(?:请|提取|返回|输出|列出|哪|什么|对|把|分类|抽取)"
    r"|\b(?:json|schema|keys?:|fields?:)\b|字段",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^\W*(?:text|input|data|review|comment|message|文本|内容|评论|输入)\s*[:：]\s*(?=\S)", re.IGNORECASE
)
_BULLET = re.compile(r"^[ \t]*[-*•·][ \t]+(.+(?:\n[ \t]+(?![-*•·][ \t])\S.*)*)$", re.MULTILINE)
_NUMBERED = re.compile(r"^[ \t]*(?:\[(\d+)\]|#?(\d+)[.):、])[ \t]*(?!\d)(\S.*)$", re.MULTILINE)
_LABELLED = re.compile(r"^[ \t]*([^\W\d][\w ]{0,20}?)[ \t]*[:：][ \t]*(\S.*)$", re.MULTILINE)
_TAGGED = re.compile(r"<(\w+)[^>]*?\b(?:id|n|index)=[\"']?([\w-]+)[\"']?[^>]*>(.*?)</\1>", re.DOTALL)


def records(text: str) -> list[Source]:
    """The records that a text marks: rows of a table, JSON objects, tagged rows, numbered lines, bullets, or
    lines that begin with the same label.
    """
    for table in attached(text):
        return [Source(_spoken(row), row) for row in table.records]
    objects = [value for start, end in balanced(text) for value in [json_object(text[start:end])] if value]
    if len(objects) > 1:
        return [Source(_spoken(row), row) for row in objects]
    tagged = _TAGGED.findall(text) if "</" in text else []
    if tagged:
        return [Source(inside.strip(), {"id": id}) for _, id, inside in tagged]
    numbered = _NUMBERED.findall(text)
    if numbered:
        return [Source(words.strip(), {"id": one or other}) for one, other, words in numbered]
    bullets = _BULLET.findall(text)
    if bullets:
        return [Source(" ".join(words.split())) for words in bullets]
    labelled = _LABELLED.findall(text)
    same = [words for label, words in labelled if label == labelled[0][0]]
    return [Source(words.strip()) for words in same] if len(same) > 1 else []


def json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _spoken(row: Mapping[str, Any]) -> str:
    """A row's words: those of its cells that are text, then the others with their names."""
    named = {str(key): value for key, value in row.items() if not ROW_ID.match(str(key))}
    words = [str(v) for v in named.values() if isinstance(v, str) and not facts.numbers(v)]
    return ". ".join([*words, *(f"{k}: {v}" for k, v in named.items() if str(v) not in words)])


def data_of(text: str) -> str:
    """The text to look at, without the sentences that only say what to do with it."""
    plain = without_tables(text) or text
    kept = [said for sentence in sentences(plain) for said in [_told(sentence)] if said]
    return "\n".join(kept) or plain


def _told(sentence: str) -> str:
    """What a sentence tells: nothing for an instruction or a heading, but all that follows their colon."""
    before, _, after = re.sub("：", ":", sentence).partition(":")
    if _INSTRUCTION.search(before):
        return after.strip()
    plain = _HEADING.sub("", sentence).strip()
    return "" if re.search(r"[:：]$", plain) else plain


def parts(text: str, item: Shape) -> list[Source]:
    """The places that rows of `item` can come from, in a text that is no more than prose."""
    marked = records(text)
    if marked:
        return marked
    found = list(_clauses_or_sentences(data_of(text), item))
    return found or [Source(data_of(text))]


def _clauses_or_sentences(text: str, item: Shape) -> Iterator[Source]:
    strong = _strong(item)
    begun: list[str] = []
    for sentence in sentences(text):
        clauses = [clause for clause in _clauses(sentence) if _is_whole(clause, item)]
        if len(clauses) > 1:
            yield from map(Source, clauses)
        elif _begins(sentence, strong):
            if begun:
                yield Source(" ".join(begun))
            begun = [sentence]
        elif begun:
            begun.append(sentence)
    if begun:
        yield Source(" ".join(begun))


def _strong(item: Shape) -> int:
    """How many facts that can be recognised a row has of its own, at any depth but its lists."""
    own = sum(part.kind in _STRONG for _, part in item.fields)
    return own + sum(_strong(part) for _, part in item.fields if part.kind == "object")


def _begins(sentence: str, strong: int) -> bool:
    """Whether a sentence begins a new record: it has a fact of its kind, or else names a new subject."""
    if strong:
        return bool(facts.numbers(sentence) or facts.dates(sentence) or facts.times(sentence))
    return bool(facts.names(sentence) or thing(sentence)) and not re.match(
        r"\W*(?:it|he|she|they|this|but|and|also)\b", sentence, re.IGNORECASE
    )


def _clauses(sentence: str) -> list[str]:
    split = re.split(r"[,;:，；：、](?!\d)|\band\b|以及|和(?=\d)|\.(?=\s|$)|。", sentence)
    return [clause.strip() for clause in split if clause.strip()]


def _is_whole(clause: str, item: Shape) -> bool:
    """Whether a clause alone makes a row: it names a thing and has a number for each field of numbers."""
    if any(part.kind == "object" for _, part in item.fields):
        return False
    wanted = sum(part.kind in _NUMBERS for _, part in item.fields)
    return wanted > 0 and len(facts.numbers(clause)) >= wanted and thing(clause) is not None
