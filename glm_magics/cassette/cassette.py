"""A cassette as it is read: its header, and which lines answer a request. Lines are parsed when used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from glm_magics.cassette.entry import KEY_AT, KEY_LENGTH, LINE_START, Entry, read_entry
from glm_magics.cassette.request import Asked, dumps
from glm_magics.errors import SettingError

__all__ = ["VERSION", "Cassette", "Header"]

VERSION = 1


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. `recorded` is a day, `endpoint` a name, never an address with a key or password."""

    recorded: str
    glm_magics: str
    endpoint: str
    dialect: str = "glm"
    currency: str | None = None

    def line(self) -> bytes:
        return dumps({"cassette": VERSION, **asdict(self)}).encode() + b"\n"


class Cassette:
    """The answers in a cassette file. Raises `SettingError` for a file that is none.

    `notes` says what was left out: a last line that was cut off while it was written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: tuple[str, ...] = ()
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            self._lines = self._whole_lines(content)
            self.header = self._read_header()
            self._numbers: dict[str, list[int]] = {}
            self._index()
            return
        raise SettingError(f"There is no cassette {path}: {reason}.", hint="`%glm record FILE` records one.")

    def __len__(self) -> int:
        return len(self._lines) - 1

    def numbers(self, asked: Asked) -> list[int]:
        """The lines that answer a request, in their order; the first line of the file is 1."""
        return self._numbers.get(asked.key, [])

    def entry(self, number: int) -> Entry:
        """The entry on a line. Raises `SettingError` for a damaged one."""
        try:
            return read_entry(self._lines[number - 1])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
        raise self._damaged(number, reason)

    def line(self, number: int) -> bytes:
        return self._lines[number - 1] + b"\n"

    def entries(self) -> Iterator[tuple[int, Entry]]:
        for number in range(2, len(self._lines) + 1):
            yield number, self.entry(number)

    def index_again(self) -> bool:
        """Take each request as it is written and not by its key: lines may have been edited. Whether that
        changed anything."""
        found: dict[str, list[int]] = {}
        for number, entry in self.entries():
            found.setdefault(entry.asked.key, []).append(number)
        changed, self._numbers = found != self._numbers, found
        return changed

    def _whole_lines(self, content: bytes) -> list[bytes]:
        lines = content.replace(b"\r\n", b"\n").split(b"\n")
        if lines.pop():
            self.notes = (f"The last line of {self.path.name} was cut off and is left out.",)
        return lines

    def _read_header(self) -> Header:
        try:
            found: dict[str, Any] = json.loads(self._lines[0])
            version = int(found.pop("cassette"))
            known = {name: found.get(name) for name in Header.__dataclass_fields__}
            header = Header(**known)  # type: ignore[arg-type]
        except (IndexError, ValueError, KeyError, TypeError, AttributeError):
            version = 0
        if version > VERSION:
            raise SettingError(
                f"{self.path.name} is a cassette of format {version}; this version reads {VERSION}.",
                hint="Update glm-magics.",
            )
        if version < 1:
            raise SettingError(
                f"{self.path.name} is no cassette: its first line is not the header of one.",
                hint="`%glm record FILE` makes a cassette.",
            )
        return header

    def _index(self) -> None:
        numbers = self._numbers
        for number, line in enumerate(self._lines[1:], start=2):
            if not line.startswith(LINE_START):
                raise self._damaged(number, "it is no line of a cassette")
            key = line[KEY_AT : KEY_AT + KEY_LENGTH].decode("ascii", "replace")
            if key in numbers:
                numbers[key].append(number)
            else:
                numbers[key] = [number]

    def _damaged(self, number: int, reason: str) -> SettingError:
        return SettingError(
            f"Line {number} of {self.path.name} cannot be read ({reason}).",
            hint="Take the file from your version control, or delete the line and record it again: "
            "`%glm record FILE --update`.",
        )
