"""Hostile model output neither runs, nor sends, nor leaves anything behind: in the page it streams into, in
the saved notebook, and in nbconvert's page.

Each payload comes as answer, thinking, tool call, title of a source and message of an error; whole, and one
character at a time, with every intermediate state drawn and looked at.
"""

import json
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from . import lab

pytestmark = pytest.mark.browser

HOSTILE = lab.PROJECT / "tests" / "data" / "hostile_output.json"
PAYLOADS = [item["payload"] for item in json.loads(HOSTILE.read_text(encoding="utf-8"))["items"]]

# What a payload could do, counted; and what it could leave in an output, at any moment. MathJax, which builds
# its own elements from TeX, is looked at separately.
GUARD = """
(() => {
    window.__ran = [];
    for (const name of ['alert', 'confirm', 'prompt', 'print', 'open'])
        window[name] = (...args) => { window.__ran.push(name + ': ' + args.join()); };
    window.__residue = new Set();
    const tags = 'script,iframe,frame,object,embed,form,input,button,select,textarea,style,link,meta,base,img,'
        + 'picture,video,audio,source,svg,math,canvas,template,slot,dialog,area,map,portal';
    const names = /^(on.*|style|id|name|src|srcset|srcdoc|action|formaction|data-.*|ping|background|contenteditable)$/;
    const check = (node, place) => {
        if (!(node instanceof Element) || node.closest('mjx-container')) return;
        if (node.matches(tags)) window.__residue.add(place + ' element ' + node.outerHTML.slice(0, 200));
        // Both JupyterLab and nbconvert make anchors of headings.
        const anchor = node.matches('h1,h2,h3,h4,h5,h6,:is(h1,h2,h3,h4,h5,h6) > a[class][href^="#"]:last-child');
        for (const { name, value } of node.attributes)
            if (anchor && /^(id|data-jupyter-id|href)$/.test(name)) continue;
            else if (names.test(name) || (/^(href|xlink:href)$/.test(name) && !/^(https?:|mailto:)/.test(value)))
                window.__residue.add(place + ' attribute ' + name + '=' + value.slice(0, 100));
        for (const child of node.children) check(child, place);
    };
    // The live view's own elements are what holds the text; what the payload makes lies inside.
    window.__inspect = (root = document) => {
        for (const area of root.querySelectorAll('.glm-text, .glm-tools, .glm-line, .glm-notes'))
            for (const child of area.children) check(child, 'live');
        for (const area of root.querySelectorAll('.jp-OutputArea-output.jp-RenderedMarkdown'))
            for (const child of area.children) check(child, 'static');
    };
    window.__drawn = 0;
    const script = 'script,iframe,object,embed,form,[onerror],[onload],[onclick],[onmouseover],[onfocus]';
    window.__scripts = (root) => [...root.querySelectorAll(script)].map((node) => node.outerHTML.slice(0, 200));
    // Each message is drawn by itself, and looked at, instead of all that came within a frame at once.
    if (window.__stepwise) {
        const later = window.requestAnimationFrame.bind(window);
        const observer = new MutationObserver(() => {});
        const watch = () => observer.observe(document.documentElement, { childList: true, subtree: true });
        document.documentElement ? watch() : document.addEventListener('readystatechange', watch, { once: true });
        window.requestAnimationFrame = (draw) => {
            if (!String(draw).includes('draw(due)')) return later(draw);
            observer.takeRecords();
            draw(performance.now());
            window.__drawn++;
            const changes = observer.takeRecords();
            for (const { addedNodes } of changes) for (const node of addedNodes) check(node, 'added');
            const views = new Set(changes.map(({ target }) => target.closest?.('section.glm')));
            for (const view of views) if (view) window.__inspect(view);
            return 0;
        };
    }
})();
"""

PREPARE = """
%load_ext glm_magics
import json
import scripted
from glm_magics.chat import Completion, ReasoningDelta, SearchResult, TextDelta, ToolCall, ToolCallDelta
from glm_magics._stream import Progress
from glm_magics.chat import Usage
from glm_magics.views.live import LiveView
scripted.connect()
shell = get_ipython()
payloads = json.load(open('payloads.json'))

def whole(text):
    source = {'title': text, 'link': 'https://ok.example/', 'content': text, 'media': text}
    scripted.say(text, thinking=text, tools=[(text[:60], text)], sources=[source, source | {'link': text}],
                 size=1 << 20)
    shell.run_cell_magic('glm', '-o answer', 'payload')

def refused(text):
    scripted.refuse(text)
    try:
        shell.run_cell_magic('glm', '-q', 'payload')
    except Exception:
        shell.showtraceback()

def open_views(texts):
    global views
    views = [(text, LiveView()) for text in texts]
    for _, view in views:
        view.start('glm-4.5-air')

def feed_views():
    '''As `follow` does it, without its pauses.'''
    going = Progress('answering', 1.0, 0.1, 0.5, Usage(1, 0, 1), None)
    for text, view in views:
        for piece in pieces(text):
            view.update([ReasoningDelta(piece)], going, None)
        for piece in pieces(text):
            view.update([TextDelta(piece), ToolCallDelta(0, '', '', piece)], going, None)

def end_views():
    print(sum(view._sent for _, view in views), 'messages')
    for text, view in views:
        view.finish(Completion(text, text, (ToolCall('1', text[:60], text),)), None)

def pieces(text):
    '''Characters; of a very long text, after a while, larger steps.'''
    return [*text[:500], *(text[start:start + 50] for start in range(500, len(text), 50))]
"""


