"""Quoted strings in JSON that is not quite JSON: where one ends, and what its escapes mean.

A quote ends a string only when what follows is what follows a string; so unescaped quotes inside a text are
kept as text, and where both readings are as good the string is `Ambiguous`, which no later rung may overrule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

__all__ = [
    "CLOSERS",
    "Ambiguous",
    "Context",
    "Cut",
    "Quoted",
    "StringReader",
    "Unreadable",
    "join_surrogates",
    "unescape",
]

Context = Literal["key", "member", "item", "top"]

# Opening quote -> the quotes that may close it.
CLOSERS = {
    '"': '"',
    "'": "'",
    "`": "`",
    "“": '”“"',
    "”": '”"',
    "„": '“”"',
    "‘": "’‘'",
    "’": "’'",
    "＂": "＂",
    "＇": "＇",
    "「": "」",
    "『": "』",
}
_SPACE = r"[\s\x00\ufeff\u200b-\u200d\u2060]"
_COMMENT = r"(?://[^\n]*|\#[^\n]*|/\*.*?\*/)"
_GAP = rf"(?:{_SPACE}{{0,200}}(?:{_COMMENT}{_SPACE}{{0,200}}){{0,3}})"
_QUOTE = "[\"'`“”„‘’＂＇「」『』]"
_QUOTED_KEY = rf'(?:"(?:[^"\\\n]|\\.){{0,200}}"|{_QUOTE}[^\"\'`“”„‘’＂＇「」『』\n]{{1,100}}{_QUOTE})'
_KEY = rf"(?:{_QUOTED_KEY}|[^\W\d][\w.$-]{{0,100}}){_SPACE}{{0,50}}(?:[:：]|=>?)"
_CUT_KEY = rf"{_QUOTE}[^\"'`“”\n]{{0,100}}{_QUOTE}?{_SPACE}{{0,50}}\Z"
_COMMA = "[,，;；、]"
_AFTER_CLOSER = (
    rf"(?={_GAP}(?:[,，;；\]}}）)］】｝`<]|[.。!！](?:\s|$)|。|$)|{_SPACE}{{0,20}}[\n{{]|{_SPACE}{{1,20}}\S)"
)

_FOLLOWS = {
    "key": re.compile(rf"{_SPACE}{{0,200}}(?:[:：]|=>?)"),
    "member": re.compile(
        rf"{_GAP}(?:[}}｝]{_AFTER_CLOSER}|[\]］】]{_AFTER_CLOSER}|{_COMMA}{_GAP}(?:{_KEY}|{_CUT_KEY}|[}}｝\]］】]|\.\.\.|…|{_COMMA}|$)"
        rf"|(?={_QUOTE}[^\"'\n]{{1,100}}{_QUOTE}{_SPACE}{{0,50}}(?:[:：]|=>?))|\+{_SPACE}{{0,50}}[\"']|$)",
        re.DOTALL,
    ),
    "item": re.compile(
        rf"{_GAP}(?:[\]］】)）]{_AFTER_CLOSER}|[}}｝]{_AFTER_CLOSER}"
        rf"|{_COMMA}{_GAP}(?:{_QUOTE}|[-+\d{{\[(\]｛［【）］】]|(?:true|false|null|none|nan)\b|\.\.\.|…|$)|$)"
        rf"|{_SPACE}{{0,50}}(?:{_COMMENT})?\n{_SPACE}{{0,200}}[\"'“]",
        re.DOTALL | re.IGNORECASE,
    ),
    "top": re.compile(rf"{_SPACE}*(?:[;`]|$)"),
}
# Two quotes with nothing but a gap between them: one value ends and the next begins, or an empty quotation.
_BOUNDARY = re.compile(rf"{_QUOTE}(?:{_SPACE}|[,，;；:：+{{}}\[\]]){{0,60}}{_QUOTE}")
_BROKEN_KEY = re.compile(
    rf"{_QUOTE}([^\"'“”:：\n]{{1,100}}){_QUOTE}{_SPACE}{{1,50}}(?:{_QUOTE}|[-\d\[{{]|true\b|false\b|null\b)"
    rf"|{_QUOTE}([^\"'“”:：\n]{{1,100}}?){_SPACE}{{0,20}}[:：]|([^\"'“”:：\n]{{1,100}}){_QUOTE}{_SPACE}{{0,20}}[:：]"
)
_ANY_KEY = re.compile(rf"([^\W\d][\w.$-]{{0,100}})[\"'”]?{_SPACE}{{0,50}}[:：]")
_BORDER = re.compile(
    rf"[}}\]]{_SPACE}{{0,50}},{_SPACE}{{0,50}}[{{\[\"']|[{{,]{_SPACE}{{0,50}}[\"'][^\"'\n]{{1,60}}[\"']{_SPACE}{{0,20}}:"
)
_HALF_KEY = re.compile(rf"([^\"'“”:：\n]{{1,100}}?){_SPACE}{{0,20}}[:：]")
_VALUE_AHEAD = re.compile(rf"{_SPACE}{{1,50}}(?:{_QUOTE}|[-\d\[{{]|true\b|false\b|null\b)", re.IGNORECASE)
_COLON_AHEAD = re.compile(rf"{_SPACE}{{0,50}}[:：]")
_NEXT_KEY = re.compile(rf"([^\"'`“”\n]{{1,100}}){_QUOTE}{_SPACE}{{0,50}}[:：]")
_BEFORE_KEY = re.compile(r"(,[ \t]*|[ \t]*,?[ \t]*\r?\n\s*|\}\s*,?\s*\{\s*)\Z")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r?\n|.)", re.DOTALL)
# What a line begins with when it is JSON, after a line whose last quote is missing.
_NEXT_LINE = {
    "item": re.compile(
        r"\s{0,200}(?:\"[^\"\n\\]{0,2000}\"[ \t]{0,20},?[ \t]{0,20}\r?\n"
        r"|\][ \t]{0,20},?\s{0,200}(?:[\"'}\]]|[^\W\d]\w{0,100}\s{0,20}:|\Z))"
    ),
    "member": re.compile(r"\s{0,200}\}[ \t]{0,20},?\s{0,200}(?:[\"'}\]{]|[^\W\d]\w{0,100}\s{0,20}:|\Z)"),
}
_LINE_KEY = re.compile(
    rf"\s{{0,200}}(?:{_QUOTE}([^\"'`“”\n]{{1,100}}){_QUOTE}|([^\W\d]\w{{0,100}})){_SPACE}{{0,50}}(?:[:：]|=>?)"
)
_LONGEST_LINE = 2_000
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# Commands that begin like an escape; a text with any impossible escape beside them is LaTeX, not JSON.
_LATEX = re.compile(
    r"\\(?:t(?:heta|ext|imes|au|an|o|ilde)|n(?:u|abla|eq|ot|e)|r(?:ight|ho|m)|b(?:eta|ar|egin|oldsymbol|inom)"
    r"|f(?:rac|orall))(?![a-z])"
)
_MOST_INNER_QUOTES = 400
_WINDOWS_PATH = re.compile(r"\A(?:[A-Za-z]:|\\\\)")


class Unreadable(ValueError):
    """This is not JSON, nor near enough to it. `at` is the place in the text."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Ambiguous(Unreadable):
    """Two readings are equally good, so none is taken."""


