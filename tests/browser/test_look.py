"""What a cell looks like, and that everybody can use it: pictures in `shots/`, and axe-core finds nothing.

The pictures are there to be looked at; a test cannot say whether they are beautiful.
"""

import json

import pytest

from . import lab

pytestmark = pytest.mark.browser

SHOTS = lab.HERE / "shots"
AXE = lab.PROJECT / "widgets" / "node_modules" / "axe-core" / "axe.min.js"

THOUGHT = (
    "The reader asks for the pressure. " * 6
    + "\n\n1. the density of water\n2. the depth $h$\n\n"
    + "Short. " * 30
)
ANSWER = """## Pressure under water

The pressure grows with depth[^1]: **about one bar for every ten metres**, 每十米约一个大气压。

$$p = p_0 + \\rho g h$$

| depth (m) | pressure (bar) |
|---:|---:|
| 0 | 1.0 |
| 10 | 2.0 |
| 40 | 5.0 |

1. Take the density, `998 kg/m³`.
2. Multiply by the depth:
   - in metres
   - below the surface

```python
def pressure(depth, density=998):
    \"\"\"Pascal at `depth` metres.\"\"\"
    return 101_325 + density * 9.81 * depth  # the air adds its own
```

> See [the standard atmosphere](https://example.org/atmosphere).
"""
TOOL = ("lookup", '{"city": "北京", "unit": "bar"}')

CELLS = (
    "%load_ext glm_magics\nimport scripted\nscripted.connect()",
    f"scripted.say({ANSWER!r}, thinking={THOUGHT!r}, tools=[{TOOL!r}], pause=PAUSE,\n"
    "    sources=[{'title': 'Standard atmosphere', 'link': 'https://example.org/atmosphere'}])",
    "%%glm\nHow does the pressure change with depth? A formula, a table and code, please.",
    "scripted.refuse('max_tokens must be at most 98304')",
    "%%glm\nMore!",
    "scripted.say('It begins well and then', cut=True)",
    "%%glm\nAnd then?",
)
GLM, REFUSED, CUT = 2, 4, 6

THINKS = "i => window.__cell(i).querySelector('.glm-label')?.textContent.startsWith('Thinking ')"
ANSWERS = "i => window.__cell(i).querySelector('section.glm > .glm-text pre')"

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
WIDTHS = {"wide": 1200, "narrow": 520}


def start(open_notebook, theme, *, width="wide", pause=0.02):
    cells = [cell.replace("PAUSE", str(pause)) for cell in CELLS]
    page = open_notebook(cells, viewport={"width": WIDTHS[width], "height": 1000})
    page.command("apputils:change-theme", theme=THEMES[theme])
    page.command("application:set-mode", mode="single-document")
    for side in ("left", "right"):
        page.page.evaluate(
            "side => { const shell = window.jupyterapp.shell;"
            " side === 'left' ? shell.collapseLeft() : shell.collapseRight() }",
            side,
        )
    page.run(0, 1)
    page.settle()
    return page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_pictures_of_every_state(open_notebook, server, theme, width):
    page = start(open_notebook, theme, width=width)

    def shoot(state, cell=GLM):
        SHOTS.mkdir(exist_ok=True)
        page.page.evaluate("i => window.__cell(i).scrollIntoView()", cell)
        page.page.screenshot(path=SHOTS / f"{state}-{theme}-{width}.png")

    page.start(GLM)
    page.wait(THINKS, GLM)
    page.page.wait_for_timeout(600)
    shoot("1-thinking")
    page.live(GLM).locator("summary").click()
    page.page.wait_for_timeout(600)
    shoot("2-thinking-open")
    page.live(GLM).locator("summary").click()
    page.wait(ANSWERS, GLM)
    page.page.wait_for_timeout(300)
    shoot("3-answering")
    page.idle()
    page.settle()
    shoot("4-finished")
    page.run(3, REFUSED, 5, CUT)
    page.settle()
    shoot("5-errors", REFUSED)
    page.orphan()
    page.save()
    name = page.name
    page.close()
    page = open_notebook(
        server.distrust(name), kernel=False, viewport={"width": WIDTHS[width], "height": 1000}
    )
    page.settle()
    page.output(GLM).locator("summary").click()
    shoot("6-reopened")
    assert len(list(SHOTS.glob(f"*-{theme}-{width}.png"))) == 6


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_while_it_streams_and_in_the_end(open_notebook, theme):
    if not AXE.exists():
        pytest.fail(f"{AXE} is missing: npm ci --prefix widgets", pytrace=False)
    page = start(open_notebook, theme, pause=0.012)
    page.page.add_script_tag(path=AXE)
    page.start(GLM)
    page.wait(THINKS, GLM)
    page.live(GLM).locator("summary").click()
    assert violations(page, GLM) == {}, "thinking"
    page.wait(ANSWERS, GLM)
    assert violations(page, GLM) == {}, "answering"
    page.idle()
    page.settle()
    page.output(GLM).locator("summary").click()
    assert violations(page, GLM) == {}, "in the end"
    page.run(3, REFUSED, 5, CUT)
    page.settle()
    assert violations(page, CUT) == {}, "after an error"


def violations(page, cell):
    """What axe-core says of the cell's output: rule -> elements."""
    found = page.page.evaluate(
        """async (i) => {
            const area = window.__cell(i).querySelector('.jp-OutputArea');
            const { violations } = await window.axe.run(area);
            return violations.map(({ id, nodes }) =>
                [id, nodes.map(({ html, any }) => [html.slice(0, 160), any[0]?.message ?? ''])]);
        }""",
        cell,
    )
    return {rule: json.dumps(nodes, ensure_ascii=False) for rule, nodes in found}
