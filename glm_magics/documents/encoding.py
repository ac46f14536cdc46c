"""Bytes as text: UTF-8, with or without a mark, UTF-16 and UTF-32, and GB18030, in which Chinese files come.

What is none of these is refused, for a wrong guess would be sent, paid for and answered as if it were right.
"""

from __future__ import annotations

import codecs
import re

from glm_magics.errors import DocumentError

__all__ = ["decode"]

_MARKS = (
    # the long marks first: that of UTF-16 begins the one of UTF-32
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_FORMATS = (
    (b"PK\x03\x04", "a ZIP package, as Word, Excel and PowerPoint files are"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "a database"),
    (b"PAR1", "a Parquet table"),
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MOST_CONTROLS = 0.02  # share of the characters; text has next to none, also when it is hostile
_SAMPLE = 100_000


def decode(data: bytes, name: str) -> tuple[str, str]:
    """The text, and the encoding in words. Raises `DocumentError` for what is not text."""
    mark = next(((codec, words) for sign, codec, words in _MARKS if data.startswith(sign)), None)
    if mark is not None:
        return _strictly(data, *mark, name)
    if data.startswith(tuple(sign for sign, _ in _FORMATS)):
        what = next(what for sign, what in _FORMATS if data.startswith(sign))
        raise _not_text(name, f"it is {what}")
    for codec, words in ((_utf16(data), "UTF-16"), ("utf-8", "UTF-8")):
        text = _decoded(data, codec) if codec else None
        if text is not None:
            return _text(text, name), words
    text = _decoded(data, "gb18030")
    if text is not None and _reads_as_chinese(data, text):
        return _text(text, name), "GB18030"
    raise _not_text(name, "its encoding is neither UTF-8, UTF-16 nor GB18030")


def _strictly(data: bytes, codec: str, words: str, name: str) -> tuple[str, str]:
    text = _decoded(data, codec)
    if text is None:
        raise _not_text(name, f"it begins as {words} and does not go on so")
    return _text(text, name), words


def _decoded(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except ValueError:
        return None


def _text(text: str, name: str) -> str:
    controls = len(_CONTROL.findall(text[:_SAMPLE]))
    if controls > max(8, _MOST_CONTROLS * len(text[:_SAMPLE])):
        raise _not_text(name, "too many of its characters are control codes")
    return text


def _utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: nearly every second byte of Western text is then zero."""
    sample = data[:4_000]
    if len(data) % 2 or len(sample) < 4:
        return None
    half = len(sample) // 2
    zeros = sample[0::2].count(0), sample[1::2].count(0)
    if zeros[1] > 0.4 * half and not zeros[0]:
        return "utf-16-le"
    if zeros[0] > 0.4 * half and not zeros[1]:
        return "utf-16-be"
    return None


def _reads_as_chinese(data: bytes, text: str) -> bool:
    """Whether GB18030 is what was meant, and not what happens to decode: other legacy encodings often do.

    Nearly all characters of real text are of GB 2312, whose second bytes are above A0, and most are of its
    first level, the 3,755 common ones (rows B0 to D7).
    """
    pairs = [char.encode("gb18030") for char in text[:_SAMPLE] if char > "\x7f"]
    plain = sum(len(pair) == 2 and pair[1] > 0xA0 for pair in pairs)
    common = sum(len(pair) == 2 and pair[1] > 0xA0 and 0xB0 <= pair[0] <= 0xD7 for pair in pairs)
    return bool(pairs) and plain >= 0.9 * len(pairs) and common >= 0.5 * len(pairs)


def _not_text(name: str, why: str) -> DocumentError:
    return DocumentError(
        f"{name} is not read as text: {why}.", hint="Save it as text in UTF-8, or as PDF, and attach that."
    )
