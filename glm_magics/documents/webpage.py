"""The words of a web page: no scripts, styles or navigation marks, headings and lists as in Markdown.

nh3 parses the page, as a browser would and however hostile it is; what it writes is plain enough for Python's
own reader, which takes minutes for some pages that are made to stall it.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from glm_magics.errors import DocumentError

__all__ = ["page_text"]

_SILENT = {"script", "style", "template", "noscript", "svg", "iframe", "object"}
_BLOCK_NAMES = (
    "address article aside blockquote br dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 "
    "h5 h6 header hr li main nav ol p pre section table title tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_KEPT = {*_BLOCKS, "td", "th"}


_DEEPEST = 2_000  # elements inside each other; the time to parse them grows with the square of this
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_WITHOUT_END = (
    "area base body br col colgroup dd dt embed head hr html img input li link meta option p param source "
    "tbody td tfoot th thead tr track wbr"
)
_ENDS_BY_ITSELF = frozenset(_WITHOUT_END.split())


def page_text(html: str, name: str = "The page") -> str:
    """The text of `html`, a paragraph for each block. Nothing of it is run or fetched.

    Raises `DocumentError` for elements nested beyond reason.
    """
    import nh3

    if _depth(html) > _DEEPEST:
        raise DocumentError(f"{name} has more than {_DEEPEST:,} elements inside each other; it is not read.")
    reader = _Words()
    reader.feed(nh3.clean(html, tags=_KEPT, clean_content_tags=_SILENT, attributes={}))
    reader.close()
    text = "".join(reader.words)
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _depth(html: str) -> int:
    """How deep elements are nested at most, roughly: whatever has no end counts as open."""
    depth = deepest = 0
    for end, tag in _TAG.findall(html):
        if tag.lower() not in _ENDS_BY_ITSELF:
            depth = max(0, depth - 1) if end else depth + 1
            deepest = max(deepest, depth)
    return deepest


class _Words(HTMLParser):
    """Collects text from clean HTML; in `_as_written` elements line breaks mean something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._as_written = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._as_written += tag == "pre"
        if tag in ("td", "th"):
            self.words.append(" | ")
            return
        self.words.append("\n" if tag in ("br", "li", "tr", "dt", "dd") else "\n\n")
        if re.fullmatch("h[1-6]", tag):
            self.words.append("#" * int(tag[1]) + " ")
        elif tag == "li":
            self.words.append("- ")

    def handle_endtag(self, tag: str) -> None:
        self._as_written -= tag == "pre"
        if tag not in ("li", "tr", "td", "th"):
            self.words.append("\n\n")

    def handle_data(self, data: str) -> None:
        self.words.append(data if self._as_written else re.sub(r"\s+", " ", data))
