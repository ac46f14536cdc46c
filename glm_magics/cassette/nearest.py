"""What to say of a request that is not in a cassette: the nearest that is, and where the two differ."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from glm_magics.cassette.cassette import Cassette
from glm_magics.cassette.request import Asked, dumps
from glm_magics.errors import NotRecorded

__all__ = ["differences", "not_recorded"]

_CANDIDATES = 5  # compared letter by letter, after the words of all were
_MOST_DIFFERENCES = 4
_LONGEST = 100  # characters of a shown value
_LONGEST_COMPARED = 4_000  # characters of a question


def not_recorded(question: Asked, cassette: Cassette) -> NotRecorded:
    """The error for a request that has no answer in the cassette."""
    lines = [f"This request is not in {cassette.path.name}: {question.label}."]
    found = _nearest(question, cassette)
    if found is None:
        lines.append(f"The cassette has no request to {question.path}.")
    else:
        number, recorded = found
        lines.append(f"The nearest is on line {number}: {recorded.label}. It differs in:")
        lines += [f"  {line}" for line in differences(recorded, question)]
    return NotRecorded("\n".join(lines))


def differences(recorded: Asked, question: Asked) -> list[str]:
    """Where two requests differ, a line for each place; of a text its first lines that do."""
    was, now = dict(_places("", recorded.body)), dict(_places("", question.body))
    places = [place for place in {**was, **now} if was.get(place) != now.get(place)]
    lines: list[str] = []
    for place in places[:_MOST_DIFFERENCES]:
        lines += _difference(place, was.get(place), now.get(place))
    if len(places) > _MOST_DIFFERENCES:
        lines.append(f"and {len(places) - _MOST_DIFFERENCES} more places")
    return lines


def _difference(place: str, was: Any, now: Any) -> list[str]:
    if isinstance(was, str) and isinstance(now, str) and "\n" in was + now:
        changed = difflib.unified_diff(was.splitlines(), now.splitlines(), lineterm="", n=0)
        shown = [line for line in changed if not line.startswith(("---", "+++", "@@"))]
        return [f"{place}:", *(f"  {_short(line)}" for line in shown[:6])]
    return [f"{place}: recorded {_shown(was, now)}, asked {_shown(now, was)}"]


def _shown(value: Any, other: Any) -> str:
    """A value in a line; of a long text the part around the first letter that is not the other's."""
    if value is None:
        return "nothing"
    if not isinstance(value, str):
        return _short(dumps(value))
    same = len(_common(value, other if isinstance(other, str) else ""))
    start = max(0, same - 30) if len(value) > _LONGEST else 0
    return repr(("…" if start else "") + _short(value[start:]))


def _common(one: str, other: str) -> str:
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return one[: min(len(one), len(other)) if at is None else at]


def _short(text: str) -> str:
    return f"{text[: _LONGEST - 1]}…" if len(text) > _LONGEST else text


def _places(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value of a body with its place: `temperature`, `messages[0].content`."""
    if isinstance(value, dict) and value:
        for inner, part in value.items():
            yield from _places(f"{name}.{inner}" if name else inner, part)
    elif isinstance(value, list) and value:
        for at, part in enumerate(value):
            yield from _places(f"{name}[{at}]", part)
    else:
        yield name, value


def _nearest(question: Asked, cassette: Cassette) -> tuple[int, Asked] | None:
    words = _words(question)
    same_path = [
        (sum((_words(entry.asked) & words).values()), -number, entry.asked)
        for number, entry in cassette.entries()
        if entry.asked.path == question.path
    ]
    best = sorted(same_path, key=lambda found: found[:2], reverse=True)[:_CANDIDATES]
    if not best:
        return None
    _, minus, recorded = max(best, key=lambda found: (_likeness(question, found[2]), found[1]))
    return -minus, recorded


def _words(question: Asked) -> Counter[str]:
    """The words of a question; of Chinese each character. Settings count once, as a tie-breaker."""
    found = re.findall(r"[\u3400-\u9fff]|\w+", question.question[:_LONGEST_COMPARED].lower())
    return Counter([*found, str(question.body.get("model", ""))])


def _likeness(one: Asked, other: Asked) -> float:
    texts = (one.question[:_LONGEST_COMPARED], other.question[:_LONGEST_COMPARED])
    ratio = difflib.SequenceMatcher(None, *texts, autojunk=False).ratio()
    return ratio - 0.001 * len(differences(one, other))
