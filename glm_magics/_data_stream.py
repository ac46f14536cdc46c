"""An answer that is data: read against its schema when it is whole, asked for once more if it does not fit.

A `DataStream` is pulled like any `Stream`. The second try is part of it: its events follow an `AskedAgain`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from glm_magics._lang import _
from glm_magics._stream import Pulled
from glm_magics.chat import AskedAgain, ChatRequest, Completion, Event
from glm_magics.errors import GLMError, ParseError
from glm_magics.structured import asking

if TYPE_CHECKING:
    from glm_magics._options import Options
    from glm_magics._session import Session
    from glm_magics._stream import Progress, Stream
    from glm_magics.structured.schema import Schema

__all__ = ["DataStream", "asked", "stream_data"]

_BROKEN_OFF = ("interrupted", "stopped")


def stream_data(
    session: Session,
    request: ChatRequest,
    schema: Schema,
    *,
    form: asking.Form | None = None,
    options: Options | None = None,
    label: str = "",
) -> DataStream:
    """Ask for data of `schema`. Raises `BudgetExceeded` before anything is sent."""
    request, form = asked(session, request, schema, form)
    start = partial(session.stream, options=options, label=label)
    return DataStream(start, request, schema=schema, form=form)


def asked(
    session: Session, request: ChatRequest, schema: Schema, form: asking.Form | None = None
) -> tuple[ChatRequest, asking.Form]:
    """`request` as it is sent to get data of `schema`, and the form of that."""
    tier, dialect = session.find_tier(request.model), session.client.endpoint.dialect
    return asking.asking_for(
        request, schema, json_mode=tier.json_object, tools=tier.tools, dialect=dialect, form=form
    )


class DataStream(Pulled):
    """One answer with a `value`, pulled by its reader: iterate it, or `poll` it. Used as a context manager.

    `start` sends a request. Errors come out of `poll`; an answer that fits neither time is a `ParseError`.
    """

    def __init__(
        self,
        start: Callable[[ChatRequest], Stream],
        request: ChatRequest,
        *,
        schema: Schema,
        form: asking.Form,
    ) -> None:
        self.done = False
        self._start = start
        self._request = request
        self._schema = schema
        self._form = form
        self._first: Completion | None = None
        self._final: Completion | None = None
        self._stop_asked = False
        self._stream = start(request)

    def begin(self) -> None:
        """Send the request now; without this, the first `poll` does."""
        self._stream.begin()

    def poll(self, timeout: float) -> list[Event]:
        """The events that have come, waiting up to `timeout` seconds for the first; [] when none came."""
        if self.done:
            return []
        try:
            events = self._stream.poll(timeout)
            if self._stream.done:
                events += self._read()
        except GLMError as error:
            self.done = True
            if error.completion is not None and not isinstance(error, ParseError):
                error.completion = self._final = self._rescued(error.completion)
            raise
        return events

    def stop(self) -> None:
        """End the answer here, as the Stop button does. Safe from any thread; the next `poll` acts on it."""
        self._stop_asked = True
        self._stream.stop()

    def interrupt(self) -> None:
        """End the answer here, as Ctrl-C does; the whole records that came so far stay."""
        if not self.done:
            self._stream.interrupt()
            self._end(self._rescued(self._stream.completion))

    @property
    def completion(self) -> Completion:
        """The answer: whole and with its value when `done`, else what there is so far."""
        return self._final or self._stream.completion

    def progress(self) -> Progress:
        """Counters for a live view, of the request that is running."""
        return self._stream.progress()

    def _read(self) -> list[Event]:
        """The running request has ended: its value, or the second try."""
        completion = self._stream.completion
        if completion.finish_reason in _BROKEN_OFF:
            self._end(self._rescued(completion))
            return []
        try:
            parsed = asking.value_of(completion, self._schema)
        except ParseError as error:
            # What was cut at the token limit would be cut again, and what was stopped is not to go on.
            if self._first is not None or completion.finish_reason == "length" or self._stop_asked:
                raise
            return self._ask_again(completion, error)
        self._end(asking.with_value(completion, parsed, self._schema, self._form, first=self._first))
        return []

    def _ask_again(self, completion: Completion, error: ParseError) -> list[Event]:
        try:
            self._stream = self._start(asking.once_more(self._request, completion, error))
        except GLMError as refusal:  # no money left, say: the answer that came is what the user should see
            error.hint = _("It was not asked again: {reason}").format(reason=refusal.message)
            raise error from None
        self._first = completion
        self._stream.begin()
        return [AskedAgain(tuple(map(str, error.problems)) or (error.message,))]

    def _rescued(self, completion: Completion) -> Completion:
        """An answer that was broken off, with the whole records in it; without a value if there are none."""
        try:
            parsed = asking.value_of(completion, self._schema, cut=True)
        except ParseError:
            return completion
        return asking.with_value(completion, parsed, self._schema, self._form, first=self._first)

    def _end(self, completion: Completion) -> None:
        self._final, self.done = completion, True
