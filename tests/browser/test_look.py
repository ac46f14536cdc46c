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
    f"scripted.say({ANSWER!r}, thinking={THOUGHT!r}, tools=[{TOOL!r}], pause=0.03,\n"
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


LOOKS = [
    ("light", "wide"),
    ("dark", "narrow"),
    pytest.param(("light", "narrow"), marks=pytest.mark.long),
    pytest.param(("dark", "wide"), marks=pytest.mark.long),
]
STATES = ("1-thinking", "2-thinking-open", "3-answering", "4-finished", "5-errors", "6-reopened")


@pytest.fixture(scope="module", params=LOOKS, ids="-".join)
def look(request, server, chromium):
    """The pictures taken of one notebook in one theme and width, and what axe-core said at each of them."""
    if not AXE.exists():
        pytest.fail(f"{AXE} is missing: npm ci --prefix widgets", pytrace=False)
    theme, width = request.param
    server.setting("apputils-extension", "themes", theme=THEMES[theme])
    server.setting("application-extension", "shell", startMode="single")
    size = {"viewport": {"width": WIDTHS[width], "height": 1000}}
    taken = {}

    def shoot(state, cell=GLM):
        SHOTS.mkdir(exist_ok=True)
        page.page.evaluate("i => window.__cell(i).scrollIntoView()", cell)
        path = SHOTS / f"{state}-{theme}-{width}.png"
        path.unlink(missing_ok=True)
        page.page.screenshot(path=path)
        taken[state] = (path, violations(page, cell))

    try:
        with lab.notebook(server, chromium, CELLS, **size) as page:
            page.page.add_script_tag(path=AXE)
            page.run(0, 1)
            page.start(GLM)
            page.wait(THINKS, GLM)
            page.page.wait_for_timeout(500)
            shoot("1-thinking")
            page.live(GLM).locator("summary").click()
            page.page.wait_for_timeout(500)
            shoot("2-thinking-open")
            page.live(GLM).locator("summary").click()
            page.wait(ANSWERS, GLM)
            shoot("3-answering")
            page.idle()
            page.settle()
            shoot("4-finished")
            page.run(3, REFUSED, 5, CUT)
            page.settle()
            shoot("5-errors", REFUSED)
            page.orphan()
            page.save()
        with lab.notebook(server, chromium, server.distrust(page.name), kernel=False, **size) as page:
            page.page.add_script_tag(path=AXE)
            page.settle()
            page.output(GLM).locator("summary").click()
            shoot("6-reopened")
    finally:
        server.setting("apputils-extension", "themes")
        server.setting("application-extension", "shell")
    return taken


@pytest.mark.parametrize("state", STATES)
def test_there_is_a_picture_and_axe_finds_nothing_to_object_to(look, state):
    path, objections = look[state]
    assert path.stat().st_size > 10_000
    assert objections == {}


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
