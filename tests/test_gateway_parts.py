"""The gateway's parts that need no LiteLLM: the roster, the tokens, what a request may hold, the money."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from glm_magics.chat import ChatRequest, Cost, Message, Usage
from glm_magics.errors import AccessDenied, BudgetExceeded, RateLimitError, RequestError, SettingError
from glm_magics.gateway.__main__ import main
from glm_magics.gateway.body import encoded, understood
from glm_magics.gateway.desk import Desk, visit_of
from glm_magics.gateway.refusals import of_platform
from glm_magics.gateway.roster import read_roster
from glm_magics.gateway.tokens import made, read_tokens

ROSTER = """
platform = "bigmodel"
tiers = ["glm-4.5-air", "glm-4.7-flash"]
budget = 0.01
requests_a_minute = 20
at_once = 2
max_tokens = 500
[students.anna]
[students.ben]
budget = 5.00
tiers = ["air"]
"""
QUESTION = {"model": "glm-4.5-air", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "class.toml"
    path.write_text(ROSTER)
    return path


@pytest.fixture
def desk(file: Path) -> Desk:
    return desk_of(file)


def desk_of(file: Path) -> Desk:
    roster = read_roster(file)
    made(roster.tokens_file, roster.students)
    return Desk(roster, read_tokens(roster.tokens_file))


def asked(model: str = "glm-4.5-air", text: str = "hi", max_tokens: int | None = None) -> ChatRequest:
    return ChatRequest(model=model, messages=(Message("user", text),), max_tokens=max_tokens)


# ---------------------------------------------------------------------------------------- the roster


def test_a_student_has_the_settings_of_the_class_and_their_own(file: Path) -> None:
    anna, ben = read_roster(file).students.values()
    assert (anna.tiers, anna.budget) == (("glm-4.5-air", "glm-4.7-flash"), Cost(Decimal("0.01"), "CNY"))
    assert (ben.tiers, ben.budget, ben.at_once) == (("glm-4.5-air",), Cost(Decimal("5.00"), "CNY"), 2)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param('"bigmodel"', '"openai"', "platform: expected 'bigmodel' or 'z.ai', got 'openai'", id="platform"),
        pytest.param("[students.anna]\n[students.ben]", "[others]", "students: expected a table for each", id="no-students"),
        pytest.param("[students.anna]", '[students."a b"]', r"students\.a b: expected a name", id="name"),
        pytest.param("budget = 0.01", "", "budget: expected an amount of money above 0, got nothing", id="no-budget"),
        pytest.param("budget = 0.01", "budget = -1", "budget: expected an amount of money above 0, got -1", id="negative"),
        pytest.param("budget = 0.01", "budget = nan", "budget: expected an amount of money above 0", id="nan"),
        pytest.param("budget = 0.01", "budget = inf", "budget: expected an amount of money above 0", id="endless"),
        pytest.param("at_once = 2", "at_once = true", "at_once: expected a whole number, 1 or more, got True", id="count"),
        pytest.param("at_once = 2", "at_onec = 2", "at_onec: expected no setting of this name", id="misspelt"),
        pytest.param('"glm-4.7-flash"', '"glm-9"', "tiers: 'glm-9' is not a tier", id="unknown-tier"),
        pytest.param('"glm-4.7-flash"', '"glm-4.6v"', r"glm-4\.6v has no known price in CNY", id="unpriced-tier"),
        pytest.param('"glm-4.7-flash"]', "", "is not TOML", id="not-toml"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(file: Path, old: str, new: str, says: str) -> None:
    assert old in ROSTER
    file.write_text(ROSTER.replace(old, new))
    with pytest.raises(SettingError, match=says):
        read_roster(file)


def test_the_roster_that_is_shipped_can_be_read() -> None:
    shipped = Path(__file__).parent.parent / "notebooks" / "workshop" / "gateway" / "class.toml"
    assert len(read_roster(shipped).students) == 3


# ---------------------------------------------------------------------------------------- the tokens


def test_each_student_gets_a_token_once_in_a_file_for_its_owner_alone(file: Path) -> None:
    tokens = read_roster(file).tokens_file
    assert made(tokens, ["anna"]) == ("anna",)
    first = read_tokens(tokens)
    assert made(tokens, ["anna", "ben"]) == ("ben",)
    both = read_tokens(tokens)
    assert both["anna"] == first["anna"] != both["ben"]
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    assert made(tokens, ["anna", "ben"]) == ()


@pytest.mark.parametrize("text", ["", "name,key\n", "student,token\nanna\n", "\xff"])
def test_a_tokens_file_of_another_form_is_said_and_left_alone(file: Path, text: str) -> None:
    tokens = read_roster(file).tokens_file
    tokens.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingError, match=r"class\.tokens\.csv"):
        made(tokens, ["anna"])
    assert tokens.read_bytes() == text.encode("latin-1")


def test_only_a_whole_token_opens(desk: Desk) -> None:
    token = read_tokens(desk.roster.tokens_file)["anna"]
    assert desk.student(token) is desk.roster.students["anna"]
    for wrong in ("", token[:-1], token + "x", token.upper(), "anna"):
        assert desk.student(wrong) is None


# ------------------------------------------------------------------------- what a request may hold


@pytest.mark.parametrize(
    "thinking",
    [
        pytest.param({"thinking": {"type": "disabled"}}, id="glm"),
        pytest.param({"extra_body": {"thinking": {"type": "disabled"}}}, id="gateway"),
        pytest.param({"chat_template_kwargs": {"enable_thinking": False}}, id="openai"),
    ],
)
def test_thinking_is_understood_in_every_dialect(thinking: dict[str, Any]) -> None:
    request = understood(json.dumps(QUESTION | thinking).encode())
    assert request.thinking is False
    assert json.loads(encoded(request))["extra_body"] == {"thinking": {"type": "disabled"}}


def test_what_the_official_clients_send_beside_the_question_is_taken() -> None:
    beside = {
        "n": 1,
        "tool_choice": "auto",
        "stop": "x",
        "max_completion_tokens": 9,
        "user_id": "student-1",
        "request_id": "r-123456",
        "response_format": None,
        "stream_options": {"include_usage": True},
    }
    request = understood(json.dumps(QUESTION | beside).encode())
    assert (request.stop, request.max_tokens, request.extra) == (("x",), 9, {})


@pytest.mark.parametrize(
    "more",
    [
        *(
            {name: "x"}
            for name in ("api_base", "api_key", "base_url", "fallbacks", "num_retries", "metadata")
        ),
        *({name: "x"} for name in ("mock_response", "models", "extra_headers", "litellm_params", "cache")),
        {"n": 2},
        {"tool_choice": "required"},
        {"extra_body": {"n": 5}},
        {"extra_body": {"api_base": "http://elsewhere"}},
        {"extra_body": "x"},
        {"max_tokens": 0},
        {"max_tokens": True},
        {"max_tokens": "9"},
        {"extra_body": {"max_tokens": -1}},
        {"tools": [{"type": "web_search", "web_search": {"enable": True}}]},
        {"tools": [{"type": "function"}]},
        {"response_format": {"type": "json_schema"}},
        {"response_format": "json"},
        {"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "x"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": "hi"},
        {"messages": [1]},
        {"model": None},
    ],
    ids=lambda more: json.dumps(more)[:60],
)
def test_what_could_pass_a_budget_by_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        understood(json.dumps(QUESTION | more).encode())


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null", b'"x"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_request_is_an_error_of_ours(raw: bytes) -> None:
    with pytest.raises(RequestError):
        understood(raw)


# ----------------------------------------------------------------------------------------- the money


def spent(desk: Desk, name: str = "anna") -> tuple[Decimal, Decimal]:
    usage = desk.usage(desk.roster.students[name])
    return Decimal(usage["spent"]), Decimal(usage["reserved"])


def test_an_answer_costs_what_its_tokens_cost(desk: Desk) -> None:
    with desk.visit(desk.roster.students["anna"], asked()) as visit:
        assert visit.admit().max_tokens == 500
        assert spent(desk)[1] > 0
        visit.settle_answer(Usage(1_000, output_tokens=100), "…")
    assert spent(desk) == (Decimal("0.001"), 0)  # 0.8 CNY a million in, 2 out


def test_an_answer_without_token_counts_is_estimated_and_one_never_settled_counts_in_full(desk: Desk) -> None:
    anna = desk.roster.students["anna"]
    with desk.visit(anna, asked()) as visit:
        visit.admit()
        visit.settle_answer(Usage(), "a b c d " * 20)
    estimated = spent(desk)[0]
    assert 0 < estimated < Decimal("0.0005")
    with desk.visit(anna, asked()) as visit:
        visit.admit()
        reserved = spent(desk)[1]
    assert spent(desk) == (estimated + reserved, 0)


def test_a_refused_request_costs_nothing(desk: Desk) -> None:
    with desk.visit(desk.roster.students["anna"], asked()) as visit:
        visit.admit()
        visit.release()
    assert spent(desk) == (0, 0)


def all_that_is_bought(desk: Desk) -> Iterator[int | None]:
    """The lengths of the answers that Anna's budget buys, when each is as long as it may be."""
    for _ in range(100):
        with desk.visit(desk.roster.students["anna"], asked()) as visit:
            try:
                yield visit.admit().max_tokens
            except BudgetExceeded:
                return


