"""Outputs that do something when a notebook is opened: run programs, fetch, trick a terminal."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from glm_magics._lang import N_, _
from glm_magics.render.raw import raw_html
from glm_magics.sharing.finding import Finding, Severity
from glm_magics.sharing.parts import Part

__all__ = ["acting_in"]

_CLEAR = N_("clear this output, or show the result as a picture, a table or text")
_FETCH = N_("embed what is fetched, or clear this output: its server learns who opens the notebook")
_WIDGET = N_("clear this output, and save without widget state")

_MARKUP = ("text/html", "image/svg+xml", "text/markdown")
_SCRIPT_KINDS = ("application/javascript", "text/javascript", "application/x-javascript")
_WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# A start tag and its attributes, as browsers split them; each step goes forward, however hostile the text is.
_TAG = re.compile(r"<([a-zA-Z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"[\s/]*(=?[^\s/>=]+|=)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]*)))?")
_ACTING_TAGS = frozenset(("script", "iframe", "frame", "object", "embed", "applet", "base", "form", "portal"))
_ADDRESSES = frozenset(
    ("href", "xlink:href", "src", "action", "formaction", "data", "poster", "srcset", "background")
)
_FETCHING_TAGS = frozenset(("img", "image", "use", "input", "video", "audio", "source", "track", "link"))
_BLANKS = re.compile(r"[\x00-\x20]+")
_RUNS = re.compile(
    r"(?:javascript|vbscript|data:(?:text/html|image/svg|application/x?html)):?", re.IGNORECASE
)
_REMOTE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_STYLE_FETCH = re.compile(r"(?i)(?:url\(\s*[\"']?|@import\s+[\"'])(?:https?:)?//")
# Colours, and the moves of progress bars, are no trick; titles, links, the clipboard, and hidden text are.
_TERMINAL = re.compile(r"(?:\x1b[\]P_^X]|[\x90\x98\x9d-\x9f]|\x1b\[(?:0;)?8m|\x1b\[[23]J|\x1bc)")
_DIRECTION = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


def acting_in(part: Part) -> Iterator[Finding]:
    """Findings for what acts in a part."""

    def found(severity: Severity, what: str, advice: str) -> Finding:
        return Finding(severity, part.cell, part.where, what, advice)

    if part.text == _WIDGET_STATE and part.where == "metadata":
        yield found(
            "warning",
            _("the saved state of widgets"),
            _("save without widget state (Settings of the front end)"),
        )
    if part.where == "source" and _DIRECTION.search(part.text):
        yield found(
            "warning", _("marks that turn the direction of text: code is not what it seems"), _("delete them")
        )
    if not part.is_output:
        return
    if part.kind in _SCRIPT_KINDS:
        yield found("error", _("a program for the browser"), _(_CLEAR))
    elif part.kind == _WIDGET_VIEW:
        yield found("warning", _("a widget, which shows nothing without its kernel"), _(_WIDGET))
    elif part.kind in _MARKUP:
        markup = raw_html(part.text) if part.kind == "text/markdown" else part.text
        for severity, what in _in_markup(markup):
            yield found(severity, what, _(_FETCH) if severity == "warning" else _(_CLEAR))
    if part.kind in ("", "text/plain") and _TERMINAL.search(part.text):
        yield found("warning", _("terminal codes that hide, link, or clear"), _(_CLEAR))


def _in_markup(text: str) -> Iterator[tuple[Severity, str]]:
    at = 0
    while tag := _TAG.search(text, at):
        name, at = tag[1].lower(), tag.end()
        if name in _ACTING_TAGS:
            yield "error", f"<{name}>"
        while (attribute := _ATTRIBUTE.match(text, at)) is not None:
            at = attribute.end()
            value = html.unescape(next(filter(None, attribute.groups()[1:]), ""))
            yield from _in_attribute(name, attribute[1].lower(), value)
    if _STYLE_FETCH.search(text):
        yield "warning", _("a style that is fetched from another server")


def _in_attribute(tag: str, name: str, value: str) -> Iterator[tuple[Severity, str]]:
    if re.fullmatch("on[a-z]+", name):
        yield "error", _("a program in an attribute ({name}=)").format(name=name[:20])
    elif name == "srcdoc" or (name == "http-equiv" and value.strip().lower() == "refresh"):
        yield "error", _("a page inside the page or in its place ({name})").format(name=name)
    elif name in _ADDRESSES:
        address = _BLANKS.sub("", value)
        if _RUNS.match(address) and not (tag == "img" and address.lower().startswith("data:image/")):
            yield "error", _("an address that is a program")
        elif tag in _FETCHING_TAGS and _REMOTE.match(address):
            is_picture = tag in ("img", "image")
            what = (
                _("a picture that is fetched from another server")
                if is_picture
                else _("something (<{tag}>) that is fetched from another server").format(tag=tag)
            )
            yield "warning", what
