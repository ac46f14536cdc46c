"""A class at the real LiteLLM proxy, in a process of its own, with the demo engine in the platform's place.

LiteLLM needs other packages than glm_magics, so it has an environment of its own: `bash .ci/test` makes it in
`.venv-gateway`; GATEWAY_PYTHON names the interpreter of another one. Without it, these tests fail.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from glm_magics import api
from glm_magics._session import Session
from glm_magics._tiers import tiers
from glm_magics.demo import Engine
from glm_magics.demo.response import Response
from glm_magics.demo.server import serve
from glm_magics.errors import (
    AccessDenied,
    AccountError,
    AuthenticationError,
    BudgetExceeded,
    GLMError,
    IncompleteStream,
    RateLimitError,
    RequestError,
)
from glm_magics.gateway.tokens import read_tokens

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "notebooks" / "workshop" / "gateway"
PYTHON = os.environ.get("GATEWAY_PYTHON") or str(ROOT / ".venv-gateway" / "bin" / "python")
KEY = "c1a55r00mteacherkey.0nlyTheGatewayHasThis"
CLASS = [f"s{number:02}" for number in range(30)]
FEW = [f"t{number}" for number in range(4)]
BUDGET = Decimal("0.0013")
ROSTER = """
platform = "bigmodel"
tiers = ["glm-4.5-air"]
budget = 0.0013
requests_a_minute = 10000
at_once = 4
max_tokens = 200
[students.anna]
budget = 1
max_tokens = 2000
[students.quick]
requests_a_minute = 3
[students.poor]
budget = 0.00001
[students.patient]
budget = 1
at_once = 1
""" + "".join(f"[students.{name}]\n" for name in [*CLASS, *FEW])  # fmt: skip


class Platform:
    """The engines that take turns at one address."""

    def __init__(self) -> None:
        self.use()

    def use(self, *faults: str | None, **settings: Any) -> None:
        """From now on, one engine for each of these faults, in turn."""
        settings = {"keys": (KEY,), "pace": 0, "most_in_flight": 1_000} | settings
        self.asked = 0
        self._engines = cycle([Engine(fault=fault, **settings) for fault in faults or (None,)])

    def handle(self, *request: Any) -> Response:
        self.asked += 1
        return next(self._engines).handle(*request)


class Outside:
    """A proxy to the rest of the world that lets nothing through and counts who asked."""

    def __init__(self) -> None:
        self.asked = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._refuse, daemon=True).start()

    def _refuse(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            self.asked += 1
            connection.close()


class Gateway:
    def __init__(
        self, url: str, tokens: dict[str, str], platform: Platform, log: Path, outside: Outside
    ) -> None:
        self.outside = outside
        self.url = url
        self.tokens = tokens
        self.platform = platform
        self.log = log

    def get(self, name: str, path: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=self.headers(name))

    def ask(self, name: str, **more: Any) -> httpx.Response:
        question = {"model": "glm-4.5-air", "messages": [{"role": "user", "content": "what is 6 * 7"}]}
        return httpx.post(
            f"{self.url}/chat/completions", headers=self.headers(name), json=question | more, timeout=60
        )

    def headers(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.get(name, name)}"}

    def spent(self, name: str) -> Decimal:
        usage = self.get(name, "/student/usage").json()
        assert Decimal(usage["reserved"]) == 0
        return Decimal(usage["spent"])


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    if not Path(PYTHON).is_file():
        pytest.fail(f"There is no {PYTHON} with LiteLLM: `bash .ci/test` makes it, or set GATEWAY_PYTHON.")
    folder, port = tmp_path_factory.mktemp("class"), free_port()
    (folder / "class.toml").write_text(ROSTER)
    platform = Platform()
    log = folder / "log"
    command = [PYTHON, "-m", "glm_magics.gateway", "class.toml", "--config", str(SHIPPED / "config.yaml")]
    with serve(platform, port=0) as upstream, log.open("w") as output:  # type: ignore[arg-type]
        environ = {
            name: value for name, value in os.environ.items() if not name.upper().endswith(("_PROXY", "_KEY"))
        }
        outside = Outside()
        environ |= {"HTTP_PROXY": outside.url, "HTTPS_PROXY": outside.url, "NO_PROXY": "127.0.0.1"}
        environ |= {"PYTHONPATH": str(ROOT), "GLM_UPSTREAM_URL": upstream, "GLM_UPSTREAM_KEY": KEY}
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=folder, env=environ, stdout=output, stderr=output
        )
        try:
            url = f"http://127.0.0.1:{port}/gateway/v1"
            wait_for(url, process, log)
            yield Gateway(url, read_tokens(folder / "class.tokens.csv"), platform, log, outside)
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1_200):
        if process.poll() is not None:
            break
        try:
            httpx.get(url + "/models")
            return
        except httpx.ConnectError:
            time.sleep(0.2)
    pytest.fail(f"The gateway did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture
def student(gateway: Gateway, bare_environment: None) -> Callable[..., Session]:
    """Connects as a student's notebook does."""
    gateway.platform.use()

    def connect(name: str) -> Session:
        return api.connect(
            gateway.url, key=gateway.tokens.get(name, name), currency="CNY", tier="glm-4.5-air"
        )

    return connect


