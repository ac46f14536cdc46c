"""Notebooks in, findings out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from glm_magics._lang import _
from glm_magics.documents.notebook import notebook_content
from glm_magics.errors import DocumentError
from glm_magics.keys import ApiKey
from glm_magics.render.text import plain
from glm_magics.sharing.active import acting_in
from glm_magics.sharing.finding import Finding, masked, merged
from glm_magics.sharing.parts import Part, output_bytes, parts
from glm_magics.sharing.personal import personal_in
from glm_magics.sharing.secrets import keys_in

__all__ = ["MOST_OUTPUT_BYTES", "notebooks_in", "scan", "scan_text"]

MOST_OUTPUT_BYTES = 1_000_000  # of one cell
_MOST_TOTAL = 10 * MOST_OUTPUT_BYTES  # GitHub shows larger notebooks badly or not at all
_BIGGEST = 3

_HOME = re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\{1,2}Users\\{1,2})([\w.-]{2,40})(?=[/\\\"'\s:),]|$)")
_ANYBODY = frozenset(
    (
        *("user", "username", "users", "name", "you", "me", "guest", "admin", "public", "default", "shared"),
        *("jovyan", "mambauser", "runner", "ubuntu"),
    )
)


def scan(files: Iterable[Path], keys: Sequence[ApiKey] = ()) -> list[Finding]:
    """What is to be seen to before `files` are shared, each finding with its file. `keys` are the user's own.

    Raises `DocumentError` for a file that cannot be read or is no notebook.
    """
    return [replace(found, file=plain(str(file))) for file in files for found in _in_file(file, keys)]


def scan_text(text: str, name: str, keys: Sequence[ApiKey] = ()) -> list[Finding]:
    """The findings in the text of one notebook. Raises `DocumentError` for what is none."""
    notebook = notebook_content(text, name)
    found: list[Finding] = []
    for part in parts(notebook):
        found += [*keys_in(part, keys), *personal_in(part), *acting_in(part), *_traces(part)]
    return merged([*found, *_sizes(notebook)])


def notebooks_in(places: Iterable[Path]) -> list[Path]:
    """The notebooks among files and in folders, hidden folders left out. Raises `DocumentError` for none."""
    files: list[Path] = []
    for place in places:
        if not place.exists():
            raise DocumentError(
                _("There is no {place}.").format(place=place), hint=_("Name a notebook or a folder.")
            )
        below = _below(place) if place.is_dir() else [place]
        if not below:
            raise DocumentError(
                _("There is no notebook in {place}.").format(place=place),
                hint=_("Name a notebook or a folder."),
            )
        files += below
    return list(dict.fromkeys(files))


def _below(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("*.ipynb"))
    return [
        path
        for path in found
        if not any(step.startswith(".") for step in path.relative_to(folder).parts) and path.is_file()
    ]


def _in_file(file: Path, keys: Sequence[ApiKey]) -> list[Finding]:
    name = plain(str(file))
    try:
        return scan_text(file.read_text("utf-8"), name, keys)
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError:
        reason = _("it is not UTF-8")
    raise DocumentError(
        _("{name} cannot be read: {reason}.").format(name=name, reason=reason),
        hint=_("Name a notebook or a folder."),
    )


def _traces(part: Part) -> Iterator[Finding]:
    for found in _HOME.finditer("" if part.is_binary else part.text):
        if found[1].lower() not in _ANYBODY:
            advice = _("use relative paths; run again or clear")
            yield Finding("note", part.cell, part.where, _("a user name in a path"), advice, masked(found[1]))


def _sizes(notebook: Mapping[str, Any]) -> Iterator[Finding]:
    sizes = {number: output_bytes(cell) for number, cell in enumerate(notebook["cells"], 1)}
    advice = _("show less (head(), a smaller picture), or clear")
    for number, size in sizes.items():
        if size > MOST_OUTPUT_BYTES:
            yield Finding(
                "warning", number, "output", _("{size:,.1f} MB of output").format(size=size / 1e6), advice
            )
    total = sum(sizes.values())
    if total > _MOST_TOTAL:
        biggest = sorted(sizes, key=lambda number: -sizes[number])[:_BIGGEST]
        cells = ", ".join(f"{number} ({sizes[number] / 1e6:,.1f} MB)" for number in biggest)
        what = _("{size:,.1f} MB of outputs, the most in cells {cells}").format(size=total / 1e6, cells=cells)
        yield Finding("warning", None, "output", what, advice)
