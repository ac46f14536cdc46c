"""The browser's files: in the wheel as `static/`, in a source checkout as `widgets/src`.

A widget takes one script and one style sheet, so the modules that a script imports from its own folder are
put in front of it.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["asset", "script", "style"]

_PACKAGE = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.M)
_EXPORT = re.compile(r"^export (?=function |const )", re.M)


def asset(name: str) -> Path:
    """The path of a file such as `"stream.js"`. Raises `FileNotFoundError` if neither place has it."""
    for folder in (_PACKAGE / "static", _PACKAGE.parent / "widgets" / "src"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{name} is missing from the installation of glm-magics: install it again.")


def script(name: str) -> str:
    """A module with all that it imports in front of it, as one. No name may be in two of them."""
    parts: dict[str, str] = {}
    _collect(name, parts)
    *imported, own = parts.values()
    return "".join([*(_EXPORT.sub("", part) for part in imported), own])


def style(*names: str) -> str:
    """Style sheets as one."""
    return "\n".join(asset(name).read_text("utf-8") for name in names)


def _collect(name: str, parts: dict[str, str]) -> None:
    """Adds a module behind those that it imports, each once."""
    text = asset(name).read_text("utf-8")
    for imported in _IMPORT.findall(text):
        if imported not in parts:
            _collect(imported, parts)
    parts[name] = _IMPORT.sub("", text)
