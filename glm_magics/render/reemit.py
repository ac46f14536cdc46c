"""Canonical Markdown: the token tree written out again, so that every renderer reads it the same way.

Nothing is copied from the source but the code of fences. Whatever a renderer could take for markup is
an entity; where no renderer could, text stays as a person would write it. Judged against markdown-it
(raw HTML on), marked and mistune, by fuzzing; renderers differ most in what they do with half-open
markup, so none is ever written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from markdown_it.token import Token

from glm_magics.render.parser import Node, is_word, parse, shown_host, tree
from glm_magics.render.text import plain

__all__ = ["canonical", "fence", "link", "words"]


def canonical(text: str) -> str:
    """`text`, Markdown of any origin, as Markdown that is safe to display; ends with a newline.

    No raw HTML of the text's own, no image, no link but absolute http, https and mailto, no control
    characters. Rendering it again gives the same as rendering it once.
    """
    nodes = tree(parse(plain(text), references=True))
    written = [
        _block(node, _Place(plain_marks=_plain_marks(node)), first=not index)
        for index, node in enumerate(nodes)
    ]
    return "\n\n".join(_separated(nodes, written)) + "\n" if any(written) else ""


def words(text: str) -> str:
    """Plain `text` (not Markdown) as one line of Markdown that shows just that."""
    line = " ".join(plain(text).split())
    return _inline([Token("text", "", 0, content=line)], _Place())


def link(text: str, url: str) -> str:
    """A link with plain `text`, and the host beside it where the two disagree.

    `url` is one that `safe_url` has returned.
    """
    label = " ".join(plain(text).split()) or url
    opening = Token("link_open", "a", 1, attrs={"href": url})
    written = _inline([opening, Token("text", "", 0, content=label), Token("link_close", "a", -1)], _Place())
    host = shown_host(label, url)
    return f"{written} ({host})" if host else written


def fence(code: str, language: str = "") -> str:
    """A fenced code block at column 0, its code untouched."""
    body = code.removesuffix("\n")
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", body)), 3)
    return f"{ticks}{language}\n{body}\n{ticks}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something is written, as far as it matters to how."""

    nested: bool = False
    table: bool = False
    link: bool = False
    heading: bool = False
    plain_marks: frozenset[str] = frozenset()  # of `$` and `~`, those that have nothing to pair with


# -- blocks ----------------------------------------------------------------------------------------


def _block(node: Node, place: _Place, *, first: bool = False) -> str:
    match node.type:
        case "paragraph":
            return _inline(_children(node), place)
        case "heading":
            text = _inline(_children(node), replace(place, heading=True))
            return f"{'#' * int(node.token.tag[1])} {text}".rstrip()
        case "bullet_list" | "ordered_list":
            return _list(node, replace(place, nested=True))
        case "blockquote":
            inside = "\n\n".join(_blocks(node.children, replace(place, nested=True)))
            return "\n".join(f"> {line}".rstrip() for line in inside.split("\n"))
        case "fence" | "code_block":
            return _code(node.token, place)
        case "math_block":
            tex = _tex(node.token.content, place)
            return f"$$ {' '.join(tex.split())} $$" if place.nested else f"$$\n{tex}\n$$"
        case "table":
            return _table(node, replace(place, table=True))
        case _:  # a rule; in a list dashes could be an item, at the very top the start of front matter
            return "___" if place.nested or first else "---"


def _blocks(nodes: Sequence[Node], place: _Place) -> list[str]:
    return _separated(nodes, [_block(node, place) for node in nodes])


def _separated(nodes: Sequence[Node], written: list[str]) -> list[str]:
    """Lists that stand side by side keep apart by another marker, else they would become one."""
    other = False
    for index in range(1, len(nodes)):
        beside = nodes[index].type == nodes[index - 1].type and nodes[index].type.endswith("_list")
        other = beside and not other
        if other:
            written[index] = _OTHER_MARKER[nodes[index].type](written[index])
    return [piece for piece in written if piece]


_OTHER_MARKER: dict[str, Callable[[str], str]] = {
    "bullet_list": lambda text: re.sub(r"(?m)^-(?=[ \n]|\Z)", "*", text),
    "ordered_list": lambda text: re.sub(r"(?m)^(\d+)\.(?=[ \n]|\Z)", r"\1)", text),
}


