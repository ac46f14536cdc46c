r"""The one Markdown parser: CommonMark without raw HTML, with tables, strikethrough and math.

What it does beyond CommonMark, each as a rule of this one instance:

- math is `$…$`, `$$…$$`, `\(…\)` and `\[…\]`; prices are not math, and neither is TeX that could
  touch the page (links, styles, ids, definitions);
- `**注意：**文字` is bold: a CJK neighbour counts as a word boundary for emphasis;
- links are absolute http, https or mailto without user-info, or plain text; bare https addresses are
  links; a link whose words name another host than its target shows the host; images are text;
- of HTML only the few tags that `reemit` writes itself are understood, exactly as it writes them;
- nesting is bounded, what lies deeper is shown as code.

`parse` gives markdown-it's flat tokens, `tree` the same as nodes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import unescape
from unicodedata import category, normalize
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from glm_magics.render.text import plain

__all__ = ["Node", "inline_tokens", "parse", "safe_url", "shown_host", "tree"]

# Each level of a list costs two. Deeper text is code, so nothing is lost and recursion is bounded.
_DEEPEST = 40
_URL_LIMIT = 2000
_MATH_LIMIT = 2000
_DISPLAY_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Node:
    """A token and what it encloses; `first` and `last` are its place in the flat token list."""

    token: Token
    children: tuple[Node, ...]
    first: int
    last: int

    @property
    def type(self) -> str:
        """The token's type without its `_open`."""
        return self.token.type.removesuffix("_open")


def parse(text: str, *, references: bool = False) -> list[Token]:
    """The tokens of clean `text`. `references`: resolve `[text][label]` with its later definition.

    Text that is still arriving is parsed without references: a definition far below would change
    what has been shown.
    """
    return _parser(references).parse(text)


def inline_tokens(text: str) -> list[Token]:
    """The inline tokens of `text`, as in a paragraph."""
    return _parser(False).parseInline(text)[0].children or []


def tree(tokens: Sequence[Token]) -> tuple[Node, ...]:
    levels: list[list[Node]] = [[]]
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.nesting == 1:
            opened.append(index)
            levels.append([])
        elif token.nesting == -1:
            first = opened.pop()
            children = tuple(levels.pop())
            levels[-1].append(Node(tokens[first], children, first, index + 1))
        else:
            levels[-1].append(Node(token, (), index, index + 1))
    return tuple(levels[0])


@cache
def _parser(references: bool) -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST + 20})
    md.enable(["table", "strikethrough"])
    md.disable(["html_block", "html_inline"])
    if references:
        md.block.ruler.at("reference", _reference)
    else:
        md.disable("reference")
    md.block.ruler.before("table", "too_deep", _too_deep)
    for name, rule in (("math_block", _math_block), ("own_code", _own_code)):
        alternatives = ["paragraph", "reference", "blockquote", "list"]  # what the rule may interrupt
        md.block.ruler.before("fence", name, rule, {"alt": alternatives})
    md.inline.ruler.before("escape", "math", _math_inline)
    md.inline.ruler.at("emphasis", _emphasis)
    md.inline.ruler.before("autolink", "own_tag", _own_tag)
    md.core.ruler.push("safe_links", _safe_links)
    return md


# -- nesting ---------------------------------------------------------------------------------------


def _too_deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """What is nested deeper than `_DEEPEST` becomes one code block."""
    if silent or state.level < _DEEPEST:
        return False
    line = start
    while line < end and (state.isEmpty(line) or state.sCount[line] >= state.blkIndent):
        line += 1
    token = state.push("code_block", "code", 0)
    token.content = state.getLines(start, line, state.blkIndent, False).rstrip("\n") + "\n"
    token.map = [start, line]
    state.line = line
    return True


# -- math ------------------------------------------------------------------------------------------

# Commands that reach outside the formula in MathJax or KaTeX: links, styles, ids, scripts' data, and
# definitions, which outlive it (docs.mathjax.org, "Typesetting User-Supplied Content").
_UNSAFE_TEX = re.compile(
    r"\\(?:href|url|style|class|cssId|data|html\w*|mmlToken|unicode|require|includegraphics|toolTip|texttip"
    r"|def|edef|gdef|xdef|let|futurelet|global|long|csname|input|include|catcode|newcommand|renewcommand"
    r"|providecommand|newenvironment|renewenvironment|DeclareMathOperator|DeclarePairedDelimiter\w*"
    r"|Newextarrow|bbox|fcolorbox|verb|char|special|write|immediate|read|openin|openout|loop|repeat)"
    r"(?![A-Za-z])"
)
# "$5 million or 6$": a number, then words, and nothing that looks like a formula.
_PRICE = re.compile(r"\d[\d.,]*\s*(?:[A-Za-z]{2,}|[^\x00-\x7f])[^\\^_=<>{}+]*\Z")
_CLOSERS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}


