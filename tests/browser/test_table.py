"""The live table: ten thousand rows leave the page usable, hostile cells are text, and what stays is a table."""

import json

import pytest

from . import lab
from .test_look import AXE, SHOTS, THEMES, violations
from .test_safety import PAYLOADS, export, guarded, harm, poke, serve_payloads, visit  # noqa: F401

pytestmark = pytest.mark.browser

SPEC = "name: str, price: float?, stock: int, kind: cup|pot|other, made: date, tags: list[str]"
SETUP = """
%load_ext glm_magics
import json, scripted
scripted.connect()
NAMES = ['杯子', 'Teapot', 'سماور', 'A long name that nobody would give to a thing that is to be sold', 'Kettle <b>']
def products(count, bad=()):
    rows = [
        {'name': NAMES[i % 5], 'price': None if i % 7 == 3 else round(3.5 * i, 2), 'stock': i * 17 % 1000,
         'kind': ['cup', 'pot', 'other'][i % 3], 'made': '2026-01-%02d' % (1 + i % 28), 'tags': ['a', 'b']}
        for i in range(count)]
    for i in bad:
        rows[i]['stock'] = 'many'
    return json.dumps({'rows': rows}, ensure_ascii=False)
"""
ASK = f"%%glm --schema '{SPEC}' -o df\nWhat is for sale?"

ROWS_AT_LEAST = "count => +document.querySelector('[aria-rowcount]')?.getAttribute('aria-rowcount') > count"
IS_ABOVE = """() => {
    const { scrollTop, clientHeight, scrollHeight } = document.querySelector('.glm-window');
    return scrollTop + clientHeight < scrollHeight - 1000;
}"""
NO_WIDGET = "i => !window.__cell(i).querySelector('section.glm')"


def test_while_ten_thousand_rows_come_the_page_can_be_scrolled_and_written_in(open_notebook):
    setup = f"{SETUP}\nscripted.say(products(10_000), size=400, pause=0.004)"
    page = open_notebook((setup, ASK, "", "len(df), str(df.stock.dtype)"))
    page.run(0)
    page.start(1)
    page.wait(ROWS_AT_LEAST, 1000)
    table = page.output(1).locator(".glm-window")
    elements = []
    table.focus()
    page.page.keyboard.press("PageUp")
    page.page.wait_for_function(IS_ABOVE)  # and stays there, while rows come below
    for row in (10, 700, 350):
        table.evaluate("(node, top) => { node.scrollTop = top }", row * 24)
        page.output(1).get_by_role("rowheader", name=str(row), exact=True).wait_for()
        elements.append(page.output(1).locator(".glm-body > .glm-row").count())
    editor = page.page.locator(".jp-Notebook .jp-Cell").nth(2).locator(".cm-content")
    editor.click()
    page.page.keyboard.type("written = 'while the rows come'")
    assert page.live(1).get_attribute("aria-busy") == "true"
    assert editor.inner_text() == "written = 'while the rows come'"
    assert max(elements) < 40
    page.idle()
    page.wait(NO_WIDGET, 1)
    page.run(3)
    assert page.text(3).strip().endswith("(10000, 'Int64')")
    assert "10,000 rows × 6 columns" in page.text(1)
    assert page.output(1).locator("tbody tr").count() == 11
    assert page.complaints() == []


def test_a_page_loaded_anew_in_mid_stream_has_all_rows(open_notebook):
    setup = f"{SETUP}\nscripted.say(products(300), size=40, pause=0.006)"
    page = open_notebook((setup, ASK))
    page.run(0)
    page.start(1)
    page.wait(ROWS_AT_LEAST, 20)
    page.save()
    page.page.reload()
    page.ready()
    page.idle()
    page.wait("() => document.querySelector('section.glm')?.getAttribute('aria-busy') === 'false'")
    page.page.evaluate("() => window.__cell(1).scrollIntoView()")
    page.wait("() => document.querySelector('.glm-caption')?.textContent === '300 rows'")
    page.output(1).locator(".glm-window").evaluate("node => { node.scrollTop = 0 }")
    page.output(1).get_by_role("rowheader", name="0", exact=True).wait_for()
    assert page.complaints() == []


