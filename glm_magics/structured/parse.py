"""The JSON that an answer means: strict, then out of its wrapping, then repaired, then moved to the schema.

Every step that changes something says so in a note, and where a careful reader could not tell what is meant
(two answers that differ, a record cut in its middle, a key with two values) there is an error and no value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from glm_magics.errors import ParseError
from glm_magics.structured.candidates import Document, Found, documents, names_in
from glm_magics.structured.coerce import fold, plain
from glm_magics.structured.problems import Note, Problem, Validated
from glm_magics.structured.repair import Piece, strict
from glm_magics.structured.shapes import Shaper

__all__ = ["Parsed", "parse"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an answer means. `complete` is False when some is missing: cut off, or left out by the model.

    `notes` list what was unwrapped, repaired, coerced, dropped or chosen, in plain words.
    """

    value: Any
    complete: bool = True
    notes: tuple[Note, ...] = ()


class _Schema(Protocol):
    @property
    def json_schema(self) -> dict[str, Any]: ...
    @property
    def shape(self) -> str: ...
    def validate(self, value: Any, /) -> Validated: ...


def parse(text: str, schema: Any = None, *, truncated: bool = False) -> Parsed:
    """The value of the JSON in `text`: rows, a record or a value of `schema`; any JSON without one.

    `schema` is a `Schema`, or any spelling of one that `glm.schema` takes.

    `truncated` says that the answer stopped at its length limit: whole records of a cut array are kept, the
    unfinished one is dropped and listed. Without a schema several documents are a list of all of them.
    Raises `ParseError` (with `.text` and `.problems`) when there is no value, or no way to tell which.
    """
    try:
        if schema is None:
            return _any(text, truncated)
        return _fitting(text, _made(schema), truncated)
    except RecursionError:
        raise _error(text, "it is nested too deeply") from None


def _made(schema: Any) -> _Schema:
    from glm_magics.structured.schema import schema as made

    plan: _Schema = schema if hasattr(schema, "json_schema") else made(schema)
    return plan


def _error(text: str, why: str, problems: Sequence[Any] = ()) -> ParseError:
    return ParseError(
        f"The answer is not the JSON that was asked for: {why}.", text=text, problems=tuple(problems)
    )


# Without a schema


def _any(text: str, truncated: bool) -> Parsed:
    found = documents(text)
    whole = _worth(found.documents)
    if not whole:
        raise _error(
            text, "its thinking never came to an answer" if found.only_thoughts else "there is no JSON in it"
        )
    if len(whole) == 1 and whole[0].piece is not None:
        single = _settled(whole[0].piece, truncated, None)
        if single is not None:
            return _plain(text, single.value, single.complete, (*found.notes, *single.notes))
    values: list[Any] = []
    notes, complete = list(found.notes), not truncated
    for at, document in enumerate(whole):
        if document.piece is None:
            raise _error(text, document.broken)
        settled = _settled(document.piece, False, None) if not document.piece.open else None
        if settled is None:
            if not (truncated and at == len(whole) - 1 and values):
                raise _error(text, "it ends before its last bracket")
            notes.append(Note("dropped", "", "the last document was cut off"))
            continue
        values.append(settled.value)
        notes += settled.notes
        complete = complete and settled.complete
    notes.append(Note("chosen", "", f"the answer holds {len(values)} JSON documents: this is a list of all"))
    return _plain(text, values, complete, notes)


def _plain(text: str, value: Any, complete: bool, notes: Sequence[Note]) -> Parsed:
    done, problem = plain(value)
    if problem:
        raise _error(text, f"a value in it {problem}")
    return Parsed(done, complete, tuple(notes))


def _worth(found: list[Document]) -> list[Document]:
    """Without footnote marks such as `[1]` in prose, and broken prose beside a fence."""
    fenced = any(document.place != "prose" and document.piece for document in found)
    kept = [document for document in found if not (document.place == "prose" and _is_noise(document, fenced))]
    return kept or [document for document in found if document.piece is not None]


def _is_noise(document: Document, fenced: bool) -> bool:
    if document.piece is None:
        return fenced
    value = document.piece.value
    if not value:
        return True
    return isinstance(value, list) and len(value) <= 3 and all(isinstance(item, int) for item in value)


# What the end of the text left open


@dataclass(frozen=True, slots=True)
class _Settled:
    value: Any
    complete: bool
    notes: tuple[Note, ...]


def _settled(piece: Piece, truncated: bool, shaper: Shaper | None) -> _Settled | None:
    """A piece with nothing open; None when its end is missing and what was lost cannot be told apart."""
    if not piece.open:
        return _Settled(piece.value, not piece.elided, piece.notes)
    if truncated and any(isinstance(container, list) for container in piece.open):
        return _without_unfinished(piece)
    innermost = piece.open[-1]
    if any(isinstance(container, list) for container in piece.open):
        return None  # nobody knows how many elements it was to have
    if shaper is None or not piece.settled or not _only_brackets_missing(innermost, shaper):
        return None
    note = Note("repaired", "", "the last closing brackets were missing")
    return _Settled(piece.value, not (piece.elided or truncated), (*piece.notes, note))