class Cut(Unreadable):
    """The text ends inside a scalar."""


@dataclass(slots=True)
class Quoted:
    """A string that was read: its text, where it ends, and what had to be done (kind -> before)."""

    text: str
    end: int
    repairs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StringReader:
    """Reads the quoted strings of one text. `keys` are the names that the schema knows."""

    text: str
    keys: frozenset[str]

    def read(self, at: int, context: Context) -> Quoted:
        """The string whose opening quote stands at `at`. Raises `Unreadable`, `Ambiguous` or `Cut`."""
        opener = self.text[at]
        if opener in "\"'" and self.text.startswith(opener * 3, at):
            return self._triple(at, opener * 3)
        line = self._unclosed_line(at, context)
        if line is not None:
            return line
        inner = 0
        for end in self._closers(at + 1, CLOSERS[opener]):
            if _FOLLOWS[context].match(self.text, end + 1) or (
                inner == 0 and self._broken_key_follows(end, context)
            ):
                if self._unfinished_pair(at + 1, end):
                    continue
                inner -= self._foreign(at, end)
                self._check_parity(at, end, inner, context)
                return self._quoted(at, end, inner)
            if context == "key":
                if self.text[at + 1 : end] in self.keys and _VALUE_AHEAD.match(self.text, end + 1):
                    return self._quoted(at, end, inner)
                if (half := _HALF_KEY.match(self.text, at + 1)) and half.group(1) in self.keys:
                    return Quoted(half.group(1), half.end(1), {"missing quote": half.group()})
                break
            if context == "item" and inner == 0 and _COLON_AHEAD.match(self.text, end + 1):
                raise Unreadable("a key in an array: a bracket is missing before it", at)
            if inner == 0 and (missing := self._missing_close(at, end, context)) is not None:
                return missing
            inner += not self._is_apostrophe(end)
        key_inside = re.compile(rf"(?<!\\)[{re.escape(CLOSERS[opener])}]{_SPACE}{{0,50}}[:：]")
        if key_inside.search(self.text, at + 1):
            raise Unreadable("a string whose end cannot be found", at)
        # It runs to the end of the text and swallowed no key on its way: it was cut off there.
        raise Cut("the text ends inside a string", at)

    def _closers(self, start: int, closers: str) -> Iterator[int]:
        """Where unescaped closing quotes stand, so many at most that time stays bounded."""
        pattern = re.compile(rf"\\.|[{re.escape(closers)}]", re.DOTALL)
        quotes = (match.start() for match in pattern.finditer(self.text, start) if match.group()[0] != "\\")
        return islice(quotes, _MOST_INNER_QUOTES)

    def _unfinished_pair(self, start: int, end: int) -> bool:
        """`"他说“好”` closed by its own inner “…” pair: that quote is text."""
        closer = self.text[end]
        opener = {"”": "“", "’": "‘"}.get(closer)
        if opener is None or self.text[start - 1] != '"':
            return False
        return self.text.count(opener, start, end) > self.text.count(closer, start, end)

    def _foreign(self, at: int, end: int) -> int:
        """How many `"` stand inside a pair of other quotes: in `“5" disk”` they are text."""
        opener, closer = self.text[at], self.text[end]
        if opener in "\"'`" or closer in "\"'":
            return 0
        return sum(self.text.count(mark, at + 1, end) for mark in CLOSERS[opener] if mark in "\"'")

    def _is_apostrophe(self, at: int) -> bool:
        return (
            self.text[at] in "'’"
            and self.text[at - 1 : at].isalpha()
            and self.text[at + 1 : at + 2].isalpha()
        )

    def _check_parity(self, at: int, end: int, inner: int, context: Context) -> None:
        """Quotes inside a text come in pairs; a single one may as well be a boundary."""
        if inner and (_BOUNDARY.search(self.text, at + 1, end) or self._holds_structure(at + 1, end)):
            raise Ambiguous(f"{self.text[at : end + 1][:60]} may be one text or several", at)
        if inner % 2 == 0 or (context == "member" and self._stands_alone(at, end)):
            return
        raise Ambiguous(f"unescaped quotes in {self.text[at : end + 1][:60]}: where it ends is not clear", at)

    def _stands_alone(self, at: int, end: int) -> bool:
        """Is the one quote inside an inch mark (`27" screen`) or an apostrophe (`dogs' bowl`)?"""
        mark = self.text[at]
        single = [
            here for here in range(at + 1, end) if self.text[here] == mark and not self._is_apostrophe(here)
        ]
        if len(single) != 1 or not self.text[single[0] + 1].isspace():
            return False
        before = self.text[single[0] - 1]
        known = self._known_key_follows(end) or self.text[end + 1 :].lstrip()[:1] == "}"
        return known and (before.isdigit() if mark == '"' else before.isalpha() and mark == "'")

    def _broken_key_follows(self, end: int, context: Context) -> bool:
        """`"x", mood": 1`, `"x", "mood: 1`, `"x", "mood" 1`: a key of the schema with a mark missing."""
        if context != "member" or not self.keys:
            return False
        match = re.compile(rf"{_GAP}{_COMMA}{_GAP}").match(self.text, end + 1)
        key = match and _BROKEN_KEY.match(self.text, match.end())
        return bool(key) and (key[1] or key[2] or key[3]) in self.keys  # type: ignore[index]

    def _holds_structure(self, start: int, end: int) -> bool:
        """A text with quotes in it that also holds a key of the schema, or the border of two objects."""
        if _BORDER.search(self.text, start, end):
            return True
        return any(match[1] in self.keys for match in _ANY_KEY.finditer(self.text, start, end))

    def _known_key_follows(self, end: int) -> bool:
        match = re.compile(rf"{_GAP}{_COMMA}{_GAP}{_QUOTE}").match(self.text, end + 1)
        key = match and _NEXT_KEY.match(self.text, match.end())
        return bool(key) and (not self.keys or key.group(1) in self.keys)  # type: ignore[union-attr]

    def _missing_close(self, at: int, quote: int, context: Context) -> Quoted | None:
        """`"a": "x, "b": 2`: the quote opens the next key, so the string before was never closed."""
        key = _NEXT_KEY.match(self.text, quote + 1)
        if context != "member" or key is None or key.group(1) not in self.keys:
            return None
        before = _BEFORE_KEY.search(self.text, max(at + 1, quote - 300), quote)
        if before is None:
            return None
        if self.text[before.start() - 2 : before.start()] == "\\" + self.text[at]:
            raise Ambiguous("a backslash before a quote: does the text end there?", at)
        return self._quoted(at, before.start(), 0, closed=False)

    def _unclosed_line(self, at: int, context: Context) -> Quoted | None:
        """A string without its last quote on a line of its own, when the next line is JSON again."""
        stop = self.text.find("\n", at + 1, at + _LONGEST_LINE)
        if stop < 0 or context not in ("item", "member"):
            return None
        line = self.text[at + 1 : stop].rstrip(" \t\r").removesuffix(",")
        if "\\" in line or any(closer in line for closer in CLOSERS[self.text[at]]):
            return None
        if not _NEXT_LINE[context].match(self.text, stop + 1):
            key = _LINE_KEY.match(self.text, stop + 1) if context == "member" else None
            if key is None or (key[1] or key[2]) not in self.keys:
                return None
        return self._quoted(at, at + 1 + len(line), 0, closed=False)

    def _triple(self, at: int, quotes: str) -> Quoted:
        end = self.text.find(quotes, at + 3)
        if end < 0:
            raise Cut("the text ends inside a string", at)
        text, repairs = unescape(self.text[at + 3 : end])
        return Quoted(text, end + 3, repairs | {"quotes": quotes})

    def _quoted(self, at: int, end: int, inner: int, *, closed: bool = True) -> Quoted:
        body = self.text[at + 1 : end]
        text, repairs = unescape(body)
        opener = self.text[at]
        if opener != '"' or (closed and self.text[end] != '"'):
            repairs["quotes"] = self.text[at : end + 1]
        if inner:
            repairs["inner quotes"] = body
        if not closed:
            repairs["missing quote"] = body
        return Quoted(text, end + 1 if closed else end, repairs)


