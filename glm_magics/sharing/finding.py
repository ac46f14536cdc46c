"""What a look through a notebook finds, as values, and these as a table of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from glm_magics._lang import N_, _
from glm_magics.render.text import columns, padded

__all__ = ["Finding", "Severity", "masked", "merged", "table"]

Severity = Literal["error", "warning", "note"]
_ORDER: tuple[Severity, ...] = get_args(Severity)
_HEAD = (N_("severity"), N_("cell"), N_("where"), N_("what"), N_("what to do"))


@dataclass(frozen=True, slots=True)
class Finding:
    """`cell` counts from 1, or is None for the notebook itself; `example` is masked; `times` how often.

    An "error" gives a secret away or acts when the notebook is opened, a "warning" may, a "note" is a trace
    of the machine.
    """

    severity: Severity
    cell: int | None
    where: str
    what: str
    advice: str
    example: str = ""
    file: str = ""
    times: int = 1


def masked(text: str) -> str:
    """Enough to find it with the eye, too little to use it."""
    return _("{begin}… ({count} characters)").format(begin=text[:2], count=len(text))


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """What is the same in one place once, with its first example; the worst first, then by cell."""
    once: dict[Finding, Finding] = {}
    for found in findings:
        kind = replace(found, example="")
        first = once.get(kind)
        once[kind] = found if first is None else replace(first, times=first.times + 1)
    return sorted(once.values(), key=lambda found: (_ORDER.index(found.severity), found.cell or 0))


def table(findings: Sequence[Finding]) -> str:
    """One row for each finding, under the name of its file."""
    lines: list[str] = []
    head = tuple(_(name) for name in _HEAD)
    for file in dict.fromkeys(found.file for found in findings):
        rows = [head, *(_row(found) for found in findings if found.file == file)]
        widths = [max(columns(row[at]) for row in rows) for at in range(len(_HEAD) - 1)]
        lines += [file] if file else []
        lines += ["  " + "  ".join([*map(padded, row, widths), row[-1]]) for row in rows]
    return "\n".join(lines)


def _row(found: Finding) -> tuple[str, ...]:
    example = _(": {example}").format(example=found.example) if found.example else ""
    times = _(", and {count:,} more").format(count=found.times - 1) if found.times > 1 else ""
    cell = "" if found.cell is None else str(found.cell)
    return (found.severity, cell, found.where, found.what + example + times, found.advice)
