"""A plugin for pytest with nbval: writes what each cell put out, without what `nbval.cfg` lets differ.

NOTEBOOK_OUTPUTS names the folder. nbval compares with the saved notebook, and leaves out metadata, tracebacks
and widgets; here all is kept, so that two runs can be compared with each other.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: Any) -> None:
    outputs = getattr(item, "test_outputs", None)
    if outputs is not None:
        folder = Path(os.environ["NOTEBOOK_OUTPUTS"], item.path.stem)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(_sanitized(outputs, item.sanitize), indent=1, sort_keys=True, ensure_ascii=False)
        (folder / f"{item.cell_num:03}.json").write_text(text, "utf-8")


def _sanitized(value: Any, sanitize: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sanitized(inner, sanitize) for key, inner in value.items()}
    if isinstance(value, list):
        return [_sanitized(inner, sanitize) for inner in value]
    return sanitize(value)
