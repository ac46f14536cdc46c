"""`%glm` and `%%glm` in a real IPython: what is asked, shown, bound, returned and raised."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import Cells
from IPython.core.error import UsageError
from nbclient import NotebookClient

from glm_magics import _control, api, errors, magics
from glm_magics import cells as cells_module
from glm_magics._session import Session
from glm_magics.chat import Completion

Demo = Callable[..., Session]


def bundle_of(cells: Cells, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return cells.shell.display_formatter.format(value)


# The answer


def test_the_answer_of_a_line_is_its_value(cells: Cells) -> None:
    ran = cells("%glm what is 7 * 6?")
    assert isinstance(ran.value, Completion)
    assert "42" in str(ran.value)
    assert cells["_"] is ran.value
    assert cells["Out"][cells.shell.execution_count - 1] is ran.value


def test_a_streamed_answer_is_displayed_once(cells: Cells) -> None:
    ran = cells("%glm what is 7 * 6?")
    assert ran.out.count("**42**") == 1
    assert cells("%%glm\nwhat is 7 * 6?").out.count("**42**") == 1
    assert cells("x = %glm what is 7 * 6?\nx").out.count("**42**") == 1


def test_an_answer_can_be_assigned(cells: Cells) -> None:
    assert cells("x = %glm what is 7 * 6?").value is None
    assert "42" in cells["x"].text


def test_out_binds_the_answer_of_a_cell(cells: Cells) -> None:
    cells("%%glm -o answer\nwhat is 7 * 6?")
    assert "42" in cells["answer"].text
    assert cells("str(answer)").value == cells["answer"].text


def test_an_answer_shown_later_is_its_text_in_a_terminal(cells: Cells) -> None:
    cells("x = %glm what is 7 * 6?")
    ran = cells("x")
    assert "**42**" in ran.out
    assert "Completion(" not in ran.out


def test_an_answer_shown_later_is_canonical_markdown_with_its_record(cells: Cells) -> None:
    hostile = Completion(text="<script>alert(1)</script> ![x](https://a.example/x.png)", model="glm-4.5-air")
    data, metadata = bundle_of(cells, hostile)
    assert set(data) == {"text/markdown", "text/plain"}
    assert "<script" not in data["text/markdown"]
    assert "![" not in data["text/markdown"]
    assert data["text/plain"] == hostile.text
    assert metadata["glm_magics"]["tier"] == "glm-4.5-air"


def test_the_text_of_an_answer_shown_later_has_no_terminal_escapes(cells: Cells) -> None:
    data, _ = bundle_of(cells, Completion(text="\x1b[31mred\x1b[0m \u202eback"))
    assert data["text/plain"] == "red back"


def test_an_answer_becomes_a_frame(cells: Cells) -> None:
    frame = Completion(text='```json\n[{"a": 1}, {"a": 2}]\n```').to_frame()
    assert frame["a"].tolist() == [1, 2]


def test_the_prompt_goes_below_and_may_have_many_lines(cells: Cells) -> None:
    cells("%%glm -o answer\nfirst line\n\nsecond line\n")
    request = api.session().ledger.entries[-1]
    assert request.finish_reason == "stop"
    assert "second line" in cells["answer"].text


def test_the_ledger_names_the_cell(cells: Cells) -> None:
    answer = cells("%glm hi").value
    (number,) = (number for number, value in cells["Out"].items() if value is answer)
    assert api.session().ledger.entries[-1].label == f"In[{number}]"


# Names


def test_names_are_filled_from_the_notebook(cells: Cells) -> None:
    cells("n = 17")
    assert "289" in cells("%glm what is {{n}} * 17?").value.text


def test_names_of_a_function_are_filled_too(cells: Cells) -> None:
    cells("def ask():\n    n = 17\n    answer = %glm -q what is {{n}} * 17?\n    return answer")
    assert "289" in cells("ask()").value.text


def test_text_in_a_value_is_not_filled_again(cells: Cells) -> None:
    cells("secret = 'hunter2'\nquote = 'the braces {{secret}} stay'")
    assert "hunter2" not in cells("%glm repeat {{quote}}").value.text


@pytest.mark.parametrize(
    "prompt",
    [
        pytest.param('{"a": {"b": 1}} { x } {}', id="json"),
        pytest.param("$HOME {HOME} $(ls) `!ls`", id="what-ipython-expands"),
        pytest.param("\\frac{a}{b} $x$", id="latex"),
    ],
)
def test_other_braces_and_dollars_are_text(cells: Cells, prompt: str) -> None:
    ran = cells(f"%%glm --estimate\n{prompt}")
    assert ran.error is None
    cells("HOME = 'gone'")
    sent = Recorded(api.session())
    cells(f"%glm {prompt}")
    assert sent.prompts == [prompt]


class Recorded:
    """The prompts that a session is asked from now on."""

    def __init__(self, session: Session) -> None:
        self.requests: list[Any] = []
        stream = session.client.stream

        def noted(request: Any, **options: Any) -> Any:
            self.requests.append(request)
            return stream(request, **options)

        session.client.stream = noted  # type: ignore[method-assign]

    @property
    def prompts(self) -> list[str]:
        return [request.messages[-1].text for request in self.requests]


def test_raw_sends_the_braces(cells: Cells) -> None:
    sent = Recorded(api.session())
    assert cells("%glm --raw what is {{nothing}}?").error is None
    assert sent.prompts == ["what is {{nothing}}?"]


def test_an_undefined_name_is_an_error_and_nothing_is_sent(cells: Cells) -> None:
    sent = Recorded(api.session())
    cells("region = 'north'")
    ran = cells("%glm describe {{regoin}}")
    assert isinstance(ran.error, errors.TemplateError)
    assert "Did you mean region?" in ran.out
    assert sent.prompts == []


def test_input_attaches_a_value_without_naming_it_in_the_text(cells: Cells) -> None:
    sent = Recorded(api.session())
    cells("import pandas as pd\nsales = pd.DataFrame({'region': ['n', 's'], 'amount': [1, 2]})\nnote = 'q4'")
    cells("%glm -i sales --input note which region?")
    (prompt,) = sent.prompts
    assert prompt.startswith("which region?\n\n")
    assert "Table `sales`: 2 rows" in prompt
    assert "Data `note`" in prompt


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("-i salse hi", "Did you mean sales?", id="near-miss"),
        pytest.param("-i nothing hi", "-i nothing: there is no variable of that name", id="unknown"),
    ],
)
def test_an_input_that_is_not_there_is_one_line(cells: Cells, line: str, message: str) -> None:
    cells("sales = [1]")
    ran = cells(f"%glm {line}")
    assert isinstance(ran.error, UsageError)
    assert message in ran.err


@pytest.mark.parametrize("name", ["print", "_secret", "get_ipython", "os"])
def test_an_input_that_is_no_data_is_refused(cells: Cells, name: str) -> None:
    cells("import os\n_secret = 'x'\nfrom builtins import print")
    assert isinstance(cells(f"%glm -i {name} hi").error, errors.TemplateError)


# Options


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        pytest.param("-m glm-4.7", "model", "glm-4.7", id="tier"),
        pytest.param("--tier flash", "model", "glm-4.7-flash", id="alias"),
        pytest.param("--think", "thinking", True, id="think"),
        pytest.param("--no-think", "thinking", False, id="no-think"),
        pytest.param("-m glm-5.2 --effort low", "effort", "low", id="effort"),
        pytest.param("-t 0.2", "temperature", 0.2, id="temperature"),
        pytest.param("--top-p 0.5", "top_p", 0.5, id="top-p"),
        pytest.param("--max-tokens 2k", "max_tokens", 2000, id="max-tokens"),
        pytest.param("--stop END", "stop", ("END",), id="stop"),
        pytest.param("--no-stream", "stream", False, id="no-stream"),
    ],
)
def test_an_option_reaches_the_request(cells: Cells, options: str, field: str, value: Any) -> None:
    sent = Recorded(api.session())
    ran = cells(f"%%glm {options}\nhello")
    assert ran.error is None, ran.text
    assert getattr(sent.requests[0], field) == value


def test_the_first_word_of_a_cell_may_be_the_tier(cells: Cells) -> None:
    assert cells("%%glm glm-4.7 -o x\nhello").value.model == "glm-4.7"


def test_the_system_message_is_filled_and_sent_first(cells: Cells) -> None:
    sent = Recorded(api.session())
    cells("role = 'a pirate'")
    cells('%glm -s "You are {{role}}." hello')
    assert [(message.role, message.text) for message in sent.requests[0].messages] == [
        ("system", "You are a pirate."),
        ("user", "hello"),
    ]


def test_quiet_shows_nothing_of_the_answer_and_binds_it(cells: Cells) -> None:
    ran = cells("%%glm -q -o x\nwhat is 7 * 6?")
    assert "42" not in ran.out
    assert "42" in cells["x"].text


def test_code_puts_the_code_into_a_new_cell_and_does_not_run_it(cells: Cells) -> None:
    cells("%%glm --code\nwrite a Python function for fibonacci numbers")
    assert cells.shell.rl_next_input.startswith("def fibonacci")
    assert "```" not in cells.shell.rl_next_input
    assert "fibonacci" not in cells.shell.user_ns
    cells.shell.rl_next_input = None


def test_code_says_when_there_is_none(cells: Cells) -> None:
    assert "no code block" in cells("%glm --code hello").out
    assert cells.shell.rl_next_input is None


def test_estimate_sends_nothing_and_compares_tiers(cells: Cells) -> None:
    sent = Recorded(api.session())
    ran = cells("%%glm --estimate\nhello")
    assert sent.requests == []
    assert api.session().ledger.entries == ()
    assert "Nothing was sent." in ran.out
    assert "glm-4.5-air" in ran.value.index


def test_an_estimate_without_a_known_currency_has_no_table(cells: Cells) -> None:
    cells("%glm connect http://localhost:9/v1")
    ran = cells("%glm -m my-model --estimate hello")
    assert ran.value is None
    assert "no price known" in ran.out


def test_thinking_that_eats_the_answer_is_explained_with_a_way_out(cells: Cells) -> None:
    ran = cells("%glm --max-tokens 20 hello")
    assert ran.value.finish_reason == "length"
    assert "Thinking used 20 of 20 tokens, nothing left for the answer. Try --max-tokens 80" in ran.out
    assert "--no-think" in ran.out


# Lines that are wrong


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(
            "%glm --nonsense hi", "--nonsense is not an option. `%%glm?` shows them all.", id="unknown"
        ),
        pytest.param("%%glm --web\nhi", "--web is not an option", id="a-later-release"),
        pytest.param("%%glm air what is this\nhi", "The prompt goes below.", id="text-on-the-first-line"),
        pytest.param("%%glm air -m flash\nhi", "both name a tier: keep one", id="two-tiers"),
        pytest.param("%%glm\n   \n", "The cell is empty: write the prompt below", id="blank-body"),
        pytest.param("%%glm", "the cell body is empty", id="no-body"),
        pytest.param("%glm ?", "The question is missing", id="only-a-question-mark"),
        pytest.param("%glm -q", "The question is missing", id="only-options"),
        pytest.param("%glm -o 1 hi", "expected the name of a variable", id="bad-name"),
        pytest.param("%glm tiers --fre", "Did you mean --free?", id="command-option"),
        pytest.param("%glm budget lots", "%glm budget AMOUNT", id="budget"),
        pytest.param("%glm budget 5 per week", "%glm budget AMOUNT", id="budget-per-what"),
        pytest.param(
            "%glm budget 5 EUR", "demo bills in CNY, so a budget cannot be in EUR", id="budget-currency"
        ),
        pytest.param("%glm login nowhere", "takes z.ai, bigmodel or an address", id="login"),
    ],
)
def test_a_wrong_line_is_one_line_of_error_and_no_traceback(cells: Cells, code: str, message: str) -> None:
    ran = cells(code)
    assert isinstance(ran.error, UsageError)
    assert message in ran.err
    assert ran.err.startswith("UsageError: ")
    assert len(ran.text.strip().splitlines()) == 1


def test_control_characters_of_a_line_are_shown_and_not_sent_to_the_terminal(cells: Cells) -> None:
    cells.shell.run_line_magic("config", "GLMMagics.feedback=1")
    with pytest.raises(UsageError) as raised:
        cells.shell.run_line_magic("glm", "--x\x1b[2J\x00 hi")
    assert "\x1b" not in str(raised.value)
    assert "⟨U+001B⟩" in str(raised.value)


def test_a_line_that_goes_on_for_ever_has_a_short_error(cells: Cells) -> None:
    with pytest.raises(UsageError) as raised:
        cells.shell.run_line_magic("glm", f"--{'x' * 1_000_000}")
    assert len(str(raised.value)) < 2_000


# Errors of the API


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param("1113", errors.BalanceError, id="balance"),
        pytest.param("1301", errors.ContentRefused, id="refused"),
        pytest.param("auth", errors.AuthenticationError, id="key"),
        pytest.param("html", errors.ProtocolError, id="login-page"),
        pytest.param("cut", errors.IncompleteStream, id="cut"),
        pytest.param("midstream-error", errors.GLMError, id="midstream"),
    ],
)
def test_an_error_of_the_api_is_raised_short_and_as_its_type(
    cells: Cells, demo: Demo, fault: str, kind: type[errors.GLMError]
) -> None:
    demo(f"fault={fault}")
    ran = cells("%glm hello")
    assert isinstance(ran.error, kind)
    assert "Traceback" not in ran.text
    assert f"{type(ran.error).__name__}: " in ran.out
    assert len(ran.out.split(type(ran.error).__name__)[-1].strip().splitlines()) <= 4
    with pytest.raises(kind):
        cells.shell.run_cell_magic("glm", "", "hello")


def test_with_short_errors_off_there_is_a_traceback(cells: Cells, demo: Demo) -> None:
    demo("fault=1113")
    cells("%config GLMMagics.short_errors = False")
    assert "Traceback" in cells("%glm hello").text


def test_words_of_a_server_cannot_write_to_the_terminal(cells: Cells) -> None:
    error = errors.ServerError("\x1b]0;owned\x07\x1b[31mhello" + "x" * 5_000)
    (line,) = cells_module._few_lines(error)
    assert "\x1b" not in line
    assert len(line) < 1_100


def test_a_partial_answer_is_bound_and_carried_by_the_error(cells: Cells, demo: Demo) -> None:
    demo("fault=cut")
    error = cells("%%glm -o part --no-think\nwrite 200 tokens about rivers").error
    assert isinstance(error, errors.IncompleteStream)
    assert error.completion is cells["part"]
    assert cells["part"].text
    assert not cells["part"].complete


def test_a_refused_request_leaves_the_name_as_it_was(cells: Cells, demo: Demo) -> None:
    cells("%%glm -o kept\nwhat is 7 * 6?")
    demo("fault=1113")
    assert cells("%%glm -o kept\nand 8 * 6?").error is not None
    assert "42" in cells["kept"].text


def test_a_refused_request_costs_nothing(cells: Cells, demo: Demo) -> None:
    demo("fault=1113")
    cells("%glm hello")
    assert api.session().ledger.entries == ()


# Help


@pytest.mark.parametrize(
    "code", ["%glm -h", "%glm help", "%%glm -h", "%%glm --help\n", "%%glm -h\nhi", "%glm?", "%%glm?"]
)
def test_help_is_the_manual(cells: Cells, code: str) -> None:
    ran = cells(code)
    assert ran.error is None
    for part in ("Options", "--max-tokens N", "Commands", "%glm budget", "Examples"):
        assert part in ran.out


# Settings


def test_settings_apply_to_the_cells_that_say_nothing_else(cells: Cells) -> None:
    sent = Recorded(api.session())
    cells("%config GLMMagics.tier = 'flash'")
    cells("%config GLMMagics.temperature = 0.3")
    cells("%glm hello")
    cells("%glm -m glm-4.7 -t 0.9 hello")
    assert [(request.model, request.temperature) for request in sent.requests] == [
        ("glm-4.7-flash", 0.3),
        ("glm-4.7", 0.9),
    ]


def test_a_wrong_setting_is_one_line(cells: Cells, caplog: pytest.LogCaptureFixture) -> None:
    ran = cells("%config GLMMagics.tier = 'flesh'")
    assert "'flesh' is not a tier" in caplog.text + ran.text
    assert "Traceback" not in ran.text


def test_settings_and_session_say_the_same(cells: Cells) -> None:
    cells("%glm use glm-4.7")
    assert cells("%config GLMMagics.tier").value == "glm-4.7"
    api.connect("demo://?pace=0")
    cells("%glm use glm-4.7")
    assert api.session().tier.id == "glm-4.7"
    cells("%config GLMMagics.system = 'Be brief.'")
    assert api.session().tier.id == "glm-4.7"
    cells("%glm connect demo://?pace=0")
    assert cells("%config GLMMagics.tier").value == ""


def test_a_session_made_before_loading_keeps_its_tier(cells: Cells) -> None:
    cells("%unload_ext glm_magics")
    api.connect("demo://?pace=0", tier="glm-4.7")
    assert "glm-4.7" in cells("%load_ext glm_magics").out
    assert cells("%glm hello").value.model == "glm-4.7"


def test_settings_survive_a_reload(cells: Cells) -> None:
    cells("%config GLMMagics.temperature = 0.3")
    cells("%reload_ext glm_magics")
    assert cells("%config GLMMagics.temperature").value == 0.3


# Loading and unloading


def snapshot(shell: Any) -> dict[str, Any]:
    formatters = shell.display_formatter
    return {
        "line magics": sorted(shell.magics_manager.magics["line"]),
        "cell magics": sorted(shell.magics_manager.magics["cell"]),
        "registry": sorted(shell.magics_manager.registry),
        "configurables": list(shell.configurables),
        "matchers": list(shell.Completer.custom_matchers),
        "token transformers": list(shell.input_transformer_manager.token_transformers),
        "line transformers": list(shell.input_transformer_manager.line_transforms),
        "cleanup": list(shell.input_transformer_manager.cleanup_transforms),
        "formatters": {name: dict(f.type_printers) for name, f in formatters.formatters.items()},
        "deferred": {name: dict(f.deferred_printers) for name, f in formatters.formatters.items()},
        "own display": dict(formatters.ipython_display_formatter.type_printers),
        "bundles": dict(formatters.mimebundle_formatter.type_printers),
        "exceptions": (shell.custom_exceptions, sys.excepthook, threading.excepthook),
        "callbacks": {event: list(found) for event, found in shell.events.callbacks.items()},
        "names": set(shell.user_ns),
    }


def test_unloading_leaves_everything_as_it_was(cells: Cells) -> None:
    cells.shell.run_line_magic("unload_ext", "glm_magics")
    before = snapshot(cells.shell)
    for _ in range(2):
        cells.shell.run_line_magic("load_ext", "glm_magics")
        cells.shell.run_line_magic("reload_ext", "glm_magics")
        assert snapshot(cells.shell) != before
        assert snapshot(cells.shell)["exceptions"] == before["exceptions"]
        cells.shell.run_line_magic("unload_ext", "glm_magics")
        assert snapshot(cells.shell) == before


def test_loading_twice_registers_once(cells: Cells) -> None:
    once = snapshot(cells.shell)
    magics.load(cells.shell)
    twice = snapshot(cells.shell)
    assert [len(once[name]) for name in once] == [len(twice[name]) for name in twice]


def test_the_stop_button_is_heard_only_while_loaded(cells: Cells) -> None:
    class Comms:
        def __init__(self) -> None:
            self.targets: dict[str, Any] = {}

        def register_target(self, name: str, heard: Any) -> None:
            self.targets[name] = heard

        def unregister_target(self, name: str, heard: Any) -> None:
            del self.targets[name]

    class Kernel:
        comm_manager = Comms()

    class Shell:
        kernel = Kernel()

    _control.register(Shell())
    assert list(Kernel.comm_manager.targets) == [_control.TARGET]
    _control.unregister(Shell())
    _control.unregister(Shell())
    assert Kernel.comm_manager.targets == {}


_FORBIDDEN_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system")


def test_loading_prints_one_line_and_touches_neither_network_nor_disk(cells: Cells) -> None:
    cells.shell.run_line_magic("unload_ext", "glm_magics")
    seen: list[str] = []
    watching = True

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if not watching:
            return
        writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
        if event in _FORBIDDEN_EVENTS or (writes and "__pycache__" not in str(args[0])):
            seen.append(f"{event} {args}")

    sys.addaudithook(watch)
    try:
        ran = cells("%load_ext glm_magics")
    finally:
        watching = False
    assert seen == []
    assert len(ran.text.splitlines()) == 1
    assert ran.out.startswith("glm-magics ")
    assert "demo engine (offline, no key" in ran.out


def test_feedback_0_loads_in_silence(cells: Cells) -> None:
    cells.shell.run_line_magic("unload_ext", "glm_magics")
    cells.shell.config.GLMMagics.feedback = 0
    try:
        assert cells("%load_ext glm_magics").text == ""
    finally:
        del cells.shell.config["GLMMagics"]


def test_a_wrong_tier_in_the_configuration_is_one_line_at_load(cells: Cells) -> None:
    cells.shell.run_line_magic("unload_ext", "glm_magics")
    before = snapshot(cells.shell)
    cells.shell.config.GLMMagics.tier = "flesh"
    try:
        ran = cells("%load_ext glm_magics")
        assert isinstance(ran.error, UsageError)
        assert "'flesh' is not a tier" in ran.err
        assert snapshot(cells.shell)["configurables"] == before["configurables"]
    finally:
        del cells.shell.config["GLMMagics"]


def test_a_wrong_address_in_the_environment_is_one_line_at_load(
    cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells.shell.run_line_magic("unload_ext", "glm_magics")
    monkeypatch.setenv("GLM_BASE_URL", "localhost:8000")
    monkeypatch.setattr(api, "_session", None)
    ran = cells("%load_ext glm_magics")
    assert isinstance(ran.error, UsageError)
    assert "is not an address to connect to" in ran.err


def test_the_demo_opens_no_socket(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert cells("%glm hello").error is None


# In a notebook


def test_a_saved_notebook_shows_each_answer_once_as_markdown(tmp_path: Path) -> None:
    sources = [
        "%load_ext glm_magics\nimport glm_magics as glm\nglm.connect('demo://?pace=0');",
        "%glm what is 7 * 6?",
        "%%glm -o x\nwhat is 7 * 6?",
        "x",
        "%glm -q what is 7 * 6?",
        "print(str(_))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=60, resources=resources).execute()
    loaded, line, cell, later, quiet, printed = (found.outputs for found in notebook.cells)
    assert [output.output_type for output in loaded] == ["stream"]
    for outputs, kind in ((line, "display_data"), (cell, "display_data"), (later, "execute_result")):
        (output,) = outputs
        assert output.output_type == kind
        assert set(output.data) == {"text/markdown", "text/plain"}
        assert "**42**" in output.data["text/markdown"]
        assert output.metadata["glm_magics"]["tier"] == "glm-4.5-air"
    assert quiet == []
    assert "42" in printed[0].text


def test_an_expression_in_a_prompt_is_sent_as_written_and_said_to_be(cells: Cells) -> None:
    cells("df = [1, 2]")
    ran = cells("%%glm -o x\nHow long is {{df.shape}}?")
    assert ran.error is None
    assert ran.err == "{{df.shape}} is sent as it is written: only plain names are filled.\n"


def test_a_frame_in_the_middle_of_a_sentence_is_still_a_table(cells: Cells) -> None:
    cells("import pandas as pd\ndf = pd.DataFrame({'city': ['Rome', 'Oslo'], 'rain': [80, 95]})")
    cells("%%glm -o x\nWhat is in {{df}}?")
    assert "**2** rows" in cells["x"].text
