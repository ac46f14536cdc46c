"""IPython's display calls, which carry no types, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from IPython.display import display, update_display

__all__ = ["replace_output", "show", "show_object"]


def show(
    bundle: Mapping[str, str], *, display_id: str | None = None, record: Mapping[str, Any] | None = None
) -> None:
    """Display a MIME bundle as it is; `record` goes into the output's metadata."""
    display(dict(bundle), raw=True, display_id=display_id, metadata=_metadata(record))  # type: ignore[no-untyped-call]


def replace_output(
    bundle: Mapping[str, str], *, display_id: str, record: Mapping[str, Any] | None = None
) -> None:
    """Put `bundle` where the output `display_id` is."""
    update_display(dict(bundle), raw=True, display_id=display_id, metadata=_metadata(record))  # type: ignore[no-untyped-call]


def show_object(value: Any, *, display_id: str) -> None:
    """Display an object that knows how to show itself."""
    display(value, display_id=display_id)  # type: ignore[no-untyped-call]


def _metadata(record: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"glm_magics": dict(record)} if record else {}
