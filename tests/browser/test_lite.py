"""The recipe's site in a real browser: the kernel is in the page, and nothing but static files is served.

Here are no NumPy, pandas, nh3 and pydantic for the page (see `lite`), so the cells are those that need none of
them: what the quickstart does with frames runs with Pyodide's own distribution only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from . import lab, lite

INSTALL = f"""import piplite
await piplite.install({[name for name in lite.LOCKED if name not in ("micropip", "packaging")]})
wheels = {[line.partition("==")[0] for line in (lite.LITE / "wheels.txt").read_text().splitlines() if "==" in line]}
await piplite.install([*wheels, "widgetsnbextension", "glm-magics"], deps=False)"""
CELLS = [
    INSTALL,
    "%load_ext glm_magics",
    "%%glm -o first\nWhat reaches you when I send a message?",
    "print(first.finish_reason, first.usage.output_tokens > 20)",
    "price, count = 17, 23",
    "%%glm --no-think\nWhat is {{price}} * {{count}}?",
    "%glm doctor",
    "import threading, socket\ntry:\n    threading.Thread(target=print).start()\nexcept RuntimeError as error:\n    print(error)",
    "%glm login z.ai",
]


@pytest.fixture(scope="module")
def page(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The notebook, with all its cells run."""
    folder = tmp_path_factory.mktemp("lite")
    try:
        pyodide = lite.distribution(folder / "pyodide")
    except lab.Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    site = lite.build(folder / "site", pyodide, lite.write(folder / "tour.ipynb", CELLS))
    with lite.served(site) as url:
        page = chromium.new_page(viewport={"width": 1280, "height": 2400})
        page.set_default_timeout(180_000)
        page.addresses = []
        page.on("request", lambda request: page.addresses.append(request.url))
        page.goto(f"{url}/lab/index.html?path=tour.ipynb")
        page.wait_for_selector(".jp-NotebookPanel-toolbar .jp-Notebook-ExecutionIndicator[data-status=idle]")
        page.locator(".jp-Notebook .jp-CodeCell").first.click()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_function(
            "count => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
            ".filter(prompt => /\\[\\d+\\]/.test(prompt.textContent)).length === count",
            arg=len(CELLS),
        )
        yield page
        page.close()


def output(page: Any, cell: int) -> str:
    return str(
        page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-Cell-outputWrapper").inner_text()
    )


def test_the_extension_loads_on_the_demo(page: Any) -> None:
    assert "demo engine (offline, no key)" in output(page, 1)


def test_a_cell_is_answered_in_the_page(page: Any) -> None:
    assert "What reaches you when I send a message?" in output(page, 2)
    assert "glm-4.5-air" in output(page, 2)
    assert "offline demo" in output(page, 2)
    assert page.locator(".jp-CodeCell").nth(2).locator("table").count() == 1  # the static Markdown, rendered
    assert "stop True" in output(page, 3)


def test_names_are_filled(page: Any) -> None:
    assert "17 * 23 = 391" in output(page, 5)


def test_it_is_python_without_threads(page: Any) -> None:
    assert "Emscripten" in output(page, 6)
    assert "can't start new thread" in output(page, 7)


def test_a_server_is_refused_with_what_works_instead(page: Any) -> None:
    assert "no sockets" in output(page, 8)
    assert "%glm demo on" in output(page, 8)


def test_nothing_is_asked_of_another_host(page: Any) -> None:
    assert {address.split("/")[2] for address in page.addresses if address.startswith("http")} == {
        page.url.split("/")[2]
    }