def _math_inline(state: StateInline, silent: bool) -> bool:
    source, start = state.src, state.pos
    opener = source[start : start + 2]
    if opener not in _CLOSERS:
        opener = source[start : start + 1]
        if opener != "$":
            return False
    closer = _CLOSERS.get(opener, "$")
    content_at = start + len(opener)
    limit = _MATH_LIMIT if opener in ("$", r"\(") else _DISPLAY_LIMIT
    if opener in ("$", "$$"):
        end = _next_dollar(source, content_at, min(state.posMax, content_at + limit))
    else:
        end = source.find(closer, content_at, min(state.posMax, content_at + limit))
    if end < 0 or not source.startswith(closer, end) or end + len(closer) > state.posMax:
        return False
    content, after = source[content_at:end], source[end + len(closer) : end + len(closer) + 1]
    if not _is_tex(content):
        return False
    if opener == "$" and (
        content[0].isspace()
        or content[-1].isspace()
        or after.isdigit()
        or "`" in content
        or _PRICE.match(content)
    ):
        return False
    if opener in (r"\[", r"\(") and after == "(":  # an escaped link, not a formula
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = " ".join(content.split("\n")).strip()
        token.markup = "$" if opener in ("$", r"\(") else "$$"
    state.pos = end + len(closer)
    return True


def _next_dollar(source: str, start: int, end: int) -> int:
    """The first `$` that no backslash escapes."""
    position = source.find("$", start, end)
    while position > start and _escaped(source, position, start):
        position = source.find("$", position + 1, end)
    return position


