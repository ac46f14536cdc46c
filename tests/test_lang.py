"""Messages in English and Chinese: which language, what the catalog holds, and what stays the same in both."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import string
import subprocess
import symtable
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from babel.messages.catalog import Catalog

import glm_magics as glm
from glm_magics import _lang, manual
from glm_magics._policy import Policy
from glm_magics._session import Session
from glm_magics.chat import Completion, Cost, Usage
from glm_magics.config_card import card, settings
from glm_magics.errors import BalanceError, BudgetExceeded, CheckFailed, PolicyError
from glm_magics.grammar import OPTIONS
from glm_magics.magics import summary
from glm_magics.render.text import columns
from glm_magics.sharing import scan_text, table
from glm_magics.views import words

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "glm_magics"
WIDGETS = ROOT / "widgets" / "src"
HAN = re.compile(r"[\u4e00-\u9fff]")
VARIABLES = ("GLM_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture
def chinese() -> Iterator[None]:
    _lang.use("zh")
    yield
    _lang.use("en")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`.ci/messages.py`, which writes the catalogs."""
    spec = importlib.util.spec_from_file_location("messages", ROOT / ".ci" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def catalog(script: ModuleType) -> Catalog:
    (path,) = script.catalogs()
    return script.read(path)


def translations(catalog: Catalog) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalog if message.id}


# ------------------------------------------------------------------------------------------ which language


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        pytest.param({}, "en", id="nothing-set"),
        pytest.param({"LANG": "C"}, "en", id="C"),
        pytest.param({"LANG": "C.UTF-8"}, "en", id="C.UTF-8"),
        pytest.param({"LANG": "zh_CN.UTF-8"}, "zh", id="locale"),
        pytest.param({"LANG": "de_DE.UTF-8"}, "en", id="no-catalog"),
        pytest.param({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en", id="LC_ALL-over-LANG"),
        pytest.param({"LANG": "en_GB", "LC_MESSAGES": "zh_TW"}, "zh", id="LC_MESSAGES-over-LANG"),
        pytest.param({"LANG": "zh_CN", "LC_ALL": ""}, "zh", id="empty-is-not-set"),
        pytest.param({"LANG": "C", "GLM_LANG": "zh"}, "zh", id="GLM_LANG-over-locale"),
        pytest.param({"LANG": "zh_CN", "GLM_LANG": "en"}, "en", id="GLM_LANG-en"),
        pytest.param({"GLM_LANG": "zh-Hans"}, "zh", id="zh-Hans"),
        pytest.param({"GLM_LANG": " ZH_cn "}, "zh", id="any-spelling"),
        pytest.param({"GLM_LANG": "fr", "LANG": "zh_CN"}, "en", id="GLM_LANG-without-catalog"),
    ],
)
def test_the_language_is_the_one_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], language: str
) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    _lang.use()
    try:
        assert bool(HAN.search(_lang._("Waiting"))) is (language == "zh")
    finally:
        _lang.use("en")


