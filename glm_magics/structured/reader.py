"""A reader for JSON as models write it: quotes, commas, brackets and words that JSON has not.

It reads one value from a place in a text and lists every liberty it took. It never fills in a value that is
not written, and where the text can be read in two ways it refuses (`Ambiguous`) instead of choosing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from glm_magics.structured.strings import CLOSERS, Ambiguous, Context, Cut, StringReader, Unreadable, unescape

__all__ = ["Bare", "Reading", "Repair", "number", "read"]

DEEPEST = 200
_MOST_TOKENS = 1_000_000


class Bare(str):
    """A word that stood without quotes (`NaN`, `USD 5`, `007`): the schema decides what it is."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Repair:
    """One kind of liberty: what it was, how often, and an example."""

    kind: str
    count: int
    example: str


@dataclass(slots=True)
class Reading:
    """A value and where it ends.

    `open` holds the containers that the end of the text left open, outermost first; `settled` says that the
    last thing in the text was a whole value, so that only brackets are missing; `elided` that an ellipsis
    stands for something.
    """

    value: Any
    end: int
    repairs: tuple[Repair, ...]
    open: list[Any] = field(default_factory=list)
    settled: bool = True
    elided: bool = False


_BLANK = re.compile(
    r"(?:[\s\x00\ufeff\u200b-\u200d\u2060]+|//[^\n]*|\#[^\n]*|/\*.*?(?:\*/|\Z)|<!--.*?-->)+", re.DOTALL
)
_SPACES = re.compile(r"[\s\x00\ufeff\u200b-\u200d\u2060]+")
# What follows the JSON of an answer that forgot its last bracket: a fence, a tag, a mark of the model's own.
_END = re.compile(r"`{3}|</\w{1,40}>|<\|[a-z_]{1,40}\|>")
_PARAGRAPH = re.compile(r"[ \t\r]*\n[ \t\r]*\n\s*")
_PROSE = re.compile(r"[*_#>-]*\s?([^\W\d_]{1,40})[\s,，:：']")
_ELLIPSIS = re.compile(r"\.{3}|…+")
# A comment that stands for values: `// ... 8 more rows`.
_LEFT_OUT = re.compile(r"\.\.\.|…|\bmore\b|remaining|omitted|\bother rows|省略|其余|剩余", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[^\W\d][\w.$-]{0,100}|\d{1,10}(?=\s*[:：])")
_KEY_AHEAD = re.compile(
    r"[\s\u200b-\u200d\u2060\ufeff]{0,200}(?:\"(?:[^\"\\\n]|\\.){0,200}\"|[\"'`“”‘’][^\"'`“”‘’\n]{1,100}[\"'`“”‘’]|[^\W\d][\w.$-]{0,100})\s{0,50}(?:[:：](?!//)|=>?)"
)
_QUOTED_KEY = re.compile(r"[\"'“]([^\"'“”\n]{1,100})[\"'”]\s{0,50}[:：]")
_CLOSER_AHEAD = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]{0,200}[}\]｝］】)）]")
_AFTER_RECORD = re.compile(r"\s{0,200}(?:[,，\]］}]|\{|//|/\*|\Z)")
_HALF_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NUMBER = re.compile(r"[-+−]?(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)")
_STRICT_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?\Z")
_AFTER_NUMBER = re.compile(r"[ \t\u3000\u200b]{0,50}(?:[,，;；、}\]｝］】)）\r\n]|//|\#|/\*|[\"'“]|\Z)")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:[,，]\d{3})+(?:\.\d+)?(?![\w.%])")
_LITERAL = re.compile(r"(?:true|false|null|True|False|None)(?=\s{0,50}(?:[,，}\]｝］】]|//|/\*|\#))")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None, "nil": None}
_OPEN = {"{": "}", "[": "]", "(": ")", "｛": "}", "［": "]", "（": ")", "【": "]"}
_CLOSE = {"}": "}", "]": "]", ")": ")", "｝": "}", "］": "]", "）": ")", "】": "]"}
_COMMAS = ",，;；、"
_BARE_STOP = re.compile(r"[,，;；、{}\[\]｛｝［］【】\n\"“”]")


