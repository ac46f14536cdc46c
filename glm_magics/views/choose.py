"""Which view fits the front end: a table of questions, asked anew for every cell."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glm_magics._browser import in_browser
from glm_magics._front_end import is_attended, is_callback, is_inside_output, request_of
from glm_magics._lang import _

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
    request = request_of(shell)
    captured = is_inside_output(request)
    if not is_attended(request) or not streaming:
        return StaticView(plan=plan, brief=brief)
    if _in_colab(shell):
        return (StaticView if captured else GentleView)(plan=plan, brief=brief)
    if not _in_notebook(shell, request, environ):
        return TerminalView(plan=plan, brief=brief)
    return _live(swap=not captured, plan=plan, brief=brief)


def _live(*, swap: bool, plan: Schema | None, brief: bool) -> View:
    from glm_magics.views.static import StaticView

    try:
        import anywidget  # noqa: F401  (LiveView needs both only when it starts: too late to choose)
        import nh3  # noqa: F401
    except ImportError as missing:
        return StaticView(_("no live view: {missing}").format(missing=missing), plan=plan, brief=brief)
    from glm_magics.views.live import LiveView

    return LiveView(swap=swap, plan=plan, brief=brief)


def _in_notebook(shell: Any, request: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    return (
        "cellId" in request.get("metadata", {})
        or is_callback(request)
        or "JPY_SESSION_NAME" in environ  # set by jupyter_server
        or "__vsc_ipynb_file__" in shell.user_ns  # set by VS Code
        or in_browser()  # JupyterLite
    )


def _in_colab(shell: Any) -> bool:
    return type(shell).__module__.startswith("google.colab")
