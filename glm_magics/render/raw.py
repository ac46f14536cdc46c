"""The HTML that somebody else's Markdown brings along; what stands in code is text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["raw_html"]


def raw_html(markdown: str) -> str:
    """The raw HTML of a CommonMark text, and a tag for each picture and link; none of it is made safe."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # bad ones are what is looked for
    return "\n".join(_raw(parser.parse(markdown)))


def _raw(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("html_block", "html_inline"):
            yield token.content
        elif token.type == "image":
            yield f'<img src="{token.attrs.get("src", "")}">'
        elif token.type == "link_open":
            yield f'<a href="{token.attrs.get("href", "")}">'
        yield from _raw(token.children or ())
