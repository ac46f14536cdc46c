"""How a schema travels with a request, and what becomes of the answer: its value, or one more try.

GLM documents the JSON mode only (docs.z.ai, structured output); it accepts a `json_schema` and ignores it.
So the schema goes into the prompt, and the JSON mode is switched on where the tier has it. Other servers
get the schema as `json_schema` too, which many of them keep to while they decode.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from glm_magics._wire import Dialect
from glm_magics.chat import ChatRequest, Completion, Message, TextPart
from glm_magics.errors import ParseError
from glm_magics.structured.parse import Parsed, parse
from glm_magics.structured.schema import Schema

__all__ = ["Form", "asking_for", "once_more", "value_of", "with_value"]

Form = Literal["json_schema", "json_object", "prompt"]

_MOST_PROBLEMS = 12


def asking_for(
    request: ChatRequest, schema: Schema, *, json_mode: bool | None, dialect: Dialect
) -> tuple[ChatRequest, Form]:
    """`request` with the schema behind its last message, in the strongest form that the server takes.

    `json_mode` is whether the tier has it (None: unknown).
    """
    *before, last = request.messages
    asked = replace(request, messages=(*before, _with_text(last, schema.prompt())))
    if dialect == "openai":
        wanted = {"name": "answer", "schema": schema.wire_schema}
        response_format = {"type": "json_schema", "json_schema": wanted}
        return replace(asked, extra={**request.extra, "response_format": response_format}), "json_schema"
    if dialect == "glm" and json_mode:
        return replace(asked, response_format="json_object"), "json_object"
    return asked, "prompt"  # a gateway may refuse the JSON mode (LiteLLM does for GLM)


def value_of(completion: Completion, schema: Schema, *, cut: bool = False) -> Parsed:
    """What the answer means; of one that was `cut`, its whole records. Raises `ParseError`."""
    try:
        return parse(completion.text, schema, truncated=cut or completion.finish_reason == "length")
    except ParseError as error:
        error.completion = completion
        raise


def once_more(request: ChatRequest, completion: Completion, error: ParseError) -> ChatRequest:
    """The same request with the refused answer and what was wrong with it."""
    problems = [f"- {problem}" for problem in error.problems[:_MOST_PROBLEMS]] or [f"- {error.message}"]
    complaint = (
        "That answer cannot be used:\n" + "\n".join(problems) + "\nAnswer again with the whole JSON only."
    )
    refused = (Message("assistant", completion.text or "(empty)"), Message("user", complaint))
    return replace(request, messages=(*request.messages, *refused), request_id=None)


def with_value(
    completion: Completion, parsed: Parsed, schema: Schema, form: Form, *, first: Completion | None
) -> Completion:
    """The answer with its value; the notes say what was repaired, and that it was asked for twice."""
    notes = [*completion.notes, *(str(note) for note in parsed.notes)]
    if first is not None:
        cost = f" (the first answer cost {first.cost})" if first.cost else ""
        notes.append(f"The first answer did not fit the schema; it was asked for again{cost}.")
    if not parsed.complete:
        notes.append("The answer is not complete: what is missing was left out, not made up.")
    return replace(completion, value=parsed.value, schema=schema, form=form, notes=tuple(notes))


def _with_text(message: Message, text: str) -> Message:
    if isinstance(message.content, str):
        return replace(message, content=f"{message.content}\n\n{text}")
    return replace(message, content=(*message.content, TextPart(text)))
