"""A `%%glm` cell from the first word to the notebook reopened by somebody else, as a reader sees it."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from . import lab

pytestmark = pytest.mark.browser

THOUGHT = "The reader wants it short.\nFirst the density, then the pressure, then a check of the units. " * 12

CELLS = (
    "%load_ext glm_magics",
    f"import scripted\nscripted.connect()\nscripted.say(scripted.PROSE * 6, thinking={THOUGHT!r}, pause=0.006)",
    "%%glm -o answer\nWhy do lakes freeze from the top?",
    "answer.finish_reason",
)
GLM = 2

# Twenty times a second: what a reader sees of the answer, the thinking, the figures; and whether math is set.
WATCH = """(cell) => {
    window.__seen = [];
    const look = () => {
        const root = window.__cell(cell).querySelector('section.glm');
        if (root) window.__seen.push({
            answer: root.querySelector(':scope > .glm-text').textContent.length,
            thinking: root.querySelector('.glm-scroll').checkVisibility()
                ? root.querySelector('.glm-scroll').textContent.length : 0,
            line: root.querySelector('.glm-line').textContent,
            facts: root.querySelector('.glm-facts').textContent,
            math: root.querySelectorAll('mjx-container').length,
        });
    };
    window.__watching = setInterval(look, 50);
}"""


@dataclass
class Scene:
    """What was seen of one notebook: while it ran, when it was saved, when it was opened again."""

    seen: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    text: str
    math: int
    after: str
    file: Any
    complaints: list[str]
    reopened: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module", params=lab.APPS)
def scene(request, server, chromium):
    app = request.param
    with lab.notebook(server, chromium, CELLS, app=app) as page:
        page.run(0, 1)
        page.page.evaluate(WATCH, GLM)
        page.start(GLM, GLM + 1)
        page.live(GLM).locator("summary").click()
        page.idle()
        page.settle()
        page.orphan()
        found = Scene(
            seen=page.page.evaluate("() => window.__seen"),
            outputs=page.outputs(GLM),
            text=page.text(GLM),
            math=page.output(GLM).locator("mjx-container").count(),
            after=page.text(GLM + 1),
            file=page.save(),
            complaints=page.complaints(),
        )
        name = page.name
    for trust, path in (("trusted", name), ("untrusted", server.distrust(name))):
        found.reopened[trust] = reopen(server, chromium, path, app)
    return found


def reopen(server, chromium, name, app):
    with lab.notebook(server, chromium, name, app=app, kernel=False) as page:
        page.output(GLM).locator("mjx-container").first.wait_for()
        page.settle()
        details = page.output(GLM).locator("details")
        folded = details.locator("p").first.is_visible()
        details.locator("summary").click()
        return {
            "trusted": page.page.evaluate("i => window.__notebook.model.cells.get(i).trusted", GLM),
            "kernel": page.page.evaluate(
                "() => !!window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel"
            ),
            "text": page.text(GLM),
            "folded": folded,
            "opened": details.locator("p").first.is_visible(),
            "complaints": page.complaints(),
        }


def test_the_text_is_seen_growing(scene):
    lengths = {sample["answer"] for sample in scene.seen}
    assert len(lengths) >= 8, lengths


def test_the_thinking_opens_by_a_click_and_is_seen_growing(scene):
    lengths = {sample["thinking"] for sample in scene.seen} - {0}
    assert len(lengths) >= 4, lengths


def test_the_figures_are_seen_moving(scene):
    figures = {sample["facts"] for sample in scene.seen} - {""}
    assert len(figures) >= 4, figures


def test_math_is_typeset_while_the_answer_streams_and_in_the_end(scene):
    during = [sample["math"] for sample in scene.seen]
    assert during[len(during) // 2] > 0
    assert scene.math == 12


def test_one_static_output_is_left_with_the_record(scene):
    (output,) = scene.outputs
    assert set(output["data"]) == {"text/markdown", "text/plain"}
    assert output["metadata"]["glm_magics"]["finish_reason"] == "stop"
    assert "Water rises when it is warm" in scene.text
    assert "'stop'" in scene.after


def test_the_file_holds_no_state_of_widgets(scene):
    assert "widgets" not in scene.file["metadata"]
    assert "widget" not in json.dumps(scene.file["cells"][GLM])


def test_the_page_has_nothing_to_complain_about(scene):
    assert scene.complaints == []


@pytest.mark.parametrize("trust", ["trusted", "untrusted"])
def test_opened_again_without_a_kernel_it_reads_as_before_and_the_thinking_unfolds(scene, trust):
    reopened = scene.reopened[trust]
    assert reopened["trusted"] is (trust == "trusted")
    assert not reopened["kernel"]
    assert "Water rises when it is warm" in reopened["text"]
    assert "Thought for" in reopened["text"]
    assert not reopened["folded"]
    assert reopened["opened"]
    assert reopened["complaints"] == []


QUICKSTART = lab.PROJECT / "notebooks" / "01_quickstart.ipynb"


@pytest.mark.parametrize("app", lab.APPS)
def test_the_quickstart_runs_from_top_to_bottom(server, open_notebook, app):
    notebook = json.loads(QUICKSTART.read_text(encoding="utf-8"))
    (server.notebooks / QUICKSTART.name).write_text(json.dumps(notebook))
    page = open_notebook(QUICKSTART.name, app=app)
    code = [i for i, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code"]
    for i in code:
        page.run(i)
        errors = [output for output in page.outputs(i) if output["output_type"] == "error"]
        allowed = "raises-exception" in notebook["cells"][i]["metadata"].get("tags", [])
        assert allowed or not errors, f"cell {i}: {errors}"
    page.settle()
    saved = page.save()
    assert "widgets" not in saved["metadata"]
    assert page.complaints() == []
