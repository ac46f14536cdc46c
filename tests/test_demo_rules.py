"""Each rule of the platform that the demo enforces, and each liberty that it allows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glm_magics.demo import BASE_PATH, Engine, Response
from glm_magics.image_header import data_uri
from tests.pictures import noise, picture

KEY = {"Authorization": "Bearer demo-key"}
HELLO = [{"role": "user", "content": "hello"}]
MANY = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def post(body: Any, *, engine: Engine | None = None, path: str = "/chat/completions") -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (engine or Engine(pace=0)).handle("POST", BASE_PATH + path, KEY, raw)


def content(response: Response) -> Any:
    return json.loads(b"".join(response.chunks))


def function(**changed: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "description": "d", "parameters": {}, **changed}}


def image(url: Any = "https://example.com/a.png") -> list[dict[str, Any]]:
    parts = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": url}}]
    return [{"role": "user", "content": parts}]


def bare(data: bytes) -> str:
    return data_uri(data).partition(",")[2]


def images(*urls: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [image(url)[0]["content"][1] for url in urls]}]


def refused(name: str, code: str, **changed: Any) -> Any:
    return pytest.param(changed, code, id=name)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        refused("no model", "1213", model=None),
        refused("model not text", "1214", model=7),
        refused("unknown model", "1211", model="gpt-4o"),
        refused("short name of a model", "1211", model="air"),
        refused("no messages", "1213", messages=None),
        refused("messages not a list", "1214", messages="hello"),
        refused("no message", "1214", messages=[]),
        refused("message not an object", "1214", messages=["hello"]),
        refused("system only", "1214", messages=[{"role": "system", "content": "be kind"}]),
        refused("assistant only", "1214", messages=[{"role": "assistant", "content": "hi"}]),
        refused("unknown role", "1214", messages=[{"role": "developer", "content": "hi"}]),
        refused("no content", "1213", messages=[{"role": "user"}]),
        refused("empty content", "1214", messages=[{"role": "user", "content": " "}]),
        refused("content a number", "1214", messages=[{"role": "user", "content": 5}]),
        refused("unknown part", "1214", messages=[{"role": "user", "content": [{"type": "smell"}]}]),
        refused("text part without text", "1214", messages=[{"role": "user", "content": [{"type": "text"}]}]),
        refused("image part without url", "1214", model="glm-4.6v", messages=image("")),
        refused("tool message without call id", "1213", messages=[*HELLO, {"role": "tool", "content": "5"}]),
        refused("tool calls not a list", "1214", messages=[*HELLO, {"role": "assistant", "tool_calls": 1}]),
        refused("arguments not text", "1214", messages=[*HELLO, {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]}]),
        refused("temperature above 1", "1214", temperature=1.5),
        refused("temperature below 0", "1214", temperature=-0.1),
        refused("temperature text", "1214", temperature="warm"),
        refused("temperature true", "1214", temperature=True),
        refused("top_p 0", "1214", top_p=0),
        refused("top_p above 1", "1214", top_p=1.1),
        refused("max_tokens 0", "1214", max_tokens=0),
        refused("max_tokens fraction", "1214", max_tokens=10.5),
        refused("max_tokens above the tier", "1214", max_tokens=98_305),
        refused("stop is a string", "1214", stop="END"),
        refused("two stop words", "1214", stop=["a", "b"]),
        refused("empty stop word", "1214", stop=[""]),
        refused("stream not true or false", "1214", stream="yes"),
        refused("do_sample not true or false", "1214", do_sample=1),
        refused("tools not a list", "1214", tools={}),
        refused("129 tools", "1214", tools=[MANY] * 129),
        refused("unknown tool type", "1214", tools=[{"type": "hammer"}]),
        refused("function missing", "1213", tools=[{"type": "function"}]),
        refused("function name with a space", "1214", tools=[function(name="get weather")]),
        refused("function name too long", "1214", tools=[function(name="f" * 65)]),
        refused("function parameters a list", "1214", tools=[function(parameters=[])]),
        refused("tools on a tier without", "1210", model="glm-4.5v", tools=[MANY]),
        refused("tool_choice required", "1210", tools=[MANY], tool_choice="required"),
        refused("tool_choice named", "1210", tool_choice={"type": "function", "function": {"name": "f"}}),
        refused("thinking on a tier without", "1210", model="glm-4-plus", thinking={"type": "enabled"}),
        refused("thinking cannot be disabled", "1210", model="glm-5.3", thinking={"type": "disabled"}),
        refused("thinking of a strange type", "1214", thinking={"type": "maybe"}),
        refused("thinking not an object", "1214", thinking=True),
        refused("effort on a tier without", "1210", reasoning_effort="high"),
        refused("effort that the tier lacks", "1210", model="glm-5.3", reasoning_effort="medium"),
        refused("effort not text", "1214", model="glm-5.3", reasoning_effort=3),
        refused("image on a text tier", "1210", messages=image()),
        refused("image that is no base64", "1210", model="glm-4.6v", messages=image("not base64!")),
        refused("image of another format", "1210", model="glm-4.6v", messages=image(bare(picture("WebP")))),
        refused("image that is none", "1210", model="glm-4.6v", messages=image(bare(b"%PDF-1.7 and so on"))),
        refused("image cut off", "1210", model="glm-4.6v", messages=image(data_uri(picture()[:-9]))),
        refused("image too wide", "1210", model="glm-4.6v", messages=image(bare(picture("PNG", 6_001, 5)))),
        refused("image of too many bytes", "1210", model="glm-4.6v", messages=image(bare(noise("PNG", 1_600, 1_300)))),
        refused("51 images", "1210", model="glm-4.6v", messages=images(*[bare(picture())] * 51)),
        refused("6 images on a tier of 5", "1210", model="glm-4v-plus-0111", messages=images(*[bare(picture())] * 6)),
        refused("base64 where only addresses are taken", "1210", model="glm-4v-flash", messages=image(bare(picture()))),
        refused("base64 image on a text tier", "1210", messages=image(bare(picture()))),
        refused("files mixed with images", "1210", model="glm-4.6v", messages=[{"role": "user", "content": [{"type": "file_url", "file_url": {"url": "x"}}, *image()[0]["content"]]}]),
        refused("response_format unknown", "1214", response_format={"type": "xml"}),
        refused("response_format text", "1214", response_format="json_object"),
        refused("request_id too short", "1214", request_id="abc"),
        refused("request_id too long", "1214", request_id="a" * 65),
        refused("user_id too short", "1214", user_id="abc"),
        refused("user_id too long", "1214", user_id="a" * 129),
        refused("prompt longer than the context", "1261", messages=[{"role": "user", "content": "word " * 132_000}]),
    ],
)  # fmt: skip
def test_a_request_against_the_rules_is_refused_with_its_code(changed: dict[str, Any], code: str) -> None:
    body = {"model": "glm-4.5-air", "messages": HELLO} | changed
    engine = Engine(pace=0)
    response = post({name: value for name, value in body.items() if value is not None}, engine=engine)
    error = content(response)["error"]
    assert (response.status, error["code"]) == (400, code)
    assert isinstance(error["message"], str)
    assert error["message"]
    assert engine.in_flight() == 0


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(
            {"response_format": None, "thinking": None, "stream": False}, id="what zai-sdk always sends"
        ),
        pytest.param({"stream_options": {"include_usage": True}}, id="stream_options"),
        pytest.param({"max_completion_tokens": 50}, id="max_completion_tokens"),
        pytest.param({"tool_choice": "auto", "think": False}, id="tool_choice auto without tools"),
        pytest.param({"response_format": {"type": "json_schema", "json_schema": {}}}, id="json_schema"),
        pytest.param({"temperature": 0.95, "top_p": 0.01, "do_sample": False, "seed": 4}, id="sampling"),
        pytest.param({"stop": []}, id="no stop word"),
        pytest.param({"tools": [], "user_id": "student-1", "request_id": "exactly-6"}, id="ids"),
        pytest.param({"thinking": {"type": "enabled", "clear_thinking": False}}, id="clear_thinking"),
        pytest.param({"model": "GLM-4.5-Air"}, id="model in capitals"),
        pytest.param({"model": "glm-5.2", "reasoning_effort": "none"}, id="effort none"),
        pytest.param({"model": "glm-4.6v", "messages": image()}, id="image on a vision tier"),
        pytest.param({"model": "glm-4.6v", "messages": image(bare(picture("JPEG")))}, id="bare base64"),
        pytest.param({"model": "glm-4.6v", "messages": image(data_uri(picture()))}, id="data URI"),
        pytest.param(
            {"model": "glm-4v-plus-0111", "messages": images(*[bare(picture())] * 5)}, id="5 images"
        ),
        pytest.param({"tools": [MANY] * 128}, id="128 tools"),
        pytest.param({"nobody_knows_me": [1, 2]}, id="unknown field"),
    ],
)
def test_what_clients_send_besides_is_accepted(extra: dict[str, Any]) -> None:
    response = post({"model": "glm-4.5-air", "messages": HELLO} | extra)
    assert response.status == 200
    assert content(response)["choices"][0]["message"]["role"] == "assistant"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000], ids=["empty", "cut", "array", "not text", "deep"]
)
def test_a_body_that_is_no_json_object_is_1210(body: bytes) -> None:
    assert content(post(body))["error"]["code"] == "1210"


def test_a_request_id_serves_once() -> None:
    engine = Engine(pace=0)
    body = {"model": "glm-4.5-air", "messages": HELLO, "request_id": "lesson-0001"}
    assert content(post(body, engine=engine))["request_id"] == "lesson-0001"
    assert content(post(body, engine=engine))["error"]["code"] == "1231"


def test_lists_in_tool_and_assistant_messages_are_not_seen_by_the_model() -> None:
    parts = [{"type": "text", "text": "SECRET"}]
    messages = [*HELLO, {"role": "assistant", "content": parts}, {"role": "user", "content": "and now?"}]
    with_list = content(post({"model": "glm-4.5-air", "messages": messages}))
    messages[1] = {"role": "assistant", "content": ""}
    without = content(post({"model": "glm-4.5-air", "messages": messages}))
    assert with_list["usage"]["prompt_tokens"] == without["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/api/paas/v4/nothing", 404, "1222"),
        ("POST", "/chat/completions", 404, "1222"),
        ("POST", "/api/paas/v4/files", 404, "1222"),
        ("GET", "/api/paas/v4/chat/completions", 405, "1212"),
        ("POST", "/api/paas/v4/models", 405, "1212"),
    ],
)
def test_a_wrong_path_or_method_is_refused_in_the_platforms_shape(
    method: str, path: str, status: int, code: str
) -> None:
    response = Engine().handle(method, path, KEY, b"{}")
    assert (response.status, content(response)["error"]["code"]) == (status, code)


@pytest.mark.parametrize("base", ["/api/paas/v4", "/v1", "/api/coding/paas/v4"])
def test_every_base_path_answers(base: str) -> None:
    listed = content(Engine().handle("GET", f"{base}/models", KEY, b""))
    assert listed["object"] == "list"
    assert "glm-4.5-air" in {row["id"] for row in listed["data"]}


def test_the_tokenizer_counts_as_the_usage_does() -> None:
    body = {"model": "glm-4.6", "messages": HELLO}
    counted = content(post(body, path="/tokenizer"))["usage"]["prompt_tokens"]
    assert counted == content(post(body))["usage"]["prompt_tokens"]
    assert content(post({"model": "glm-4.6"}, path="/tokenizer"))["error"]["code"] == "1213"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": "embedding-9", "input": "a"}, "1211"),
        ({"model": "embedding-3"}, "1213"),
        ({"model": "embedding-3", "input": []}, "1214"),
        ({"model": "embedding-3", "input": ["a"] * 65}, "1214"),
        ({"model": "embedding-3", "input": [1, 2]}, "1214"),
        ({"model": "embedding-3", "input": "a", "dimensions": 300}, "1214"),
        ({"model": "embedding-2", "input": "a", "dimensions": 256}, "1214"),
        ({"model": "embedding-3", "input": "word " * 3100}, "1261"),
    ],
)
def test_embeddings_have_their_own_rules(body: dict[str, Any], code: str) -> None:
    assert content(post(body, path="/embeddings"))["error"]["code"] == code


def test_similar_texts_have_near_vectors() -> None:
    texts = ["the cat sat on the mat", "a cat is sitting on a mat", "quarterly revenue fell sharply"]
    data = content(post({"model": "embedding-3", "input": texts}, path="/embeddings"))["data"]
    cat, other_cat, money = (row["embedding"] for row in data)

    def near(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert len(cat) == 2048
    assert near(cat, cat) == pytest.approx(1, abs=1e-5)
    assert near(cat, other_cat) > near(cat, money) + 0.2
    again = content(post({"model": "embedding-3", "input": texts[0]}, path="/embeddings"))["data"][0]
    assert again["embedding"] == cat


def test_the_tokenizer_counts_images_by_their_size() -> None:
    def counted(*pictures: bytes) -> tuple[int, int]:
        body = {"model": "glm-4.6v", "messages": images(*map(bare, pictures))}
        usage = content(post(body, path="/tokenizer"))["usage"]
        return usage["image_tokens"], usage["total_tokens"] - usage["image_tokens"]

    small, large = picture("PNG", 280, 280), picture("JPEG", 560, 560)
    assert counted(small)[0] == 102
    assert counted(large)[0] == 402
    assert counted(small, large) == (504, counted(small)[1])


def test_the_answer_tells_the_true_size_of_each_image() -> None:
    body = {"model": "glm-4.6v", "messages": image(bare(picture("JPEG", 321, 123)))}
    answer = content(post(body))["choices"][0]["message"]["content"]
    assert "JPEG, 321 × 123 pixels" in answer
    parts = [{"type": "text", "text": "这是什么？"}, *images(bare(picture("PNG", 5, 6)))[0]["content"]]
    body["messages"] = [{"role": "user", "content": parts}]
    assert "PNG，5 × 6 像素" in content(post(body))["choices"][0]["message"]["content"]


def test_another_image_is_another_request_for_the_cache() -> None:
    engine = Engine(pace=0)

    def cached(color: int) -> int:
        body = {
            "model": "glm-4.6v",
            "messages": [
                {"role": "system", "content": "x"},
                *images(bare(picture("PNG", 2_000 + color, 900))),
            ],
        }
        usage = content(post(body, engine=engine))["usage"]
        return int(usage["prompt_tokens_details"]["cached_tokens"])

    assert [cached(0), cached(1)] == [0, 0]