def _escaped(source: str, position: int, start: int) -> bool:
    slashes = 0
    while position - slashes > start and source[position - slashes - 1] == "\\":
        slashes += 1
    return slashes % 2 == 1


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`$$` or `\\[` at the start of a line up to its closer at the end of one; no blank line between."""
    if state.is_code_block(start):
        return False
    first = _line(state, start)
    opener = first[:2]
    if opener not in ("$$", r"\["):
        return False
    closer = _CLOSERS[opener]
    lines, line, rest = [], start, first[2:]
    size = 0
    while closer not in rest:
        lines.append(rest)
        size += len(rest)
        line += 1
        if (
            line >= end
            or state.isEmpty(line)
            or state.sCount[line] < state.blkIndent
            or size > _DISPLAY_LIMIT
        ):
            return False
        rest = _line(state, line)
        if opener == r"\[" and opener in rest.replace(r"\\[", ""):
            return False
    content, after = rest.split(closer, 1)
    lines.append(content)
    tex = "\n".join(part for part in lines if part.strip())
    if after.strip() or not _is_tex(tex):
        return False
    if silent:
        return True
    token = state.push("math_block", "math", 0)
    token.content = tex.strip()
    token.markup = "$$"
    token.map = [start, line + 1]
    token.block = True
    state.line = line + 1
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _is_tex(content: str) -> bool:
    """Whether this can be a formula on its own: not empty, braces balanced, no unsafe command."""
    if not content.strip() or _UNSAFE_TEX.search(content) or _escaped(content, len(content), 0):
        return False
    depth = 0
    for brace in re.findall(r"\\.|[{}]", content):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0


# -- our own tags ----------------------------------------------------------------------------------

_OWN_TAG = re.compile(
    r"<(?:(br) ?/?|span>(&#36;)?</span|code>(?P<code>[^<>\n]*)</code|/?(?P<pair>strong|em|s))>"
)
_OWN_CODE = re.compile(r"<pre><code(?: class=\"language-([\w+#.-]+)\")?>([^<>]*)</code></pre>\s*\Z")


def _own_tag(state: StateInline, silent: bool) -> bool:
    """Models write `<br>` in table cells; the others come from Markdown that `reemit` wrote."""
    match = _OWN_TAG.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        if match[1]:
            state.push("hardbreak", "br", 0)
        elif match["code"] is not None:
            state.push("code_inline", "code", 0).content = plain(unescape(match["code"]))
        elif match["pair"]:
            token = state.push("own_tag", match["pair"], 0)
            token.content = match[0]
        elif match[2]:
            state.pending += "$"
    state.pos = match.end()
    return True


def _own_code(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    match = None if state.is_code_block(start) else _OWN_CODE.match(_line(state, start))
    if match is None:
        return False
    if not silent:
        token = state.push("fence", "code", 0)
        token.info = match[1] or ""
        token.content = plain(unescape(match[2])) + "\n"
        token.map = [start, start + 1]
        state.line = start + 1
    return True


def _paired(children: list[Token]) -> list[Token]:
    """`<strong>` and its like as emphasis where they pair, as text where they do not."""
    opened: list[Token] = []
    for token in children:
        if token.type == "own_tag" and not token.content.startswith("</"):
            opened.append(token)
        elif token.type == "own_tag":
            if opened and opened[-1].type == "own_tag" and opened[-1].tag == token.tag:
                opening = opened.pop()
                opening.type, opening.nesting = f"{token.tag}_open", 1
                token.type, token.nesting = f"{token.tag}_close", -1
        elif token.nesting == 1:
            opened.append(token)
        elif token.nesting == -1:
            while opened and opened.pop().type == "own_tag":
                pass
    for token in children:
        if token.type == "own_tag":
            token.type = "text"
    return children


# -- emphasis --------------------------------------------------------------------------------------

_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u303f\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
)


def _emphasis(state: StateInline, silent: bool) -> bool:
    """markdown-it's rule, but a CJK neighbour counts as punctuation where `*` is concerned.

    CommonMark's flanking rule knows words between spaces only (github.com/tats-u/markdown-cjk-friendly).
    """
    start = state.pos
    marker = state.src[start]
    if silent or marker not in "*_":
        return False
    scanned = state.scanDelims(start, marker == "*")
    can_open, can_close = scanned.can_open, scanned.can_close
    if marker == "*":
        before = state.src[start - 1] if start else " "
        after_at = start + scanned.length
        after = state.src[after_at] if after_at < state.posMax else " "
        can_open = can_open or (not after.isspace() and bool(_CJK.match(before)))
        can_close = can_close or (not before.isspace() and bool(_CJK.match(after)))
    for _ in range(scanned.length):
        token = state.push("text", "", 0)
        token.content = marker
        state.delimiters.append(
            Delimiter(
                marker=ord(marker),
                length=scanned.length,
                token=len(state.tokens) - 1,
                end=-1,
                open=can_open,
                close=can_close,
            )
        )
    state.pos += scanned.length
    return True


# -- links and images ------------------------------------------------------------------------------

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_BARE_URL = re.compile(
    r"(?<![\w@/:.=&?%-])https?://[^\s<>\"'`|\\^{}()\[\]*$（）【】《》〈〉「」『』“”‘’，。；：！？、…]+", re.I
)
_NAMED_HOST = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}|(?:\d{1,3}\.){3}\d{1,3}|xn--[\w-]+")
_MAILTO = re.compile(r"mailto:[\w.!#%&'*+/=?^`{|}~@,-]+(?:\?[^\s<>\"]*)?\Z", re.I | re.A)


def safe_url(url: str) -> str | None:
    """`url` if it is an absolute http, https or mailto address that may be a link, else None.

    The result is ASCII, the host lower-case (punycode if need be), and every character that could end
    a Markdown link is percent-encoded. Addresses with user-info (`https://bank.example@evil.example`)
    are refused: they are made to deceive.
    """
    url = url.strip()
    if not url or len(url) > _URL_LIMIT or re.search(r"[\x00-\x20\x7f-\x9f\\]", url):
        return None
    if url[:7].lower() == "mailto:":
        return _encoded("mailto:" + url[7:]) if _MAILTO.match(url) else None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = _ascii_host(parts.hostname or "")
    if parts.scheme.lower() not in ("http", "https") or "@" in parts.netloc or not host:
        return None
    if not re.match(r"(?i)https?://[^/]", url):
        return None
    rest = url.split("//", 1)[1]
    after = re.search(r"[/?#]", rest)
    tail = rest[after.start() :] if after else ""
    where = host if port is None else f"{host}:{port}"
    return _encoded(f"{parts.scheme.lower()}://{where}{tail}")


def shown_host(text: str, url: str) -> str | None:
    """The host of `url`, when `text` names another one or the host is written in punycode."""
    host = urlsplit(url).hostname
    if host is None:
        return None
    if "xn--" in host:
        return host
    text = re.sub(r"(?<=[^\s/:])[/?#]\S*", "", normalize("NFKC", text).lower())  # paths are no hosts
    named = _NAMED_HOST.findall(text)
    same = all(name == host or "www." + name == host or host.endswith("." + name) for name in named)
    return None if same else host


def _ascii_host(host: str) -> str | None:
    try:
        host = host.encode("idna").decode("ascii").lower() if not host.isascii() else host.lower()
    except UnicodeError:
        return None
    return host if _HOST.match(host) and len(host) <= 253 else None


def _encoded(url: str) -> str:
    """Percent-encode what is not plainly safe; existing escapes stay."""
    return "".join(
        character
        if character.isascii() and (character.isalnum() or character in "-._/?=&#:@,+%~")
        else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
        for character in url
    )


def _safe_links(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = _linked(_checked(_paired(token.children)))


def _reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """markdown-it's rule, for definitions that can become a link; footnotes and the rest stay text."""
    known = dict(state.env.get("references", {}))
    line = state.line
    if not reference(state, start, end, silent):
        return False
    for label, definition in state.env.get("references", {}).items():
        if label not in known and (label.startswith("^") or safe_url(definition["href"]) is None):
            state.env["references"] = known
            state.line = line
            return False
    return True


