"""The pictures of the front page: a real cell of JupyterLab, while its answer is being written.

python -m tests.browser.pictures        (from the project's root; writes notebooks/img/cell-*.png)
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from . import lab

IMAGES = lab.PROJECT / "notebooks" / "img"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
MOST_BYTES = 150_000

CELLS = (
    "%load_ext glm_magics",
    "%%glm\nShow the formula of the sample mean, a table, and Python code for it.",
)
GLM = 1

# The answer is nearly whole: its code is there, and coloured.
CODE_IS_THERE = "i => window.__cell(i).querySelector('section.glm pre .k')"


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        server = lab.Server(Path(folder), demo="demo://?pace=1")
        try:
            with lab.browser() as chromium:
                for theme in THEMES:
                    picture(server, chromium, theme)
        finally:
            server.close()


def picture(server: lab.Server, chromium: Any, theme: str) -> None:
    path = IMAGES / f"cell-{theme}.png"
    with lab.notebook(
        server, chromium, CELLS, viewport={"width": 1090, "height": 900}, device_scale_factor=2
    ) as page:
        page.command("apputils:change-theme", theme=THEMES[theme])
        page.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        page.run(0)
        page.start(GLM)
        page.wait(CODE_IS_THERE, GLM)
        page.page.mouse.move(0, 0)
        page.page.locator(".jp-Notebook .jp-Cell").nth(GLM).screenshot(path=path)
    size = path.stat().st_size
    print(f"{path.relative_to(lab.PROJECT)}: {size:,} bytes")
    if size > MOST_BYTES:
        raise SystemExit(f"{path.name} is larger than {MOST_BYTES:,} bytes.")


if __name__ == "__main__":
    main()
