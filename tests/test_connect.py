"""Which server and which key: the order of the environment, addresses, login and the keyring."""

from __future__ import annotations

import getpass
import json
import socket
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from conftest import Cells

from glm_magics import _connect, api
from glm_magics._connect import connect, from_environment, known_key
from glm_magics.errors import GLMError, SettingError
from glm_magics.keys import ApiKey


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, bare_environment: None) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(_connect, "_keyring", lambda: FakeKeyring())


class FakeKeyring:
    kept: ClassVar[dict[tuple[str, str], str]] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        self.kept[service, name] = secret


@pytest.fixture(autouse=True)
def empty_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeKeyring, "kept", {})


Z_AI, BIGMODEL = "https://api.z.ai/api/paas/v4", "https://open.bigmodel.cn/api/paas/v4"
LOCAL = "http://localhost:8000/v1"


@pytest.mark.parametrize(
    ("environ", "name", "base", "currency", "source"),
    [
        pytest.param({}, "demo", "http://demo.invalid/api/paas/v4", "CNY", "demo", id="nothing"),
        pytest.param({"ZAI_API_KEY": "k1"}, "z.ai", Z_AI, "USD", "ZAI_API_KEY", id="z.ai"),
        pytest.param(
            {"ZHIPUAI_API_KEY": "k2"}, "bigmodel", BIGMODEL, "CNY", "ZHIPUAI_API_KEY", id="bigmodel"
        ),
        pytest.param({"ZHIPU_API_KEY": "k2"}, "bigmodel", BIGMODEL, "CNY", "ZHIPU_API_KEY", id="older-name"),
        pytest.param(
            {"ZHIPUAI_API_KEY": "k2", "ZAI_API_KEY": "k1"}, "z.ai", Z_AI, "USD", "ZAI_API_KEY", id="both"
        ),
        pytest.param(
            {"ZAI_API_KEY": "  "}, "demo", "http://demo.invalid/api/paas/v4", "CNY", "demo", id="blank"
        ),
        pytest.param({"GLM_BASE_URL": LOCAL}, "localhost:8000", LOCAL, None, None, id="own-server"),
        pytest.param(
            {"GLM_BASE_URL": LOCAL, "ZAI_API_KEY": "k1"},
            "localhost:8000",
            LOCAL,
            None,
            None,
            id="own-server-first",
        ),
        pytest.param(
            {"GLM_BASE_URL": LOCAL, "GLM_API_KEY": "k3"},
            "localhost:8000",
            LOCAL,
            None,
            "GLM_API_KEY",
            id="own-key",
        ),
        pytest.param(
            {"GLM_BASE_URL": Z_AI, "GLM_API_KEY": "k3", "ZAI_API_KEY": "k1"},
            "z.ai",
            Z_AI,
            "USD",
            "GLM_API_KEY",
            id="key-goes-with-address",
        ),
        pytest.param(
            {"GLM_API_KEY": "k3"}, "demo", "http://demo.invalid/api/paas/v4", "CNY", "demo", id="key-alone"
        ),
        pytest.param(
            {"GLM_BASE_URL": "demo://?currency=usd"},
            "demo",
            "http://demo.invalid/api/paas/v4",
            "USD",
            "demo",
            id="demo-options",
        ),
    ],
)
def test_the_environment_decides_in_a_fixed_order(
    environ: Mapping[str, str], name: str, base: str, currency: str | None, source: str | None
) -> None:
    endpoint = from_environment(environ).endpoint
    assert (endpoint.name, endpoint.base_url, endpoint.currency) == (name, base, currency)
    assert (endpoint.key.source if endpoint.key else None) == source


def test_the_environment_names_the_currency_of_a_gateway_and_of_no_platform() -> None:
    environ = {"GLM_CURRENCY": "usd", "ZHIPUAI_API_KEY": "k"}
    assert from_environment(environ | {"GLM_BASE_URL": LOCAL}).endpoint.currency == "USD"
    assert from_environment(environ).endpoint.currency == "CNY"


