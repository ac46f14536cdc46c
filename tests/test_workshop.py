"""The exercises: what a teacher hands out has no solutions, and nbgrader gives all points or none, as it should.

That the solved notebooks still give the saved outputs is checked by running them (`.ci/check.py notebooks`).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import determine_grade
from traitlets.config import PyFileConfigLoader

WORKSHOP = Path(__file__).parent.parent / "notebooks" / "workshop"
SOURCE = WORKSHOP / "source"
NOTEBOOKS = sorted(SOURCE.glob("*/*.ipynb"))
LOG = logging.getLogger("nbgrader")
POINTS = 19


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def marked(notebook: Any, kind: str) -> list[Any]:
    """The cells of a kind: "solution" (the student's) or "grade" (the checks)."""
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get(kind)]


def handed_out(notebook: Any) -> Any:
    """The student's version, made as `nbgrader generate_assignment` makes it, with the settings beside it."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(WORKSHOP)).load_config()
    cleared, _ = ClearSolutions(config=config).preprocess(notebook, {})
    return cleared


def points(notebook: Any) -> tuple[float, float]:
    """What nbgrader gives for the outputs of the checks, and the most there is."""
    grades = [determine_grade(cell, LOG) for cell in marked(notebook, "grade")]
    return sum(given for given, _ in grades), sum(most for _, most in grades)


@pytest.mark.parametrize("language", ["exercises_en", "exercises_zh"])
def test_the_solved_exercises_get_all_points(language: str) -> None:
    given = [points(read(path)) for path in sorted((SOURCE / language).glob("*.ipynb"))]
    assert sum(got for got, _ in given) == sum(most for _, most in given) == POINTS


@pytest.mark.parametrize("name", ["exercises_en/1_asking", "exercises_zh/2_data"], ids=["english", "chinese"])
def test_exercises_that_nobody_did_get_no_points(name: str) -> None:
    notebook = handed_out(read(SOURCE / f"{name}.ipynb"))
    NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=120).execute()
    got, most = points(notebook)
    assert got == 0
    assert most > 0
    for cell in marked(notebook, "grade"):
        assert "error" in [output.output_type for output in cell.outputs], cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_handed_out_has_no_solution(path: Path) -> None:
    solved, blank = read(path), handed_out(read(path))
    for before, after in zip(marked(solved, "solution"), marked(blank, "solution"), strict=True):
        assert "### BEGIN SOLUTION" in before.source
        assert "SOLUTION" not in after.source
        assert "# your answer" in after.source
    assert all(cell.metadata.nbgrader.locked for cell in marked(blank, "grade"))


@pytest.mark.parametrize("name", sorted({path.name for path in NOTEBOOKS}))
def test_both_languages_have_the_same_exercises(name: str) -> None:
    def outline(language: str) -> list[tuple[Any, ...]]:
        cells = read(SOURCE / language / name).cells
        return [(cell.cell_type, *sorted(cell.metadata.get("nbgrader", {}).items())) for cell in cells]

    assert outline("exercises_en") == outline("exercises_zh")
