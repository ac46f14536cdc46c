"""Bytes of one answer become events, and add up: the pure part of a stream, without I/O or clock.

An answer is whole only when the server said why it stopped: an end of data or a `[DONE]` without a finish
reason is `IncompleteStream`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from glm_magics import _wire
from glm_magics._inline import InlineMarks, Unbroken
from glm_magics._lang import _
from glm_magics._sse import SSEParser
from glm_magics.chat import (
    Completion,
    Event,
    Finished,
    ReasoningDelta,
    SearchResult,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from glm_magics.errors import (
    ContentRefused,
    GLMError,
    IncompleteStream,
    ProtocolError,
    ServerError,
    StreamError,
)
from glm_magics.retry import error_for

__all__ = ["StreamDecoder"]

_HEAD: Final = 200  # characters of a strange answer that an error quotes
_BOM: Final = b"\xef\xbb\xbf"


class StreamDecoder:
    """Bytes of one answer, streamed or whole, to events. No I/O, no clock.

    `inline_thinking` expects the answer to begin inside a `<think>` block that the chat template opened
    (GLM-Z1); an opening `<think>` at the very start is always recognised. `boxed` drops the
    `<|begin_of_box|>` marks of the GLM-V models.
    """

    def __init__(self, *, inline_thinking: bool = False, boxed: bool = False) -> None:
        self.ended = False
        self.failure: GLMError | None = None
        self.finish_reason = ""
        self.usage: Usage | None = None
        self.id = self.request_id = self.model = ""
        self.activity = 0  # counts what is data, so that comments alone do not look alive
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.search_results: list[SearchResult] = []
        self._calls = _ToolCalls()
        self._marks = InlineMarks(opened=inline_thinking, boxed=boxed)
        self._text = Unbroken()
        self._reasoning = Unbroken()
        self._sse = SSEParser()
        self._body: list[bytes] | None = None  # a whole JSON answer, while it comes in
        self._head = b""  # the bytes up to the first visible one, and then those of its chunk
        self._sniffed = False
        self._over = False

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self._calls.whole()

    def completion(self, usage: Usage, **facts: Any) -> Completion:
        """What has come as a `Completion`; `facts` are the fields that the bytes do not tell."""
        return Completion(
            text="".join(self.text),
            reasoning="".join(self.reasoning),
            tool_calls=self.tool_calls,
            search_results=tuple(self.search_results),
            usage=usage,
            served_model=self.model,
            id=self.id,
            **facts,
        )

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        An error that the server sent, or bytes that make no sense, are kept in `failure` and raised by
        `close`, so that what came before them is not lost.
        """
        if not self._sniffed:
            chunk = self._sniff(chunk)
        if self._body is not None:
            self._body.append(chunk)
            self.activity += 1
            return []
        found: list[Event] = []
        try:
            for name, data in self._sse.feed(chunk):
                if self.ended or self.failure:
                    break
                self._event(name, data, found)
        except GLMError as error:
            self.failure = error
        return found

    def rest(self) -> list[Event]:
        """No more bytes: the events that were waiting for some."""
        found: list[Event] = []
        if self._over:
            return found
        self._over = True
        try:
            if self.failure is None and not self.ended:
                self._last_bytes(found)
        except GLMError as error:
            self.failure = error
        if self.finish_reason:
            self._flush(found)
        return found

    def close(self) -> list[Event]:
        """The `rest`. Raises a `GLMError` unless the answer is whole: the server's, or what is missing."""
        found = self.rest()
        if self.failure is None:
            self.failure = self._shortcoming()
        if self.failure is not None:
            raise self.failure
        return found

    def _last_bytes(self, found: list[Event]) -> None:
        if self._body is not None:
            self._whole(b"".join(self._body), found)
            return
        for name, data in self._sse.close():
            if data.startswith("[DONE]") or _is_json(data):
                self._event(name, data, found)

    def _flush(self, found: list[Event]) -> None:
        """Let go of what was held back because more could have followed.

        Only of a whole answer: half a mark or half a character at a cut would be text nobody wrote.
        """
        for event in self._marks.close():
            self._take(event, found)
        for half in self._reasoning.close():
            self._take(ReasoningDelta(half), found)
        for half in self._text.close():
            self._take(TextDelta(half), found)
        if self._marks.never_closed and not self.text:  # it was not thinking after all
            self.text, self.reasoning = self.reasoning, []

    def _shortcoming(self) -> GLMError | None:
        """Why the answer is not whole; None when it is."""
        if self.finish_reason == "network_error":
            return ServerError(_("The platform's inference broke off (finish reason network_error)."))
        if self.finish_reason == "sensitive":
            return ContentRefused(
                _("The platform's content filter cut the answer off (finish reason sensitive)."),
                hint=_("What was shown so far should not be used; rephrase the prompt."),
            )
        if self.finish_reason:
            return None
        if not self.activity and self._head.strip():
            return ProtocolError(
                _("The server sent something that is not an answer: {head}").format(head=self.head())
            )
        return IncompleteStream(
            _("The stream said [DONE] without a finish reason: the answer may be cut off.")
            if self.ended
            else _("The connection ended before the answer did.")
        )

    def head(self) -> str:
        """The first characters of the answer, for an error that has to quote it."""
        return " ".join(self._head.decode("utf-8", "replace").split())[:_HEAD]

    def _sniff(self, chunk: bytes) -> bytes:
        """JSON, a web page or an event stream? The first visible byte tells, whatever the header says."""
        self._head += chunk
        start = self._head.removeprefix(_BOM).lstrip()
        if not start or _BOM.startswith(start):
            return b""
        self._sniffed = True
        if start[:1] in (b"{", b"[", b"<"):
            self._body = []
            return start
        return self._head

    def _whole(self, body: bytes, found: list[Event]) -> None:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise ProtocolError(
                _("The server sent something that is not an answer: {head}").format(head=self.head())
            ) from None
        self._answer(answer, found)

    def _event(self, name: str, data: str, found: list[Event]) -> None:
        if not data or data.isspace():
            return
        self.activity += 1
        if data.startswith("[DONE]"):
            self.ended = True
            return
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            raise _malformed(name, data) from None
        if name == "error" and _wire.failure(body) is None:
            raise StreamError(
                _("The server reported an error in the stream: {head}").format(head=data[:_HEAD])
            )
        self._answer(body, found)

    def _answer(self, body: Any, found: list[Event]) -> None:
        if not isinstance(body, dict):
            raise ProtocolError(
                _("The server sent something that is not an answer: {head}").format(head=str(body)[:_HEAD])
            )
        if "choices" not in body or "error" in body:
            failure = _wire.failure(body)
            if failure:
                raise error_for(failure.code, None, failure.message, request_id=failure.request_id)
        for event in _wire.events(body):
            if type(event) is TextDelta:
                for part in self._marks.feed(event.text):
                    self._take(part, found)
            else:
                if type(event) is ReasoningDelta:
                    self._marks.reasoning_came()
                self._take(event, found)
        if body.get("usage"):
            self.usage = _wire.usage(body) or self.usage
        if not self.id:
            self.id, self.request_id, self.model = _wire.identity(body)

    def _take(self, event: Event, found: list[Event]) -> None:
        if type(event) is TextDelta:
            text = self._text.take(event.text)
            if text:
                self.text.append(text)
                found.append(event if text is event.text else TextDelta(text))
        elif type(event) is ReasoningDelta:
            text = self._reasoning.take(event.text)
            if text:
                self.reasoning.append(text)
                found.append(event if text is event.text else ReasoningDelta(text))
        elif type(event) is ToolCallDelta:
            found.append(self._calls.add(event))
        elif type(event) is SearchResult:
            if event not in self.search_results:
                self.search_results.append(event)
                found.append(event)
        elif type(event) is Finished:
            self.finish_reason = event.reason
            found.append(event)


