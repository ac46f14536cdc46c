"""A cassette file while it is written: one writer at a time, whole lines only.

The lock is the operating system's on the file itself, so it is gone with the process that had it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from glm_magics.cassette.cassette import Cassette, Header
from glm_magics.errors import SettingError

__all__ = ["CassetteFile"]


class CassetteFile:
    """The file to record into, locked until `close`. Safe to write to from many threads.

    With `update` an existing cassette is continued, and is there as `.before`. Raises `SettingError` for a
    file that another kernel records into, that exists already, or that cannot be written.
    """

    def __init__(self, path: Path, header: Header, *, update: bool = False) -> None:
        self.path = path
        self.before: Cassette | None = None
        self._header = header
        self._lock = threading.Lock()
        self._file = _opened(path)
        try:
            self._prepare(update)
        except BaseException:
            os.close(self._file)
            raise

    def append(self, line: bytes) -> None:
        """Write one line with one call, so that a kill leaves whole lines and at most one that is cut off.

        Raises `OSError`, for a full disk say, and then nothing of the line stays.
        """
        with self._lock:
            size = os.fstat(self._file).st_size
            line = line if size else self._header.line() + line
            try:
                while line:
                    line = line[os.write(self._file, line) :]
            except OSError:
                os.ftruncate(self._file, size)
                raise

    def close(self, *, keep: Iterable[int] | None = None) -> None:
        """Give the file free; with `keep`, only these of the lines of `.before` stay, with all new ones."""
        with self._lock, self._to_be_closed() as let_go:
            if keep is not None and self.before is not None:
                self._rewrite(self.before, sorted(keep), let_go)
            elif os.fstat(self._file).st_size == 0:
                let_go()
                self.path.unlink(missing_ok=True)  # nothing was recorded
            else:
                os.fsync(self._file)

    @contextlib.contextmanager
    def _to_be_closed(self) -> Iterator[Callable[[], None]]:
        """Closes the file at the end. What it yields does so earlier, where no open file can be replaced."""
        try:
            yield self._close_now if sys.platform == "win32" else _nothing
        finally:
            self._close_now()

    def _close_now(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _prepare(self, update: bool) -> None:
        if not _lock(self._file):
            raise SettingError(
                f"{self.path.name} is being recorded into already, by this kernel or another one.",
                hint="End that recording (`%glm record off`), or name another file.",
            )
        if os.fstat(self._file).st_size == 0:
            return
        if not update:
            raise SettingError(
                f"{self.path.name} exists already.",
                hint=f"`%glm record {self.path.name} --update` keeps what is in it; delete it to begin anew.",
            )
        self.before = Cassette(self.path)
        if self.before.notes:
            self._cut_off_rest(self.before)

    def _cut_off_rest(self, before: Cassette) -> None:
        content = self.path.read_bytes()
        os.ftruncate(self._file, content.rfind(b"\n") + 1)

    def _rewrite(self, before: Cassette, keep: list[int], let_go: Callable[[], None]) -> None:
        """All of it in a new file, which takes the old one's place in one step."""
        now = Cassette(self.path)
        new = range(len(before) + 2, len(now) + 2)
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            with beside.open("wb") as file:
                file.write(now.line(1))
                file.writelines(now.line(number) for number in (*keep, *new))
                file.flush()
                os.fsync(file.fileno())
            let_go()
            beside.replace(self.path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _nothing() -> None:
    """An open file can be replaced here, and its lock is to hold until it is."""


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        return os.open(path, flags, 0o644)
    except OSError as error:
        reason = error.strerror or str(error)
    raise SettingError(f"{path} cannot be recorded into: {reason}.", hint="Name a file that can be written.")


def _lock(file: int) -> bool:
    """Whether this is now the only writer. A file system without locks lets everybody in."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, 2**30, os.SEEK_SET)  # far behind the content: a locked byte cannot be read there
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    with contextlib.suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True
