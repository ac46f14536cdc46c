"""The prompt of a cell: its text with `{{names}}` filled, and what is attached to it.

Text and numbers stand where their `{{name}}` is, and so do images: then the message is made of parts. A table
stands in the data block below the prompt, once, and its `{{name}}` becomes its name; so do lists and dicts
where the rules withhold something of them.

What images and tables need is imported where there are any: a plain cell begins soon.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glm_magics._lang import _
from glm_magics.chat import ImagePart, Message
from glm_magics.grammar import GrammarError, Line, nearest
from glm_magics.template import Show, data_names, fill, left_as_text, pieces, show_value

if TYPE_CHECKING:
    from glm_magics._options import Options
    from glm_magics._session import Session
    from glm_magics.documents import Document

__all__ = ["composed", "documents", "say_what_stayed"]


def composed(
    text: str, parsed: Line, names: Mapping[str, Any], *, session: Session, options: Options
) -> tuple[tuple[Message, ...], Options]:
    """What the cell says, and its options with the system message filled.

    Raises `TemplateError` or `GrammarError` for a name that cannot go in, and `SettingError` for rules about
    tables that cannot be kept.
    """
    if _is_plain(text, parsed, options):
        return (Message("user", text),), options
    from glm_magics.frames import attach
    from glm_magics.images import parts

    attached: dict[str, Any] = {}
    content: list[str | ImagePart] = [text]
    if not parsed.values.get("raw"):
        show = _shown(session, options, attached)
        content = pieces(
            text, names, show=lambda name, value: parts.picture(name, value) or show(name, value)
        )
        if options.system is not None:  # a table that it names stands with the others, for it is data
            options = replace(options, system=fill(options.system, names, show=show))
        say_what_stayed(text, names)
    fetch = bool(parsed.values.get("fetch"))
    images = [
        *_inputs(parsed, names, attached),
        *parts.named(parsed.values.get("images", ()), names, fetch=fetch),
    ]
    said = "".join(piece for piece in content if isinstance(piece, str))
    for image in images:
        content += ["\n\n", image]
    if not attached:
        if options.mask:
            raise GrammarError(
                _("--mask {columns}: nothing is attached that has columns.").format(
                    columns=",".join(options.mask)
                )
            )
        return (Message("user", parts.joined(content)),), options
    limits = options.over(session.defaults)
    tier = session.find_tier(limits.tier)
    rules = attach.rules_of(options, session.defaults)
    rules = attach.room_for_data(rules, tier, limits.max_tokens, f"{said}\n{limits.system or ''}")
    block, data = attach.attach(attached, rules, must_mask=options.mask)
    return (Message("user", parts.joined([*content, "\n\n", block]), data=data),), options


def documents(parsed: Line) -> tuple[Document, ...]:
    """The files that the line names, read. Raises `DocumentError` for one that may not or cannot be."""
    paths = parsed.values.get("files", ())
    if not paths and (parsed.values.get("map_reduce") or parsed.values.get("force")):
        option = "--map-reduce" if parsed.values.get("map_reduce") else "--force"
        raise GrammarError(
            _("{option} is about a document: name one with --file PATH.").format(option=option)
        )
    if not paths:
        return ()
    from glm_magics.documents import read

    found = tuple(read(path, force=bool(parsed.values.get("force"))) for path in paths)
    for document in found:
        for note in document.notes:
            print(note, file=sys.stderr)
    return found


def _is_plain(text: str, parsed: Line, options: Options) -> bool:
    """Whether the cell names nothing that could stand in it or below it."""
    named = not parsed.values.get("raw") and "{{" in f"{text}{options.system or ''}"
    return not (named or options.mask or parsed.values.keys() & {"inputs", "images"})


def _shown(session: Session, options: Options, attached: dict[str, Any]) -> Show:
    """What stands in the place of a name; `attached` takes what stands in the data block."""

    def show(name: str, value: Any) -> str:
        from glm_magics.frames import attach
        from glm_magics.inert import inert

        rules = attach.rules_of(options, session.defaults)
        if not attach.belongs_in_the_block(name, value, rules):
            return inert(show_value(name, value))
        attached[name] = value
        return f"`{name}`"

    return show


def _inputs(parsed: Line, names: Mapping[str, Any], attached: dict[str, Any]) -> list[ImagePart]:
    """The images that `-i` names; `attached` takes the rest of what it names."""
    from glm_magics.images import parts

    images: list[ImagePart] = []

    def keep(name: str, value: Any) -> str:
        picture = parts.picture(name, value)
        if picture is None:
            attached[name] = value
        else:
            images.append(picture)
        return ""

    for name in parsed.values.get("inputs", ()):
        if name not in names:
            near = nearest(name, data_names(names))
            raise GrammarError(
                _("-i {name}: there is no variable of that name in the notebook.{near}").format(
                    name=name, near=near
                )
            )
        # A template of nothing but the name keeps to the same rules for what may be read.
        fill(f"{{{{{name}}}}}", names, show=keep)
    return images


def say_what_stayed(text: str, names: Mapping[str, Any]) -> None:
    """Who writes `{{df.shape}}` expects a value: say that it was sent as written."""
    for slot in left_as_text(text, names):
        print(
            _("{slot} is sent as it is written: only plain names are filled.").format(slot=slot),
            file=sys.stderr,
        )