def _malformed(name: str, data: str) -> GLMError:
    quoted = data[:_HEAD]
    if name == "error" or data.lstrip().startswith('{"error"'):
        return StreamError(_("The server reported an error in the stream: {quoted}").format(quoted=quoted))
    return StreamError(_("The server sent an event that is not JSON: {quoted}").format(quoted=quoted))


def _is_json(data: str) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


class _ToolCalls:
    """Fragments of tool calls, put together by index; servers that send no usable index, by order."""

    def __init__(self) -> None:
        self._calls: list[_OpenCall] = []

    def add(self, delta: ToolCallDelta) -> ToolCallDelta:
        position = self._position(delta)
        if position == len(self._calls):
            self._calls.append(_OpenCall(delta.index))
        call = self._calls[position]
        call.id = call.id or delta.id
        call.name = call.name or delta.name
        call.arguments.append(delta.arguments)
        return replace(delta, index=position)

    def _position(self, delta: ToolCallDelta) -> int:
        if delta.index < 0:  # GLM-4.5 sends whole calls with index -1
            last = self._calls[-1] if self._calls else None
            goes_on = last is not None and (not delta.name or (delta.id != "" and delta.id == last.id))
            return len(self._calls) - goes_on
        for position, call in enumerate(self._calls):
            if call.index == delta.index and not call.followed_by(delta):
                return position
        return len(self._calls)

    def whole(self) -> tuple[ToolCall, ...]:
        return tuple(
            ToolCall(call.id or f"call_{position}", call.name, _mended("".join(call.arguments)))
            for position, call in enumerate(self._calls)
        )


class _OpenCall:
    def __init__(self, index: int) -> None:
        self.index = index
        self.id = self.name = ""
        self.arguments: list[str] = []

    def followed_by(self, delta: ToolCallDelta) -> bool:
        """Whether `delta` begins another call although it carries the same index."""
        begins = bool(delta.name and delta.id and delta.id != self.id and self.name)
        return begins and (delta.name != self.name or _is_json("".join(self.arguments)))


def _mended(text: str) -> str:
    unbroken = Unbroken(strip=False)
    return unbroken.take(text) + "".join(unbroken.close())