def _list(node: Node, place: _Place) -> str:
    ordered = node.type == "ordered_list"
    start = node.token.attrGet("start")
    number = 1 if start is None else int(start)
    tight = all(
        child.token.hidden for item in node.children for child in item.children if child.type == "paragraph"
    )
    items = []
    for index, item in enumerate(node.children):
        marker = f"{number + index}. " if ordered else "- "
        items.append(_item(item, place, marker, tight))
    return ("\n" if tight else "\n\n").join(items)


def _item(item: Node, place: _Place, marker: str, tight: bool) -> str:
    written = _blocks(item.children, place)
    if not written:
        return f"{marker}&#8203;"
    body = ("\n" if tight and _may_touch(item.children) else "\n\n").join(written)
    return marker + re.sub(r"\n(?!\n|\Z)", "\n" + " " * len(marker), body)


def _may_touch(children: Sequence[Node]) -> bool:
    """Whether blocks read the same without a blank line between them: a line of text, then a list or code."""
    return all(
        before.type == "paragraph" and after.type in ("bullet_list", "fence")
        for before, after in pairwise(children)
    )


def _code(token: Token, place: _Place) -> str:
    language = (token.info.split() or [""])[0]
    if not re.fullmatch(r"[A-Za-z0-9][\w+#.-]{0,29}", language, re.A):
        language = ""
    if language.lower() in ("mermaid", "math", "geojson", "topojson", "stl"):  # some hosts draw these
        language = "text"
    if not place.nested or not _LIVELY_CODE.search(token.content):
        return fence(token.content, language)
    # Indented code is where renderers differ; one line of entities is read alike by all.
    body = _as_entities(token.content.removesuffix("\n"), _CODE_ENTITIES + "\n")
    opening = f'<code class="language-{language}">' if language else "<code>"
    return f"<pre>{opening}{body}</code></pre>"


# What could be alive if a renderer took nested code for text: tags, links, references, entities, math.
_LIVELY_CODE = re.compile(r"<(?![\s\d=])|\]\(|\]:|\]\[|!\[|`|~~~|\$|&[#\w]|://|\\\\|\\(?:begin|end)|@@")
_CODE_ENTITIES = "&<>[]`*_~|$\\!:(@{"


def _table(node: Node, place: _Place) -> str:
    rows = [row for part in node.children for row in part.children]
    written = [[_inline(_children(cell), place) for cell in row.children] for row in rows]
    lines = ["| " + " | ".join(cells) + " |" for cells in written]
    rule = [_ALIGNMENT.get(str(cell.token.attrGet("style") or ""), "---") for cell in rows[0].children]
    return "\n".join([lines[0], "| " + " | ".join(rule) + " |", *lines[1:]])


_ALIGNMENT = {"text-align:left": ":--", "text-align:right": "--:", "text-align:center": ":-:"}


def _children(node: Node) -> list[Token]:
    return [token for child in node.children for token in child.token.children or []]


def _plain_marks(node: Node) -> frozenset[str]:
    """The `$` or `~` that is the only one of its kind up to the next blank line at the top level."""
    if node.type in ("fence", "code_block", "math_block"):
        return frozenset()
    seen = {"$": 0, "~": 0}
    for mark in seen:
        seen[mark] = _count(node, mark)
    return frozenset(mark for mark, times in seen.items() if times == 1)


def _count(node: Node, mark: str) -> int:
    times = node.token.content.count(mark) if not node.token.children else 0
    for token in node.token.children or []:
        times += token.content.count(mark)
        if (token.type, mark) in (("math_inline", "$"), ("s_open", "~")):
            times += 2
    return times + sum(_count(child, mark) for child in node.children)


# -- inline ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Mark:
    """An emphasis marker whose spelling is decided when its neighbours are known."""

    tag: str
    partner: int
    opens: bool
    text: str = ""


_SIGNS = {"strong": "**", "em": "*", "s": "~~"}


