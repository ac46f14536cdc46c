"""The JSON that an answer means: strict, then out of its wrapping, then repaired, then moved to the schema.

Every step that changes something says so in a note, and where a careful reader could not tell what is meant
(two answers that differ, a record cut in its middle, a key with two values) there is an error and no value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glm_magics.errors import ParseError
from glm_magics.structured.candidates import Document, Found, documents, names_in
from glm_magics.structured.fitting import CORRECTED, Checks, Fit, Rivals, chosen, fits
from glm_magics.structured.plain_forms import plain_forms
from glm_magics.structured.problems import Note, Validated
from glm_magics.structured.repair import strict
from glm_magics.structured.settling import settled
from glm_magics.structured.shapes import Shaper
from glm_magics.structured.values import plain

__all__ = ["Parsed", "parse"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an answer means. `complete` is False when some is missing: cut off, or left out by the model.

    `notes` list what was unwrapped, repaired, coerced, dropped or chosen, in plain words.
    """

    value: Any
    complete: bool = True
    notes: tuple[Note, ...] = ()


def parse(text: str, schema: Any = None, *, truncated: bool = False) -> Parsed:
    """The value of the JSON in `text`: rows, a record or a value of `schema`; any JSON without one.

    `schema` is a `Schema`, or any spelling of one that `glm.schema` takes. With one, an answer that is a
    table, `key: value` lines or a bare value instead of JSON is read too.

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


def _made(schema: Any) -> Checks:
    from glm_magics.structured.schema import schema as made

    plan: Checks = schema if hasattr(schema, "json_schema") else made(schema)
    return plan


def _error(text: str, why: str, problems: Sequence[Any] = ()) -> ParseError:
    return ParseError(
        f"The answer is not the JSON that was asked for: {why}.", text=text, problems=tuple(problems)
    )


def _nothing(text: str, found: Found) -> ParseError:
    why = "its thinking never came to an answer" if found.only_thoughts else "there is no JSON in it"
    return _error(text, why)


# Without a schema


def _any(text: str, truncated: bool) -> Parsed:
    found = documents(text)
    whole = _worth(found.documents)
    if not whole:
        raise _nothing(text, found)
    if len(whole) == 1 and whole[0].piece is not None:
        single = settled(whole[0].piece, truncated, None)
        if single is not None:
            return _plain(text, single.value, single.complete, (*found.notes, *single.notes))
    values: list[Any] = []
    notes, complete = list(found.notes), not truncated
    for at, document in enumerate(whole):
        if document.piece is None:
            raise _error(text, document.broken)
        one = settled(document.piece, False, None)
        if one is None:
            if not (truncated and at == len(whole) - 1 and values):
                raise _error(text, "it ends before its last bracket")
            notes.append(Note("dropped", "", "the last document was cut off"))
            continue
        values.append(one.value)
        notes += one.notes
        complete = complete and one.complete
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


# With a schema


def _fitting(text: str, schema: Checks, truncated: bool) -> Parsed:
    plainly = _plainly(text, schema)
    if plainly is not None:
        return plainly
    shaper = Shaper(schema.json_schema, schema.shape)
    found = _found(text, schema)
    tried = fits(found.documents, schema, shaper, truncated=truncated)
    if not _is_json(found, tried):
        for forms in plain_forms(text, schema.json_schema, schema.shape, truncated=truncated):
            read = [fit for form in forms for fit in fits([form], schema, shaper, truncated=False)]
            if any(not fit.problems for fit in read):
                fit, _ = _chosen(text, read)
                return Parsed(fit.value, fit.complete, fit.notes)
            tried = tried or read
    if not tried:
        raise _nothing(text, found)
    _check_scraps(text, found, schema)
    fit, notes = _chosen(text, tried)
    after = Note("chosen", "", "the text after the JSON speaks of a correction: check it")
    trail = (after,) if CORRECTED.search(found.trail) else ()
    return Parsed(fit.value, fit.complete, (*found.notes, *fit.notes, *notes, *trail))


_IN_A_ROW = re.compile(r"\|[^\n]*\Z")


def _is_json(found: Found, tried: list[Fit]) -> bool:
    """Is the answer JSON, and not a table or lines with brackets in them?"""
    if found.documents and _IN_A_ROW.search(found.documents[0].lead):
        return False
    scattered = all(document.place == "prose" for document in found.documents)
    return any(not fit.problems or (fit.related and not scattered) for fit in tried)


def _found(text: str, schema: Checks) -> Found:
    """The documents of the text, or of the text that is in the JSON string which it is."""
    keys = frozenset({"rows", "value", *names_in(schema.json_schema)})
    found = documents(text, keys=keys)
    only = found.documents[0].piece if len(found.documents) == 1 else None
    if only is None or type(only.value) is not str or schema.shape == "value":
        return found
    inner = documents(only.value, keys=keys)
    note = Note("unwrapped", "", "the JSON stood in a string")
    return Found(inner.documents, inner.trail, (*found.notes, *only.notes, note, *inner.notes))


def _chosen(text: str, tried: list[Fit]) -> tuple[Fit, tuple[Note, ...]]:
    try:
        fit, notes = chosen(tried)
    except Rivals as error:
        raise _error(text, str(error), error.problems) from None
    if fit.problems:
        told = [str(problem) if problem.path else problem.message for problem in fit.problems[:3]]
        raise _error(text, "; ".join(told), fit.problems)
    return fit, notes


_KEY = re.compile(r"[\"'“]([^\"'“”\n]{1,60})[\"'”]\s{0,20}[:：]")


def _check_scraps(text: str, found: Found, schema: Checks) -> None:
    """Fields of the schema outside of the documents are what broke off one of them: it is not whole."""
    rebracketed = any(one.piece and one.piece.rebracketed for one in found.documents)
    if rebracketed and re.search(r"[\]}]", found.trail):
        raise _error(text, "its brackets do not pair")
    keys = set(names_in(schema.json_schema))
    for words in (*(document.lead for document in found.documents), found.trail):
        if found.documents and any(match[1] in keys for match in _KEY.finditer(words)):
            raise _error(text, "there are fields outside of its JSON")


def _plainly(text: str, schema: Checks) -> Parsed | None:
    """An answer that is exactly what was asked for, at once; None when anything at all must be done."""
    validate_json = getattr(schema, "validate_json", None)
    typed = getattr(schema, "annotation", None) is not None
    if validate_json is None or typed or text.lstrip()[:1] not in ("{", "["):
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
