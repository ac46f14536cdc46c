"""A table as prompt text within a budget of tokens: shape, columns, figures, rows, what is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glm_magics.chat import Attached
from glm_magics.frames.columns import column_lines
from glm_magics.frames.excerpt import Excerpt, excerpt
from glm_magics.frames.fields import Field, fields
from glm_magics.frames.rules import Rules
from glm_magics.frames.stats import Look, look_at
from glm_magics.frames.tables import Table
from glm_magics.inert import one_line
from glm_magics.tokens import estimate

__all__ = ["describe"]

_COLUMNS_SHARE = 0.5  # of the budget, where rows are sent too
_CLOSING_TOKENS = 60


def describe(name: str, table: Table, rules: Rules) -> tuple[str, Attached]:
    """Inert text of at most `rules.tokens` tokens (by `tokens.estimate`), and the record of what is in it.

    The same table gives the same text, byte for byte, in every process.
    """
    frame = table.frame
    found = fields(frame, rules.mask)
    look = look_at(frame, rules)
    head = f"{_head(name, table)}\nColumns:"
    room = rules.tokens - estimate(head) - _CLOSING_TOKENS
    share = _COLUMNS_SHARE if rules.has_rows else 1.0
    lines, unnamed = column_lines(found, look, rules, int(room * share))
    opening = "\n".join([head, *lines])
    rows = excerpt(found, look, rules, room - estimate(opening) + estimate(head), table.groups)
    text = _text(opening, rows, found, look, unnamed)
    while estimate(text) > rules.tokens and rows.lines:
        rows = rows.shorter()
        text = _text(opening, rows, found, look, unnamed)
    return text, _record(name, table, rules, found, rows, estimate(text))


def _head(name: str, table: Table) -> str:
    rows, columns = table.frame.shape
    kind = f" ({table.kind})" if table.kind else ""
    groups = ", ".join(f"`{one_line(str(key))[:80]}`" for key in table.groups[:5])
    grouped = f", grouped by {groups}" if groups else ""
    return f"Table `{name[:80]}`{kind}: {_count(rows, 'row')} × {_count(columns, 'column')}{grouped}."


def _text(opening: str, rows: Excerpt, found: Sequence[Field], look: Look, unnamed: int) -> str:
    left = ". ".join(_left_out(rows, found, look, unnamed))
    parts = [opening, rows.text(), f"{left}." if left else ""]
    return "\n\n".join(part for part in parts if part)


def _left_out(rows: Excerpt, found: Sequence[Field], look: Look, unnamed: int) -> Iterator[str]:
    left = []
    if rows.lines and not rows.is_whole:
        left.append(_count(rows.rows - len(rows.lines), "row"))
    without = sum(not field.is_masked for field in found) - rows.columns
    if rows.lines and without:
        left.append(f"{_count(without, 'column')} of these rows")
    if unnamed:
        left.append(f"the names of {_count(unnamed, 'column')}")
    if left:
        yield f"Not shown: {', '.join(left)}"
    if any("…(+" in line for _, line in rows.lines):
        yield f"Cells of more than {rows.longest_cell:,} characters are cut, and …(+n) says by how many"
    if look.positions is not None:
        yield f"≈ is estimated from {len(look.positions):,} rows spread over the table"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _record(
    name: str, table: Table, rules: Rules, found: Sequence[Field], rows: Excerpt, tokens: int
) -> Attached:
    count, columns = table.frame.shape
    masked = tuple(field.label for field in found if field.is_masked)
    return Attached(
        name=name,
        kind="table",
        rows=count,
        columns=columns,
        sent_rows=len(rows.lines),
        sent_columns=rows.columns if rows.lines else 0,
        privacy=rules.privacy,
        masked=masked,
        masked_cells=count * len(masked),
        tokens=tokens,
    )