def unescape(body: str) -> tuple[str, dict[str, str]]:
    """The text that `body` stands for, and which kinds of repair that took."""
    repairs: dict[str, str] = {}
    if "\\" not in body:
        if any(mark < " " for mark in body):
            repairs["control character"] = body
        return join_surrogates(body), repairs
    try:
        return join_surrogates(json.loads(f'"{body}"')), repairs
    except ValueError:
        pass
    literal = _is_literal(body)

    def one(match: re.Match[str]) -> str:
        code = match.group(1)
        if literal and code[0] not in "\"'\\":
            repairs["escape"] = body
            return match.group()
        if code in _PLAIN:
            return _PLAIN[code]
        if code[0] in "ux" and len(code) > 1:
            return chr(int(code[1:], 16))
        repairs["escape"] = body
        if code in ("\n", "\r\n"):
            return ""
        return code if code in "'`“”’" else match.group()

    text = _ESCAPE.sub(one, body)
    if not repairs:
        repairs["control character"] = body
    return join_surrogates(text), repairs


def _is_literal(body: str) -> bool:
    """Is a backslash in it just a backslash (a Windows path, LaTeX), so that `\\t` is not a tab?"""
    impossible = any(
        code.group(1) not in _PLAIN and code.group(1)[0] not in "ux'\n\r" for code in _ESCAPE.finditer(body)
    )
    return impossible and bool(_WINDOWS_PATH.match(body) or _LATEX.search(body))


def join_surrogates(text: str) -> str:
    """Halves of a surrogate pair that belong together become one character; a lone half becomes U+FFFD."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
