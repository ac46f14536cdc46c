"""A document as a block of a prompt: named, fenced, and unable to leave its fence or its role."""

from __future__ import annotations

from glm_magics.documents.document import Document
from glm_magics.inert import fenced, inert
from glm_magics.render.text import reveal

__all__ = ["in_prompt", "material", "named"]


def in_prompt(document: Document) -> str:
    """The whole document, as it stands below a question."""
    return f"Document {named(document.name)} ({document.kind}):\n\n{material(document.text)}"


def material(text: str) -> str:
    """A text that is read and cannot act: fenced, GLM's control tokens written out."""
    return fenced(inert(text.rstrip()), "text")


def named(name: str) -> str:
    """A file's name as code, on one line and without hidden characters."""
    return f"`{' '.join(reveal(name).replace('`', chr(39)).split())}`"
