"""How a schema travels with a request, and what becomes of the answer: its value, or one more try.

GLM documents the JSON mode only (docs.z.ai, structured output); it accepts a `json_schema` and ignores it.
So the schema goes into the prompt, and the JSON mode is switched on where the tier has it. Other servers
get the schema as `json_schema` too, which many of them keep to while they decode. Where it is asked for, the
schema is the parameters of a function that the model is told to call; GLM documents the `tool_choice` "auto"
only (docs.z.ai, function calling), so there it may answer in text all the same, and then that is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

from glm_magics._lang import _
from glm_magics._wire import Dialect
from glm_magics.chat import ChatRequest, Completion, Message, TextPart, Tool
from glm_magics.errors import ParseError, RequestError, SettingError
from glm_magics.structured.parse import Parsed, parse
from glm_magics.structured.problems import Note
from glm_magics.structured.schema import Schema

__all__ = ["Form", "asking_for", "once_more", "value_of", "with_value"]

Form = Literal["json_schema", "json_object", "prompt", "tool"]

_MOST_PROBLEMS = 12
_NAME = "answer"


def asking_for(
    request: ChatRequest,
    schema: Schema,
    *,
    json_mode: bool | None,
    dialect: Dialect,
    form: Form | None = None,
    tools: bool | None = None,
) -> tuple[ChatRequest, Form]:
    """`request` with the schema in `form`; without one, in the strongest that the server documents.

    `json_mode` and `tools` are whether the tier has these (None: unknown). Raises `RequestError` for a form
    that it does not take.
    """
    if form is None:
        form = _usual(json_mode, dialect)
    else:
        _check(form, request.model, json_mode, tools, dialect)
    text = schema.tool_prompt(_NAME) if form == "tool" else schema.prompt()
    *before, last = request.messages
    asked = replace(request, messages=(*before, _with_text(last, text)))
    if form == "tool":
        tool = Tool(_NAME, "Takes the whole answer.", schema.wire_schema)
        named = {"type": "function", "function": {"name": _NAME}} if dialect == "openai" else "auto"
        return _with_extra(replace(asked, tools=(*asked.tools, tool)), tool_choice=named), form
    if form == "json_schema":
        wanted = {"name": _NAME, "schema": schema.wire_schema}
        return _with_extra(asked, response_format={"type": "json_schema", "json_schema": wanted}), form
    return (replace(asked, response_format="json_object") if form == "json_object" else asked), form


def value_of(completion: Completion, schema: Schema, *, cut: bool = False) -> Parsed:
    """What the answer means; of one that was `cut`, its whole records. Raises `ParseError`."""
    truncated = cut or completion.finish_reason == "length"
    try:
        if calls := _answers(completion):
            return _in_calls(calls, schema, truncated=truncated)
        return parse(completion.text, schema, truncated=truncated)
    except ParseError as error:
        error.completion = completion
        raise


def once_more(request: ChatRequest, completion: Completion, error: ParseError) -> ChatRequest:
    """The same request with the refused answer and what was wrong with it."""
    problems = [f"- {problem}" for problem in error.problems[:_MOST_PROBLEMS]] or [f"- {error.message}"]
    calls = completion.tool_calls
    again = (
        f"Call `{_NAME}` again, with the whole answer." if calls else "Answer again with the whole JSON only."
    )
    complaint = "\n".join(["That answer cannot be used:", *problems, again])
    refused = (
        Message("assistant", completion.text or ("" if calls else "(empty)"), tool_calls=calls),
        *(Message("tool", "Refused.", tool_call_id=call.id) for call in calls),
        Message("user", complaint),
    )
    return replace(request, messages=(*request.messages, *refused), request_id=None)


def with_value(
    completion: Completion, parsed: Parsed, schema: Schema, form: Form, *, first: Completion | None
) -> Completion:
    """The answer with its value; the notes say what was repaired, and that it was asked for twice."""
    notes = [*completion.notes, *(str(note) for note in parsed.notes)]
    if first is not None:
        cost = _(" (the first answer cost {cost})").format(cost=first.cost) if first.cost else ""
        notes.append(
            _("The first answer did not fit the schema; it was asked for again{cost}.").format(cost=cost)
        )
    if not parsed.complete:
        notes.append(_("The answer is not complete: what is missing was left out, not made up."))
    return replace(completion, value=parsed.value, schema=schema, form=form, notes=tuple(notes))


def _with_text(message: Message, text: str) -> Message:
    if isinstance(message.content, str):
        return replace(message, content=f"{message.content}\n\n{text}")
    return replace(message, content=(*message.content, TextPart(text)))


def _usual(json_mode: bool | None, dialect: Dialect) -> Form:
    if dialect == "openai":
        return "json_schema"
    # A gateway may refuse the JSON mode (LiteLLM does for GLM).
    return "json_object" if dialect == "glm" and json_mode else "prompt"


def _check(form: Form, model: str, json_mode: bool | None, tools: bool | None, dialect: Dialect) -> None:
    if form not in get_args(Form):
        raise SettingError(
            _("A form is one of {names}, not {form!r}.").format(names=", ".join(get_args(Form)), form=form)
        )
    problem = ""
    if form == "tool" and tools is False:
        problem = _("{model} calls no tools").format(model=model)
    elif form == "json_object" and json_mode is False:
        problem = _("{model} has no JSON mode").format(model=model)
    elif form == "json_schema" and dialect == "glm":
        problem = _("GLM ignores a json_schema")
    if problem:
        hint = _("Leave `form` out for what suits best, or name another form. Nothing was sent.")
        raise RequestError(
            _("{problem}, so form={form!r} cannot be used.").format(problem=problem, form=form), hint=hint
        )


def _with_extra(request: ChatRequest, **fields: Any) -> ChatRequest:
    extra: Mapping[str, Any] = {**request.extra, **fields}
    return replace(request, extra=extra)


def _answers(completion: Completion) -> list[str]:
    return [call.arguments for call in completion.tool_calls if call.name == _NAME]


def _in_calls(calls: list[str], schema: Schema, *, truncated: bool) -> Parsed:
    """The value in the arguments. A model may also call once for each row, or for a few of them."""
    if len(calls) == 1 or schema.shape != "rows":
        return parse("\n".join(calls), schema, truncated=truncated)
    parts = [parse(call, schema, truncated=truncated) for call in calls]
    joined = Note("unwrapped", "", f"the rows of {len(calls)} calls were joined")
    return replace(
        parts[0],
        value=[row for part in parts for row in part.value],
        notes=(*(note for part in parts for note in part.notes), joined),
        complete=all(part.complete for part in parts),
    )
