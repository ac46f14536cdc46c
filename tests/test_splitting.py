"""A document in parts: nothing lost, nothing twice, cut where it is least missed."""

from __future__ import annotations

import random
import re

import pytest
from document_samples import report
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_magics.documents.document import Document, Kind, Section
from glm_magics.documents.outline import markdown_sections, text_sections
from glm_magics.documents.splitting import Part, parts
from glm_magics.tokens import estimate


def markdown(text: str, name: str = "a.md") -> Document:
    return Document(name, "Markdown", markdown_sections(text))


def of_kind(kind: Kind, text: str) -> Document:
    return Document("a", kind, text_sections(text, chapters=False))


def joined(found: tuple[Part, ...]) -> str:
    return "".join(part.text for part in found)


def test_what_fits_is_one_part() -> None:
    (part,) = parts([markdown("# One\nwords\n")], 1_000)
    assert (part.id, part.document, part.place, part.text) == (
        "S1",
        "a.md",
        "lines 1–2 (One)",
        "# One\nwords\n",
    )


def test_ids_go_on_from_one_document_to_the_next() -> None:
    found = parts([markdown(report(6), "a.md"), markdown(report(3), "b.md")], 400)
    assert [part.id for part in found] == [f"S{number}" for number in range(1, len(found) + 1)]
    assert {part.document for part in found} == {"a.md", "b.md"}


def test_a_section_that_fits_is_not_divided() -> None:
    found = parts([markdown(report(12))], 600)
    assert len(found) > 3
    assert all(part.text.startswith("#") for part in found)


def test_the_lines_of_a_part_are_those_of_the_file() -> None:
    text = report(12)
    lines = text.splitlines(keepends=True)
    for part in parts([markdown(text)], 300):
        first, last = map(int, re.match(r"lines (\d+)–(\d+)", part.place).groups())  # type: ignore[union-attr]
        assert "".join(lines[first - 1 : last]) == part.text


@pytest.mark.parametrize(
    ("numbers", "place"), [((3,), "page 3"), ((3, 4, 5), "pages 3–5"), ((2, 9), "pages 2–9")]
)
def test_pages_are_named(numbers: tuple[int, ...], place: str) -> None:
    pages = tuple(Section(f"[page {number}]\nwords\n\n", unit="page", number=number) for number in numbers)
    assert [part.place for part in parts([Document("a.pdf", "PDF", pages)], 1_000)] == [place]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("# A\n## B\nx\n# C\n", "lines 1–4 (A … C)", id="two-chapters"),
        pytest.param("# A\n## B\nx\n", "lines 1–3 (A … B)", id="down"),
        pytest.param("x\n# A\n", "lines 1–2 (A)", id="from-nowhere"),
        pytest.param("x\ny\n", "lines 1–2", id="no-headings"),
        pytest.param("x\n", "line 1", id="one-line"),
    ],
)
def test_headings_are_named_from_the_first_to_the_last(text: str, place: str) -> None:
    assert [part.place for part in parts([markdown(text)], 1_000)] == [place]


def test_a_long_page_is_divided_and_both_parts_are_of_it() -> None:
    page = Section("One sentence. " * 200 + "\n", unit="page", number=7)
    assert {part.place for part in parts([Document("a.pdf", "PDF", (page,))], 100)} == {"page 7"}


def test_fenced_code_is_kept_in_one_piece() -> None:
    code = "```python\n" + "\n\n".join(f"x{at} = {at}" for at in range(40)) + "\n```\n"
    prose = "Words before and after the code.\n\n" * 30
    found = parts([markdown(f"{prose}{code}{prose}")], estimate(code) + 20)
    assert sum(code in part.text for part in found) == 1


def test_a_row_of_a_table_is_not_cut() -> None:
    table = "| depot | crates |\n|---|---|\n" + "".join(f"| depot {at} | {at * 111} |\n" for at in range(300))
    for part in parts([markdown(table)], 200):
        assert all(re.fullmatch(r"\|[^|]+\|[^|]+\|", line) for line in part.text.splitlines())


def test_records_of_csv_are_not_cut_and_each_part_has_the_header() -> None:
    rows = [f'{at},"a note\nof two lines, number {at}"\n' for at in range(100)]
    found = parts([of_kind("CSV", "id,note\n" + "".join(rows))], 200)
    assert len(found) > 3
    assert all(part.text.startswith("id,note\n") for part in found)
    assert "".join(part.text.removeprefix("id,note\n") for part in found) == "".join(rows)


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        pytest.param("One sentence of a few words. " * 200, r"words\. \n?", id="english"),
        pytest.param("天气一天比一天凉了，大家都加了衣服。" * 200, r"衣服。\n?", id="chinese"),
        pytest.param("「是吗？」他问。" * 300, r"[。？」]\n?", id="chinese-quotes"),
    ],
)
def test_a_long_paragraph_is_cut_between_sentences(text: str, ending: str) -> None:
    found = parts([of_kind("text", text)], 100)
    assert len(found) > 5
    assert all(re.search(f"(?:{ending})$", part.text) for part in found)


def test_json_on_one_line_is_cut_between_items() -> None:
    text = "[" + ",".join(f'{{"id":{at},"name":"depot"}}' for at in range(300)) + "]"
    found = parts([of_kind("JSON", text)], 150)
    assert all(part.text.rstrip("\n").endswith(("},", "]")) for part in found)
    assert joined(found) == text + "\n"


def test_text_without_any_gap_is_cut_all_the_same() -> None:
    found = parts([of_kind("text", "x" * 100_000), of_kind("text", "☃" * 1_000)], 100)
    assert max(part.tokens for part in found) <= 100
    assert joined(found) == "x" * 100_000 + "\n" + "☃" * 1_000 + "\n"


PIECES = [
    "word ",
    "字。",
    "\n",
    "\n\n",
    "# head\n",
    "```\n",
    "| a | b |\n",
    "12,345 ",
    "☃",
    "x" * 90,
    "! ",
    "，",
]


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10**6), st.integers(20, 400))
def test_parts_add_up_to_the_text_and_keep_to_their_size(seed: int, most: int) -> None:
    text = "".join(random.Random(seed).choices(PIECES, k=600)) + "\n"
    found = parts([markdown(text)], most)
    assert joined(found) == text
    assert max(part.tokens for part in found) <= most
    assert found == parts([markdown(text)], most)
