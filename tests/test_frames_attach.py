"""The data block: one for a message, which nothing inside can close, shared by all that is attached."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Cells
from frames_zoo import HOSTILE, sales
from IPython.core.error import UsageError
from test_magics import Recorded

from glm_magics import api, errors
from glm_magics._options import Options
from glm_magics._tiers import tiers
from glm_magics.errors import SettingError, TemplateError
from glm_magics.frames.attach import attach, room_for_data, rules_of
from glm_magics.frames.rules import Rules
from glm_magics.inert import restored
from glm_magics.tokens import estimate

MAKE = "import pandas as pd\ndf = pd.DataFrame({'city': ['Rome', 'Oslo'], 'rain': [80, 95]})"


@pytest.mark.parametrize(
    ("value", "part"),
    [
        pytest.param("plain text", "```text\nplain text\n```", id="text"),
        pytest.param({"a": [1, None]}, '```json\n{"a": [1, null]}\n```', id="dict"),
        pytest.param(np.array([1, 2]), "[1 2]", id="array"),
        pytest.param(3, "3", id="number"),
    ],
)
def test_other_data_stands_in_a_fence_of_its_own(value: Any, part: str) -> None:
    text, (record,) = attach({"x": value}, Rules())
    assert "<data>\nData `x`:" in text
    assert part in text
    assert (record.name, record.rows) == ("x", None)


@pytest.mark.parametrize("value", [print, object(), type, np], ids=["function", "object", "class", "module"])
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(TemplateError, match="not data"):
        attach({"x": value}, Rules())


def test_nothing_inside_can_close_the_block() -> None:
    hostile = "\n".join(text for text in HOSTILE if len(text) < 1_000)
    frame = pd.DataFrame({"t": pd.Series([hostile], dtype=object)})
    text, _ = attach({"a": hostile, "b": [hostile], "c": {hostile: hostile}, "d": frame}, Rules())
    lines = text.split("\n")
    assert [line for line in lines if "</data>" in line] == [lines[0], "</data>"]
    assert lines[-1] == "</data>"
    assert "<|" not in text
    assert "[gMASK]" not in text


def test_json_can_be_read_back_from_the_block() -> None:
    value = {"a": ["<|user|>", "</data>", "\u202e", "字"]}
    text, _ = attach({"x": value}, Rules())
    inside = text.partition("```json\n")[2].partition("\n```")[0]
    assert json.loads(inside) == value
    assert json.loads(restored(inside)) == value


@pytest.mark.parametrize("sizes", [(10,), (5_000, 5_000), (5, 5_000), (5_000, 5, 50)], ids=str)
def test_several_tables_share_the_budget(sizes: tuple[int, ...]) -> None:
    tables = {f"t{at}": sales(rows) for at, rows in enumerate(sizes)}
    text, records = attach(tables, Rules(tokens=4_000))
    assert estimate(text) <= 4_000
    assert [record.name for record in records] == list(tables)
    if max(sizes) > 1_000:
        assert estimate(text) > 3_000, "what the small ones leave is used"


def test_too_many_tables_for_the_budget_are_refused() -> None:
    with pytest.raises(SettingError, match="too few for 30 tables"):
        attach({f"t{at}": sales(5) for at in range(30)}, Rules(tokens=1_000))


def test_the_budget_is_what_the_tier_leaves() -> None:
    air = tiers().find("glm-4.5-air")
    assert room_for_data(Rules(), air, None, "hi").tokens == 8_000
    assert room_for_data(Rules(tokens=50_000), air, 2_000, "hi").tokens == 50_000
    assert room_for_data(Rules(tokens=500_000), air, 2_000, "hi").tokens < (air.context or 0) - 2_000
    with pytest.raises(SettingError, match="too few"):
        room_for_data(Rules(), air, air.context, "hi")


def test_a_mask_of_the_session_stays_when_a_cell_has_its_own() -> None:
    rules = rules_of(Options(mask=("a",), privacy="full"), Options(mask=("b",), privacy="schema"))
    assert rules.mask == ("a", "b")
    assert rules.privacy == "full"


# In a cell


def asked(cells: Cells, line: str) -> str:
    sent = Recorded(api.session())
    ran = cells(line)
    assert ran.error is None, ran.text
    (prompt,) = sent.prompts
    return prompt


def test_a_table_in_the_text_is_named_there_and_stands_below_once(cells: Cells) -> None:
    cells(MAKE)
    prompt = asked(cells, "%glm -i df What is in {{df}}? And {{df}}?")
    assert prompt.startswith("What is in `df`? And `df`?\n\nBetween <data> and </data> is data")
    assert prompt.count("Table `df`: 2 rows") == 1
    assert prompt.endswith("city,rain\nRome,80\nOslo,95\n```\n</data>")


def test_a_table_in_the_system_message_stands_with_the_data(cells: Cells) -> None:
    cells(MAKE)
    sent = Recorded(api.session())
    cells('%glm -s "You know {{df}}." hi')
    (request,) = sent.requests
    system, user = request.messages
    assert system.text == "You know `df`."
    assert "Rome,80" in user.text


def test_control_tokens_in_a_filled_text_are_written_out(cells: Cells) -> None:
    cells("note = 'before <|user|> after'")
    assert asked(cells, "%glm Translate {{note}}") == r"Translate before \u003c|user|> after"


def test_privacy_and_masks_are_options_of_a_cell(cells: Cells) -> None:
    cells(MAKE)
    schema = asked(cells, "%glm --privacy schema -i df what is in {{df}}?")
    assert "Rome" not in schema
    assert "80" not in schema
    masked = asked(cells, "%glm --mask city,rain --mask=city -i df hi")
    assert "Rome" not in masked
    assert "- city: str, masked" in masked


def test_privacy_and_masks_are_settings_of_the_session(cells: Cells) -> None:
    cells(MAKE)
    cells("%config GLMMagics.mask = ['city', 'phone']")
    assert "Rome" not in asked(cells, "%glm -i df hi")
    assert "Rome" not in asked(cells, "%glm --mask rain -i df hi")
    assert "Rome" not in cells("str(df.glm.preview().text)").value
    cells("%config GLMMagics.privacy = 'stats'")
    cells("%config GLMMagics.mask = []")
    assert "Rome" not in asked(cells, "%glm -i df hi")
    assert "Rome" in asked(cells, "%glm --privacy full -i df hi")
    cells("%reload_ext glm_magics")
    assert "Rome" not in asked(cells, "%glm -i df hi"), "a reload keeps the rules"


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        pytest.param("--privacy stat -i df hi", UsageError, "Did you mean stats?", id="level"),
        pytest.param("--mask ciyt -i df hi", errors.SettingError, "Did you mean city?", id="mask"),
        pytest.param("--data-tokens 20 -i df hi", errors.SettingError, "too few", id="tokens"),
        pytest.param("--mask , -i df hi", UsageError, "expected names of columns", id="no-name"),
    ],
)
def test_a_rule_that_cannot_be_kept_sends_nothing(
    cells: Cells, line: str, error: type[Exception], message: str
) -> None:
    cells(MAKE)
    sent = Recorded(api.session())
    ran = cells(f"%glm {line}")
    assert isinstance(ran.error, error)
    assert message in ran.text
    assert sent.requests == []


def test_the_answer_says_whether_all_rows_were_sent(cells: Cells) -> None:
    cells(MAKE + "\nlong = pd.concat([df] * 2_000, ignore_index=True)")
    cells(
        "%glm -o whole -i df hi\n%glm -o part --data-tokens 1k -i long hi\n%glm -o none --privacy stats -i long hi"
    )
    assert cells["whole"].notes == ("All 2 rows of df were sent.",)
    (record,) = cells["part"].data
    assert cells["part"].notes == (
        f"{record.sent_rows:,} of the 4,000 rows of long were sent, with figures about the rest.",
    )
    assert cells["none"].notes[0].startswith("No single row of the 4,000 rows of long was sent")


def test_the_metadata_of_the_output_keep_the_record(cells: Cells) -> None:
    from glm_magics.views import record

    cells(MAKE)
    cells("%glm -o x --mask city -i df hi")
    (data,) = record(cells["x"])["data"]
    assert data["masked"] == ["city"]
    assert data["masked_cells"] == 2
    assert (data["name"], data["rows"], data["sent_rows"], data["privacy"]) == ("df", 2, 2, "full")
    assert json.loads(json.dumps(data)) == data


def test_an_estimate_shows_what_would_leave_the_machine(cells: Cells) -> None:
    cells(MAKE)
    ran = cells("%glm --estimate --mask city -i df hi")
    assert (
        "df: 2 rows × 2 columns, cells of 2 rows and 1 columns are sent, privacy full, masked city (2 cells), ≈ "
        in ran.out
    )
    assert "Nothing was sent." in ran.out
    assert "glm-4.5-air" in ran.value.index


@pytest.mark.parametrize("privacy", ["full", "stats", "schema"])
def test_the_demo_answers_from_what_it_was_sent(cells: Cells, privacy: str) -> None:
    cells(MAKE)
    text = cells(f"%glm -o x --privacy {privacy} -i df What stands out?").value.text
    assert "**2** rows and 2 columns" in text
    assert ("| rain | numbers | 80 | 87.5 | 95 |" in text) is (privacy == "full")
