"""JupyterLab and Notebook 7 as a reader has them: a server on the loopback interface and a real browser.

`Server` runs with settings and kernels of its own and touches nothing of the user's. `Notebook` is one open
notebook in one page; what it does, it does through the application's own commands.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import nbformat

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent

BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 60_000  # ms; the machine may be busy, and nothing here measures time
APPS = ("lab", "notebook")
KEYS = ("ZAI_API_KEY", "ZHIPUAI_API_KEY", "ZHIPU_API_KEY", "GLM_API_KEY")


class Missing(Exception):
    """Something that has to be installed first; the message says how."""


class Server:
    """A Jupyter server with its own folders below `root`; kernels answer from the offline demo."""

    def __init__(self, root: Path, *, demo: str = "demo://") -> None:
        self.notebooks = root / "notebooks"
        self.token = secrets.token_hex(16)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folders = {
            "JUPYTER_CONFIG_DIR": root / "config",
            "JUPYTER_DATA_DIR": root / "data",
            "JUPYTER_RUNTIME_DIR": root / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": root / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": root / "workspaces",
            "IPYTHONDIR": root / "ipython",
        }
        for folder in (self.notebooks, *folders.values()):
            folder.mkdir(parents=True)
        self._settings = folders["JUPYTERLAB_SETTINGS_DIR"]
        self.setting("apputils-extension", "notification", fetchNews="false", checkForUpdates=False)
        self.environment = {name: value for name, value in os.environ.items() if name not in KEYS} | {
            **{name: str(folder) for name, folder in folders.items()},
            "GLM_BASE_URL": demo,
            "PYTHONPATH": os.pathsep.join((str(HERE), str(PROJECT))),  # kernels may `import scripted`
        }
        self._log = (root / "server.log").open("w")
        try:
            import jupyterlab  # noqa: F401
            import notebook  # noqa: F401
        except ImportError as error:
            raise Missing(f"{error}: pip install 'glm-magics[test]'") from None
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                f"--ServerApp.port={self.port}",
                "--ServerApp.port_retries=0",
                "--ServerApp.ip=127.0.0.1",
                f"--IdentityProvider.token={self.token}",
                f"--ServerApp.root_dir={self.notebooks}",
                "--LabApp.expose_app_in_browser=True",
                "--JupyterNotebookApp.expose_app_in_browser=True",
                "--LabApp.extension_manager=readonly",
                # Tests of single steps send thousands of small messages, which the server would drop.
                "--ZMQChannelsWebsocketConnection.iopub_msg_rate_limit=0",
                "--ZMQChannelsWebsocketConnection.iopub_data_rate_limit=0",
            ],
            cwd=self.notebooks,
            env=self.environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def _wait(self) -> None:
        for _ in range(600):
            try:
                self.api("status")
                return
            except OSError:
                time.sleep(0.2)
            if self._process.poll() is not None:
                break
        raise RuntimeError(f"The Jupyter server did not start:\n{Path(self._log.name).read_text()[-2000:]}")

    def close(self) -> None:
        for kernel in self.api("kernels"):
            self.api(f"kernels/{kernel['id']}", method="DELETE")
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def api(self, path: str, *, method: str = "GET") -> Any:
        request = Request(
            f"{self.url}/api/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urlopen(request, timeout=60) as response:
            body = response.read()
        return json.loads(body) if body else None

    def setting(self, package: str, plugin: str, **values: Any) -> None:
        """What the user has set in JupyterLab's settings editor."""
        folder = self._settings / "@jupyterlab" / package
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{plugin}.jupyterlab-settings").write_text(json.dumps(values))

    def write(self, cells: Sequence[str], *, name: str = "") -> str:
        """A notebook of code cells, never run. Returns its name."""
        name = f"{name or 'nb'}-{uuid.uuid4().hex[:6]}.ipynb"
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, self.notebooks / name)
        return name

    def read(self, name: str) -> Any:
        return json.loads((self.notebooks / name).read_text())

    def distrust(self, name: str) -> str:
        """A copy of a saved notebook as it comes from somebody else: the server has not signed it."""
        copy = f"untrusted-{name}"
        notebook = self.read(name)
        notebook["metadata"]["from"] = "somebody else"
        (self.notebooks / copy).write_text(json.dumps(notebook))
        return copy


