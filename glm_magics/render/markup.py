r"""HTML for the live widget: from the tokens, with a handful of tags, and cleaned once more by nh3.

Math stays as `\(…\)` and `\[…\]` text inside elements of class `math`, for the host's own typesetter;
code carries Pygments' short class names. Nothing else has a class, and nothing has an id or a style.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import escape

from markdown_it.token import Token

from glm_magics.render.parser import parse
from glm_magics.render.text import plain

__all__ = ["clean", "html", "language_class", "to_html"]

_TAGS = {
    *(
        "p",
        "br",
        "hr",
        "strong",
        "em",
        "s",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "a",
        "span",
        "div",
    ),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
# Highlighting longer code would hold up the stream, and a lexer's patterns are no place for a hostile line.
_HIGHLIGHT_LIMIT = 50_000
_LINE_LIMIT = 2_000


def html(text: str) -> str:
    """`text`, Markdown of any origin, as HTML that neither runs, nor loads, nor restyles anything."""
    return clean(to_html(parse(plain(text))))


def to_html(tokens: Sequence[Token], *, highlight: bool = True) -> str:
    """HTML of block tokens. In a list item the first paragraph stands bare, whatever follows it."""
    out: list[str] = []
    bare = False
    previous = ""
    for token in tokens:
        if token.type == "paragraph_open":
            bare = previous == "list_item_open"
            out.append("" if bare else "<p>")
        elif token.type == "paragraph_close":
            out.append("" if bare else "</p>")
        elif token.type == "inline":
            out.append(inline_html(token.children or []))
        elif token.type == "fence" or token.type == "code_block":
            out.append(_code(token, highlight))
        elif token.type == "math_block":
            out.append(
                f'<div class="math">{escape(chr(92) + "[" + token.content + chr(92) + "]", False)}</div>'
            )
        else:
            out.append(_tag(token))
        previous = token.type
        if token.type == "thead_close":
            out.append("<tbody>")
        if token.type == "table_close":
            out[-1:] = ["</tbody>", out[-1]]
    return "".join(out)


def inline_html(children: Sequence[Token]) -> str:
    return "".join(_inline(token) for token in children)


def _inline(token: Token) -> str:
    match token.type:
        case "softbreak":
            return "\n"
        case "hardbreak":
            return "<br>\n"
        case "code_inline":
            return f"<code>{escape(token.content, False)}</code>"
        case "math_inline":
            left, right = (r"\(", r"\)") if token.markup == "$" else (r"\[", r"\]")
            return f'<span class="math">{escape(left + token.content + right, False)}</span>'
        case "link_open":
            return f'<a href="{escape(str(token.attrs["href"]))}">'
        case "strong_open" | "em_open" | "s_open" | "strong_close" | "em_close" | "s_close" | "link_close":
            return f"<{'/' if token.nesting < 0 else ''}{token.tag}>"
        case _:
            return escape(token.content, False)


def _tag(token: Token) -> str:
    if token.type in ("tbody_open", "tbody_close"):  # always written, also for a table without rows
        return ""
    if token.nesting < 0:
        return f"</{token.tag}>"
    attribute = ""
    if token.type == "ordered_list_open" and token.attrGet("start") is not None:
        attribute = f' start="{int(token.attrGet("start") or 0)}"'
    elif token.type in ("th_open", "td_open"):
        align = str(token.attrGet("style") or "").removeprefix("text-align:")
        attribute = f' align="{align}"' if align in ("left", "right", "center") else ""
    return f"<{token.tag}{attribute}>"


def _code(token: Token, highlight: bool) -> str:
    name = language_class(token.info)
    opening = f'<pre><code class="{name}">' if name else "<pre><code>"
    code = _highlighted(token.content, name) if highlight else escape(token.content, False)
    return f"{opening}{code}</code></pre>"


def language_class(info: str) -> str:
    """`language-python` for a fence's info string, empty where Pygments does not know the name."""
    words = info.split()
    name = "language-" + words[0].lower() if words else ""
    return name if name in _language_classes() else ""


def _highlighted(code: str, name: str) -> str:
    if not name or len(code) > _HIGHLIGHT_LIMIT or re.search(rf"[^\n]{{{_LINE_LIMIT}}}", code):
        return escape(code, False)
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    lexer = get_lexer_by_name(name.removeprefix("language-"), stripnl=False, ensurenl=False)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))


@cache
def _language_classes() -> frozenset[str]:
    from pygments.lexers import get_all_lexers

    return frozenset(
        f"language-{alias.lower()}" for _, aliases, _, _ in get_all_lexers(plugins=False) for alias in aliases
    )


@cache
def _class_values() -> dict[str, dict[str, set[str]]]:
    from pygments.token import STANDARD_TYPES

    return {
        "span": {"class": {"math", *filter(None, STANDARD_TYPES.values())}},
        "div": {"class": {"math"}},
        "code": {"class": set(_language_classes())},
        "th": {"align": {"left", "right", "center"}},
        "td": {"align": {"left", "right", "center"}},
    }


def clean(html_text: str) -> str:
    """The allow-list: a second, independent wall behind `to_html`, which only writes what passes here."""
    import nh3

    return nh3.clean(
        html_text,
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        tag_attribute_values=_class_values(),
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer nofollow",
        url_schemes={"http", "https", "mailto"},
    )


def clean_rows(rows: str) -> str:
    """`clean` for `<tr>…</tr>`, which an HTML parser drops outside a table."""
    before, after = "<table><tbody>", "</tbody></table>"
    return clean(before + rows + after).removeprefix(before).removesuffix(after)
