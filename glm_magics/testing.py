"""Fixtures for pytest, for people who test notebooks or code that uses glm_magics.

    pytest_plugins = ["glm_magics.testing"]     # in the conftest.py at the root of your tests

That line is needed: the package does not load itself into pytest, for it would slow down the tests of all who
only have it installed. Nothing here reaches a network, but for `glm_replay` when it is told to record.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from glm_magics import api, tapes
from glm_magics._session import Session
from glm_magics.client import Client, Endpoint
from glm_magics.keys import ApiKey

__all__ = [
    "glm_canary_key",
    "glm_demo",
    "glm_replay",
    "pytest_addoption",
    "pytest_runtest_makereport",
]

RECORD_VARIABLE = "GLM_RECORD"
_BASE_URL = "http://canary.invalid/api/paas/v4"
_sections = pytest.StashKey[list[str]]()
_MOST_BYTES = 50_000_000  # of a file that is looked through


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("glm-magics").addoption(
        "--glm-record",
        action="store_true",
        help=f"glm_replay asks for what its cassettes lack, live (or {RECORD_VARIABLE}=1)",
    )


@pytest.fixture
def glm_demo() -> Iterator[Session]:
    """A session of its own with the demo engine, which does not wait; the one from before comes back."""
    before = api.exchange_session(None)
    try:
        yield api.connect("demo://?pace=0")
    finally:
        _end(before)


@pytest.fixture
def glm_replay(request: pytest.FixtureRequest) -> Iterator[tapes.Replay | tapes.Recording]:
    """A session answered from `cassettes/<test file>/<test>.jsonl` beside the test file, without waiting.

    With `--glm-record` or GLM_RECORD=1 what the cassette lacks is asked of the endpoint that the environment
    names (the demo, if it names none), and what the test does not ask for is taken out.
    """
    cassette = _cassette_of(request)
    before = api.exchange_session(None)
    try:
        if request.config.getoption("--glm-record", False) or os.environ.get(RECORD_VARIABLE) == "1":
            with tapes.recording(cassette, update=True, prune=True) as recording:
                yield recording
            return
        if not cassette.exists():
            pytest.fail(f"{cassette} is not recorded: run the test once with --glm-record.", pytrace=False)
        api.exchange_session(Session(_offline()))
        with tapes.replaying(cassette, pace="fast") as replay:
            yield replay
    finally:
        _end(before)


@pytest.fixture
def glm_canary_key(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A made-up API key that a session with the demo engine uses. The test fails where it, a half of it or an
    encoding of it turns up: in what the test prints and logs, in its `tmp_path`, or in a file that it writes
    into the working folder or the test file's own.
    """
    from glm_magics.demo import DemoTransport, Engine

    secret = f"{secrets.token_hex(16)}.{secrets.token_urlsafe(12)}"
    key = ApiKey(secret, source="glm_canary_key")
    texts = request.node.stash.setdefault(_sections, [])
    for name in ("capsys", "capfd"):
        if name in request.fixturenames:
            _overhear(request.getfixturevalue(name), texts, monkeypatch)
    folders = {Path.cwd(), request.path.parent}
    began = time.time()
    before = api.exchange_session(None)
    try:
        engine = Engine(keys=(secret,), pace=0)
        endpoint = Endpoint("canary", _BASE_URL, key=key, currency="CNY")
        api.use_client(Client(endpoint, transport=DemoTransport(engine)))
        yield secret
    finally:
        _end(before)
    found = [f"the file {path}" for path in _files(tmp_path, folders, began) if _holds(path, key)]
    found += ["what it printed or logged"] if any(key.hides_in(text) for text in texts) else []
    if found:
        pytest.fail(f"The API key turned up in {', '.join(found)}.", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what a test with a canary has printed and logged until its fixture looks through it."""
    report = yield
    if call.when == "call" and _sections in item.stash:
        item.stash[_sections] += [text for _, text in report.sections]
        item.stash[_sections].append(report.longreprtext)
    return report


def _end(before: Session | None) -> None:
    """Close the test's session and bring back the one from before."""
    used = api.exchange_session(before)
    if used is not None:
        used.client.close()


def _cassette_of(request: pytest.FixtureRequest) -> Path:
    name = "".join(letter if letter.isalnum() or letter in "-_[]." else "-" for letter in request.node.name)
    return request.path.parent / "cassettes" / request.path.stem / f"{name}.jsonl"


def _offline() -> Client:
    """What is under a replay: nothing that could be reached."""
    from glm_magics import _connect

    return _connect.connect("demo://?pace=0")


def _overhear(capture: Any, texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test reads from its capture is not printed any more; so it is noted here."""
    read = capture.readouterr

    def readouterr() -> Any:
        found = read()
        texts.extend(str(part) for part in found)
        return found

    monkeypatch.setattr(capture, "readouterr", readouterr)


def _files(tmp_path: Path, folders: set[Path], began: float) -> Iterator[Path]:
    yield from (path for path in tmp_path.rglob("*") if path.is_file())
    for folder in folders:
        yield from (path for path in folder.iterdir() if path.is_file() and path.stat().st_mtime >= began - 1)


def _holds(path: Path, key: ApiKey) -> bool:
    with path.open("rb") as file:
        return key.hides_in(file.read(_MOST_BYTES).decode("utf-8", "replace"))
