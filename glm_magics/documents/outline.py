"""Where the sections of a text begin: at the headings of Markdown, at the chapters of a plain text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from glm_magics.documents.document import Section

__all__ = ["FENCE", "markdown_sections", "text_sections"]

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.+?)[ \t#]*$")
_CHAPTER = re.compile(
    r"\s{0,4}(?:(?:chapter|part|book|appendix)\s+(?:\d{1,4}|[IVXLC]{1,8}|[A-Z])\b.{0,80}"
    r"|第[〇零一二三四五六七八九十百千两0-9]{1,8}[章节篇回部卷].{0,60})$",
    re.IGNORECASE,
)
_LONGEST_HEADING = 80


def markdown_sections(text: str, *, numbered: bool = True) -> tuple[Section, ...]:
    """A section for each heading, named by the way down to it: "Methods › Data". Fenced code has none."""
    way: list[tuple[int, str]] = []
    fence = ""

    def heading(line: str) -> str | None:
        nonlocal fence
        mark = FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif fence:
            closes = mark and mark[1].startswith(fence) and not line[mark.end() :].strip()
            fence = "" if closes else fence
        elif found := _HEADING.match(line):
            level = len(found[1])
            way[:] = [step for step in way if step[0] < level] + [(level, _short(found[2]))]
            return " › ".join(name for _, name in way)
        return None

    return tuple(_cut(text, heading, numbered=numbered))


def text_sections(text: str, *, chapters: bool = True) -> tuple[Section, ...]:
    """A section for each chapter, where lines such as "Chapter 3" or "第三章" stand; else one for all."""
    return tuple(_cut(text, lambda line: _short(line) if chapters and _CHAPTER.match(line) else None))


def _cut(text: str, heading: Callable[[str], str | None], *, numbered: bool = True) -> Iterator[Section]:
    """`text` cut before each line that is a heading; nothing is lost."""
    lines: list[str] = []
    name, first = "", 1
    for number, line in enumerate(_whole(text).splitlines(keepends=True), 1):
        found = heading(line.rstrip("\n"))
        if found is not None:
            if lines:
                yield Section("".join(lines), name, line=first if numbered else None)
            lines, name, first = [], found, number
        lines.append(line)
    if lines:
        yield Section("".join(lines), name, line=first if numbered else None)


def _whole(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _LONGEST_HEADING else name[:_LONGEST_HEADING] + "…"
