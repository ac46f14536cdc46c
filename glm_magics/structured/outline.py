"""Keys and values written as lines: YAML, `Key: value`, bullets with bold keys, records one after the other.

Scalars stay words without quotes (`Bare`): the schema decides whether `34` is a number. Lines that are not
understood make the whole outline unreadable; nothing in it is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glm_magics.structured.reader import Bare, read
from glm_magics.structured.strings import Unreadable

__all__ = ["outline"]

_DEEPEST = 20
_LINE = re.compile(
    r"(?P<indent>[ \t]*)(?P<bullet>(?:[-*•+]|\d{1,4}[.)、])\s+)?"
    r"(?:(?P<mark>\*\*|__|`|\"|')?(?P<key>[^\W_][^:：=*`\"'{}\[\]|<>]{0,60}?)\s{0,9}"
    r"(?:(?P=mark)\s{0,9}[:：]|[:：]\s{0,9}(?P=mark)|(?(mark)(?!)|[:：]))(?:\s+|(?<=：)|$))?(?P<rest>.*)"
)
# What stands between records: a rule, a heading.
_BETWEEN = re.compile(r"\s*(?:-{3,}|\*{3,}|={3,}|#{1,6}\s.*)\s*")


@dataclass(frozen=True, slots=True)
class _Line:
    indent: int
    bullet: bool
    key: str | None
    rest: str


def outline(text: str, *, comments: bool = False) -> Any:
    """The object, or list of objects, that the lines of `text` spell. Raises `Unreadable`.

    `comments` says that ` # …` at the end of a line is none of its value, as in YAML.
    """
    lines = [
        _line(line, comments)
        for line in text.splitlines()
        if line.strip() and not _is_comment(line, comments)
    ]
    if not lines:
        raise Unreadable("no lines", 0)
    records: list[Any] = []
    at = 0
    while at < len(lines):
        value, at = _block(lines, at, lines[at].indent if lines[at] else 0, 0)
        records.append(value)
    if len(records) == 1:
        return records[0]
    if not all(isinstance(record, dict) for record in records):
        raise Unreadable("lines of several kinds", 0)
    return records


def _is_comment(line: str, comments: bool) -> bool:
    return (comments and line.lstrip().startswith("#")) or _BETWEEN.fullmatch(line) is not None


def _line(text: str, comments: bool) -> _Line:
    if comments and (comment := re.search(r"\s#\s", text)):
        text = text[: comment.start()]
    match = _LINE.fullmatch(text.rstrip())
    if match is None:
        raise Unreadable(f"a line that is no key and value: {text[:60]!r}", 0)
    indent = len((match["indent"] or "").expandtabs(4))
    return _Line(indent, bool(match["bullet"]), match["key"], match["rest"].strip())


def _block(lines: Sequence[_Line], at: int, indent: int, depth: int) -> tuple[Any, int]:
    """The lines from `at` on that stand at `indent` or deeper, as one value; and where it ends."""
    if depth > _DEEPEST:
        raise Unreadable("an outline that is too deep", 0)
    if lines[at].bullet:
        return _bullets(lines, at, indent, depth)
    return _members(lines, at, indent, depth, {})


def _members(
    lines: Sequence[_Line], at: int, indent: int, depth: int, into: dict[str, Any]
) -> tuple[dict[str, Any], int]:
    """Members of one object; a key that comes again begins another object, which is not read here."""
    while at < len(lines) and lines[at].indent == indent and not lines[at].bullet:
        line = lines[at]
        if line.key is None:
            raise Unreadable(f"a line without a key: {line.rest[:60]!r}", 0)
        if line.key in into:
            return into, at
        into[line.key], at = _value(lines, at, indent, depth)
    if at < len(lines) and lines[at].indent > indent:
        raise Unreadable("a line that is indented too far", 0)
    return into, at


def _value(lines: Sequence[_Line], at: int, indent: int, depth: int) -> tuple[Any, int]:
    """What stands behind the key at `at`, on its line or in the lines below."""
    line, below = lines[at], at + 1
    if line.rest in ("|", "|-", ">", ">-"):
        raise Unreadable("a block of text", 0)
    if line.rest:
        return _scalar(line.rest), below
    nested = below < len(lines) and (
        lines[below].indent > indent
        or (lines[below].indent == indent and lines[below].bullet and not line.bullet)
    )
    return _block(lines, below, lines[below].indent, depth + 1) if nested else (Bare(""), below)


def _bullets(lines: Sequence[_Line], at: int, indent: int, depth: int) -> tuple[Any, int]:
    """A list; or one object, when every bullet is another key with its value."""
    items: list[Any] = []
    single = True
    while at < len(lines) and lines[at].indent == indent and lines[at].bullet:
        line = lines[at]
        if line.key is None:
            items.append(_scalar(line.rest))
            at, single = at + 1, False
            continue
        member, below = _value(lines, at, indent, depth)
        item = {line.key: member}
        if below < len(lines) and lines[below].indent > indent and not lines[below].bullet:
            item, below = _members(lines, below, lines[below].indent, depth + 1, item)
            single = False
        items.append(item)
        at = below
    if at < len(lines) and lines[at].indent > indent:
        raise Unreadable("a line that is indented too far", 0)
    keys = [key for item in items if isinstance(item, dict) for key in item]
    if single and len(set(keys)) == len(items) > 1:
        return {key: value for item in items for key, value in item.items()}, at
    return items, at


def _scalar(text: str) -> Any:
    """A value on its line: text in quotes, JSON in brackets, or words as they are."""
    for mark in ("**", "__", "`"):
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            text = text[len(mark) : -len(mark)]
    if text == "~":
        return Bare("")
    if text[:1] in tuple("\"'{["):
        reading = read(text)
        if reading.open or text[reading.end :].strip():
            raise Unreadable(f"more than one value in {text[:60]!r}", reading.end)
        return reading.value
    return Bare(text)
