"""The platform's rules for a request: a JSON body becomes an `Ask`, or a `Refusal` says what is wrong.

Rules follow docs.z.ai/api-reference/llm/chat-completion and docs.bigmodel.cn/api-reference. A field of the
wrong shape is 1214, a required one that is missing 1213, a parameter that the model does not take 1210.
Unknown fields pass, and so does `null` for any optional one: clients send both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from glm_magics._embedding_models import EmbeddingModel, embedding_models
from glm_magics._tier import Range, Tier
from glm_magics._tiers import Tiers
from glm_magics.demo.ask import Ask, Function, Turn
from glm_magics.demo.pictures import Picture, check_pictures, picture_at
from glm_magics.demo.refusals import Refusal, refuse
from glm_magics.image_header import MOST_IMAGE_TOKENS
from glm_magics.tokens import estimate

__all__ = [
    "checked",
    "embedding_input",
    "json_body",
    "prompt_size",
    "required_text",
    "tier_named",
    "tokenizer_input",
]

MOST_TOOLS = 128
_ROLES = ("system", "user", "assistant", "tool")
_PARTS = ("text", "image_url", "video_url", "file_url", "file", "input_audio")
_TOOL_TYPES = (
    "function",
    "web_search",
    "retrieval",
    "mcp",
    "code_interpreter",
    "web_browser",
    "drawing_tool",
)
_FORMATS = ("text", "json_object", "json_schema")
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SKIP_THINKING = ("none", "minimal")
_UNKNOWN_RANGES = {"temperature": (0.0, 1.0), "top_p": (0.01, 1.0)}


def json_body(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise refuse("1210", "The request body is not valid JSON") from None
    if not isinstance(value, dict):
        raise refuse("1210", "The request body must be a JSON object")
    return value


def required_text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        raise refuse("1213", f"The `{name}` parameter was not received properly.")
    if not isinstance(value, str) or not value:
        raise _invalid(name, "a non-empty string")
    return value


def tier_named(name: str, tiers: Tiers) -> Tier:
    """The tier whose id this is, in any case. Short names are the client's: the platform knows none."""
    tier = tiers.get(name.lower())
    if tier is None or tier.id.lower() != name.lower():
        raise refuse("1211")
    return tier


def checked(body: Mapping[str, Any], tiers: Tiers, *, currency: str = "CNY") -> Ask:
    """The request that `body` makes, once every rule holds. Raises `Refusal` for the first that does not.

    `currency` tells the two platforms apart, whose limits differ a little.
    """
    tier = tier_named(required_text(body, "model"), tiers)
    turns = _turns(body)
    functions, searches = _tools(body, tier)
    _sampling(body, tier)
    thinking, effort = _thinking(body, tier)
    _images(turns, tier, currency)
    ask = Ask(
        tier=tier,
        turns=turns,
        stream=_flag(body, "stream"),
        thinking=thinking,
        effort=effort,
        max_tokens=_max_tokens(body, tier),
        stop=_stop(body),
        functions=functions,
        searches=searches,
        tool_stream=_flag(body, "tool_stream") and tier.tool_stream is not False,
        json_mode=_format(body) == "json_object",
        json_schema=_schema(body),
        settings=_settings(body),
        request_id=_sized(body, "request_id", 6, 64),
        prompt_tokens=prompt_size(turns, body.get("tools")),
    )
    _sized(body, "user_id", 6, 128)
    if tier.context is not None and ask.prompt_tokens > tier.context:
        raise refuse("1261", f"Prompt exceeds max length: {ask.prompt_tokens} tokens of {tier.context}")
    return ask


def prompt_size(turns: tuple[Turn, ...], tools: object = None) -> int:
    """Tokens of a prompt: its words, four for each message's frame, its images, and its tools."""
    words = sum(estimate(turn.text) + estimate(turn.calls_text) + 4 for turn in turns)
    return words + _image_size(turns) + (estimate(json.dumps(tools, ensure_ascii=False)) if tools else 0)


