"""Model text made safe to show: the only maker of HTML and of Markdown in the package.

One token tree (`parser`) feeds two forms: HTML for the live widget (`html`, `Blocks`) and canonical
Markdown for the saved output (`canonical`, `static`). Data is shown as a `Table`. Names are loaded when
first used, so that `plain` costs no Markdown parser.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from glm_magics.render.text import plain, reveal

if TYPE_CHECKING:
    from glm_magics.render.blocks import Blocks
    from glm_magics.render.bundle import exhibits, static
    from glm_magics.render.card import data_card
    from glm_magics.render.markup import html
    from glm_magics.render.reemit import canonical, fence
    from glm_magics.render.table import Table, html_table, static_table, text_table

__all__ = [
    "Blocks",
    "Table",
    "canonical",
    "data_card",
    "exhibits",
    "fence",
    "html",
    "html_table",
    "plain",
    "reveal",
    "static",
    "static_table",
    "text_table",
]

_HOMES = {
    "Blocks": "blocks",
    "Table": "table",
    "canonical": "reemit",
    "data_card": "card",
    "exhibits": "bundle",
    "fence": "reemit",
    "html": "markup",
    "html_table": "table",
    "static": "bundle",
    "static_table": "table",
    "text_table": "table",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
