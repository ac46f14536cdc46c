"""What the end of the text left open: a value is whole, whole but for its last brackets, or cut.

Nobody can tell a field that was cut off from one that never was, so a record is whole only when nothing that
its schema knows is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glm_magics.structured.literals import fold
from glm_magics.structured.problems import Note
from glm_magics.structured.repair import Piece
from glm_magics.structured.shapes import Shaper
from glm_magics.structured.values import plain

__all__ = ["Settled", "settled"]


@dataclass(frozen=True, slots=True)
class Settled:
    """A value with nothing open. `complete` is False when there may be more than it holds."""

    value: Any
    complete: bool
    notes: tuple[Note, ...]


def settled(piece: Piece, truncated: bool, shaper: Shaper | None) -> Settled | None:
    """A piece with nothing open; None when its end is missing and what was lost cannot be told apart."""
    if not piece.open:
        return Settled(piece.value, not piece.elided, piece.notes)
    arrays = [container for container in piece.open if isinstance(container, list)]
    if truncated and arrays:
        return _without_unfinished(piece)
    if shaper is None or not piece.settled or not _only_brackets_missing(piece, arrays, shaper):
        return None
    message = "the last closing brackets were missing"
    if arrays:
        message += ": there may have been more records"
    complete = not (piece.elided or truncated or arrays)
    return Settled(piece.value, complete, (*piece.notes, Note("repaired", "", message)))


def _only_brackets_missing(piece: Piece, arrays: list[Any], shaper: Shaper) -> bool:
    """Is every record that was begun whole, and the array that is open (if any) that of the records?"""
    innermost = piece.open[-1]
    if len(arrays) > 1 or (arrays and not _holds_the_records(piece, arrays[0], shaper)):
        return False
    if isinstance(innermost, list):
        return True
    last = next(reversed(innermost.values()), None)
    wraps = isinstance(last, (list, dict)) and not _known(innermost, shaper)
    return wraps or shaper.lacks_nothing(innermost)


def _holds_the_records(piece: Piece, array: list[Any], shaper: Shaper) -> bool:
    """Not a field of a record; and for one record it holds one."""
    above = piece.open[: next(at for at, container in enumerate(piece.open) if container is array)]
    if shaper.shape == "value" or any(_known(container, shaper) for container in above):
        return False
    records = bool(array) and all(isinstance(item, dict) and shaper.related(item) for item in array)
    return records and (shaper.shape == "rows" or len(array) == 1)


def _known(container: dict[str, Any], shaper: Shaper) -> bool:
    return bool(shaper.names & {fold(key) for key in container})


def _without_unfinished(piece: Piece) -> Settled | None:
    """Whole elements of the outermost array that was cut; the unfinished one is dropped."""
    at = next(at for at, container in enumerate(piece.open) if isinstance(container, list))
    array = piece.open[at]
    unfinished = array.pop() if at + 1 < len(piece.open) else None
    if not array:
        return None
    what = f": {str(plain(unfinished)[0])[:120]}" if unfinished else ""
    message = f"the answer was cut off; the unfinished element was left out{what}"
    return Settled(piece.value, False, (*piece.notes, Note("dropped", f"[{len(array)}]", message)))
