"""A prompt with documents against the window of its tier, and the tier that is proposed instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import glm_magics as glm
from glm_magics import _tiers, api
from glm_magics._options import Options
from glm_magics._session import Session
from glm_magics.chat import Message
from glm_magics.client import Client, Endpoint
from glm_magics.documents import Document
from glm_magics.documents.asking import request, with_documents
from glm_magics.documents.outline import text_sections
from glm_magics.errors import PromptTooLong, RequestError

ASKED = (Message("user", "What is in it?"),)


def document(tokens: int) -> Document:
    return Document("long.txt", "text", text_sections("字" * (tokens * 4 // 3)))


def refuse(_: httpx.Request) -> httpx.Response:
    raise AssertionError("nothing may be sent")


def session(currency: str | None, dialect: Any = "glm") -> Session:
    endpoint = Endpoint("test", "http://test/v4", dialect=dialect, currency=currency)
    return Session(Client(endpoint, transport=httpx.MockTransport(refuse)))


@pytest.mark.parametrize(
    ("currency", "tier", "tokens", "proposed"),
    [
        pytest.param("CNY", "glm-4.5-air", 150_000, "glm-4.7-flash is the cheapest that fits", id="cny-free"),
        pytest.param("USD", "glm-4.5-air", 150_000, "glm-4.7-flash is the cheapest that fits", id="usd-free"),
        pytest.param(
            "CNY", "glm-4.5-air", 400_000, r"glm-5.3-flash .*1,048,576 tokens; ≈ 0.32 CNY", id="cny-million"
        ),
        pytest.param(
            "USD", "glm-4.5-air", 400_000, r"glm-5.3-flash .*1,048,576 tokens; ≈ 0.060 USD", id="usd-million"
        ),
        pytest.param(
            "CNY", "glm-4.7", 1_100_000, "No tier of this endpoint fits: --map-reduce", id="cny-none"
        ),
        pytest.param("USD", "glm-5.2", 1_000_000, "glm-5.3-flash", id="usd-a-little-more"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_cheapest_tier_that_fits(
    currency: str, tier: str, tokens: int, proposed: str
) -> None:
    with pytest.raises(PromptTooLong, match=proposed) as caught:
        request(session(currency), ASKED, [document(tokens)], Options(tier=tier))
    assert "long.txt ≈ " in str(caught.value)
    assert "Nothing was sent" in str(caught.value)
    assert "--map-reduce" in str(caught.value)


def test_a_tier_that_cannot_take_the_options_is_not_proposed() -> None:
    with pytest.raises(PromptTooLong, match=r"glm-5.2 is the cheapest"):  # the flash tiers always think
        request(session("CNY"), ASKED, [document(400_000)], Options(tier="glm-4.7", think=False))


def test_a_tier_off_the_lists_is_proposed_only_where_no_other_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(tier for tier in _tiers.tiers() if not tier.id.startswith("glm-5"))
    monkeypatch.setattr(_tiers, "_current", _tiers.Tiers(rows))
    with pytest.raises(PromptTooLong, match=r"glm-4-long is the cheapest .*1,000,000 tokens; ≈ 0.40 CNY"):
        request(session("CNY"), ASKED, [document(400_000)], Options(tier="glm-4.7"))


def test_what_fits_with_room_for_an_answer_passes() -> None:
    made = request(session("CNY"), ASKED, [document(120_000)], Options(tier="glm-4.5-air"))
    assert made.messages[0].text.startswith("What is in it?\n\nDocument `long.txt` (text):\n\n```text\n字")
    with pytest.raises(PromptTooLong):
        request(session("CNY"), ASKED, [document(130_500)], Options(tier="glm-4.5-air"))


def test_where_the_window_is_not_known_nothing_is_refused() -> None:
    request(session(None, "openai"), ASKED, [document(400_000)], Options(tier="my-model"))


def test_a_server_of_another_kind_has_no_tiers_to_propose() -> None:
    with pytest.raises(PromptTooLong, match="No tier of this endpoint fits"):
        request(session("USD", "openai"), ASKED, [document(400_000)], Options(tier="glm-4.5-air"))


def test_documents_go_below_the_last_words() -> None:
    before, last = with_documents((Message("user", "one"), Message("user", "two")), [document(3)])
    assert before.text == "one"
    assert last.text.startswith("two\n\nDocument `long.txt`")
    with pytest.raises(RequestError, match="in words"):
        with_documents((Message("user", ()),), [document(3)])


@pytest.fixture
def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_is_asked_about_from_python(demo: Callable[..., Session], working: Path) -> None:
    (working / "茶.md").write_text("# 茶\n\n绿茶每斤二百元，红茶每斤三百元。\n", "utf-8")
    done = glm.ask("文件里写了什么？", files=["茶.md"])
    assert "绿茶每斤二百元" in done.text
    with glm.stream("文件里写了什么？", files=[glm.read_document("茶.md")]) as stream:
        for _ in stream:
            pass
    assert stream.completion.text == done.text


def test_data_can_be_asked_for_from_a_file(demo: Callable[..., Session], working: Path) -> None:
    (working / "a.txt").write_text("name: oolong, price: 12.5\n")
    done = glm.ask("What is sold?", files=["a.txt"], schema="name: str, price: float")
    assert done.value[0]["price"] == 12.5


def test_a_key_in_a_file_is_not_sent(bare_environment: None, working: Path) -> None:
    key = "0123456789abcdef0123456789abcdef.ABCDEFGHIJKLMNOP"
    (working / "a.txt").write_text(f"my key is {key}\n" + "words\n" * 20_000)
    api.connect("http://127.0.0.1:9/api/paas/v4", key=key)
    for map_reduce in (False, True):
        with pytest.raises(glm.GLMError, match="contains your API key"):
            glm.ask("?", files=["a.txt"], map_reduce=map_reduce)
