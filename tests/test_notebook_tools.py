"""Other people's tools on notebooks with our cells: nbconvert, papermill, nbstripout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parent.parent
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
CELLS = (
    "%load_ext glm_magics\nimport glm_magics as glm\nglm.connect('demo://?pace=0');",
    "city = 'Paris'",
    "%%glm air -o done\nExplain why {{city}} is worth a visit {{rows}}",
    "%%glm --schema 'name: str, price: float' -o table\nTea 3.50, Coffee 4.20",
    "print(city in done.text, done.usage.output_tokens > 0, len(table))",
)


def lesson() -> Any:
    cells = [new_code_cell(source, id=f"cell-{at}") for at, source in enumerate(CELLS)]
    cells[1].source += f"\nrows = {HOSTILE!r}"
    cells[1].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(
        cells=[new_markdown_cell("# A lesson", id="title"), *cells], metadata={"kernelspec": kernel}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lesson, not run yet."""
    folder = tmp_path_factory.mktemp("lesson")
    nbformat.write(lesson(), folder / "lesson.ipynb")
    return folder


def run(folder: Path, *command: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not re.search("KEY|GLM", name)}
    environ |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def ran(folder: Path) -> Path:
    run(folder, "papermill", "lesson.ipynb", "rome.ipynb", "-p", "city", "Rome", "--no-progress-bar")
    return folder / "rome.ipynb"


def answers(notebook: Any) -> list[Any]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output for output in outputs if "glm_magics" in output.get("metadata", {})]


def test_papermill_fills_a_parameter_into_a_prompt(ran: Path) -> None:
    notebook = nbformat.read(ran, as_version=4)
    nbformat.validate(notebook)
    (answer, table) = answers(notebook)
    assert "Rome" in answer.data["text/plain"]
    assert "Paris" not in answer.data["text/plain"]
    assert "Coffee" in table.data["text/plain"]
    assert "widgets" not in notebook.metadata
    assert notebook.cells[-1].outputs[0].text == "True True 2\n"


def test_nbconvert_gives_a_page_that_is_readable_and_safe(ran: Path) -> None:
    run(ran.parent, "nbconvert", "--to", "html", "rome.ipynb")
    page = (ran.parent / "rome.html").read_text("utf-8")
    outputs = "".join(
        re.findall(r'<div class="jp-OutputArea-child.*?(?=<div class="jp-Cell|</main>)', page, re.DOTALL)
    )
    assert "Rome" in outputs
    assert "Coffee" in outputs
    assert "<script>alert" not in outputs
    assert not re.search(r"<img[^>]*onerror", outputs)
    assert "alert(1)" in outputs, "the demo repeats the hostile words, as text"


def test_nbstripout_takes_away_all_that_a_run_left(ran: Path) -> None:
    stripped = nbformat.reads(run(ran.parent, "nbstripout", "-t", "rome.ipynb"), as_version=4)
    assert answers(stripped) == []
    assert [cell.get("outputs", []) for cell in stripped.cells] == [[] for _ in stripped.cells]
    assert "glm" not in str([cell.metadata for cell in stripped.cells])
    assert "glm" not in str(stripped.metadata)


@pytest.fixture(scope="module")
def again(folder: Path) -> Path:
    run(folder, "nbconvert", "--to", "notebook", "--execute", "lesson.ipynb", "--output", "again.ipynb")
    return folder / "again.ipynb"


def test_a_run_leaves_nothing_outside_its_outputs(folder: Path, again: Path) -> None:
    """So that a filter which drops outputs gives the same file before and after."""
    before, after = (run(folder, "nbstripout", "-t", name) for name in ("lesson.ipynb", "again.ipynb"))
    kept = [{**nbformat.reads(text, as_version=4), "metadata": {}} for text in (before, after)]
    for notebook in kept:
        for cell in notebook["cells"]:
            cell.metadata.pop("execution", None)  # the times that nbconvert itself records
    assert kept[0] == kept[1]


def test_the_record_beside_an_answer_has_the_same_fields_in_each_run(again: Path, ran: Path) -> None:
    one, other = (nbformat.read(path, as_version=4) for path in (ran, again))
    fields = [[list(output.metadata["glm_magics"]) for output in answers(run)] for run in (one, other)]
    assert len(fields[0]) == 2
    assert fields[0] == fields[1]
