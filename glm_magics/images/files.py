"""Images from files, by the rules for all files that a prompt may take."""

from __future__ import annotations

from glm_magics import local_files
from glm_magics.errors import DocumentError, RequestError

__all__ = ["read", "short"]

_LONGEST_PATH = 4_096


def short(path: str) -> str:
    """The last part of a path or address, to name it by."""
    last = path.partition("?")[0].rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    return last[:80] or path[:80]


def read(path: str) -> bytes:
    """The bytes of a file. Raises `RequestError` for one that may not be read (see `local_files`)."""
    if not path or "\0" in path or len(path) > _LONGEST_PATH:
        raise RequestError("Expected the path of an image.", hint="Nothing was sent.")
    try:
        return local_files.load(path, if_secret="Copy the picture to another name first.")[1]
    except DocumentError as error:
        raise RequestError(error.message.replace(path, short(path)), hint=error.hint) from None
