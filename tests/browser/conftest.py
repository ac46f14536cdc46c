"""One server and one browser for all tests of this folder; a test that lacks them fails and says why."""

from contextlib import ExitStack

import pytest

from . import lab


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    try:
        started = lab.Server(tmp_path_factory.mktemp("jupyter"), demo="demo://?pace=0.1")
    except lab.Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    yield started
    started.close()


@pytest.fixture(scope="session")
def chromium():
    with ExitStack() as stack:
        try:
            started = stack.enter_context(lab.browser())
        except lab.Missing as missing:
            pytest.fail(str(missing), pytrace=False)
        yield started


@pytest.fixture
def open_notebook(server, chromium):
    """`open_notebook(cells_or_name, app="lab", …)`: closed after the test."""
    with ExitStack() as stack:
        yield lambda source, **options: stack.enter_context(lab.notebook(server, chromium, source, **options))
