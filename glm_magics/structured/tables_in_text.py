"""The tables of an answer as DataFrames, in order: Markdown tables, CSV and TSV in fences, JSON.

Cells stay text, exactly: `01234` is no number. With `numbers=True` a column becomes numbers when every cell
of it is one in one unit. A table whose rows do not fit its header is left out: its columns could not be told
apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from glm_magics.structured.amounts import Amount, amount
from glm_magics.structured.candidates import documents, without_thoughts
from glm_magics.structured.grids import blocks, csv_grid, markdown_grid, pieces
from glm_magics.structured.literals import is_nothing
from glm_magics.structured.units import same_unit
from glm_magics.structured.values import plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frames"]

_JSON_LANGUAGES = frozenset({"json", "jsonl", "json5", "jsonc", "ndjson"})
_DELIMITERS = {"csv": ",;", "tsv": "\t", "": ",;\t", "text": ",;\t", "txt": ",;\t", "plaintext": ",;\t"}
_CODED_NUMBER = re.compile(r"[-+]?0\d|\+\d[\d ]{6,}")


def frames(text: str, *, numbers: bool = False) -> list[pd.DataFrame]:
    """The tables of an answer as DataFrames, in the order of the text; an empty list when there are none.

    With `numbers`, columns like "1,234 kg", "12 %" and "3.5万" become numbers: 1234, 0.12 and 35000.
    The units are then in `frame.attrs["units"]`, by column. Columns of mixed units, or with codes such as
    "01234", stay text.
    """
    found: list[pd.DataFrame] = []
    for block, language in blocks(without_thoughts(text)[0]):
        found += _frames_of(block, language)
    return [_with_numbers(frame) for frame in found] if numbers else found


def _frames_of(block: str, language: str | None) -> list[pd.DataFrame]:
    if not block.strip():
        return []
    if language in _JSON_LANGUAGES:
        return _json_frames(block)
    if language in ("csv", "tsv"):
        return _csv_frames(block, _DELIMITERS[language])
    if language in ("markdown", "md"):
        return [frame for inner, kind in blocks(block) for frame in _frames_of(inner, kind)]
    if language is None:
        return _prose_frames(block)
    if language not in _DELIMITERS:
        return []
    return (
        _markdown_frames(block) or _json_frames(block) or _csv_frames(block, _DELIMITERS[language], least=2)
    )


def _prose_frames(block: str) -> list[pd.DataFrame]:
    """Markdown tables and the JSON between them."""
    found: list[pd.DataFrame] = []
    between: list[str] = []
    for piece in pieces(block.splitlines()):
        if isinstance(piece, str):
            between.append(piece)
            continue
        found += _json_frames("\n".join(between))
        between = []
        found += _table_frame(piece)
    return found + _json_frames("\n".join(between))


def _markdown_frames(block: str) -> list[pd.DataFrame]:
    return [
        frame
        for piece in pieces(block.splitlines())
        if isinstance(piece, list)
        for frame in _table_frame(piece)
    ]


def _table_frame(lines: Sequence[str]) -> list[pd.DataFrame]:
    grid = markdown_grid(lines)
    return _frame(grid.header, grid.rows)


def _csv_frames(block: str, delimiters: str, *, least: int = 1) -> list[pd.DataFrame]:
    """CSV, by the first delimiter that gives every line as many fields as the header."""
    grid = csv_grid(block, delimiters)
    if grid is not None:
        return _frame(grid.header, grid.rows)
    one = [line.strip() for line in block.strip("\n").splitlines()]
    if least == 1 and len(one) >= 2 and not any(mark in line for line in one for mark in delimiters):
        return _frame(one[:1], [[line] for line in one[1:]])
    return []


def _json_frames(block: str) -> list[pd.DataFrame]:
    """Arrays of objects, and objects, that are whole; one line each is one table."""
    from glm_magics.structured.table import to_frame

    values = [
        plain(document.piece.value)
        for document in documents(block).documents
        if document.piece and not document.piece.open
    ]
    good = [value for value, problem in values if not problem and value and isinstance(value, (dict, list))]
    if (
        len(good) > 1
        and all(isinstance(value, dict) for value in good)
        and len({tuple(value) for value in good}) == 1
    ):
        return [to_frame(good)]
    return [
        to_frame(value)
        for value in good
        if isinstance(value, dict) or all(isinstance(item, dict) for item in value)
    ]


def _frame(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[pd.DataFrame]:
    """A frame of text; cells that are empty or not there are missing."""
    import pandas as pd

    if any(len(row) > len(header) for row in rows):
        return []
    columns = {
        name: pd.array([row[at] or pd.NA if at < len(row) else pd.NA for row in rows], dtype="string")
        for at, name in enumerate(_unique(header))
    }
    return [pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))]


def _unique(names: Sequence[str]) -> list[str]:
    """Names of columns, each once: the second "x" is "x_2"."""
    unique: list[str] = []
    for at, name in enumerate(names, 1):
        wanted, count = name or f"column_{at}", 1
        while wanted in unique:
            count += 1
            wanted = f"{name or f'column_{at}'}_{count}"
        unique.append(wanted)
    return unique


def _with_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns of numbers as numbers, and their units in its attrs."""
    units: dict[str, str] = {}
    changed = frame.copy()
    for name in frame.columns:
        if str(frame[name].dtype) not in ("string", "str"):
            continue
        read_as = _numbers(
            [None if cell is None or cell != cell else str(cell) for cell in _cells_of(frame[name])]
        )
        if read_as is not None:
            changed[name] = _column(read_as)
            if unit := next((one.unit for one in read_as if one is not None), ""):
                units[str(name)] = unit
    if units:
        changed.attrs["units"] = units
    return changed


def _cells_of(column: pd.Series[Any]) -> list[Any]:
    return [None if missing else cell for cell, missing in zip(column.tolist(), column.isna(), strict=True)]


def _numbers(cells: Sequence[str | None]) -> list[Amount | None] | None:
    """The amounts of a column, if every cell is one in the same unit (or nothing); else None."""
    amounts: list[Amount | None] = []
    for cell in cells:
        if cell is None or is_nothing(cell):
            amounts.append(None)
            continue
        found = None if _CODED_NUMBER.match(cell) else amount(cell)
        if found is None:
            return None
        amounts.append(found)
    units = {one.unit.lower() for one in amounts if one is not None}
    return amounts if units and all(same_unit(one, other) for one in units for other in units) else None


def _column(amounts: Sequence[Amount | None]) -> Any:
    import pandas as pd

    values: list[Decimal | None] = [
        None if one is None else one.number / 100 if one.unit == "%" else one.number for one in amounts
    ]
    if all(_is_whole(one) for one in amounts if one is not None):
        return pd.array([None if value is None else int(value) for value in values], dtype="Int64")
    return pd.array([None if value is None else float(value) for value in values], dtype="Float64")


def _is_whole(one: Amount) -> bool:
    """A whole number as it is written; `3.5万` is one too, `3.0` is not."""
    value = one.number
    whole = value == value.to_integral_value() and abs(value) < 2**63 and one.unit != "%"
    return whole and (bool(one.scaled) or value.as_tuple().exponent == 0)