def refused(kind: type[GLMError], **options: Any) -> str:
    """The first line of the error that a question ends with."""
    with pytest.raises(kind) as caught:
        api.ask("what is 6 * 7", **options)
    assert KEY not in str(caught.value)
    assert "litellm" not in str(caught.value).lower()
    return str(caught.value).splitlines()[0]


def test_the_configuration_has_the_current_chat_tiers() -> None:
    config = yaml.safe_load((SHIPPED / "config.yaml").read_text())
    current = [t.id for t in tiers() if t.status == "listed" and t.prices and t.max_output]
    assert [model["model_name"] for model in config["model_list"]] == current
    for model in config["model_list"]:
        assert model["litellm_params"]["model"] == f"openai/{model['model_name']}"
        assert model["litellm_params"]["api_key"] == "os.environ/GLM_UPSTREAM_KEY"


def test_the_prices_for_litellms_own_database_are_those_of_the_table() -> None:
    config = yaml.safe_load((SHIPPED / "config-database.yaml").read_text())
    known = [t for t in tiers() if t.status == "listed" and "USD" in t.prices and t.max_output]
    assert [model["model_name"] for model in config["model_list"]] == [tier.id for tier in known]
    for model, tier in zip(config["model_list"], known, strict=True):
        steps = tier.prices["USD"].steps
        shown = [model["model_info"][f"{side}_cost_per_token"] for side in ("input", "output")]
        dearest = [max(step.input for step in steps), max(step.output for step in steps)]
        assert [Decimal(str(price)) * 1_000_000 for price in shown] == dearest


def test_thinking_streaming_and_usage_pass_through(student: Callable[..., Session], gateway: Gateway) -> None:
    session, before = student("anna"), gateway.spent("anna")
    thought = api.ask("what is 6 * 7", think=True)
    assert "**42**" in thought.text
    assert thought.reasoning
    assert thought.usage.reasoning_tokens > 0
    quick = api.ask("what is 6 * 7", think=False)
    assert not quick.reasoning
    assert thought.cost is not None
    assert quick.cost is not None
    assert gateway.spent("anna") - before == thought.cost.amount + quick.cost.amount
    assert session.client.allowance().spent.amount == gateway.spent("anna")


def test_a_whole_answer_is_counted_like_a_stream(student: Callable[..., Session], gateway: Gateway) -> None:
    student("anna")
    before = gateway.spent("anna")
    usage = gateway.ask("anna").json()["usage"]
    price = tiers().find("glm-4.5-air").prices["CNY"]
    assert usage["completion_tokens"] > 0
    counted = gateway.spent("anna") - before
    assert 0 < counted <= price.ceiling(usage["prompt_tokens"], usage["completion_tokens"]).amount