def test_a_key_of_one_platform_is_not_sent_to_another_server() -> None:
    environ = {"ZAI_API_KEY": "k1", "ZHIPUAI_API_KEY": "k2"}
    assert connect(LOCAL, environ=environ).endpoint.key is None
    assert connect("bigmodel", environ=environ).endpoint.key.source == "ZHIPUAI_API_KEY"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        pytest.param("https://open.bigmodel.cn/api/coding/paas/v4", "glm", id="coding-plan"),
        pytest.param("http://gateway:4000/api/paas/v4/", "glm", id="relay"),
        pytest.param("http://localhost:11434/v1", "openai", id="ollama"),
        pytest.param("http://teacher:4000/gateway/v1", "gateway", id="class"),
    ],
)
def test_the_address_tells_the_dialect(url: str, dialect: str) -> None:
    client = connect(url, key=ApiKey("k", source="test"))
    assert client.endpoint.dialect == dialect
    assert not client.endpoint.base_url.endswith("/")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://host/v1",
        "http://",
        "http://user:pass@host/v1",
        "nowhere",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingError) as raised:
        connect(url)
    assert "is not an address" in str(raised.value)
    assert "pass@" not in str(raised.value)
    assert "user" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("demo://?fault=nonsense", "is not a fault", id="fault"),
        pytest.param("demo://?pace=fast", "expected a number", id="pace"),
        pytest.param("demo://?level=V9", "expected a level", id="level"),
        pytest.param("demo://?colour=red", "is not an option of the demo", id="option"),
    ],
)
def test_a_wrong_option_of_the_demo_is_said_at_once(url: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        connect(url)


def test_a_platform_without_a_key_says_how_to_get_one() -> None:
    with pytest.raises(SettingError) as raised:
        connect("bigmodel", environ={})
    assert "%glm login bigmodel" in str(raised.value)
    assert "ZHIPUAI_API_KEY" in str(raised.value)


def test_a_bad_key_in_the_environment_is_not_shown() -> None:
    with pytest.raises(SettingError) as raised:
        from_environment({"ZAI_API_KEY": "sk-secret\nsk-secret"})
    assert "sk-secret" not in str(raised.value)
    assert "ZAI_API_KEY" in str(raised.value)


# Login


def test_login_takes_the_key_of_the_environment_first(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZAI_API_KEY", "from-environment")
    FakeKeyring.kept["glm-magics", "z.ai"] = "from-keyring"
    ran = cells("%glm login")
    assert "z.ai (USD), key from ZAI_API_KEY." in ran.out
    assert "from-environment" not in ran.text


def test_login_looks_into_the_keyring(cells: Cells) -> None:
    FakeKeyring.kept["glm-magics", "bigmodel"] = "from-keyring"
    assert "bigmodel (CNY), key from keyring." in cells("%glm login bigmodel").out


@pytest.mark.parametrize("where", ["https://api.z.ai/api/coding/paas/v4", "z.ai"])
def test_an_address_of_a_platform_has_the_platforms_key(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeKeyring.kept["glm-magics", "z.ai"] = "from-keyring"
    assert known_key(where).source == "keyring"  # type: ignore[union-attr]
    monkeypatch.setenv("ZAI_API_KEY", "from-environment")
    assert known_key(where).source == "ZAI_API_KEY"  # type: ignore[union-attr]


def test_login_asks_when_nothing_is_known_and_remembers_on_request(
    cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "typed-key"

    monkeypatch.setattr(getpass, "getpass", answer)
    ran = cells("%glm login z.ai --remember")
    assert asked == ["API key for z.ai: "]
    assert "key from login. It is kept in the keyring." in ran.out
    assert FakeKeyring.kept == {("glm-magics", "z.ai"): "typed-key"}
    cells("%glm login z.ai --new")
    assert len(asked) == 2


def test_login_for_another_server_is_found_again(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "typed-key")
    cells(f"%glm login {LOCAL} --remember")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: pytest.fail("asked again"))
    assert "key from keyring" in cells(f"%glm login {LOCAL}").out


def test_login_where_nobody_can_be_asked_names_the_variable(
    cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StdinNotImplementedError(NotImplementedError):
        """As ipykernel's."""

    def refuse(prompt: str) -> str:
        raise StdinNotImplementedError(
            "getpass was called, but this frontend does not support input requests."
        )

    monkeypatch.setattr(getpass, "getpass", refuse)
    ran = cells("%glm login bigmodel")
    assert isinstance(ran.error, SettingError)
    assert "Set ZHIPUAI_API_KEY before the kernel starts." in ran.out
    assert "Traceback" not in ran.text


def test_a_keyring_that_refuses_does_not_show_the_key(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FakeKeyring, service: str, name: str, secret: str) -> None:
        raise RuntimeError(f"cannot store {secret}")

    monkeypatch.setattr(FakeKeyring, "set_password", refuse)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "typed-secret-key")
    ran = cells("%glm login --remember")
    assert isinstance(ran.error, SettingError)
    assert "typed-secret-key" not in ran.text


def test_a_colab_secret_is_used_where_there_is_one(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    userdata = types.SimpleNamespace(get={"ZAI_API_KEY": "from-colab"}.__getitem__)
    module = types.ModuleType("google.colab")
    module.userdata = userdata  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    assert "key from Colab secrets" in cells("%glm login z.ai").out


# A server that is no GLM platform


def openai_server(models: list[str]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/models"):
            return httpx.Response(200, json={"data": [{"id": name} for name in models]})
        body = json.loads(request.content)
        assert "thinking" not in body
        events = [
            {
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hello"}}],
                "model": body["model"],
            },
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ]
        lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        return httpx.Response(
            200, headers={"Content-Type": "text/event-stream"}, text=f"{lines}data: [DONE]\n\n"
        )

    return httpx.MockTransport(answer)


def test_the_only_model_of_a_server_needs_no_name(cells: Cells) -> None:
    api.use_client(connect(LOCAL, transport=openai_server(["local-model"])))
    completion = cells("%glm hi").value
    assert (completion.text, completion.model, completion.cost) == ("hello", "local-model", None)


def test_of_several_models_one_has_to_be_named(cells: Cells) -> None:
    api.use_client(connect(LOCAL, transport=openai_server(["a", "b"])))
    ran = cells("%glm hi")
    assert isinstance(ran.error, SettingError)
    assert "%glm use NAME" in ran.out
    assert "a, b" in ran.out
    cells("%glm use b")
    assert cells("%glm hi").value.model == "b"


def test_connect_says_that_a_model_has_to_be_chosen(cells: Cells) -> None:
    ran = cells(f"%glm connect {LOCAL}")
    assert ran.out.startswith("Connected: localhost:8000.")
    assert "%glm use NAME" in ran.out


def test_a_connection_that_fails_leaves_the_session_as_it_was(cells: Cells) -> None:
    before = api.session().client
    for line in ("connect nowhere", "connect z.ai", "connect demo --tier nope", "demo fault nope"):
        assert isinstance(cells(f"%glm {line}").error, GLMError)
        assert api.session().client is before


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        pytest.param({"GLM_CACHE": "/somewhere/else"}, Path("/somewhere/else"), id="named"),
        pytest.param({"XDG_CACHE_HOME": "/caches"}, Path("/caches/glm-magics"), id="xdg"),
        pytest.param({}, Path.home() / ".cache" / "glm-magics", id="home"),
    ],
)
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other systems have other places")
def test_answers_are_kept_where_the_system_wants_caches(environ: dict[str, str], folder: Path) -> None:
    assert _connect.cache_folder(environ) == folder
