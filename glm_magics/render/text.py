"""Text without characters that act instead of being read: terminal escapes, bidi controls, hidden tags.

`plain` drops them, `reveal` shows them, `Cleaner` drops them from text that arrives in pieces.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["HIDDEN", "JOINERS", "Cleaner", "columns", "plain", "reveal"]

# An OSC string (window titles, OSC-8 links) longer than this is not one: what follows its ESC is text.
_OSC_LIMIT = 2000

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ZERO_WIDTH = "\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"
_TAGS = "\U000e0000-\U000e0fff"  # tag characters and the supplementary variation selectors
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
# For the brackets of a pattern: characters that act or hide, and those that hide where they do not join.
HIDDEN = _CONTROLS + _BIDI + _ZERO_WIDTH + _TAGS
JOINERS = "\u200c\u200d\ufe00-\ufe0f"  # emoji sequences and several scripts need them

_ESCAPE_SEQUENCE = (
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI: colours, cursor
    rf"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{{0,{_OSC_LIMIT}}}(?:\x07|\x1b\\|\x9c)"  # OSC…
    r"|\x1b[ -/]{1,4}[0-~]"
    r"|\x1b[0-Z\\^-~]"
)
# A joiner joins; after ASCII (but for keycaps) or another hidden character it only hides.
_STRAY_JOINER = (
    rf"(?<![^\x00-\x7f{HIDDEN}\u200c\u200d])[\u200c\u200d]"
    rf"|(?<![^\x00-\x7f{HIDDEN}{JOINERS}])(?<![0-9#*])[\ufe00-\ufe0f]"
)
_NEWLINE = re.compile("\r\n?|[\u2028\u2029]")
_REMOVED = re.compile(rf"{_ESCAPE_SEQUENCE}|[{HIDDEN}]|{_STRAY_JOINER}")
_SHOWN = re.compile(rf"[{HIDDEN}]|{_STRAY_JOINER}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# The end of a piece that the next piece may complete to an escape sequence, a CR LF or a pair.
_UNFINISHED = re.compile(
    r"(?:(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}"
    rf"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{{0,{_OSC_LIMIT}}}\x1b?"
    r"|\x1b[ -/]{0,4}"
    r"|\r|[\ud800-\udbff])\Z"
)


def plain(text: str) -> str:
    """`text` without control, bidi and hidden characters; escape sequences go whole.

    Newline and tab stay (CR, CR LF and the Unicode separators become newline), and so do the joiners of
    emoji. A lone surrogate becomes U+FFFD, so the result can always be encoded.
    """
    return _REMOVED.sub("", _NEWLINE.sub("\n", _whole(text)))


def reveal(text: str) -> str:
    """`text` with each control, bidi and hidden character written out, as `⟨U+202E⟩`."""
    return _SHOWN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", _whole(text))


def columns(text: str) -> int:
    """The columns of `text` in a terminal, where Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """`text` with blanks to `width` columns behind it, or before it where it stands on the right."""
    blanks = " " * (width - columns(text))
    return blanks + text if right else text + blanks


class Cleaner:
    """`plain` for text in pieces: the pieces it returns add up to `plain` of the whole."""

    def __init__(self) -> None:
        self._held = ""
        self._before = ""

    def feed(self, piece: str) -> str:
        text = self._held + piece
        unfinished = _UNFINISHED.search(text)
        ready = unfinished.start() if unfinished else len(text)
        self._held = text[ready:]
        return self._clean(text[:ready])

    def end(self) -> str:
        text, self._held = self._held, ""
        return self._clean(text)

    def _clean(self, text: str) -> str:
        if not text:
            return ""
        text = _NEWLINE.sub("\n", _whole(text))
        # Whether a joiner joins depends on the character before it, which may be in the last piece.
        joined = self._before + text
        self._before = joined[-1]
        start = len(joined) - len(text)
        return "".join(_kept(joined, start))


def _kept(text: str, start: int) -> list[str]:
    pieces = []
    for match in _REMOVED.finditer(text, start):
        pieces.append(text[start : match.start()])
        start = match.end()
    pieces.append(text[start:])
    return pieces


def _whole(text: str) -> str:
    """Surrogate pairs joined, lone halves replaced."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
