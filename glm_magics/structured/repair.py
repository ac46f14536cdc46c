"""From a piece of text that should be JSON to a value: strictly, else tolerantly with notes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from glm_magics.structured.problems import Note
from glm_magics.structured.reader import Bare, Reading, read
from glm_magics.structured.strings import Ambiguous, Unreadable, join_surrogates

__all__ = ["Piece", "json_in", "strict", "tolerant"]

_MOST_TO_READ = 20_000_000

_SAID = {
    "quotes": "quotes that are not JSON's",
    "inner quotes": "quotes inside a text were not escaped",
    "missing quote": "a quote was missing",
    "escape": "a backslash that escapes nothing was kept as text",
    "control character": "a raw line break or control character stood in a text",
    "comment": "a comment was left out",
    "invisible character": "invisible characters between values were left out",
    "punctuation": "punctuation that is not JSON's",
    "tuple": "a tuple was read as an array",
    "missing bracket": "a bracket was missing",
    "extra bracket": "an extra bracket was left out",
    "trailing comma": "a trailing comma was left out",
    "extra comma": "an extra comma was left out",
    "missing comma": "a comma was missing",
    "missing colon": "a colon was missing",
    "unquoted key": "a key stood without quotes",
    "unquoted value": "a value stood without quotes",
    "word": "a literal of another language",
    "number": "a number that JSON writes otherwise",
    "leading zero": "a number with leading zeros was kept as it is written",
    "no value": "a key stood without a value",
    "repeated key": "a key stood twice with the same value",
    "joined strings": "two strings joined with + were joined",
    "surrogate": "half of a character's code became \ufffd",
    "ellipsis": "an ellipsis: the answer itself left something out",
}

# A high half without its low one, or a low half without its high one.
_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


@dataclass(slots=True)
class Piece:
    """A value out of a piece of text, with what was done for it.

    `open`, `settled` and `elided` as in `Reading`; `rebracketed` says that a bracket had to be added.
    """

    value: Any
    notes: tuple[Note, ...] = ()
    open: tuple[Any, ...] = ()
    settled: bool = True
    elided: bool = False
    rebracketed: bool = False


def strict(text: str) -> Piece:
    """JSON as the standard has it, and Python's `NaN`. Numbers are exact (int or Decimal).

    Raises `Unreadable` for what is no JSON and `Ambiguous` for a key with two values.
    """
    repeated: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(found)
        if len(value) < len(found):
            _check_repeated(found, value)
            repeated.append(found[0][0])
        return value

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_float=_decimal, parse_constant=Bare)
    except Unreadable:
        raise
    except json.JSONDecodeError as error:
        raise Unreadable(str(error), error.pos) from None
    except ValueError:  # an integer with more digits than Python reads
        raise Ambiguous("a number with thousands of digits", 0) from None
    except RecursionError:
        raise Ambiguous("nested too deeply", 0) from None
    notes = (Note("repaired", "", _SAID["repeated key"]),) if repeated else ()
    if _SURROGATE.search(text):
        return Piece(_joined(value), (*notes, Note("repaired", "", _SAID["surrogate"])))
    return Piece(value, notes)


def _joined(value: Any) -> Any:
    """With half a surrogate pair as U+FFFD: no file, browser or data frame takes it as it is."""
    if isinstance(value, dict):
        return {join_surrogates(key): _joined(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_joined(item) for item in value]
    return join_surrogates(value) if type(value) is str else value


def _decimal(word: str) -> Decimal:
    try:
        return Decimal(word)
    except InvalidOperation:  # an exponent of many digits
        raise Ambiguous(f"the number {word[:40]} is too large", 0) from None


def _check_repeated(found: list[tuple[str, Any]], value: dict[str, Any]) -> None:
    for key, item in found:
        if value[key] != item or type(value[key]) is not type(item):
            raise Ambiguous(f"the key {key[:40]!r} stands twice with different values", 0)


def tolerant(text: str, at: int, *, keys: frozenset[str]) -> tuple[Piece, int]:
    """The value that begins at `at`, tolerantly, and where it ends."""
    if len(text) - at > _MOST_TO_READ:
        raise Unreadable("broken JSON that is too long to repair", at)
    reading = read(text, at, keys=keys)
    piece = Piece(
        reading.value,
        notes_of(reading),
        open=tuple(reading.open),
        settled=reading.settled,
        elided=reading.elided,
        rebracketed="missing bracket" in {repair.kind for repair in reading.repairs},
    )
    return piece, reading.end


def json_in(text: str) -> Any:
    """The JSON that `text` is, strictly or tolerantly. Raises `Unreadable`."""
    try:
        return strict(text).value
    except Unreadable:
        reading = read(text)
    if reading.open or reading.end != len(text):
        raise Unreadable("more than one value", reading.end)
    return reading.value


def notes_of(reading: Reading) -> tuple[Note, ...]:
    return tuple(
        Note(
            "dropped" if repair.kind == "ellipsis" else "repaired",
            "",
            f"{_SAID[repair.kind]}{_times(repair.count)}: {_short(repair.example)}",
        )
        for repair in reading.repairs
    )


def _times(count: int) -> str:
    return f" ({count} times)" if count > 1 else ""


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")
