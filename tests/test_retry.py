"""The retry table, row by row: the error, the action, and how often a server is really asked."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest
from fault_server import delta

from glm_magics import errors
from glm_magics._reading import Waiting
from glm_magics.chat import ChatRequest, Message
from glm_magics.client import Client, Endpoint
from glm_magics.errors import (
    AccessDenied,
    AccountError,
    AuthenticationError,
    BalanceError,
    BudgetExceeded,
    ContentRefused,
    GLMError,
    IncompleteStream,
    NoAnswer,
    NoConnection,
    OverloadedError,
    PromptTooLong,
    ProtocolError,
    QuotaError,
    RateLimitError,
    RequestError,
    ServerError,
    SettingError,
    StreamError,
    UnknownTier,
)
from glm_magics.retry import RULES, Action, Policy, Quota, action_for, delay_before_retry, error_for, rule_for

REQUEST = ChatRequest(model="glm-test", messages=(Message("user", "hello"),))
TRIED_AGAIN = {"slow down", "wait", "retry"}

Row = tuple[str | None, int | None, type[GLMError], Action]

ROWS: list[Row] = [
    # too many at once: the platform says 429 to all of these, so the code decides
    ("1302", 429, RateLimitError, "slow down"),
    ("1303", 429, RateLimitError, "slow down"),
    ("1302", 200, RateLimitError, "slow down"),
    ("1302", 500, RateLimitError, "slow down"),
    ("1305", 429, OverloadedError, "wait"),
    ("1312", 429, OverloadedError, "wait"),
    ("1305", 503, OverloadedError, "wait"),
    ("1113", 429, BalanceError, "stop the job"),
    ("1304", 429, QuotaError, "stop the job"),
    ("1308", 429, QuotaError, "stop the job"),
    ("1310", 429, QuotaError, "stop the job"),
    ("1309", 429, BalanceError, "stop the job"),
    ("1311", 429, AccessDenied, "stop the job"),
    ("1313", 429, AccessDenied, "stop the job"),
    ("1110", 429, AccountError, "stop the job"),
    ("1111", 429, AccountError, "stop the job"),
    ("1112", 429, AccountError, "stop the job"),
    ("1121", 429, AccountError, "stop the job"),
    ("1100", 429, AccountError, "stop the job"),
    ("1113", 400, BalanceError, "stop the job"),
    # transient
    ("1120", 500, ServerError, "retry"),
    ("1230", 500, ServerError, "retry"),
    ("1234", 500, ServerError, "retry"),
    ("1234", 400, ServerError, "retry"),
    # the key
    ("1000", 401, AuthenticationError, "stop the job"),
    ("1001", 401, AuthenticationError, "stop the job"),
    ("1002", 401, AuthenticationError, "stop the job"),
    ("1003", 401, AuthenticationError, "stop the job"),
    ("1004", 401, AuthenticationError, "stop the job"),
    ("1001", 500, AuthenticationError, "stop the job"),
    # permissions
    ("1220", 403, AccessDenied, "stop the job"),
    ("1221", 403, AccessDenied, "stop the job"),
    ("1222", 404, AccessDenied, "stop the job"),
    # this request only
    ("1200", 400, RequestError, "fail"),
    ("1210", 400, RequestError, "fail"),
    ("1211", 400, UnknownTier, "fail"),
    ("1211", 404, UnknownTier, "fail"),
    ("1212", 400, RequestError, "fail"),
    ("1213", 400, RequestError, "fail"),
    ("1214", 400, RequestError, "fail"),
    ("1215", 400, RequestError, "fail"),
    ("1231", 400, RequestError, "fail"),
    ("1231", 500, RequestError, "fail"),
    ("1261", 400, PromptTooLong, "fail"),
    ("1300", 400, ContentRefused, "fail"),
    ("1301", 400, ContentRefused, "fail"),
    # what a gateway refuses by itself
    ("budget_exceeded", 402, BudgetExceeded, "stop the job"),
    ("budget_exceeded", 429, BudgetExceeded, "stop the job"),
    ("tier_not_allowed", 403, AccessDenied, "stop the job"),
    ("key_model_access_denied", 401, AccessDenied, "stop the job"),
    ("rate_limit", 429, RateLimitError, "slow down"),
    ("unknown_token", 401, AuthenticationError, "stop the job"),
    ("token_not_found_in_db", 401, AuthenticationError, "stop the job"),
    ("expired_key", 400, AuthenticationError, "stop the job"),
    ("upstream_key", 503, AccountError, "stop the job"),
    ("not_passed_on", 400, RequestError, "fail"),
    ("stream_cut", None, IncompleteStream, "fail"),
    # no code, or one that nobody knows: the HTTP status
    (None, 300, ProtocolError, "fail"),
    (None, 302, ProtocolError, "fail"),
    (None, 308, ProtocolError, "fail"),
    (None, 400, RequestError, "fail"),
    (None, 401, AuthenticationError, "stop the job"),
    (None, 402, AccessDenied, "stop the job"),
    (None, 403, AccessDenied, "stop the job"),
    (None, 404, RequestError, "fail"),
    (None, 405, RequestError, "fail"),
    (None, 407, AuthenticationError, "stop the job"),
    (None, 408, RequestError, "fail"),
    (None, 409, RequestError, "fail"),
    (None, 413, RequestError, "fail"),
    (None, 422, RequestError, "fail"),
    (None, 429, RateLimitError, "slow down"),
    (None, 434, AccessDenied, "stop the job"),
    (None, 435, RequestError, "fail"),
    (None, 500, ServerError, "retry"),
    (None, 501, ServerError, "retry"),
    (None, 502, OverloadedError, "wait"),
    (None, 503, OverloadedError, "wait"),
    (None, 504, OverloadedError, "wait"),
    (None, 520, ServerError, "retry"),
    (None, 529, OverloadedError, "wait"),
    ("9999", 400, RequestError, "fail"),
    ("9999", 429, RateLimitError, "slow down"),
    ("9999", 500, ServerError, "retry"),
    ("9999", 503, OverloadedError, "wait"),
    ("9999", 200, StreamError, "fail"),
    (None, None, StreamError, "fail"),
]


def row_id(row: Row) -> str:
    return f"{row[0] or 'no-code'}-{row[1] or 'in-stream'}"


rows = pytest.mark.parametrize(
    ("code", "status", "kind", "action"), [pytest.param(*row, id=row_id(row)) for row in ROWS]
)


@rows
def test_a_failure_has_its_error_and_action(
    code: str | None, status: int | None, kind: type[GLMError], action: Action
) -> None:
    rule = rule_for(code, status)
    error = error_for(code, status, "words", request_id="r")
    assert (rule.error, rule.action) == (kind, action)
    assert type(error) is kind
    assert (error.code, error.status, error.request_id) == (code, status, "r")
    assert action_for(error) == action
    assert "words" in str(error)
    assert error.hint


@rows
def test_only_what_may_be_tried_again_has_a_delay(
    code: str | None, status: int | None, kind: type[GLMError], action: Action
) -> None:
    error = error_for(code, status, "words")
    for attempt in (1, 2):
        delay = delay_before_retry(error, attempt=attempt)
        assert (delay is not None) == (action in TRIED_AGAIN)
    assert delay_before_retry(error, attempt=3) is None
    error.retry_after_seconds = 120.0
    assert (delay_before_retry(error, attempt=1) == 120.0) == (action in TRIED_AGAIN)
    error.retry_after_seconds = 121.0
    assert delay_before_retry(error, attempt=1) is None


def test_every_documented_code_stands_in_one_row() -> None:
    codes = [code for rule in RULES for code in rule.codes]
    statuses = [status for rule in RULES for status in rule.statuses]
    assert len(codes) == len(set(codes))
    assert sorted(statuses) == list(range(300, 600))


@pytest.mark.parametrize(
    ("error", "action"),
    [
        pytest.param(NoConnection("x"), "retry", id="nothing-was-sent"),
        pytest.param(NoAnswer("x"), "fail", id="perhaps-billed"),
        pytest.param(IncompleteStream("x"), "fail", id="tokens-were-shown"),
        pytest.param(ProtocolError("x"), "fail", id="not-the-api"),
        pytest.param(SettingError("x"), "fail", id="a-setting"),
    ],
)
def test_a_failure_of_the_network_is_tried_again_only_when_nothing_was_sent(
    error: GLMError, action: Action
) -> None:
    assert action_for(error) == action
    assert (delay_before_retry(error, attempt=1) is not None) == (action == "retry")


@pytest.mark.parametrize(
    ("action", "code", "base"), [("retry", "1234", 0.5), ("slow down", "1302", 1.0), ("wait", "1305", 2.0)]
)
def test_the_wait_doubles_up_to_the_longest_with_full_jitter(action: Action, code: str, base: float) -> None:
    error, patient = error_for(code, 500, "x"), Policy(attempts=50)
    longest = [delay_before_retry(error, attempt=n, policy=patient, jitter=lambda: 1.0) for n in range(1, 40)]
    assert longest == [min(base * 2.0**n, 20.0) for n in range(1, 40)]
    assert delay_before_retry(error, attempt=5, policy=patient, jitter=lambda: 0.0) == 0.0


def test_the_message_of_a_coding_plan_is_unwrapped() -> None:
    assert (
        error_for("1309", 429, "[1309][Your plan\n has ended][20260102abc]").message
        == "The server says: Your plan has ended"
    )


def test_a_long_message_is_cut_and_an_empty_one_is_said_to_be() -> None:
    assert len(error_for(None, 500, "x" * 5000).message) < 450
    assert error_for(None, 500, " \n").message == "The server gave no reason."


def test_tries_are_spent_until_answers_earn_them_back() -> None:
    quota = Quota(capacity=20)
    assert [quota.spend("retry"), quota.spend("retry"), quota.spend("slow down")] == [True, False, True]
    for _ in range(100):
        quota.earn()
    assert [quota.spend("retry"), quota.spend("wait"), quota.spend("wait")] == [True, True, False]


def test_the_tries_of_a_process_can_be_spent_from_many_threads() -> None:
    quota, spent = Quota(capacity=500), []

    def spend() -> None:
        spent.extend(quota.spend("slow down") for _ in range(50))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(spent) == 100


# ----------------------------------------------------------------------------------- through the client


class Server:
    """Answers each call with the next response of its list (the last one for ever)."""

    def __init__(self, *responses: httpx.Response | Exception) -> None:
        self.responses = responses
        self.calls: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request)
        response = self.responses[min(len(self.calls), len(self.responses)) - 1]
        if isinstance(response, Exception):
            raise response
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)

    def client(self, **options: Any) -> Client:
        def pause(aborted: threading.Event, seconds: float) -> bool:
            self.pauses.append(seconds)
            return aborted.is_set()

        transport = httpx.MockTransport(self)
        endpoint = Endpoint("test", "https://api.test/v4")
        return Client(endpoint, transport=transport, quota=Quota(), pause=pause, **options)


def refusal(code: str | None, status: int, **headers: str) -> httpx.Response:
    body = {"error": {"code": code, "message": "words"}} if code else {"error": {"message": "words"}}
    return httpx.Response(status, headers=headers, content=json.dumps(body))


ANSWER = httpx.Response(200, content=delta("stop", content="hello"))


@rows
def test_a_server_is_asked_as_often_as_the_table_says(
    code: str | None, status: int | None, kind: type[GLMError], action: Action
) -> None:
    server = Server(refusal(code, status or 200))
    with pytest.raises(GLMError) as caught:
        list(server.client().stream(REQUEST))
    inside_an_answer = status is None or status == 200
    assert type(caught.value) is kind
    assert len(server.calls) == (3 if action in TRIED_AGAIN and not inside_an_answer else 1)
    assert len(server.pauses) == len(server.calls) - 1
    assert all(0 <= seconds <= 8 for seconds in server.pauses)
    ids = [json.loads(call.content)["request_id"] for call in server.calls]
    assert len(set(ids)) == len(ids)
    assert all(6 <= len(id) <= 64 for id in ids)


@pytest.mark.parametrize(
    ("failure", "kind", "calls"),
    [
        pytest.param(httpx.ConnectError("refused"), NoConnection, 3, id="refused"),
        pytest.param(httpx.ConnectTimeout("slow"), NoConnection, 3, id="connect-timeout"),
        pytest.param(httpx.ProxyError("407"), NoConnection, 3, id="proxy"),
        pytest.param(httpx.WriteTimeout("slow"), NoAnswer, 1, id="write-timeout"),
        pytest.param(httpx.WriteError("reset"), NoAnswer, 1, id="write-reset"),
        pytest.param(httpx.ReadTimeout("slow"), NoAnswer, 1, id="read-timeout"),
        pytest.param(httpx.ReadError("reset"), NoAnswer, 1, id="read-reset"),
        pytest.param(httpx.RemoteProtocolError("gone"), NoAnswer, 1, id="hung-up"),
        pytest.param(httpx.DecodingError("gzip"), ProtocolError, 1, id="broken-encoding"),
        pytest.param(httpx.UnsupportedProtocol("ftp"), SettingError, 1, id="not-http"),
        pytest.param(httpx.LocalProtocolError("header"), SettingError, 1, id="bad-header"),
        pytest.param(httpx.InvalidURL("port"), SettingError, 1, id="bad-address"),
    ],
)
def test_a_request_that_may_have_been_billed_is_not_sent_again(
    failure: Exception, kind: type[GLMError], calls: int
) -> None:
    server = Server(failure)
    with pytest.raises(GLMError) as caught:
        list(server.client().stream(REQUEST))
    assert type(caught.value) is kind
    assert len(server.calls) == calls


def test_nothing_is_tried_again_after_the_first_byte() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(200, content=pieces())

    def pieces() -> Any:
        yield delta(content="hel")
        raise httpx.ReadError("reset")

    calls: list[httpx.Request] = []
    client = Client(Endpoint("test", "https://api.test/v4"), transport=httpx.MockTransport(broken))
    with pytest.raises(IncompleteStream) as caught:
        list(client.stream(REQUEST))
    assert len(calls) == 1
    assert caught.value.completion is not None
    assert caught.value.completion.text == "hel"


def test_a_later_try_may_succeed() -> None:
    server = Server(refusal("1305", 429), httpx.ConnectError("refused"), ANSWER)
    stream = server.client().stream(REQUEST)
    list(stream)
    assert stream.completion.text == "hello"
    assert len(server.calls) == 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "7"}, 7.0, id="seconds"),
        pytest.param({"Retry-After": "0.25"}, 0.25, id="part-of-a-second"),
        pytest.param({"Retry-After": "120"}, 120.0, id="the-longest"),
        pytest.param({"Retry-After": "-5"}, 0.0, id="negative"),
        pytest.param({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5, id="milliseconds-first"),
        pytest.param({"llm_provider-retry-after": "3"}, 3.0, id="passed-on-by-litellm"),
        pytest.param({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0, id="a-date-gone-by"),
    ],
)
def test_retry_after_is_honoured(headers: dict[str, str], seconds: float) -> None:
    server = Server(refusal("1302", 429, **headers), ANSWER)
    list(server.client().stream(REQUEST))
    assert server.pauses == [seconds]


@pytest.mark.parametrize("asked", ["121", "86400", "inf", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_longer_retry_after_is_an_error_at_once(asked: str) -> None:
    server = Server(refusal("1302", 429, **{"Retry-After": asked}))
    with pytest.raises(RateLimitError) as caught:
        list(server.client().stream(REQUEST))
    assert server.pauses == []
    assert caught.value.retry_after_seconds is not None
    assert caught.value.retry_after_seconds > 120


@pytest.mark.parametrize("asked", ["soon", "", "nan-ish", "Mon, 99 Foo", ",,,", "1 1 1 1 1 1"])
def test_a_retry_after_of_no_use_is_passed_over(asked: str) -> None:
    server = Server(refusal("1302", 429, **{"Retry-After": asked}), ANSWER)
    list(server.client().stream(REQUEST))
    assert len(server.pauses) == 1
    assert server.pauses[0] <= 2.0


def test_the_reader_hears_of_a_pause() -> None:
    server = Server(refusal("1305", 429, **{"Retry-After": "3"}), ANSWER)
    heard: list[str] = []
    source = server.client().stream(REQUEST)._bytes._source
    heard = [item.why for item in source if isinstance(item, Waiting)]
    assert heard == ["words Trying again in 3 s (1 of 3)."]


def test_the_patience_of_a_job_is_a_policy() -> None:
    server = Server(refusal("1302", 429))
    with pytest.raises(RateLimitError):
        list(server.client(policy=Policy(attempts=5)).stream(REQUEST))
    assert len(server.calls) == 5


def test_an_outage_is_not_hammered() -> None:
    server = Server(refusal(None, 500))
    client = server.client()
    for _ in range(100):
        with pytest.raises(ServerError):
            list(client.stream(REQUEST))
    assert len(server.calls) == 100 + 500 // 14


def test_a_stop_ends_the_pause() -> None:
    client = Server(refusal("1302", 429, **{"Retry-After": "60"})).client()
    client.pause = threading.Event.wait
    with client.stream(REQUEST) as stream:
        while "Trying again" not in stream.progress().note:
            stream.poll(0.05)
        stream.stop()
        stream.poll(0.05)
    assert stream.completion.finish_reason == "stopped"
    deadline = [thread for thread in threading.enumerate() if thread.name == "glm-stream"]
    for thread in deadline:
        thread.join(5)
    assert not any(thread.is_alive() for thread in deadline)


def test_every_error_of_the_table_is_public() -> None:
    assert {rule.error.__name__ for rule in RULES} <= set(errors.__all__)
