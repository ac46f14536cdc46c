"""A row on its way, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from glm_magics.chat import Completion
from glm_magics.errors import ParseError
from glm_magics.tokens import estimate

__all__ = ["DONE", "Answer", "Item", "Status"]

Status = Literal["ok", "repaired", "cached", "invalid", "refused", "error", "skipped_budget", "pending"]
"""`ok` and `repaired` (something in the answer was mended) have just been asked, `cached` before. `invalid`:
no answer fits the schema. `refused`: by the content policy. `skipped_budget`: the money did not suffice.
`pending`: not asked, or not answered, when the run ended."""

DONE: frozenset[Status] = frozenset({"ok", "repaired", "cached"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a row. `value` is its record as JSON text, where there is one; `raw` what the model
    said, where that tells more. `together` is how many rows were in the request; 0 where there was none.
    """

    status: Status
    value: str | None = None
    error: str = ""
    raw: str = ""
    together: int = 0


@dataclass(eq=False, slots=True)
class Item:
    """A row to ask. `cells` are the values that its prompt was filled with; `counted` is the prompt's length
    in tokens, where that is known.
    """

    number: int
    prompt: str
    cells: tuple[Any, ...]
    key: bytes
    counted: int | None = None
    unusable: int = 0  # answers so far that held nothing usable for it
    troubles: int = 0  # failures of the network or the server so far
    refused: tuple[Completion, ParseError] | None = None  # its own last answer, to ask with what was wrong

    @property
    def tokens(self) -> int:
        """The prompt's length, counted when it is first needed: rows that a cache holds never need it."""
        if self.counted is None:
            self.counted = estimate(self.prompt)
        return self.counted
