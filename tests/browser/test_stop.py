"""Stop ends one answer and no more; an interrupt ends the run. Both keep what had come."""

import random

import pytest

from . import lab

pytestmark = pytest.mark.browser

CELLS = (
    "%load_ext glm_magics\nimport scripted\nscripted.connect()\nscripted.say(scripted.PROSE * 40, pause=0.01)",
    "%%glm -o answer\nA long story",
    "print('queued cell ran,', answer.finish_reason, len(answer.text))",
    "print('later cell ran')",
)
GLM, QUEUED, LATER = 1, 2, 3

SOME_TEXT = (
    """(cell) => window.__cell(cell).querySelector('section.glm > .glm-text')?.textContent.length > 200"""
)


@pytest.fixture(params=lab.APPS)
def streaming(request, open_notebook):
    """A page in which an answer is being written and another cell waits."""
    page = open_notebook(CELLS, app=request.param)
    page.run(0)
    page.start(GLM, QUEUED)
    page.wait(SOME_TEXT, GLM)
    return page


def bundle(page):
    (output,) = (output for output in page.outputs(GLM) if output["output_type"] == "display_data")
    return lab.bundle(output)


def test_the_stop_button_keeps_the_partial_answer_and_the_next_cell_runs(streaming):
    streaming.live(GLM).get_by_role("button", name="Stop").click()
    streaming.wait("i => window.__notebook.model.cells.get(i).executionCount", QUEUED)
    streaming.idle()
    assert "Water rises when it is warm" in bundle(streaming)["text/markdown"]
    assert "<small>Stopped" in bundle(streaming)["text/markdown"]
    assert "queued cell ran, stopped" in streaming.text(QUEUED)
    assert streaming.complaints() == []


def test_stop_works_from_the_keyboard(streaming):
    streaming.live(GLM).get_by_role("button", name="Stop").focus()
    streaming.page.keyboard.press("Enter")
    streaming.wait("i => window.__notebook.model.cells.get(i).executionCount", QUEUED)
    streaming.idle()
    assert "queued cell ran, stopped" in streaming.text(QUEUED)


def test_an_interrupt_keeps_the_partial_answer_and_queued_cells_do_not_run(streaming):
    streaming.command("notebook:interrupt-kernel")
    streaming.idle()
    assert "Water rises when it is warm" in bundle(streaming)["text/markdown"]
    assert "<small>Interrupted" in bundle(streaming)["text/markdown"]
    assert "Traceback" not in streaming.text(GLM)
    assert streaming.count(QUEUED) is None
    assert streaming.text(QUEUED) == ""
    streaming.run(LATER, QUEUED)
    assert "later cell ran" in streaming.text(LATER)
    assert "queued cell ran, interrupted" in streaming.text(QUEUED)
    assert streaming.complaints() == []


def test_stop_works_before_the_first_word(open_notebook):
    slow = CELLS[0].replace("pause=0.01", "pause=30, size=100000")
    page = open_notebook((slow, "%%glm -o answer\nA slow one", *CELLS[2:]))
    page.run(0)
    page.start(GLM, QUEUED)
    page.live(GLM).get_by_role("button", name="Stop").click()
    page.wait("i => window.__notebook.model.cells.get(i).executionCount", QUEUED)
    page.idle()
    assert "queued cell ran, stopped" in page.text(QUEUED)


STRESS = """
import os, random, signal, threading, time
import scripted
scripted.connect()
shell = get_ipython()

def interrupted_after(seconds):
    '''How long the cell went on after an interrupt, and what is left of its answer.'''
    scripted.say(scripted.PROSE * 40, pause=0.005)
    sent = []
    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    timer = threading.Timer(seconds, interrupt)
    timer.start()
    shell.user_ns.pop('answer', None)
    try:
        shell.run_cell_magic('glm', '-o answer', 'A long story')
        ended = 'no interrupt'
    except KeyboardInterrupt:
        ended = shell.user_ns['answer'].finish_reason
    return ended, len(shell.user_ns['answer'].text), time.monotonic() - sent[0]
"""


def interrupts(open_notebook, count):
    page = open_notebook(
        (
            "%load_ext glm_magics\n" + STRESS,
            f"done = [interrupted_after(s) for s in {moments(count)}]",
            "print([(ended, length, round(late, 3)) for ended, length, late in done])",
            "%%glm\nStill there?",
        )
    )
    page.run(0, 1, 2)
    page.run(3)
    return eval(page.text(2)), lab.bundle(page.outputs(3)[0])["text/markdown"], page.complaints()


def moments(count):
    chance = random.Random(1)
    return [round(chance.uniform(0.0, 0.8), 3) for _ in range(count)]


def check_interrupts(open_notebook, count):
    done, after, complaints = interrupts(open_notebook, count)
    assert {ended for ended, _, _ in done} == {"interrupted"}
    late = [seconds for _, _, seconds in done]
    assert max(late) <= 1.0, sorted(late)[-5:]
    # The later half of the moments lies after the first words.
    kept = [length for (_, length, _), moment in zip(done, moments(count), strict=True) if moment > 0.4]
    assert min(kept) > 0
    assert "Water rises when it is warm" in after
    assert complaints == []


def test_interrupts_at_random_moments_end_the_cell_and_keep_the_part_that_came(open_notebook):
    check_interrupts(open_notebook, 10)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_hundred_interrupts_at_random_moments(open_notebook):
    check_interrupts(open_notebook, 200)
