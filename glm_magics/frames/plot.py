"""What was spent, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glm_magics.errors import SettingError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["usage_figure"]


def usage_figure(usage: pd.DataFrame) -> Any:
    """A figure of `usage()`: tokens, money and seconds of each request, coloured by tier.

    Raises `SettingError` when matplotlib is not installed.
    """
    Figure = _figure_class()
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    panels = figure.subplots(1, 3)
    tokens = usage["input_tokens"] + usage["output_tokens"]
    currency = next((name for name in usage["currency"].dropna().unique()), "")
    measures = (
        ("tokens", tokens),
        (f"money ({currency})", usage["cost"].astype(float)),
        ("seconds", usage["seconds"]),
    )
    tiers = list(dict.fromkeys(usage["tier"]))
    for panel, (title, values) in zip(panels, measures, strict=True):
        for at, tier in enumerate(tiers):
            of_tier = usage["tier"] == tier
            panel.bar(usage.index[of_tier], values[of_tier], color=f"C{at}", label=tier)
        panel.set_title(title, fontsize=10)
        panel.set_xticks(list(usage.index), list(usage["cell"]), rotation=45, ha="right", fontsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    if tiers:
        panels[0].legend(fontsize=7, frameon=False)
    return figure


def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure

        return Figure
    except ImportError:
        pass
    raise SettingError(
        "A plot needs matplotlib.", hint="`pip install matplotlib`, or plot `glm.usage()` yourself."
    )
