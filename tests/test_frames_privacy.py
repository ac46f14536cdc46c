"""What leaves this machine: no value at `schema`, no rare one at `stats`, no masked one ever."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from glm_magics.chat import Privacy
from glm_magics.errors import SettingError
from glm_magics.frames.attach import attach
from glm_magics.frames.rules import FEW, Rules

LEVELS: tuple[Privacy, ...] = ("schema", "stats", "sample", "full")
ROWS = 40


def sent(value: Any, privacy: Privacy = "full", mask: tuple[str, ...] = (), **others: Any) -> str:
    return attach({"df": value, **others}, Rules(8_000, privacy, mask), must_mask=mask)[0]


@dataclass
class Patient:
    """An object in a cell that tells what it knows."""

    secret: str


def secrets(kind: str) -> list[Any]:
    """Forty values of one kind that could not stand in a text by chance; the texts all hold `kanarie`."""
    makers: dict[str, Any] = {
        "text": lambda at: f"kanarie-{at}",
        "number": lambda at: 918_273_000 + at * 17,
        "float": lambda at: 918_273.125 + at * 1_013,
        "date": lambda at: pd.Timestamp("1847-03-11") + pd.Timedelta(days=at * 9),
        "duration": lambda at: pd.Timedelta(seconds=918_273 + at),
        "period": lambda at: pd.Period("1847-03", freq="M") + at,
        "interval": lambda at: pd.Interval(918_273_000 + at, 918_273_001 + at),
        "nested": lambda at: {"secret": f"kanarie-{at}", "list": [f"kanarie-{at}"]},
        "object": lambda at: Patient(f"kanarie-{at}"),
        "bytes": lambda at: f"kanarie-{at}".encode(),
        "complex": lambda at: complex(918_273 + at, 1),
    }
    return [makers[kind](at) for at in range(ROWS)]


KINDS = (
    "text",
    "number",
    "float",
    "date",
    "duration",
    "period",
    "interval",
    "nested",
    "object",
    "bytes",
    "complex",
)


def frames() -> Iterator[Any]:
    """The secrets wherever a table can hold them."""
    harmless = np.arange(ROWS) % 2
    for kind in KINDS:
        values = secrets(kind)
        yield pytest.param(pd.DataFrame({"secret": values, "n": harmless}), id=f"column-of-{kind}")
        if kind not in ("nested", "object"):
            index = pd.Index(values, name="secret")
            yield pytest.param(pd.DataFrame({"n": harmless}, index=index), id=f"index-of-{kind}")
            levels = pd.MultiIndex.from_arrays([harmless, values], names=["m", "secret"])
            yield pytest.param(pd.DataFrame({"n": harmless}, index=levels), id=f"level-of-{kind}")
    names = secrets("text")
    yield pytest.param(pd.DataFrame({"secret": pd.Categorical(names)}), id="categories")
    unused = pd.Categorical(["a"] * ROWS, categories=["a", *names])
    yield pytest.param(pd.DataFrame({"secret": unused}), id="unused-categories")
    yield pytest.param(
        pd.DataFrame({"secret": pd.arrays.SparseArray(secrets("number"), fill_value=918_273_000)}),
        id="sparse",
    )
    yield pytest.param(pd.DataFrame({"secret": pd.array(secrets("number"), dtype="Int64")}), id="Int64")
    yield pytest.param(pd.DataFrame({"secret": pd.array(names, dtype="string[pyarrow]")}), id="arrow")
    yield pytest.param(pd.Series(names, name="secret"), id="series")
    yield pytest.param(pd.Index(names, name="secret"), id="an-index")
    yield pytest.param(pd.DataFrame({"secret": names, "n": harmless}).groupby("secret"), id="group-by")
    yield pytest.param(pd.DataFrame({"secret": [*names[:-1], None]}).style, id="styler")
    yield pytest.param(pd.DataFrame({"secret": names * 10_000, "n": [1] * 400_000}), id="many-rows")


FRAMES = list(frames())
TELLING = re.compile(r"kanarie|9182\d\d|1847|10 days")


@pytest.mark.parametrize("frame", FRAMES)
def test_at_schema_no_value_of_any_cell_is_sent(frame: Any) -> None:
    text = sent(frame, "schema")
    assert not TELLING.search(text)
    assert "secret" in text
    assert "The values are withheld" in text
    assert "Do not guess" in text


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("privacy", LEVELS)
def test_a_masked_value_is_sent_at_no_level(frame: Any, privacy: Privacy) -> None:
    text = sent(frame, privacy, ("secret",))
    assert not TELLING.search(text)
    assert re.search(r"- secret: (index, )?[^\n]*, masked", text) or "type" in text
    assert "What is marked as masked is withheld." in text


@pytest.mark.parametrize("frame", FRAMES)
def test_the_secrets_would_be_sent_without_a_rule(frame: Any) -> None:
    if isinstance(frame, pd.DataFrame) and "unused" in str(getattr(frame.dtypes.iloc[0], "categories", "")):
        return
    text = sent(frame)
    assert TELLING.search(text) or "(Patient)" in text or "bytes of" in text or set(frame.iloc[:, 0]) == {"a"}


@pytest.mark.parametrize("privacy", ["schema", "stats"])
def test_at_stats_what_few_rows_share_is_not_sent(privacy: Privacy) -> None:
    rng = np.random.default_rng(1)
    rows = 1_000
    frame = pd.DataFrame(
        {
            "town": ["Paris"] * 900 + ["Oslo"] * (100 - FEW + 1) + ["Bergkanarie"] * (FEW - 1),
            "income": np.append(rng.normal(3_000, 500, rows - 1), 918_273_001.0),
            "age": np.append(rng.integers(20, 60, rows - 1), 117),
            "born": [*pd.date_range("1950-01-01", periods=rows - 1), pd.Timestamp("1847-03-11")],
            "took": [*pd.to_timedelta(range(rows - 1), unit="s"), pd.Timedelta(days=918)],
            "note": [f"kanarie {at}" for at in range(rows)],
        },
        index=pd.Index([f"kanarie-{at}" for at in range(rows)], name="who"),
    )
    text = sent(frame, privacy)
    assert not re.search(r"kanarie|918273001|117\b|1847|918 days|1950-01-01|min|max|csv", text)
    assert ('"Paris" 900×, "Oslo" 91×' in text) is (privacy == "stats")
    assert ("quartiles" in text) is (privacy == "stats")


def test_at_stats_a_short_column_has_no_figures() -> None:
    frame = pd.DataFrame({"n": [123.5] * (FEW - 1), "t": ["same"] * (FEW - 1)})
    text = sent(frame, "stats")
    assert "123" not in text
    assert "same" not in text
    text = sent(pd.concat([frame, frame], ignore_index=True), "stats")
    assert "mean 124" in text
    assert '"same" 18×' in text


def test_at_stats_figures_are_rounded_and_dates_are_months() -> None:
    frame = pd.DataFrame({"n": range(100_001, 100_021), "d": pd.date_range("2026-03-01", periods=20)})
    text = sent(frame, "stats")
    assert "quartiles 100000 100000 100000" in text
    assert "median 2026-03\n" in text


def test_a_key_of_nested_cells_can_be_masked_too() -> None:
    cells = [{"secret": "kanarie", "inside": [{"secret": "kanarie", "ok": 1}]}] * 3
    frame = pd.DataFrame({"o": cells, "secret": [1, 2, 3], "who": [Patient("kanarie")] * 3})
    text = sent(frame, "full", ("secret",))
    assert "kanarie" not in text
    assert '""secret"":""masked""' in text


def test_levels_of_names_that_a_pivot_made_can_be_masked() -> None:
    long = pd.DataFrame({"who": ["kanarie-1", "kanarie-2"], "day": [1, 1], "x": [3, 4]})
    wide = long.pivot(index="day", columns="who", values="x")
    text = sent(wide, "full", ("who",))
    assert "kanarie" not in text
    assert "3,4" in text
    assert "kanarie" not in sent(long.pivot(index="day", columns="who"), "full", ("who",))


def test_a_level_of_a_columns_name_masks_it() -> None:
    columns = pd.MultiIndex.from_tuples([("contact", "mail"), ("contact", "town")])
    frame = pd.DataFrame([["kanarie", "Oslo"]] * 2, columns=columns)
    for mask in ("mail", "contact/mail"):
        text = sent(frame, "full", (mask,))
        assert "kanarie" not in text
        assert "Oslo" in text


def test_lists_dicts_and_text_follow_the_rules_too() -> None:
    records = [{"secret": "kanarie", "n": 1}]
    assert "kanarie" in sent(records)
    assert sent(records, "full", ("secret",)).count("masked") >= 2
    assert "kanarie" not in sent(records, "full", ("secret",))
    for privacy in LEVELS[:2]:
        text = sent(records, privacy, (), note="kanarie", array=np.array([918_273]))
        assert not TELLING.search(text)
        assert "Data `df`: list of 1; withheld." in text
        assert "Data `note`: str of 7 characters; withheld." in text


def test_a_mask_that_names_no_column_is_an_error_with_the_nearest() -> None:
    with pytest.raises(SettingError, match=r"mask emial: .* Did you mean email\?"):
        sent(pd.DataFrame({"email": ["kanarie"]}), "full", ("emial",))


def test_a_mask_of_the_session_may_name_what_is_not_there() -> None:
    text, _ = attach({"df": pd.DataFrame({"a": [1]})}, Rules(mask=("email",)))
    assert "- a: int64" in text


def test_an_unknown_level_is_an_error() -> None:
    with pytest.raises(SettingError, match="expected one of schema, stats, sample, full"):
        Rules(privacy="none")  # type: ignore[arg-type]


def test_the_record_says_what_was_sent_and_holds_no_value() -> None:
    frame = pd.DataFrame({"secret": secrets("text"), "n": range(ROWS)})
    _, (record,) = attach({"df": frame}, Rules(privacy="sample", mask=("secret",)))
    assert (record.name, record.rows, record.columns) == ("df", ROWS, 2)
    assert (record.sent_rows, record.sent_columns) == (20, 1)
    assert (record.privacy, record.masked, record.masked_cells) == ("sample", ("secret",), ROWS)
    assert "kanarie" not in str(record)
