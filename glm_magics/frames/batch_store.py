"""Where batch jobs are kept: the journal and the files beside the row cache."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glm_magics import _connect
from glm_magics.errors import SettingError
from glm_magics.rows.journal import Journal

if TYPE_CHECKING:
    from glm_magics._session import Session
    from glm_magics.frames.rows import CacheMode

__all__ = ["Store", "store_of"]

_FILES = "batches"


@dataclass(frozen=True, slots=True)
class Store:
    """`journal` and `files`, the folder of the files on their way; `cache` is what the row cache is told."""

    journal: Journal
    files: Path
    cache: CacheMode


_open: dict[tuple[int, Path], Store] = {}
_demo: tuple[tempfile.TemporaryDirectory[str], Store] | None = None


def store_of(session: Session, mode: CacheMode = "on") -> Store:
    """The jobs of this session: in the folder of the row cache, or for the demo, which costs nothing, in
    memory unless GLM_CACHE names a folder.

    Raises `SettingError` where nothing can be noted: a job that is forgotten would be paid twice.
    """
    if isinstance(mode, str) and mode != "on":
        raise SettingError(
            f"cache={mode!r}: the answers of a batch go into the row cache.",
            hint="Leave `cache` out, or give the Path of a folder. Nothing was sent.",
        )
    if mode == "on" and session.client.endpoint.is_demo and not _connect.names_cache():
        return _in_memory()
    folder = _connect.cache_folder() if mode == "on" else Path(mode)
    if folder is None:
        raise SettingError(
            "There is no folder to note the job in.", hint="Set GLM_CACHE to one. Nothing was sent."
        )
    place = (os.getpid(), folder.resolve())
    if place not in _open:
        try:
            _open[place] = Store(Journal(folder), folder / _FILES, mode)
        except (OSError, sqlite3.Error) as error:
            raise SettingError(
                f"The job cannot be noted in {folder} ({error}).",
                hint="Set GLM_CACHE to a folder that can be written. Nothing was sent.",
            ) from None
    return _open[place]


def _in_memory() -> Store:
    global _demo
    if _demo is None:
        folder = tempfile.TemporaryDirectory(prefix="glm-batches-")
        _demo = folder, Store(Journal(None), Path(folder.name), "on")
    return _demo[1]
