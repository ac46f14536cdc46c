"""From the pieces of a prompt, text and images in their order, to the content of a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from os import PathLike
from typing import Any

from glm_magics.chat import ContentPart, ImagePart, Message, TextPart
from glm_magics.images.values import image, is_picture
from glm_magics.template import look_up

__all__ = ["joined", "named", "picture", "with_images"]


def joined(pieces: Sequence[str | ImagePart]) -> str | tuple[ContentPart, ...]:
    """Text alone stays text; with images among it, what stands between them becomes parts of its own."""
    parts: list[ContentPart] = []
    for words, group in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        if not words:
            parts += (piece for piece in group if isinstance(piece, ImagePart))
        elif text := "".join(map(str, group)).strip("\n"):
            parts.append(TextPart(text))
    if any(isinstance(part, ImagePart) for part in parts):
        return tuple(part for part in parts if isinstance(part, ImagePart) or part.text.strip())
    return "".join(piece for piece in pieces if isinstance(piece, str))


def picture(name: str, value: Any) -> ImagePart | None:
    """`value` as an image where it can only be meant as one."""
    return image(value, name) if is_picture(value) else None


def named(words: Iterable[str], names: Mapping[str, Any], *, fetch: bool = False) -> list[ImagePart]:
    """The images that a line names: each a variable, else a path or an address."""
    return [
        image(look_up(word, names), word, fetch=fetch) if word.isidentifier() and word in names
        else image(word, fetch=fetch)
        for word in words
    ]  # fmt: skip


def with_images(
    messages: Sequence[Message], values: Iterable[Any], *, fetch: bool = False
) -> tuple[Message, ...]:
    """The messages with images added to the last one of the user, behind its text."""
    added = [
        image(value, "" if isinstance(value, (str, PathLike)) else f"image {n}", fetch=fetch)
        for n, value in enumerate(values, 1)
    ]
    if not added:
        return tuple(messages)
    last = max((n for n, message in enumerate(messages) if message.role == "user"), default=None)
    if last is None:
        return (*messages, Message("user", tuple(added)))
    said = messages[last].content
    parts = (TextPart(said),) if isinstance(said, str) else said
    return (*messages[:last], replace(messages[last], content=(*parts, *added)), *messages[last + 1 :])
