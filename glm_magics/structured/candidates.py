"""The JSON documents in an answer, in order, with the words that lead to each of them.

Thinking is never the answer. Fences, prose and bullets are left out; a document that is broken stays in the
list as broken, so that a small intact one inside or beside it is not taken for the answer.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from glm_magics.structured.problems import Note
from glm_magics.structured.repair import Piece, strict, tolerant
from glm_magics.structured.strings import Ambiguous, Unreadable, join_surrogates

__all__ = ["Document", "Found", "documents", "names_in", "without_thoughts"]

Place = Literal["text", "fence", "code", "prose"]


@dataclass(slots=True)
class Document:
    """One JSON document, or what was broken (`piece` is None and `broken` says why).

    `lead` is the text between the document before and this one.
    """

    piece: Piece | None
    lead: str
    place: Place
    broken: str = ""


@dataclass(slots=True)
class Found:
    """Everything of an answer that may be its JSON. `trail` is the text after the last document."""

    documents: list[Document]
    trail: str = ""
    notes: tuple[Note, ...] = ()
    only_thoughts: bool = False


@dataclass(slots=True)
class _Scan:
    text: str
    keys: frozenset[str]
    documents: list[Document] = field(default_factory=list)
    lead: list[str] = field(default_factory=list)

    def add(self, piece: Piece | None, place: Place, broken: str = "") -> None:
        self.documents.append(Document(piece, "".join(self.lead), place, broken))
        self.lead = []


_BLANK = r"[\s\x00\ufeff\u200b-\u200d\u2060]"
_EDGES = "\ufeff\u200b\u200c\u200d\u2060\x00 \t\r\n\u3000\xa0"
_FIRST_TOKENS = re.compile(r"(?:<\|[a-z_]{1,40}\|>|\s)+")
_THOUGHT = r"(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)"
_THOUGHT_OPEN = re.compile(rf"<{_THOUGHT}>", re.IGNORECASE)
_THOUGHT_CLOSE = re.compile(rf"</{_THOUGHT}>", re.IGNORECASE)
_FENCE = re.compile(r"(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[\w+.-]*)[^\n`{\[]*(?:\n|(?=[{\[])|\Z)")
_JSON_LANGUAGES = frozenset("json json5 jsonc jsonl ndjson geojson text txt plaintext output".split()) | {""}  # noqa: SIM905
_CODE_LANGUAGES = frozenset("python py python3 javascript js typescript ts".split())  # noqa: SIM905
_ASSIGNMENT = re.compile(
    r"\s*(?:(?:export\s+)?(?:const|let|var)\s+|export\s+default\s+|return\s+)?"
    r"(?:[\w.]+(?:\s*:\s*[\w\[\], .]+)?\s*=\s*)?(?=[{\[(｛［【])"
)
_START = re.compile(
    rf"[{{｛](?={_BLANK}{{0,200}}(?:[\"'“”‘＂「]|[}}｝]|[^\W\d][\w.-]{{0,60}}\s{{0,20}}[:：=]|//|/\*|\#|\Z))"
    rf"|【(?={_BLANK}{{0,200}}[{{｛])|[\[［](?={_BLANK}{{0,200}}(?:[{{\[\"'“‘＂「｛［\]］(]|-?\d|true\b|false\b|null\b|None\b|True\b|False\b|//|/\*|\Z))"
)
_ESCAPED = re.compile(r"[{\[](?:\s|\\n|\\r|\\t|[{\[]){0,60}\\\"")
_HTML = re.compile(r"[{\[｛［](?:\s|&nbsp;|<br\s{0,3}/?>|[{\[｛［]){0,60}&(?:quot|#34|#x22|#39|apos);|<pre>")
_PREFORMATTED = re.compile(r"</?(?:pre|code)>", re.IGNORECASE)


def documents(text: str, *, keys: frozenset[str] = frozenset()) -> Found:
    """The documents of an answer. `keys` are the names that the schema knows."""
    text = join_surrogates(text)
    whole = _whole(text)
    if whole is not None:
        return whole
    if _begins_with_json(text) and (found := _one(text, keys)) is not None:
        return found
    answer, thought = without_thoughts(text)
    answer, notes = _decoded(answer)
    if thought:
        notes = (Note("unwrapped", "", "the thinking before the answer was left out"), *notes)
    found = (
        _whole(answer)
        or (_one(answer, keys) if _begins_with_json(answer) else None)
        or _scanned(answer, keys)
    )
    if not found.documents and not answer.strip(_EDGES) and thought:
        return Found([], only_thoughts=True)
    found.notes = (*notes, *found.notes)
    return found


def _whole(text: str) -> Found | None:
    """The text as strict JSON, if it is that."""
    bare = _without_tokens(text.strip(_EDGES))
    try:
        piece = strict(bare)
    except Ambiguous as error:
        return Found([Document(None, "", "text", str(error))])
    except Unreadable:
        return None
    return Found([Document(piece, "", "text")])


def _without_tokens(text: str) -> str:
    """Without the model's own marks, such as `<|begin_of_box|>`, at both ends."""
    if first := _FIRST_TOKENS.match(text):
        text = text[first.end() :]
    while text.endswith("|>") and 0 <= len(text) - (start := text.rfind("<|")) <= 44:
        text = text[:start].rstrip(_EDGES)
    return text.strip(_EDGES)


