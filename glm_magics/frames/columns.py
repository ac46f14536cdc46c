"""The columns of a table as lines of a prompt: as much about each as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glm_magics.frames.fields import Field
from glm_magics.frames.rules import Rules
from glm_magics.frames.stats import Look, summary
from glm_magics.tokens import estimate

__all__ = ["column_lines"]

_FULL_LINE, _SHORT_LINE = 8, 5  # tokens of the shortest line: what certainly does not fit is not computed


def column_lines(fields: Sequence[Field], look: Look, rules: Rules, room: int) -> tuple[list[str], int]:
    """Lines within `room` tokens, and how many columns are left out.

    Each column with its figures; or, where there are too many, with its type; or only the names, by type.
    """
    for line, least in ((_full, _FULL_LINE), (_short, _SHORT_LINE)):
        lines = _within(fields, look, rules, room, line) if len(fields) * least <= room else None
        if lines is not None:
            return lines, 0
    return _by_type(fields, room)


def _within(
    fields: Sequence[Field],
    look: Look,
    rules: Rules,
    room: int,
    line: Callable[[Field, Look, Rules], str],
) -> list[str] | None:
    lines = []
    for field in fields:
        lines.append(line(field, look, rules))
        room -= estimate(lines[-1]) + 1
        if room < 0:
            return None
    return lines


def _full(field: Field, look: Look, rules: Rules) -> str:
    figures = summary(field, look) if rules.has_stats and not field.is_masked else ""
    short = _short(field, look, rules)
    return f"{short}; {figures}" if figures else short


def _short(field: Field, look: Look, rules: Rules) -> str:
    facts = [field.type_name]
    if field.is_index:
        facts.insert(0, "index")
    if field.is_masked:
        facts.append("masked")
    missing = field.missing()
    if missing is None and look.positions is not None:
        seen = field.rows(look.positions)
        share = float(seen.isna().mean())
        facts += [f"≈ {100 * share:.2g} % missing"] if share else []
    elif missing:
        facts.append(f"{missing:,} missing")
    return f"- {field.label}: {', '.join(facts)}"


def _by_type(fields: Sequence[Field], room: int) -> tuple[list[str], int]:
    groups: dict[str, list[str]] = {}
    for field in fields:
        kind = f"{field.type_name}, masked" if field.is_masked else field.type_name
        groups.setdefault(kind, []).append(field.label)
    lines, named = [], 0
    for at, (kind, labels) in enumerate(groups.items()):
        share = room // (len(groups) - at)
        line, count = _names(kind, labels, share)
        if estimate(line) > room:
            break
        lines.append(line)
        named += count
        room -= estimate(line) + 1
    return lines, len(fields) - named


def _names(kind: str, labels: Sequence[str], room: int) -> tuple[str, int]:
    line = f"- {len(labels):,} of type {kind}: "
    room -= estimate(line) + 6
    shown = []
    for label in labels:
        room -= estimate(label) + 1
        if room < 0:
            break
        shown.append(label)
    more = len(labels) - len(shown)
    return line + ", ".join([*shown, *([f"and {more:,} more"] if more else [])]), len(shown)