def serve_payloads(server, payloads):
    (server.notebooks / "payloads.json").write_text(json.dumps(payloads))


@pytest.fixture
def guarded(chromium, server):
    """`guarded(cells_or_name, …)`: a page that counts what a payload could do."""
    opened = []

    def open_it(source, *, stepwise=False, **options):
        name = source if isinstance(source, str) else server.write(source)
        context = chromium.new_context(viewport={"width": 1200, "height": 900})
        context.add_init_script(f"window.__stepwise = {json.dumps(stepwise)};{GUARD}")
        context.route(lambda url: not url.startswith(server.url), lambda route: route.abort())
        opened.append((lab.Notebook(server, context, name, **options), context))
        return opened[-1][0]

    yield open_it
    for page, context in opened:
        page.close()
        context.close()


# The application's own requests; everything else was caused by an output.
OWN = re.compile(
    r"^/(static/|lab($|/)|notebooks/|lsp/|custom/|kernelspecs/|favicon|"
    r"api/(me$|config/|kernels|sessions|contents($|/[\w-]+\.ipynb($|/checkpoints))|kernelspecs|terminals$|status|settings|"
    r"nbconvert|events|licenses|workspaces|translations))"
)


def not_its_own(page):
    found = []
    for method, url in page.requests:
        parts = urlsplit(url)
        if parts.scheme in ("data", "blob"):
            continue
        own = f"{parts.scheme}://{parts.netloc}" == page.server.url and OWN.match(parts.path)
        if not own or (method == "POST" and parts.path == "/api/terminals"):
            found.append(f"{method} {url}")
    return found


def poke(page):
    """Hover and focus everything in the outputs: handlers, if there were any, would run now."""
    page.page.evaluate(
        """() => {
            for (const node of document.querySelectorAll('.jp-OutputArea *'))
                for (const type of ['mouseover', 'mouseenter', 'pointerover', 'focus', 'focusin', 'toggle', 'animationstart'])
                    node.dispatchEvent(new Event(type, { bubbles: true }));
        }"""
    )
    page.settle()


def harm(page):
    """What the outputs of a page did and left, by kind; empty if nothing."""
    page.page.evaluate("() => window.__inspect()")
    found = {
        "ran": page.page.evaluate("() => window.__ran"),
        "residue": page.page.evaluate("() => [...window.__residue]"),
        "scripts": page.page.evaluate(
            "() => [...document.querySelectorAll('.jp-OutputArea')].flatMap(area => window.__scripts(area))"
        ),
        "dialogs": page.dialogs,
        "requests": not_its_own(page),
        "terminals": page.server.api("terminals"),
        "kernels": page.server.api("kernels")[1:],
        "title": [] if page.name.partition("-")[0] in page.page.title() else [page.page.title()],
        "complaints": page.complaints(),
    }
    return {kind: items for kind, items in found.items() if items}


def test_the_guard_sees_what_unprotected_output_does(server, guarded):
    """The proof that the other tests could fail."""
    bad = [
        "<img src=https://evil.example/x onerror=alert(1)>",
        "<b onmouseover=alert(2)>x</b>",
        "<script>alert(3)</script>",
    ]
    page = guarded(
        [f"from IPython.display import Markdown, display\nfor text in {bad!r}: display(Markdown(text))"]
    )
    page.run(0)
    page.settle()
    poke(page)
    page.page.evaluate("() => window.__inspect()")
    assert {"alert: 1", "alert: 2", "alert: 3"} <= set(page.page.evaluate("() => window.__ran"))
    assert any("onerror" in residue for residue in page.page.evaluate("() => [...window.__residue]"))
    assert any("evil.example" in request for request in not_its_own(page))


# JupyterLab shows at most fifty outputs of a cell.
BATCHES = [(start, start + 45) for start in range(0, len(PAYLOADS), 45)]


def all_drawn(page):
    """How many messages have been drawn, once none has been for three seconds: a busy page lags behind."""
    counts = [-1]
    while counts[-3:] != [counts[-1]] * 3:
        page.page.wait_for_timeout(1000)
        counts.append(page.page.evaluate("() => window.__drawn"))
    return counts[-1]


