"""The recipe for a site without a server: what its notebooks become, and that the page can have all they need."""

from __future__ import annotations

import importlib.util
import json
import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LITE = ROOT / "notebooks" / "lite"
CORE = ROOT / "tests" / "browser" / "pyodide" / "node_modules" / "pyodide"


def pinned(file: str) -> dict[str, str]:
    found = re.findall(r"^([\w-]+)==([\w.]+)$", (LITE / file).read_text("utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.fixture(scope="module")
def build() -> Any:
    spec = importlib.util.spec_from_file_location("lite_build", LITE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def notebook(*sources: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [{"output_type": "stream"}], "execution_count": 3}
    return {
        "cells": [{**cell, "source": source} for source in sources],
        "metadata": {"kernelspec": {"name": "python3"}},
    }


def test_a_notebook_installs_what_it_needs_first_and_is_not_run_yet(build: Any) -> None:
    made = build.in_browser(notebook("%load_ext glm_magics", "%glm"))
    assert [cell["source"] for cell in made["cells"]] == [build.INSTALL, "%load_ext glm_magics", "%glm"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in made["cells"])
    assert made["metadata"]["kernelspec"]["name"] == "python"


@pytest.mark.parametrize(
    "own", ["%pip install -q glm-magics", "import piplite\nawait piplite.install('glm-magics')"]
)
def test_a_notebook_that_installs_for_itself_keeps_its_own_way(build: Any, own: str) -> None:
    assert [cell["source"] for cell in build.in_browser(notebook(own))["cells"]] == [own]


def test_the_notebook_given_stays_as_it_is(build: Any) -> None:
    given = notebook("%glm")
    before = json.dumps(given)
    build.in_browser(given)
    assert json.dumps(given) == before


def test_the_page_can_have_every_dependency_of_the_package() -> None:
    """In versions that fit: from Pyodide's distribution, else from the wheels in the site."""
    lock = json.loads((CORE / "pyodide-lock.json").read_text("utf-8"))
    locked = {canonicalize_name(package["name"]): package["version"] for package in lock["packages"].values()}
    there = {**pinned("wheels.txt"), **locked}
    kernel = {"ipykernel": "6.9.2", "widgetsnbextension": "4.0.999"}  # come with JupyterLite's kernel
    environment = {
        **default_environment(),
        "sys_platform": "emscripten",
        "python_version": "3.14",
        "extra": "",
    }
    left = [("glm-magics", text) for text in requires("glm-magics") or ()]
    seen: set[str] = set()
    while left:
        by, text = left.pop()
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate(environment):
            continue
        version = {**there, **kernel}.get(name)
        assert version is not None, f"{by} needs {text}, and the page cannot have it"
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{by} needs {text}, the page has {version}"
        )
        if name in pinned("wheels.txt") and name not in seen:
            seen.add(name)
            left += [(name, text) for text in requires(name) or ()]


def test_the_first_cell_names_what_httpx_imports_and_pyodide_does_not_bring(build: Any) -> None:
    lock = json.loads((CORE / "pyodide-lock.json").read_text("utf-8"))["packages"]
    named = set(build.INSTALL.split())
    needed = {
        canonicalize_name(Requirement(text).name) for text in requires("httpx") or () if "extra" not in text
    }
    assert needed - set(lock["httpx"]["depends"]) <= named


def test_the_pyodide_of_the_tests_is_the_one_of_the_recipe() -> None:
    package = json.loads((CORE.parent.parent / "package.json").read_text("utf-8"))
    assert f"Pyodide {package['dependencies']['pyodide']}" in (LITE / "requirements.txt").read_text("utf-8")
