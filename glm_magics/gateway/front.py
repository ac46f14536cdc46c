"""What stands before LiteLLM: three addresses, a token for each, and no header that tells of the platform.

    POST /gateway/v1/chat/completions   a question, written anew (`body`) and passed to LiteLLM
    GET  /gateway/v1/models             the student's tiers
    GET  /gateway/v1/student/usage      the student's own money

LiteLLM's other hundreds of addresses are not reachable through it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from glm_magics.errors import AuthenticationError, GLMError, RequestError
from glm_magics.gateway.body import encoded, understood
from glm_magics.gateway.desk import Desk
from glm_magics.gateway.refusals import Refusal, refusal
from glm_magics.gateway.roster import Student

__all__ = ["MOST_BYTES", "PREFIX", "VISIT", "Front"]

PREFIX = "/gateway/v1"
VISIT = "glm_visit"  # the id of a visit, in the scope of its request and with what LiteLLM knows of its user
MOST_BYTES = 32 * 1024 * 1024

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_HEADERS = frozenset({b"content-type", b"content-length", b"retry-after", b"date", b"cache-control"})


class Front:
    """An ASGI application before another one."""

    def __init__(self, app: App, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            student = self._student(scope)
            match scope["method"], scope["path"].removeprefix(PREFIX):
                case "POST", "/chat/completions":
                    await self._pass_on(student, scope, receive, send)
                case "GET", "/models":
                    models = [{"id": tier, "object": "model", "owned_by": "glm"} for tier in student.tiers]
                    await _send_json(send, 200, {"object": "list", "data": models})
                case "GET", "/student/usage":
                    await _send_json(send, 200, self._desk.usage(student))
                case _:
                    await _refuse(send, Refusal(404, "not_passed_on", "This gateway has no such address."))
        except GLMError as error:
            await _refuse(send, refusal(error))

    def _student(self, scope: Mapping[str, Any]) -> Student:
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        student = self._desk.student(given.removeprefix("Bearer ").strip())
        if student is None:
            raise AuthenticationError("This gateway does not know your token. Ask your teacher for it.")
        return student

    async def _pass_on(
        self, student: Student, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        request = understood(await _body(receive))
        body = encoded(request)
        with self._desk.visit(student, request) as visit:
            inner = {
                **scope,
                "path": "/v1/chat/completions",
                "raw_path": b"/v1/chat/completions",
                "query_string": b"",
                "headers": [
                    (b"host", b"gateway"),
                    (b"authorization", b"Bearer visit"),
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()),
                ],
                VISIT: visit.id,
            }
            await self._app(inner, _replay(body, receive), _without_headers(send))


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise RequestError(f"The request is larger than {MOST_BYTES:,} bytes.")
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The new body first; then what the server says, which is when the student goes away."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _without_headers(send: Send) -> Send:
    """LiteLLM's headers name the platform's address, the model's id and prices: they stay here."""

    async def pass_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if name.lower() in _HEADERS]
            message = {**message, "headers": kept}
        await send(message)

    return pass_on


async def _refuse(send: Send, refused: Refusal) -> None:
    await _send_json(send, refused.status, refused.body(), refused.headers)


async def _send_json(
    send: Send, status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> None:
    body = json.dumps(content, ensure_ascii=False).encode()
    more = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