def _image_size(turns: tuple[Turn, ...]) -> int:
    """Tokens of the images; of videos and files the demo knows no more than that they are large."""
    others = sum(len(turn.attached) - len(turn.pictures) for turn in turns)
    return sum(picture.tokens for turn in turns for picture in turn.pictures) + others * MOST_IMAGE_TOKENS


def _invalid(name: str, expected: str) -> Refusal:
    return refuse("1214", f"The `{name}` parameter is invalid: expected {expected}.")


def _not_taken(name: str, tier: Tier, reason: str) -> Refusal:
    return refuse("1210", f"Incorrect parameter `{name}`: {tier.id} {reason}.")


# Messages


def _turns(body: Mapping[str, Any]) -> tuple[Turn, ...]:
    messages = body.get("messages")
    if messages is None:
        raise refuse("1213", "The `messages` parameter was not received properly.")
    if not isinstance(messages, list):
        raise _invalid("messages", "an array")
    turns = tuple(_turn(message, f"messages[{n}]") for n, message in enumerate(messages))
    if not turns:
        raise refuse("1214", "Input cannot be empty")
    if all(turn.role in ("system", "assistant") for turn in turns):
        raise refuse("1214", "The messages must not be only system or assistant messages")
    return turns


def _turn(message: object, where: str) -> Turn:
    if not isinstance(message, dict):
        raise _invalid(where, "an object")
    role = message.get("role")
    if role not in _ROLES:
        raise _invalid(f"{where}.role", "one of " + ", ".join(_ROLES))
    calls = message.get("tool_calls")
    content = message.get("content")
    text, attached = _content(content, f"{where}.content", role, optional=bool(calls))
    answers = message.get("tool_call_id")
    if role == "tool" and not (isinstance(answers, str) and answers):
        raise refuse("1213", f"The `{where}.tool_call_id` parameter was not received properly.")
    if role == "user" and not text.strip() and not attached:
        raise refuse("1214", "Input cannot be empty")
    pictures = _pictures(content, f"{where}.content") if attached else ()
    return Turn(role, text, attached, pictures, answers or "", _called(calls, f"{where}.tool_calls"))


def _content(content: object, where: str, role: str, *, optional: bool) -> tuple[str, tuple[str, ...]]:
    """The words of a message and the kinds of its other parts."""
    if content is None and optional:
        return "", ()
    if isinstance(content, str):
        return content, ()
    if content is None:
        raise refuse("1213", f"The `{where}` parameter was not received properly.")
    if not isinstance(content, list) or not content:
        raise _invalid(where, "a string or an array of parts")
    kinds = tuple(_part_kind(part, where) for part in content)
    if role in ("tool", "assistant"):
        return (
            "",
            (),
        )  # the chat template drops lists here (vllm-project/vllm#39614), so the model never sees them
    text = "\n".join(part["text"] for part in content if part["type"] == "text")
    return text, tuple(kind for kind in kinds if kind != "text")


def _part_kind(part: object, where: str) -> str:
    if not isinstance(part, dict) or part.get("type") not in _PARTS:
        raise _invalid(where, "parts of type " + ", ".join(_PARTS))
    kind: str = part["type"]
    value = part.get(kind)
    if kind == "text" and not isinstance(value, str):
        raise _invalid(f"{where}.text", "a string")
    if kind != "text" and not isinstance(value, dict):
        raise _invalid(f"{where}.{kind}", "an object")
    if kind == "image_url" and not (
        isinstance(value, dict) and isinstance(value.get("url"), str) and value["url"]
    ):
        raise _invalid(f"{where}.image_url.url", "a URL, a data URI or base64")
    return kind


def _pictures(content: Any, where: str) -> tuple[Picture, ...]:
    """The images among the parts of a user's message."""
    return tuple(
        picture_at(part["image_url"]["url"], f"{where}.image_url")
        for part in content
        if part["type"] == "image_url"
    )


def _called(calls: object, where: str) -> tuple[tuple[str, str, str], ...]:
    if calls is None:
        return ()
    if not isinstance(calls, list):
        raise _invalid(where, "an array")
    return tuple(_call(call, where) for call in calls)


