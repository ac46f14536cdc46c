"""A notebook as clean text: Markdown as it is, code in fences, outputs as text; no pictures, no widgets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from glm_magics.documents.document import Section
from glm_magics.errors import DocumentError
from glm_magics.inert import fenced
from glm_magics.render.text import plain

__all__ = ["mapping", "notebook_content", "notebook_sections"]

_MOST_OUTPUT = 10_000  # characters of one cell's output: a log is no document


def notebook_sections(text: str, name: str) -> tuple[Section, ...]:
    """A section for each cell that is not empty, in the order of the notebook (nbformat 4).

    Raises `DocumentError` for what is no such notebook.
    """
    cells, language = _cells(text, name)
    return tuple(_sections(cells, language))


def notebook_content(text: str, name: str) -> Mapping[str, Any]:
    """The JSON of a notebook, with a list of cells. Raises `DocumentError` for what is none (nbformat 4)."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and isinstance(content.get("cells"), list):
        return content
    raise DocumentError(
        f"{name} is not a notebook of nbformat 4.",
        hint="Open and save it in Jupyter, or convert it: `jupyter nbconvert --to notebook`.",
    )


def _cells(text: str, name: str) -> tuple[list[Any], str]:
    content = notebook_content(text, name)
    cells: list[Any] = content["cells"]
    info = mapping(mapping(content.get("metadata")).get("language_info"))
    language = info.get("name")
    return cells, language if isinstance(language, str) and language.isidentifier() else "python"


def _sections(cells: list[Any], language: str) -> Iterator[Section]:
    for number, cell in enumerate(cells, 1):
        cell = mapping(cell)
        source = _joined(cell.get("source")).strip("\n")
        parts = [source]
        if cell.get("cell_type") == "code":
            outputs = "\n".join(filter(None, map(_output, _listed(cell.get("outputs")))))
            parts = [fenced(source, language) if source.strip() else "", _shown(outputs)]
        body = "\n\n".join(part for part in parts if part.strip())
        if body:
            yield Section(f"[cell {number}]\n{plain(body)}\n\n", unit="cell", number=number)


def _output(output: Any) -> str:
    """What an output says as text; "" for a picture or a widget."""
    output = mapping(output)
    if output.get("output_type") == "error":
        return f"{output.get('ename', 'Error')}: {output.get('evalue', '')}"
    if "text" in output:  # a stream
        return _joined(output["text"]).strip("\n")
    data = mapping(output.get("data"))
    for kind in ("text/markdown", "text/latex", "text/plain"):
        if kind in data and not (kind == "text/plain" and _is_stand_in(data)):
            return _joined(data[kind]).strip("\n")
    return ""


def _is_stand_in(data: Mapping[str, Any]) -> bool:
    """`<Figure size 640x480 with 1 Axes>` beside a picture, `IntSlider(value=3)` beside a widget."""
    return any(kind.startswith("image/") or "widget-view" in kind for kind in data)


def _shown(outputs: str) -> str:
    if not outputs.strip():
        return ""
    cut = f"\n… {len(outputs) - _MOST_OUTPUT:,} more characters" if len(outputs) > _MOST_OUTPUT else ""
    return f"Output:\n\n{fenced(outputs[:_MOST_OUTPUT] + cut, 'text')}"


def _joined(source: Any) -> str:
    """nbformat allows a text as a list of its lines."""
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
