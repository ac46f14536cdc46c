"""Data in every view: rows as they come, what stays of them, and an answer that is asked for again."""

import dataclasses
import io
import json
from datetime import date

import pytest
from view_streams import END, Clock, event, make_stream, messages

from glm_magics._data_stream import DataStream
from glm_magics._stream import Progress
from glm_magics.chat import AskedAgain, ChatRequest, Completion, Message, TextDelta, Usage
from glm_magics.errors import ParseError
from glm_magics.structured.schema import schema
from glm_magics.views import choose, follow
from glm_magics.views.final import final
from glm_magics.views.live import LiveView
from glm_magics.views.rows import GrowingRows
from glm_magics.views.static import GentleView, QuietView, StaticView
from glm_magics.views.terminal import TerminalView

PLAN = schema("name: str, price: float?, kind: cup|pot")
ROWS = [{"name": "杯子", "price": 1.5, "kind": "cup"}, {"name": "<b>", "price": None, "kind": "pot"}]
MANY = [{"name": f"n{i}", "price": i / 2, "kind": "cup"} for i in range(25)]
BAD = [{"name": "a", "price": "dear", "kind": "cup"}]


def text_of(rows):
    return json.dumps({"rows": rows}, ensure_ascii=False)


def script(text, *, thinking="Let me see.", size=12):
    pieces = [event(text[at : at + size]) for at in range(0, len(text), size)]
    return [(0.1, event(thinking=thinking)), *((0.2, piece) for piece in pieces), (0.1, END)]


def data_stream(*texts, plan=PLAN, clock=None, size=12):
    """A stream that is answered with each text in turn."""
    clock = clock or Clock()
    answers = iter(texts)
    request = ChatRequest(model="glm-4.5-air", messages=(Message("user", "Rows"),))
    return DataStream(
        lambda request: make_stream(script(next(answers), size=size), clock),
        request,
        schema=plan,
        form="prompt",
    )


def show(view, *texts, plan=PLAN, size=12):
    clock = Clock()
    return follow(data_stream(*texts, plan=plan, clock=clock, size=size), view, clock=clock)


def table_of(sent):
    """The rows, problems and last tail and caption of messages, as a page adds them up."""
    whole = {"rows": [], "problems": [], "tail": None}
    for message in sent:
        if message.get("reset"):
            whole = {"rows": [], "problems": [], "tail": None}
        table = message.get("table", {})
        whole["rows"] += table.get("rows", [])
        whole["problems"] += table.get("problems", [])
        whole |= {name: table[name] for name in ("columns", "tail", "caption") if name in table}
    return whole


# ---------------------------------------------------------------------------------------------- the rows


def test_each_record_becomes_a_row_when_it_is_whole_and_the_open_one_is_its_tail():
    rows = GrowingRows(PLAN)
    seen = []
    for character in text_of(ROWS):
        new = rows.feed(character)
        seen += new.rows
        if len(seen) == 1 and new.tail and new.tail[0]:
            assert "<b>".startswith(new.tail[0])
    assert seen == rows.rows == [["杯子", "1.5", "cup"], ["<b>", None, "pot"]]
    assert new.tail is None
    assert rows.caption() == "2 rows"


def test_columns_are_those_of_the_frame_with_their_dtypes():
    columns = GrowingRows(schema("a: int, b: {c: decimal, d: date}, e: list[str]")).columns
    assert columns.names == ["a", "b.c", "b.d", "e"]
    assert columns.dtypes == ["Int64", "object", "datetime64[s]", "object"]
    assert columns.numeric == {0, 1}
    record = {"a": 10**30, "b": {"c": 1.5, "d": "2026-01-31"}, "e": ["x", "水"], "more": 1}
    assert columns.cells(record) == [str(10**30), "1.5", "2026-01-31", '["x", "水"]']


@pytest.mark.parametrize("record", [{}, {"b": None}, {"b": 3}, {"b": [1]}, {"b": {"c": None}}])
def test_what_is_not_there_or_no_object_is_an_empty_cell(record):
    assert GrowingRows(schema("a: int, b: {c: str}")).columns.cells(record) == [None, None]


