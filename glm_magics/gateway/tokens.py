"""The students' tokens: a CSV file beside the roster that only its owner can read, made by a command.

A token is random and lets its student through this gateway, nowhere else. Who takes one out of the file
shuts that student out at the next start; `made` gives a new one.
"""

from __future__ import annotations

import csv
import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from glm_magics.errors import SettingError

__all__ = ["by_digest", "digest", "made", "read_tokens"]

_PREFIX = "glm-class-"
_HEAD = ("student", "token")


def made(file: Path, students: Iterable[str]) -> tuple[str, ...]:
    """Give a token to each student who has none; the names of these. Raises `SettingError`."""
    known = read_tokens(file) if file.exists() else {}
    new = tuple(name for name in students if name not in known)
    rows = [*known.items(), *((name, _PREFIX + secrets.token_urlsafe(24)) for name in new)]
    if new:
        _write(file, rows)
    return new


def read_tokens(file: Path) -> dict[str, str]:
    """The tokens by student. Raises `SettingError` when the file is missing or not of this form."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            head, *rows = list(csv.reader(lines))
            found = {name: token for name, token in rows if token}
    except OSError as error:
        problem = error.strerror or "it cannot be read"
    except ValueError:
        problem = "it is no CSV of students and tokens"
    else:
        if tuple(head) == _HEAD:
            return found
        problem = f"its first line is not {','.join(_HEAD)}"
    raise SettingError(f"{file.name}: {problem}.", hint="Take the file away; the next start makes a new one.")


def digest(token: str) -> bytes:
    """What a token is looked up by, so that the time of a look-up tells nothing about it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _write(file: Path, rows: Iterable[tuple[str, str]]) -> None:
    new = file.with_name(file.name + ".new")
    try:
        new.unlink(missing_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([_HEAD, *rows])
        new.replace(file)
    except OSError as error:
        raise SettingError(f"{file.name} cannot be written: {error.strerror}.") from error


def by_digest(tokens: Mapping[str, str]) -> dict[bytes, str]:
    """The students by the digests of their tokens."""
    return {digest(token): name for name, token in tokens.items()}
