"""The words of a web page: no scripts, styles or navigation marks, headings and lists as in Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["page_text"]

_SILENT = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "object"})
_BLOCK_NAMES = (
    "address article aside blockquote br dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 "
    "h5 h6 header hr li main nav ol p pre section table title tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())


def page_text(html: str) -> str:
    """The text of `html`, a paragraph for each block. Nothing of it is run or fetched."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    text = "".join(reader.words)
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Words(HTMLParser):
    """Collects text; `_silent` counts the open elements whose content is not for readers, `_as_written` those
    in which line breaks mean something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = self._as_written = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self._as_written += tag == "pre"
            self.words.append("\n" if tag in ("br", "li", "tr", "dt", "dd") else "\n\n")
            if re.fullmatch("h[1-6]", tag):
                self.words.append("#" * int(tag[1]) + " ")
            elif tag == "li":
                self.words.append("- ")
        elif tag in ("td", "th"):
            self.words.append(" | ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS and tag not in ("br", "li", "tr"):
            self._as_written -= tag == "pre" and self._as_written > 0
            self.words.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data if self._as_written else re.sub(r"\s+", " ", data))
