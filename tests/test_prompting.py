"""The prompt of a cell: images stand where their names do, and reach the demo as they are."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glm_magics import grammar, prompting
from glm_magics.chat import ImagePart, TextPart
from glm_magics.errors import RequestError, TemplateError
from tests.conftest import Cells
from tests.pictures import picture


def content(text: str, line: str = "", **names: Any) -> Any:
    (message,) = prompting.messages(text, grammar.parse_all(line), names)
    return message.content


def shape(parts: Any) -> list[str]:
    """The parts of a message in short: its texts, and the names of its images."""
    return [part.text if isinstance(part, TextPart) else f"<{part.name}>" for part in parts]


A, B = Image.new("L", (5, 5)), picture()


def test_text_alone_stays_text() -> None:
    assert content("Add {{a}} and {{b}}.", a=1, b="x") == "Add 1 and x."


def test_images_stand_where_their_names_do() -> None:
    parts = content("Compare {{a}} with {{b}}, {{how}}.\n", a=A, b=B, how="{{a}} twice")
    assert shape(parts) == ["Compare ", "<a>", " with ", "<b>", ", {{a}} twice."]


def test_an_image_alone_needs_no_text() -> None:
    assert shape(content("{{a}}\n", a=A)) == ["<a>"]


def test_attached_images_come_behind_the_text_and_the_data() -> None:
    parts = content("Look.", "-i a --image m -i n", a=A, n=3, m=np.zeros((4, 4)))
    assert shape(parts) == ["Look.", "<a>", "Data `n`:\n\n```json\n3\n```", "<m>"]


def test_a_matrix_is_numbers_unless_it_is_asked_for_as_an_image() -> None:
    assert content("{{m}}", m=np.zeros((2, 2))) == "[[0. 0.]\n [0. 0.]]"
    assert isinstance(content("x", "--image m", m=np.zeros((2, 2)))[1], ImagePart)


def test_raw_fills_nothing_and_still_attaches() -> None:
    assert shape(content("{{a}}", "--raw --image a", a=A)) == ["{{a}}", "<a>"]


def test_an_image_by_its_path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.png").write_bytes(picture())
    assert shape(content("x", '--image "a b.png"')) == ["x", "<a b.png>"]
    assert shape(content("x", "--image p", p="a b.png")) == ["x", "<p>"]


@pytest.mark.parametrize(
    ("line", "names", "why"),
    [
        ("--image https://example.com/a.png", {}, "Add --fetch"),
        ("--image nothing.png", {}, "cannot be read"),
        ("--image f", {"f": print}, "f is a builtin_function_or_method, which is no image"),
        ("--image _hidden", {"_hidden": A}, "not filled"),
        ("--image a.attribute", {"a": A}, "cannot be read"),
        ("--fetch --image http://127.0.0.1/a.png", {}, "expected https"),
        ("--fetch --image https://127.0.0.1/a.png", {}, "private network"),
    ],
)
def test_what_cannot_be_attached_is_said(line: str, names: dict[str, Any], why: str) -> None:
    with pytest.raises((RequestError, TemplateError)) as raised:
        content("x", line, **names)
    assert why in str(raised.value)


def test_the_system_message_takes_no_image() -> None:
    with pytest.raises(TemplateError, match="is a Image, which is not data"):
        prompting.filled("{{a}}", grammar.parse_all(""), {"a": A})


# In a notebook

FIGURE = "import matplotlib.figure\nfig = matplotlib.figure.Figure((6.4, 4.8), dpi=100)\nfig.subplots().plot([1, 3, 2])"


@pytest.mark.parametrize("line", ["", "-i fig", "--image fig"])
def test_a_figure_made_in_a_cell_reaches_the_demo_and_the_answer_tells_its_size(
    cells: Cells, line: str
) -> None:
    cells(FIGURE)
    body = "What does {{fig}} show?" if not line else "What does it show?"
    ran = cells(f"%%glm glm-4.6v -o answer {line}\n{body}")
    assert ran.error is None
    assert "1. PNG, 640 × 480 pixels" in cells["answer"].text
    (sent,) = cells["answer"].images
    assert (sent.name, sent.format, sent.width, sent.height) == ("fig", "PNG", 640, 480)


def test_the_record_has_the_size_of_an_image_and_never_its_pixels(cells: Cells) -> None:
    from glm_magics.views import record

    cells(FIGURE)
    cells("%%glm glm-4.6v -o answer --image fig\nLook")
    kept = json.dumps(record(cells["answer"]))
    assert '"images": [{"name": "fig", "format": "PNG", "width": 640, "height": 480, "bytes": ' in kept
    assert "iVBOR" not in kept + repr(cells["answer"])
    assert len(kept) < 1_000


def test_a_text_tier_is_a_short_error(cells: Cells) -> None:
    cells(FIGURE)
    ran = cells("%%glm air\nWhat does {{fig}} show?")
    assert "glm-4.5-air cannot see images; tiers that can: glm-4.6v-flash" in ran.text
    assert "Traceback" not in ran.text


def test_the_estimate_of_a_cell_counts_its_images(cells: Cells) -> None:
    cells(FIGURE)
    ran = cells("%%glm glm-4.6v --estimate --image fig\nLook")
    assert "1 image" in ran.out
    assert "Nothing was sent" in ran.out
