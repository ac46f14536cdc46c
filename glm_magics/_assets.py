"""Where the browser's files are: in the wheel as `static/`, in a source checkout as `widgets/src`."""

from __future__ import annotations

from pathlib import Path

__all__ = ["asset"]

_PACKAGE = Path(__file__).parent


def asset(name: str) -> Path:
    """The path of a file such as `"stream.js"`. Raises `FileNotFoundError` if neither place has it."""
    for folder in (_PACKAGE / "static", _PACKAGE.parent / "widgets" / "src"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{name} is missing from the installation of glm-magics: install it again.")
