"""What can be wrong with a specification or an answer, as values: where, what was expected, what came."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glm_magics._lang import N_
from glm_magics.errors import GLMError, SettingError
from glm_magics.render.text import columns

__all__ = ["MISSING", "InvalidAnswer", "Note", "Part", "Problem", "SchemaError", "Validated", "path_text"]

Part = str | int
"""One step into a JSON value: a key of an object or a position in an array."""

_IDENTIFIER = re.compile(r"[^\W\d]\w*\Z")
_SHOWN = 60

MISSING = "is missing"
"""The message of a `Problem` where nothing came."""


class SchemaError(SettingError, ValueError):
    """A specification that is not understood: one line, and a caret for a shorthand. `path` is the field.

    `line` says the same in a single line, with `▸` at the place.
    """

    def __init__(self, message: str, *, path: str = "", hint: str | None = None) -> None:
        super().__init__(f"{path}: {message}" if path else message, hint=hint)
        self.path = path
        self.line = self.message

    @classmethod
    def at(cls, text: str, position: int, message: str) -> SchemaError:
        """An error in the shorthand `text`: one line that says what, one that shows where."""
        start = text.rfind("\n", 0, position) + 1
        line = text[start:].partition("\n")[0].replace("\t", " ")
        before, after = line[: position - start], line[position - start :]
        error = cls(f"{message}\n  {line}\n  {' ' * columns(before)}^")
        error.line = f"{message}, at ▸ in: {before}▸{after}"
        return error


class InvalidAnswer(GLMError, ValueError):
    """An answer that does not fit its schema. `.problems` lists where and why."""

    hint = N_("Ask again with the problems, or make the fields that may be missing optional (`?`).")

    def __init__(self, problems: Sequence[Problem]) -> None:
        shown = "; ".join(str(problem) for problem in problems[:3])
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        super().__init__(f"The answer does not fit the schema: {shown}{more}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where a value does not fit: `rows[3].price`, what was expected there, and what came.

    `loc` is the same place as steps from the unwrapped value, for code that wants to go there.
    """

    path: str
    message: str
    got: Any = None
    loc: tuple[Part, ...] = ()

    def __str__(self) -> str:
        if self.message == MISSING:
            return f"{self.path}: {self.message}"
        got = repr(self.got)
        shown = got if len(got) <= _SHOWN else got[:_SHOWN] + "…"
        return f"{self.path}: {self.message}, got {shown}"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was changed without a change of meaning, or left out: said, never done silently."""

    kind: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Validated:
    """A value after the check. With `errors`, `value` is what came, unchanged."""

    value: Any
    errors: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.errors


def path_text(root: str, loc: Sequence[Part]) -> str:
    """`rows[3].price` of "rows" and (3, "price"); names that are no identifiers stand in brackets."""
    text = root
    for part in loc:
        if isinstance(part, int) or not _IDENTIFIER.match(part):
            text += f"[{part!r}]"
        else:
            text += f".{part}" if text else part
    return text
