"""Tables in an answer become frames in order; numbers only when asked for and when every cell is one."""

from __future__ import annotations

from typing import Any

import pytest

from glm_magics.structured.tables_in_text import frames


def rows(text: str, **options: Any) -> list[list[dict[str, Any]]]:
    """Each frame's records, None for what is missing."""
    return [
        [
            {name: None if value is None or value != value else value for name, value in record.items()}
            for record in frame.astype(object).where(frame.notna(), None).to_dict("records")
        ]
        for frame in frames(text, **options)
    ]


MARKDOWN = "| name | qty |\n|:-----|----:|\n| Cup | 2 |\n| Pot | 1 |"
CUPS = [{"name": "Cup", "qty": "2"}, {"name": "Pot", "qty": "1"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(MARKDOWN, [CUPS], id="markdown"),
        pytest.param(f"Here:\n\n{MARKDOWN}\n\nDone.", [CUPS], id="in-prose"),
        pytest.param("name | qty\n--- | ---\nCup | 2\nPot | 1", [CUPS], id="no-outer-pipes"),
        pytest.param("\n".join(f"> {line}" for line in MARKDOWN.split("\n")), [CUPS], id="block-quote"),
        pytest.param(f"```markdown\n{MARKDOWN}\n```", [CUPS], id="markdown-fence"),
        pytest.param("```csv\nname,qty\nCup,2\nPot,1\n```", [CUPS], id="csv"),
        pytest.param("```csv\nname;qty\nCup;2\nPot;1\n```", [CUPS], id="semicolons"),
        pytest.param("```tsv\nname\tqty\nCup\t2\nPot\t1\n```", [CUPS], id="tsv"),
        pytest.param("```\nname,qty\nCup,2\nPot,1\n```", [CUPS], id="plain-fence"),
        pytest.param('```csv\nname,qty\n"Cup, ""big""\nred",2\n```', [[{"name": 'Cup, "big"\nred', "qty": "2"}]], id="csv-quotes"),
        pytest.param("```csv\nname\nCup\n```", [[{"name": "Cup"}]], id="csv-one-column"),
        pytest.param('```json\n[{"a": 1}, {"a": 2}]\n```', [[{"a": 1}, {"a": 2}]], id="json"),
        pytest.param('{"a": 1}\n{"a": 2}', [[{"a": 1}, {"a": 2}]], id="json-lines"),
        pytest.param("| a | b |\n|---|---|\n| x \\| y | z |", [[{"a": "x | y", "b": "z"}]], id="escaped-pipe"),
        pytest.param("| a | b |\n|---|---|\n| `x|y` | `z` |", [[{"a": "x|y", "b": "z"}]], id="pipe-in-code"),
        pytest.param("| a | b |\n|---|---|\n| x |\n| | y |", [[{"a": "x", "b": None}, {"a": None, "b": "y"}]], id="missing-cells"),
        pytest.param("| a | b |\n|---|---|\n| **x** | p<br>q &amp; \\* |", [[{"a": "x", "b": "p\nq & *"}]], id="markup"),
        pytest.param("| a | a | |\n|---|---|---|\n| 1 | 2 | 3 |", [[{"a": "1", "a_2": "2", "column_3": "3"}]], id="repeated-names"),
        pytest.param("| a |\n|---|\n| 01234 |", [[{"a": "01234"}]], id="code"),
        pytest.param("| a |\n|---|", [[]], id="no-rows"),
        pytest.param("| a | b |\n|---|---|\n| 1 | 2 | 3 |", [], id="rows-wider-than-header"),
        pytest.param("```csv\nname,price\nCup,1,299\n```", [], id="csv-that-does-not-fit"),
        pytest.param("a | b and c\nno table", [], id="pipes-in-prose"),
        pytest.param("```python\nrows = [1]\n```\nAs in [1].", [], id="code-is-no-table"),
        pytest.param(f"<think>{MARKDOWN}</think>ok", [], id="thinking"),
        pytest.param("", [], id="nothing"),
        pytest.param("````markdown\nSo:\n```csv\na,b\n1,2\n```\n````", [[{"a": "1", "b": "2"}]], id="fence-in-fence"),
        pytest.param("1. First:\n\n   | a | b |\n   |---|---|\n   | 1 | 2 |\n", [[{"a": "1", "b": "2"}]], id="in-a-list"),
        pytest.param("| a | b |\r\n|---|---|\r\n| 1 | 2 |\r\n", [[{"a": "1", "b": "2"}]], id="windows-lines"),
        pytest.param("| | a |\n|---|---|\n| r | 1 |", [[{"column_1": "r", "a": "1"}]], id="no-first-name"),
        pytest.param("| a | b |\n|---|---|\n| `x || y` | or |", [[{"a": "x || y", "b": "or"}]], id="two-pipes-in-code"),
        pytest.param("```csv\na;b\n1,5;x\n```", [[{"a": "1,5", "b": "x"}]], id="decimal-commas-stay"),
        pytest.param('```json\n{"rows": [{"a": 1}, {"a": 2}]}\n```', [[{"a": 1}, {"a": 2}]], id="json-rows"),
        pytest.param(f'{MARKDOWN}\n\n```json\n[{{"a": 1}}]\n```\n\nx | y\n-|-\n1 | 2', [CUPS, [{"a": 1}], [{"x": "1", "y": "2"}]], id="in-order"),
    ],
)  # fmt: skip
def test_tables_are_found(text: str, expected: list[list[dict[str, Any]]]) -> None:
    assert rows(text) == expected


