"""What a student's notebook shows of the gateway of a class: the money left, and refusals in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from conftest import Cells

from glm_magics import _wire, api, retry
from glm_magics._connect import connect
from glm_magics.errors import ProtocolError
from glm_magics.keys import ApiKey

MONEY = {"currency": "CNY", "limit": "2.00", "spent": "0.25", "reserved": "0.05", "requests": 7}


@contextmanager
def gateway(status: int, body: Any) -> Iterator[str]:
    """A server that gives the same answer to every GET; yields what a student's GLM_BASE_URL would be."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *words: object) -> None:
            """No noise in the output of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/gateway/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_card_and_the_budget_show_what_the_gateway_says_is_left(cells: Cells) -> None:
    with gateway(200, MONEY) as url:
        api.connect(url, key="student-token", currency="CNY")
        for command in ("%glm", "%glm budget"):
            assert "1.70 CNY left of 2.00 CNY after 0.25 CNY in 7 requests" in cells(command).out


def test_a_gateway_that_does_not_say_is_one_line(cells: Cells) -> None:
    with gateway(404, {"detail": "Not Found"}) as url:
        api.connect(url, key="student-token", currency="CNY")
        assert "gateway   does not say what is left: The server says: Not Found\n" in cells("%glm").out


def test_other_servers_are_not_asked_for_an_allowance(cells: Cells) -> None:
    assert "gateway" not in cells("%glm").out


@pytest.mark.parametrize("body", [[], {}, MONEY | {"limit": "much"}, MONEY | {"spent": None}])
def test_an_allowance_of_another_form_is_an_error(body: Any) -> None:
    with gateway(200, body) as url, pytest.raises(ProtocolError, match="budget"):
        connect(url, key=ApiKey("student-token", source="test")).allowance()


def test_every_word_of_a_gateway_has_a_rule_and_its_own_hint() -> None:
    for word in _wire.GATEWAY_CODES:
        assert word in retry.rule_for(word, 200).codes
    assert "GLM_API_KEY" in retry.error_for("unknown_token", 401, "no").hint
