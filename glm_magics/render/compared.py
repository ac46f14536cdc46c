"""Several answers to one prompt, as they stay in the notebook: side by side as Markdown, and as plain text.

The columns are the cells of a table in HTML with Markdown inside, so that formulas and code read as in a
single answer. Nothing in them is the model's own markup: its text goes through `canonical`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from glm_magics.chat import Completion
from glm_magics.render.bundle import static
from glm_magics.render.reemit import fence, words
from glm_magics.render.text import plain

__all__ = ["Compared", "compared"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One answer under its `title`; `data` is the text of its table, where data was asked for."""

    title: str
    completion: Completion
    footer: str
    data: str = ""


def compared(answers: Sequence[Compared], footer: str = "") -> dict[str, str]:
    """The bundle `{"text/markdown", "text/plain"}`; `footer` is about all of them."""
    shown = [_static(answer) for answer in answers]
    width = 100 // len(answers)
    heads = "".join(f'<th style="text-align: left" width="{width}%">{_title(a.title)}</th>' for a in answers)
    cells = "".join(
        f'\n<td style="text-align: left; vertical-align: top">\n\n{bundle["text/markdown"]}\n</td>'
        for bundle in shown
    )
    table = f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody><tr>{cells}\n</tr></tbody>\n</table>\n"
    markdown = f"{table}\n<small>{words(footer)}</small>\n" if footer else table
    text = [f"== {plain(a.title)} ==\n\n{b['text/plain']}" for a, b in zip(answers, shown, strict=True)]
    return {
        "text/markdown": markdown,
        "text/plain": "\n".join([*text, *([plain(footer) + "\n"] if footer else [])]),
    }


def _static(answer: Compared) -> dict[str, str]:
    if not answer.data:
        return static(answer.completion, answer.footer)
    whole = static(replace(answer.completion, text=fence(answer.data.strip("\n"))), answer.footer)
    return whole | {"text/plain": f"{answer.data.strip()}\n\n{plain(answer.footer)}\n"}


def _title(title: str) -> str:
    return words(title)
