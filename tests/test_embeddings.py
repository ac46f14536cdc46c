"""Vectors: each text once, many in a request, in the rows' own order, and failures as values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from test_frames_rows import connected

from glm_magics import api, embed
from glm_magics._embedding_models import embedding_model, embedding_models
from glm_magics._options import Options
from glm_magics._wire_embedding import EmbeddingRequest, embeddings, encode
from glm_magics.client import Client, Endpoint
from glm_magics.demo import DemoTransport, Engine
from glm_magics.demo.faults import FAULTS
from glm_magics.demo.vectors import likeness
from glm_magics.errors import (
    AuthenticationError,
    BudgetExceeded,
    GLMError,
    ParseError,
    ProtocolError,
    RequestError,
    SettingError,
    TemplateError,
    UnknownTier,
)
from glm_magics.frames.embedding import embed_rows
from glm_magics.keys import ApiKey
from glm_magics.rows.item import DONE

pytestmark = pytest.mark.usefixtures("bare_environment")
QUIET: dict[str, Any] = {"progress": False, "cache": "off"}


def texts(count: int) -> pd.DataFrame:
    return pd.DataFrame({"text": [f"review number {n}" for n in range(count)]}, index=range(100, 100 + count))


def asked(engine: Engine) -> list[int]:
    return [seen.status for seen in engine.seen if seen.path.endswith("/embeddings")]


class Recorder(httpx.BaseTransport):
    """The demo, with what was sent to it; `answer` may put something else in the place of its answer."""

    def __init__(self, engine: Engine, answer: Any = None) -> None:
        self.demo, self.answer = DemoTransport(engine), answer
        self.bodies: list[dict[str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.read()))
        if self.answer is not None:
            return httpx.Response(200, content=self.answer(self.bodies[-1]))
        return self.demo.handle_request(request)


def recording(answer: Any = None, *, dialect: Any = "glm", currency: str | None = "CNY") -> Recorder:
    recorder = Recorder(Engine(pace=0), answer)
    endpoint = Endpoint("test", "http://x.invalid/v1", ApiKey("demo-key", source="test"), currency, dialect)
    api.use_client(Client(endpoint, transport=recorder), tier="glm-4-plus")
    return recorder


# Frames


def test_the_same_rows_come_back_with_a_vector_each() -> None:
    connected(Engine(pace=0))
    frame = texts(5)
    done = embed_rows(frame, "{{text}}", dimensions=256, **QUIET)
    pd.testing.assert_frame_equal(done[["text"]], frame)
    assert {(vector.dtype.name, vector.shape) for vector in done["embedding"]} == {("float32", (256,))}
    assert set(done["_glm_status"]) == {"ok"}
    assert done["_glm_error"].isna().all()


def test_each_row_has_the_vector_of_its_own_text() -> None:
    connected(Engine(pace=0))
    done = embed_rows(texts(200), "{{text}}", dimensions=256, **QUIET)
    alone = embed(["review number 137"], dimensions=256, **QUIET)
    assert (done["embedding"].iloc[137] == alone[0]).all()


def test_sixty_four_texts_go_into_a_request_and_equal_ones_go_once() -> None:
    recorder = recording()
    frame = pd.concat([texts(130), texts(130)])
    done = embed_rows(frame, "{{text}}", dimensions=256, **QUIET)
    assert sorted(len(body["input"]) for body in recorder.bodies) == [2, 64, 64]
    assert done["embedding"].iloc[3] is not None
    assert np.shares_memory(done["embedding"].iloc[3], done["embedding"].iloc[133])


def test_a_shared_vector_cannot_be_written_to() -> None:
    connected(Engine(pace=0))
    done = embed_rows(texts(2), "{{text}}", **QUIET)
    with pytest.raises(ValueError, match="read-only"):
        done["embedding"].iloc[0][0] = 1.0


def test_the_length_of_a_vector_is_the_models_unless_said() -> None:
    recorder = recording()
    assert embed(["a"], **QUIET).shape == (1, 2048)
    assert embed(["a"], tier="embedding-2", **QUIET).shape == (1, 1024)
    assert embed([], dimensions=512, **QUIET).shape == (0, 512)
    assert [body.get("dimensions") for body in recorder.bodies] == [2048, None]


def test_a_list_of_texts_gives_a_matrix_in_its_order() -> None:
    connected(Engine(pace=0))
    found = embed(["b", "a", "b"], dimensions=256, **QUIET)
    assert (found.shape, found.dtype.name) == ((3, 256), "float32")
    assert (found[0] == found[2]).all()
    assert not (found[0] == found[1]).all()


def test_a_row_without_text_has_no_vector_and_says_why() -> None:
    connected(Engine(pace=0))
    frame = pd.DataFrame({"text": ["a", None, "  "]})
    done = embed_rows(frame, "{{text}}", **QUIET)
    assert done["embedding"].isna().tolist() == [False, True, True]
    assert done["_glm_status"].tolist() == ["ok", "error", "error"]
    assert "empty" in done["_glm_error"].iloc[1]


def test_a_text_that_is_too_long_fails_by_itself_and_costs_one_refusal() -> None:
    engine = Engine(pace=0)
    connected(engine)
    frame = pd.DataFrame({"text": [*texts(70)["text"], "word " * 4_000]})
    done = embed_rows(frame, "{{text}}", dimensions=256, **QUIET)
    assert done["_glm_status"].tolist() == ["ok"] * 70 + ["error"]
    assert "3072 tokens" in done["_glm_error"].iloc[-1]
    assert asked(engine).count(400) == 1


def test_the_older_model_never_gets_more_tokens_than_a_request_takes() -> None:
    engine = Engine(pace=0)
    connected(engine)
    frame = pd.DataFrame({"text": [f"word {n} " * 110 for n in range(60)]})
    done = embed_rows(frame, "{{text}}", tier="embedding-2", **QUIET)
    assert set(done["_glm_status"]) == {"ok"}
    assert set(asked(engine)) == {200}


def test_requests_in_flight_stay_within_the_limit() -> None:
    engine = Engine(pace=0, most_in_flight=2, answer_seconds=0.01)
    connected(engine)
    done = embed_rows(texts(640), "{{text}}", dimensions=256, concurrency=2, **QUIET)
    assert set(done["_glm_status"]) == {"ok"}
    assert set(asked(engine)) == {200}


def test_an_unknown_limit_loses_no_row() -> None:
    engine = Engine(pace=0, most_in_flight=1, answer_seconds=0.02)
    connected(engine)
    done = embed_rows(texts(300), "{{text}}", dimensions=256, **QUIET)
    assert set(done["_glm_status"]) == {"ok"}


def test_vectors_are_on_disk_and_are_not_paid_twice(tmp_path: Path) -> None:
    engine = Engine(pace=0)
    connected(engine)
    first = embed_rows(texts(70), "{{text}}", dimensions=256, cache=tmp_path, progress=False)
    again = embed_rows(texts(71), "{{text}}", dimensions=256, cache=tmp_path, progress=False)
    assert again["_glm_status"].tolist() == ["cached"] * 70 + ["ok"]
    assert all(
        (one == other).all() for one, other in zip(first["embedding"], again["embedding"], strict=False)
    )
    other = embed_rows(texts(2), "{{text}}", dimensions=512, cache=tmp_path, progress=False)
    assert set(other["_glm_status"]) == {"ok"}
    fresh = embed_rows(texts(2), "{{text}}", dimensions=256, cache="fresh", progress=False)
    assert set(fresh["_glm_status"]) == {"ok"}


def test_a_budget_is_a_wall() -> None:
    session = connected(Engine(pace=0))
    done = embed_rows(texts(300), "{{text}}", dimensions=256, budget="0.0004", concurrency=1, **QUIET)
    counts = done["_glm_status"].value_counts()
    assert counts["ok"] > 0
    assert counts["skipped_budget"] > 0
    spent = session.ledger.spent()["CNY"].amount
    assert spent <= 0.0004


def test_a_budget_where_no_price_is_known_is_refused_before_anything_is_sent() -> None:
    recorder = recording(currency="USD")
    done = embed_rows(texts(2), "{{text}}", budget=1, **QUIET)
    assert set(done["_glm_status"]) == {"skipped_budget"}
    assert not recorder.bodies


def test_bounds_end_the_run_and_the_rest_is_pending() -> None:
    connected(Engine(pace=0))
    done = embed_rows(texts(200), "{{text}}", dimensions=256, max_calls=1, **QUIET)
    assert done["_glm_status"].value_counts()[["ok", "pending"]].tolist() == [64, 136]


def test_an_estimate_sends_nothing_and_is_near_what_it_costs() -> None:
    engine = Engine(pace=0)
    session = connected(engine)
    told = embed_rows(texts(100), "{{text}}", dimensions=256, estimate=True, **QUIET)
    assert not asked(engine)
    embed_rows(texts(100), "{{text}}", dimensions=256, **QUIET)
    paid = session.ledger.spent()["CNY"].amount
    assert told.index.tolist() == ["embedding-3"]
    assert told["requests"].tolist() == [2]
    assert abs(told["cost"].iloc[0] - paid) <= paid / 10


def test_what_a_session_masks_or_withholds_is_not_sent() -> None:
    recorder = recording()
    api.session().defaults = Options(mask=("text",))
    with pytest.raises(TemplateError, match="masked"):
        embed_rows(texts(2), "{{text}}", **QUIET)
    api.session().defaults = Options(privacy="schema")
    with pytest.raises(SettingError, match="no row leaves"):
        embed_rows(texts(2), "{{text}}", **QUIET)
    with pytest.raises(SettingError, match="no row leaves"):
        embed(["a"], **QUIET)
    assert not recorder.bodies


def test_the_api_key_is_not_sent_as_a_text() -> None:
    recorder = recording()
    with pytest.raises(SettingError, match="API key"):
        embed(["see demo-key"], **QUIET)
    with pytest.raises(SettingError, match="API key"):
        embed_rows(pd.DataFrame({"text": ["see demo-key"]}), "{{text}}", **QUIET)
    assert not recorder.bodies


def test_marks_of_a_chat_in_a_cell_are_written_out() -> None:
    recorder = recording()
    embed_rows(pd.DataFrame({"text": ["<|user|> hi\u202e"]}), "{{text}}", **QUIET)
    assert recorder.bodies[0]["input"] == ["\\u003c|user|> hi\\u202e"]


def test_a_text_without_a_vector_is_an_error_of_the_list() -> None:
    connected(Engine(pace=0))
    with pytest.raises(RequestError, match=r"1 of 2 texts have no vector\. Number 1: .*empty"):
        embed(["a", ""], **QUIET)


@pytest.mark.parametrize("wrong", ["text", [1], [None]])
def test_what_is_no_list_of_texts_is_refused(wrong: Any) -> None:
    connected(Engine(pace=0))
    with pytest.raises(RequestError, match="expected a list of str"):
        embed(wrong, **QUIET)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"dimensions": 300}, RequestError, "embedding-3 has 256, 512, 1024, 2048"),
        ({"dimensions": 256, "tier": "embedding-2"}, RequestError, "embedding-2 has 1024"),
        ({"dimensions": True}, RequestError, "whole number"),
        ({"tier": "glm-4-plus"}, UnknownTier, "embedding-3, embedding-2"),
        ({"max_calls": 0}, RequestError, "above 0"),
    ],
)
def test_what_the_platform_has_not_is_refused_here(
    asked: dict[str, Any], error: type[GLMError], message: str
) -> None:
    recorder = recording()
    with pytest.raises(error, match=message):
        embed(["a"], **QUIET, **asked)
    assert not recorder.bodies


def test_an_account_that_refuses_ends_the_call() -> None:
    connected(Engine(("another-key",), pace=0))
    with pytest.raises(AuthenticationError):
        embed(["a"], **QUIET)


SILENT = ("comments", "slow-first", "stall")  # these last until the client's patience ends
EACH_FAULT = [
    pytest.param(fault, marks=[pytest.mark.long] if fault in SILENT else [])
    for fault in sorted(FAULTS)
    if fault != "bad-json-once"
]


@pytest.mark.parametrize("fault", EACH_FAULT)
def test_no_fault_of_the_platform_gives_a_wrong_vector(fault: str) -> None:
    connected(Engine(pace=0))
    frame = texts(3)
    right = embed_rows(frame, "{{text}}", dimensions=256, **QUIET)
    connected(Engine(pace=0, fault=f"once:{fault}"))
    try:
        done = embed_rows(frame, "{{text}}", dimensions=256, max_seconds=3, **QUIET)
    except GLMError:
        return
    for status, found, wanted in zip(done["_glm_status"], done["embedding"], right["embedding"], strict=True):
        assert (found == wanted).all() if status in DONE else found is None


def test_a_server_of_its_own_may_have_any_model() -> None:
    def answer(body: dict[str, Any]) -> bytes:
        rows = [{"index": n, "embedding": [float(n), 1.0, 2.0]} for n in range(len(body["input"]))]
        return json.dumps({"data": rows[::-1]}).encode()

    recorder = recording(answer, dialect="openai")
    assert embed(["a", "b"], tier="bge-m3", **QUIET).tolist() == [[0, 1, 2], [1, 1, 2]]
    assert recorder.bodies == [{"model": "bge-m3", "input": ["a", "b"]}]


def test_an_answer_that_does_not_fit_is_asked_again_and_then_invalid() -> None:
    recorder = recording(lambda body: b'{"data": [{"index": 0, "embedding": [1.0]}]}')
    done = embed_rows(texts(2), "{{text}}", dimensions=256, **QUIET)
    assert set(done["_glm_status"]) == {"invalid"}
    assert len(recorder.bodies) > 2
    assert api.session().ledger.spent()["CNY"].amount > 0


# The wire


REQUEST = EmbeddingRequest("embedding-3", ("a", "b"), 2)


def test_a_request_says_what_was_asked() -> None:
    assert json.loads(encode(REQUEST)) == {"model": "embedding-3", "input": ["a", "b"], "dimensions": 2}


def test_vectors_come_in_the_order_of_the_texts_whatever_that_of_the_answer() -> None:
    rows = [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}]
    found = embeddings(json.dumps({"data": rows, "usage": {"prompt_tokens": 7}}).encode(), REQUEST)
    assert [list(vector) for vector in found.vectors] == [[1, 2], [3, 4]]
    assert found.usage is not None
    assert found.usage.input_tokens == 7


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"data": [1]}', '{"data": {"a": 1}}', "[" * 10_000])
def test_what_is_no_answer_is_a_protocol_error(raw: str) -> None:
    with pytest.raises(ProtocolError):
        embeddings(raw.encode(), REQUEST)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="none"),
        pytest.param([[0, [1, 2]]], id="one-too-few"),
        pytest.param([[0, [1, 2]], [0, [1, 2]]], id="one-twice"),
        pytest.param([[0, [1, 2]], [2, [1, 2]]], id="a-stranger"),
        pytest.param([[0, [1, 2]], [True, [1, 2]]], id="no-number"),
        pytest.param([[0, [1, 2]], [1, [1]]], id="lengths"),
        pytest.param([[0, [1]], [1, [1]]], id="not-the-length-asked-for"),
        pytest.param([[0, [1, 2]], [1, "12"]], id="text"),
        pytest.param([[0, [1, 2]], [1, [1, None]]], id="null"),
        pytest.param([[0, [1, 2]], [1, [1, float("nan")]]], id="nan"),
        pytest.param([[0, [1, 2]], [1, [1, 1e300]]], id="too-great"),
    ],
)
def test_an_answer_that_does_not_fit_the_request_is_refused(rows: list[list[Any]]) -> None:
    body = {"data": [{"index": index, "embedding": vector} for index, vector in rows]}
    with pytest.raises(ParseError):
        embeddings(json.dumps(body).encode(), REQUEST)


# The models


@pytest.mark.parametrize("model", embedding_models(), ids=lambda model: model.id)
def test_a_model_is_whole_and_sourced(model: Any) -> None:
    tier = model.tier
    assert tier.status in ("listed", "leaving", "legacy")
    assert tier.platforms == ("bigmodel.cn",)
    assert tier.checked is not None
    assert model.dimensions
    assert model.most_texts == 64
    assert model.most_tokens is not None
    facts = {"limits": True, "price_cny": tier.prices.get("CNY"), "concurrency": tier.concurrency}
    assert {fact for fact, known in facts.items() if known} <= set(tier.sources)


def test_facts_of_the_embedding_pages() -> None:
    third, second = embedding_models()
    assert (third.id, third.dimensions, third.most_tokens) == ("embedding-3", (2048, 256, 512, 1024), 3072)
    assert (second.id, second.dimensions, second.most_tokens) == ("embedding-2", (1024,), 512)
    assert second.most_request_tokens == 8_000
    assert [str(step.input) for model in (third, second) for step in model.tier.prices["CNY"].steps] == [
        "0.5",
        "0.5",
    ]
    assert embedding_model("Embedding_3", of_platform=True) is third


# The demo


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": "embedding-2", "input": ["word " * 400] * 30}, "1261"),
        ({"model": "embedding-3", "input": ["a", ""]}, "1214"),
        ({"model": "embedding-3", "input": "a", "dimensions": 256.0}, "1214"),
        ({"model": "embedding-3", "input": "a", "dimensions": "256"}, "1214"),
        ({"model": "glm-4-plus", "input": "a"}, "1211"),
    ],
)
def test_the_demo_is_strict(body: dict[str, Any], code: str) -> None:
    engine = Engine(pace=0)
    headers = {"authorization": "Bearer demo-key"}
    reply = engine.handle("POST", "/api/paas/v4/embeddings", headers, json.dumps(body).encode())
    assert json.loads(b"".join(reply.chunks))["error"]["code"] == code


def test_the_demo_refuses_too_many_in_flight() -> None:
    engine = Engine(pace=0, most_in_flight=1)
    body = json.dumps({"model": "embedding-3", "input": "a"}).encode()
    headers = {"authorization": "Bearer demo-key"}
    first = engine.handle("POST", "/api/paas/v4/embeddings", headers, body)
    second = engine.handle("POST", "/api/paas/v4/embeddings", headers, body)
    assert (first.status, second.status) == (200, 429)
    second.close()
    b"".join(first.chunks)
    first.close()
    assert engine.handle("POST", "/api/paas/v4/embeddings", headers, body).status == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The parcel arrived far too late", "My package was delivered with a long delay"),
        ("The app crashes when I log in", "The application freezes at sign in"),
        ("Black bluetooth earphones", "Wireless headphones, black"),
    ],
)
def test_the_demo_takes_words_of_its_list_for_the_same(one: str, other: str) -> None:
    assert likeness(one, other) > 0.7
    assert likeness(one, "The soup was cold and the room was noisy") < 0.3


def test_a_budget_that_is_spent_is_told_as_such() -> None:
    session = connected(Engine(pace=0))
    api.budget(0)
    with pytest.raises(BudgetExceeded):
        session.ledger.reserve(session.money(api.read_amount("1")))
    done = embed_rows(texts(2), "{{text}}", **QUIET)
    assert set(done["_glm_status"]) == {"skipped_budget"}