# ------------------------------------------------------------------------------------------------- hostile

# Every payload as a cell, as the name of a column, and as the reason why a row does not fit.
HOSTILE = f"""
{SETUP}
payloads = json.load(open('payloads.json'))
names = [text for text in dict.fromkeys(payloads[:40]) if text.strip()]
properties = {{name: {{'type': 'string'}} for name in names[:12]}} | {{'n': {{'type': 'integer'}}}}
plan = {{'type': 'object', 'properties': properties}}
cells = [dict(zip(names[:12], payloads[i:i + 12])) | {{'n': 1}} for i in range(0, len(payloads), 12)]
good = json.dumps({{'rows': cells}})
bad = json.dumps({{'rows': [row | {{'n': row[names[0]]}} for row in cells]}})
"""
HOSTILE_CELLS = (
    HOSTILE,
    "scripted.say(bad, size=400, pause=0.01, thinking=payloads[0]); scripted.then_say(good, size=400, pause=0.01)",
    "%%glm --schema plan -o df\nx",
)


@pytest.fixture(scope="module")
def saved(server, chromium):
    """A notebook with a hostile table, signed by its author; what it did while it streamed; the cells shown."""
    from .test_safety import GUARD

    serve_payloads(server, PAYLOADS)
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    context.add_init_script("window.__stepwise = false;" + GUARD)
    page = lab.Notebook(server, context, server.write(HOSTILE_CELLS, name="hostile"))
    try:
        page.run(0, 1)
        page.page.evaluate(LOOK_AT_TABLES)
        page.start(2)
        page.idle()
        page.settle()
        poke(page)
        seen = page.page.evaluate("() => [window.__cells.size, [...window.__strange]]")
        page.orphan()
        page.save()
        done = harm(page)
    finally:
        page.close()
        context.close()
    return page.name, done, seen


# All that the live table ever adds to the page: texts of cells, and whatever is no cell.
LOOK_AT_TABLES = """() => {
    window.__cells = new Set();
    window.__strange = new Set();
    const allowed = 'div,b,i,span';
    const look = (node) => {
        if (!(node instanceof Element) || !node.closest('.glm-table')) return;
        for (const each of [node, ...node.querySelectorAll('*')]) {
            if (!each.matches(allowed) || [...each.attributes].some(({ name }) => /^(on|src|href|id$)/.test(name)))
                window.__strange.add(each.outerHTML.slice(0, 200));
            if (each.matches('[role=cell]')) window.__cells.add(each.textContent);
        }
    };
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes) addedNodes.forEach(look);
    }).observe(document.body, { childList: true, subtree: true });
}"""


def test_hostile_cells_names_and_reasons_are_text_while_they_stream_and_in_the_output(server, saved):
    name, done, (cells, strange) = saved
    assert cells > 0.9 * len(set(PAYLOADS))
    assert strange == []
    assert done == {}
    (output,) = [o for o in server.read(name)["cells"][2]["outputs"] if "glm_magics" in o.get("metadata", {})]
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert "widget" not in json.dumps(server.read(name)["metadata"])


@pytest.mark.parametrize("trust", ["trusted", "untrusted"])
def test_hostile_cells_are_text_in_the_reopened_notebook(server, guarded, saved, trust):  # noqa: F811
    name = saved[0] if trust == "trusted" else server.distrust(saved[0])
    page = guarded(name, kernel=False)
    page.output(2).locator("table.dataframe").wait_for()
    page.settle()
    assert page.page.evaluate("() => window.__notebook.model.cells.get(2).trusted") is (trust == "trusted")
    poke(page)
    assert harm(page) == {}
    table = page.output(2).locator("table.dataframe")
    assert table.locator("tbody tr").count() == 11
    assert table.evaluate(
        "node => [...node.querySelectorAll('*')].every(n => n.matches('thead,tbody,tr,th,td,span,small'))"
    )