def test_the_last_answers_are_shorter_and_then_none_is_bought(desk: Desk) -> None:
    lengths = [*all_that_is_bought(desk)]
    with desk.visit(desk.roster.students["anna"], asked()) as visit, pytest.raises(BudgetExceeded) as refused:
        visit.admit()
    assert "CNY of your budget of 0.010 CNY is left: too little" in refused.value.message
    total, reserved = spent(desk)
    assert (reserved, total <= Decimal("0.01"), total > Decimal("0.0095")) == (0, True, True)
    assert 0 < lengths[-1] < lengths[0] == 500


def test_a_free_tier_answers_after_the_money_is_gone(desk: Desk) -> None:
    anna = desk.roster.students["anna"]
    assert len([*all_that_is_bought(desk)]) > 5
    with desk.visit(anna, asked("glm-4.7-flash")) as visit:
        assert visit.admit().max_tokens == 500


def test_a_tier_of_others_is_not_allowed(desk: Desk) -> None:
    for model in ("glm-5.3", "glm-4.7-flash", "nothing"):
        with (
            desk.visit(desk.roster.students["ben"], asked(model)) as visit,
            pytest.raises(AccessDenied, match=r"not among the tiers of this class: glm-4\.5-air"),
        ):
            visit.admit()


def test_a_student_has_only_so_many_requests_at_once(desk: Desk) -> None:
    anna, ben = desk.roster.students.values()
    with desk.visit(anna, asked()) as first, desk.visit(anna, asked()), desk.visit(ben, asked()):
        with pytest.raises(RateLimitError, match="2 of your requests"), desk.visit(anna, asked()):
            pass
        assert visit_of(first.id) is first
    with desk.visit(anna, asked()):
        assert visit_of(first.id) is None


