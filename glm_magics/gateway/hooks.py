"""What LiteLLM calls, named in its `config.yaml`: `authenticate` and `hooks`.

Every call is about a visit that `front` began. LiteLLM keeps the rate limit; the money is kept here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import HTTPException, Request
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

from glm_magics import _wire
from glm_magics.chat import Event, ReasoningDelta, TextDelta, ToolCallDelta
from glm_magics.errors import GLMError
from glm_magics.gateway.desk import Visit, visit_of
from glm_magics.gateway.front import VISIT
from glm_magics.gateway.refusals import CUT, Refusal, is_unbilled, of_platform, refusal

__all__ = ["authenticate", "hooks"]


async def authenticate(request: Request, api_key: str) -> UserAPIKeyAuth:
    """Who is asking. `front` has looked at the token; what did not come through it is sent away."""
    visit = visit_of(request.scope.get(VISIT, ""))
    if visit is None:
        raise ProxyException("This address is not open.", "not_passed_on", None, 404)
    student = visit.student
    return UserAPIKeyAuth(
        api_key=f"student-{student.name}",
        user_id=student.name,
        rpm_limit=student.requests_a_minute,
        metadata={VISIT: visit.id},
    )


class _Hooks(CustomLogger):  # type: ignore[misc]  # LiteLLM is not there when types are checked
    async def async_pre_call_hook(
        self, user_api_key_dict: UserAPIKeyAuth, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any]:
        """Set the money aside, or refuse."""
        visit = _visit(user_api_key_dict)
        if visit is None:
            raise _exception(Refusal(404, "not_passed_on", "This address is not open."))
        try:
            request = visit.admit()
        except GLMError as error:
            refused = refusal(error)
        else:
            return data | {"model": request.model, "max_tokens": request.max_tokens}
        raise _exception(refused)

    async def async_post_call_success_hook(
        self, data: dict[str, Any], user_api_key_dict: UserAPIKeyAuth, response: Any
    ) -> Any:
        """A whole answer has come."""
        visit, body = _visit(user_api_key_dict), response.model_dump(exclude_none=True)
        if visit is not None:
            visit.settle_answer(_wire.usage(body), "".join(map(_text, _wire.events(body))))
        return response

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: UserAPIKeyAuth, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """A stream passes by. LiteLLM ends one that broke off as if it were whole; here it is an error."""
        visit, usage, texts = _visit(user_api_key_dict), None, list[str]()
        try:
            async for chunk in response:
                body = chunk.model_dump(exclude_none=True)
                usage = _wire.usage(body) or usage
                texts += map(_text, _wire.events(body))
                if _says_finished(chunk) and not any(map(_says_finished, response.chunks)):
                    raise _exception(CUT)
                yield chunk
        except Exception:
            if visit is not None and any(texts):
                visit.settle_answer(usage, "".join(texts))
            raise
        if visit is not None:
            visit.settle_answer(usage, "".join(texts))

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,
        user_api_key_dict: UserAPIKeyAuth,
        traceback_str: str | None = None,
    ) -> HTTPException | None:
        """No answer, or one that broke off: the money goes back where certainly nothing is billed."""
        visit = _visit(user_api_key_dict)
        refused_here = isinstance(original_exception, ProxyException)
        if visit is not None:
            if refused_here or is_unbilled(original_exception):
                visit.release()
            else:
                visit.settle(None)
        if refused_here:
            return None
        found = of_platform(original_exception)
        shown = HTTPException(found.status, found.message, dict(found.headers))
        shown.type = found.type
        return shown


hooks = _Hooks()


def _visit(user: UserAPIKeyAuth) -> Visit | None:
    return visit_of((user.metadata or {}).get(VISIT, ""))


def _exception(refused: Refusal) -> ProxyException:
    return ProxyException(refused.message, refused.type, None, refused.status, dict(refused.headers))


def _says_finished(chunk: Any) -> bool:
    return any(choice.finish_reason for choice in chunk.choices)


def _text(event: Event) -> str:
    match event:
        case TextDelta(text) | ReasoningDelta(text):
            return text
        case ToolCallDelta(name=name, arguments=arguments):
            return name + arguments
        case _:
            return ""