def test_cells_are_cut_and_show_what_hides():
    (row,) = (
        GrowingRows(schema("a: str, b: str")).feed(text_of([{"a": "x" * 300, "b": "\u202etxt\x1b[31m"}])).rows
    )
    assert row == ["x" * 200 + "…", "⟨U+202E⟩txt⟨U+001B⟩[31m"]


def test_rows_that_do_not_fit_are_counted_with_the_first_reason():
    rows = GrowingRows(PLAN)
    rows.feed(text_of(ROWS)[:-2] + ",")
    new = rows.feed('{"name": 7, "price": "x", "kind": "cup"}, {"price": 1, "kind": "lid"}]}')
    assert [at for at, _ in new.problems] == [2, 3]
    assert new.problems[0][1] == "rows[2].name: should be text, got 7"
    assert rows.caption() == "4 rows · 2 do not fit (rows[2].name: should be text, got 7)"


def test_a_record_that_cannot_be_read_is_counted():
    rows = GrowingRows(PLAN)
    for character in '{"rows": [{"name": "a", oops}, {"name": "b"}, ' + text_of(ROWS)[10:]:
        rows.feed(character)
    assert rows.caption().startswith("3 rows")
    assert rows.caption().endswith("1 unreadable")


# ---------------------------------------------------------------------------------------- the live view


def test_the_live_view_sends_each_row_once_as_text_and_never_the_raw_json(front_end):
    completion = show(LiveView(plan=PLAN), text_of(MANY))
    assert len(completion.value) == 25
    sent = messages(front_end)
    table = table_of(sent)
    assert table["rows"] == [[f"n{i}", str(i / 2), "cup"] for i in range(25)]
    assert table["columns"] == [["name", PLAN_TEXT, 0], ["price", "Float64", 1], ["kind", "category", 0]]
    assert (table["tail"], table["caption"]) == (None, "25 rows")
    assert sum("columns" in message.get("table", {}) for message in sent) == 1
    assert not any("raw" in message or "answer" in message for message in sent)
    assert any(message.get("table", {}).get("tail") for message in sent)
    assert "see" in json.dumps(sent)
    assert sent[-1]["end"] == sent[-1]["pin"] == 1


PLAN_TEXT = str(PLAN.dtypes()["name"])


def test_what_stays_is_a_table_and_text_with_the_record_and_no_markdown(front_end):
    show(LiveView(plan=PLAN), text_of(MANY))
    _, bundle, metadata, _ = next(entry for entry in front_end if entry[0] == "update")
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/html"].count("<tr>") == 2 + 10 + 1
    assert "25 rows × 3 columns" in bundle["text/html"]
    assert "Let me see." in bundle["text/html"]
    assert metadata["glm_magics"]["tier"] == "glm-4.5-air"


def test_a_page_that_missed_something_gets_all_rows_again(front_end):
    view = LiveView(plan=PLAN)
    clock = Clock()
    stream = data_stream(text_of(MANY), clock=clock)
    asked = []

    class Stream:
        def __getattr__(self, name):
            return getattr(stream, name)

        def poll(self, timeout):
            if len(messages(front_end)) == 20 and not asked:
                asked.append(view._asked(None, {"replay": True}, []))
            return stream.poll(timeout)

    follow(Stream(), view, clock=clock)
    (at,) = [i for i, message in enumerate(messages(front_end)) if message.get("reset")]
    table = table_of(messages(front_end)[at:])
    assert [row[0] for row in table["rows"]] == [f"n{i}" for i in range(25)]
    assert len(table["columns"]) == 3


def test_rows_grow_the_bytes_only_once(front_end):
    def sent(count):
        front_end.clear()
        rows = [{"name": "n", "price": 1.5, "kind": "cup"}] * count
        show(LiveView(plan=PLAN), text_of(rows), size=200)
        return sum(
            len(json.dumps(message.get("table", {}).get("rows", []))) for message in messages(front_end)
        )

    assert 1.9 < sent(2000) / sent(1000) < 2.1


