"""The Stop button's way into the kernel: a comm target that knows the runs going on.

The browser opens a comm of its own instead of using the widget's, because ipykernel hands a new comm to a
subshell while the cell still runs; messages on the widget's comm wait for the cell on ipykernel 6 and 7.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["TARGET", "register", "stoppable", "unregister"]

TARGET = "glm_magics.control"

_stops: dict[str, Callable[[], None]] = {}


def register(shell: Any) -> None:
    """Listen for Stop; does nothing where the shell is no kernel."""
    comms = _comms(shell)
    if comms is not None:
        comms.register_target(TARGET, _heard)


def unregister(shell: Any) -> None:
    comms = _comms(shell)
    if comms is not None and comms.targets.get(TARGET) is _heard:
        comms.unregister_target(TARGET, _heard)


@contextmanager
def stoppable(run_id: str, stop: Callable[[], None]) -> Iterator[None]:
    """While this lasts, the Stop button of the view `run_id` calls `stop`, from any thread."""
    _stops[run_id] = stop
    try:
        yield
    finally:
        _stops.pop(run_id, None)


def _comms(shell: Any) -> Any:
    return getattr(getattr(shell, "kernel", None), "comm_manager", None)


def _heard(comm: Any, message: dict[str, Any]) -> None:
    run_id = message["content"]["data"].get("stop")
    stop = _stops.get(run_id) if isinstance(run_id, str) else None
    if stop is not None:
        stop()
    comm.close()  # tells the browser that it was heard, so that it need not interrupt the kernel
