"""Which files may be read: the rules for a path, and the bytes behind one that keeps to them.

A prompt leaves the machine, so a path is read narrowly: a relative one stays below the working folder, only
an absolute one that was written out leads elsewhere; nothing that looks like a secret is read by accident,
and nothing but a plain file at all. A path always comes from the user, never from a model's answer.
"""

from __future__ import annotations

import os
import re
import stat
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path

from glm_magics.errors import DocumentError

__all__ = ["MOST_BYTES", "PRIVATE_KEY", "load"]

MOST_BYTES = 20_000_000

_SECRET_NAMES = (
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.kdbx", "*.jks", "*.keystore", "*.gpg", "*.env"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "credentials", "credentials.*", "secrets.*"),
)
PRIVATE_KEY = "-----BEGIN [A-Z ]{0,40}PRIVATE KEY"  # a pattern
_NOT_FILES = ("proc", "sys", "dev")  # plain files by their mode, but windows into the running system
_FORCE = "If it is meant to leave this machine, add --force (`force=True` from Python)."


def load(
    path: str | os.PathLike[str],
    *,
    force: bool = False,
    folder: Path | None = None,
    if_secret: str = _FORCE,
) -> tuple[str, bytes]:
    """The file's name for a prompt, and its bytes. `folder` is the working folder, unless given.

    `force` lets files through that look like secrets, and nothing else; `if_secret` is what to do about such
    a file. Raises `DocumentError`.
    """
    given = os.fspath(path)
    folder = Path.cwd() if folder is None else folder
    try:
        real, name = _checked(given, folder, force, if_secret)
        data = _bytes(real, given)
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a NUL, a home that is not there
        problem = getattr(error, "strerror", None) or str(error)
    else:
        if not force and re.search(PRIVATE_KEY.encode(), data):
            raise DocumentError(f"{given} holds a private key.", hint=if_secret)
        return name, data
    raise DocumentError(f"{given!r} cannot be read: {problem}.", hint=_near(given, folder))


def _checked(given: str, folder: Path, force: bool, if_secret: str) -> tuple[Path, str]:
    typed = Path(given).expanduser()
    _refuse_detours(folder, typed, given)
    real = (folder / typed).resolve(strict=True)
    home = folder.resolve()
    if not typed.is_absolute() and not real.is_relative_to(home):
        raise DocumentError(
            f"{given} leads out of the working folder, to {real}.",
            hint="Write the absolute path if that is the file you mean.",
        )
    if os.name == "posix" and real.parts[1:2] and real.parts[1] in _NOT_FILES:
        raise DocumentError(f"{given} is not a file but a part of the running system.")
    if not force:
        _refuse_secrets(given, [_below(home, real), _below(home, typed)], if_secret)
    return real, typed.name if typed.is_absolute() else typed.as_posix()


def _refuse_detours(folder: Path, typed: Path, given: str) -> None:
    """`link/..` is not the folder that the eye reads there: it is the parent of what the link points to."""
    way = Path(typed.anchor) if typed.is_absolute() else folder
    linked = False
    for step in typed.relative_to(typed.anchor).parts:
        if step == ".." and linked:
            raise DocumentError(
                f"{given} goes through a link and back with `..`, so it is not the place it seems to be.",
                hint="Write the path without `..`.",
            )
        way = way / step
        linked = linked or way.is_symlink()


def _below(home: Path, path: Path) -> tuple[str, ...]:
    """The steps of a path that the user chose: those below the working folder, or all of them."""
    return path.relative_to(home).parts if path.is_relative_to(home) else path.parts


def _refuse_secrets(given: str, ways: list[tuple[str, ...]], if_secret: str) -> None:
    for steps in ways:
        hidden = next((step for step in steps if step.startswith(".") and step.strip(".")), None)
        if hidden is not None:
            raise DocumentError(f"{given}: {hidden} is hidden, as settings and keys are.", hint=if_secret)
        name = steps[-1].lower() if steps else ""
        if any(fnmatch(name, pattern) for pattern in _SECRET_NAMES):
            raise DocumentError(f"{given} looks like a key or a list of secrets.", hint=if_secret)


def _bytes(real: Path, given: str) -> bytes:
    """Opened without following a link or waiting for a pipe that took the file's place meanwhile."""
    kind = os.stat(real).st_mode
    if not stat.S_ISREG(kind):
        what = "a folder" if stat.S_ISDIR(kind) else "a device, a pipe or a socket"
        raise DocumentError(f"{given} is {what}: expected a file.", hint="Name files, one at a time.")
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    with open(os.open(real, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise DocumentError(f"{given} is no plain file any more.")
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise DocumentError(
            f"{given} has more than {MOST_BYTES // 1_000_000} MB, the most that is read.",
            hint="Keep the part that matters in a file of its own.",
        )
    return data


def _near(given: str, folder: Path) -> str:
    """Files beside the one that was named and is not there."""
    try:
        path = folder / Path(given).expanduser()
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except (OSError, ValueError, RuntimeError):
        return "Check the path; a relative one starts at the notebook's working folder."
    close = get_close_matches(path.name, names, n=3)
    return f"Did you mean {', '.join(close)}?" if close else f"There is no such file in {path.parent}."
