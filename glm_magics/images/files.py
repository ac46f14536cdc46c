"""Images from files, within rules for what may be read."""

from __future__ import annotations

import stat
from pathlib import Path

from glm_magics.errors import RequestError

__all__ = ["MOST_BYTES", "read", "short"]

MOST_BYTES = 20_000_000


def short(path: str) -> str:
    """The last part of a path or address, to name it by."""
    last = path.partition("?")[0].rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    return last[:80] or path[:80]


def read(path: str) -> bytes:
    """The bytes of a file. A relative path has to stay below the current folder, links followed.

    Raises `RequestError` for what is missing, no plain file, hidden, too large, or outside.
    """
    if "\0" in path or len(path) > 4_096:
        raise RequestError("Expected the path of an image.", hint="Nothing was sent.")
    try:
        file = Path(path).expanduser().resolve(strict=True)
        about = file.stat()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"{short(path)} cannot be read: {reason}.", hint="Check the path.") from None
    inside = file.is_relative_to(Path.cwd())
    if not (inside or Path(path).expanduser().is_absolute()):
        raise RequestError(
            f"{short(path)} is outside the folder of this notebook.",
            hint="Give its whole path, from / or ~ on. Nothing was sent.",
        )
    if not stat.S_ISREG(about.st_mode):
        raise RequestError(f"{short(path)} is no plain file.", hint="Nothing was sent.")
    if any(part.startswith(".") for part in (file.relative_to(Path.cwd()) if inside else file).parts):
        raise RequestError(
            f"{short(path)} is hidden, and stays where it is.", hint="Copy it elsewhere first."
        )
    if about.st_size > MOST_BYTES:
        raise RequestError(
            f"{short(path)} has {about.st_size:,} bytes; {MOST_BYTES:,} is the most that is read.",
            hint="Scale it down first. Nothing was sent.",
        )
    return file.read_bytes()
