"""A request and its answer as they went over the wire, made readable: for `%glm explain-request`.

Everything is text: long strings are cut in the middle, images are named by their size, and the key is
blotted out also where a server sent it back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from glm_magics import _wire
from glm_magics._lang import _
from glm_magics._sse import SSEParser
from glm_magics.chat import Finished
from glm_magics.render.text import plain

if TYPE_CHECKING:
    from glm_magics._traffic import Traffic

__all__ = ["Exhibit", "answer_of", "request_of"]

Redact = Callable[[str], str]
Exhibit = tuple[str, str, str]
"""A title, the language of the text, and the text."""

_MOST_CHARACTERS = 2_000  # of a string in JSON
_FIRST, _LAST = 1_200, 400  # of which so many stay
_EVENTS = 3  # at each end of a stream
_BASE64 = re.compile(r"(data:[\w/+.-]+;base64,)?([A-Za-z0-9+/]{200,}={0,2})")


def request_of(traffic: Traffic, redact: Redact, *, name: str = "") -> list[Exhibit]:
    """The address and headers, and the body."""
    headers = "\n".join(f"{_title(header)}: {value}" for header, value in traffic.headers)
    head = f"{traffic.method} {traffic.url}\n{headers}"
    return [
        (f"{name or _('Request')}{_again(traffic)}", "http", redact(head)),
        (
            _("Body, {count:,} bytes").format(count=len(traffic.body)),
            "json",
            _shown_json(traffic.body, redact),
        ),
    ]


def answer_of(traffic: Traffic, redact: Redact) -> list[Exhibit]:
    """Status, finish reason and usage; then the JSON, or the first and last events of the stream."""
    if traffic.status is None:
        return [(_("Answer"), "", _("None came.") if traffic.attempts else _("Nothing was sent."))]
    shown = traffic.content_type or _("no content type")
    status = _("HTTP {status}, {kind}, {count:,} bytes").format(
        status=traffic.status, kind=shown, count=traffic.received
    )
    if traffic.content_type.startswith("text/event-stream"):
        return _stream(traffic, status, redact)
    body = bytes(traffic.begin)
    if not traffic.is_whole or traffic.end:
        text = redact(body.decode("utf-8", "replace"))
        return [(_("Answer"), "", status), (_("Its beginning"), "", _cut(text))]
    return [
        (_("Answer"), "", "\n".join([status, *_facts([body], redact)])),
        (_("Body"), "json", _shown_json(body, redact)),
    ]


def _again(traffic: Traffic) -> str:
    return _(", attempt {number}").format(number=traffic.attempts) if traffic.attempts > 1 else ""


def _title(header: str) -> str:
    return "-".join(word.capitalize() for word in header.split("-"))


# ------------------------------------------------------------------------------------------ streams


def _stream(traffic: Traffic, status: str, redact: Redact) -> list[Exhibit]:
    if traffic.is_whole:
        events = _events(bytes(traffic.begin + traffic.end))
        first, last = events[:_EVENTS], events[_EVENTS:][-_EVENTS:]
        left_out = len(events) - len(first) - len(last)
        between = _("… {count:,} more events …").format(count=left_out) if left_out else ""
        status = _("{status}, {count:,} events").format(status=status, count=len(events))
    else:
        first, last = _events(bytes(traffic.begin))[:_EVENTS], _events(_from_an_event(traffic.end))[-_EVENTS:]
        between = _("… many more events …")
    lines = [*_lines(first, redact), *([between] if between else []), *_lines(last, redact)]
    found = [event.encode() for event in (*first, *last)]
    title = _("First and last events") if between else _("Events")
    return [
        (_("Answer"), "", "\n".join([status, *_facts(found, redact)])),
        (title, "", "\n".join(lines) or _("(none)")),
    ]


def _events(data: bytes) -> list[str]:
    """The data of each event."""
    parser = SSEParser()
    return [text for _, text in (*parser.feed(data), *parser.close())]


def _from_an_event(data: bytearray) -> bytes:
    """Without the rest of an event that was cut off in front."""
    return bytes(data).replace(b"\r\n", b"\n").partition(b"\n\n")[2]


def _lines(events: Sequence[str], redact: Redact) -> list[str]:
    return [f"data: {_shown_event(event, redact)}" for event in events]


def _shown_event(event: str, redact: Redact) -> str:
    try:
        body = json.loads(event)
    except (ValueError, RecursionError):
        return _cut(redact(event))
    return json.dumps(_tidy(body, redact), ensure_ascii=False)


def _facts(bodies: Sequence[bytes], redact: Redact) -> list[str]:
    """The finish reason and the usage, as the server wrote them; nothing for what it did not send."""
    reason, usage = "", None
    for body in bodies:
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            continue
        if isinstance(parsed, dict):
            reasons = [event.reason for event in _wire.events(parsed) if isinstance(event, Finished)]
            reason = reasons[-1] if reasons else reason
            usage = _wire.usage_object(parsed) or usage
    facts = [_("finish reason: {reason}").format(reason=redact(reason))] if reason else []
    if usage is not None:
        facts.append(_("usage: {usage}").format(usage=json.dumps(_tidy(usage, redact), ensure_ascii=False)))
    return facts


# ------------------------------------------------------------------------------------------- JSON


def _shown_json(body: bytes, redact: Redact) -> str:
    text = body.decode("utf-8", "replace")
    try:
        return json.dumps(_tidy(json.loads(text), redact), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return _cut(redact(text))


def _tidy(value: Any, redact: Redact) -> Any:
    if isinstance(value, dict):
        return {_cut(redact(name)): _tidy(item, redact) for name, item in value.items()}
    if isinstance(value, list):
        return [_tidy(item, redact) for item in value]
    return _short(redact(value)) if isinstance(value, str) else value


def _short(text: str) -> str:
    encoded = _BASE64.fullmatch(text)
    if encoded is None:
        return _cut(text)
    size = len(encoded[2]) * 3 // 4 - encoded[2].count("=")
    return f"{encoded[1] or ''}{encoded[2][:12]}… " + _("[base64 of {size:,} bytes]").format(size=size)


def _cut(text: str) -> str:
    """`text` without its middle where it is long, free of control characters."""
    text = plain(text)
    left_out = len(text) - _FIRST - _LAST
    if len(text) <= _MOST_CHARACTERS:
        return text
    told = _("[{count:,} characters left out]").format(count=left_out)
    return f"{text[:_FIRST]} … {told} … {text[-_LAST:]}"
