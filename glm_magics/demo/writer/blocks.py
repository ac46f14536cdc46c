"""Blocks inside a prompt: balanced brackets and code fences."""

from __future__ import annotations

import re

__all__ = ["balanced", "data_blocks", "fences", "without_fences"]

_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE
)
_DATA = re.compile(r"^[^\n]*<data> and </data>[^\n]*\n<data>\n.*?^</data>$", re.DOTALL | re.MULTILINE)
_BRACKET = re.compile(r'[{}\[\]]|"(?:[^"\\\n]|\\.)*"')


def balanced(text: str) -> list[tuple[int, int]]:
    """The outermost balanced {…} and […] of a text, in order; brackets inside quotes do not count."""
    spans: list[tuple[int, int]] = []
    open_at: list[int] = []
    for match in _BRACKET.finditer(text):
        if match[0] in "{[":
            open_at.append(match.start())
        elif match[0] in "}]" and open_at:
            start = open_at.pop()
            if not open_at:
                spans.append((start, match.end()))
    return spans


def fences(text: str) -> list[tuple[int, int, str, str]]:
    """The fenced blocks of a text: start, end, language and inside."""
    return [(match.start(), match.end(), match[2], match[3]) for match in _FENCE.finditer(text)]


def data_blocks(text: str) -> list[tuple[int, int]]:
    """Where the blocks of attached data are, with the line that announces each."""
    return [match.span() for match in _DATA.finditer(text)]


def without_fences(text: str) -> str:
    return _FENCE.sub("", text)
