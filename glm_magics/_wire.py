"""The JSON of the API, both ways: the only module of the client that knows its key names.

Facts: docs.z.ai and docs.bigmodel.cn, "chat completion"; shapes of other servers (vLLM, transformers,
llama.cpp, LiteLLM) as they were seen on the wire.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from glm_magics.chat import (
    ChatRequest,
    ContentPart,
    Cost,
    Event,
    Finished,
    ImagePart,
    Message,
    ReasoningDelta,
    SearchResult,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
)

if TYPE_CHECKING:
    from glm_magics.shared_budget import Standing

__all__ = [
    "ALLOWANCE_PATH",
    "CHAT_PATH",
    "GATEWAY_CODES",
    "TOKENIZER_PATH",
    "Dialect",
    "Failure",
    "allowance",
    "decode_request",
    "encode_request",
    "events",
    "failure",
    "identity",
    "unwrapped",
    "usage",
    "usage_object",
]

Dialect = Literal["glm", "openai", "gateway"]
"""Who listens: the GLM platform, a plain OpenAI-compatible server, or a LiteLLM gateway before GLM."""

GATEWAY_CODES = frozenset(
    {
        # glm_magics.gateway
        *("budget_exceeded", "tier_not_allowed", "rate_limit", "unknown_token", "upstream_key"),
        *("not_passed_on", "stream_cut"),
        # LiteLLM with a database of its own, beside "budget_exceeded"
        *("key_model_access_denied", "token_not_found_in_db", "expired_key"),
    }
)
"""Words in the place of a business code: what a gateway refuses by itself."""

CHAT_PATH = "/chat/completions"
ALLOWANCE_PATH = "/student/usage"
TOKENIZER_PATH = "/tokenizer"
MODELS_PATH = "/models"


# ------------------------------------------------------------------------------------------- requests


def encode_request(request: ChatRequest, dialect: Dialect = "glm") -> dict[str, Any]:
    """The JSON body. What a dialect does not know is left out, not sent and hoped for."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_encode_message(message, dialect) for message in request.messages],
        "stream": request.stream,
    }
    optional = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "stop": list(request.stop) or None,
        "tools": [_encode_tool(tool) for tool in request.tools] or None,
        "response_format": {"type": request.response_format} if request.response_format else None,
        "reasoning_effort": request.effort,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    body |= _DIALECT_FIELDS[dialect](request)
    return body | dict(request.extra)


def _glm_fields(request: ChatRequest) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "request_id": request.request_id,
        "user_id": request.user_id,
        "do_sample": request.do_sample,
        "tool_stream": True if request.tool_stream and request.stream else None,
    }
    if request.thinking is not None:
        fields["thinking"] = {"type": "enabled" if request.thinking else "disabled"}
    return {name: value for name, value in fields.items() if value is not None}


def _openai_fields(request: ChatRequest) -> dict[str, Any]:
    fields: dict[str, Any] = {"stream_options": {"include_usage": True}} if request.stream else {}
    if request.thinking is not None:  # vLLM, SGLang and llama.cpp pass this to GLM's chat template
        fields["chat_template_kwargs"] = {"enable_thinking": request.thinking}
    return fields


def _gateway_fields(request: ChatRequest) -> dict[str, Any]:
    fields: dict[str, Any] = {"stream_options": {"include_usage": True}} if request.stream else {}
    if request.thinking is not None:  # LiteLLM answers 500 to a `thinking` at the top level
        fields["extra_body"] = {"thinking": {"type": "enabled" if request.thinking else "disabled"}}
    return fields


_DIALECT_FIELDS = {"glm": _glm_fields, "openai": _openai_fields, "gateway": _gateway_fields}


def _encode_message(message: Message, dialect: Dialect) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": _encode_content(message.content, dialect)}
    if message.reasoning is not None:
        body["reasoning_content"] = message.reasoning
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body


def _encode_content(content: str | tuple[ContentPart, ...], dialect: Dialect) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    return [_encode_part(part, dialect) for part in content]


def _encode_part(part: ContentPart, dialect: Dialect) -> dict[str, Any]:
    """GLM gets bare base64, as docs.bigmodel.cn has it and the vendor's SDK sends it; others the data URI."""
    if isinstance(part, ImagePart):
        url = _DATA_URI.sub("", part.url) if dialect == "glm" else part.url
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "text", "text": part.text}