class Notebook:
    """One notebook in one page of `context`, in JupyterLab or in Notebook 7.

    `console` holds what the page complained about, `requests` each request it made, `dialogs` the browser's
    own dialogs.
    """

    def __init__(self, server: Server, context: Any, name: str, *, app: str = "lab", kernel: bool = True):
        self.server = server
        self.name = name
        self.app = app
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.console: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.dialogs: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        self.page.on("request", lambda request: self.requests.append((request.method, request.url)))
        self.page.on("dialog", self._dismiss)
        self.open(kernel=kernel)

    def open(self, *, kernel: bool = True) -> None:
        place = f"lab/workspaces/{uuid.uuid4().hex}/tree" if self.app == "lab" else "notebooks"
        self.page.goto(f"{self.server.url}/{place}/{self.name}?token={self.server.token}")
        self.ready(kernel=kernel)

    def ready(self, *, kernel: bool = True) -> None:
        """Wait for the notebook and its kernel; without one, it has to be an orphan (see `orphan`)."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.wait_for_function("window.jupyterapp?.shell.currentWidget?.content?.model?.cells?.length")
        self.page.evaluate(
            """async (kernel) => {
                const app = window.jupyterapp, panel = app.shell.currentWidget;
                await panel.context.ready;
                if (kernel) {
                    await panel.sessionContext.ready;
                    while (!panel.sessionContext.session?.kernel) await new Promise(r => setTimeout(r, 100));
                    await panel.sessionContext.session.kernel.info;
                }
                window.__notebook = panel.content;
                window.__cell = (i) => panel.content.widgets[i].node;
                window.__run = async (i) => {
                    panel.content.activeCellIndex = i;
                    return await app.commands.execute('notebook:run-cell');
                };
            }""",
            kernel,
        )
        if not kernel:
            self.page.locator(".jp-Dialog button", has_text="No Kernel").click()

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location.get('url', '')})")

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    # -- acting -------------------------------------------------------------------------------------

    def run(self, *cells: int) -> None:
        """Run cells one after the other, each to its end."""
        for cell in cells:
            self.page.evaluate("i => window.__run(i)", cell)

    def start(self, *cells: int) -> None:
        """Queue cells and do not wait."""
        for cell in cells:
            self.page.evaluate("i => { window.__run(i) }", cell)

    def command(self, name: str, **arguments: Any) -> Any:
        return self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args) }",
            [name, arguments],
        )

    def save(self) -> Any:
        """Save, and return what is in the file."""
        self.page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.context.save() }")
        return self.server.read(self.name)

    def orphan(self) -> None:
        """Let the notebook belong to a kernel that nobody has, so that it opens without one."""
        self.page.evaluate(
            """() => {
                const model = window.__notebook.model;
                model.setMetadata('kernelspec', {name: 'gone', display_name: 'Gone'});
                model.setMetadata('language_info', {name: 'gone'});
            }"""
        )

    def wait(self, condition: str, argument: Any = None) -> None:
        """Until the JavaScript expression is true."""
        self.page.wait_for_function(condition, arg=argument)

    def idle(self) -> None:
        """Until nothing runs or waits."""
        self.wait(
            "() => [...window.__notebook.widgets].every(w => w.model.type !== 'code'"
            " || !['[*]:', '[*]'].includes(w.node.querySelector('.jp-InputPrompt')?.textContent.trim()))"
            " && window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
        )

    def settle(self) -> None:
        """Let the page lay out and typeset what it has got."""
        self.page.evaluate(
            "() => new Promise(done => { const wait = n => n ? requestAnimationFrame(() => wait(n - 1)) : done();"
            " setTimeout(() => wait(3), 700) })"
        )

    def close(self) -> None:
        """Close the page and end the kernel."""
        self.page.close()
        for session in self.server.api("sessions"):
            if session["path"] == self.name:
                self.server.api(f"sessions/{session['id']}", method="DELETE")

    # -- looking ------------------------------------------------------------------------------------

    def outputs(self, cell: int) -> list[dict[str, Any]]:
        """The cell's outputs as the notebook's model has them."""
        found: list[dict[str, Any]] = self.page.evaluate(
            "i => JSON.parse(JSON.stringify(window.__notebook.model.cells.get(i).outputs.toJSON()))", cell
        )
        return found

    def text(self, cell: int) -> str:
        """What a reader who scrolls there sees of the cell's outputs."""
        return str(
            self.page.evaluate(
                """async (i) => {
                    window.__cell(i).scrollIntoView();
                    for (let frames = 3; frames--; ) await new Promise(requestAnimationFrame);
                    return window.__cell(i).querySelector('.jp-Cell-outputWrapper')?.innerText ?? '';
                }""",
                cell,
            )
        )

    def count(self, cell: int) -> int | None:
        return self.page.evaluate("i => window.__notebook.model.cells.get(i).executionCount", cell)  # type: ignore[no-any-return]

    def output(self, cell: int) -> Any:
        """The cell's output area, as a locator of Playwright."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-Cell-outputWrapper")

    def live(self, cell: int) -> Any:
        return self.output(cell).locator("section.glm")

    def complaints(self) -> list[str]:
        """What the page's console has, but for the noise that a page without our extension makes, too."""
        return [line for line in self.console if not any(noise in line for noise in NOISE)]


# Complaints that the applications make on their own, seen without our extension, too.
NOISE = (
    "Cannot read properties of undefined (reading 'schema')",  # Notebook 7 as it opens
    "Command 'filebrowser:open-path' not registered",  # Notebook 7 as it opens
    "/static/notebook/",  # Notebook 7 asks for MathJax's .woff fonts where they are not (403)
)


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright. Raises `Missing`."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Missing("Playwright is missing: pip install 'glm-magics[test]'") from None
    with sync_playwright() as playwright:
        path = chromium(playwright)
        started = playwright.chromium.launch(executable_path=path, headless=True, args=list(BROWSER_FLAGS))
        try:
            yield started
        finally:
            started.close()


def chromium(playwright: Any) -> str:
    """The path of a Chromium: $CHROMIUM, one of the system, or the one that Playwright has fetched."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, names), playwright.chromium.executable_path]
    for path in found:
        if path and Path(path).exists():
            return path
    raise Missing(
        "Chromium is missing: install it (Debian: apt install chromium; elsewhere: playwright install "
        "chromium), or name one in the variable CHROMIUM."
    )


@contextmanager
def notebook(
    server: Server,
    chromium: Any,
    source: str | Sequence[str],
    *,
    app: str = "lab",
    kernel: bool = True,
    **options: Any,
) -> Iterator[Notebook]:
    """A page with a notebook: cells for a new one, or the name of one that is there.

    `options` are Playwright's for a context: `viewport`, `color_scheme`, ….
    """
    name = source if isinstance(source, str) else server.write(source)
    context = chromium.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
    opened = Notebook(server, context, name, app=app, kernel=kernel)
    try:
        yield opened
    finally:
        opened.close()
        context.close()


def bundle(output: Mapping[str, Any]) -> dict[str, str]:
    """The MIME bundle of an output, each value as one string."""
    return {
        kind: "".join(value) if isinstance(value, list) else value for kind, value in output["data"].items()
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
