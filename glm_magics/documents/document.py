"""What a file says, as a value: its text in sections, each with the place where a reader finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from glm_magics.tokens import estimate

__all__ = ["Document", "Kind", "Section"]

Kind: TypeAlias = Literal[
    "text", "Markdown", "CSV", "TSV", "JSON", "JSON lines", "notebook", "web page", "PDF"
]


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document: what stands under one heading, on one page or in one cell.

    `unit` is "page" or "cell", with its `number`, where the document has such; else `line` is the number of
    the first line in the file (from 1), and None where lines cannot be counted there. The text ends with a
    line break.
    """

    text: str
    heading: str = ""
    unit: Literal["", "page", "cell"] = ""
    number: int = 0
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file as text. `name` is how the prompt names it, `encoding` how its bytes were read ("" for a PDF).

    `notes` say what a reader should know: a guess about the encoding, pages without text.
    """

    name: str
    kind: Kind
    sections: tuple[Section, ...]
    encoding: str = ""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "".join(section.text for section in self.sections)

    @property
    def tokens(self) -> int:
        """Its length in tokens, as counted here."""
        return estimate(self.text)
