"""The text of a PDF, page by page, by PDFium (the extra `pdf`)."""

from __future__ import annotations

from glm_magics.documents.document import Section
from glm_magics.errors import DocumentError
from glm_magics.render.text import plain

__all__ = ["pdf_sections"]

_FEW_CHARACTERS = 10  # a page with no more than a page number has no text worth the name


def pdf_sections(data: bytes, name: str) -> tuple[tuple[Section, ...], tuple[str, ...]]:
    """A section for each page that has text, and notes about those that have none.

    Raises `DocumentError` when PDFium is not installed, when the file is damaged or locked, and when no page
    has text, as in a scan.
    """
    pages = _pages(data, name)
    empty = [number for number, text in enumerate(pages, 1) if len(text.strip()) < _FEW_CHARACTERS]
    if len(empty) == len(pages):
        raise DocumentError(
            f"{name} has {len(pages)} pages and no text in them: it is a scan or consists of pictures.",
            hint="Have its text recognised first (OCR, such as `ocrmypdf`), or attach the pages as images.",
        )
    notes = (f"{name}: no text on {len(empty)} of {len(pages)} pages ({_few(empty)}).",) if empty else ()
    sections = (
        Section(f"[page {number}]\n{text.strip()}\n\n", unit="page", number=number)
        for number, text in enumerate(pages, 1)
        if text.strip()
    )
    return tuple(sections), notes


def _pages(data: bytes, name: str) -> list[str]:
    try:
        import pypdfium2
    except ImportError:
        raise DocumentError(
            f"{name} is a PDF, and nothing here can read one.",
            hint='Install it: `pip install "glm-magics[pdf]"` (pypdfium2), then run the cell again.',
        ) from None
    try:
        pdf = pypdfium2.PdfDocument(data)
        try:
            return [_text(page) for page in pdf]
        finally:
            pdf.close()
    except pypdfium2.PdfiumError as error:
        problem = str(error)
    raise DocumentError(
        f"{name} cannot be read as PDF: {problem}", hint="Is it whole, and free of a password?"
    )


def _text(page: object) -> str:
    words = page.get_textpage()  # type: ignore[attr-defined]
    try:
        return plain(words.get_text_bounded())
    finally:
        words.close()
        page.close()  # type: ignore[attr-defined]


def _few(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")
