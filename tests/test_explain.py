"""What `%glm explain-request` and `--explain` show: the bytes that were sent, what came back, and no key."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from conftest import Cells

from glm_magics import api
from glm_magics._traffic import Traffic
from glm_magics.chat import ChatRequest, ImagePart, Message, TextPart
from glm_magics.client import Client, Endpoint
from glm_magics.errors import BudgetExceeded
from glm_magics.explain import answer_of, request_of
from glm_magics.keys import ApiKey
from glm_magics.render import exhibits

KEY = "0123456789abcdef.Zq7wV9tXeRk2LmP4"


def body_shown(text: str) -> Any:
    found = re.search(r"^Body, [\d,]+ bytes\n(\{.*?^\})", text, flags=re.DOTALL | re.MULTILINE)
    assert found is not None, text
    return json.loads(found[1])


def shown(parts: list[tuple[str, str, str]]) -> str:
    return exhibits(parts)["text/plain"]


def asked(respond: Any, request: ChatRequest, url: str = "http://it.invalid/v1") -> tuple[Client, Traffic]:
    """One request to a server that answers with `respond(request)`, and what went over the wire."""
    endpoint = Endpoint("it", url, key=ApiKey(KEY, source="test"), dialect="openai")
    client = Client(endpoint, transport=httpx.MockTransport(respond), pause=lambda event, seconds: False)
    traffic = Traffic()
    with client.stream(request, traffic=traffic) as stream:
        list(stream)
    return client, traffic


HELLO = ChatRequest("m", (Message("user", "hello"),))


def events(*bodies: Any) -> httpx.Response:
    data = "".join(f"data: {json.dumps(body)}\n\n" for body in bodies) + "data: [DONE]\n\n"
    return httpx.Response(200, text=data, headers={"content-type": "text/event-stream"})


def delta(text: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}], **more}


# Cells


def test_without_a_question_there_is_nothing_to_explain(cells: Cells) -> None:
    ran = cells("%glm explain-request")
    assert "no request to explain" in ran.out
    assert "--explain" in ran.out


def test_the_last_cell_is_explained_with_what_came_back(cells: Cells) -> None:
    cells("%%glm air\nan earlier one")
    cells("%%glm glm-4.5-air --temperature 0.3\nwhat is 6 * 7?")
    text = cells("%glm explain-request").out
    assert "an earlier one" not in text
    assert "POST http://demo.invalid/api/paas/v4/chat/completions" in text
    assert "Authorization: Bearer ****" in text
    body = body_shown(text)
    assert body["temperature"] == 0.3
    assert body["messages"] == [{"role": "user", "content": "what is 6 * 7?"}]
    assert "HTTP 200, text/event-stream" in text
    assert "finish reason: stop" in text
    assert '"completion_tokens"' in text
    assert text.count("data: {") == 5
    assert "more events …" in text
    assert text.rstrip().endswith("data: [DONE]")


def test_an_answer_that_came_at_once_is_shown_as_json(cells: Cells) -> None:
    cells("%%glm --no-stream\nhello")
    text = cells("%glm explain-request").out
    assert '"object": "chat.completion"' in text
    assert "data:" not in text


def test_explaining_asks_nothing(cells: Cells) -> None:
    cells("%%glm\nhello")
    before = len(api.session().ledger.entries)
    cells("%glm explain-request")
    cells("%%glm --explain\nhello")
    assert len(api.session().ledger.entries) == before == 1


def test_a_refusal_is_explained_with_its_body(cells: Cells, demo: Any) -> None:
    demo("fault=balance")
    assert cells("%%glm\nhello").error is not None
    text = cells("%glm explain-request").out
    assert "HTTP 429" in text
    assert '"1113"' in text


def test_both_requests_of_an_answer_that_was_asked_again_are_explained(cells: Cells, demo: Any) -> None:
    sent = iter([delta("{}", "stop"), delta('{"rows": [{"a": 1}]}', "stop")])
    endpoint = Endpoint("it", "http://it.invalid/v1", currency="CNY")
    api.use_client(
        Client(endpoint, transport=httpx.MockTransport(lambda request: events(next(sent)))),
        tier="glm-4.5-air",
    )
    assert cells("%%glm --schema 'a: int' -o df\none").error is None
    assert cells("%glm explain-request").out.count("POST http://it.invalid/v1/chat/completions") == 2


def test_a_cell_that_asked_row_by_row_is_not_taken_for_another(cells: Cells) -> None:
    cells("import pandas as pd\ndf = pd.DataFrame({'text': ['good', 'bad']})")
    cells("%%glm\nhello")
    cells("%%glm --each df -o out\n{{text}}")
    assert "row by row" in cells("%glm explain-request").out


# Before anything is sent


@pytest.mark.parametrize("options", ["", "--schema 'a: int'", "--no-stream", "--think --max-tokens 300"])
def test_what_is_shown_before_is_what_is_sent(cells: Cells, options: str) -> None:
    before = body_shown(cells(f"%%glm glm-4.5-air {options} --explain\nhello 5").out)
    cells(f"%%glm glm-4.5-air {options}\nhello 5")
    after = body_shown(cells("%glm explain-request").out)
    assert before.pop("request_id") != after.pop("request_id")
    assert before == after


def test_a_budget_sets_the_same_limit_as_it_would(cells: Cells) -> None:
    before = body_shown(cells("%%glm --budget 0.01 --explain\nhello").out)
    cells("%%glm --budget 0.01\nhello")
    after = body_shown(cells("%glm explain-request").out)
    assert before["max_tokens"] == after["max_tokens"] > 0
    assert isinstance(cells("%%glm --budget 0.0000001 --explain\nhello").error, BudgetExceeded)


@pytest.mark.parametrize("option", ["--each df -o out", "--estimate", "--map-reduce"])
def test_explain_is_about_one_request(cells: Cells, option: str) -> None:
    ran = cells(f"%%glm --explain {option}\nhello")
    assert "does not go with" in ran.text


# What stands in it


def test_an_image_is_named_by_its_size() -> None:
    url = "data:image/png;base64," + "iVBORw0KGgo" + "A" * 3_997
    request = ChatRequest("m", (Message("user", (TextPart("look"), ImagePart(url, "x"))),))
    client, traffic = asked(lambda request: events(delta("a cat", "stop")), request)
    text = shown(request_of(traffic, client.redact))
    assert "data:image/png;base64,iVBORw0KGgoA… [base64 of 3,006 bytes]" in text
    assert len(text) < 1_000


def test_a_long_text_loses_its_middle_only() -> None:
    request = ChatRequest("m", (Message("user", "begin " + "x" * 50_000 + " end"),))
    client, traffic = asked(lambda request: events(delta("y", "stop")), request)
    text = shown(request_of(traffic, client.redact))
    assert "begin xxx" in text
    assert "xxx end" in text
    assert "characters left out" in text
    assert len(text) < 3_000


def test_of_a_long_stream_both_ends_and_the_usage_are_shown_and_no_more_is_kept() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 9_000, "total_tokens": 9_001}
    many = [delta(f"word{number} " * 40) for number in range(3_000)]
    client, traffic = asked(lambda request: events(*many, delta("", "stop", usage=usage)), HELLO)
    assert traffic.received > 900_000
    assert len(traffic.begin) + len(traffic.end) < 400_000
    text = shown(answer_of(traffic, client.redact))
    assert "word0 " in text
    assert "word2999 " in text
    assert "word1500 " not in text
    assert '"completion_tokens": 9000' in text
    assert "finish reason: stop" in text


def test_credentials_in_the_address_or_in_other_headers_are_not_kept() -> None:
    traffic = Traffic()
    headers = [("Cookie", "session=abc"), ("Proxy-Authorization", "Basic abc"), ("Accept", "*/*")]
    traffic.request("POST", "http://me:pass@it.invalid/v1", headers, b"{}")
    assert traffic.url == "http://it.invalid/v1"
    assert dict(traffic.headers) == {"Cookie": "****", "Proxy-Authorization": "Basic ****", "Accept": "*/*"}


def test_an_attempt_that_follows_another_says_so() -> None:
    answers = iter([httpx.Response(503, text="busy"), events(delta("y", "stop"))])
    client, traffic = asked(lambda request: next(answers), HELLO)
    text = shown([*request_of(traffic, client.redact), *answer_of(traffic, client.redact)])
    assert "Request, attempt 2" in text
    assert "HTTP 200" in text
    assert "busy" not in text


@pytest.mark.parametrize("where", ["prompt", "answer"])
def test_html_and_hidden_characters_are_shown_and_do_not_act(where: str) -> None:
    hostile = "</code></pre><script>alert(1)</script>\u202e\x1b[31m``` ~~~\n```\n<img src=x onerror=alert(1)>"
    said = (hostile, "fine") if where == "prompt" else ("fine", hostile)
    request = ChatRequest("m", (Message("user", said[0]),))
    client, traffic = asked(lambda request: events(delta(said[1], "stop")), request)
    bundle = exhibits([*request_of(traffic, client.redact), *answer_of(traffic, client.redact)])
    assert set(bundle) == {"text/markdown", "text/plain"}
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark", {"html": True}).render(bundle["text/markdown"])
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    for text in bundle.values():
        assert not {"\u202e", "\x1b"} & set(text)
