"""Tab on a line of `%glm` or `%%glm`, through IPython's own completer: what fits, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cells
from IPython.core.completer import provisionalcompleter

from glm_magics._tiers import tiers
from glm_magics.demo import FAULTS
from glm_magics.grammar import OPTIONS
from glm_magics.manual import COMMANDS


def complete(cells: Cells, text: str) -> list[str]:
    """The whole lines that Tab offers at the end of `text`."""
    with provisionalcompleter():
        found = list(cells.shell.Completer.completions(text, len(text)))
    assert all(completion.end == len(text) for completion in found)
    return [completion.text for completion in found]


NAMES = "sales = {'a': 1}\nsalary = 3\nsample = print\n_saved = 2\nimport os as sa_module"
CLASSES = (
    "from dataclasses import dataclass\nfrom typing import TypedDict\nfrom pydantic import BaseModel\n"
    "@dataclass\nclass ItemData:\n    a: int\nclass ItemModel(BaseModel):\n    a: int\n"
    "class ItemDict(TypedDict):\n    a: int\nclass ItemPlain:\n    pass\nItem_number = 3"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("%%glm ai", {"air", "airx"}, id="tier"),
        pytest.param("%glm --tier ai", {"air", "airx"}, id="tier-of-an-option"),
        pytest.param("%glm --model=ai", {"air", "airx"}, id="tier-after-equals"),
        pytest.param("%glm use ai", {"air", "airx"}, id="tier-of-use"),
        pytest.param("%%glm air ai", set(), id="one-tier-is-enough"),
        pytest.param("%%glm air --ef", {"--effort"}, id="option"),
        pytest.param("x = %glm --temp", {"--temperature"}, id="assigned"),
        pytest.param("y = 1\nx = %glm --temp", {"--temperature"}, id="second-line"),
        pytest.param("%%glm glm-5.2 --effort m", {"max", "medium", "minimal"}, id="effort"),
        pytest.param("%glm us", {"use", "usage"}, id="command"),
        pytest.param("%glm demo f", {"fault"}, id="word-of-a-command"),
        pytest.param("%glm demo fault 130", {name for name in FAULTS if name.startswith("130")}, id="fault"),
        pytest.param("%glm check sal", {"sales", "salary"}, id="name-to-check"),
        pytest.param("%glm check sales --ma", {"--matches", "--max-tokens"}, id="what-to-check"),
        pytest.param("%glm check sales --tier ai", {"air", "airx"}, id="tier-to-check"),
        pytest.param("%glm doctor --s", {"--scan"}, id="scan"),
        pytest.param("%glm tiers --f", {"--free"}, id="option-of-a-command"),
        pytest.param("%glm -o sal", {"sales", "salary"}, id="name-to-bind"),
        pytest.param("%glm -i sa", {"sales", "salary"}, id="data-only"),
        pytest.param("%glm compare {{sa", {"sales", "salary"}, id="slot"),
        pytest.param("%%glm\ncompare {{ sal", {"sales", "salary"}, id="slot-in-a-prompt"),
    ],
)
def test_tab_offers_what_fits(cells: Cells, text: str, found: set[str]) -> None:
    cells(NAMES)
    assert set(complete(cells, text)) == found


def test_schema_offers_what_describes_data(cells: Cells) -> None:
    cells(CLASSES)
    assert set(complete(cells, "%%glm --schema Item")) == {"ItemData", "ItemModel", "ItemDict"}
    assert set(complete(cells, "%%glm --as ")) == {"frame", "record", "json", "text"}


def test_all_options_commands_and_tiers_are_offered(cells: Cells) -> None:
    assert set(complete(cells, "%glm -")) == {name for option in OPTIONS for name in option.names}
    assert set(complete(cells, "%glm ")) == set(COMMANDS)
    assert {tier.id for tier in tiers()} <= set(complete(cells, "%%glm "))


def test_a_path_after_file_is_completed_by_ipython(
    cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "depots.md").write_text("words")
    monkeypatch.chdir(tmp_path)
    assert "depots.md" in complete(cells, "%%glm --file dep")


@pytest.mark.parametrize("text", ["import o", "os.pa", "%tim", "%%timeit\nos.pa", "print('%glm ', o"])
def test_other_lines_complete_as_ever(cells: Cells, text: str) -> None:
    cells("import os")
    with_us = complete(cells, text)
    cells("%unload_ext glm_magics")
    assert complete(cells, text) == with_us
    cells("%load_ext glm_magics")


@pytest.mark.filterwarnings("ignore:.*pending deprecation")
def test_the_classic_call_works_too(cells: Cells) -> None:
    assert cells.shell.complete(None, "%glm us", 7) == ("us", ["usage", "use"])
