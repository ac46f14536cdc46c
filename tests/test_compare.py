"""`--compare`: one prompt, several tiers; what stays, what is bound, and what fails alone."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import httpx
import pytest
from conftest import Cells
from markdown_it import MarkdownIt

from glm_magics import api
from glm_magics._comparing import Contender
from glm_magics.cells import Interrupted
from glm_magics.chat import Completion
from glm_magics.client import Client, Endpoint
from glm_magics.errors import BudgetExceeded, GLMError
from glm_magics.render.compared import Compared, compared
from glm_magics.views import follow_all
from glm_magics.views.compare import columns
from glm_magics.views.live import LiveView
from glm_magics.views.static import QuietView

ASK = "%%glm --compare glm-4.5-air,glm-4.7 -o both"
TIERS = ["glm-4.5-air", "glm-4.7"]


def served(answer: Any, tier: str = "glm-4.5-air") -> list[Any]:
    """A platform that answers with `answer(body)`; the bodies it got."""
    got: list[Any] = []

    def respond(request: httpx.Request) -> httpx.Response:
        got.append(json.loads(request.content))
        return answer(got[-1])

    endpoint = Endpoint("it", "http://it.invalid/v1", currency="CNY")
    client = Client(endpoint, transport=httpx.MockTransport(respond), pause=lambda event, seconds: False)
    api.use_client(client, tier=tier)
    return got


def says(text: str) -> httpx.Response:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    return httpx.Response(
        200, text=f"data: {json.dumps({'choices': [choice], 'usage': usage})}\n\ndata: [DONE]\n\n"
    )


def refused() -> httpx.Response:
    return httpx.Response(400, json={"error": {"code": "1210", "message": "not like this"}})


def test_each_tier_answers_the_same_prompt_and_the_name_has_them_by_tier(cells: Cells) -> None:
    got = served(lambda body: says(f"I am {body['model']}."))
    cells("what = 'tea'")
    ran = cells(f"{ASK}\nSay it about {{{{what}}}}.")
    assert ran.error is None
    assert [type(answer) for answer in cells["both"].values()] == [Completion, Completion]
    assert {tier: answer.text for tier, answer in cells["both"].items()} == {
        tier: f"I am {tier}." for tier in TIERS
    }
    assert [body["messages"] for body in got] == [[{"role": "user", "content": "Say it about tea."}]] * 2
    assert "I am glm-4.5-air." in ran.out
    assert "== glm-4.7 ==" in ran.out
    assert ran.out.count("5 in + 7 out tokens") == 2
    assert [entry.tier for entry in api.session().ledger.entries] == TIERS
    assert ran.value is None


def test_the_requests_are_on_their_way_together(cells: Cells) -> None:
    import threading

    meeting = threading.Barrier(3, timeout=30)

    def answer(body: Any) -> httpx.Response:
        meeting.wait()
        return says("we have met")

    served(answer)
    assert cells("%%glm --compare glm-4.5-air,glm-4.7,glm-4.6 -o all\nmeet").error is None
    assert [answer.text for answer in cells["all"].values()] == ["we have met"] * 3


def test_an_error_of_one_is_a_note_in_its_column_and_the_others_go_on(cells: Cells) -> None:
    served(lambda body: refused() if body["model"] == "glm-4.7" else says("fine"))
    ran = cells(f"{ASK}\nhello")
    assert ran.error is None
    assert "Note: " in ran.out
    assert "not like this" in ran.out
    assert cells["both"]["glm-4.5-air"].text == "fine"
    assert not cells["both"]["glm-4.7"].complete
    assert "not like this" in cells["both"]["glm-4.7"].notes[0]


def test_when_all_fail_the_first_error_is_raised_and_the_name_keeps_what_it_had(cells: Cells) -> None:
    served(lambda body: refused())
    cells("both = 'before'")
    ran = cells(f"{ASK}\nhello")
    assert isinstance(ran.error, GLMError)
    assert cells["both"] == "before"


def test_quiet_binds_and_shows_nothing(cells: Cells) -> None:
    ran = cells(f"{ASK} -q\nhello")
    assert (ran.error, ran.out) == (None, "")
    assert list(cells["both"]) == TIERS


def test_data_is_asked_of_all(cells: Cells) -> None:
    served(lambda body: says(json.dumps({"rows": [{"a": len(body["model"])}]})))
    ran = cells(f"{ASK} --schema 'a: int'\nhow long?")
    assert [answer.to_frame().a.tolist() for answer in cells["both"].values()] == [[11], [7]]
    assert ran.out.count("1 row × 1 column") == 2


def test_a_table_and_an_image_go_to_all(cells: Cells) -> None:
    from pictures import picture

    cells("import pandas as pd\ndf = pd.DataFrame({'price': [3, 4]})")
    cells.shell.user_ns["photo"] = picture()
    got = served(lambda body: says("seen"), tier="glm-4.6v")
    ran = cells("%%glm --compare glm-4.6v,glm-4.5v -i df --image photo -o both\nWhat is it?")
    assert ran.error is None, ran.text
    assert len(got) == 2
    assert all("price" in json.dumps(body) and "image_url" in json.dumps(body) for body in got)


def test_what_one_of_the_tiers_cannot_do_is_refused_before_anything_is_sent(cells: Cells) -> None:
    got = served(lambda body: says("x"))
    ran = cells("%%glm --compare glm-4.5-air,glm-4-flash --think\nhello")
    assert isinstance(ran.error, GLMError)
    assert got == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--compare glm-4.7", "2 to 4 tiers"),
        ("--compare a,b,c,d,e", "2 to 4 tiers"),
        ("--compare air,glm-4.5-air", "names glm-4.5-air twice"),
        ("--compare air,,glm-4.7", "commas between"),
        ("air --compare air,glm-4.7", "leave out the one before"),
        ("--compare air,glm-4.7 --code", "--code does not go with --compare"),
        ("--compare air,glm-4.7 --map-reduce", "--map-reduce does not go with --compare"),
    ],
)
def test_a_line_that_cannot_be_compared_says_why(cells: Cells, line: str, said: str) -> None:
    ran = cells(f"%%glm {line}\nhello")
    assert said in ran.text
    assert api.session().ledger.entries == ()


def test_a_line_is_no_place_for_columns(cells: Cells) -> None:
    assert "is for cells" in cells("%glm --compare air,glm-4.7 hello").text


def test_nothing_is_sent_when_it_is_explained_or_estimated(cells: Cells) -> None:
    got = served(lambda body: says("x"))
    explained = cells("%%glm --compare air,glm-4.7 --explain\nhello")
    assert explained.out.count("POST http://it.invalid/v1/chat/completions") == 2
    assert cells("%%glm --compare air,glm-4.7 --estimate\nhello").error is None
    assert got == []


def test_both_requests_are_explained_afterwards(cells: Cells) -> None:
    cells(f"{ASK}\nhello")
    text = cells("%glm explain-request").out
    assert all(f"In[2] {tier}: request" in text or f"{tier}: request" in text for tier in TIERS)


# Money


def test_a_budget_holds_for_all_together(cells: Cells) -> None:
    got = served(lambda body: says("x"))
    cells("%glm budget 0.02")
    assert cells(f"{ASK}\nhello").error is None
    tiers = [api.session().find_tier(body["model"]) for body in got]
    most = sum(
        (
            tier.prices["CNY"].ceiling(10, body["max_tokens"]).amount
            for tier, body in zip(tiers, got, strict=True)
        ),
        Decimal(0),
    )
    assert most <= Decimal("0.02")
    assert all(body["max_tokens"] > 100 for body in got)


@pytest.mark.parametrize("options", ["--budget 0.000001", "--budget 0.01 --max-tokens 50k"])
def test_too_small_a_budget_sends_nothing_and_sets_nothing_aside(cells: Cells, options: str) -> None:
    got = served(lambda body: says("x"))
    cells("%glm budget 10")
    assert isinstance(cells(f"{ASK} {options}\nhello").error, BudgetExceeded)
    assert got == []
    assert str(api.session().ledger.left()) == "10.00 CNY"


# Broken off


class _Silent(httpx.SyncByteStream):
    """The beginning of an answer, and then nothing until the reader goes away."""

    def __init__(self, gone: Any) -> None:
        self._gone = gone

    def __iter__(self) -> Any:
        yield b'data: {"choices": [{"index": 0, "delta": {"content": "It begins"}}]}\n\n'
        self._gone.wait(30)


def test_an_interrupt_ends_all_and_keeps_what_had_come(cells: Cells) -> None:
    import signal
    import threading

    gone = threading.Event()
    started = threading.Barrier(2, action=lambda: threading.Timer(0.5, signal.raise_signal, (2,)).start())

    def answer(body: Any) -> httpx.Response:
        started.wait(30)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Silent(gone))

    served(answer)
    ran = cells(f"{ASK}\nhello")
    gone.set()
    assert isinstance(ran.error, Interrupted)
    assert [(a.finish_reason, a.text) for a in cells["both"].values()] == [("interrupted", "It begins")] * 2
    assert ran.out.count("It begins") == 2


# What is shown


def live(front_end: list[Any], texts: list[str], *, swap: bool = True) -> list[Any]:
    contenders = []
    for tier in TIERS:
        served(lambda body: says(texts[TIERS.index(body["model"])]), tier=tier)
        contenders.append(Contender(api.stream("hello")))
    views = columns(LiveView(swap=swap), TIERS)
    follow_all(list(zip(contenders, views, strict=True)))
    return front_end


@pytest.mark.usefixtures("demo")
def test_one_widget_has_a_column_for_each_and_gives_way_to_one_output(front_end: list[Any]) -> None:
    seen = live(front_end, ["one", "two"])
    (opened,) = [item for item in seen if item[0] == "open"]
    assert opened[1]["titles"] == TIERS
    assert len(set(opened[1]["run_ids"])) == 2
    messages = [item[1] for item in seen if item[0] == "message"]
    for column, text in enumerate(["one", "two"]):
        own = [message["content"] for message in messages if message["column"] == column]
        assert [message["seq"] for message in own] == list(range(len(own)))
        assert text in json.dumps(own)
        assert any(message.get("end") for message in own)
    assert sum("pin" in message["content"] for message in messages) == 1
    (final,) = [item for item in seen if item[0] == "update"]
    assert set(final[1]) == {"text/markdown", "text/plain"}
    assert [each["tier"] for each in final[2]["glm_magics"]["compared"]] == TIERS


@pytest.mark.usefixtures("demo")
def test_inside_an_output_widget_the_columns_stay(front_end: list[Any]) -> None:
    seen = live(front_end, ["one", "two"], swap=False)
    assert [item for item in seen if item[0] == "update"] == []


def test_a_quiet_view_stays_quiet() -> None:
    assert [type(view) for view in columns(QuietView(), TIERS)] == [QuietView, QuietView]


HOSTILE = "</td></tr></table><script>alert(1)</script>\n\n</td>\n\n<img src=x onerror=alert(1)>\n\n- a\n\n```\n</td>"


def test_an_answer_cannot_leave_its_column() -> None:
    answers = [
        Compared(f"t{number} <b>|", Completion(text, reasoning=HOSTILE, finish_reason="stop"), "f <i>")
        for number, text in enumerate([HOSTILE, "fine"])
    ]
    bundle = compared(answers, "left <u>")
    assert set(bundle) == {"text/markdown", "text/plain"}
    html = MarkdownIt("commonmark", {"html": True}).render(bundle["text/markdown"])
    assert not re.search(r"<(script|img|b|i|u)\b", html)
    assert len(re.findall("<td", html)) == len(re.findall("</td>", html)) == 2
    assert html.count("<table") == html.count("</table>") == 1
    assert "fine" in html.rpartition("<td")[2]


def test_formulas_and_lists_are_markdown_inside_the_columns() -> None:
    text = "- one\n- two\n\n$x^2$\n\n```python\nprint(1)\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    bundle = compared([Compared("t", Completion(text), "f"), Compared("u", Completion(text), "f")])
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(bundle["text/markdown"])
    assert html.count("<li>") == 4
    assert html.count('<code class="language-python">') == 2
    assert html.count("<td>1</td>") == 2