def column(cells: list[str], **options: Any) -> list[Any]:
    text = "| x | y |\n|---|---|\n" + "\n".join(f"| {cell} | a |" for cell in cells)
    return [record["x"] for record in rows(text, **options)[0]]


@pytest.mark.parametrize(
    ("cells", "expected", "unit"),
    [
        pytest.param(["1", "2"], [1, 2], None, id="integers"),
        pytest.param(["1,234 kg", "5 kg"], [1234, 5], "kg", id="units"),
        pytest.param(["12 %", "7.5%"], [0.12, 0.075], "%", id="percent"),
        pytest.param(["$1,299.50", "$3"], [1299.5, 3.0], "$", id="money"),
        pytest.param(["3.5万", "2亿"], [35_000, 200_000_000], None, id="wan-and-yi"),
        pytest.param(["3.5万元", "1万元"], [35_000, 10_000], "元", id="wan-yuan"),
        pytest.param(["1", "N/A", "—"], [1, None, None], None, id="not-available"),
        pytest.param(["-1.5", "−2"], [-1.5, -2.0], None, id="minus"),
        pytest.param(["9007199254740993"], [9007199254740993], None, id="exact"),
        pytest.param(["01234", "99999"], ["01234", "99999"], None, id="codes-stay"),
        pytest.param(["5 kg", "5 m"], ["5 kg", "5 m"], None, id="mixed-units-stay"),
        pytest.param(["5 kg", "5"], ["5 kg", "5"], None, id="half-units-stay"),
        pytest.param(["3-4", "5"], ["3-4", "5"], None, id="ranges-stay"),
        pytest.param(["2026-01-02"], ["2026-01-02"], None, id="dates-stay"),
        pytest.param(["1", "one"], ["1", "one"], None, id="words-stay"),
        pytest.param(["N/A"], ["N/A"], None, id="nothing-known-stays"),
        pytest.param(["¥5", "6元"], [5, 6], "¥", id="one-unit-in-two-spellings"),
        pytest.param(["25°C", "-3 °C"], [25, -3], "°C", id="degrees"),
        pytest.param(["60 km/h"], [60], "km/h", id="speed"),
        pytest.param(["5‰"], ["5‰"], None, id="per-mille-stays"),
        pytest.param(["1990s"], ["1990s"], None, id="decades-stay"),
        pytest.param(["(5)", "6"], ["(5)", "6"], None, id="brackets-stay"),
    ],
)
def test_numbers_with_units(cells: list[str], expected: list[Any], unit: str | None) -> None:
    assert column(cells, numbers=True) == expected
    assert column(cells) == cells
    text = "| x |\n|---|\n" + "\n".join(f"| {cell} |" for cell in cells)
    (frame,) = frames(text, numbers=True)
    assert frame.attrs.get("units", {}).get("x") == unit
