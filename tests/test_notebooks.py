"""The notebooks as they are saved: whole, readable without a kernel, and without traces of where they ran.

That they still give these outputs is checked by running them (`.ci/check.py notebooks`).
"""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(
    [*FOLDER.glob("*.ipynb"), *FOLDER.glob("zh/*.ipynb"), *FOLDER.glob("workshop/source/*/*.ipynb")]
)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=4)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def answers(notebook: Any) -> list[Any]:
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    return [output for output in outputs if "glm_magics" in output.get("metadata", {})]


def test_there_is_a_quickstart() -> None:
    assert "01_quickstart" in [path.stem for path in NOTEBOOKS]


def test_it_is_valid_and_was_run_from_top_to_bottom(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))


def test_it_begins_with_the_demo_so_that_it_never_costs_money(notebook: Any) -> None:
    load, connect, *_ = code(notebook)[0].source.split("\n")
    assert load == "%load_ext glm_magics"
    assert connect in ("%glm demo on", "%glm demo pace 0")


def test_an_answer_is_saved_as_markdown_or_a_table_with_its_text(notebook: Any) -> None:
    assert answers(notebook)
    kinds = {tuple(sorted(output.data)) for output in answers(notebook)}
    assert kinds <= {("text/markdown", "text/plain"), ("text/html", "text/plain")}


def test_no_state_of_widgets_is_saved(notebook: Any) -> None:
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert "widget" not in nbformat.writes(notebook).replace("no widget", "")


def test_only_the_cells_that_say_so_end_in_an_error(notebook: Any) -> None:
    failed = [
        cell for cell in code(notebook) if any(output.output_type == "error" for output in cell.outputs)
    ]
    tagged = [cell for cell in code(notebook) if "raises-exception" in cell.metadata.get("tags", ())]
    assert failed == tagged


def test_it_holds_no_key_and_no_address_of_a_page_to_load(notebook: Any) -> None:
    text = nbformat.writes(notebook)
    assert re.findall(r"[0-9a-f]{32}\.\w{16}|Bearer |<script|<img|<iframe", text) == []


def test_it_does_not_say_where_it_was_run(notebook: Any) -> None:
    """A traceback names the files of a machine; errors of the magics are a few lines instead."""
    tracebacks = "".join(
        line for cell in code(notebook) for output in cell.outputs for line in output.get("traceback", ())
    )
    assert ".py:" not in tracebacks
    assert str(Path(__file__).parent.parent) not in nbformat.writes(notebook)