def test_the_models_listed_are_the_students_own(student: Callable[..., Session]) -> None:
    assert student("anna").client.models() == ("glm-4.5-air",)


def test_refusals_of_the_gateway_are_clear_and_cost_nothing(
    student: Callable[..., Session], gateway: Gateway
) -> None:
    student("anna")
    before = gateway.spent("anna")
    assert "'glm-5.3' is not among the tiers of this class" in refused(AccessDenied, tier="glm-5.3")
    assert gateway.spent("anna") == before
    student("poor")
    assert "of your budget of 0.000010 CNY is left: too little" in refused(BudgetExceeded)
    student("glm-class-of-somebody-else")
    assert "does not know your token" in refused(AuthenticationError)
    assert gateway.platform.asked == 0


def test_a_student_asks_so_many_times_a_minute(student: Callable[..., Session], gateway: Gateway) -> None:
    student("quick").client.pause = lambda aborted, seconds: True
    for _ in range(3):
        api.ask("what is 6 * 7")
    spent = gateway.spent("quick")
    assert "as many requests as the class allows in a minute" in refused(RateLimitError)
    assert gateway.spent("quick") == spent
    assert int(gateway.ask("quick").headers["retry-after"]) > 0


def test_a_wrong_key_of_the_teacher_is_told_without_the_key(
    student: Callable[..., Session], gateway: Gateway
) -> None:
    student("anna")
    before = gateway.spent("anna")
    gateway.platform.use(keys=("another.keyOfThePlatform",))
    for _ in range(3):  # LiteLLM would answer 429 to the second, if it set the model aside for a while
        assert "The platform does not accept the key of this gateway. Tell your teacher" in refused(
            AccountError
        )
    assert gateway.spent("anna") == before
    gateway.platform.use()
    assert "42" in api.ask("what is 6 * 7").text


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        pytest.param("1302", RateLimitError, "Rate limit reached", id="busy"),
        pytest.param("1113", AccountError, "balance", id="no-balance"),
        pytest.param("1301", RequestError, "", id="unsafe"),
        pytest.param("500", GLMError, "Internal error", id="platform-error"),
    ],
)
def test_refusals_of_the_platform_keep_their_code_and_cost_nothing(
    student: Callable[..., Session], gateway: Gateway, fault: str, kind: type[GLMError], says: str
) -> None:
    student("anna").client.pause = lambda aborted, seconds: True
    before = gateway.spent("anna")
    gateway.platform.use(fault)
    message = refused(kind)
    assert says.lower() in message.lower()
    assert (f"code {fault}" in message) == (len(fault) == 4)
    assert gateway.spent("anna") == before


@pytest.mark.parametrize("fault", ["cut", "reset", "midstream-error"])
def test_an_answer_that_broke_off_is_no_whole_one_and_is_counted(
    student: Callable[..., Session], gateway: Gateway, fault: str
) -> None:
    student("anna")
    before = gateway.spent("anna")
    gateway.platform.use(fault)
    with pytest.raises(GLMError) as caught:
        api.ask("what is 6 * 7")
    if fault == "cut":
        assert isinstance(caught.value, IncompleteStream)
    assert caught.value.completion is not None
    if fault != "reset":  # a TCP reset may take along what had come and was not read yet
        assert caught.value.completion.reasoning
    assert gateway.spent("anna") > before


