"""How the JSON documents of an answer fit a schema, and which of them is meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from glm_magics.structured.candidates import Document
from glm_magics.structured.problems import Note, Problem, Validated
from glm_magics.structured.settling import Settled, settled
from glm_magics.structured.shapes import Shaper

__all__ = ["Checks", "Fit", "Rivals", "chosen", "fits"]


class Checks(Protocol):
    """The last word on a value: a `Schema`, as far as it is needed here."""

    @property
    def json_schema(self) -> dict[str, Any]: ...
    @property
    def shape(self) -> str: ...
    def validate(self, value: Any, /) -> Validated: ...


class Rivals(ValueError):
    """Several documents differ, and nothing says which is meant."""

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Fit:
    """A document (or several in a row) as the schema sees it; with `problems` it has no value.

    `lead` is the text before it; `related` says that it looks like an attempt at the schema.
    """

    value: Any
    complete: bool
    notes: tuple[Note, ...]
    problems: tuple[Problem, ...]
    lead: str
    related: bool


def fits(found: Sequence[Document], schema: Checks, shaper: Shaper, *, truncated: bool) -> list[Fit]:
    """Each document, or run of documents that are the items of one list, against the schema."""
    groups = list(_groups(found, joined=schema.shape == "rows"))
    return [_fit(group, schema, shaper, cut=truncated and group is groups[-1]) for group in groups]


# What may stand between the records of one list: bullets, numbers, "Row 2:", "第3条", fences.
_LABEL = re.compile(
    r"[\s,;、，；`~]*(?:json[lc5]?|ndjson)?[\s,;]*(?:[-*•]\s*)?\**\(?(?:(?:row|record|item|object|entry|line|第|记录|条目)\s*[#№]?\d{1,4}\s*"
    r"(?:[条行项个](?:记录)?)?|\d{1,4}(?=\s*[.)、:：]))?\)?\**\s*[.)、:：-]?\**\s*(?:`{3,}\w*)?\s*",
    re.IGNORECASE,
)


def _groups(found: Sequence[Document], *, joined: bool) -> Iterator[list[Document]]:
    """Documents that follow each other like the items of a list belong together."""
    group: list[Document] = []
    for document in found:
        if group and not (joined and _LABEL.fullmatch(document.lead)):
            yield group
            group = []
        group.append(document)
    if group:
        yield group


def _fit(group: list[Document], schema: Checks, shaper: Shaper, *, cut: bool) -> Fit:
    """How a group of documents fits the schema. `cut` says that the last of them may be unfinished."""
    whole: list[Settled] = []
    for document in group:
        if document.piece is None:
            return _misfit(document.broken, group, related=document.place != "code")
        last = cut and document is group[-1]
        one = settled(document.piece, last, shaper)
        if one is not None:
            whole.append(one)
        elif not (last and whole):
            return _misfit("the answer ends in the middle: a value would have to be invented", group)
    unfinished = len(whole) < len(group)
    value = whole[0].value if len(whole) == 1 and not unfinished else _joined([one.value for one in whole])
    done, changed, problems = shaper.shaped(value)
    if any(document.piece.rebracketed for document in group if document.piece):
        # A member on the wrong side of the missing bracket is one that its object does not know.
        inside = [note for note in changed if note.kind == "dropped" and note.path not in ("", "rows")]
        problems += [Problem(note.path, note.message) for note in inside]
    if not problems:
        checked = schema.validate(done)
        done, problems = checked.value, list(checked.errors)
        changed = [*changed, *checked.notes]
    notes = (*(note for one in whole for note in one.notes), *_join_notes(len(group), unfinished), *changed)
    # Code that does not fit is code: a type, an example of a call.
    related = shaper.related(value) and not (problems and group[0].place == "code")
    complete = all(one.complete for one in whole) and not (cut and len(group) > 1)
    return Fit(done, complete, notes, tuple(problems), group[0].lead, related)


def _misfit(why: str, group: list[Document], *, related: bool = True) -> Fit:
    return Fit(None, False, (), (Problem("", why),), group[0].lead, related)


def _joined(values: list[Any]) -> list[Any]:
    rows: list[Any] = []
    for value in values:
        rows += value if isinstance(value, list) else [value]
    return rows


def _join_notes(count: int, unfinished: bool) -> Iterator[Note]:
    if unfinished:
        yield Note("dropped", f"[{count - 1}]", "the answer was cut off; the unfinished record was left out")
    if count > 1:
        yield Note("unwrapped", "", f"{count} documents in a row were joined")


CORRECTED = re.compile(
    r"correct(?:ed|ion)|\bfinal|revis|updated|\bfixed|actually|instead|mistake|\bwrong|\bwait\b|sorry|oops|"
    r"修正|更正|改正|最终|纠正|更新后|错误|不对|抱歉|应为|应该是",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"example|e\.g\.|for instance|\bformat|schema|template|sample|\bdraft|first attempt|first try|\binput|"
    r"original|"
    r"例如|比如|示例|样例|格式|模板|草稿|初稿|输入|原始",
    re.IGNORECASE,
)


def chosen(found: list[Fit]) -> tuple[Fit, tuple[Note, ...]]:
    """The fit that is meant, and why. Two that differ need words that say which: "example", "corrected".

    Raises `Rivals` when there are none.
    """
    rivals = [fit for fit in found if fit.related or not fit.problems] or found
    notes: list[Note] = []
    if not _all_equal(rivals):
        real = [fit for fit in rivals if not _EXAMPLE.search(fit.lead) or CORRECTED.search(fit.lead)]
        if real and len(real) < len(rivals):
            notes.append(_choice("a JSON document that the answer calls an example or a draft was left out"))
            rivals = real
    if not _all_equal(rivals):
        if not CORRECTED.search(rivals[-1].lead):
            raise _rivalry(rivals)
        notes.append(_choice(f"the last of {len(rivals)} documents: the answer calls it corrected"))
    if len(found) > len(rivals) and not notes:
        notes.append(_choice("of several JSON documents the one that fits the schema"))
    return rivals[-1], tuple(notes)


def _choice(message: str) -> Note:
    return Note("chosen", "", message)


def _all_equal(rivals: list[Fit]) -> bool:
    first = rivals[0]
    return len(rivals) == 1 or all(
        not one.problems and repr(one.value) == repr(first.value) for one in rivals
    )


def _rivalry(rivals: list[Fit]) -> Rivals:
    broken = [problem for fit in rivals for problem in fit.problems]
    if broken:
        return Rivals(f"it holds {len(rivals)} JSON documents, not all of them whole", broken)
    return Rivals(f"it holds {len(rivals)} JSON documents that differ, and nothing says which is meant", ())