def _inline(children: Sequence[Token], place: _Place) -> str:
    pieces: list[str | _Mark] = []
    opened: list[int] = []
    link_at: list[tuple[int, str]] = []
    one_line = place.table or place.heading
    for index, token in enumerate(children):
        match token.type:
            case "softbreak":
                pieces.append(" " if one_line else "\n")
            case "hardbreak":
                pieces.append("<br>" if one_line else "\\\n")
            case "code_inline":
                pieces.append(_code_span(token.content, place))
            case "math_inline":
                pieces.append(_math(token, place, after=pieces[-1] if pieces else ""))
            case "link_open":
                link_at.append((len(pieces), str(token.attrs["href"])))
                pieces.append("[")
                place = replace(place, link=True)
            case "link_close":
                first, url = link_at.pop()
                place = replace(place, link=False)
                _end_link(pieces, first, url)
            case "strong_open" | "em_open" | "s_open":
                opened.append(len(pieces))
                pieces.append(_Mark(token.type.removesuffix("_open"), -1, True))
            case "strong_close" | "em_close" | "s_close":
                partner = opened.pop()
                opening = pieces[partner]
                assert isinstance(opening, _Mark)
                opening.partner = len(pieces)
                pieces.append(_Mark(opening.tag, partner, False))
            case _:
                starts_line = not one_line and (not pieces or str(pieces[-1]).endswith("\n"))
                pieces.append(
                    _text(token.content, place, starts_line=starts_line, ends=_ends_line(children, index + 1))
                )
    _spell_marks(pieces)
    return "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)


def _ends_line(children: Sequence[Token], index: int) -> bool:
    return index >= len(children) or children[index].type == "softbreak"


def _end_link(pieces: list[str | _Mark], first: int, url: str) -> None:
    inside = pieces[first + 1 :]
    text = "".join(piece if isinstance(piece, str) else "\0" for piece in inside)
    if text.replace("&#58;", ":") == url and _PLAIN_URL.match(url):
        pieces[first:] = [f"<{url}>"]
    else:
        pieces.append(f"]({url})")


