"""The prompt of a cell: its text with `{{names}}` filled, and what is attached to it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glm_magics.chat import Message
from glm_magics.grammar import GrammarError, Line, nearest
from glm_magics.template import data_names, fill, left_as_text, show_value

if TYPE_CHECKING:
    from glm_magics.documents import Document

__all__ = ["documents", "filled", "messages"]


def messages(text: str, parsed: Line, names: Mapping[str, Any]) -> tuple[Message, ...]:
    """What the cell says. Raises `TemplateError` or `GrammarError` for a name that cannot go in."""
    prompt = filled(text, parsed, names)
    if not parsed.values.get("raw"):
        _say_what_stayed(text, names)
    return (Message("user", "\n\n".join([prompt, *_attachments(parsed, names)])),)


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


def _attachments(parsed: Line, names: Mapping[str, Any]) -> list[str]:
    from glm_magics.frames.prompt import attachment

    wanted = parsed.values.get("inputs", ())
    for name in wanted:
        if name not in names:
            near = nearest(name, data_names(names))
            raise GrammarError(f"-i {name}: there is no variable of that name in the notebook.{near}")
    # A template of nothing but the name keeps to the same rules for what may be read.
    return [fill(f"{{{{{name}}}}}", names, show=attachment) for name in wanted]


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
