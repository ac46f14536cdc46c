"""One IPython for all tests, a demo connection for each, and the proofs that take minutes left for --long."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from glm_magics import _lang, api
from glm_magics._session import Session

os.environ["GLM_LANG"] = "en"  # for the programs that tests start
_lang.use("en")

KEY_VARIABLES = (
    "GLM_BASE_URL",
    "GLM_API_KEY",
    "GLM_LEVEL",
    "ZAI_API_KEY",
    "ZHIPUAI_API_KEY",
    "ZHIPU_API_KEY",
    "GLM_CACHE",
    "GLM_CURRENCY",
    "GLM_POLICY",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the proofs that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="takes minutes; run with --long"))


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names no server and holds no key, and no session yet."""
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(api, "_session", None)


@pytest.fixture
def demo(bare_environment: None) -> Callable[..., Session]:
    """Connects to the demo engine, without waiting times: `demo()`, `demo("fault=cut")`."""

    def connect(options: str = "") -> Session:
        return api.connect(f"demo://?pace=0&{options}".rstrip("&"))

    connect()
    return connect


@pytest.fixture(scope="session")
def ipython() -> InteractiveShell:
    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    return InteractiveShell.instance(config=config)


@dataclass(frozen=True)
class Ran:
    """What a cell left: its value, its error, and what it printed."""

    value: Any
    error: BaseException | None
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


class Cells:
    """Runs cells as a notebook does; a name of the notebook is an item."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self._capsys = capsys

    def __call__(self, code: str) -> Ran:
        self._capsys.readouterr()
        result = self.shell.run_cell(code, store_history=True)
        out, err = self._capsys.readouterr()
        return Ran(result.result, result.error_before_exec or result.error_in_exec, out, err)

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]


@pytest.fixture
def cells(
    ipython: InteractiveShell, demo: Callable[..., Session], capsys: pytest.CaptureFixture[str]
) -> Iterator[Cells]:
    """A notebook with the extension loaded, on the demo engine."""
    ran = Cells(ipython, capsys)
    names = set(ipython.user_ns)
    assert ran("%load_ext glm_magics").error is None
    yield ran
    ipython.run_line_magic("unload_ext", "glm_magics")
    ipython.config.pop("GLMMagics", None)  # `%config` writes there too
    for name in set(ipython.user_ns) - names:
        del ipython.user_ns[name]
    ipython.user_ns["Out"].clear()


@pytest.fixture
def front_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What a notebook would receive, in order: ("display", bundle), ("update", bundle), ("message", content), …"""
    import comm
    from comm.base_comm import BaseComm

    from glm_magics.views.live import _retired

    received: list[Any] = []
    was_there = InteractiveShell.initialized()
    shell = InteractiveShell.instance()

    class Publisher(type(shell.display_pub)):
        def publish(self, data, metadata=None, *, transient=None, update=False, **kwargs):
            received.append(
                ("update" if update else "display", data, metadata, (transient or {}).get("display_id"))
            )

    class Comm(BaseComm):
        def publish_msg(self, msg_type, data=None, **content):
            if msg_type == "comm_open" and "_esm" in data["state"]:
                received.append(("open", data["state"]))
            elif msg_type == "comm_close":
                received.append(("close",))
            elif data and data.get("method") == "custom":
                received.append(("message", json.loads(json.dumps(data["content"]))))

    monkeypatch.setattr(shell, "display_pub", Publisher(shell=shell))
    monkeypatch.setattr(comm, "create_comm", Comm)
    _retired.clear()
    yield received
    _retired.clear()
    if not was_there:
        InteractiveShell.clear_instance()
