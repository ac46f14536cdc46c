"""A text that matches a simple regular expression.

Known are literals, classes, groups, alternatives and repetitions; no look-around, references or flags.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["sample"]

# A part of a pattern writes itself: from a source of chance, and how often to repeat beyond what it must.
_Part = Callable[["random.Random | None", int], str]

_MOST_EXTRA = 64
_MOST_REPEATED = 1000
_CLASSES = {
    "d": string.digits,
    "w": string.ascii_lowercase + string.digits,
    "s": " ",
    "D": string.ascii_lowercase,
    "W": "-. ",
    "S": string.ascii_lowercase + string.digits,
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}
_ANY = string.ascii_lowercase + string.digits + string.ascii_uppercase + "-_. :/@#"


def sample(pattern: str, number: int = 0, *, shortest: int = 0, longest: int | None = None) -> str | None:
    """A text of `shortest` to `longest` characters in which `pattern` is found; None when there is no luck.

    Other numbers usually give other texts.
    """
    try:
        reader = _Reader(pattern)
        write = reader.alternatives()
        compiled = re.compile(pattern)
    except (ValueError, re.error, RecursionError, OverflowError):
        return None
    if not reader.at_end():
        return None
    for extra in range(_MOST_EXTRA):
        text = write(random.Random(number) if number else None, extra)
        if longest is not None and len(text) > longest:
            return None
        if len(text) >= shortest and compiled.search(text):
            return text
    return None


class _Reader:
    """Recursive descent; raises `ValueError` at what it does not know."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def at_end(self) -> bool:
        return self._at >= len(self._pattern)

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        if self.at_end():
            raise ValueError("the pattern ends too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def _accept(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def alternatives(self) -> _Part:
        choices = [self._sequence()]
        while self._accept("|"):
            choices.append(self._sequence())
        return lambda chance, extra: _pick(choices, chance)(chance, extra)

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return lambda chance, extra: "".join(part(chance, extra) for part in parts)

    def _repeated(self, part: _Part) -> _Part:
        counts = re.compile(r"\*|\+|\?|\{(\d+)(,(\d*))?\}").match(self._pattern, self._at)
        if counts is None:
            return part
        self._at = counts.end()
        self._accept("?")
        mark = counts[0]
        low = int(counts[1]) if counts[1] else int(mark == "+")
        open_ended = mark in "*+" or (counts[2] is not None and not counts[3])
        high = None if open_ended else 1 if mark == "?" else int(counts[3] or low)
        if max(low, high or 0) > _MOST_REPEATED:
            raise ValueError("too long")
        room = _MOST_EXTRA if high is None else high - low
        return lambda chance, extra: "".join(part(chance, extra) for _ in range(low + min(extra, room)))

    def _atom(self) -> _Part:
        character = self._take()
        if character in "^$":
            return lambda chance, extra: ""
        if character == "(":
            return self._group()
        if character == "[":
            return _one_of(self._set())
        if character == "\\":
            escaped = self._escaped()
            return _one_of(escaped) if escaped else lambda chance, extra: ""
        if character == ".":
            return _one_of(_ANY)
        if character in "*+?":
            raise ValueError("nothing to repeat")
        return lambda chance, extra: character

    def _group(self) -> _Part:
        name = re.compile(r"\?(?::|P?<\w+>)").match(self._pattern, self._at)
        if name:
            self._at = name.end()
        elif self._peek() == "?":
            raise ValueError("no such group")
        inner = self.alternatives()
        if not self._accept(")"):
            raise ValueError("the group is open")
        return inner

    def _escaped(self) -> str:
        """The characters that an escape stands for; none for an edge."""
        character = self._take()
        if character in "bBAzZ":
            return ""
        if character in _CLASSES:
            return _CLASSES[character]
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isalnum():
            raise ValueError(f"\\{character} is not known")
        return character

    def _set(self) -> str:
        negated = self._accept("^")
        found = ""
        while not found or self._peek() != "]":
            first = self._take()
            start = self._escaped() if first == "\\" else first
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                last = self._take()
                end = self._escaped() if last == "\\" else last
                found += "".join(map(chr, range(ord(start), min(ord(end), ord(start) + 99) + 1)))
            else:
                found += start
        self._at += 1
        return "".join(character for character in _ANY if character not in found) if negated else found


def _one_of(characters: str) -> _Part:
    if not characters:
        raise ValueError("an empty class")
    return lambda chance, extra: _pick(characters, chance)


_Choice = TypeVar("_Choice")


def _pick(choices: Sequence[_Choice], chance: random.Random | None) -> _Choice:
    """The first, unless it is left to chance."""
    return chance.choice(choices) if chance else choices[0]
