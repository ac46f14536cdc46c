"""Whether Python runs in a browser, as in JupyterLite. Pyodide has neither threads nor sockets there.

Sources: pyodide.org, "Pyodide Python compatibility": `threading` and `socket` can be imported but not used.
"""

from __future__ import annotations

import sys

from glm_magics.errors import SettingError

__all__ = ["check_reach", "in_browser"]


def in_browser() -> bool:
    return sys.platform == "emscripten"


def check_reach(server: str) -> None:
    """Raises `SettingError` where no server can be asked: before a key is, and before a request is made."""
    if in_browser():
        raise SettingError(
            f"Python in the browser has no sockets, so {server} cannot be asked from here.",
            hint="`%glm demo on` and `%glm replay FILE` work here; a server needs a kernel elsewhere.",
        )
