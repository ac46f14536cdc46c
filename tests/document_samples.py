"""Files for the tests of documents: PDFs written by hand, notebooks, and long texts with known facts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["chinese_pdf", "image_pdf", "notebook", "pdf", "report"]

_LINES = 15


def pdf(pages: Sequence[str]) -> bytes:
    """A PDF of Latin text, a page for each string; "" is an empty page."""
    return _pdf([_latin(text) for text in pages], "/Type /Font /Subtype /Type1 /BaseFont /Helvetica")


def chinese_pdf(pages: Sequence[str], encoding: str = "UniGB-UCS2-H") -> bytes:
    """A PDF with a font that is not in the file, as many Chinese ones are."""
    codec = {"UniGB-UCS2-H": "utf-16-be", "GBK-EUC-H": "gbk", "GBKp-EUC-H": "gbk"}[encoding]
    font = (
        f"/Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /{encoding} /DescendantFonts [4 0 R]"
    )
    child = (
        "/Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >>"
    )
    shown = [f"BT /F1 12 Tf 60 700 Td <{text.encode(codec).hex()}> Tj ET" for text in pages]
    return _pdf(shown, font, child)


def image_pdf(pages: int) -> bytes:
    """A PDF of drawn boxes, as a scan is: no text at all."""
    return _pdf(["10 10 100 100 re f"] * pages, "/Type /Font /Subtype /Type1 /BaseFont /Helvetica")


def notebook(*cells: dict[str, Any], language: str = "python") -> str:
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"language_info": {"name": language}, "widgets": {"state": {"abc": "WIDGETSTATE"}}},
            "cells": list(cells),
        }
    )


def report(chapters: int, *, paragraphs: int = 12) -> str:
    """A Markdown report; in chapter N stands that depot N holds N * 111 crates."""
    text = ["# Depots"]
    for number in range(1, chapters + 1):
        text.append(f"## Depot {number}")
        text.append(f"Depot {number} holds {number * 111} crates of tea and {number} of salt.")
        text += [
            f"Paragraph {at} on this place tells of roads, weather and the people who work there, at length."
            for at in range(1, paragraphs)
        ]
    return "\n\n".join(text) + "\n"


def _latin(text: str) -> str:
    lines = text.splitlines() or [""]
    shown = "".join(
        f"({line.replace(chr(92), chr(92) * 2).replace('(', chr(92) + '(').replace(')', chr(92) + ')')}) Tj 0 -{_LINES} Td "
        for line in lines
    )
    return f"BT /F1 12 Tf 60 780 Td {shown}ET" if text else ""


def _pdf(contents: Sequence[str], font: str, child: str = "/Type /Nothing") -> bytes:
    """Objects 1 to 4 are the catalog, the pages, the font and its descendant; then a page and its content each."""
    count = len(contents)
    kids = " ".join(f"{5 + 2 * at} 0 R" for at in range(count))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        f"<< {font} >>",
        f"<< {child} >>",
    ]
    for at, content in enumerate(contents):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {6 + 2 * at} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    body, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\n"
    return body + f"{end}startxref\n{len(body)}\n%%EOF\n".encode()