def _checked(children: list[Token]) -> list[Token]:
    """Images as text; links that may not be one as their words; the host where words and target differ."""
    result: list[Token] = []
    opened: list[tuple[str | None, int]] = []
    for index, token in enumerate(children):
        if token.type == "image":
            result.append(_text(_image_text(token)))
        elif token.type == "link_open":
            url = safe_url(str(token.attrGet("href") or ""))
            opened.append((url, len(result)))
            if url is not None:
                token.attrs = {"href": url}
                result.append(token)
        elif token.type == "link_close":
            url, first = opened.pop()
            if url is None:
                continue
            result.append(token)
            host = shown_host("".join(inside.content for inside in result[first:]), url)
            said = children[index + 1].content if index + 1 < len(children) else ""
            if host is not None and not said.startswith(f" ({host})"):
                result.append(_text(f" ({host})"))
        else:
            if token.type == "text":  # entities may have brought back what `plain` took out of the source
                token.content = plain(token.content).replace("\n", " ")
            result.append(token)
    return _joined(result)


def _image_text(token: Token) -> str:
    url = safe_url(str(token.attrGet("src") or ""))
    host = urlsplit(url).hostname if url else None
    alt = " ".join("".join(child.content or " " for child in token.children or []).split())
    return plain(f"[image: {' — '.join(part for part in (alt, host) if part)}]").replace("\n", " ")


def _linked(children: list[Token]) -> list[Token]:
    """Bare https addresses in text become links, as most renderers would make them anyway."""
    result: list[Token] = []
    inside = 0
    for token in children:
        inside += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type != "text" or inside or "://" not in token.content:
            result.append(token)
            continue
        start = 0
        for match in _BARE_URL.finditer(token.content):
            words = match[0].rstrip(".,;:!?_~")
            url = safe_url(words)
            if url is None:
                continue
            result += [_text(token.content[start : match.start()]), *_link(words, url)]
            start = match.start() + len(words)
        result.append(_text(token.content[start:]))
    return [token for token in result if token.type != "text" or token.content]


def _link(words: str, url: str) -> list[Token]:
    opening = Token("link_open", "a", 1, attrs={"href": url}, markup="linkify")
    return [opening, _text(words), Token("link_close", "a", -1)]


def _joined(tokens: list[Token]) -> list[Token]:
    """Neighbouring texts as one, so that what follows sees whole words."""
    result: list[Token] = []
    runs: list[list[str]] = []
    for token in tokens:
        if token.type == "text" and result and result[-1].type == "text":
            runs[-1].append(token.content)
        else:
            result.append(token)
            runs.append([token.content])
    for token, run in zip(result, runs, strict=True):
        token.content = "".join(run)
    return result


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def is_word(character: str) -> bool:
    return category(character)[0] in "LN"
