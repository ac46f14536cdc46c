"""A plugin for pytest with nbval: writes what each cell put out, without what is time.

NOTEBOOK_OUTPUTS names the folder. nbval compares with the saved notebook, and leaves out metadata,
tracebacks, pictures and widgets; here all is kept, so that two runs can be compared with each other. What is
time: what `nbval.cfg` names, the times in an answer's metadata, and the picture of `%glm usage --plot`, of
which one part shows seconds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_TIMES = {"started", "seconds", "first_token_seconds", "thinking_seconds"}
_MOMENT_OF_AN_ID = re.compile(r"^20\d{12}")
_PLOT_OF_SECONDS = "%glm usage --plot"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: Any) -> None:
    outputs = getattr(item, "test_outputs", None)
    if outputs is not None:
        notebook = item.path.relative_to(item.config.rootpath).with_suffix("")
        folder = Path(os.environ["NOTEBOOK_OUTPUTS"], notebook)
        folder.mkdir(parents=True, exist_ok=True)
        kept = without_times(outputs, item.sanitize, has_plot=_PLOT_OF_SECONDS in item.cell.source)
        text = json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False)
        (folder / f"{item.cell_num:03}.json").write_text(text, "utf-8")


def without_times(value: Any, sanitize: Callable[[Any], Any], *, has_plot: bool = False) -> Any:
    """The outputs with a word in the place of each time; `has_plot`: their picture shows seconds."""
    if isinstance(value, list):
        return [without_times(inner, sanitize, has_plot=has_plot) for inner in value]
    if not isinstance(value, dict):
        return sanitize(value)
    kept = {key: without_times(inner, sanitize, has_plot=has_plot) for key, inner in value.items()}
    if "glm_magics" in kept:
        kept["glm_magics"] = _without_moments(kept["glm_magics"])
    if has_plot and "image/png" in kept:
        kept["image/png"] = "PLOT OF SECONDS"
    return kept


def _without_moments(metadata: Any) -> Any:
    if not isinstance(metadata, dict):
        return metadata
    kept = {key: "TIME" if key in _TIMES else value for key, value in metadata.items()}
    if isinstance(kept.get("id"), str):
        kept["id"] = _MOMENT_OF_AN_ID.sub("TIME", kept["id"])
    return kept
