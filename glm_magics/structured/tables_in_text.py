"""The tables of an answer as DataFrames, in order: Markdown tables, CSV and TSV in fences, JSON.

Cells stay text, exactly: `01234` is no number. With `numbers=True` a column becomes numbers when every cell
of it is one in one unit. A table whose rows do not fit its header is left out: its columns could not be told
apart.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from glm_magics.structured.candidates import documents, without_thoughts
from glm_magics.structured.coerce import plain
from glm_magics.structured.literals import NOTHING, Amount, amount

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frames"]

_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*$")
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_CODE = re.compile(r"(`+)(?:(?!\1).)+?\1")
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
    for block, language in _blocks(without_thoughts(text)[0]):
        found += _frames_of(block, language)
    return [_with_numbers(frame) for frame in found] if numbers else found


def _blocks(text: str) -> Iterator[tuple[str, str | None]]:
    """Stretches of prose (language None) and bodies of fences, in order."""
    lines: list[str] = []
    mark, language = "", None
    for line in text.splitlines():
        fence = _FENCE.match(line)
        opens = fence is not None and not mark
        closes = fence is not None and mark and fence[1].startswith(mark) and not fence[2]
        if not (opens or closes):
            lines.append(line)
            continue
        yield "\n".join(lines), language
        lines = []
        mark, language = (fence[1], fence[2].lower()) if opens and fence else ("", None)
    yield "\n".join(lines), language


def _frames_of(block: str, language: str | None) -> list[pd.DataFrame]:
    if not block.strip():
        return []
    if language in _JSON_LANGUAGES:
        return _json_frames(block)
    if language in ("csv", "tsv"):
        return _csv_frames(block, _DELIMITERS[language])
    if language is None or language in ("markdown", "md"):
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
    for piece in _pieces(block.splitlines()):
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
        for piece in _pieces(block.splitlines())
        if isinstance(piece, list)
        for frame in _table_frame(piece)
    ]


def _pieces(lines: Sequence[str]) -> Iterator[str | list[str]]:
    """Each line that belongs to no table, and each table as the list of its lines."""
    at = 0
    while at < len(lines):
        if at + 1 < len(lines) and _begins_table(lines[at], lines[at + 1]):
            end = at + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            yield [_unquoted(line) for line in lines[at:end]]
            at = end
        else:
            yield lines[at]
            at += 1


def _unquoted(line: str) -> str:
    return re.sub(r"^(?:\s*>)+", "", line)


def _begins_table(header: str, rule: str) -> bool:
    header, rule = _unquoted(header), _unquoted(rule)
    if "|" not in header or "-" not in rule or not _RULE.fullmatch(rule):
        return False
    return len(_cells(header)) == len(_cells(rule))


def _table_frame(lines: Sequence[str]) -> list[pd.DataFrame]:
    header = [_cell(cell) for cell in _cells(lines[0])]
    rows = []
    for line in lines[2:]:
        cells = _cells(line)
        if len(cells) > len(header):
            cells = _cells(line, code=True)
        rows.append([_cell(cell) for cell in cells])
    return _frame(header, rows)


def _cells(line: str, *, code: bool = False) -> list[str]:
    r"""The cells of a table's line: `\|` is no border; nor, with `code`, is a pipe inside `inline code`."""
    line = line.strip()
    kept = _CODE.sub(lambda match: match.group().replace("|", "\\|"), line) if code else line
    cells = re.split(r"(?<!\\)\|", kept)
    if not cells[0].strip():
        cells = cells[1:]
    if cells and not cells[-1].strip():
        cells = cells[:-1]
    return [cell.replace("\\|", "|").strip() for cell in cells]


def _cell(text: str) -> str:
    """A cell without its Markdown: code, emphasis around all of it, escapes, entities, line breaks."""
    if code := re.fullmatch(r"(`+)(?!`)(.*?)(?<!`)\1", text):
        return code[2].strip()
    for mark in ("**", "__", "*", "_"):
        inner = text[len(mark) : -len(mark)]
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark) and mark not in inner:
            text = inner
    text = re.sub(r"<br\s*/?>", "\n", text)
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)).strip()


def _csv_frames(block: str, delimiters: str, *, least: int = 1) -> list[pd.DataFrame]:
    """CSV, by the first delimiter that gives every line as many fields as the header."""
    lines = block.strip("\n")
    for delimiter in delimiters:
        try:
            rows = [
                row
                for row in csv.reader(
                    io.StringIO(lines), delimiter=delimiter, skipinitialspace=True, strict=True
                )
                if row
            ]
        except csv.Error:
            continue
        if len(rows) >= 2 and len(rows[0]) >= max(2, least) and all(len(row) == len(rows[0]) for row in rows):
            return _frame(
                [cell.strip() for cell in rows[0]], [[cell.strip() for cell in row] for row in rows[1:]]
            )
    one = [line.strip() for line in lines.splitlines()]
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
        if cell is None or cell.lower() in NOTHING:
            amounts.append(None)
            continue
        found = None if _CODED_NUMBER.match(cell) else amount(cell)
        if found is None:
            return None
        amounts.append(found)
    units = {one.unit.lower() for one in amounts if one is not None}
    return amounts if len(units) == 1 else None


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
