"""Imports point down: the layers of the package, read from its source."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import glm_magics

ROOT = Path(glm_magics.__file__).parent

# From the top. A module imports from the layers below its own.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("",),
    ("magics",),
    ("cells",),
    ("compare_cells", "each_cells"),
    ("commands", "completer", "prompting", "questions"),
    ("check_commands", "config_commands"),
    ("config_card", "data_cells", "doctor", "explain", "manual"),
    ("tape_commands", "testing"),
    ("sharing", "tapes"),
    ("views", "frames"),
    ("api",),
    ("checks", "documents", "_comparing", "_data_stream", "rows"),
    ("_session",),
    ("_asking",),
    ("_governing", "_policy_place"),
    ("_policy_file",),
    ("_policy",),
    ("_check_values", "_connect", "_options", "images", "remarks", "structured"),
    ("_batch_api",),
    ("demo", "client", "cassette", "gateway"),
    ("_exchange", "_whole"),
    ("_posting", "_stream"),
    ("_decoder", "_reading"),
    ("_wire_batch", "_wire_embedding"),
    ("_asyncio_http", "_inline", "_sse", "_wire", "inert", "retry"),
    (
        "_control",
        "_traffic",
        "_front_end",
        "grammar",
        "keys",
        "ledger",
        "local_files",
        "render",
        "shared_budget",
        "template",
        "tokens",
    ),
    ("_assets", "_browser", "_tier_checks", "image_header"),
    ("_embedding_models", "_tiers"),
    ("_tier_rows",),
    ("_tier",),
    ("chat",),
    ("errors",),
    ("_lang",),
)
# What may be heavy or absent, and where alone it may be imported.
HEAVY = {
    "IPython": {"", "magics", "cells", "commands", "completer", "frames", "questions", "views"},
    "traitlets": {"config_commands", "magics", "views"},
    "anywidget": {"views"},
    "ipywidgets": {"views"},
    "pandas": {"", "api", "commands", "chat", "frames", "structured"},
    "matplotlib": {"frames"},
    "h11": {"_asyncio_http"},
    "httpx": {
        "_asyncio_http",
        "cassette",
        "client",
        "_connect",
        "_exchange",
        "_posting",
        "_whole",
        "demo",
        "images",
    },
    "dask": {"frames"},
    "distributed": {"frames"},
    "PIL": {"images"},
    "cairosvg": {"images"},
    "pypdfium2": {"documents"},
    "pytest": {"testing"},
    "litellm": {"gateway"},
    "fastapi": {"gateway"},
    "uvicorn": {"gateway"},
    "numpy": {"frames", "images", "structured"},
    "keyring": {"_connect"},
    "markdown_it": {"render"},
    "mdit_py_plugins": {"render"},
    "nh3": {"documents", "render", "views"},
    "pygments": {"render"},
}
# An answer turns itself into a frame: a user expects the conversion on the answer, and the vocabulary must not
# need pandas. It happens inside the function, so it is no import of the module.
UPWARD = {("chat", "structured")}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imports(path: Path, *, at_import: bool = False) -> Iterator[str]:
    """The names that a module imports, but for type checking; `at_import`: not those inside functions."""
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                inside = whole.removeprefix("glm_magics").lstrip(".")
                yield whole if node.module.startswith("glm_magics") and inside in MODULES else node.module
        elif not (at_import and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))):
            waiting += ast.iter_child_nodes(node)


MODULES = modules()


def own(path: Path, *, at_import: bool = False) -> set[str]:
    """The modules of this package among a module's imports, without the package's name."""
    names = (name for name in imports(path, at_import=at_import) if name.split(".")[0] == "glm_magics")
    return {name.removeprefix("glm_magics").lstrip(".") for name in names}


def top(module: str) -> str:
    return module.split(".")[0]


def level(module: str) -> int:
    (found,) = (number for number, layer in enumerate(LAYERS) if top(module) in layer)
    return found


def test_every_module_has_one_place() -> None:
    places = [name for layer in LAYERS for name in layer]
    assert sorted(places) == sorted({top(module) for module in MODULES})


@pytest.mark.parametrize("module", MODULES, ids=lambda name: name or "glm_magics")
def test_imports_point_down(module: str) -> None:
    for imported in own(MODULES[module]):
        if top(imported) == top(module) or (top(module), top(imported)) in UPWARD:
            continue
        if imported == "":
            assert module in ("magics", "tapes"), "the version is shown at load and written in cassettes"
            continue
        assert level(imported) > level(module), f"{module} imports {imported}, which is not below it"


def test_there_are_no_cycles() -> None:
    graph = {name: own(path, at_import=True) - {"", name} for name, path in MODULES.items() if name}
    while graph:
        free = [name for name, needed in graph.items() if not needed & set(graph)]
        assert free, f"these import each other: {sorted(graph)}"
        for name in free:
            del graph[name]


@pytest.mark.parametrize("package", HEAVY)
def test_a_heavy_package_is_imported_only_where_it_belongs(package: str) -> None:
    users = {
        top(module)
        for module, path in MODULES.items()
        if any(name.split(".")[0] == package for name in imports(path))
    }
    assert users <= HEAVY[package]


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        pytest.param(
            "import glm_magics",
            (
                "IPython",
                "pandas",
                "anywidget",
                "ipywidgets",
                "httpx",
                "pydantic",
                "markdown_it",
                "nh3",
                "keyring",
            ),
            id="package",
        ),
        pytest.param(
            "import glm_magics.api, glm_magics.client, glm_magics.demo, glm_magics.views.words",
            ("IPython.core.interactiveshell", "pandas", "anywidget", "ipywidgets", "pydantic", "keyring"),
            id="core",
        ),
        pytest.param(
            "import glm_magics as glm; glm.connect('demo://?pace=0'); assert '42' in glm.ask('what is 6 * 7').text",
            ("IPython", "pandas", "anywidget", "ipywidgets", "pydantic", "markdown_it", "nh3", "keyring"),
            id="an-answer",
        ),
    ],
)
def test_importing_leaves_out_what_is_not_needed(code: str, absent: tuple[str, ...]) -> None:
    report = "; import sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded.isdisjoint(absent), sorted(loaded.intersection(absent))