def test_spending_is_kept_and_a_changed_budget_counts_at_the_next_start(file: Path) -> None:
    before = desk_of(file)
    with before.visit(before.roster.students["anna"], asked()) as visit:
        visit.admit()
    file.write_text(ROSTER.replace("budget = 0.01", "budget = 3.00"))
    after = desk_of(file)
    assert spent(after) == spent(before) != (0, 0)
    assert after.usage(after.roster.students["anna"])["limit"] == "3.000000000"


def test_the_command_shows_the_spending_of_each(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), "--spending"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["student", "spent", "reserved", "left", "limit", "requests"]
    assert [line.split()[0] for line in lines[1:]] == ["anna", "ben", "Amounts"]


def test_the_command_says_what_is_missing(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLM_UPSTREAM_KEY", raising=False)
    assert main([str(file)]) == 2
    assert "config.yaml" in capsys.readouterr().err
    (file.parent / "config.yaml").write_text("")
    assert main([str(file)]) == 2
    assert "GLM_UPSTREAM_KEY is not set" in capsys.readouterr().err
    assert main([str(file.with_name("none.toml"))]) == 2


def test_an_error_of_unknown_kind_is_one_line() -> None:
    found = of_platform(ValueError("litellm.X: XError: OpenAIException - one\n two\n\nLiteLLM: three"))
    assert (found.status, found.type, found.message) == (500, "platform", "one two")
