"""The end of an answer does not jump; a view that opens late, or a page that is loaded anew, misses nothing."""

import pytest

from . import lab

pytestmark = pytest.mark.browser

SETUP = (
    "%load_ext glm_magics\nimport scripted\nscripted.connect()\n"
    "scripted.say(scripted.PROSE * {length}, pause={pause}, size=20)"
)
GLM = 2

# Each animation frame: the height of the output, whether the widget is there, where the next cell begins.
FRAMES = """(cell) => {
    window.__frames = [];
    const area = window.__cell(cell).querySelector('.jp-OutputArea');
    const scroller = document.querySelector('.jp-Notebook .jp-WindowedPanel-outer')
        ?? document.querySelector('.jp-WindowedPanel-outer');
    const frame = () => {
        window.__frames.push({
            height: Math.round(area.getBoundingClientRect().height),
            live: !!area.querySelector('section.glm'),
            scroll: scroller?.scrollTop ?? 0,
        });
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""
SCROLL = """(to) => {
    const scroller = document.querySelector('.jp-Notebook .jp-WindowedPanel-outer')
        ?? document.querySelector('.jp-WindowedPanel-outer');
    scroller.scrollTop = to;
    return scroller.scrollTop;
}"""
NO_WIDGET = "i => !window.__cell(i).querySelector('section.glm')"


def text_longer_than(length):
    return f"i => window.__cell(i).querySelector('section.glm > .glm-text')?.textContent.length > {length}"


# Notebook 7 puts every output of more than 1,820 pixels into a box of its own that scrolls, as soon as the
# output changes (its setting "Auto Scroll Outputs"); that is not our jump, so the answer there is shorter.
@pytest.mark.parametrize(("app", "length", "scroll"), [("lab", 12, 600), ("notebook", 5, 300)])
def test_nothing_collapses_or_scrolls_when_the_static_output_takes_over(open_notebook, app, length, scroll):
    setup = SETUP.format(length=length, pause=0.015)
    page = open_notebook((setup, "print('above\\n' * 8)", "%%glm\nLong", *["print('below')"] * 4), app=app)
    page.run(0, 1, 3, 4)
    page.page.evaluate(FRAMES, GLM)
    page.start(GLM)
    page.wait(text_longer_than(200 * length), GLM)
    assert page.page.evaluate(SCROLL, scroll) == scroll
    page.page.wait_for_timeout(200)
    scrolled = page.page.evaluate("() => window.__frames.length")
    page.idle()
    page.page.wait_for_timeout(5000)  # beyond the time in which the height is held
    frames = page.page.evaluate("() => window.__frames")
    last_live = max(i for i, frame in enumerate(frames) if frame["live"])
    height = frames[last_live]["height"]
    after = frames[last_live + 1 :]
    assert min(frame["height"] for frame in after) >= 0.9 * height
    assert max(frame["height"] for frame in after) <= 1.1 * height
    assert {frame["scroll"] for frame in frames[scrolled:]} == {scroll}


def test_a_view_opened_late_shows_what_had_come_and_goes_on(open_notebook):
    page = open_notebook((SETUP.format(length=8, pause=0.05), "1", "%%glm\nLong"))
    page.run(0)
    page.start(GLM)
    page.wait(text_longer_than(800), GLM)
    page.page.evaluate("i => { window.__notebook.activeCellIndex = i }", GLM)
    page.command("notebook:create-output-view")
    late = page.page.locator(".jp-LinkedOutputView section.glm > .glm-text")
    late.wait_for()
    start = "The answer to this has two parts"
    page.wait(
        "start => document.querySelector('.jp-LinkedOutputView section.glm > .glm-text')"
        "?.textContent.includes(start)",
        start,
    )
    both = page.page.evaluate(
        "() => [...document.querySelectorAll('section.glm > .glm-text')].map(node => node.textContent.length)"
    )
    page.page.wait_for_function(
        "was => document.querySelector('.jp-LinkedOutputView section.glm > .glm-text')"
        "?.textContent.length > was + 100",
        arg=both[-1],
    )
    page.page.wait_for_function("() => !document.querySelector('section.glm')")
    linked = page.page.locator(".jp-LinkedOutputView")
    linked.get_by_text("Water rises when it is warm").first.wait_for()
    assert page.complaints() == []


@pytest.mark.parametrize("app", lab.APPS)
def test_a_page_loaded_anew_in_mid_stream_is_whole_and_the_answer_can_be_had(open_notebook, app):
    page = open_notebook(
        (
            SETUP.format(length=6, pause=0.03),
            "1",
            "%%glm\nLong",
            "import glm_magics\nglm_magics.session().last",
        ),
        app=app,
    )
    page.run(0)
    page.start(GLM)
    page.wait(text_longer_than(400), GLM)
    page.save()
    page.page.reload()
    page.ready()
    page.idle()
    # The page was not there for the swap, so the live view stays, with all of the answer.
    page.wait(
        "i => window.__cell(i).querySelector('section.glm')?.getAttribute('aria-busy') === 'false'", GLM
    )
    answer = page.text(GLM)
    assert answer.count("Water rises when it is warm") == 6
    assert "Error displaying widget" not in answer
    page.run(3)
    page.settle()
    assert page.text(3).count("Water rises when it is warm") == 6
    assert page.complaints() == []
