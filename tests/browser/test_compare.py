"""Answers side by side in a page: they stream together, give way to one output, and everybody can read them."""

import pytest

from . import lab
from .test_look import AXE, SHOTS, THEMES, violations

pytestmark = pytest.mark.browser

ASK = "%%glm --compare glm-4.5-air,glm-4.7 -o both\n"
CELLS = (
    "%load_ext glm_magics\n%glm demo pace 1",
    f"{ASK}Write 260 tokens about rivers, with a list, code and a formula.",
    "print({tier: answer.finish_reason for tier, answer in both.items()})",
)
BOTH_WRITE = """i => {
    const texts = [...window.__cell(i).querySelectorAll('.glm-column section.glm > .glm-text')];
    return texts.length === 2 && texts.every(node => node.textContent.length > 200);
}"""
GONE = "i => !window.__cell(i).querySelector('.glm-compare')"
LEFT = "node => node.getBoundingClientRect().left"
TOP = "node => node.getBoundingClientRect().top"


def test_stopping_one_answer_leaves_the_other_and_both_are_kept(open_notebook):
    page = open_notebook(CELLS)
    page.run(0)
    page.start(1)
    page.wait(BOTH_WRITE, 1)
    first, second = page.output(1).locator(".glm-column").all()
    assert first.evaluate(TOP) == second.evaluate(TOP)
    assert first.evaluate(LEFT) < second.evaluate(LEFT)
    page.output(1).get_by_role("button", name="Stop").first.press("Enter")
    page.idle()
    page.wait(GONE, 1)
    page.run(2)
    assert "{'glm-4.5-air': 'stopped', 'glm-4.7': 'stop'}" in page.text(2)
    (output,) = page.outputs(1)
    assert set(output["data"]) == {"text/markdown", "text/plain"}
    assert "widget" not in str(page.save()["metadata"])
    assert page.output(1).locator("table").first.locator("xpath=./tbody/tr/td").count() == 2
    assert page.complaints() == []


# ---------------------------------------------------------------------------------------------------- looks

LOOKS = [("light", 1200), ("dark", 520)]
STATES = ("compare-1-streaming", "compare-2-final", "compare-3-reopened")


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def look(request, server, chromium):
    """The pictures of one comparison in one theme and width, and what axe-core said at each of them."""
    if not AXE.exists():
        pytest.fail(f"{AXE} is missing: npm ci --prefix widgets", pytrace=False)
    theme, width = request.param
    server.setting("apputils-extension", "themes", theme=THEMES[theme])
    server.setting("application-extension", "shell", startMode="single")
    size = {"viewport": {"width": width, "height": 1000}}
    taken = {}

    def shoot(state):
        SHOTS.mkdir(exist_ok=True)
        page.page.evaluate("() => window.__cell(1).scrollIntoView()")
        path = SHOTS / f"{state}-{theme}-{width}.png"
        path.unlink(missing_ok=True)
        page.page.screenshot(path=path)
        taken[state] = (path, violations(page, 1))

    try:
        with lab.notebook(server, chromium, CELLS, **size) as page:
            page.page.add_script_tag(path=AXE)
            page.run(0)
            page.start(1)
            page.wait(BOTH_WRITE, 1)
            shoot(STATES[0])
            page.idle()
            page.wait(GONE, 1)
            page.settle()
            shoot(STATES[1])
            page.orphan()
            page.save()
        with lab.notebook(server, chromium, server.distrust(page.name), kernel=False, **size) as page:
            page.page.add_script_tag(path=AXE)
            page.settle()
            shoot(STATES[2])
    finally:
        server.setting("apputils-extension", "themes")
        server.setting("application-extension", "shell")
    return taken


@pytest.mark.parametrize("state", STATES)
def test_there_is_a_picture_and_axe_finds_nothing_to_object_to(look, state):
    path, objections = look[state]
    assert path.stat().st_size > 10_000
    assert objections == {}