def _begins_with_json(text: str) -> bool:
    text = text.lstrip(_EDGES)
    return text[:1] in tuple("{[｛［") or re.match(r"【\s{0,200}[{｛]", text) is not None


def _one(text: str, keys: frozenset[str]) -> Found | None:
    """The text as one document and nothing else."""
    start = len(text) - len(text.lstrip(_EDGES))
    try:
        piece, end = tolerant(text, start, keys=keys)
    except Unreadable:
        return None
    if re.fullmatch(rf"(?:{_BLANK}|;|<\|[a-z_]+\|>)*", text[end:]) is None:
        return None
    return Found([Document(piece, "", "text")])


def without_thoughts(text: str) -> tuple[str, bool]:
    """The text without its thinking: closed or not, and also when only its end tag is there."""
    kept: list[str] = []
    at = 0
    while opened := _THOUGHT_OPEN.search(text, at):
        kept.append(text[at : opened.start()])
        closed = _THOUGHT_CLOSE.search(text, opened.end())
        at = closed.end() if closed else len(text)
    answer = "\n".join([*kept, text[at:]])
    ends = list(_THOUGHT_CLOSE.finditer(answer))
    return answer[ends[-1].end() :] if ends else answer, bool(kept or ends)


def _decoded(text: str) -> tuple[str, tuple[Note, ...]]:
    """The text without a layer around its JSON: HTML escapes, backslashes, block quotes."""
    notes: list[Note] = []
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and all(line.lstrip().startswith(">") for line in lines):
        text = re.sub(r"(?m)^\s*> ?", "", text)
        notes.append(Note("unwrapped", "", "the JSON stood in a block quote"))
    if _HTML.search(text):
        text = html.unescape(_PREFORMATTED.sub("", re.sub(r"<br\s*/?>", "\n", text)))
        notes.append(Note("unwrapped", "", "the JSON was escaped for HTML"))
    if (match := _ESCAPED.search(text)) and (inner := _unescaped(text, match.start())) is not None:
        text = text[: match.start()].rstrip('"') + inner
        notes.append(Note("unwrapped", "", "the JSON was escaped as a string"))
    return text, tuple(notes)


def _unescaped(text: str, start: int) -> str | None:
    end = max(text.rfind("}"), text.rfind("]")) + 1
    try:
        return str(json.loads(f'"{text[start:end]}"', strict=False))
    except ValueError:
        return None


def _scanned(text: str, keys: frozenset[str]) -> Found:
    """Documents in fences and in the prose between them, in order."""
    scan = _Scan(text, keys)
    at = 0
    while at < len(text):
        fence = _FENCE.search(text, at)
        stop = fence.start() if fence else len(text)
        at = _prose(scan, at, stop)
        if fence is None or at > stop:
            continue
        body, at = _fence_body(text, fence)
        _fenced(scan, body, fence["language"].lower(), closed=at < len(text) or text.endswith(fence["mark"]))
    if not scan.documents:
        _braceless(scan)
    trail = "".join(scan.lead)
    around = trail.strip() or any(found.lead.strip() or found.place != "prose" for found in scan.documents)
    notes = (Note("unwrapped", "", "the JSON stood in a longer text"),) if scan.documents and around else ()
    return Found(scan.documents, trail, notes)


