"""What a request may hold: everything that reaches LiteLLM is written anew from what was understood.

LiteLLM takes instructions to itself in the body of a request (other addresses, fallbacks, retries, several
answers), and GLM takes tools with a price of their own. None of these may pass a student's budget by, so a
field that is not known here is refused, by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from glm_magics import _wire
from glm_magics.chat import ChatRequest
from glm_magics.errors import RequestError

__all__ = ["encoded", "understood"]

_TAKEN = frozenset(
    {
        *("model", "messages", "stream", "temperature", "top_p", "max_tokens", "stop", "tools"),
        *("response_format", "reasoning_effort", "thinking", "do_sample", "tool_stream"),
    }
)
_DROPPED = frozenset({"request_id", "user_id", "user", "stream_options"})  # set by the gateway, or not needed
_PARTS = frozenset({"text", "image_url"})
_FORMATS = ("text", "json_object")


def understood(raw: bytes) -> ChatRequest:
    """The request in a body of any dialect of `_wire`. Raises `RequestError` for what may not pass."""
    try:
        body = _flat(json.loads(raw))
        _check(body)
        return _wire.decode_request(body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise RequestError(f"The request is not of the form that the API takes ({problem[:200]}).")


def encoded(request: ChatRequest) -> bytes:
    """The body for LiteLLM, with GLM's own fields where LiteLLM passes them on."""
    return json.dumps(_wire.encode_request(request, "gateway")).encode()


def _flat(body: dict[str, Any]) -> dict[str, Any]:
    """The body as GLM takes it: fields that other dialects put elsewhere are moved to where they belong."""
    body = {name: value for name, value in body.items() if value is not None}
    body |= body.pop("extra_body", {})
    template = body.pop("chat_template_kwargs", {})
    if "enable_thinking" in template:
        body["thinking"] = {"type": "enabled" if template["enable_thinking"] else "disabled"}
    if "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
    for name, only in (("n", 1), ("tool_choice", "auto")):
        if body.get(name) == only:
            del body[name]
    return {name: value for name, value in body.items() if name not in _DROPPED}


def _check(body: Mapping[str, Any]) -> None:
    unknown = sorted(body.keys() - _TAKEN)
    if unknown:
        raise RequestError(f"This gateway does not pass on {unknown[0]!r}.")
    if any(tool["type"] != "function" or not tool["function"]["name"] for tool in body.get("tools", ())):
        raise RequestError("This gateway passes on tools that are functions, no others.")
    if body.get("response_format", {"type": "text"})["type"] not in _FORMATS:
        raise RequestError(f"The response_format has to be {' or '.join(_FORMATS)}.")
    most = body.get("max_tokens", 1)
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise RequestError(f"max_tokens has to be a whole number, 1 or more, not {most!r}.")
    for message in body["messages"]:
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        if any(part["type"] not in _PARTS for part in parts):
            raise RequestError("This gateway passes on text and images, no other parts of a message.")
