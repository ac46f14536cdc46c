"""Views: what the reader sees of a stream, in which order, at which rate, and what stays."""

import io
import json
import signal
import sys
import types
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import comm
import pytest
from comm.base_comm import BaseComm, CommManager
from jupyter_client.manager import start_new_kernel
from view_streams import END, Clock, event, make_stream, messages

from glm_magics import _control
from glm_magics._stream import Progress
from glm_magics.chat import (
    Completion,
    Cost,
    ReasoningDelta,
    Source,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from glm_magics.errors import GLMError, IncompleteStream
from glm_magics.render import plain
from glm_magics.views import choose, follow, follow_all, footer, record
from glm_magics.views.live import LiveView, _widget_class
from glm_magics.views.static import GentleView, QuietView, StaticView
from glm_magics.views.terminal import TerminalView
from glm_magics.views.words import status


class Recorder:
    """A view that writes down what it is told."""

    def __init__(self, interval=1 / 20, cost=0.0, clock=None):
        self.run_id = "recorder"
        self.log = []
        self._interval, self._cost, self._clock = interval, cost, clock

    def start(self, title):
        self.log.append(("start", title))

    def interval(self, progress):
        return self._interval

    def update(self, events, progress, budget_left):
        self.log.append(("update", self._clock and self._clock(), list(events)))
        if self._cost:
            self._clock.now += self._cost

    def finish(self, completion, budget_left):
        self.log.append(("finish", completion))

    @property
    def updates(self):
        return [entry for entry in self.log if entry[0] == "update"]


# ------------------------------------------------------------------------------------------- following


def test_a_view_is_started_fed_everything_in_order_and_finished():
    view = Recorder()
    script = [(0.1, event(thinking="hm")), (0.1, event("a")), (0.1, event("b")), (0.1, END)]
    completion = follow(make_stream(script), view)
    assert completion.text == "ab"
    assert view.log[0] == ("start", "glm-4.5-air")
    assert view.log[-1] == ("finish", completion)
    events = [e for _, _, batch in view.updates for e in batch if isinstance(e, TextDelta | ReasoningDelta)]
    assert events == [ReasoningDelta("hm"), TextDelta("a"), TextDelta("b")]


def test_a_thousand_events_in_five_seconds_make_at_most_a_hundred_updates():
    clock = Clock()
    view = Recorder(clock=clock)
    follow(make_stream([(0.005, event("x"))] * 1000 + [(0, END)], clock), view, clock=clock)
    times = [time for _, time, _ in view.updates]
    assert 90 <= len(times) <= 101
    assert min(later - time for time, later in pairwise(times[:-1])) >= 1 / 20 - 1e-9


def test_a_slow_view_gets_at_most_a_fifth_of_the_time():
    clock = Clock()
    view = Recorder(clock=clock, cost=0.1)
    began = clock.now
    follow(make_stream([(0.005, event("x"))] * 1000 + [(0, END)], clock), view, clock=clock)
    assert len(view.updates) * 0.1 <= (clock.now - began) / 5 + 0.2


def test_the_first_event_is_shown_at_once():
    clock = Clock()
    view = Recorder(clock=clock)
    follow(make_stream([(3, event("x")), (0.001, event("y")), (1, END)], clock), view, clock=clock)
    assert view.updates[0][1:] == (103.0, [TextDelta("x")])


def test_while_nothing_comes_the_view_is_told_the_time_once_a_second():
    clock = Clock()
    view = Recorder(clock=clock)
    follow(make_stream([(0.125, b": wait\n\n")] * 40 + [(0, END)], clock), view, clock=clock)
    assert [time - 100.0 for _, time, events in view.updates if not events] == [1.0, 2.0, 3.0, 4.0, 5.0]


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_keeps_what_had_come_and_is_no_exception():
    view = Recorder()
    script = [(0.1, event("kept")), (0.1, press_ctrl_c), (0.1, event(" never")), (0.1, END)]
    completion = follow(make_stream(script), view)
    assert (completion.text, completion.finish_reason) == ("kept", "interrupted")
    assert view.log[-1] == ("finish", completion)


def test_a_second_interrupt_while_the_view_finishes_is_harmless():
    class Impatient(Recorder):
        def finish(self, completion, budget_left):
            press_ctrl_c()
            super().finish(completion, budget_left)

    view = Impatient()
    completion = follow(make_stream([(0.1, event("kept")), (0.1, press_ctrl_c), (0.1, END)]), view)
    assert view.log[-1] == ("finish", completion)


def test_an_interrupt_after_the_last_word_is_raised_when_the_view_has_finished():
    class Late(Recorder):
        def finish(self, completion, budget_left):
            press_ctrl_c()
            super().finish(completion, budget_left)

    view = Late()
    stream = make_stream([(0.1, event("whole")), (0.1, END)])
    with pytest.raises(KeyboardInterrupt):
        follow(stream, view)
    assert view.log[-1] == ("finish", stream.completion)
    assert stream.completion.finish_reason == "stop"


def test_the_third_interrupt_gets_out_of_anything():
    class Hanging(Recorder):
        def finish(self, completion, budget_left):
            press_ctrl_c()
            press_ctrl_c()
            super().finish(completion, budget_left)

    view = Hanging()
    with pytest.raises(KeyboardInterrupt):
        follow(make_stream([(0.1, event("kept")), (0.1, press_ctrl_c), (0.1, END)]), view)
    assert view.log[-1][0] != "finish"


def test_afterwards_ctrl_c_means_what_it_meant_before():
    before = signal.getsignal(signal.SIGINT)
    follow(make_stream([(0, END)]), QuietView())
    assert signal.getsignal(signal.SIGINT) is before


def test_a_broken_stream_is_shown_as_far_as_it_came_and_raised():
    view = Recorder()
    with pytest.raises(IncompleteStream) as caught:
        follow(make_stream([(0.1, event("half"))]), view)
    assert caught.value.completion.text == "half"
    assert view.log[-1] == ("finish", caught.value.completion)


def test_a_view_that_fails_does_not_cost_the_answer():
    class Failing(Recorder):
        def update(self, events, progress, budget_left):
            raise RuntimeError("no screen")

    view = Failing()
    completion = follow(make_stream([(0.1, event("whole")), (0.1, END)]), view)
    assert completion.text == "whole"
    assert completion.notes == ("The live view failed (RuntimeError: no screen).",)


def test_several_streams_are_followed_at_once_and_each_has_its_outcome():
    good, bad = Recorder(), Recorder()
    good.run_id, bad.run_id = "good", "bad"
    outcomes = follow_all(
        [(make_stream([(0.1, event("one")), (0.1, END)]), good), (make_stream([(0.1, event("two"))]), bad)]
    )
    assert outcomes[0].text == "one"
    assert isinstance(outcomes[1], GLMError)
    assert outcomes[1].completion.text == "two"
    assert bad.log[-1] == ("finish", outcomes[1].completion)


# ------------------------------------------------------------------------------------------------- Stop


def press_stop(comms, run_id):
    closed = []

    class Opened(BaseComm):
        def publish_msg(self, msg_type, **content):
            closed.append(msg_type)

    comms_create, comm.create_comm = comm.create_comm, Opened
    try:
        content = {"comm_id": "c1", "target_name": _control.TARGET, "data": {"stop": run_id}}
        comms.comm_open(None, None, {"content": content, "metadata": {}})
    finally:
        comm.create_comm = comms_create
    return closed


@pytest.fixture
def kernel_shell():
    shell = types.SimpleNamespace(kernel=types.SimpleNamespace(comm_manager=CommManager()), user_ns={})
    _control.register(shell)
    yield shell
    _control.unregister(shell)


def test_stop_by_the_runs_id_ends_the_answer_and_is_confirmed(kernel_shell):
    view = Recorder()
    closed = []
    stop = lambda: closed.extend(press_stop(kernel_shell.kernel.comm_manager, view.run_id))  # noqa: E731
    completion = follow(make_stream([(0.1, event("kept")), (0.1, stop), (0.1, END)]), view)
    assert (completion.text, completion.finish_reason) == ("kept", "stopped")
    assert closed == ["comm_close"]


@pytest.mark.parametrize("run_id", ["another", "", None, 7, ["recorder"], {"a": 1}])
def test_stop_for_another_run_changes_nothing(kernel_shell, run_id):
    stop = lambda: press_stop(kernel_shell.kernel.comm_manager, run_id) and None  # noqa: E731
    completion = follow(make_stream([(0.1, event("a")), (0.1, stop), (0.1, END)]), Recorder())
    assert completion.finish_reason == "stop"


def test_after_unloading_nobody_listens(kernel_shell):
    _control.unregister(kernel_shell)
    assert _control.TARGET not in kernel_shell.kernel.comm_manager.targets


def test_a_shell_without_a_kernel_needs_no_stop():
    shell = types.SimpleNamespace()
    _control.register(shell)
    _control.unregister(shell)


# --------------------------------------------------------------------------------------------- the words

USAGE = Usage(812, 128, 345, 210)
MONEY = Cost(Decimal("0.0021"), "CNY")
WHOLE = Completion(
    "An answer.",
    usage=USAGE,
    cost=MONEY,
    model="glm-4.5-air",
    served_model="glm-4.5-air",
    first_token_seconds=0.4,
    seconds=8.2,
    started=1_700_000_000.0,
)


@pytest.mark.parametrize(
    ("completion", "left", "expected"),
    [
        pytest.param(
            WHOLE,
            Cost(Decimal("4.99"), "CNY"),
            "glm-4.5-air · 812 in (128 cached) + 345 out (210 thinking) tokens · 44 tokens/s · first 0.4 s · 8.2 s"
            " · 0.0021 CNY · 4.99 CNY left",
            id="everything",
        ),
        pytest.param(
            Completion("x", model="m", usage=Usage(1200, 0, 3), seconds=12.6, endpoint="demo"),
            None,
            "m · 1,200 in + 3 out tokens · 0 tokens/s · 13 s · offline demo",
            id="no-price-no-budget",
        ),
        pytest.param(
            Completion("x", model="m", usage=Usage(1, 0, 2, estimated=True), seconds=0.01),
            None,
            "m · ≈ 1 in + 2 out tokens · 0.0 s",
            id="estimated",
        ),
        pytest.param(
            Completion("", model="m", served_model="n", finish_reason="interrupted", seconds=125),
            None,
            "Interrupted · m (n) · 2 min 5 s",
            id="interrupted-other-model",
        ),
        pytest.param(
            Completion("", model="m", finish_reason="incomplete", seconds=0.2),
            None,
            "No answer · m · 0.2 s",
            id="nothing-came",
        ),
        pytest.param(
            Completion("half", model="m", finish_reason="incomplete", seconds=0.2),
            None,
            "Incomplete · m · 0.2 s",
            id="broken-off",
        ),
        pytest.param(
            Completion("", model="m", usage=Usage(1, 0, 1), cost=Cost(Decimal(0), "CNY"), seconds=0.01),
            None,
            "m · 1 in + 1 out tokens · 0.0 s · free",
            id="free",
        ),
    ],
)
def test_the_footer_says_what_is_known(completion, left, expected):
    assert footer(completion, left) == expected


def test_the_record_is_plain_json_with_exact_money_and_no_text_of_the_answer():
    kept = record(WHOLE)
    assert json.loads(json.dumps(kept)) == kept
    assert kept["cost"] == {"amount": "0.0021", "currency": "CNY", "estimated": False}
    assert kept["usage"]["reasoning_tokens"] == 210
    assert kept["started"] == "2023-11-14T22:13:20+00:00"
    assert "An answer" not in json.dumps(kept)


# ------------------------------------------------------------------------------------------ the live view


ANSWER = [
    (0.1, event(thinking="Let me see.")),
    (0.6, event("# Yes\n\nBec")),
    (0.6, event("ause.\n")),
    (0.1, END),
]


def test_the_live_view_opens_tells_and_is_replaced(front_end):
    clock = Clock()
    completion = follow(make_stream(ANSWER, clock), LiveView(), clock=clock)
    kinds = [entry[0] for entry in front_end]
    assert kinds[:2] == ["open", "display"]
    assert kinds[-1] == "update"
    assert set(kinds[2:-1]) == {"message"}
    sent = messages(front_end)
    assert [message["seq"] for message in sent] == list(range(len(sent)))
    assert (sent[0]["status"], sent[0]["facts"]) == ("Waiting", ["glm-4.5-air"])
    assert sent[-1]["end"] == sent[-1]["pin"] == 1
    assert "".join(message.get("raw", "") for message in sent) == completion.text
    statuses = [message["status"] for message in sent if "status" in message]
    assert statuses == ["Waiting", "Thinking", "Answering", "Done"]


def test_a_widget_lives_until_the_next_answer_for_a_page_that_was_loaded_anew(front_end):
    follow(make_stream(ANSWER), LiveView())
    assert ("close",) not in front_end
    del front_end[:]
    follow(make_stream(ANSWER), LiveView())
    assert [entry[0] for entry in front_end][:2] == ["close", "open"]


def test_what_stays_is_markdown_and_text_with_the_record_and_no_widget(front_end):
    follow(make_stream(ANSWER), LiveView())
    (_, _, _, shown_as), (_, bundle, metadata, replaced) = [
        e for e in front_end if e[0] in ("display", "update")
    ]
    assert shown_as == replaced
    assert set(bundle) == {"text/markdown", "text/plain"}
    assert metadata["glm_magics"]["tier"] == "glm-4.5-air"
    assert metadata["glm_magics"]["usage"]["input_tokens"] == 812


def test_inside_an_output_widget_the_live_view_stays_whole_and_open(front_end):
    follow(make_stream(ANSWER), LiveView(swap=False))
    kinds = Counter(entry[0] for entry in front_end)
    assert kinds["display"] == 1
    assert not kinds["update"]
    assert not kinds["close"]
    last = messages(front_end)[-1]
    assert last["end"] == 1
    assert "pin" not in last
    assert any("812 in" in fact for fact in last["facts"])


def test_an_interrupted_answer_is_replaced_by_what_had_come(front_end):
    follow(make_stream([(0.1, event("kept")), (0.1, press_ctrl_c), (0.1, END)]), LiveView())
    _, bundle, metadata, _ = next(entry for entry in front_end if entry[0] == "update")
    assert "kept" in bundle["text/markdown"]
    assert metadata["glm_magics"]["finish_reason"] == "interrupted"


def test_the_widget_has_no_trait_that_could_hold_text_or_a_key(front_end):
    own = {name for name in _widget_class().class_traits(sync=True) if not name.startswith("_")}
    assert own == {"run_id", "words", "layout", "tabbable", "tooltip"}  # words: labels from the catalog
    follow(make_stream([(0.1, event("secret words")), (0.1, END)]), LiveView())
    state = next(entry[1] for entry in front_end if entry[0] == "open")
    assert "secret words" not in json.dumps(state, default=str)
    bundle = next(entry[1] for entry in front_end if entry[0] == "display")
    assert bundle["text/plain"] == "(an answer, while it was being written)"


def test_a_page_that_missed_something_gets_everything_and_then_goes_on(front_end):
    view = LiveView()
    ask = lambda: view._asked(None, {"replay": True}, [])  # noqa: E731
    script = [(0.1, event("one\n\ntw")), (1, ask), (1, event("o")), (1, event("!")), (0.1, END)]
    clock = Clock()
    follow(make_stream(script, clock), view, clock=clock)
    sent = messages(front_end)
    (at,) = [i for i, message in enumerate(sent) if message.get("reset")]
    assert sent[at]["raw"].startswith("one\n\ntw")
    assert sent[at]["title"] == "glm-4.5-air"
    assert "".join(message.get("raw", "") for message in sent[at:]) == "one\n\ntwo!"


def test_a_page_that_opens_after_the_end_gets_everything(front_end):
    view = LiveView(swap=False)
    follow(make_stream(ANSWER), view)
    view._asked(None, {"replay": True}, [])
    last = messages(front_end)[-1]
    assert last["reset"] == last["end"] == 1
    assert last["raw"] == "# Yes\n\nBecause.\n"
    assert "Yes" in json.dumps(last["answer"])
    assert "see" in json.dumps(last["thinking"])
    assert last["facts"]


@pytest.mark.parametrize("content", [{}, {"replay": False}, [], None, "replay", {"stop": 1}])
def test_other_messages_from_the_page_are_ignored(front_end, content):
    view = LiveView(swap=False)
    follow(make_stream(ANSWER), view)
    before = len(front_end)
    view._asked(None, content, [])
    assert len(front_end) == before


def test_minutes_of_streaming_are_shown_in_larger_steps():
    view = LiveView()
    steps = [view.interval(progress(seconds=seconds)) for seconds in (0, 10, 30, 60, 300, 3000)]
    assert steps == [0.05, 0.05, 0.075, 0.15, 0.5, 0.5]


def progress(seconds=1.0, tokens=0, phase="answering"):
    return Progress(phase, seconds, 0.1, 0.0, Usage(1, 0, tokens, estimated=True), None)


def test_twenty_thousand_tokens_take_less_than_a_megabyte_and_a_half(front_end):
    clock = Clock()
    paragraph = (
        "The quick brown fox jumps over the lazy dog, **again** and `again`. " * 6 + "\n\n- item\n- item\n\n"
    )
    words = (paragraph * 200).split(" ")[:20_000]
    script = [(0.005, event(f"{word} ")) for word in words]
    follow(make_stream([*script, (0, END)], clock), LiveView(), clock=clock)
    envelope = 600  # bytes of a message without its content: header, parent, signature
    assert sum(len(json.dumps(m, ensure_ascii=False)) + envelope for m in messages(front_end)) < 1_500_000


def test_tool_calls_are_shown_with_hidden_characters_written_out(front_end):
    view = LiveView(swap=False)
    view.start("m")
    view.update(
        [ToolCallDelta(0, "c", "sum", '{"a": "\u202e'), ToolCallDelta(0, "", "", '"}')], progress(), None
    )
    sent = messages(front_end)[-1]["tools"]
    assert "".join(name + text for _, name, text in sent) == 'sum {"a": "⟨U+202E⟩"}'


# ---------------------------------------------------------------------------------- views without widgets


def test_the_static_view_shows_one_output_at_the_end(front_end):
    follow(make_stream(ANSWER), StaticView())
    ((kind, bundle, metadata, _),) = front_end
    assert kind == "display"
    assert set(bundle) == {"text/markdown", "text/plain"}
    assert metadata["glm_magics"]["tier"] == "glm-4.5-air"
    assert "Because." in bundle["text/markdown"]


def test_the_static_view_says_why_there_is_no_more(front_end):
    follow(make_stream(ANSWER), StaticView(note="no live view: anywidget is missing"))
    assert "anywidget is missing" in front_end[0][1]["text/plain"]


def test_the_quiet_view_shows_nothing(front_end, capsys):
    follow(make_stream(ANSWER), QuietView())
    assert (front_end, capsys.readouterr().out) == ([], "")


def test_the_gentle_view_grows_one_output_without_a_widget(front_end):
    clock = Clock()
    follow(make_stream(ANSWER, clock), GentleView(), clock=clock)
    kinds = [entry[0] for entry in front_end]
    assert kinds == ["display"] + ["update"] * (len(kinds) - 1)
    assert len({entry[3] for entry in front_end}) == 1
    assert all("widget" not in "".join(entry[1]) for entry in front_end)
    assert "Because." in front_end[-1][1]["text/markdown"]
    assert front_end[-1][2]["glm_magics"]["version"] == 1


def test_the_gentle_view_never_updates_more_than_four_times_a_second_and_slows_down():
    view = GentleView()
    assert [view.interval(progress(tokens=n)) for n in (0, 2_500, 5_000, 20_000)] == [0.25, 0.25, 0.5, 2.0]


HOSTILE = "a\x1b[31mred\x1b[0m b\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x07 c\x1b]0;title\x07d\x9b2Je\r\nf\x00\x08g\x1bc\u202eh"


@pytest.mark.parametrize("part", ["content", "thinking"])
def test_no_control_sequence_reaches_the_terminal_however_it_is_split(part):
    for cut in range(1, len(HOSTILE)):
        out = io.StringIO()
        pieces = [event(**{part: HOSTILE[:cut]}), event(**{part: HOSTILE[cut:]})]
        follow(make_stream([*((0.1, piece) for piece in pieces), (0, END)]), TerminalView(out))
        shown = out.getvalue().replace("│ ", "")
        assert shown.startswith(plain(HOSTILE))
        assert plain(shown) == shown


class Tty(io.StringIO):
    def isatty(self):
        return True


def test_the_terminal_shows_thinking_answer_and_footer_in_parts():
    out = io.StringIO()
    script = [(0.1, event(thinking="Let me\nsee.")), (0.1, event("Be")), (0.1, event("cause.")), (0.1, END)]
    follow(make_stream(script), TerminalView(out))
    thinking, answer, line = out.getvalue().rstrip("\n").split("\n\n")
    assert thinking == "│ Let me\n│ see."
    assert answer == "Because."
    assert line.startswith("glm-4.5-air · 812 in + 345 out tokens")


def test_a_terminal_counts_the_seconds_in_one_line_that_goes_away():
    out = Tty()
    clock = Clock()
    follow(
        make_stream([(0.5, b": wait\n\n")] * 5 + [(0.1, event("x")), (0, END)], clock),
        TerminalView(out),
        clock=clock,
    )
    shown = out.getvalue()
    assert "Waiting 2 s" in shown
    assert shown.index("\r\x1b[Kx\n\n") > shown.index("Waiting 2 s")


def test_text_that_is_no_terminal_gets_no_colours():
    out = io.StringIO()
    follow(make_stream(ANSWER), TerminalView(out))
    assert "\x1b" not in out.getvalue()


# --------------------------------------------------------------------------------------------- choosing


class FakeColabShell:
    __module__ = "google.colab._shell"


def make_shell(request, *, colab=False, user_ns=None):
    shell = FakeColabShell() if colab else types.SimpleNamespace()
    shell.kernel = types.SimpleNamespace(get_parent=lambda: request)
    shell.user_ns = user_ns or {}
    return shell


def cell(*, allow_stdin=True, cell_id=True):
    return {
        "header": {"msg_id": "m1", "msg_type": "execute_request"},
        "content": {"allow_stdin": allow_stdin},
        "metadata": {"cellId": "c"} if cell_id else {},
    }


CALLBACK = {"header": {"msg_id": "m2", "msg_type": "comm_msg"}, "content": {"data": {}}, "metadata": {}}
SERVER = {"JPY_SESSION_NAME": "a.ipynb"}


@pytest.mark.parametrize(
    ("shell", "options", "expected"),
    [
        pytest.param(None, {}, TerminalView, id="a-script"),
        pytest.param(types.SimpleNamespace(), {}, TerminalView, id="ipython"),
        pytest.param(make_shell(cell()), {}, LiveView, id="a-notebook-cell"),
        pytest.param(make_shell(cell(cell_id=False)), {"environ": SERVER}, LiveView, id="a-console-in-lab"),
        pytest.param(
            make_shell(cell(cell_id=False), user_ns={"__vsc_ipynb_file__": ""}), {}, LiveView, id="vs-code"
        ),
        pytest.param(make_shell(CALLBACK), {}, LiveView, id="a-widget-callback"),
        pytest.param(make_shell(cell(cell_id=False)), {}, TerminalView, id="jupyter-console"),
        pytest.param(
            make_shell(cell(allow_stdin=False)), {"environ": SERVER}, StaticView, id="nbclient-and-voila"
        ),
        pytest.param(make_shell(cell(), colab=True), {}, GentleView, id="colab"),
        pytest.param(make_shell(CALLBACK, colab=True), {}, StaticView, id="a-callback-in-colab"),
        pytest.param(make_shell(cell()), {"streaming": False}, StaticView, id="no-stream"),
        pytest.param(make_shell(cell()), {"quiet": True}, QuietView, id="quiet"),
        pytest.param(None, {"quiet": True}, QuietView, id="quiet-script"),
        pytest.param(make_shell({}), {}, TerminalView, id="a-kernel-that-does-not-say"),
    ],
)
def test_the_view_fits_the_front_end(shell, options, expected):
    assert type(choose(shell, **{"environ": {}, **options})) is expected


@pytest.mark.parametrize(
    ("request_", "captured"),
    [
        pytest.param(cell(), False, id="a-cell"),
        pytest.param(CALLBACK, True, id="a-callback"),
    ],
)
def test_the_swap_happens_only_where_the_front_end_follows_it(front_end, request_, captured):
    view = choose(make_shell(request_), environ=SERVER)
    follow(make_stream(ANSWER), view)
    assert ("update" in [entry[0] for entry in front_end]) is not captured


def test_no_swap_inside_an_output_widget(front_end):
    import ipywidgets

    output = ipywidgets.Output()
    output.msg_id = "m1"  # as `with output:` sets it
    follow(make_stream(ANSWER), choose(make_shell(cell()), environ=SERVER))
    output.close()
    assert "update" not in [entry[0] for entry in front_end]


def test_without_anywidget_the_answer_is_shown_when_it_is_whole(front_end, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    follow(make_stream(ANSWER), choose(make_shell(cell()), environ={}))
    assert "no live view" in front_end[0][1]["text/plain"]


# ------------------------------------------------------------------------------------------ a real kernel

KERNEL_SETUP = """
import os, time
os.environ["JPY_SESSION_NAME"] = "a.ipynb"
from glm_magics.chat import ChatRequest, Message
from glm_magics._stream import Stream
from glm_magics import _control
from glm_magics.views import choose, follow
_control.register(get_ipython())
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\\n\\ndata: [DONE]\\n\\n'
def answer(pause, count):
    def source():
        for i in range(count):
            time.sleep(pause)
            yield b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\\n\\n'
        yield END
    return Stream(source(), ChatRequest("glm-4.5-air", (Message("user", "?"),)))
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    client.execute_interactive(KERNEL_SETUP, timeout=60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code, *, on_output=lambda message: None, **options):
    """Run a cell as a notebook does; returns its outputs as they end up, after all updates, and the reply."""
    outputs, others = {}, []

    def hook(message):
        kind, content = message["header"]["msg_type"], message["content"]
        if kind in ("display_data", "update_display_data"):
            outputs[content["transient"].get("display_id", len(outputs))] = content
        elif kind == "stream":
            others.append(content["text"])
        on_output(message)

    reply = client.execute_interactive(code, timeout=60, output_hook=hook, **options)
    return list(outputs.values()), others, reply["content"]


def test_in_a_kernel_one_output_without_a_widget_is_left(kernel):
    _, client = kernel
    code = "print(follow(answer(0.01, 20), choose(get_ipython())).finish_reason)"
    seen = []
    run(client, code)
    (output,), printed, _ = run(client, code, on_output=lambda m: seen.append(m["header"]["msg_type"]))
    assert set(output["data"]) == {"text/markdown", "text/plain"}
    assert "glm_magics" in output["metadata"]
    assert printed == ["stop\n"]
    assert "comm_msg" in seen
    assert seen.count("comm_open") == 2  # the widget, and a layout that ipywidgets keeps
    assert seen.count("comm_close") == 1  # the widget of the answer before


def test_in_a_kernel_an_interrupt_keeps_the_partial_answer_and_the_next_cell_runs(kernel):
    manager, client = kernel
    pressed = []

    def press(message):
        if (
            message["header"]["msg_type"] == "comm_msg"
            and "answer" in str(message["content"])
            and not pressed
        ):
            pressed.append(True)
            manager.interrupt_kernel()

    code = "print(follow(answer(0.02, 2000), choose(get_ipython())).finish_reason)"
    (output,), printed, _ = run(client, code, on_output=press)
    assert printed == ["interrupted\n"]
    assert "word" in output["data"]["text/plain"]
    assert output["metadata"]["glm_magics"]["finish_reason"] == "interrupted"
    assert run(client, "print(1)")[1] == ["1\n"]


def test_in_a_kernel_without_a_front_end_the_output_is_static_from_the_start(kernel):
    _, client = kernel
    seen = []
    code = "follow(answer(0.001, 5), choose(get_ipython())).finish_reason"
    (output,), _, _ = run(
        client, code, allow_stdin=False, on_output=lambda m: seen.append(m["header"]["msg_type"])
    )
    assert set(output["data"]) == {"text/markdown", "text/plain"}
    assert not any(kind.startswith("comm") for kind in seen)


READ = Completion(
    "It is so [S2].",
    model="glm-4.5-air",
    sources=(Source("S1", "a.md", "page 1"), Source("S2", "a.md", "page 2", cited=True)),
)


def test_the_parts_of_a_document_that_were_read_are_counted_while_it_is_read():
    progress = Progress("reading", 20.0, None, 0.0, Usage(), None, "3 of 12 parts")
    assert status(progress) == "Reading: 3 of 12 parts"


def test_the_terminal_lists_the_sources_under_the_answer():
    out = io.StringIO()
    view = TerminalView(out)
    view.update([TextDelta(READ.text)], Progress("answering", 1, 1, 0, Usage(), None), None)
    view.finish(READ, None)
    assert out.getvalue().startswith("It is so [S2].\n\n- [S2] a.md, page 2\n\nglm-4.5-air")


def test_the_live_view_ends_with_the_sources(front_end):
    view = LiveView(swap=False)
    view.start("glm-4.5-air")
    view.update([TextDelta(READ.text)], Progress("answering", 1, 1, 0, Usage(), None), None)
    view.finish(READ, None)
    assert "<li>[S2] a.md, page 2</li>" in json.dumps(messages(front_end))