def _fence_body(text: str, fence: re.Match[str]) -> tuple[str, int]:
    mark = re.escape(fence["mark"])
    close = re.compile(rf"\n[ \t>]*{mark}+[ \t]*(?=\n|\Z)|\n[ \t>]*{mark}").search(text, fence.end() - 1)
    close = close or re.compile(mark).search(text, fence.end())
    if close is None:
        return text[fence.end() :], len(text)
    return text[fence.end() : max(fence.end(), close.start())], close.end()


def _fenced(scan: _Scan, body: str, language: str, *, closed: bool) -> None:
    if language not in _JSON_LANGUAGES and language not in _CODE_LANGUAGES:
        scan.lead.append(" ")
        return
    body = _ASSIGNMENT.sub("", body, count=1) if _ASSIGNMENT.match(body) else body
    if language in _CODE_LANGUAGES and not _begins_with_json(body):
        scan.lead.append(" ")
        return
    if language in _CODE_LANGUAGES:
        body = body.rstrip(_EDGES + ";")
    body, _ = _decoded(body)
    try:
        scan.add(strict(body.strip(_EDGES + ";")), "fence")
        return
    except Ambiguous as error:
        scan.add(None, "fence", str(error))
        return
    except Unreadable:
        pass
    place: Place = "code" if language in _CODE_LANGUAGES else "fence"
    inner = _Scan(body, scan.keys)
    if _begins_with_json(body):
        start = _read_at(inner, len(body) - len(body.lstrip(_EDGES)), len(body), place)
        _run(inner, start, len(body), place)
    else:
        _run(inner, 0, len(body), place)
    if inner.documents:
        inner.documents[0].lead = "".join(scan.lead) + inner.documents[0].lead
        scan.documents += inner.documents
        scan.lead = inner.lead
    elif body.strip() and language.startswith("json"):
        scan.add(None, "fence", "the fence holds no JSON")


def _prose(scan: _Scan, at: int, stop: int) -> int:
    """Documents from `at` to `stop`, or further when a document holds a fence in its strings."""
    return _run(scan, at, stop, "prose")


def _run(scan: _Scan, at: int, stop: int, place: Place) -> int:
    while (start := _START.search(scan.text, at, stop)) is not None:
        scan.lead.append(scan.text[at : start.start()])
        at = _read_at(scan, start.start(), stop, place)
        if at >= stop:
            return at
    scan.lead.append(scan.text[at:stop])
    return stop


def _read_at(scan: _Scan, at: int, stop: int, place: Place) -> int:
    """Adds the documents that begin at `at`, one after the other; where they end."""
    try:
        piece, end = tolerant(scan.text, at, keys=scan.keys)
        if piece.open and stop < len(scan.text):
            piece, end = tolerant(scan.text[:stop], at, keys=scan.keys)
    except Unreadable as error:
        return _broken(scan, stop, place, error)
    if end > stop and "```" in scan.text[stop:end] and scan.text[stop - 1 : stop] == "\n" and piece.notes:
        return _broken(scan, stop, place, Unreadable("broken JSON before a fence", at))
    scan.add(piece, place)
    return end


def _broken(scan: _Scan, stop: int, place: Place, error: Unreadable) -> int:
    """Nothing after broken JSON in the same place can be trusted: its own parts would look like documents."""
    scan.add(None, place, str(error))
    return stop


def _braceless(scan: _Scan) -> None:
    """`"name": "x", "price": 5`: an object without its braces, when the schema knows its first key."""
    text = scan.text.strip(_EDGES + ",")
    match = re.match(r"[\"'“]([^\"'“”\n]{1,100})[\"'”]\s*[:：]", text)
    if match is None or match.group(1) not in scan.keys:
        return
    try:
        piece, end = tolerant("{" + text + "}", 0, keys=scan.keys)
    except Unreadable:
        return
    if end == len(text) + 2 and not piece.open:
        piece.notes = (*piece.notes, Note("repaired", "", "the braces around the object were missing"))
        scan.lead = []
        scan.add(piece, "text")


def names_in(values: Any) -> Iterator[str]:
    """The names of a JSON Schema's properties, at every depth."""
    if isinstance(values, dict):
        properties = values.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for value in values.values():
            yield from names_in(value)
    elif isinstance(values, list):
        for value in values:
            yield from names_in(value)
