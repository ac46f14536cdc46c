"""A file becomes a `Document`: under the rules for paths, by its format, without characters that act."""

from __future__ import annotations

from os import PathLike
from pathlib import PurePath

from glm_magics.documents.document import Document, Kind, Section
from glm_magics.documents.encoding import decode
from glm_magics.documents.notebook import notebook_sections
from glm_magics.documents.outline import markdown_sections, text_sections
from glm_magics.documents.pdf import pdf_sections
from glm_magics.documents.webpage import page_text
from glm_magics.errors import DocumentError
from glm_magics.local_files import load
from glm_magics.render.text import plain

__all__ = ["read"]

_KINDS: dict[str, Kind] = {
    ".md": "Markdown",
    ".markdown": "Markdown",
    ".csv": "CSV",
    ".tsv": "TSV",
    ".json": "JSON",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".ipynb": "notebook",
    ".html": "web page",
    ".htm": "web page",
    ".xhtml": "web page",
}


def read(path: str | PathLike[str], *, force: bool = False) -> Document:
    """The document in a file: text, Markdown, CSV, JSON, a notebook, a web page or a PDF.

    A relative path stays below the working folder; an absolute one may lead anywhere. At most 20 MB.
    `force` lets a file through that looks like a secret. Control, bidi and hidden characters are dropped.
    Raises `DocumentError` for a path that may not be read and for what is not text.
    """
    name, data = load(path, force=force)
    if data.startswith(b"%PDF-"):
        sections, notes = pdf_sections(data, name)
        return Document(name, "PDF", sections, notes=notes)
    text, encoding = decode(data, name)
    text = plain(text)
    kind = _KINDS.get(PurePath(name).suffix.lower(), "text")
    sections = _sections(text, kind, name)
    if not any(section.text.strip() for section in sections):
        raise DocumentError(f"{name} has no text.")
    notes = () if encoding.startswith("UTF-8") else (f"{name} is read as {encoding}.",)
    return Document(name, kind, sections, encoding, notes)


def _sections(text: str, kind: Kind, name: str) -> tuple[Section, ...]:
    if kind == "notebook":
        return notebook_sections(text, name)
    if kind == "Markdown":
        return markdown_sections(text)
    if kind == "web page":
        return markdown_sections(page_text(text, name), numbered=False)
    return text_sections(text, chapters=kind == "text")