_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:[/?#][A-Za-z0-9./?=%#+,-]*)?\Z")


def _code_span(code: str, place: _Place) -> str:
    code = code.replace("\n", " ")
    spaced = code.strip() != code
    lively = (
        _LIVELY_SPAN.search(code)
        or (place.link and _LIVELY_CODE.search(code))
        or (place.table and "|" in code)
    )
    if code and not spaced and not lively:
        return f"`{code}`"
    return f"<code>{_as_entities(code, _CODE_ENTITIES + ' ' * spaced)}</code>"


def _as_entities(text: str, characters: str) -> str:
    return "".join(f"&#{ord(c)};" if c in characters else c for c in text)


# Math is looked for before code spans by some: what opens or closes it must not stand in one.
_LIVELY_SPAN = re.compile(r"`|\$\$|\\\\|\\(?:begin|end)\b|@@\d")


def _math(token: Token, place: _Place, *, after: str | _Mark) -> str:
    tex = " ".join(_tex(token.content, place).split())
    # `$a$` right after another formula would read as `$$`
    apart = "<span></span>" if isinstance(after, str) and after.endswith("$") else ""
    return f"{apart}{token.markup}{tex}{token.markup}"


def _tex(tex: str, place: _Place) -> str:
    """TeX that means the same and holds nothing that is markup where a renderer knows no math."""
    tex = tex.replace("<", r"\lt ").replace(">", r"\gt ").replace("`", "'")
    tex = re.sub(r"(?<!\\)\$", "", tex)
    tex = re.sub(r"([!\[\]])(?=[\[(:])", r"\1 ", tex)
    tex = re.sub(r"&(?=[#\w]+;)", "& ", tex)
    tex = re.sub(r"~(?=~)", "~ ", tex)
    tex = re.sub(r"(?i)(:|www)(?=//|\.)", r"\1{}", tex)  # no address that a renderer makes a link of
    if place.table:
        tex = tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    return "\n".join(_TEX_LINE_START.sub("{}", line.strip()) for line in tex.split("\n") if line.strip())


# A line of a formula that would be a block of its own where a renderer knows no math.
_TEX_LINE_START = re.compile(r"\A(?=#|[-+*] |\d+[.)] |[-=:| ]+\Z|~~~)")


def _spell_marks(pieces: list[str | _Mark]) -> None:
    """`**` where every renderer agrees, else `<strong>`."""
    for index, piece in enumerate(pieces):
        if not isinstance(piece, _Mark) or not piece.opens:
            continue
        closing = pieces[piece.partner]
        assert isinstance(closing, _Mark)
        if _is_plain(pieces, index, piece.partner):
            piece.text = closing.text = _SIGNS[piece.tag]
        else:
            piece.text, closing.text = f"<{piece.tag}>", f"</{piece.tag}>"


def _is_plain(pieces: list[str | _Mark], first: int, last: int) -> bool:
    inside = pieces[first + 1 : last]
    if not inside or any(isinstance(piece, _Mark) for piece in inside):
        return False
    text = "".join(piece for piece in inside if isinstance(piece, str))
    before = pieces[first - 1] if first else " "
    after = pieces[last + 1] if last + 1 < len(pieces) else " "
    if isinstance(before, _Mark) or isinstance(after, _Mark) or not text or "<" in text:
        return False
    left, right = (before or " ")[-1], (after or " ")[0]
    return (
        not text[0].isspace()
        and not text[-1].isspace()
        and (is_word(text[0]) or left in " \n(")
        and (is_word(text[-1]) or right in " \n.,;:!?)")
        and left not in "*~_\\"
        and right not in "*~_"
    )


# -- text ------------------------------------------------------------------------------------------

# Brackets that cannot be a link, a footnote or a task box, with nothing in them that needs care.
_BRACKETED = r"(?<![!\]\\])\[(?![ xX]\])[^\[\]()<>!\\`*_&^~$|{}@\n]{1,80}\](?=[^(\[:{]|\Z)"
_SPECIAL = re.compile(rf"(?P<brackets>{_BRACKETED})|://|(?i:www)\.|[&<\[\]`*_~\\|$!{{]")
_LINE_START = re.compile(
    r"(?P<one>#|>|:|[-+*](?=\s|\Z)|\+\+\+|[-=](?=[-= \t]*\Z)|[|\-:](?=[-:| \t]*\Z))"
    r"|(?P<number>\d{1,9})(?P<dot>[.)])(?=\s|\Z)"
)


def _text(text: str, place: _Place, *, starts_line: bool, ends: bool) -> str:
    head = ""
    if starts_line:
        text = text.lstrip(" \t")
        start = _LINE_START.match(text)
        if start:
            marker = start["one"] or start["dot"]
            head = f"{start['number'] or ''}&#{ord(marker[0])};"
            text = text[1 if start["one"] else start.end() :]
    body = _SPECIAL.sub(lambda match: _special(match, place, ends), text)
    if place.heading and ends and body.endswith("#"):
        body = body[:-1] + "&#35;"
    return head + body


def _special(match: re.Match[str], place: _Place, ends: bool) -> str:
    text, found = match.string, match[0]
    before = text[match.start() - 1 : match.start()]
    after = text[match.end() : match.end() + 1]
    if match["brackets"]:
        return found if (after or ends) and not place.link else f"&#91;{found[1:-1]}&#93;"
    if len(found) == 4:  # some make a link of www.… by themselves
        return f"{found[:3]}&#46;"
    match found:
        case "://":
            return "&#58;//"
        case "&":
            return "&" if after == " " or (not after and ends) else "&amp;"
        case "<":
            return "<" if (after or "x") in " =0123456789" else "&lt;"
        case "*":
            return "*" if before == " " == after and not place.link else "&#42;"
        case "_":
            inside = before and after and (before + after).isalnum() and (before + after).isascii()
            return "_" if inside else "&#95;"
        case "~":
            return "~" if "~" in place.plain_marks else "&#126;"
        case "$":
            return "$" if "$" in place.plain_marks else "<span>&#36;</span>"
        case "|":
            return "&#124;" if place.table else "|"
        case "!":
            return "!" if (after or ends) and after != "[" else "&#33;"
        case "{":
            return "{" if after and after not in "%{:#." else "&#123;"
        case _:
            return f"&#{ord(found)};"