_DATA_URI = re.compile(r"^data:image/(?:png|jpeg|gif|webp);base64,")
# How base64 begins for the first bytes of each format, so that a data URI comes back from bare base64.
_BASE64_HEADS = {"iVBORw0KGgo": "png", "/9j/": "jpeg", "R0lGODdh": "gif", "R0lGODlh": "gif", "UklGR": "webp"}


def _encode_tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def decode_request(body: Mapping[str, Any]) -> ChatRequest:
    """The request a body stands for: `decode_request(encode_request(r)) == r` for the GLM dialect.

    For a body that is known to be well-formed; it raises `KeyError` or `TypeError` otherwise.
    """
    thinking = body.get("thinking")
    response_format = body.get("response_format")
    return ChatRequest(
        model=body["model"],
        messages=tuple(_decode_message(message) for message in body["messages"]),
        stream=bool(body.get("stream", False)),
        thinking=thinking["type"] == "enabled" if thinking else None,
        effort=body.get("reasoning_effort"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        do_sample=body.get("do_sample"),
        max_tokens=body.get("max_tokens"),
        stop=tuple(body.get("stop") or ()),
        tools=tuple(_decode_tool(tool["function"]) for tool in body.get("tools") or () if "function" in tool),
        tool_stream=bool(body.get("tool_stream", False)),
        response_format=response_format["type"] if response_format else None,
        request_id=body.get("request_id"),
        user_id=body.get("user_id"),
        extra={name: value for name, value in body.items() if name not in _KNOWN_FIELDS},
    )


_KNOWN_FIELDS = frozenset(
    {
        *("model", "messages", "stream", "thinking", "reasoning_effort", "temperature", "top_p", "do_sample"),
        *("max_tokens", "stop", "tools", "tool_stream", "response_format", "request_id", "user_id"),
    }
)


def _decode_message(body: Mapping[str, Any]) -> Message:
    content = body.get("content")
    return Message(
        role=body["role"],
        content=tuple(_decode_part(part) for part in content) if isinstance(content, list) else content or "",
        reasoning=body.get("reasoning_content"),
        tool_calls=tuple(
            ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in body.get("tool_calls") or ()
        ),
        tool_call_id=body.get("tool_call_id"),
    )


def _decode_part(part: Mapping[str, Any]) -> ContentPart:
    if part["type"] == "image_url":
        url = part["image_url"]["url"]
        kind = next((kind for head, kind in _BASE64_HEADS.items() if url.startswith(head)), None)
        return ImagePart(f"data:image/{kind};base64,{url}" if kind else url)
    return TextPart(part.get("text", ""))


def _decode_tool(function: Mapping[str, Any]) -> Tool:
    return Tool(function["name"], function.get("description", ""), function.get("parameters") or {})


# -------------------------------------------------------------------------------------------- answers


def events(body: Mapping[str, Any]) -> list[Event]:
    """The events in one chunk of a stream, or in a whole answer, in reading order.

    Survives what servers send: no `choices` or an empty list, null fields, `reasoning` for
    `reasoning_content`, text as a list of parts, tool arguments as an object, a reason of "".
    """
    found: list[Event] = []
    searched = body.get("web_search")
    if isinstance(searched, list):
        found += [_search_result(result) for result in searched if isinstance(result, dict)]
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return found
    choice = choices[0]
    delta = choice.get("delta") or choice.get("message")
    if isinstance(delta, dict):
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning and isinstance(reasoning, str):
            found.append(ReasoningDelta(reasoning))
        content = delta.get("content")
        if content:
            text = content if isinstance(content, str) else _joined(content)
            if text:
                found.append(TextDelta(text))
        calls = delta.get("tool_calls")
        if isinstance(calls, list):
            found += [_tool_call(call) for call in calls if isinstance(call, dict)]
    reason = choice.get("finish_reason")
    if reason and isinstance(reason, str):
        found.append(Finished(reason))
    return found


def _joined(content: Any) -> str:
    """The text of a content that came as a list of parts."""
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _tool_call(call: Mapping[str, Any]) -> ToolCallDelta:
    function = call.get("function")
    if not isinstance(function, dict):
        function = {}
    arguments = function.get("arguments")
    if isinstance(arguments, (dict, list)):  # documented so on docs.z.ai; the wire has a string
        arguments = json.dumps(arguments, ensure_ascii=False)
    index = call.get("index")
    return ToolCallDelta(
        index=index if isinstance(index, int) else -1,
        id=_text(call.get("id")),
        name=_text(function.get("name")),
        arguments=arguments if isinstance(arguments, str) else _text(arguments),
    )


def _search_result(result: Mapping[str, Any]) -> SearchResult:
    fields = ("title", "link", "content", "media", "refer", "publish_date")
    return SearchResult(**{name: _text(result.get(name)) for name in fields})


def _text(value: Any) -> str:
    """A short field as text that can be printed: halves of characters are replaced."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def usage_object(body: Any) -> dict[str, Any] | None:
    """The token counts in a chunk or answer as the server wrote them, if it has any."""
    counts = body.get("usage") if isinstance(body, dict) else None
    return counts if isinstance(counts, dict) else None


def usage(body: Any) -> Usage | None:
    """The token counts in a chunk or answer, if it has any."""
    counts = usage_object(body)
    if counts is None:
        return None
    return Usage(
        input_tokens=_count(counts, "prompt_tokens"),
        cached_tokens=_count(counts.get("prompt_tokens_details"), "cached_tokens"),
        output_tokens=_count(counts, "completion_tokens"),
        reasoning_tokens=_count(counts.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _count(counts: Any, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and value > 0 else 0


def allowance(body: Any) -> Standing | None:
    """What the gateway of a class says of a student's money; None where it is not of that form."""
    from glm_magics.shared_budget import Standing

    try:
        limit, spent, reserved = (
            Cost(Decimal(body[name]), body["currency"]) for name in ("limit", "spent", "reserved")
        )
        return Standing(limit, spent, reserved, int(body["requests"]))
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def model_ids(body: Any) -> tuple[str, ...]:
    """The ids in an answer to GET /models."""
    rows = body.get("data") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        return ()
    return tuple(_text(row.get("id")) for row in rows if isinstance(row, dict))


def identity(body: Mapping[str, Any]) -> tuple[str, str, str]:
    """`(id, request_id, model)` as the server gave them; "" for what is missing."""
    return _text(body.get("id")), _text(body.get("request_id")), _text(body.get("model"))


@dataclass(frozen=True, slots=True)
class Failure:
    """What a server said about an error. `code` is the business code where it is one of the platform's."""

    message: str
    code: str | None = None
    request_id: str | None = None


def failure(body: Any) -> Failure | None:
    """The error in a body, in any of the shapes in use; None when it holds none.

    `{"error": {"code": "1214", "message": …}}`, `{"error": "Unauthorized"}`, `{"detail": …}`,
    `{"code": 1001, "msg": …, "success": false}`; a LiteLLM gateway says `{"error": {"type": …}}`.
    """
    if not isinstance(body, dict):
        return None
    request_id = _text(body.get("request_id")) or None
    error = body.get("error")
    if isinstance(error, dict):
        message = unwrapped(_text(error.get("message"))) or json.dumps(error)
        return Failure(message, _word(error.get("code")) or _word(error.get("type")), request_id)
    if error:
        return Failure(_text(error), None, request_id)
    if body.get("choices") is not None:
        return None
    if "detail" in body:
        detail = body["detail"]
        text = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
        return Failure(_text(text), None, request_id)
    if "code" in body and ("msg" in body or "message" in body or body.get("success") is False):
        return Failure(_text(body.get("msg") or body.get("message")), _code(body["code"]), request_id)
    return None


def unwrapped(message: str) -> str:
    """What the platform said, out of what LiteLLM puts around it."""
    if not message.startswith("litellm."):
        return message
    return _WRAPPING.sub("", message.partition("\n\nLiteLLM:")[0]) or message


_WRAPPING = re.compile(r"^litellm\.\w+: (?:\w+(?:Error|Exception): )?(?:\w+Exception - )?")


def _word(value: Any) -> str | None:
    """A gateway's word for its own refusal, or the platform's code."""
    return value if isinstance(value, str) and value in GATEWAY_CODES else _code(value)


def _code(value: Any) -> str | None:
    """The platform's codes have four digits, mostly as strings; three are other servers' HTTP statuses."""
    text = _text(value)
    return text if text.isdigit() and len(text) == 4 else None
