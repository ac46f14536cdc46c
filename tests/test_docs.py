"""What the documents say about the project is so: commands, links, the manual, the Python on the front page."""

import re
from pathlib import Path
from typing import Any

import pytest

from glm_magics import __version__, manual

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = sorted(path.name for path in ROOT.glob("*.md"))
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_the_front_page_opens_with_two_commands_and_the_second_is_what_runs_everywhere() -> None:
    (first, start), (second, check) = BLOCKS[:2]
    assert (first, second) == ("sh", "sh")
    assert "notebooks/01_quickstart.ipynb" in start
    assert check.strip() in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_manual_on_the_front_page_is_the_one_of_the_program() -> None:
    shown = re.search(r"<!-- manual.*?-->\n```\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    assert shown is not None
    assert shown[1].strip("\n") == manual.text().strip("\n"), "copy the output of `%glm help` into README.md"


def test_the_python_on_the_front_page_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GLM_BASE_URL", "ZAI_API_KEY", "ZHIPUAI_API_KEY", "ZHIPU_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("glm_magics.api._session", None)
    programs = [text for language, text in BLOCKS if language == "python" and "import glm_magics" in text]
    names: dict[str, Any] = {}
    for program in programs:
        exec(
            "import glm_magics\nglm_magics.connect('demo://?pace=0')\nglm_magics.pandas()\n" + program, names
        )
    assert names["rated"]["mood"].tolist() == ["good", "bad", "good"]
    printed = capsys.readouterr().out
    assert "391" in printed
    assert "Mercury" in printed
    assert printed.rstrip().endswith("stop")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_links_to_exists(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_files_that_a_document_names_exist(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    named = re.findall(r"`((?:\.ci|binder|glm_magics|notebooks|tests|widgets)/[\w./-]*)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_changelog_begins_with_this_release() -> None:
    releases = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert releases[0] == __version__