def _only_brackets_missing(innermost: dict[str, Any], shaper: Shaper) -> bool:
    """Is everything in the object that could have come: all its fields, or the array that it wraps?"""
    last = next(reversed(innermost.values()), None)
    wraps = isinstance(last, list) and not shaper.names & {fold(key) for key in innermost}
    return wraps or shaper.lacks_nothing(innermost)


def _without_unfinished(piece: Piece) -> _Settled | None:
    """Whole elements of the outermost array that was cut; the unfinished one is dropped."""
    at = next((at for at, container in enumerate(piece.open) if isinstance(container, list)), None)
    if at is None:
        return None
    array = piece.open[at]
    unfinished = array.pop() if at + 1 < len(piece.open) else None
    if not array:
        return None
    what = f": {str(plain(unfinished)[0])[:120]}" if unfinished else ""
    note = Note(
        "dropped", f"[{len(array)}]", f"the answer was cut off; the unfinished element was left out{what}"
    )
    return _Settled(piece.value, False, (*piece.notes, note))


# With a schema


@dataclass(frozen=True, slots=True)
class _Fit:
    value: Any
    complete: bool
    notes: tuple[Note, ...]
    problems: tuple[Problem, ...]
    lead: str
    related: bool


def _fitting(text: str, schema: _Schema, truncated: bool) -> Parsed:
    shaper = Shaper(schema.json_schema, schema.shape)
    plainly = _plainly(text, schema)
    if plainly is not None:
        return plainly
    found = documents(text, keys=frozenset({"rows", "value", *names_in(schema.json_schema)}))
    _check_scraps(text, found, schema)
    groups = list(_groups(_bare_value(text, found, schema), joined=schema.shape == "rows"))
    fits = [
        _fit(group, schema, shaper, truncated, last=at == len(groups) - 1) for at, group in enumerate(groups)
    ]
    if not fits:
        why = "its thinking never came to an answer" if found.only_thoughts else "there is no JSON in it"
        raise _error(text, why)
    fit, notes = _chosen(text, fits)
    after = Note("chosen", "", "the text after the JSON speaks of a correction: check it")
    trail = (after,) if _CORRECTED.search(found.trail) else ()
    return Parsed(fit.value, fit.complete, (*found.notes, *fit.notes, *notes, *trail))


_KEY = re.compile(r"[\"'“]([^\"'“”\n]{1,60})[\"'”]\s{0,20}[:：]")


def _check_scraps(text: str, found: Found, schema: _Schema) -> None:
    """Fields of the schema outside of the documents are what broke off one of them: it is not whole."""
    keys = set(names_in(schema.json_schema))
    if any(one.piece and one.piece.rebracketed for one in found.documents) and re.search(
        r"[\]}]", found.trail
    ):
        raise _error(text, "its brackets do not pair")
    for words in (*(document.lead for document in found.documents), found.trail):
        if found.documents and any(match[1] in keys for match in _KEY.finditer(words)):
            raise _error(text, "there are fields outside of its JSON")


def _plainly(text: str, schema: _Schema) -> Parsed | None:
    """An answer that is exactly what was asked for, at once; None when anything at all must be done."""
    validate_json = getattr(schema, "validate_json", None)
    if (
        validate_json is None
        or getattr(schema, "annotation", None) is not None
        or text.lstrip()[:1] not in ("{", "[")
    ):
        return None
    try:
        # Decimals go the long way: there `12.50` keeps its zero.
        if '"decimal"' in json.dumps(schema.json_schema):
            return None
        piece = strict(text)
        if piece.notes or not _is_root(piece.value, schema.shape):
            return None
        checked: Validated = validate_json(text)
    except (ValueError, ArithmeticError):
        return None
    return Parsed(checked.value) if not checked.errors and not checked.notes else None


def _is_root(value: Any, shape: str) -> bool:
    """Is it the very object (or array) that is asked for?"""
    if shape == "record":
        return isinstance(value, dict)
    if isinstance(value, dict):
        return set(value) == {"rows" if shape == "rows" else "value"}
    return shape == "rows"


def _bare_value(text: str, found: Found, schema: _Schema) -> list[Document]:
    """A bare label as the whole answer, where one label of a list was asked for."""
    if found.documents or schema.shape != "value" or "enum" not in schema.json_schema:
        return found.documents
    word = text.strip().strip("`\"'*。. ")
    return (
        [Document(Piece(word, (Note("unwrapped", "", "a label without quotes"),)), "", "text")]
        if word
        else []
    )


