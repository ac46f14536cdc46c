"""What would leave this machine, as HTML: a few lines of figures, and below them the very text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from glm_magics._lang import _
from glm_magics.render.text import reveal

__all__ = ["data_card"]

_SHORT = 40  # lines


def data_card(lines: Sequence[str], table: str, text: str) -> str:
    """`lines` in paragraphs, `table` (made by `frame_table`), and `text` as it is, folded if it is long."""
    said = "".join(f"<p>{_shown(line)}</p>" for line in lines)
    whole = "\n".join(_shown(line) for line in text.split("\n"))
    title = _("What would be sent")
    state = " open" if text.count("\n") < _SHORT else ""
    folded = f"<details{state}><summary>{title}</summary><pre><code>{whole}</code></pre></details>"
    return f"<div>{said}{table}{folded}</div>"


def _shown(text: str) -> str:
    """No character acts, and no dollar sign begins a formula."""
    return escape(reveal(text)).replace("$", "<span>&#36;</span>")
