"""Where the policy of a class is. What reads it is imported only where a file may hold one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from glm_magics._connect import ENVIRONMENT
from glm_magics._lang import _
from glm_magics._policy import NO_POLICY, Policy

__all__ = ["find_policy"]

_VARIABLE, _NAMES = "GLM_POLICY", ("glm_policy.toml", "pyproject.toml")


def find_policy(folder: Path | None = None, environ: Mapping[str, str] = ENVIRONMENT) -> Policy:
    """The policy for a notebook in `folder` (the working folder, unless given); an empty one without a file.

    GLM_POLICY names the file; else it is in the nearest folder upward that has `glm_policy.toml`, or a
    `pyproject.toml` with `[tool.glm_magics]`. One file counts, and nothing is merged. A file that cannot be
    used is a policy with a `problem`, which lets nothing be asked.
    """
    named = environ.get(_VARIABLE, "").strip()
    if named:
        from glm_magics._policy_file import broken, read_policy

        file = Path(named).expanduser()
        return read_policy(file, environ) or broken(
            file, _("expected a table [tool.glm_magics]; there is none")
        )
    try:
        start = (folder or Path.cwd()).absolute()
    except OSError:  # the working folder was removed
        return NO_POLICY
    for place in (start, *start.parents):
        for name in _NAMES:
            if _is_there(place / name):
                from glm_magics._policy_file import read_policy

                found = read_policy(place / name, environ)
                if found is not None:
                    return found
    return NO_POLICY


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a folder that may not be looked into
        return False