def _call(call: object, where: str) -> tuple[str, str, str]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        raise _invalid(where, "objects with `id`, `type` and `function`")
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, str):
        raise _invalid(f"{where}.function", "a `name` and `arguments`, both strings")
    return str(call.get("id") or ""), name, arguments


def _images(turns: tuple[Turn, ...], tier: Tier, currency: str) -> None:
    kinds = {kind for turn in turns for kind in turn.attached}
    if kinds and tier.vision is False:
        raise _not_taken("messages", tier, f"takes text only, not {', '.join(sorted(kinds))}")
    if kinds & {"file", "file_url"} and kinds & {"image_url", "video_url"}:
        raise refuse("1210", "Files cannot be mixed with images or videos in one request")
    check_pictures([picture for turn in turns for picture in turn.pictures], tier, currency)


# Parameters


def _sampling(body: Mapping[str, Any], tier: Tier) -> None:
    _in_range(body, "temperature", tier.temperature, tier)
    _in_range(body, "top_p", tier.top_p, tier)
    _flag(body, "do_sample")


def _in_range(body: Mapping[str, Any], name: str, allowed: Range | None, tier: Tier) -> None:
    value = body.get(name)
    if value is None:
        return
    low, high = (allowed.minimum, allowed.maximum) if allowed else _UNKNOWN_RANGES[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _invalid(name, "a number")
    if not low <= value <= high:
        raise _invalid(name, f"{low} to {high} for {tier.id}, not {value}")


def _thinking(body: Mapping[str, Any], tier: Tier) -> tuple[bool, str | None]:
    """Whether the model thinks, and how hard."""
    effort = _effort(body, tier)
    mode = body.get("thinking")
    if mode is None:
        return tier.can_think and effort not in _SKIP_THINKING, effort
    if not isinstance(mode, dict) or mode.get("type", "enabled") not in ("enabled", "disabled"):
        raise _invalid("thinking", 'an object with `type` "enabled" or "disabled"')
    if tier.thinking == "none":
        raise _not_taken("thinking", tier, "has no thinking mode")
    on = mode.get("type", "enabled") == "enabled"
    if not on and tier.thinking == "always":
        raise _not_taken("thinking", tier, "always thinks; it cannot be disabled")
    return on and effort not in _SKIP_THINKING, effort


def _effort(body: Mapping[str, Any], tier: Tier) -> str | None:
    effort = body.get("reasoning_effort")
    if effort is None:
        return None
    if not isinstance(effort, str):
        raise _invalid("reasoning_effort", "a string")
    if effort not in tier.efforts:
        takes = "takes " + ", ".join(tier.efforts) if tier.efforts else "has no reasoning effort"
        raise _not_taken("reasoning_effort", tier, takes)
    return effort


def _max_tokens(body: Mapping[str, Any], tier: Tier) -> int | None:
    value = body.get("max_tokens")
    if value is None:
        return None
    most = tier.max_output or tier.context
    if isinstance(value, bool) or not isinstance(value, int) or value < 1 or (most and value > most):
        raise _invalid("max_tokens", f"a whole number from 1 to {most}" if most else "a whole number above 0")
    return value


def _stop(body: Mapping[str, Any]) -> str | None:
    words = body.get("stop")
    if words is None:
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise _invalid("stop", "an array of strings")
    if len(words) > 1:
        raise _invalid("stop", "one stop word at most")
    return words[0] if words else None


def _format(body: Mapping[str, Any]) -> str:
    wanted = body.get("response_format")
    if wanted is None:
        return "text"
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in _FORMATS:
        raise _invalid("response_format", 'an object with `type` "text" or "json_object"')
    return str(kind)


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema in the response format. The platform ignores it; the writer need not."""
    wanted = (body.get("response_format") or {}).get("json_schema")
    schema = wanted.get("schema") if isinstance(wanted, dict) else None
    return schema if isinstance(schema, dict) and schema else None


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise _invalid(name, "true or false")
    return bool(value)


def _sized(body: Mapping[str, Any], name: str, shortest: int, longest: int) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise _invalid(name, f"a string of {shortest} to {longest} characters")
    return value


def _settings(body: Mapping[str, Any]) -> tuple[tuple[str, object], ...]:
    """The sampling settings as sent, for the explanation and the seed of the answer."""
    names = ("temperature", "top_p", "do_sample", "max_tokens", "stop", "seed", "reasoning_effort")
    return tuple((name, json.dumps(body[name])) for name in names if body.get(name) is not None)


# Tools


def _tools(body: Mapping[str, Any], tier: Tier) -> tuple[tuple[Function, ...], tuple[Mapping[str, Any], ...]]:
    tools = body.get("tools")
    if body.get("tool_choice") not in (None, "auto"):
        raise refuse("1210", "Incorrect parameter `tool_choice`: only auto is supported")
    if tools is None:
        return (), ()
    if not isinstance(tools, list) or len(tools) > MOST_TOOLS:
        raise _invalid("tools", f"an array of at most {MOST_TOOLS}")
    if tools and tier.tools is False:
        raise _not_taken("tools", tier, "calls no tools")
    for n, tool in enumerate(tools):
        if not isinstance(tool, dict) or tool.get("type") not in _TOOL_TYPES:
            raise _invalid(f"tools[{n}].type", "one of " + ", ".join(_TOOL_TYPES))
    functions = tuple(
        _function(tool, f"tools[{n}]") for n, tool in enumerate(tools) if tool["type"] == "function"
    )
    searches = tuple(tool["web_search"] for tool in tools if _asks_the_web(tool))
    return functions, searches


def _asks_the_web(tool: Mapping[str, Any]) -> bool:
    settings = tool.get("web_search")
    return tool["type"] == "web_search" and isinstance(settings, dict) and bool(settings.get("enable"))


def _function(tool: Mapping[str, Any], where: str) -> Function:
    function = tool.get("function")
    if not isinstance(function, dict):
        raise refuse("1213", f"The `{where}.function` parameter was not received properly.")
    name = function.get("name")
    if not isinstance(name, str) or not _FUNCTION_NAME.fullmatch(name):
        raise _invalid(f"{where}.function.name", "1 to 64 letters, digits, _ or -")
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise _invalid(f"{where}.function.parameters", "a JSON Schema object")
    return Function(name, str(function.get("description") or ""), parameters or {})


# Other endpoints


def tokenizer_input(body: Mapping[str, Any], tiers: Tiers, *, currency: str = "CNY") -> tuple[Tier, int, int]:
    """The tier, the tokens of the prompt, and those among them that are images."""
    tier = tier_named(required_text(body, "model"), tiers)
    turns = _turns(body)
    _tools(body, tier)
    _images(turns, tier, currency)
    return tier, prompt_size(turns, body.get("tools")), _image_size(turns)


def embedding_input(body: Mapping[str, Any]) -> tuple[EmbeddingModel, list[str], int]:
    """The model, the texts and the dimensions (docs.bigmodel.cn, text embedding)."""
    name = required_text(body, "model").lower()
    model = next((model for model in embedding_models() if model.id == name), None)
    if model is None:
        raise refuse("1211")
    texts = _texts_to_embed(body, model)
    wanted = model.dimensions[0] if body.get("dimensions") is None else body["dimensions"]
    if type(wanted) is not int or wanted not in model.dimensions:
        raise _invalid("dimensions", "one of " + ", ".join(map(str, sorted(model.dimensions))))
    return model, texts, wanted


def _texts_to_embed(body: Mapping[str, Any], model: EmbeddingModel) -> list[str]:
    given = body.get("input")
    if given is None:
        raise refuse("1213", "The `input` parameter was not received properly.")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise _invalid("input", "a non-empty string or an array of them")
    if not 1 <= len(texts) <= model.most_texts:
        raise _invalid("input", f"1 to {model.most_texts} texts")
    tokens = [estimate(text) for text in texts]
    if model.most_tokens is not None and max(tokens) > model.most_tokens:
        raise refuse("1261", f"Prompt exceeds max length: {model.most_tokens} tokens in each text")
    if model.most_request_tokens is not None and sum(tokens) > model.most_request_tokens:
        raise refuse("1261", f"Prompt exceeds max length: {model.most_request_tokens} tokens in all texts")
    return texts
