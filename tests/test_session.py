"""A session: checked requests, walls of money, and an answer in the ledger however it ends."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from glm_magics import api
from glm_magics._connect import connect
from glm_magics._options import DEFAULT_TIER, Options
from glm_magics._session import Session
from glm_magics.chat import Cost, ImagePart, Message, TextPart
from glm_magics.errors import (
    BudgetExceeded,
    IncompleteStream,
    RequestError,
    SettingError,
    UnknownTier,
)
from glm_magics.keys import ApiKey
from glm_magics.ledger import Budget

Demo = Callable[..., Session]
FREE, CHEAP = "glm-4.7-flash", DEFAULT_TIER


def finish(session: Session, prompt: str, options: Options | None = None, **asked: Any) -> Any:
    options = options or Options(**asked)
    with session.stream(session.request(prompt, options), options=options, label="test") as stream:
        for _ in stream:
            pass
    return stream.completion


# Requests


def test_options_go_before_defaults(demo: Demo) -> None:
    session = demo()
    session.defaults = Options(tier="glm-4.7", temperature=0.3, system="Be brief.", stop=("X",))
    request = session.request("hi", Options(temperature=0.9))
    assert (request.model, request.temperature, request.stop) == ("glm-4.7", 0.9, ("X",))
    assert [message.role for message in request.messages] == ["system", "user"]


def test_false_is_a_choice_and_not_a_gap(demo: Demo) -> None:
    session = demo()
    session.defaults = Options(think=True)
    assert session.request("hi", Options(think=False)).thinking is False


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param({"tier": "glm-4.5-are"}, UnknownTier, "glm-4.5-air", id="tier"),
        pytest.param({"temperature": 3}, RequestError, "takes 0.0 to 1.0", id="temperature"),
        pytest.param({"top_p": 0}, RequestError, "top", id="top-p"),
        pytest.param({"max_tokens": 10**9}, RequestError, "98,304", id="max-tokens"),
        pytest.param({"tier": "glm-4-plus", "think": True}, RequestError, "no thinking mode", id="think"),
        pytest.param({"effort": "high"}, RequestError, "no effort setting", id="effort"),
        pytest.param({"stop": ("a", "b")}, RequestError, "only one", id="stop"),
        pytest.param({"timeout": 0.0}, RequestError, "expected seconds above 0", id="timeout-0"),
        pytest.param({"timeout": -5.0}, RequestError, "expected seconds above 0", id="timeout-negative"),
        pytest.param({"timeout": 1e308}, RequestError, "at most 86,400", id="timeout-huge"),
    ],
)
def test_what_cannot_work_is_refused_before_it_is_sent(
    demo: Demo, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        demo().request("hi", Options(**options))


@pytest.mark.parametrize(
    "prompt", ["", (), (Message("system", "x"),)], ids=["text", "nothing", "only-system"]
)
def test_an_empty_prompt_is_refused(demo: Demo, prompt: Any) -> None:
    with pytest.raises(RequestError, match="prompt is empty"):
        demo().request(prompt, Options())


def test_an_image_needs_a_tier_that_sees(demo: Demo) -> None:
    seen = (Message("user", (TextPart("what is it?"), ImagePart("https://a.example/x.png"))),)
    with pytest.raises(RequestError):
        demo().request(seen, Options())
    assert demo().request(seen, Options(tier="glm-4.6v-flash")).model == "glm-4.6v-flash"


def test_another_server_may_have_other_rules(bare_environment: None) -> None:
    session = Session(connect("http://localhost:8000/v1"))
    request = session.request("hi", Options(tier="mine", temperature=1.7, max_tokens=10**7))
    assert (request.model, request.temperature) == ("mine", 1.7)


@pytest.mark.parametrize("where", ["prompt", "system"])
def test_a_prompt_with_the_key_in_it_is_refused(bare_environment: None, where: str) -> None:
    session = Session(connect("z.ai", key=ApiKey("abcdefgh12345.secretsecret", source="test")))
    text = "my key is abcdefgh12345.secretsecret"
    with pytest.raises(SettingError, match="contains your API key") as raised:
        session.request(
            text if where == "prompt" else "hi", Options(system=text if where == "system" else None)
        )
    assert "secretsecret" not in str(raised.value)


# Money


def test_an_answer_is_priced_and_written_down(demo: Demo) -> None:
    session = demo()
    completion = finish(session, "what is 7 * 6?")
    (entry,) = session.ledger.entries
    assert entry.cost == completion.cost
    assert entry.cost is not None
    assert entry.cost.currency == "CNY"
    assert (entry.label, entry.tier, entry.finish_reason) == ("test", CHEAP, "stop")
    assert session.last is completion


def test_a_budget_that_is_used_up_is_a_wall(demo: Demo) -> None:
    session = demo()
    session.ledger.budget = Budget(Cost(Decimal("0.0005"), "CNY"), "this session")
    spent: list[Decimal] = []

    def ask_on() -> None:
        while len(spent) < 50:
            spent.append(finish(session, "what is 7 * 6?").cost.amount)

    with pytest.raises(BudgetExceeded, match="left"):
        ask_on()
    assert 0 < sum(spent) <= Decimal("0.0005")


def test_a_budget_sets_the_longest_answer(demo: Demo) -> None:
    session = demo()
    options = Options(budget=Decimal("0.0002"), think=False)
    request = session.request("write 2000 tokens about rivers", options)
    with session.stream(request, options=options) as stream:
        list(stream)
    assert request.max_tokens is None
    assert 1 <= (stream.request.max_tokens or 0) <= 100
    assert stream.completion.cost is not None
    assert stream.completion.cost.amount <= Decimal("0.0002")


def test_the_wall_of_each_cell_is_no_sum(demo: Demo) -> None:
    session = demo()
    session.cell_budget = Decimal("0.01")
    for _ in range(5):
        finish(session, "write 300 tokens about rivers")
    session.cell_budget = Decimal("0.0000001")
    with pytest.raises(BudgetExceeded):
        finish(session, "hi")


def test_free_tiers_pass_a_budget_of_nothing(demo: Demo) -> None:
    session = demo()
    finish(session, "hi")
    session.ledger.budget = Budget(Cost(Decimal(0), "CNY"), "this session")
    assert finish(session, "hi", tier=FREE).cost.amount == 0
    with pytest.raises(BudgetExceeded):
        finish(session, "hi", tier=CHEAP)


def test_an_unknown_price_does_not_pass_a_budget(demo: Demo) -> None:
    session = demo("currency=USD")
    session.client = connect("http://localhost:8000/v1", currency="USD")
    session.ledger.budget = Budget(Cost(Decimal(5), "USD"), "this session")
    request = session.request("hi", Options(tier="mine"))
    with pytest.raises(BudgetExceeded, match="no known price"):
        session.stream(request)


def test_a_budget_in_another_currency_is_refused(demo: Demo) -> None:
    session = demo()
    session.ledger.budget = Budget(Cost(Decimal(5), "USD"), "this session")
    with pytest.raises(BudgetExceeded, match="in USD, this endpoint bills in CNY"):
        finish(session, "hi")


def test_a_budget_needs_a_currency(bare_environment: None) -> None:
    session = Session(connect("http://localhost:8000/v1"))
    with pytest.raises(SettingError, match="--currency USD"):
        session.stream(session.request("hi", Options(tier="mine")), options=Options(budget=Decimal(1)))


def test_a_refusal_gives_the_money_back(demo: Demo) -> None:
    session = demo("fault=1301")
    session.ledger.budget = Budget(Cost(Decimal(1), "CNY"), "this session")
    with pytest.raises(Exception, match="The server says"):
        finish(session, "hi")
    assert session.ledger.left() == Cost(Decimal(1), "CNY")


def test_a_broken_answer_is_paid_for_as_far_as_it_came(demo: Demo) -> None:
    session = demo("fault=cut")
    with pytest.raises(IncompleteStream):
        finish(session, "hi")
    (entry,) = session.ledger.entries
    assert entry.finish_reason == "incomplete"
    assert entry.cost is not None
    assert entry.cost.estimated


def test_an_estimate_is_not_below_the_bill(demo: Demo) -> None:
    session = demo()
    for prompt in ("hi", "总结一下" * 200, "x" * 5_000, "{}[]()\n" * 300):
        request = session.request(prompt, Options(max_tokens=50))
        most = session.estimate(request).most
        completion = finish(session, prompt, max_tokens=50)
        assert most is not None
        assert completion.cost.amount <= most.amount


def test_connecting_elsewhere_keeps_the_ledger(demo: Demo) -> None:
    session = demo()
    finish(session, "hi")
    assert api.connect("demo://?pace=0&currency=USD") is session
    finish(session, "hi")
    assert set(session.ledger.spent()) == {"CNY", "USD"}
