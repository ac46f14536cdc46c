"""JupyterLite as a reader has it: static files on the loopback interface, and Python in the page.

Pyodide's own CDN is not needed: its core comes from npm, and the pure Python packages of its lock file from PyPI
(other files than the lock names, so their sums are written anew). Its compiled packages (NumPy, pandas, nh3) are
in neither.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat

from .lab import HERE, PROJECT, Missing

CORE = HERE / "pyodide" / "node_modules" / "pyodide"
LITE = PROJECT / "notebooks" / "lite"
# What the kernel starts with, and what the client needs.
LOCKED = (
    "micropip",
    "packaging",
    "ipython",
    "jedi",
    "pygments",
    "httpx",
    "httpcore",
    "anyio",
    "idna",
    "typing-extensions",
)
LAYOUT = ("*.mjs", "*.js", "*.wasm", "*.zip", "*.json")


def python() -> str:
    """The interpreter with `notebooks/lite/requirements.txt`. Raises `Missing`."""
    path = Path(os.environ.get("LITE_PYTHON", PROJECT / ".venv-lite" / "bin" / "python"))
    if not path.exists():
        raise Missing(f"{path} is missing: bash .ci/test makes it, or name one in LITE_PYTHON")
    if not CORE.exists():
        raise Missing(f"{CORE} is missing: npm ci --prefix {HERE / 'pyodide'}")
    return str(path)


def distribution(folder: Path) -> Path:
    """As much of Pyodide's distribution as npm and PyPI have."""
    folder.mkdir()
    for pattern in LAYOUT:
        for path in CORE.glob(pattern):
            shutil.copy(path, folder)
    lock = json.loads((CORE / "pyodide-lock.json").read_text("utf-8"))
    wanted = [
        package for package in _closure(lock["packages"]) if package["file_name"].endswith("none-any.whl")
    ]
    pip = (python(), "-m", "pip", "--disable-pip-version-check", "download", "-q", "--no-deps")
    pure = ("--only-binary=:all:", "--python-version", "3.14", "--platform", "any", "--abi", "none")
    pins = [f"{package['name']}=={package['version']}" for package in wanted]
    subprocess.run([*pip, *pure, "--implementation", "py", "-d", str(folder), *pins], check=True)
    for package in wanted:
        package["sha256"] = hashlib.sha256((folder / package["file_name"]).read_bytes()).hexdigest()
    (folder / "pyodide-lock.json").write_text(json.dumps(lock), "utf-8")
    return folder


def _closure(packages: dict[str, Any]) -> list[dict[str, Any]]:
    by_name = {name.replace("_", "-"): package for name, package in packages.items()}
    found: dict[str, dict[str, Any]] = {}
    left = list(LOCKED)
    while left:
        name = left.pop().replace("_", "-")
        if name not in found:
            found[name] = by_name[name]
            left += by_name[name]["depends"]
    return list(found.values())


def build(site: Path, pyodide: Path, notebook: Path) -> Path:
    """The recipe, as an author runs it."""
    command = [python(), str(LITE / "build.py"), str(site), str(notebook), "--pyodide", str(pyodide)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return site


def write(path: Path, cells: Sequence[str]) -> Path:
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    return path


class _Files(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".wasm": "application/wasm",
        ".mjs": "text/javascript",
    }

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing to say."""


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Static files and nothing else, at the address that is given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(site)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