def test_hostile_cells_are_text_in_the_page_of_nbconvert(server, chromium, saved, tmp_path):
    empty = server.read(saved[0])
    for cell in empty["cells"]:
        cell["outputs"] = []
    plain = server.notebooks / "plain-table.ipynb"
    plain.write_text(json.dumps(empty))
    allowed = visit(chromium, export(server, plain, tmp_path))
    page = visit(chromium, export(server, server.notebooks / saved[0], tmp_path))
    assert (page["ran"], page["scripts"]) == ([], [])
    assert set(page["requests"]) <= set(allowed["requests"])


# ---------------------------------------------------------------------------------------------------- looks

LOOKS = [("light", 1200), ("dark", 520)]
STATES = ("table-1-streaming", "table-2-problems", "table-3-again", "table-4-final", "table-5-reopened")
# The view is fed by hand, so that each state lasts as long as its picture takes.
LOOK_CELLS = (
    SETUP
    + f"""
from glm_magics._stream import Progress
from glm_magics.chat import AskedAgain, Completion, ReasoningDelta, TextDelta, Usage
from glm_magics.structured.schema import schema
from glm_magics.views.live import LiveView
plan = schema({SPEC!r})
good, bad = products(40), products(40, bad=[1, 5])
thinking = 'Let me see what there is. ' * 20
usage = Usage(110, 0, 900, 200)
view = LiveView(plan=plan)
def show(*events):
    view.update(events, Progress('answering', 3.0, 0.4, 2.0, usage, None), None)
view.start('glm-4.5-air')
show(ReasoningDelta(thinking))
show(TextDelta(bad[:1000]))
""",
    "show(TextDelta(bad[1000:2500]))",
    "show(AskedAgain((\"rows[1].stock: should be a whole number, got 'many'\",)), TextDelta(good[:600]))",
    "view.finish(Completion(good, thinking, usage=usage, model='glm-4.5-air', seconds=8.2, thinking_seconds=2.0,\n"
    "    notes=('The first answer did not fit the schema; it was asked for again.',),\n"
    "    value=plan.validate_json(good).value, schema=plan), None)",
)


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: look[0])
def look(request, server, chromium):
    """The pictures of one table in one theme and width, and what axe-core said at each of them."""
    if not AXE.exists():
        pytest.fail(f"{AXE} is missing: npm ci --prefix widgets", pytrace=False)
    theme, width = request.param
    server.setting("apputils-extension", "themes", theme=THEMES[theme])
    server.setting("application-extension", "shell", startMode="single")
    size = {"viewport": {"width": width, "height": 900}}
    taken = {}

    def shoot(state):
        SHOTS.mkdir(exist_ok=True)
        page.page.evaluate("() => window.__cell(0).querySelector('.jp-Cell-outputWrapper').scrollIntoView()")
        page.page.wait_for_timeout(300)
        path = SHOTS / f"{state}-{theme}-{width}.png"
        path.unlink(missing_ok=True)
        page.page.screenshot(path=path)
        taken[state] = (path, violations(page, 0))

    try:
        with lab.notebook(server, chromium, LOOK_CELLS, **size) as page:
            page.page.add_script_tag(path=AXE)
            page.run(0)
            page.output(0).locator(".glm-tail").wait_for()
            shoot(STATES[0])
            page.run(1)
            page.wait(ROWS_AT_LEAST, 16)
            page.output(0).locator(".glm-window").evaluate("node => { node.scrollTop = 0 }")
            page.output(0).locator(".glm-problem").first.wait_for()
            shoot(STATES[1])
            page.run(2)
            page.output(0).get_by_text("Asking again").wait_for()
            shoot(STATES[2])
            page.run(3)
            page.output(0).locator("table.dataframe").wait_for()
            page.settle()
            shoot(STATES[3])
            page.orphan()
            page.save()
        with lab.notebook(server, chromium, server.distrust(page.name), kernel=False, **size) as page:
            page.page.add_script_tag(path=AXE)
            page.output(0).locator("summary").click()
            shoot(STATES[4])
    finally:
        server.setting("apputils-extension", "themes")
        server.setting("application-extension", "shell")
    return taken


@pytest.mark.parametrize("state", STATES)
def test_there_is_a_picture_and_axe_finds_nothing_to_object_to(look, state):
    path, objections = look[state]
    assert path.stat().st_size > 10_000
    assert objections == {}
