"""The fixtures for people who test their own notebooks: each tried in a pytest of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = 'pytest_plugins = ["glm_magics.testing"]\n'
ASKS = """
import glm_magics as glm

def test_sum(glm_replay):
    assert "42" in glm.ask("what is 6 * 7?").text
"""


@pytest.fixture
def tests(
    pytester: pytest.Pytester, bare_environment: None, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    monkeypatch.delenv("GLM_RECORD", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    pytester.makeconftest(CONFTEST)
    return pytester


def run(tests: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    tests.makepyfile(test_it=code)
    return tests.runpytest_subprocess("-p", "no:cacheprovider", *options)


def test_glm_demo_is_a_session_of_its_own_and_the_old_one_comes_back(tests: pytest.Pytester) -> None:
    result = run(
        tests,
        """
        import glm_magics as glm
        from glm_magics import api

        mine = glm.connect("http://127.0.0.1:1/v1", tier="x")

        def test_one(glm_demo):
            assert glm.session() is glm_demo and glm_demo is not mine
            assert "42" in glm.ask("what is 6 * 7?").text
            assert len(glm.usage()) == 1

        def test_two(glm_demo):
            assert len(glm.usage()) == 0

        def test_three():
            assert glm.session() is mine
        """,
    )
    result.assert_outcomes(passed=3)


def test_glm_replay_wants_a_cassette_and_says_how_to_record_one(tests: pytest.Pytester) -> None:
    result = run(tests, ASKS)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*is not recorded: run the test once with --glm-record.*"])


@pytest.mark.parametrize("way", ["option", "variable"])
def test_glm_replay_records_when_told_and_replays_then(
    tests: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "variable":
        monkeypatch.setenv("GLM_RECORD", "1")
    run(tests, ASKS, *(["--glm-record"] if way == "option" else [])).assert_outcomes(passed=1)
    cassette = tests.path / "cassettes" / "test_it" / "test_sum.jsonl"
    recorded = cassette.read_bytes()
    assert json.loads(recorded.splitlines()[0])["endpoint"] == "demo"
    monkeypatch.delenv("GLM_RECORD", raising=False)
    monkeypatch.setenv("GLM_BASE_URL", "http://127.0.0.1:1/v1")  # nothing answers there
    run(tests, ASKS).assert_outcomes(passed=1)
    assert cassette.read_bytes() == recorded


def test_glm_replay_fails_for_what_is_new_and_records_only_that(tests: pytest.Pytester) -> None:
    run(tests, ASKS, "--glm-record").assert_outcomes(passed=1)
    changed = ASKS.replace("6 * 7", "2 * 21")
    result = run(tests, changed)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NotRecorded*", "*recorded 'what is 6 ?* 7?', asked 'what is 2 ?* 21?'*"])
    run(tests, changed, "--glm-record").assert_outcomes(passed=1)
    lines = (tests.path / "cassettes" / "test_it" / "test_sum.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 2, "what the test does not ask for any more is taken out"
    assert "2 * 21" in lines[1]


LEAKS = {
    "print": "print(glm_canary_key)",
    "stderr": "import sys; print(glm_canary_key[::-1], file=sys.stderr)",
    "log": "import logging; logging.getLogger('x').warning('key %s', glm_canary_key)",
    "half": "print(glm_canary_key.split('.')[1])",
    "base64": "import base64; print(base64.b64encode(b'x' + glm_canary_key.encode()))",
    "tmp_path": "(tmp_path / 'a' ).mkdir(); (tmp_path / 'a' / 'x.txt').write_text(glm_canary_key)",
    "working-folder": "open('left.ipynb', 'w').write(glm_canary_key)",
    "read-by-the-test": "print(glm_canary_key); capsys.readouterr()",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_glm_canary_key_fails_a_test_that_lets_it_out(tests: pytest.Pytester, leak: str) -> None:
    fixtures = "glm_canary_key, tmp_path" + (", capsys" if "capsys" in LEAKS[leak] else "")
    result = run(tests, f"def test_leak({fixtures}):\n    {LEAKS[leak]}\n")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*The API key turned up in *"])


def test_glm_canary_key_is_the_key_of_a_session_that_works_and_keeps_it(tests: pytest.Pytester) -> None:
    result = run(
        tests,
        """
        import logging
        import glm_magics as glm

        def test_kept(glm_canary_key, tmp_path, caplog):
            caplog.set_level(logging.DEBUG)
            with glm.recording(tmp_path / "a.jsonl"):
                print(glm.ask("what is 6 * 7?"), glm.session(), vars(glm.session().client))
            assert glm.session().client.endpoint.key.authorization() == f"Bearer {glm_canary_key}"
            assert (tmp_path / "a.jsonl").exists()
        """,
    )
    result.assert_outcomes(passed=1)


def test_pytest_is_not_burdened_where_nobody_asks_for_the_fixtures(tests: pytest.Pytester) -> None:
    tests.makeconftest("")
    result = run(tests, "import sys\ndef test_it():\n    assert 'glm_magics' not in sys.modules\n")
    result.assert_outcomes(passed=1)
    done = subprocess.run(
        [sys.executable, "-c", "import glm_magics.api, sys; assert 'pytest' not in sys.modules"], check=False
    )
    assert done.returncode == 0
