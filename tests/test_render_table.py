"""Tables of data: every cell is text, in HTML as in columns of a terminal."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from glm_magics.chat import Completion
from glm_magics.render import Table, html_table, static_table, text_table
from glm_magics.render.text import columns

HOSTILE = Path(__file__).parent / "data" / "hostile_output.json"
PAYLOADS = [item["payload"] for item in json.loads(HOSTILE.read_text(encoding="utf-8"))["items"]]


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= set(attrs)


def test_hostile_text_in_every_place_leaves_only_the_tables_own_elements() -> None:
    for payload in PAYLOADS:
        table = Table([payload], [[payload], [None]], dtypes=[payload], labels=[payload, "1"], more=True)
        answer = Completion("", reasoning=payload, notes=(payload,))
        html = static_table(table, answer, summary=payload, footer=payload)["text/html"]
        found = Tags(html)
        assert found.tags <= {
            *("div", "blockquote", "p", "br", "span", "small", "details", "summary"),
            *("table", "thead", "tbody", "tr", "th", "td"),
        }
        assert found.attributes == {("class", "dataframe"), ("style", "text-align: left")}
        assert "$" not in html
        assert "\\" not in html


def test_names_dtypes_labels_and_cells_stand_where_a_dataframe_has_them() -> None:
    table = Table(
        ["name", "price"],
        [["杯子", "12.5"], ["a<b", None]],
        dtypes=["str", "Float64"],
        numeric=frozenset({1}),
        labels=["0", "1"],
        more=True,
    )
    left, right = 'style="text-align: left"', 'style="text-align: right"'
    assert html_table(table).splitlines() == [
        '<table class="dataframe">',
        "<thead>",
        f"<tr><td></td><th {left}>name</th><th {right}>price</th></tr>",
        f"<tr><td></td><td {left}><small>str</small></td><td {right}><small>Float64</small></td></tr>",
        "</thead>",
        "<tbody>",
        f"<tr><th>0</th><td {left}>杯子</td><td {right}>12.5</td></tr>",
        f"<tr><th>1</th><td {left}>a&lt;b</td><td {right}>–</td></tr>",
        f"<tr><th>…</th><td {left}>…</td><td {right}>…</td></tr>",
        "</tbody>",
        "</table>",
    ]
    assert text_table(table).splitlines() == [
        "   name    price",
        "   str   Float64",
        "0  杯子     12.5",
        "1  a<b         –",
        "…  …           …",
    ]


def test_long_cells_are_cut_by_their_width_on_the_page_and_in_the_terminal() -> None:
    table = Table(["a"], [["水" * 300], ["x" * 300], ["line\n\n\tline"]])
    html, text = html_table(table), text_table(table)
    assert "水" * 24 + "…</td>" in html
    assert "x" * 49 + "…</td>" in html
    assert [columns(line) for line in text.splitlines()] == [1, 39, 40, 9]
    assert "line line" in text


def test_no_control_character_reaches_the_terminal() -> None:
    text = text_table(Table(["\x1b[31mred"], [["\u202eback\x07"], ["\x1b]0;title\x07x"]]))
    assert text == "red\nback\nx"


def test_an_empty_table_is_its_head() -> None:
    assert text_table(Table(["a", "b"], [], dtypes=["Int64", "str"])) == "a      b\nInt64  str"


def test_a_row_of_the_wrong_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 cells, expected 2"):
        Table(["a", "b"], [["1", "2"], ["3"]])


def test_the_bundle_holds_notes_table_shape_folded_thinking_and_footer_in_this_order() -> None:
    answer = Completion("", reasoning="First.\nThen $x$.\n\nSo.", thinking_seconds=1.24, notes=("a & b",))
    bundle = static_table(Table(["a"], [["1"]]), answer, summary="1 row × 1 column", footer="glm · $1")
    assert list(bundle) == ["text/html", "text/plain"]
    before, after = bundle["text/html"].split(html_table(Table(["a"], [["1"]])))
    assert before == "<div>\n<blockquote><p>a &amp; b</p></blockquote>\n"
    assert after == (
        "\n<p>1 row × 1 column</p>\n"
        "<details>\n<summary>Thought for 1.2 s</summary>\n"
        "<p>First.<br>Then <span>&#36;</span>x<span>&#36;</span>.</p>\n<p>So.</p>\n</details>\n"
        "<p><small>glm · <span>&#36;</span>1</small></p>\n</div>"
    )
    assert bundle["text/plain"] == "Note: a & b\n\na\n1\n1 row × 1 column\n\nglm · $1\n"


def test_long_thinking_says_how_much_is_left_out() -> None:
    bundle = static_table(Table(["a"], []), Completion("", reasoning="x" * 20_007), summary="", footer="")
    assert "… 7 more characters of thinking are not kept here." in bundle["text/html"]
