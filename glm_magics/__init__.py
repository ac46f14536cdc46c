"""GLM models (Zhipu / Z.ai) from a notebook.

    %load_ext glm_magics        # then %%glm, see %%glm?
    import glm_magics as glm    # the same from Python: glm.ask("…"), glm.stream("…"), glm.tiers()

Importing this package imports nothing heavy; names are loaded when they are first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from glm_magics.api import (
        add_tier,
        add_tiers,
        ask,
        budget,
        connect,
        count_tokens,
        image,
        read_document,
        session,
        stream,
        tiers,
        usage,
    )
    from glm_magics.chat import ChatRequest, Completion, Cost, Message, Usage
    from glm_magics.checks import check_answer
    from glm_magics.errors import GLMError
    from glm_magics.frames.accessor import dask, pandas
    from glm_magics.frames.batch import job, jobs
    from glm_magics.frames.embedding import embed
    from glm_magics.frames.partition import rows_function
    from glm_magics.structured.parse import parse
    from glm_magics.structured.schema import schema
    from glm_magics.structured.table import to_frame
    from glm_magics.tapes import recording, replaying

__version__ = "0.1.0"

__all__ = [
    "ChatRequest",
    "Completion",
    "Cost",
    "GLMError",
    "Message",
    "Usage",
    "add_tier",
    "add_tiers",
    "ask",
    "budget",
    "check_answer",
    "connect",
    "count_tokens",
    "dask",
    "embed",
    "image",
    "job",
    "jobs",
    "load_ipython_extension",
    "pandas",
    "parse",
    "read_document",
    "recording",
    "replaying",
    "rows_function",
    "schema",
    "session",
    "stream",
    "tiers",
    "to_frame",
    "unload_ipython_extension",
    "usage",
]

_HOMES = {
    "api": (
        *("add_tier", "add_tiers", "ask", "budget", "connect", "count_tokens", "image", "read_document"),
        *("session", "stream", "tiers", "usage"),
    ),
    "chat": ("ChatRequest", "Completion", "Cost", "Message", "Usage"),
    "checks": ("check_answer",),
    "errors": ("GLMError",),
    "frames.accessor": ("dask", "pandas"),
    "frames.batch": ("job", "jobs"),
    "frames.embedding": ("embed",),
    "frames.partition": ("rows_function",),
    "structured.parse": ("parse",),
    "structured.schema": ("schema",),
    "structured.table": ("to_frame",),
    "tapes": ("recording", "replaying"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'glm_magics' has no attribute {name!r}")
    return getattr(import_module(f"glm_magics.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext glm_magics`."""
    from glm_magics import magics

    magics.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext glm_magics`: nothing of it stays."""
    from glm_magics import magics

    magics.unload(shell)


if "pandas" in sys.modules:  # `df.glm`, without importing what is not there; `glm.pandas()` does it later on
    from glm_magics.frames.accessor import register

    register()
    del register
