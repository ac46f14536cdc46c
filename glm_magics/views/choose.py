"""Which view fits the front end: a table of questions, asked anew for every cell.

A kernel has no way to ask its front end what it can show, so the request of the cell tells: nbclient,
papermill, nbconvert and the page run of Voilà do not allow stdin; notebooks name the cell (`cellId`); a
callback of a widget comes as `comm_msg`. Jupyter's console and Qt console do none of this.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_magics.structured.schema import Schema
    from glm_magics.views.follow import View

__all__ = ["choose"]


def choose(
    shell: Any,
    *,
    quiet: bool = False,
    streaming: bool = True,
    environ: Mapping[str, str] = os.environ,
    plan: Schema | None = None,
    brief: bool = False,
) -> View:
    """The view for an answer in `shell`, an IPython shell or None.

    `quiet` shows nothing, `streaming=False` only the whole answer. With `plan`, the schema that was asked
    for, the answer is shown as data; `brief` leaves only its shape, for an answer that is a line's value.
    """
    from glm_magics.views.static import GentleView, QuietView, StaticView
    from glm_magics.views.terminal import TerminalView

    if quiet:
        return QuietView()
    if getattr(shell, "kernel", None) is None:
        return TerminalView(plan=plan, brief=brief)
    request = _request(shell)
    captured = _inside_output(request)
    if request.get("content", {}).get("allow_stdin") is False or not streaming:
        return StaticView(plan=plan, brief=brief)
    if _in_colab(shell):
        return (StaticView if captured else GentleView)(plan=plan, brief=brief)
    if not _in_notebook(shell, request, environ):
        return TerminalView(plan=plan, brief=brief)
    return _live(swap=not captured, plan=plan, brief=brief)


def _live(*, swap: bool, plan: Schema | None, brief: bool) -> View:
    from glm_magics.views.static import StaticView

    try:
        import anywidget  # noqa: F401  (LiveView needs it only when it starts, which is too late to choose)
    except ImportError as missing:
        return StaticView(f"no live view: {missing}", plan=plan, brief=brief)
    from glm_magics.views.live import LiveView

    return LiveView(swap=swap, plan=plan, brief=brief)


def _request(shell: Any) -> Mapping[str, Any]:
    """The message that this code runs for; {} where the kernel does not say."""
    get_parent = getattr(shell.kernel, "get_parent", None)
    return (get_parent() if get_parent else None) or {}


def _in_notebook(shell: Any, request: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    return (
        "cellId" in request.get("metadata", {})
        or _is_callback(request)
        or "JPY_SESSION_NAME" in environ  # set by jupyter_server
        or "__vsc_ipynb_file__" in shell.user_ns  # set by VS Code
        or sys.platform == "emscripten"  # JupyterLite
    )


def _in_colab(shell: Any) -> bool:
    return type(shell).__module__.startswith("google.colab")


def _is_callback(request: Mapping[str, Any]) -> bool:
    return _header(request).get("msg_type") == "comm_msg"


def _inside_output(request: Mapping[str, Any]) -> bool:
    """Whether an `ipywidgets.Output` catches what is displayed; it ignores `update_display`."""
    if _is_callback(request):
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