def read(text: str, at: int = 0, *, keys: frozenset[str] = frozenset()) -> Reading:
    """The value that begins at `at`. Raises `Unreadable`, or `Ambiguous` when two readings are as good."""
    return _Reader(text, at, keys).whole()


def number(word: str) -> int | Decimal:
    """A JSON number, exact. Raises `Unreadable` for one with thousands of digits."""
    try:
        return Decimal(word) if any(mark in word for mark in ".eE") else int(word)
    except (ValueError, ArithmeticError):
        raise Ambiguous(f"the number {word[:40]}… is too long", 0) from None


def _once(found: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(found)
    if len(value) < len(found):
        raise ValueError("a repeated key")
    return value


def _no_word(word: str) -> Any:
    raise ValueError(word)


_scan_strict = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=number, parse_constant=_no_word
).scan_once  # type: ignore[attr-defined]
# After so many records that were not strict the next ones are not tried: finding that out costs time.
_MOST_MISSES = 20


class _Reader:
    def __init__(self, text: str, at: int, keys: frozenset[str]) -> None:
        self.text = text
        self.at = at
        self.keys = keys
        self.strings = StringReader(text, keys)
        self.stack: list[str] = []
        self.repairs: dict[str, tuple[int, str]] = {}
        self.open: list[Any] = []
        self.ended = False
        self.settled = True
        self.elided = False
        self.tokens = 0
        self.misses = 0  # records in a row that were not plain JSON
        self.comma_taken = False  # by a container that ended without its bracket

    def whole(self) -> Reading:
        value = self.value("top")
        repairs = tuple(Repair(kind, count, example) for kind, (count, example) in self.repairs.items())
        return Reading(value, self.at, repairs, self.open[::-1], self.settled, self.elided)

    def value(self, context: Context) -> Any:
        self.tokens += 1
        if self.tokens > _MOST_TOKENS:
            raise Unreadable("there is too much to repair", self.at)
        self.blank()
        mark = self.peek()
        if mark == "":
            raise Cut("the text ends where a value should be", self.at)
        if mark == "{" and context == "item" and len(self.stack) <= 2 and self.misses < _MOST_MISSES:
            record = self.strict_record()
            if record is not None:
                return record
        if mark in "{｛":
            return self.container(self.object_body)
        if mark in "[［【" or (mark in "(（" and context != "top"):
            return self.container(self.array_body)
        if mark in CLOSERS:
            return self.quoted(context)
        return self.word(context)

    def strict_record(self) -> Any:
        """A record of an array that is plain JSON, at the speed of C; None when it is not."""
        try:
            record, end = _scan_strict(self.text, self.at)
        except (ValueError, StopIteration, RecursionError):
            self.misses += 1
            return None
        if _AFTER_RECORD.match(self.text, end) is None or _HALF_SURROGATE.search(self.text, self.at, end):
            return None
        self.misses = 0
        self.at = end
        return record

    # Small steps

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def repaired(self, kind: str, example: str) -> None:
        count, first = self.repairs.get(kind, (0, example))
        self.repairs[kind] = (count + 1, first)

    def blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        if not match:
            return
        self.at = match.end()
        blank = match.group()
        if "/" in blank or "#" in blank or "<" in blank:
            self.repaired("comment", blank.strip())
            if _LEFT_OUT.search(blank):
                self.elided = True
                self.repaired("ellipsis", blank.strip())
        elif not blank.isspace():
            self.repaired("invisible character", blank)

    # Containers

    def container(self, body: Any, *, opened: bool = False) -> Any:
        """An object or an array; `opened` when its opening brace is missing."""
        mark = "{" if opened else self.peek()
        if len(self.stack) >= DEEPEST:
            raise Unreadable(f"nested deeper than {DEEPEST} levels", self.at)
        if mark in "｛［【（(":
            self.repaired("punctuation" if mark != "(" else "tuple", mark)
        self.stack.append(_OPEN[mark])
        if opened:
            self.repaired("missing bracket", mark)
        else:
            self.at += 1
        into: Any = {} if _OPEN[mark] == "}" else []
        try:
            body(into)
        except _Ended:
            self.ended = True
        except Cut:
            self.ended, self.settled = True, False
        if self.ended:
            self.open.append(into)
        self.stack.pop()
        return into

    def closed(self) -> bool:
        """Does the container end here? Steps over the bracket that ends it."""
        mark = self.peek()
        close = _CLOSE.get(mark)
        if close is None:
            return False
        if close == self.stack[-1]:
            if mark != close:
                self.repaired("punctuation", mark)
            self.at += 1
            return True
        if close in self.stack:
            self.repaired("missing bracket", self.stack[-1])
            return True
        raise Unreadable(f"a {mark} that closes nothing", self.at)

    def stray(self) -> bool:
        """Steps over a bracket that closes nothing, right after one that does."""
        close = _CLOSE.get(self.peek())
        if close is None or close in self.stack or self.text[self.at - 1] not in "}]":
            return False
        self.repaired("extra bracket", self.peek())
        self.at += 1
        return True

    def object_body(self, into: dict[str, Any]) -> None:
        first = True
        while True:
            since = self.at
            separated = self.separator(first)
            while self.stray():
                separated = self.separator(first=False) or separated
            if self.closed():
                return
            self.end_of_text(since)
            if self.ellipsis():
                first = False
                continue
            if self.peek() in tuple("{｛") and into and self.stack[-2:] == ["]", "}"]:
                # A record begins where a key should be: the one before was not closed.
                self.repaired("missing bracket", "}")
                self.comma_taken = True
                return
            if not separated:
                self.repaired("missing comma", self.near())
            at, key = self.at, self.key()
            if not separated and self.keys and key not in self.keys and "\n" not in self.text[since:at]:
                raise Ambiguous(f"a comma or a quote is missing near {self.near()!r}", self.at)
            self.colon(key)
            value = self.member_value()
            self.put(into, key, value)
            first = False
            if self.ended:
                return

    def array_body(self, into: list[Any]) -> None:
        first = True
        while True:
            commas_at = self.at
            separated = self.separator(first, into)
            while self.stray():
                separated = self.separator(False, into) or separated
            if self.closed():
                return
            self.end_of_text(commas_at)
            if self.ellipsis():
                first = False
                continue
            if not separated:
                self.check_missing_comma(into, commas_at)
            key = _QUOTED_KEY.match(self.text, self.at)
            if key is not None and key.group(1) in self.keys:
                if self.stack[-2:] == ["}", "]"] and into and not isinstance(into[-1], dict):
                    self.repaired("missing bracket", "]")
                    self.comma_taken = True
                    return
                into.append(self.container(self.object_body, opened=True))
            else:
                into.append(self.value("item"))
            first = False
            if self.ended:
                return

    def end_of_text(self, since: int) -> None:
        """Nothing more inside an open container: it stays open; a comma before says that more was to come."""
        if not self.peek() or _END.match(self.text, self.at) or self.prose_begins(since):
            self.ended = True
            raise _Ended

    def prose_begins(self, since: int) -> bool:
        """Words of their own after a closing bracket and an empty line."""
        if self.text[since - 1] not in "}]" or not _PARAGRAPH.fullmatch(self.text, since, self.at):
            return False
        word = _PROSE.match(self.text, self.at)
        return word is not None and word[1] not in self.keys

    def separator(self, first: bool, items: list[Any] | None = None) -> bool:
        """Steps over commas. False when there should be one and there is none."""
        self.blank()
        commas, self.comma_taken = int(self.comma_taken), False
        while (mark := self.peek()) and mark in _COMMAS:
            if mark != ",":
                self.repaired("punctuation", mark)
            commas += 1
            self.at += 1
            self.blank()
        if not self.peek() and commas:
            self.settled = False
        if commas and (first or commas > 1):
            self.extra_comma(first, items)
        elif commas and self.peek() in _CLOSE:
            self.repaired("trailing comma", ",")
        return bool(commas) or first

    def extra_comma(self, first: bool, items: list[Any] | None) -> None:
        """`[1,,2]` may be a doubled comma or a value that is missing; between objects it is the former."""
        plain = items is not None and (not items or not isinstance(items[-1], (dict, list)))
        if plain and not (first and self.peek() in tuple("{［[｛")):
            raise Ambiguous("two commas with nothing between them: is a value missing?", self.at)
        self.repaired("extra comma", ",,")

    def check_missing_comma(self, items: list[Any], since: int) -> None:
        """Between objects or on a new line a comma was forgotten; `"a" "b"` on one line may be one string."""
        after_container = bool(items) and isinstance(items[-1], (dict, list))
        if not after_container and "\n" not in self.text[since : self.at]:
            raise Ambiguous(f"values without a comma between them near {self.near()}", self.at)
        self.repaired("missing comma", self.near())

    def ellipsis(self) -> bool:
        match = _ELLIPSIS.match(self.text, self.at)
        if match is None:
            return False
        self.at = match.end()
        self.elided = True
        self.repaired("ellipsis", match.group())
        return True

    def near(self) -> str:
        return self.text[max(0, self.at - 12) : self.at + 20]

    # Keys and members

    def key(self) -> str:
        mark = self.peek()
        if mark in CLOSERS:
            return str(self.quoted("key"))
        match = _IDENTIFIER.match(self.text, self.at)
        if match is None:
            raise Unreadable(f"expected a key, found {self.near()!r}", self.at)
        self.at = match.end()
        if self.at == len(self.text):
            raise Cut("the text ends inside a key", self.at)
        if self.peek() in tuple("\"'”"):
            self.at += 1
            self.repaired("missing quote", match.group())
            if not re.compile(r"\s*[:：]").match(self.text, self.at):
                raise Unreadable(f"a key with one quote near {self.near()!r}", self.at)
        else:
            self.repaired("unquoted key", match.group())
        return match.group()

    def colon(self, key: str) -> None:
        self.blank()
        match = re.compile(r"[:：]|=>|=").match(self.text, self.at)
        if match is None:
            if not self.peek():
                raise Cut("the text ends after a key", self.at)
            if (
                key in self.keys
                and self.text[self.at - 1] in " \n\t"
                and (self.peek() in CLOSERS or self.peek() in tuple("{[-0123456789tfnTFN"))
            ):
                self.repaired("missing colon", self.near())
                return
            raise Unreadable(f"expected a colon after {key[:40]!r}, found {self.near()!r}", self.at)
        if match.group() != ":":
            self.repaired("punctuation", match.group())
        self.at = match.end()

    def member_value(self) -> Any:
        self.blank()
        if self.peek() and (self.peek() in ",，}｝"):
            self.repaired("no value", self.near())
            return Bare("")
        key = _QUOTED_KEY.match(self.text, self.at)
        if key is not None and key.group(1) in self.keys:
            return self.container(self.object_body, opened=True)
        return self.value("member")

    def put(self, into: dict[str, Any], key: str, value: Any) -> None:
        if key in into:
            if into[key] != value or type(into[key]) is not type(value):
                raise Ambiguous(f"the key {key[:40]!r} stands twice with different values", self.at)
            self.repaired("repeated key", key)
        into[key] = value

    # Scalars

    def quoted(self, context: Context) -> str:
        prefix = self.strings.read(self.at, context)
        self.at = prefix.end
        for kind, before in prefix.repairs.items():
            self.repaired(kind, before)
        text = prefix.text
        while context != "key" and (
            plus := re.compile(r"\s{0,50}\+\s{0,50}(?=[\"'])").match(self.text, self.at)
        ):
            self.at = plus.end()
            self.repaired("joined strings", "+")
            more = self.strings.read(self.at, context)
            self.at = more.end
            text += more.text
        return text

    def word(self, context: Context) -> Any:
        match = _NUMBER.match(self.text, self.at)
        if match and _AFTER_NUMBER.match(self.text, match.end()) and not self.is_thousands(context):
            return self.plain_number(match)
        literal = _LITERAL.match(self.text, self.at)
        if literal:
            self.at = literal.end()
            return self.named(literal.group())
        start = self.at
        text = self.bare_text(context)
        if _is_garbled(text):
            raise Ambiguous(f"{self.text[start : self.at][:40]!r} is nearly true, false or null", start)
        if isinstance(text, _Quoted):
            return unescape(text)[0]
        if not text or text[0] in ":：=，,;；" or text[-1] in ":：=":
            raise Unreadable(f"expected a value, found {self.near()!r}", start)
        if "\\" in text:
            raise Ambiguous(f"a backslash in text without quotes near {text[:60]!r}", start)
        if self.at >= len(self.text) and context != "top" and text not in ("true", "false", "null"):
            raise Cut("the text ends inside a value", start)
        return self.named(text)

    def named(self, text: str) -> Any:
        if text in ("true", "false", "null"):
            return _WORDS[text]
        if text.lower() in _WORDS:
            self.repaired("word", text)
            return _WORDS[text.lower()]
        self.repaired("unquoted value", text)
        return Bare(text)

    def is_thousands(self, context: Context) -> bool:
        match = _THOUSANDS.match(self.text, self.at) if context == "member" else None
        return bool(match and self.ends_member(match.end()))

    def ends_member(self, at: int) -> bool:
        """Does a member of an object end at `at`: a comma and the next key, a closing bracket, or a line?"""
        if _CLOSER_AHEAD.match(self.text, at):
            return True
        blank = _SPACES.match(self.text, at)
        stop = blank.end() if blank else at
        if self.text[stop : stop + 1] in tuple(_COMMAS):
            blank = _BLANK.match(self.text, stop + 1)
            after = blank.end() if blank else stop + 1
            return bool(_KEY_AHEAD.match(self.text, after) or _CLOSER_AHEAD.match(self.text, after))
        return "\n" in self.text[at:stop] and bool(_KEY_AHEAD.match(self.text, stop))

    def plain_number(self, match: re.Match[str]) -> Any:
        word = match.group()
        self.at = match.end()
        if self.at == len(self.text) and self.stack:
            raise Cut("the text ends inside a number", match.start())
        if _STRICT_NUMBER.match(word) and word.isascii():
            return number(word)
        plain = unicodedata.normalize("NFKC", word).replace("−", "-").replace("_", "").lstrip("+")
        if "x" in plain.lower():
            self.repaired("number", word)
            return int(plain, 16)
        if plain.lstrip("-").startswith("0") and plain.lstrip("-")[1:2].isdigit():
            self.repaired("leading zero", word)
            return Bare(plain)
        self.repaired("number", word)
        return number(plain)

    def bare_text(self, context: Context) -> str:
        """Text without quotes, up to where its member or item ends."""
        start = at = self.at
        while (stop := _BARE_STOP.search(self.text, at, start + 2_000)) is not None:
            mark, at = stop.group(), stop.start()
            if mark in '"“”':
                return self.half_quoted(start, at, context)
            if mark in "{[｛［【":
                raise Unreadable(f"text without quotes near {self.text[start : at + 1][:60]!r}", start)
            if mark in "}]｝］】" or context != "member" or self.ends_member(at):
                break
            at = stop.end()
        else:
            at = len(self.text)
            if at - start > 2_000:
                raise Unreadable("a long text without quotes", start)
        comment = re.compile(r"\s(?://|#)|/\*").search(self.text, start, at)
        if comment is not None:
            at = comment.start()
        self.at = at
        return self.text[start:at].strip("\u200b\ufeff\u2060 \t\r\n\u3000")

    def half_quoted(self, start: int, quote: int, context: Context) -> str:
        """`"a": x", "b": 2`: the opening quote is missing. `"a": 5 "b": 2`: the comma is."""
        text = self.text[start:quote]
        if context == "member" and _KEY_AHEAD.match(self.text, quote) and text.strip():
            self.at = quote
            self.repaired("missing comma", self.near())
            return text.strip().rstrip(_COMMAS).rstrip()
        if context == "member" and self.ends_member(quote + 1) and self.text[quote] != "“":
            self.at = quote + 1
            self.repaired("missing quote", text + self.text[quote])
            return _Quoted(text.strip())
        raise Unreadable(f"a quote in text without quotes near {self.text[start : quote + 1][:60]!r}", start)


def _is_garbled(text: str) -> bool:
    """`n:ull`, or `null` with one quote: nobody knows whether the word or the text was meant."""
    letters = re.sub(r"\W+", "", text).lower()
    return letters in ("true", "false", "null", "none") and (
        letters != text.lower() or isinstance(text, _Quoted)
    )


class _Quoted(str):
    """Text that had one of its quotes: it is text, whatever it says."""

    __slots__ = ()


class _Ended(Cut):
    """The text ended between two values: what was read so far is whole."""

    def __init__(self) -> None:
        super().__init__("the text ends inside an array or an object", 0)
