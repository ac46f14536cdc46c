"""A question with documents: below the prompt if they fit, else part by part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from os import PathLike

from glm_magics._options import Options
from glm_magics._session import Session
from glm_magics.chat import ChatRequest, Message
from glm_magics.documents.block import in_prompt
from glm_magics.documents.document import Document
from glm_magics.documents.reading import read
from glm_magics.documents.window import check
from glm_magics.errors import RequestError

__all__ = ["read_all", "request", "with_documents"]


def request(
    session: Session, messages: Sequence[Message], documents: Sequence[Document], options: Options
) -> ChatRequest:
    """A checked request with the documents in it. Raises `PromptTooLong` where they do not fit the tier."""
    made = session.request(with_documents(messages, documents), options)
    check(session, made, documents)
    return made


def with_documents(messages: Sequence[Message], documents: Iterable[Document]) -> tuple[Message, ...]:
    """The messages, with each document as a block of its own below the last one's text."""
    *before, last = messages
    if not isinstance(last.content, str):
        raise RequestError("Documents go below a question in words.", hint="Nothing was sent.")
    return (*before, replace(last, content="\n\n".join([last.content, *map(in_prompt, documents)])))


def read_all(files: Iterable[str | PathLike[str] | Document]) -> tuple[Document, ...]:
    """Documents by path, or as they are. Raises `DocumentError`."""
    return tuple(file if isinstance(file, Document) else read(file) for file in files)
