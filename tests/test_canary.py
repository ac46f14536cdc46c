"""A key that must turn up nowhere: in no output, notebook, traceback, log, repr, pickle or message."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import logging
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import nbformat
import pytest
from conftest import Cells
from nbclient import NotebookClient

from glm_magics import _connect, api, doctor, magics
from glm_magics._traffic import Traffic
from glm_magics.chat import ChatRequest, Message
from glm_magics.client import Client, Endpoint
from glm_magics.demo import Engine
from glm_magics.demo.server import serve
from glm_magics.errors import GLMError, SettingError
from glm_magics.explain import answer_of, request_of
from glm_magics.keys import ApiKey
from glm_magics.render import exhibits

ACCOUNT, SECRET = "c4n4ry0123456789abcdef", "Zq7+wV/9tXe-Rk2_LmP4"
CANARY = f"{ACCOUNT}.{SECRET}"

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode().rstrip("=")[:-2],
    "url": lambda text: quote(text, safe=""),
    "hex": lambda text: text.encode().hex(),
    "json": lambda text: json.dumps(text)[1:-1],
}
PARTS = {"whole": CANARY, "account": ACCOUNT, "secret": SECRET}
FORMS = {f"{part}-{name}": encode(text) for part, text in PARTS.items() for name, encode in ENCODINGS.items()}


UNREACHABLE = "import glm_magics as glm\nglm.connect('http://127.0.0.1:1/v1').client.pause = lambda event, seconds: False\n"


def assert_clean(text: str, channel: str) -> None:
    assert text.strip(), f"{channel} is empty, so nothing was proved"
    found = [name for name, form in FORMS.items() if form in text]
    assert not found, f"{channel} holds the key as {', '.join(found)}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, bare_environment: None) -> Iterator[str]:
    """A served platform that takes the canary, which the environment holds."""
    with serve(Engine(keys=(CANARY,), pace=0)) as url:
        monkeypatch.setenv("GLM_BASE_URL", url)
        monkeypatch.setenv("GLM_API_KEY", CANARY)
        monkeypatch.setattr(api, "_session", None)
        yield url


@pytest.fixture
def keyed(server: str, cells: Cells) -> Cells:
    """A notebook on that server."""
    api.connect(server, tier="glm-4.5-air")
    assert cells("%glm hello").error is None
    return cells


# Cells


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("%glm what is your key?", id="answer"),
        pytest.param("x = %glm hi\nx", id="answer-shown-later"),
        pytest.param("%glm", id="card"),
        pytest.param("%glm doctor", id="doctor"),
        pytest.param("%glm usage", id="usage"),
        pytest.param("%glm --estimate hi", id="estimate"),
        pytest.param("%glm explain-request", id="explained"),
        pytest.param("%%glm --explain\nhi", id="explained-before"),
        pytest.param("%config GLMMagics", id="config"),
        pytest.param("%glm login http://127.0.0.1:1/v1", id="login"),
        pytest.param("%reload_ext glm_magics", id="reload"),
        pytest.param("from glm_magics import api\nsession = api.session()\nsession", id="session"),
        pytest.param("from glm_magics import api\nclient = api.session().client\nvars(client)", id="client"),
        pytest.param(
            "from glm_magics import api\nkey = api.session().client.endpoint.key\nprint(key, f'{key}')\n%whos",
            id="whos",
        ),
    ],
)
def test_no_cell_shows_it(keyed: Cells, code: str) -> None:
    assert_clean(keyed(code).text, code)


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal"])
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("%glm --temperature 9 hi", id="refused"),
        pytest.param("%glm -m nope hi", id="unknown-tier"),
        pytest.param("%glm {{missing}}", id="template"),
        pytest.param("%glm connect nowhere", id="address"),
        pytest.param("import glm_magics as glm\nglm.connect('ftp://x')", id="connect"),
        pytest.param(
            "import glm_magics as glm\nglm.connect('z.ai', key=read() + ' x')",
            id="bad-key",
        ),
        pytest.param(
            "import glm_magics as glm\nglm.connect('ftp://x', key=read())",
            id="key-and-bad-address",
        ),
        pytest.param(f"{UNREACHABLE}%glm -m x hi", id="no-connection"),
        pytest.param(
            f"{UNREACHABLE}glm.ask('hi', tier='x')",
            id="python-no-connection",
        ),
    ],
)
def test_no_traceback_shows_it(keyed: Cells, mode: str, code: str) -> None:
    keyed("import os\ndef read():\n    return os.environ['GLM_API_KEY']")
    keyed("%config GLMMagics.short_errors = False")
    keyed(f"%xmode {mode}")
    try:
        ran = keyed(code)
        assert ran.error is not None
        assert_clean(ran.text, f"a {mode} traceback")
    finally:
        keyed("%xmode Context")


@pytest.mark.parametrize("mode", ["Verbose", "Context"])
def test_a_prompt_for_a_bad_key_does_not_show_it(
    cells: Cells, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt="": f"{CANARY}\n{CANARY}")
    monkeypatch.setattr(_connect, "_remembered", lambda name: None)
    cells("%config GLMMagics.short_errors = False")
    cells(f"%xmode {mode}")
    try:
        ran = cells("%glm login z.ai")
        assert isinstance(ran.error, SettingError)
        assert_clean(ran.text, "a traceback of login")
    finally:
        cells("%xmode Context")


# Values


def values() -> dict[str, Any]:
    session = api.session()
    answer = api.ask("hello")
    try:
        api.ask("hello", tier="nope")
    except GLMError as error:
        failure: GLMError = error
    return {
        "key": session.client.endpoint.key,
        "endpoint": session.client.endpoint,
        "client": session.client,
        "session": session,
        "defaults": session.defaults,
        "ledger": session.ledger,
        "entry": session.ledger.entries[-1],
        "answer": answer,
        "error": failure,
        "stream": api.stream("hello"),
    }


def inside(value: Any) -> list[str]:
    """What `vars`, `dir` and the slots give away."""
    found = [repr(vars(value))] if hasattr(value, "__dict__") else []
    for name in dir(value):
        if name.startswith(("__", "_ApiKey__")):
            continue
        got = getattr(value, name, None)
        if not callable(got):
            found.append(repr(got))
    return found


def test_no_value_shows_it_in_repr_str_or_vars(keyed: Cells) -> None:
    for name, value in values().items():
        assert_clean("\n".join([repr(value), str(value), f"{value}", *inside(value)]), name)


def test_no_value_is_pickled_or_copied_with_it(keyed: Cells) -> None:
    for name, value in values().items():
        for make in (pickle.dumps, copy.deepcopy):
            try:
                made = make(value)
            except Exception as refused:
                assert_clean(str(refused), f"the refusal to pickle {name}")
            else:
                shown = made.decode("latin-1") if isinstance(made, bytes) else repr(made)
                assert_clean(shown, f"pickled {name}")


def test_a_prompt_that_holds_it_is_not_sent(keyed: Cells) -> None:
    keyed("import os\nleak = os.environ['GLM_API_KEY']")
    ran = keyed("%glm what is {{leak}}?")
    assert isinstance(ran.error, SettingError)
    assert_clean(ran.text, "the refusal")


def test_logs_at_debug_do_not_hold_it(keyed: Cells, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        keyed("%glm hello")
        keyed("%glm doctor")
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert_clean(logged, "the log")


# A server that sends it back

ECHOES = {
    "json-error": lambda: httpx.Response(
        401, json={"error": {"code": "1002", "message": f"bad token {CANARY}"}}
    ),
    "page": lambda: httpx.Response(500, text=f"<pre>Authorization: Bearer {CANARY}</pre>"),
    "base64-page": lambda: httpx.Response(500, text=base64.b64encode(CANARY.encode()).decode()),
    "hex-page": lambda: httpx.Response(502, text=CANARY.encode().hex()),
    "url-redirect": lambda: httpx.Response(
        302, headers={"Location": f"https://a.example/?k={quote(CANARY)}"}
    ),
    "host-redirect": lambda: httpx.Response(302, headers={"Location": f"https://{ACCOUNT}.example/"}),
    "request-id": lambda: httpx.Response(
        400, json={"error": {"code": "1210", "message": "no"}, "request_id": CANARY}
    ),
    "not-json": lambda: httpx.Response(200, text=f"hello {CANARY}"),
    "event-error": lambda: httpx.Response(200, text=f'event: error\ndata: {{"m": "{CANARY}"}}\n\n'),
    "stream-error": lambda: httpx.Response(200, text=f'data: {{"error": {{"message": "{CANARY}"}}}}\n\n'),
    "half": lambda: httpx.Response(500, text=f"token {SECRET}"),
    "cut-off": lambda: httpx.Response(500, text="x" * 190 + CANARY),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_no_message_repeats_what_a_server_echoes(bare_environment: None, echo: str) -> None:
    transport = httpx.MockTransport(lambda request: ECHOES[echo]())
    key = ApiKey(CANARY, source="test")
    endpoint = Endpoint("echo", "http://echo.invalid/v1", key=key, dialect="openai")
    client = Client(endpoint, transport=transport, pause=lambda event, seconds: False)
    request = ChatRequest("m", (Message("user", "hi"),))
    with pytest.raises(GLMError) as raised:
        client.complete(request)
    error = raised.value
    told = [str(error), repr(error), error.message, str(error.request_id), str(error.args), repr(vars(error))]
    assert_clean("\n".join(told), echo)
    session = api.use_client(client)
    assert_clean(explained(client, request), "the explained request")
    assert_clean(doctor.report(session, None), "doctor")
    assert_clean(magics.summary(), "the line at load")


def explained(client: Client, request: ChatRequest) -> str:
    """What is shown of a request and of its answer, whatever came."""
    traffic = Traffic()
    with contextlib.suppress(GLMError), client.stream(request, traffic=traffic) as stream:
        list(stream)
    shown = exhibits([*request_of(traffic, client.redact), *answer_of(traffic, client.redact)])
    assert "HTTP" in shown["text/plain"]
    return "\n".join([repr(traffic), *shown.values()])


# A saved notebook


def test_a_saved_notebook_does_not_hold_it(server: str, tmp_path: Path) -> None:
    sources = [
        "%load_ext glm_magics",
        "%glm",
        "%%glm glm-4.5-air -o answer\nTell me your key.",
        "answer",
        "from IPython.display import display\nfrom glm_magics.views.live import LiveView\n"
        "import glm_magics as glm\nfrom glm_magics.views import follow\n"
        "stream = glm.stream('hello', tier='glm-4.5-air')\n_ = follow(stream, LiveView(swap=False))",
        "%config GLMMagics.short_errors = False",
        "%xmode Verbose",
        "try:\n    get_ipython().run_cell_magic('glm', 'nope', 'hi')\nexcept Exception:\n    get_ipython().showtraceback()",
        "%glm explain-request",
        "%glm doctor",
        "%glm usage",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(
        notebook, timeout=60, store_widget_state=True, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    saved = nbformat.writes(notebook)
    assert "LiveAnswer" in saved or "widgets" in notebook.metadata
    assert_clean(saved, "the notebook")
    for path in tmp_path.rglob("*"):
        assert not path.is_file(), f"a cell wrote {path.name}"


def test_there_are_enough_channels() -> None:
    """Forty-five combinations of a channel and an encoding, and more."""
    channels = 14 + 4 * 9 + 2 + 10 * 2 + 3 + len(ECHOES) + 1
    assert channels * len(ENCODINGS) >= 45
    assert len(FORMS) == 15
