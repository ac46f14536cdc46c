"""What the front end behind a cell is like, as far as the request of the cell tells.

A kernel has no way to ask its front end what it can show. But nbclient, papermill, nbconvert and the page run
of Voilà do not allow stdin, notebooks name the cell (`cellId`), and a callback of a widget comes as
`comm_msg`. Jupyter's console and Qt console do none of this.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["is_attended", "is_callback", "is_inside_output", "request_of"]


def request_of(shell: Any) -> Mapping[str, Any]:
    """The message that this code runs for; {} where the kernel does not say."""
    get_parent = getattr(shell.kernel, "get_parent", None)
    return (get_parent() if get_parent else None) or {}


def is_attended(request: Mapping[str, Any]) -> bool:
    """Whether somebody may be watching: a notebook that is run as a batch does not allow stdin."""
    return request.get("content", {}).get("allow_stdin") is not False


def is_callback(request: Mapping[str, Any]) -> bool:
    return _header(request).get("msg_type") == "comm_msg"


def is_inside_output(request: Mapping[str, Any]) -> bool:
    """Whether an `ipywidgets.Output` catches what is displayed; it ignores `update_display`."""
    if is_callback(request):
        return True
    widgets = sys.modules.get("ipywidgets")
    if widgets is None:
        return False
    message = _header(request).get("msg_id")
    instances = sys.modules["ipywidgets.widgets.widget"]._instances  # as ipywidgets' own Widget.widgets does
    return any(
        isinstance(widget, widgets.Output) and widget.msg_id and widget.msg_id == message
        for widget in list(instances.values())
    )


def _header(request: Mapping[str, Any]) -> Mapping[str, Any]:
    header: Mapping[str, Any] = request.get("header", {})
    return header