def test_english_costs_no_import_and_a_catalog_is_read_when_a_message_is_first_needed() -> None:
    program = (
        "import sys, glm_magics.magics, glm_magics.api\n"
        "from glm_magics import _lang\n"
        "_lang._('Waiting')\n"
        "print('gettext' in sys.modules)\n"
        "_lang.use('zh')\n"
        "print(_lang._('Waiting'))"
    )
    # IPython imports gettext with argparse: what the package itself needs is seen without it
    program = program.replace("glm_magics.magics, ", "")
    environment = {"GLM_LANG": "en", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.stdout.split() == ["False", "等待中"], done.stderr


def test_threads_that_come_at_once_read_a_catalog_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import gettext

    loaded: list[str] = []
    read = gettext.translation

    def counted(*arguments: Any) -> Any:
        loaded.append("")
        return read(*arguments)

    monkeypatch.setattr(gettext, "translation", counted)
    monkeypatch.setattr(_lang, "_catalogs", {"en": str})
    monkeypatch.setattr(_lang, "_translate", None)
    monkeypatch.setenv("GLM_LANG", "zh")
    together, said = threading.Barrier(8), []

    def ask() -> None:
        together.wait()
        said.append(_lang._("Waiting"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (said, len(loaded)) == (["等待中"] * 8, 1)


def test_the_empty_message_is_empty_in_every_language(chinese: None) -> None:
    assert _lang._("") == ""


# ------------------------------------------------------------------------------------------ the catalog


def test_every_message_is_translated_and_the_catalog_holds_nothing_else(
    script: ModuleType, catalog: Catalog
) -> None:
    marked = {message for message, _ in script.messages()}
    known = translations(catalog)
    assert sorted(marked - set(known)) == [], "run `python .ci/messages.py`, and translate what is new"
    assert sorted(set(known) - marked) == [], "run `python .ci/messages.py`"
    assert [message for message, translated in known.items() if not translated.strip()] == []
    assert [message.id for message in catalog if message.id and message.fuzzy] == []
    assert not catalog.obsolete


def test_the_files_are_what_the_script_writes(script: ModuleType) -> None:
    (path,) = script.catalogs()
    assert path.read_bytes() == script.as_po(script.updated(path)), "run `python .ci/messages.py`"
    assert path.with_suffix(".mo").read_bytes() == script.as_mo(script.read(path))


def test_a_translation_has_the_placeholders_of_its_message(catalog: Catalog) -> None:
    def placeholders(text: str) -> list[Any]:
        try:
            return sorted(part[1:] for part in string.Formatter().parse(text) if part[1] is not None)
        except ValueError:  # braces that are text
            return re.findall(r"[{}]", text)

    assert [
        (message, translated)
        for message, translated in translations(catalog).items()
        if set(map(str, placeholders(message))) != set(map(str, placeholders(translated)))
    ] == []


def test_a_translation_begins_and_ends_with_the_newlines_of_its_message(catalog: Catalog) -> None:
    def ends(text: str) -> tuple[int, int]:
        return len(text) - len(text.lstrip("\n")), len(text) - len(text.rstrip("\n"))

    different = [m for m, translated in translations(catalog).items() if ends(m) != ends(translated)]
    assert different == []


def test_options_commands_and_code_are_the_same_in_a_translation(catalog: Catalog) -> None:
    def names(text: str) -> set[str]:
        return set(re.findall(r"--[a-z][a-z-]+|%{1,2}glm [a-z]+ ", text + " "))

    example = re.compile(r"%glm [a-z]+ ")  # a question in the manual's examples
    assert [
        (message, names(message) ^ names(translated))
        for message, translated in translations(catalog).items()
        if {name for name in names(message) ^ names(translated) if not example.fullmatch(name)}
    ] == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_what_is_marked_is_a_literal_and_the_mark_is_no_other_name(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    marks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "N_")
    ]
    for mark in marks:
        (argument,) = mark.args
        is_literal = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        # `_(name)` translates a constant that `N_` has marked
        is_marked = mark.func.id == "_" and isinstance(argument, (ast.Name, ast.Attribute))  # type: ignore[attr-defined]
        assert is_literal or is_marked, f"{path.name}:{mark.lineno}"
    hidden = [scope.get_lineno() for scope in scopes(path) if hides_the_mark(scope)]
    assert hidden == [], f"`_` is a variable there: {path.name}"


def scopes(path: Path) -> Iterator[symtable.SymbolTable]:
    waiting = [symtable.symtable(path.read_text("utf-8"), str(path), "exec")]
    while waiting:
        scope = waiting.pop()
        waiting += scope.get_children()
        yield scope


def hides_the_mark(scope: symtable.SymbolTable) -> bool:
    if scope.get_type() != "function" or "_" not in scope.get_identifiers():
        return False
    mark = scope.lookup("_")
    return mark.is_local() and mark.is_referenced()


# ------------------------------------------------------------------------------------------ what is seen


def answer(**facts: Any) -> Completion:
    usage = Usage(input_tokens=812, cached_tokens=128, output_tokens=345, reasoning_tokens=210)
    return Completion("Yes.", usage=usage, model="glm-4.5-air", finish_reason="stop", seconds=8.2, **facts)


def test_the_footer_is_in_chinese(chinese: None) -> None:
    shown = words.footer(answer(endpoint="demo"), Cost(Decimal("4.99"), "CNY"))
    assert "输入 812 (缓存 128) + 输出 345 (思考 210) token" in shown
    assert shown.startswith("glm-4.5-air · ")
    assert shown.endswith("剩余 4.99 CNY · 离线演示")


def test_the_line_at_load_is_in_chinese(chinese: None, demo: Callable[..., Session]) -> None:
    assert HAN.search(summary())
    assert "%%glm?" in summary()


def test_the_record_kept_with_an_output_is_the_same_in_every_language(chinese: None) -> None:
    in_chinese = json.dumps(words.record(answer()))
    _lang.use("en")
    assert in_chinese == json.dumps(words.record(answer()))


def test_the_manual_names_the_same_options_and_commands(chinese: None) -> None:
    shown = manual.text()
    assert HAN.search(shown)
    names = [name for option in OPTIONS for name in option.names if name.startswith("--")]
    assert [name for name in names if name not in shown] == []
    assert [name for name in manual.COMMANDS if f"%glm {name}" not in shown] == []
    _lang.use("en")
    spelled = re.compile(r"(?m)^    (%glm [a-z-]+|--?[a-z][^ ]*)")
    assert spelled.findall(shown) == spelled.findall(manual.text())


def test_the_browser_has_a_translation_for_each_of_its_own_words(chinese: None) -> None:
    sources = "".join(path.read_text("utf-8") for path in sorted(WIDGETS.glob("*.js")))
    used = re.findall(r'(?:\b_|translator\(model\))\("([^"]+)"\)', sources)
    assert set(used) == set(words.of_widget())
    _lang.use("en")
    assert words.of_widget() == {}


def test_a_notebook_changes_its_language_by_a_setting(cells: Any) -> None:
    assert "none needed" in cells("%glm").out
    assert cells('%config GLMMagics.lang = "zh_CN"').error is None
    try:
        assert "离线演示" in cells("%glm").out
        assert "选项" in cells("%glm help").out
        assert "选项" in cells.shell.find_cell_magic("glm").__doc__
        assert "没有 --nothing 这个选项" in cells("%glm --nothing x").text
        cells('%config GLMMagics.lang = "fr"')  # is refused
        assert "离线演示" in cells("%glm").out
    finally:
        cells('%config GLMMagics.lang = "en"')
    assert "none needed" in cells("%glm").out
    assert "Options" in cells.shell.find_cell_magic("glm").__doc__


def test_the_card_of_the_session_is_in_chinese_and_in_columns(chinese: None, cells: Any) -> None:
    rows = [line for line in cells("%glm").out.splitlines() if line.startswith(("密钥", "每格"))]
    begins = [columns(row[: row.index(word)]) for row, word in zip(rows, ("不需要", "无"), strict=True)]
    assert begins == [10, 10]


def test_an_error_of_the_platform_is_in_chinese_with_its_code_and_advice(
    chinese: None, demo: Callable[..., Session]
) -> None:
    demo("fault=1113")
    with pytest.raises(BalanceError) as caught:
        glm.ask("What is 6 * 7?")
    first, advice = str(caught.value).splitlines()
    assert first.startswith("服务器返回：")
    assert "错误码 1113" in first
    assert advice.startswith("请充值或购买资源包。")
    assert caught.value.code == "1113"


def test_a_budget_that_holds_says_so_in_chinese(chinese: None, demo: Callable[..., Session]) -> None:
    demo()
    glm.budget("0.001")
    with pytest.raises(BudgetExceeded, match="本次会话的预算"):
        glm.ask("What is 6 * 7?", tier="glm-4.5-air", max_tokens=4_000)


def test_a_class_of_errors_keeps_its_advice_in_english_until_it_is_raised(chinese: None) -> None:
    assert BalanceError.hint.startswith("Top up")
    assert BalanceError("x").hint.startswith("请充值")
    assert BalanceError("x", hint="").hint == ""


def test_what_is_sent_does_not_depend_on_the_language(demo: Callable[..., Session]) -> None:
    """Also where a refused answer goes back with what was wrong: prompts are keys of caches and cassettes."""

    def sent() -> list[Any]:
        session = demo("fault=bad-json-once")
        session.traffic.clear()
        glm.ask("List two cities", schema="city: str, people: int", tier="air")
        return [json.loads(traffic.body)["messages"] for traffic in session.traffic]

    in_english = sent()
    _lang.use("zh")
    try:
        assert sent() == in_english
    finally:
        _lang.use("en")
    assert len(in_english) == 2


def test_the_summary_of_a_row_map_is_in_chinese_and_its_columns_and_statuses_are_not(
    chinese: None, demo: Callable[..., Session], capsys: pytest.CaptureFixture[str]
) -> None:
    demo()
    glm.pandas()
    frame = pd.DataFrame({"text": ["good", "bad"]})
    result = frame.glm.map("Judge {{text}}", schema="mood: good|bad", cache="off", progress=True)
    assert list(result["_glm_status"]) == ["ok", "ok"]
    assert "2 行: 2 ok" in capsys.readouterr().err


def test_a_check_says_in_chinese_what_passed_and_what_was_expected(chinese: None) -> None:
    assert glm.check_answer("391", equals=391) == "通过：等于 391。"
    with pytest.raises(CheckFailed) as caught:
        glm.check_answer({"price": 4}, equals={"price": 5})
    first, advice = str(caught.value).splitlines()
    assert first == "应为 5（price），却是 4。"
    assert HAN.search(advice)


def test_the_settings_of_a_class_and_a_refusal_are_in_chinese(
    chinese: None, demo: Callable[..., Session]
) -> None:
    session = demo()
    session.policy = Policy(Path("glm_policy.toml"), lines={"max_tokens": 2}, max_tokens=100)
    with pytest.raises(
        PolicyError, match=r"max_tokens 已被 glm_policy\.toml:2 锁定。允许：最多 100；不允许：200。"
    ):
        session.policy.check_option("max_tokens", 200)
    _policy, *rows = card(settings(session, {}), session).splitlines()
    begins = {columns(row[: row.index(word)]) for row, word in ((rows[0], "来源"), (rows[1], "本次会话"))}
    assert len(begins) == 1, "columns are as wide as their text in a terminal"


def test_what_a_look_through_a_notebook_finds_is_in_chinese_and_its_severity_is_not(chinese: None) -> None:
    cell = {"cell_type": "code", "source": "send('li.hua@tsinghua.edu.cn')", "metadata": {}, "outputs": []}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    head, row = table(scan_text(json.dumps(notebook), "lesson.ipynb")).splitlines()
    assert row.split()[:3] == ["warning", "1", "source"]
    assert "电子邮箱地址：li…（22 个字符）" in row
    assert columns(head[: head.index("建议")]) == columns(row[: row.index("去掉")])
