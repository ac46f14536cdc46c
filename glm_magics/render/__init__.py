"""Model text made safe to show: the only maker of HTML and of Markdown in the package.

One token tree (`parser`) feeds two forms: HTML for the live widget (`html`, `Blocks`) and canonical
Markdown for the saved output (`canonical`, `static`). Names are loaded when first used, so that
`plain` costs no Markdown parser.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from glm_magics.render.text import plain, reveal

if TYPE_CHECKING:
    from glm_magics.render.blocks import Blocks
    from glm_magics.render.bundle import frame_table, static
    from glm_magics.render.card import data_card
    from glm_magics.render.markup import html
    from glm_magics.render.reemit import canonical

__all__ = ["Blocks", "canonical", "data_card", "frame_table", "html", "plain", "reveal", "static"]

_HOMES = {
    "Blocks": "blocks",
    "canonical": "reemit",
    "data_card": "card",
    "frame_table": "bundle",
    "html": "markup",
    "static": "bundle",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
