"""The Python face: the same engine as the magics, without a notebook."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import glm_magics as glm
from glm_magics import api
from glm_magics._session import Session
from glm_magics.chat import Message, ReasoningDelta, TextDelta
from glm_magics.errors import GLMError, IncompleteStream, RequestError, SettingError, UnknownTier
from tests.pictures import picture

Demo = Callable[..., Session]


def test_ask_waits_for_the_whole_answer(demo: Demo) -> None:
    answer = glm.ask("what is 7 * 6?", tier="glm-4.7", label="sum")
    assert "42" in answer.text
    assert answer.complete
    assert glm.session().ledger.entries[-1].label == "sum"


def test_ask_takes_a_conversation(demo: Demo) -> None:
    turns = [Message("user", "hi"), Message("assistant", "hello"), Message("user", "what is 7 * 6?")]
    assert "42" in glm.ask(turns).text


def test_stream_gives_events_that_add_up(demo: Demo) -> None:
    with glm.stream("what is 7 * 6?") as stream:
        events = list(stream)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == stream.completion.text
    thinking = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    assert thinking == stream.completion.reasoning


def test_leaving_a_stream_early_keeps_its_part(demo: Demo) -> None:
    with glm.stream("write 300 tokens about rivers") as stream:
        next(iter(stream))
    assert stream.completion.finish_reason == "interrupted"
    assert glm.usage().iloc[-1]["finish_reason"] == "interrupted"


def test_an_error_carries_the_partial_answer(demo: Demo) -> None:
    demo("fault=cut")
    with pytest.raises(IncompleteStream) as raised:
        glm.ask("write 300 tokens about rivers", think=False)
    assert raised.value.completion is not None
    assert raised.value.completion.text


def test_a_single_stop_word_is_no_list_of_letters(demo: Demo) -> None:
    assert api._options(*[None] * 7, "END", None, None).stop == ("END",)


@pytest.mark.parametrize("amount", ["0.50", 0.5, Decimal("0.5"), 2, "2"])
def test_an_amount_may_be_written_in_several_ways(amount: Any) -> None:
    assert api.read_amount(amount) == Decimal(str(amount))


@pytest.mark.parametrize("amount", ["five", "-1", "nan", "inf", "1e999999", "1e-999999", "", "1,5"])
def test_what_is_no_amount_is_said(amount: str) -> None:
    with pytest.raises(SettingError, match="is not an amount of money"):
        api.read_amount(amount)


def test_budgets_are_for_the_session_or_for_each_cell(demo: Demo) -> None:
    session = glm.budget(2)
    assert str(session.ledger.left()) == "2.00 CNY"
    glm.budget("0.1", per="cell")
    assert session.cell_budget == Decimal("0.1")
    glm.budget(None)
    glm.budget(None, per="cell")
    assert (session.ledger.budget, session.cell_budget) == (None, None)
    with pytest.raises(SettingError, match="per session or per cell"):
        glm.budget(1, per="week")  # type: ignore[arg-type]


def test_an_unknown_tier_leaves_the_connection_as_it_was(demo: Demo) -> None:
    client = glm.session().client
    with pytest.raises(UnknownTier):
        glm.connect("demo://?pace=0", tier="nope")
    assert glm.session().client is client


def test_connect_takes_an_alias(demo: Demo) -> None:
    assert glm.connect("demo://?pace=0", tier="flash").tier.id == "glm-4.7-flash"


def test_a_key_is_hidden_at_once(bare_environment: None) -> None:
    session = glm.connect("z.ai", key="abcdefgh12345.secretsecret")
    assert "secretsecret" not in repr(session)
    assert session.client.endpoint.key is not None
    assert session.client.endpoint.key.source == "connect"


def test_usage_is_a_typed_table(demo: Demo) -> None:
    assert list(glm.usage().columns) == api._USAGE_COLUMNS
    glm.ask("hi")
    (row,) = glm.usage().to_dict("records")
    assert row["currency"] == "CNY"
    assert isinstance(row["cost"], Decimal)
    assert row["output_tokens"] >= row["reasoning_tokens"] > 0


def test_tiers_is_a_typed_table() -> None:
    every, free = glm.tiers(), glm.tiers(free=True)
    assert 0 < len(free) < len(every)
    assert (free["CNY in"].fillna(0) == 0).all()
    assert str(every["context"].dtype) == "Int64"
    assert (glm.tiers(context="1m")["context"] >= 1_000_000).all()
    assert glm.tiers(vision=True)["vision"].all()
    assert glm.tiers(free=True, vision=True, thinking=True, context="900m").empty


def test_a_wrong_size_is_an_error_of_ours() -> None:
    with pytest.raises(GLMError):
        glm.tiers(context="lots")


def test_a_tier_can_be_added(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    from glm_magics import _tiers

    monkeypatch.setattr(_tiers, "_current", None)
    glm.add_tier({"id": "glm-9", "context": "1m"})
    assert glm.tiers().loc["glm-9", "context"] == 1_000_000


def test_tokens_are_counted_here_or_by_the_platform(demo: Demo) -> None:
    text = "How many tokens does this sentence have?"
    here = glm.count_tokens(text)
    assert 8 <= here <= 10
    assert here < glm.count_tokens(text, exact=True) <= here + 8, "the platform adds the frame of a message"
    assert glm.count_tokens([glm.Message("user", text)]) > here


def test_tokens_of_images_are_counted_too(demo: Demo) -> None:
    for exact in (False, True):
        with_image = glm.count_tokens("Look", images=[picture("PNG", 280, 280)], tier="glm-4.6v", exact=exact)
        alone = glm.count_tokens([glm.Message("user", "Look")], tier="glm-4.6v", exact=exact)
        assert with_image - alone == 102


def test_the_exact_count_is_checked_like_a_request(demo: Demo) -> None:
    with pytest.raises(RequestError, match="cannot see images"):
        glm.count_tokens("Look", images=[picture()], tier="glm-4.5-air", exact=True)