def test_a_student_who_leaves_pays_what_was_set_aside_and_can_ask_again(
    student: Callable[..., Session], gateway: Gateway
) -> None:
    student("patient")
    gateway.platform.use(answer_seconds=30)
    question = {"model": "glm-4.5-air", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    with httpx.stream(
        "POST",
        f"{gateway.url}/chat/completions",
        headers=gateway.headers("patient"),
        json=question,
        timeout=60,
    ) as response:
        next(response.iter_bytes())
        assert gateway.ask("patient").json()["error"]["type"] == "rate_limit"
    gateway.platform.use()
    for _ in range(200):
        usage = gateway.get("patient", "/student/usage").json()
        if not Decimal(usage["reserved"]):
            break
        time.sleep(0.1)
    most = tiers().find("glm-4.5-air").prices["CNY"].ceiling(0, 200).amount
    assert gateway.spent("patient") >= most
    assert gateway.ask("patient").status_code == 200


def test_nothing_else_of_litellm_is_open_and_no_header_tells_of_the_platform(gateway: Gateway) -> None:
    gateway.platform.use()
    server = gateway.url.removesuffix("/gateway/v1")
    for path in (
        "/v1/chat/completions",
        "/key/generate",
        "/model/info",
        "/health",
        "/",
        "/ui",
        "/config/yaml",
    ):
        for method in ("GET", "POST"):
            answer = httpx.request(method, server + path, headers=gateway.headers("anna"))
            assert answer.status_code == 404, (method, path)
    for answer in (gateway.ask("anna"), gateway.ask("anna", stream=True), gateway.ask("anna", model="x")):
        kept = {"content-type", "content-length", "retry-after", "date", "cache-control", "transfer-encoding"}
        assert set(answer.headers) <= kept | {"connection"}
        assert KEY not in answer.text


def test_the_gateway_calls_nobody_but_the_platform(gateway: Gateway) -> None:
    gateway.platform.use()
    assert gateway.ask("anna").status_code == 200
    assert gateway.platform.asked == 1
    assert gateway.outside.asked == 0


CLIENT = """
import json, os
import glm_magics as glm
from glm_magics.errors import BudgetExceeded, GLMError

glm.connect(os.environ["GLM_BASE_URL"], tier="glm-4.5-air")
costs, said = [], []
for number in range(400):
    try:
        costs.append(str(glm.ask(f"what is {number} * 7", think=number % 3 != 0).cost.amount))
    except GLMError as error:
        said.append([type(error).__name__, str(error)])
        if isinstance(error, BudgetExceeded):
            break
print(json.dumps({"costs": costs, "said": said, "environ": dict(os.environ)}))
"""
CLEAR = re.compile(
    r"of your budget of 0\.0013 CNY is left|Internal error|Rate limit reached|before it was whole|[Cc]onnection"
)


@pytest.mark.parametrize(
    "students",
    [
        pytest.param(FEW, id="four"),
        pytest.param(CLASS, id="thirty", marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
def test_students_use_their_budgets_and_no_more_while_the_platform_fails(
    gateway: Gateway, students: list[str]
) -> None:
    good: list[str | None] = [None] * 4
    gateway.platform.use(*good, "1302", *good, "500", *good, "cut", *good, "reset")

    def attend(name: str) -> dict[str, Any]:
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"}
        environ |= {"GLM_BASE_URL": gateway.url, "GLM_API_KEY": gateway.tokens[name], "GLM_CURRENCY": "CNY"}
        done = subprocess.run(
            [sys.executable, "-c", CLIENT], env=environ, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert KEY not in done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    with ThreadPoolExecutor(len(students)) as pool:
        seen = dict(zip(students, pool.map(attend, students), strict=True))
    for name, notes in seen.items():
        spent = gateway.spent(name)
        assert BUDGET * Decimal("0.95") <= spent <= BUDGET
        assert sum(map(Decimal, notes["costs"])) <= BUDGET
        assert notes["said"][-1][0] == "BudgetExceeded"
        for _, message in notes["said"]:
            assert CLEAR.search(message.splitlines()[0]), message
    assert len({kind for notes in seen.values() for kind, _ in notes["said"]}) >= 3
    assert KEY not in gateway.log.read_text()