def test_an_answer_asked_for_again_begins_anew_keeps_its_thinking_and_says_why(front_end):
    completion = show(LiveView(plan=PLAN), text_of([*MANY, *BAD]), text_of(ROWS))
    assert len(completion.value) == 2
    sent = messages(front_end)
    (at,) = [i for i, message in enumerate(sent) if message.get("reset")]
    assert len(table_of(sent[:at])["rows"]) >= 25
    assert sent[at]["notes"] == ["Asking again: rows[25].price: should be a number, got 'dear'"]
    assert "see" in json.dumps(sent[at]["thinking"])
    assert "table" not in sent[at]
    assert [row[0] for row in table_of(sent)["rows"]] == ["杯子", "<b>"]
    assert "asked for again" in json.dumps(sent[-1]["notes"])


def test_an_answer_that_is_no_data_is_shown_as_what_it_is(front_end):
    with pytest.raises(ParseError):
        show(LiveView(plan=PLAN), "I would rather **not**.", "No.")
    bundle = next(entry[1] for entry in front_end if entry[0] == "update")
    assert set(bundle) == {"text/markdown", "text/plain"}
    assert "No." in bundle["text/markdown"]


def test_without_a_swap_the_text_of_a_refused_answer_takes_the_place_of_the_rows(front_end):
    with pytest.raises(ParseError):
        show(LiveView(swap=False, plan=PLAN), text_of(BAD), text_of(BAD))
    sent = messages(front_end)
    last = max(i for i, message in enumerate(sent) if message.get("reset"))
    assert "dear" in json.dumps(sent[last]["answer"])
    assert not table_of(sent)["rows"]


def test_without_a_swap_the_rows_stay(front_end):
    show(LiveView(swap=False, plan=PLAN), text_of(MANY))
    assert len(table_of(messages(front_end))["rows"]) == 25
    assert "update" not in [entry[0] for entry in front_end]


def test_a_record_streams_as_json_and_stays_as_a_table_of_its_fields(front_end):
    plan = schema("name: str, price: float", shape="record")
    show(LiveView(plan=plan), '{"name": "$a$", "price": 2}', plan=plan)
    assert "<pre><code" in json.dumps(messages(front_end))
    html = next(entry[1] for entry in front_end if entry[0] == "update")["text/html"]
    assert "<th style" in html
    assert ">name</td>" in html
    assert "<span>&#36;</span>a<span>&#36;</span></td>" in html


def test_rows_are_shown_at_most_ten_times_a_second():
    going = Progress("answering", 1.0, 0.1, 0.0, Usage(1, 0, 1), None)
    assert LiveView(plan=PLAN).interval(going) == 0.1
    assert LiveView(plan=schema("list[int]")).interval(going) == 0.05


# -------------------------------------------------------------------------------------- what stays of it


@dataclasses.dataclass
class Cup:
    name: str
    made: date


@pytest.mark.parametrize(
    ("spec", "value", "shown"),
    [
        pytest.param("list[int]", [1, 2], "```json\n[1, 2]\n```", id="a-list"),
        pytest.param("dict[str, date]", {"a": date(2026, 1, 2)}, '{"a": "2026-01-02"}', id="a-dict"),
        pytest.param("int", 10**25, str(10**25), id="a-number"),
        pytest.param("list[str]", ["水" * 90], "  ", id="a-long-one-in-lines"),
    ],
)
def test_a_value_stays_as_json(spec, value, shown):
    bundle = final(Completion("…", value=value), "footer", plan=schema(spec))
    assert set(bundle) == {"text/markdown", "text/plain"}
    assert shown in bundle["text/markdown"]


def test_instances_of_the_users_class_stay_as_their_fields():
    plan = schema(Cup)
    html = final(Completion("", value=[Cup("a", date(2026, 1, 2))]), "", plan=plan)["text/html"]
    assert ">2026-01-02</td>" in html
    assert "1 row × 2 columns" in html


def test_no_rows_are_a_table_without_rows():
    bundle = final(Completion("", value=[]), "", plan=PLAN)
    assert "0 rows × 3 columns" in bundle["text/html"]
    assert ">price</th>" in bundle["text/html"]


