"""The policy of a class: found, read, held for every kind of request, and shown with its origin."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from conftest import Cells

import glm_magics as glm
from glm_magics import api
from glm_magics._connect import PLATFORMS, from_policy
from glm_magics._policy import DEFAULTS, HINTS, LIMITS, NO_POLICY, Policy
from glm_magics._policy_file import read_policy
from glm_magics._policy_place import find_policy
from glm_magics._session import Session
from glm_magics.chat import ChatRequest, Message
from glm_magics.config_card import SETTINGS, card, settings
from glm_magics.errors import PolicyError, SettingError
from glm_magics.ledger import Budget

EXAMPLE = Path(__file__).parent.parent / "notebooks" / "workshop" / "policy" / "glm_policy.toml"
KEY = "0123456789abcdef0123456789abcdef.AbCdEfGhIjKlMnOp"


@pytest.fixture
def classroom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare_environment: None
) -> Callable[[str], Session]:
    """A session in a folder with this policy, on the demo engine without waiting times."""

    def begin(text: str) -> Session:
        (tmp_path / "glm_policy.toml").write_text(text, "utf-8")
        monkeypatch.chdir(tmp_path)
        api.exchange_session(None)
        return api.connect("demo://?pace=0")

    return begin


def problem(tmp_path: Path, text: str, name: str = "glm_policy.toml") -> str:
    (tmp_path / name).write_text(text, "utf-8")
    found = read_policy(tmp_path / name, {})
    assert found is not None
    return found.problem


# Finding


def test_the_variable_comes_first_then_the_nearest_folder_and_its_own_file(tmp_path: Path) -> None:
    inner = tmp_path / "week" / "day"
    inner.mkdir(parents=True)
    (tmp_path / "glm_policy.toml").write_text("max_tokens = 1")
    (tmp_path / "week" / "pyproject.toml").write_text("[tool.glm_magics]\nmax_tokens = 2")
    (inner / "pyproject.toml").write_text('[project]\nname = "glm_magics-lesson"')
    assert find_policy(inner, {}).max_tokens == 2
    (tmp_path / "week" / "glm_policy.toml").write_text("max_tokens = 3")
    assert find_policy(inner, {}).max_tokens == 3
    other = tmp_path / "other.toml"
    other.write_text("max_tokens = 4")
    assert find_policy(inner, {"GLM_POLICY": str(other)}).max_tokens == 4


def test_a_named_file_that_is_not_there_or_has_no_table_is_a_problem_and_not_no_policy(
    tmp_path: Path,
) -> None:
    missing = find_policy(tmp_path, {"GLM_POLICY": str(tmp_path / "gone.toml")})
    assert "gone.toml cannot be used: it cannot be read" in missing.problem
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert (
        "[tool.glm_magics]" in find_policy(tmp_path, {"GLM_POLICY": str(tmp_path / "pyproject.toml")}).problem
    )


def test_a_project_of_others_is_no_policy_even_if_it_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("this is [no toml")
    assert read_policy(tmp_path / "pyproject.toml", {}) is None


def test_a_setting_knows_its_line_also_in_a_project(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.other]\nbudget = 9\n\n[tool.glm_magics]\nthink = false\nbudget = 2.5\n")
    found = read_policy(file, {})
    assert found is not None
    assert found.place("budget") == "pyproject.toml:6"
    assert found.budget == Decimal("2.5")


# Reading


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("budgets = 2", "budgets: no setting of this name. Did you mean budget?", id="unknown"),
        pytest.param("tiers = ['glm-4.5-are']", "did you mean glm-4.5-air", id="tier"),
        pytest.param("tiers = []", "tiers: expected a list of names", id="no-tiers"),
        pytest.param("tiers = ['air']\ntier = 'glm-4.7'", "one of the allowed tiers", id="outside"),
        pytest.param("budget = 0", "budget: expected an amount of money above 0", id="nothing"),
        pytest.param("budget = nan", "budget: expected an amount", id="nan"),
        pytest.param("budget = true", "budget: expected an amount", id="flag"),
        pytest.param("max_tokens = 1.5", "max_tokens: expected a whole number", id="count"),
        pytest.param("temperature = 3", "temperature: expected a number from 0.0 to 1.0, got 3", id="range"),
        pytest.param("privacy = 'stat'", "Did you mean stats?", id="privacy"),
        pytest.param("endpoint = 'bigmodle'", "Did you mean bigmodel?", id="endpoint"),
        pytest.param("endpoint = 'http://api.z.ai/api/paas/v4'", "https://", id="plain-http"),
        pytest.param("locked = ['budgte']", "Did you mean budget?", id="locked"),
        pytest.param("locked = ['think']", "the file does not set it", id="locked-unset"),
        pytest.param("hints = false\nlocked = ['hints']", "does not switch it on", id="hints-off"),
        pytest.param("hints = true\nsystem = 'x'", "got both", id="two-systems"),
        pytest.param("budget_shared = 2", "together with shared_file", id="shared"),
        pytest.param("tiers = [", "it is not TOML", id="toml"),
        pytest.param("x = " + "[" * 5_000, "it is not TOML", id="deep"),
        pytest.param("a = '" + "x" * 1_000_001 + "'", "more than 1,000,000 bytes", id="too-big"),
        pytest.param("[tool.glm_magics]\nthink = true", "tool: no setting of this name", id="wrong-place"),
    ],
)
def test_a_bad_file_says_which_setting_and_what_was_expected(tmp_path: Path, text: str, told: str) -> None:
    found = problem(tmp_path, text)
    assert "glm_policy.toml" in found
    assert told in found
    assert len(found) < 500


def test_a_table_spelled_another_way_is_an_error_and_not_no_policy(tmp_path: Path) -> None:
    assert "[tool.glm_magics]" in problem(tmp_path, "[tool.glm-magics]\nbudget = 1", "pyproject.toml")


@pytest.mark.parametrize(
    "text",
    [
        f'api_key = "{KEY}"',
        f'contact = "{KEY}"',
        'contact = "sk-abcdefghijklmnopqrstuvwxyz"',
        'system = "use glm-class-abcdefghijkl"',
        'endpoint = "https://user:abcdefgh@host/v1"',
    ],
)
def test_a_file_that_holds_a_key_is_refused_without_a_character_of_it(tmp_path: Path, text: str) -> None:
    found = problem(tmp_path, text)
    assert "key" in found
    assert not any(secret in found for secret in (KEY[:8], "abcdefgh"))


def test_the_example_can_be_used_and_has_every_limit_and_default_but_the_shared_ones() -> None:
    found = read_policy(EXAMPLE, {})
    assert found is not None
    assert found.problem == ""
    assert set(found.lines) >= {*LIMITS, *DEFAULTS} - {"budget_shared", "system"}
    assert found.defaults.system == HINTS
    assert found.locked == {"system", "privacy", "mask"}


def test_the_readme_of_the_example_names_every_setting() -> None:
    from glm_magics._policy_file import _READERS

    text = EXAMPLE.with_name("README.md").read_text("utf-8")
    assert [name for name in _READERS if f"`{name}`" not in text] == []


# Holding


RULES = """
tiers = ["glm-4.5-air", "glm-4.7-flash"]
max_tokens = 300
budget = 2.00
budget_per_cell = 0.50
hints = true
temperature = 0.3
locked = ["hints", "temperature"]
contact = "Ms. Li"
"""

ROWS = pd.DataFrame({"text": ["good", "bad"]})


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda: glm.ask("hi", tier="glm-4.7"), id="ask"),
        pytest.param(lambda: glm.stream("hi", max_tokens=301), id="stream"),
        pytest.param(lambda: glm.ask("hi", system="Solve it."), id="system"),
        pytest.param(lambda: glm.ask([Message("system", "Solve it."), Message("user", "hi")]), id="message"),
        pytest.param(lambda: glm.ask("hi", temperature=0.9), id="temperature"),
        pytest.param(lambda: glm.ask("hi", schema="n: int", tier="glm-4.7"), id="schema"),
        pytest.param(lambda: ROWS.glm.map("{{text}}", tier="glm-4.7"), id="map"),
        pytest.param(lambda: ROWS.glm.map("{{text}}", system="Solve it."), id="map-system"),
        pytest.param(lambda: ROWS.glm.ask("which?", max_tokens=301), id="frame-ask"),
        pytest.param(lambda: ROWS.glm.batch("{{text}}", tier="glm-4.7"), id="batch"),
        pytest.param(lambda: glm.embed(["a"]), id="embed"),
        pytest.param(lambda: ROWS.glm.embed("{{text}}"), id="frame-embed"),
        pytest.param(lambda: glm.rows_function("{{text}}", tier="glm-4.7"), id="rows-function"),
        pytest.param(lambda: glm.budget(None), id="budget-off"),
        pytest.param(lambda: glm.budget(3), id="budget-more"),
        pytest.param(lambda: glm.budget(1, "cell"), id="cell-more"),
        pytest.param(
            lambda: api.session().stream(ChatRequest("glm-4.7", (Message("user", "hi"),))), id="request"
        ),
    ],
)
def test_every_way_to_ask_is_held(
    classroom: Callable[[str], Session],
    ask: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("GLM_CACHE", str(tmp_path / "cache"))
    glm.pandas()
    session = classroom(RULES)
    with pytest.raises(PolicyError, match=r"locked by glm_policy\.toml:\d+: it allows") as refused:
        ask()
    assert "Ask Ms. Li" in refused.value.hint
    assert session.ledger.entries == ()


def test_what_is_allowed_is_asked_with_the_limits_in_it(classroom: Callable[[str], Session]) -> None:
    session = classroom(RULES)
    request = session.request("hi", api.Options())
    assert (request.max_tokens, request.temperature) == (300, 0.3)
    assert request.messages[0] == Message("system", HINTS)
    assert glm.ask("hi", max_tokens=50).usage.output_tokens <= 50
    assert session.cell_budget == Decimal("0.50")


def test_rows_in_one_request_stay_within_the_longest_answer(classroom: Callable[[str], Session]) -> None:
    from glm_magics.rows.plan import Plan, Task

    session = classroom("max_tokens = 300")
    plan = Plan(session, Task("{{text}}", ("text",), "answer"), api.Options(max_tokens=200), "mood: good|bad")
    items = [plan.item(n, f"row {n}", (f"{n}",)) for n in range(4)]
    assert plan.request(items).max_tokens == 300
    assert plan.request(items[:1]).max_tokens == 200


def test_a_wall_that_was_taken_down_stands_again_at_the_next_request(
    classroom: Callable[[str], Session],
) -> None:
    session = classroom("budget = 2.00\nbudget_per_cell = 0.50")
    session.ledger.budget = session.cell_budget = None
    glm.ask("hi")
    assert session.ledger.budget == Budget(session.money(Decimal("2.00")), "this session")
    assert session.cell_budget == Decimal("0.50")


def test_a_shared_budget_is_spent_by_all_and_its_file_begins_with_the_first_question(
    classroom: Callable[[str], Session], tmp_path: Path
) -> None:
    session = classroom('budget_shared = 5.00\nshared_file = "class.budget"')
    assert not (tmp_path / "class.budget").exists()
    glm.ask("hi", tier="glm-4.7")
    assert session.ledger.shared is not None
    assert session.ledger.shared.standing().requests == 1
    with pytest.raises(PolicyError, match="budget_shared is locked"):
        glm.budget(1, shared=tmp_path / "mine.budget")


def test_less_is_allowed_more_is_not(classroom: Callable[[str], Session]) -> None:
    session = classroom('privacy = "stats"\nmask = ["name"]\nbudget = 2\nlocked = ["privacy", "mask"]')
    session.request("hi", api.Options(privacy="schema", mask=("email",)))
    glm.budget(1)
    with pytest.raises(PolicyError, match="it allows schema or stats, not 'sample'"):
        session.request("hi", api.Options(privacy="sample"))
    session.defaults = api.Options(privacy="stats")
    with pytest.raises(PolicyError, match="mask is locked"):
        session.request("hi", api.Options())


def test_what_is_not_locked_is_only_where_a_session_begins(classroom: Callable[[str], Session]) -> None:
    session = classroom('temperature = 0.3\nsystem = "Be brief."\ntier = "glm-4.7"')
    assert session.request("hi", api.Options()).temperature == 0.3
    request = session.request("hi", api.Options(temperature=0.9, system="Be long.", tier="air"))
    assert (request.temperature, request.messages[0].text, request.model) == (0.9, "Be long.", "glm-4.5-air")


def test_a_broken_policy_lets_nothing_be_asked(classroom: Callable[[str], Session]) -> None:
    session = classroom("budgets = 2")
    with pytest.raises(PolicyError, match="Did you mean budget"):
        glm.ask("hi")
    with pytest.raises(PolicyError, match="Did you mean budget"):
        glm.embed(["a"])
    assert session.ledger.entries == ()


def test_without_a_file_nothing_is_held(
    bare_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_policy(tmp_path, {}) == NO_POLICY == Policy()
    assert api.connect("demo://?pace=0").policy.file is None


# Endpoints


def test_a_locked_endpoint_is_neither_left_by_connect_nor_by_the_environment(
    classroom: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom('endpoint = "demo"\nlocked = ["endpoint"]')
    with pytest.raises(PolicyError, match=r"endpoint is locked by glm_policy\.toml:1"):
        glm.connect("http://localhost:9/v1")
    monkeypatch.setenv("GLM_BASE_URL", "http://localhost:9/v1")
    api.exchange_session(None)
    assert api.session().client.endpoint.is_demo


def test_the_environment_goes_before_an_endpoint_that_is_not_locked(
    classroom: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom('endpoint = "demo"')
    monkeypatch.setenv("GLM_BASE_URL", "http://localhost:9/v1")
    api.exchange_session(None)
    assert (api.session().client.endpoint.base_url, api.session().origin) == (
        "http://localhost:9/v1",
        "GLM_BASE_URL",
    )


def test_an_address_in_a_file_gets_no_key_that_was_meant_for_another() -> None:
    own = "http://class:4000/gateway/v1"
    keys = {"GLM_API_KEY": KEY, "ZAI_API_KEY": KEY}
    assert from_policy(own, {**keys, "GLM_BASE_URL": "http://elsewhere/v1"}).endpoint.key is None
    assert from_policy(own, {**keys, "GLM_BASE_URL": own}).endpoint.key is not None
    assert from_policy("z.ai", keys).endpoint.key is not None


def test_a_platform_without_a_key_loads_and_says_how_to_log_in(
    classroom: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glm_magics._connect._remembered", lambda name: None)
    classroom('endpoint = "z.ai"')
    api.exchange_session(None)
    assert api.session().client.endpoint.base_url == PLATFORMS["z.ai"][0]
    with pytest.raises(SettingError, match="no key") as refused:
        glm.ask("hi")
    assert "%glm login z.ai" in refused.value.hint


# Cells


@pytest.fixture
def lesson(cells: Cells, classroom: Callable[[str], Session]) -> Callable[[str], Cells]:
    """A notebook with the extension loaded under this policy."""

    def begin(text: str) -> Cells:
        classroom(text)
        cells("%reload_ext glm_magics")
        return cells

    return begin


@pytest.mark.parametrize(
    "code",
    [
        *("%glm -m glm-4.7 hi", "%%glm glm-4.7\nhi", "%%glm -s Solve\nhi", "%%glm --max-tokens 4k\nhi"),
        *("%%glm --compare air,glm-4.7\nhi", "%%glm --each rows -o out -m glm-4.7\n{{text}}"),
        *("%%glm glm-4.7 --estimate\nhi", "%%glm glm-4.7 --explain\nhi", "%glm use glm-4.7"),
        *("%glm budget off", "%glm budget off per cell", "%glm budget 9", "%glm config temperature 0.9"),
        *("%glm config tier glm-4.7", "%glm config max_tokens 4k"),
    ],
)
def test_no_line_of_a_notebook_passes_the_policy_by(lesson: Callable[[str], Cells], code: str) -> None:
    cells = lesson(RULES)
    cells("import pandas as pd; rows = pd.DataFrame({'text': ['a']})")
    ran = cells(code)
    assert isinstance(ran.error, PolicyError)
    assert "glm_policy.toml" in ran.text
    assert api.session().ledger.entries == ()


def test_traitlets_are_held_too(lesson: Callable[[str], Cells]) -> None:
    cells = lesson(RULES)
    cells("%config GLMMagics.temperature = 0.9")
    cells("%config GLMMagics.tier = 'glm-4.7'")
    assert (api.session().defaults.temperature, api.session().defaults.tier) == (0.3, "glm-4.5-air")


def test_config_shows_value_origin_and_lock(lesson: Callable[[str], Cells]) -> None:
    cells = lesson(RULES)
    cells("%config GLMMagics.timeout = 30")
    cells("%glm use flash")
    cells("%glm config think false")
    shown = {line.split("  ")[0]: " ".join(line.split()) for line in cells("%glm config").out.splitlines()}
    assert set(shown) >= set(SETTINGS)
    assert shown["temperature"] == "temperature 0.3 glm_policy.toml:7 locked"
    assert shown["max_tokens"] == "max_tokens 300 glm_policy.toml:3 locked"
    assert shown["budget"] == "budget 2.00 CNY glm_policy.toml:4 locked"
    assert shown["timeout"] == "timeout 30.0 %config GLMMagics"
    assert shown["tier"].endswith("this session")
    assert shown["think"] == "think false this session"
    assert shown["privacy"] == "privacy full built-in"


def test_config_sets_for_the_session_and_default_gives_back(lesson: Callable[[str], Cells]) -> None:
    cells = lesson("temperature = 0.3")
    assert "0.7" in cells("%glm config temperature 0.7").out
    assert cells("%glm what is 2 + 2?").error is None
    assert api.session().defaults.temperature == 0.7
    cells("%glm config temperature default")
    assert api.session().defaults.temperature == 0.3
    cells("%glm config max_tokens 2k")
    assert api.session().defaults.max_tokens == 2_000


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("%glm config tempature 1", "Did you mean temperature?"),
        ("%glm config think maybe", "true, false or default"),
        ("%glm config temperature hot", "temperature hot"),
        ("%glm config budget 3", "`%glm budget AMOUNT`"),
    ],
)
def test_a_bad_config_line_is_one_line(cells: Cells, line: str, told: str) -> None:
    assert told in cells(line).text


def test_the_configuration_goes_before_what_a_policy_proposes(lesson: Callable[[str], Cells]) -> None:
    cells = lesson("temperature = 0.3")
    cells("%config GLMMagics.temperature = 0.8")
    cells("%reload_ext glm_magics")
    assert api.session().defaults.temperature == 0.8


def test_a_notebook_under_a_broken_policy_loads_refuses_and_is_told_by_the_doctor(
    lesson: Callable[[str], Cells], tmp_path: Path
) -> None:
    cells = lesson("budgets = 2")
    assert isinstance(cells("%%glm\nhi").error, PolicyError)
    assert "Did you mean budget?" in cells("%glm").out
    assert "Did you mean budget?" in cells("%glm config").out
    assert "Did you mean budget?" in cells("%glm doctor").out
    (tmp_path / "glm_policy.toml").write_text("budget = 2")
    assert "restart the kernel" in cells("%glm doctor").out


def test_a_card_shows_no_control_characters_of_a_policy(classroom: Callable[[str], Session]) -> None:
    session = classroom('system = "a\\u001b[31mred"')
    assert "\x1b" not in card(settings(session, {}), session)


def test_a_job_of_batches_goes_on_only_as_the_policy_of_today_allows(
    classroom: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from glm_magics.rows.batch_steps import Steps

    monkeypatch.setenv("GLM_CACHE", str(tmp_path / "cache"))
    glm.pandas()
    classroom("max_tokens = 100")
    with monkeypatch.context() as not_sent:  # the kernel ends when the files are written
        not_sent.setattr(Steps, "submit", lambda self: None)
        id = ROWS.glm.batch("{{text}}", tier="glm-4.5-air").id
    classroom('tiers = ["glm-4.7-flash"]')
    with pytest.raises(PolicyError, match="tiers is locked"):
        glm.job(id).result(ROWS)


def test_workers_and_documents_take_the_policy_along_and_its_money_only_once(
    classroom: Callable[[str], Session], tmp_path: Path
) -> None:
    import pickle

    session = classroom(
        'tiers = ["glm-4.7-flash"]\nmax_tokens = 300\nbudget_shared = 5\nshared_file = "all.budget"'
    )
    function = pickle.loads(pickle.dumps(glm.rows_function("{{text}}")))
    policy = function.elsewhere.policy
    assert (policy.tiers, policy.max_tokens, policy.budget_shared) == (("glm-4.7-flash",), 300, None)
    (tmp_path / "long.txt").write_text("A sentence about the sea. " * 500)
    done = glm.ask("Sum up.", files=["long.txt"], map_reduce=True)
    assert done.finish_reason
    assert session.ledger.shared is not None
    assert session.ledger.shared.standing().requests <= len(session.ledger.entries)
