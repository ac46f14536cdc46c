"""A web site of notebooks with glm_magics that needs no server: JupyterLite, with the demo engine in the page.

    python -m venv .venv-lite
    .venv-lite/bin/pip install -r notebooks/lite/requirements.txt
    .venv-lite/bin/python notebooks/lite/build.py site my_notebook.ipynb
    python -m http.server -d site            # http://localhost:8000/lab/index.html?path=my_notebook.ipynb

Copy the folder `site` to any host of static files. The browser of a reader gets Python, pandas and the like from
Pyodide's CDN, cdn.jsdelivr.net; with `--pyodide FOLDER`, an unpacked distribution of Pyodide, from the site itself.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
QUICKSTART = PROJECT / "notebooks" / "01_quickstart.ipynb"

# httpx in Pyodide's distribution does not bring what it imports, so that is named.
INSTALL = "%pip install -q anyio certifi httpcore idna glm-magics"
ANY_PYTHON = ("--python-version", "3.14", "--platform", "any", "--implementation", "py", "--abi", "none")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _collect_wheels(work / "wheels", options.package)
        _copy_notebooks(options.notebooks or [QUICKSTART], work / "notebooks")
        if options.pyodide:
            shutil.copytree(options.pyodide, work / "static" / "pyodide")
        _build(work, options.site.resolve())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Build a JupyterLite site of notebooks with glm_magics.")
    parser.add_argument("site", type=Path, help="the folder to write; what is in it is replaced")
    parser.add_argument("notebooks", type=Path, nargs="*", help="files and folders; else the quickstart")
    package = str(PROJECT) if (PROJECT / "pyproject.toml").exists() else "glm-magics"
    parser.add_argument("--package", default=package, help="what pip makes the wheel of (default: %(default)s)")
    parser.add_argument("--pyodide", type=Path, help="a folder with Pyodide's distribution, to be in the site")
    return parser


def _collect_wheels(folder: Path, package: str) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", str(folder), package], check=True)
    wanted = ("--no-deps", "--only-binary=:all:", *ANY_PYTHON, "-r", str(HERE / "wheels.txt"))
    subprocess.run([*pip, "download", "-q", "-d", str(folder), *wanted], check=True)


def _copy_notebooks(given: Sequence[Path], folder: Path) -> None:
    folder.mkdir()
    for path in given:
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copy(path, folder)
    for path in folder.rglob("*.ipynb"):
        path.write_text(json.dumps(in_browser(json.loads(path.read_text("utf-8")))), "utf-8")


def in_browser(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook for the kernel in the page: not run yet, with a first cell that installs what it needs.

    One that calls `%pip` or piplite itself keeps its own way.
    """
    cells = [{**cell} for cell in notebook["cells"]]
    for cell in cells:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    if not any("%pip" in source or "piplite" in source for source in sources):
        cells.insert(0, _install_cell())
    kernel = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
    return {**notebook, "cells": cells, "metadata": {**notebook["metadata"], "kernelspec": kernel}}


def _install_cell() -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": "install",
        "metadata": {},
        "source": INSTALL,
        "outputs": [],
        "execution_count": None,
    }


def _build(work: Path, site: Path) -> None:
    if site.exists():
        shutil.rmtree(site)
    command = (sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", str(work), "--apps", "lab")
    content = ("--contents", "notebooks", "--piplite-wheels", str(work / "wheels"))
    words = [*command, *content, "--no-sourcemaps", "--output-dir", str(site)]
    done = subprocess.run(words, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
    if done.returncode:
        sys.exit(f"JupyterLite did not build the site:\n{done.stdout[-4_000:]}")
    print(f"{site}: serve it with `python -m http.server -d {site}`, or copy it to any host of static files.")


if __name__ == "__main__":
    sys.exit(main())
