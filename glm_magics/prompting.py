"""The prompt of a cell: its text with `{{names}}` filled, and what is attached to it.

An image stands where its name does: then the message is made of parts, text and images in their order.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glm_magics.chat import ImagePart, Message
from glm_magics.grammar import GrammarError, Line, nearest
from glm_magics.images import parts
from glm_magics.template import data_names, fill, left_as_text, pieces, show_value

if TYPE_CHECKING:
    from glm_magics.documents import Document

__all__ = ["documents", "filled", "messages"]


def messages(text: str, parsed: Line, names: Mapping[str, Any]) -> tuple[Message, ...]:
    """What the cell says. Raises `TemplateError` or `GrammarError` for a name that cannot go in."""
    raw = parsed.values.get("raw")
    content: list[str | ImagePart] = [text] if raw else pieces(text, names, show=_shown)
    if not raw:
        _say_what_stayed(text, names)
    fetch = bool(parsed.values.get("fetch"))
    images = parts.named(parsed.values.get("images", ()), names, fetch=fetch)
    for attached in (*_attachments(parsed, names), *images):
        content += ["\n\n", attached]
    return (Message("user", parts.joined(content)),)


def documents(parsed: Line) -> tuple[Document, ...]:
    """The files that the line names, read. Raises `DocumentError` for one that may not or cannot be."""
    paths = parsed.values.get("files", ())
    if not paths and (parsed.values.get("map_reduce") or parsed.values.get("force")):
        option = "--map-reduce" if parsed.values.get("map_reduce") else "--force"
        raise GrammarError(f"{option} is about a document: name one with --file PATH.")
    if not paths:
        return ()
    from glm_magics.documents import read

    found = tuple(read(path, force=bool(parsed.values.get("force"))) for path in paths)
    for document in found:
        for note in document.notes:
            print(note, file=sys.stderr)
    return found


def filled(text: str, parsed: Line, names: Mapping[str, Any]) -> str:
    """`text` with its `{{names}}` in place, unless the line says `--raw`."""
    return text if parsed.values.get("raw") else fill(text, names, show=_text_of)


def _attachments(parsed: Line, names: Mapping[str, Any]) -> list[str | ImagePart]:
    wanted = parsed.values.get("inputs", ())
    for name in wanted:
        if name not in names:
            near = nearest(name, data_names(names))
            raise GrammarError(f"-i {name}: there is no variable of that name in the notebook.{near}")
    # A template of nothing but the name keeps to the same rules for what may be read.
    return [piece for name in wanted for piece in pieces(f"{{{{{name}}}}}", names, show=_attached) if piece]


def _attached(name: str, value: Any) -> str | ImagePart:
    return parts.picture(name, value) or _attachment(name, value)


def _shown(name: str, value: Any) -> str | ImagePart:
    return parts.picture(name, value) or _text_of(name, value)


def _attachment(name: str, value: Any) -> str:
    from glm_magics.frames.prompt import attachment

    return attachment(name, value)


def _say_what_stayed(text: str, names: Mapping[str, Any]) -> None:
    """Who writes `{{df.shape}}` expects a value: say that it was sent as written."""
    for slot in left_as_text(text, names):
        print(f"{slot} is sent as it is written: only plain names are filled.", file=sys.stderr)


def _text_of(name: str, value: Any) -> str:
    """A value in the middle of a prompt: a frame as its description, anything else as its text."""
    if type(value).__module__.partition(".")[0] in ("pandas", "polars", "pyarrow"):
        from glm_magics.frames.prompt import attachment

        return f"\n\n{attachment(name, value)}\n\n"  # its fence must end at a line's end
    return show_value(name, value)
