"""Data as a table: HTML that stays in the notebook, and plain text in columns.

A table is the one output in HTML. Its cells are text and nothing else, long ones cut. A page's typesetter
looks for formulas in the text between tags, and data is no formula, so `$` and the backslash stand in
elements of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from glm_magics._lang import _
from glm_magics.chat import Completion
from glm_magics.render.text import columns, padded, plain, reveal

__all__ = ["Cell", "Table", "html_table", "static_table", "text_table", "thinking_title"]

Cell = str | None
"""Text; None where a value is missing."""

_MISSING = "–"
_MORE = "…"
_WIDEST_HTML, _WIDEST_TEXT = 50, 40  # columns of a terminal that a cell may take
_MOST_THINKING = 20_000


@dataclass(frozen=True, slots=True)
class Table:
    """What a table shows. `dtypes` (if any) and `numeric` (those to be aligned right) go with `names`,
    `labels` (if any) with `rows`; `more` says that there are further rows.
    """

    names: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    dtypes: Sequence[str] = ()
    numeric: frozenset[int] = frozenset()
    labels: Sequence[str] = ()
    more: bool = False

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.names):
                raise ValueError(
                    f"row {number} has {len(row)} cells, expected {len(self.names)}, one for each column"
                )


def static_table(table: Table, completion: Completion, *, summary: str, footer: str) -> dict[str, str]:
    """The bundle `{"text/html", "text/plain"}` of an answer that is data.

    Both hold the notes, the table, `summary` (its shape) and `footer`; HTML also the thinking, folded.
    """
    parts = [
        *(f"<blockquote><p>{_text(note)}</p></blockquote>" for note in completion.notes),
        html_table(table),
        f"<p>{_text(summary)}</p>" if summary else "",
        _thinking(completion),
        f"<p><small>{_text(footer)}</small></p>" if footer else "",
    ]
    text = [
        *(_("Note: {note}").format(note=plain(note)) for note in completion.notes),
        text_table(table) + (f"\n{plain(summary)}" if summary else ""),
        plain(footer),
    ]
    return {
        "text/html": "<div>\n" + "\n".join(part for part in parts if part) + "\n</div>",
        "text/plain": "\n\n".join(part for part in text if part) + "\n",
    }


def html_table(table: Table) -> str:
    """The table as a notebook shows a DataFrame, so that the page's own style for those applies."""
    head = [_row(table, "", table.names, tag="th")]
    if table.dtypes:
        head.append(_row(table, "", table.dtypes, around=("<small>", "</small>")))
    body = [_row(table, label, row) for label, row in _labelled(table)]
    if table.more:
        body.append(_row(table, _MORE, [_MORE] * len(table.names)))
    return "\n".join(
        ['<table class="dataframe">', "<thead>", *head, "</thead>", "<tbody>", *body, "</tbody>", "</table>"]
    )


def text_table(table: Table) -> str:
    """The table in columns of plain text."""
    lines: list[tuple[str, Sequence[Cell]]] = [("", table.names)]
    if table.dtypes:
        lines.append(("", table.dtypes))
    lines += _labelled(table)
    if table.more:
        lines.append((_MORE, [_MORE] * len(table.names)))
    cells = [[label, *(_cut(cell, _WIDEST_TEXT) for cell in row)] for label, row in lines]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    right = {0, *(number + 1 for number in table.numeric)}
    first = 0 if table.labels else 1
    return "\n".join(
        "  ".join(padded(line[at], widths[at], right=at in right) for at in range(first, len(line))).rstrip()
        for line in cells
    )


def thinking_title(completion: Completion) -> str:
    """The line of the folded thinking."""
    seconds = completion.thinking_seconds
    return _("Thought for {seconds:.1f} s").format(seconds=seconds) if seconds else _("Thinking")


def _labelled(table: Table) -> list[tuple[str, Sequence[Cell]]]:
    return list(zip(table.labels or [""] * len(table.rows), table.rows, strict=True))


def _row(
    table: Table, label: str, cells: Sequence[Cell], *, tag: str = "td", around: tuple[str, str] = ("", "")
) -> str:
    before, after = around
    corner = f"<th>{_text(label)}</th>" if label else "<td></td>"
    found = [corner] if table.labels else []
    for number, cell in enumerate(cells):
        side = "right" if number in table.numeric else "left"
        shown = _text(_cut(cell, _WIDEST_HTML))
        found.append(f'<{tag} style="text-align: {side}">{before}{shown}{after}</{tag}>')
    return f"<tr>{''.join(found)}</tr>"


def _text(text: str) -> str:
    escaped = escape(reveal(text))
    return escaped.replace("$", "<span>&#36;</span>").replace("\\", "<span>&#92;</span>")


def _thinking(completion: Completion) -> str:
    """The thinking as plain paragraphs: beside a table, its Markdown is not worth a second way into HTML."""
    reasoning = plain(completion.reasoning).strip()
    if not reasoning:
        return ""
    shown = reasoning[:_MOST_THINKING]
    paragraphs = [_text(part).replace("\n", "<br>") for part in shown.split("\n\n") if part.strip()]
    if left_out := len(reasoning) - len(shown):
        paragraphs.append(
            _("… {count:,} more characters of thinking are not kept here.").format(count=left_out)
        )
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"<details>\n<summary>{thinking_title(completion)}</summary>\n{body}\n</details>"


def _cut(cell: Cell, widest: int) -> str:
    """A cell as one line of plain text."""
    text = _MISSING if cell is None else " ".join(plain(cell).split())
    if columns(text) <= widest:
        return text
    kept = ""
    for character in text:
        if columns(kept + character) >= widest:
            break
        kept += character
    return kept + _MORE
