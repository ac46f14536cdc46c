"""The browser's files: found, small, on their own, and with one way in for HTML."""

import re

import pytest

from glm_magics._assets import asset, script, style

SCRIPT = script("stream.js")
COMPARE = script("compare.js")
CODE = re.sub(r"/\*\*.*?\*/", "", SCRIPT, flags=re.DOTALL)  # without the types, which name packages
STYLE = style("stream.css", "table.css", "compare.css")

# Whatever turns a string into elements or code.
SINKS = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|setHTML|DOMParser|\beval\b|\bFunction\(|setAttributeNS|srcdoc|\.href\b|\.src\b|\bimport\("


def test_an_asset_is_a_file_with_content():
    assert SCRIPT
    assert STYLE


def test_a_missing_asset_is_an_error_that_says_what_to_do():
    with pytest.raises(FileNotFoundError, match="install it again"):
        asset("nothing.js")


def test_all_modules_go_as_one_with_no_name_twice():
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", SCRIPT, flags=re.MULTILINE)
    assert {"element", "tableArea", "render"} <= set(names)
    assert len(names) == len(set(names))


def test_answers_side_by_side_are_the_view_of_one_answer_and_little_more():
    assert re.findall(r"^export .*$", COMPARE, flags=re.MULTILINE) == [
        "export default { initialize: initializeAll, render: renderAll };"
    ]
    assert len(COMPARE) - len(SCRIPT) < 3_000
    own = re.sub(r"/\*\*.*?\*/", "", COMPARE, flags=re.DOTALL)
    assert re.findall(SINKS, own) == ["innerHTML"]
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", COMPARE, flags=re.MULTILINE)
    assert len(names) == len(set(names))


def test_html_gets_into_the_page_at_one_place_and_code_nowhere():
    assert re.findall(SINKS, CODE) == ["innerHTML"]
    assert "template.innerHTML = cleaned" in SCRIPT


def test_nothing_is_loaded_from_elsewhere():
    assert re.findall(r"\bimport\b|\brequire\(|\bfetch\(|https?://|new Worker", CODE) == []
    assert re.findall(r"@import|url\(|https?://", STYLE) == []


def test_the_module_exports_what_anywidget_expects_and_no_more():
    assert re.findall(r"^export .*$", SCRIPT, flags=re.MULTILINE) == [
        "export default { initialize, render };"
    ]


def test_every_rule_stays_inside_the_view():
    rules = re.sub(r"/\*.*?\*/|@keyframes.*?\n  }\n", "", STYLE, flags=re.DOTALL)
    selectors = [
        part.strip() for block in re.findall(r"([^{}]+){", rules) for part in re.split(r",(?![^(]*\))", block)
    ]
    assert [s for s in selectors if not s.startswith((".glm", "@media", "@container"))] == []


def test_every_colour_comes_from_the_host_with_a_fallback():
    colours = re.findall(r"#[0-9a-f]{3,6}\b", STYLE)
    inside = re.findall(r"var\(--[^;]*?(#[0-9a-f]{3,6})\b", STYLE)
    assert sorted(colours) == sorted([*inside, "#000"])  # the mask's black is no colour


def test_it_stays_small_because_it_travels_with_every_cell():
    assert len(SCRIPT) + len(STYLE) < 34_000


def test_no_glyph_needs_a_special_font():
    assert [c for c in SCRIPT + STYLE if ord(c) > 0x2FFF or 0x2190 <= ord(c) <= 0x2BFF] == []
