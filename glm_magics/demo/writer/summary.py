"""What the demo says of tables: figures of their columns, and of the groups that a question names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glm_magics.demo.writer.tables import Announced, Column, Table, announced, without_tables
from glm_magics.demo.writer.words import overlap

__all__ = ["table_summary", "withheld_summary"]

_MOST_GROUPS = 12
_MOST_MEASURES = 2  # of columns that the question does not name


def table_summary(tables: Sequence[Table], question: str, chinese: bool) -> str:
    """Rows, ranges, means and most frequent values, all computed from the cells."""
    known = announced(question)
    sizes: Sequence[Announced | None] = known if len(known) == len(tables) else [None] * len(tables)
    asked = without_tables(question)
    parts = []
    for number, (table, size) in enumerate(zip(tables, sizes, strict=True), 1):
        named = _without_index(table, size)
        parts.append(_one_table(named, size, f" {number}" if len(tables) > 1 else "", chinese))
        parts += _by_group(named, asked, chinese)
    return "\n\n".join(parts)


def withheld_summary(tables: Sequence[Announced], chinese: bool) -> str:
    """What is known of tables whose rows were not sent."""
    parts = []
    for table in tables:
        if chinese:
            lead = f"表格 `{table.name}` 有 **{table.rows:,}** 行、{table.columns:,} 列；没有收到任何一行。"
            head = "| 列 | 已知 |"
        else:
            lead = (
                f"The table `{table.name}` has {_size(table.rows, table.columns)}; "
                "no row of it was sent, so this is all there is to say:"
            )
            head = "| column | what is known |"
        cells = (line.replace("|", " ").partition(": ") for line in table.lines)
        parts.append("\n".join([lead, "", head, "|---|---|", *(f"| {a} | {b} |" for a, _, b in cells)]))
    return "\n\n".join(parts)


def _without_index(table: Table, size: Announced | None) -> Table:
    """The table without what stands before its columns: the number or the name of each row."""
    before = max(0, len(table.names) - size.columns) if size else 0
    return Table(table.names[before:], tuple(row[before:] for row in table.rows)) if before else table


def _one_table(table: Table, size: Announced | None, which: str, chinese: bool) -> str:
    here = len(table.rows)
    rows = size.rows if size else here
    columns = len(table.names)
    if chinese:
        only = f"以下只统计收到的 {here:,} 行：" if rows > here else ""
        lead = f"表格{which}有 **{rows:,}** 行、{columns:,} 列。{only}"
        head = "| 列 | 类型 | 最小 | 平均 | 最大 | 最常见 | 缺失 |"
    else:
        only = f" The figures are those of the {here:,} that came:" if rows > here else ""
        lead = f"The table{which} has {_size(rows, columns)}.{only}"
        head = "| column | kind | min | mean | max | most frequent | missing |"
    body = [_row(column, chinese) for column in table.columns]
    return "\n".join([lead, "", head, "|---|---|---:|---:|---:|---|---:|", *body])


def _row(column: Column, chinese: bool) -> str:
    name, missing, values = _cell(column.name), column.missing, column.numbers
    if values:
        kind = "数值" if chinese else "numbers"
        return f"| {name} | {kind} | {min(values):g} | {_mean(values)} | {max(values):g} | | {missing} |"
    kind = "文本" if chinese else "text"
    top = _cell("{} ({}×)".format(*column.top)) if missing < len(column.cells) else ""
    return f"| {name} | {kind} | | | | {top} | {missing} |"


def _by_group(table: Table, asked: str, chinese: bool) -> Iterator[str]:
    """For a column of few values that the question names: numbers of each group, in the order of the rows."""
    columns = table.columns
    named = [column for column in columns if overlap(column.name, asked)]
    groups = next((column for column in named if _is_grouping(column)), None)
    numeric = [column for column in columns if column.numbers]
    measures = [column for column in numeric if column in named] or numeric[:_MOST_MEASURES]
    if groups is None or not measures:
        return
    head = (
        "| 列 | 个数 | 平均 | 首个 | 末个 | 变化 |"
        if chinese
        else "| column | values | mean | first | last | change |"
    )
    body = [line for key in dict.fromkeys(groups.cells) for line in _group(groups, key, measures)]
    yield "\n".join([f"| {_cell(groups.name)} {head}", "|---|---|---:|---:|---:|---:|---:|", *body])


def _is_grouping(column: Column) -> bool:
    kinds = len(set(column.cells))
    return not column.numbers and 2 <= kinds <= _MOST_GROUPS and kinds < len(column.cells)


def _group(groups: Column, key: str, measures: Sequence[Column]) -> Iterator[str]:
    for measure in measures:
        cells = [cell for group, cell in zip(groups.cells, measure.cells, strict=True) if group == key]
        values = Column(measure.name, tuple(cells)).numbers
        if values:
            first, last = values[0], values[-1]
            figures = f"{_mean(values)} | {first:g} | {last:g} | {last - first:+g}"
            yield f"| {_cell(key)} | {_cell(measure.name)} | {len(values)} | {figures} |"


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.6g}"


def _cell(text: str) -> str:
    return text.replace("|", " ")


def _size(rows: int, columns: int) -> str:
    return f"**{rows:,}** row{'' if rows == 1 else 's'} and {columns:,} column{'' if columns == 1 else 's'}"