_LABEL = re.compile(
    r"[\s,;、，；`~]*(?:json[lc5]?|ndjson)?[\s,;]*(?:[-*•]\s*)?\**\(?(?:(?:row|record|item|object|entry|line|第|记录|条目)\s*[#№]?\d{1,4}\s*"
    r"(?:[条行项个](?:记录)?)?|\d{1,4}(?=\s*[.)、:：]))?\)?\**\s*[.)、:：-]?\**\s*(?:`{3,}\w*)?\s*",
    re.IGNORECASE,
)


def _groups(found: list[Document], *, joined: bool) -> Iterator[list[Document]]:
    """Documents that follow each other like the items of a list belong together."""
    group: list[Document] = []
    for document in found:
        if group and not (joined and _LABEL.fullmatch(document.lead)):
            yield group
            group = []
        group.append(document)
    if group:
        yield group


def _fit(group: list[Document], schema: _Schema, shaper: Shaper, truncated: bool, *, last: bool) -> _Fit:
    """How a group of documents fits the schema."""
    lead = group[0].lead
    settled: list[_Settled] = []
    notes: list[Note] = []
    for document in group:
        if document.piece is None:
            return _Fit(
                None,
                False,
                (),
                (Problem("", document.broken),),
                lead,
                related=document.place != "prose" or True,
            )
        cut = truncated and last and document is group[-1]
        one = _settled(document.piece, cut, shaper)
        if one is None and cut and settled:
            notes.append(
                Note(
                    "dropped",
                    f"[{len(settled)}]",
                    "the answer was cut off; the unfinished record was left out",
                )
            )
            continue
        if one is None:
            why = "the answer ends in the middle: a value would have to be invented"
            return _Fit(None, False, (), (Problem("", why),), lead, related=True)
        settled.append(one)
    value = settled[0].value if len(settled) == 1 and not notes else _joined([one.value for one in settled])
    if len(group) > 1:
        notes.append(Note("unwrapped", "", f"{len(group)} documents in a row were joined"))
    complete = all(one.complete for one in settled) and not (truncated and last and len(group) > 1)
    done, changed, problems = shaper.shaped(value)
    if any(document.piece.rebracketed for document in group if document.piece):
        # A member on the wrong side of the missing bracket is one that its object does not know.
        inside = [note for note in changed if note.kind == "dropped" and note.path not in ("", "rows")]
        problems += [Problem(note.path, note.message) for note in inside]
    if not problems:
        checked = schema.validate(done)
        done, problems = checked.value, list(checked.errors)
        changed = [*changed, *getattr(checked, "notes", ())]
    all_notes = (*(note for one in settled for note in one.notes), *notes, *changed)
    return _Fit(done, complete, all_notes, tuple(problems), lead, related=shaper.related(value))


def _joined(values: list[Any]) -> list[Any]:
    rows: list[Any] = []
    for value in values:
        rows += value if isinstance(value, list) else [value]
    return rows


_CORRECTED = re.compile(
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


def _chosen(text: str, fits: list[_Fit]) -> tuple[_Fit, tuple[Note, ...]]:
    """The fit that is meant. Two that differ need words that say which: "example", "corrected"."""
    rivals = [fit for fit in fits if fit.related or not fit.problems] or fits
    notes: tuple[Note, ...] = ()
    if len(rivals) > 1 and not _all_equal(rivals):
        real = [fit for fit in rivals if not _EXAMPLE.search(fit.lead) or _CORRECTED.search(fit.lead)]
        if real and len(real) < len(rivals):
            notes = (
                Note(
                    "chosen", "", "a JSON document that the answer calls an example or a draft was left out"
                ),
            )
            rivals = real
    if len(rivals) > 1 and not _all_equal(rivals):
        if not _CORRECTED.search(rivals[-1].lead):
            raise _rivals(text, rivals)
        notes = (
            *notes,
            Note("chosen", "", f"the last of {len(rivals)} documents: the answer calls it corrected"),
        )
    fit = rivals[-1]
    if fit.problems:
        raise _error(
            text,
            "; ".join(str(problem) if problem.path else problem.message for problem in fit.problems[:3]),
            fit.problems,
        )
    if len(fits) > len(rivals) and not notes:
        notes = (Note("chosen", "", "of several JSON documents the one that fits the schema"),)
    return fit, notes


def _all_equal(fits: list[_Fit]) -> bool:
    return all(not fit.problems and repr(fit.value) == repr(fits[0].value) for fit in fits)


def _rivals(text: str, rivals: list[_Fit]) -> ParseError:
    broken = [problem for fit in rivals for problem in fit.problems]
    if broken:
        return _error(text, f"it holds {len(rivals)} JSON documents, not all of them whole", broken)
    return _error(text, f"it holds {len(rivals)} JSON documents that differ, and nothing says which is meant")