@pytest.mark.parametrize(
    ("plan", "value", "shown"),
    [
        (PLAN, ROWS, "2 rows × 3 columns"),
        (schema("a: int, b: int", shape="record"), {"a": 1, "b": 2}, "2 fields"),
        (schema("list[int]"), [1], ""),
    ],
)
def test_a_brief_view_leaves_the_data_to_ipython(plan, value, shown):
    bundle = final(Completion("text", value=value, notes=("a note",)), "footer", plan=plan, brief=True)
    parts = ["Note: a note", shown, "footer"]
    assert bundle["text/plain"] == "\n\n".join(part for part in parts if part) + "\n"
    assert "<table" not in bundle["text/markdown"]


def test_an_answer_without_a_value_stays_as_its_text():
    assert "```json\n{}\n```" in final(Completion("{}"), "", plan=PLAN)["text/markdown"]
    assert "*so*" in final(Completion("*so*"), "", plan=PLAN)["text/markdown"]


# ------------------------------------------------------------------------------------- the other views


def test_the_static_view_shows_the_table_at_the_end(front_end):
    show(StaticView(plan=PLAN), text_of(MANY))
    ((kind, bundle, metadata, _),) = front_end
    assert kind == "display"
    assert "25 rows × 3 columns" in bundle["text/plain"]
    assert metadata["glm_magics"]["version"] == 1


def test_the_gentle_view_sends_the_first_rows_and_the_count_again_and_again(front_end):
    show(GentleView(plan=PLAN), text_of([*MANY, *BAD]), text_of(MANY))
    updates = [entry[1] for entry in front_end if entry[0] == "update"]
    assert all("text/html" in bundle for bundle in updates)
    assert max(bundle["text/html"].count("<tr>") for bundle in updates) == 13
    assert any("26 rows · 1 does not fit" in bundle["text/html"] for bundle in updates)
    assert any("Asking again: rows[25].price" in bundle["text/html"] for bundle in updates)
    assert "25 rows × 3 columns" in updates[-1]["text/html"]


class Tty(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_counts_rows_and_then_writes_them_in_columns():
    out = Tty()
    show(TerminalView(out, plan=PLAN), text_of(MANY))
    shown = out.getvalue()
    assert "· 3 rows" in shown
    assert '{"rows"' not in shown
    table = shown.rpartition("\r\x1b[K")[2].strip("\n").splitlines()
    assert table[0].split() == ["name", "price", "kind"]
    assert table[2].split() == ["0", "n0", "0.0", "cup"]
    assert "25 rows × 3 columns" in shown


def test_text_that_is_no_terminal_gets_thinking_why_it_was_asked_again_and_the_table():
    out = io.StringIO()
    show(
        TerminalView(out, plan=PLAN), text_of(BAD), text_of([{"name": "\x1b[31m", "price": 1, "kind": "cup"}])
    )
    first, again, second, table, *_ = out.getvalue().split("\n\n")
    assert (first, second) == ("│ Let me see.",) * 2
    assert again.strip() == "│ Asking again: rows[0].price: should be a number, got 'dear'"
    assert table.strip().startswith("Note: ")
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("view", [GentleView(), LiveView()])
def test_also_words_are_forgotten_when_they_were_refused(front_end, view):
    going = Progress("answering", 1.0, 0.1, 0.0, Usage(1, 0, 1), None)
    view.start("m")
    view.update([TextDelta("old")], going, None)
    view.update([TextDelta("older"), AskedAgain(("bad",)), TextDelta("new")], going, None)
    last = json.dumps([entry[1] for entry in front_end[-2:] if entry[0] != "open"])
    assert "new" in last
    assert "Asking again: bad" in last
    assert "older" not in json.dumps([entry[1] for entry in front_end if entry[0] in ("message", "update")])


def test_the_schema_reaches_the_view_that_is_chosen():
    assert choose(None, plan=PLAN, brief=True)._plan is PLAN
    assert isinstance(choose(None, plan=PLAN, quiet=True), QuietView)