def test_every_payload_one_character_at_a_time_in_the_live_view(server, guarded):
    serve_payloads(server, PAYLOADS)
    cells = [f"open_views(payloads[{start}:{end}])" for start, end in BATCHES]
    page = guarded([PREPARE, "feed_views()", "end_views()", *cells], stepwise=True)
    page.run(0)
    for cell, (start, end) in enumerate(BATCHES, 3):
        page.run(cell)
        page.wait(
            "([i, count]) => window.__cell(i).querySelectorAll('section.glm').length === count",
            [cell, len(PAYLOADS[start:end])],
        )
        before = page.page.evaluate("() => window.__drawn")
        page.run(1)
        page.settle()
        drawn = all_drawn(page) - before
        page.run(2)
        sent = int(page.text(2).split()[0]) - (len(PAYLOADS[start:end]))  # all but the first message of each
        assert drawn == sent > sum(min(500, len(text)) for text in PAYLOADS[start:end])
    assert harm(page) == {}


@pytest.fixture(scope="module")
def saved(server, chromium):
    """The name of a notebook whose outputs hold every payload, signed by its author; made in a guarded page."""
    serve_payloads(server, PAYLOADS)
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    context.add_init_script("window.__stepwise = false;" + GUARD)
    cells = [f"for text in payloads[{start}:{end}]: whole(text)" for start, end in BATCHES]
    name = server.write([PREPARE, *cells], name="hostile")
    page = lab.Notebook(server, context, name)
    try:
        page.run(*range(len(cells) + 1))
        page.settle()
        poke(page)
        page.orphan()
        page.save()
        done = harm(page)
    finally:
        page.close()
        context.close()
    return name, done


def test_every_payload_whole_in_the_page_it_came_to(server, saved):
    name, done = saved
    outputs = [output for cell in server.read(name)["cells"][1:] for output in cell["outputs"]]
    assert [output["output_type"] for output in outputs] == ["display_data"] * len(PAYLOADS)
    assert done == {}


def test_every_payload_as_the_message_of_an_error(server, guarded):
    serve_payloads(server, PAYLOADS)
    cells = [f"for text in payloads[{start}:{end}]: refused(text)" for start, end in BATCHES]
    page = guarded([PREPARE, *cells])
    page.run(*range(len(cells) + 1))
    page.settle()
    poke(page)
    errors = [output for i in range(1, len(cells) + 1) for output in page.outputs(i)]
    assert [output["output_type"] for output in errors] == ["error"] * len(PAYLOADS)
    # JupyterLab itself asks its server whether a path in the text of an error is a file, to link it.
    page.requests = [request for request in page.requests if "/api/resolvePath?" not in request[1]]
    assert harm(page) == {}


@pytest.mark.parametrize("app", lab.APPS)
@pytest.mark.parametrize("trust", ["trusted", "untrusted"])
def test_every_payload_in_the_reopened_notebook(server, guarded, saved, app, trust):
    name = saved[0] if trust == "trusted" else server.distrust(saved[0])
    page = guarded(name, app=app, kernel=False)
    page.page.wait_for_function(
        "count => document.querySelectorAll('.jp-RenderedMarkdown details').length > 0.8 * count",
        arg=len(PAYLOADS),
    )
    page.settle()
    assert page.page.evaluate("() => window.__notebook.model.cells.get(1).trusted") is (trust == "trusted")
    poke(page)
    assert harm(page) == {}


def test_every_payload_in_the_page_of_nbconvert(server, chromium, saved, tmp_path):
    harmless = server.read(saved[0])
    for cell in harmless["cells"]:
        cell["outputs"] = []
    plain = server.notebooks / "plain.ipynb"
    plain.write_text(json.dumps(harmless))
    allowed = visit(chromium, export(server, plain, tmp_path))
    page = visit(chromium, export(server, server.notebooks / saved[0], tmp_path))
    assert page["ran"] == []
    assert set(page["requests"]) <= set(allowed["requests"])
    assert page["scripts"] == []
    assert page["residue"] == []


def export(server, notebook, folder):
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", f"--output-dir={folder}", str(notebook)],
        check=True,
        capture_output=True,
        env=server.environment,
    )
    return folder / f"{notebook.stem}.html"


def visit(chromium, path):
    """A page without a network, below an address of its own."""
    context = chromium.new_context()
    context.add_init_script("window.__stepwise = false;" + GUARD)
    requests = []
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    body = path.read_text(encoding="utf-8")

    def answer(route):
        if route.request.url == "http://page.invalid/":
            route.fulfill(body=body, content_type="text/html; charset=utf-8")
        else:
            route.abort()

    page.route("**", answer)
    page.goto("http://page.invalid/")
    page.wait_for_timeout(1500)
    found = {
        "ran": page.evaluate("() => window.__ran"),
        "requests": requests,
        "scripts": page.evaluate(
            "() => [...document.querySelectorAll('.jp-OutputArea')].flatMap(area => window.__scripts(area))"
        ),
        "residue": page.evaluate("() => { window.__inspect(); return [...window.__residue]; }"),
    }
    context.close()
    return found
