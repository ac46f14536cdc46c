"""Failures on demand, so that a class and a test can see them.

A fault is named by itself or by the platform's code, and may be limited and refined:
"1302", "rate-limit", "once:1302", "n:3:1305", "1302@2" (with `Retry-After: 2`), "cut:500" (after 500 bytes).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain, islice, repeat
from types import MappingProxyType

from glm_magics._lang import N_
from glm_magics.demo.answer import Answer
from glm_magics.demo.refusals import CODES, Refusal
from glm_magics.demo.response import Piece
from glm_magics.demo.shapes import DONE
from glm_magics.demo.sloppy import sloppy, unfit
from glm_magics.demo.spoil import spoiled
from glm_magics.errors import SettingError
from glm_magics.tokens import estimate

__all__ = ["FAULTS", "Fault", "Page", "parse_fault"]

SLOW_SECONDS = 20.0
_TICK = 0.05  # between comments, or between looks at a silent stream
_SHOWN = 8  # events that pass before a stream goes wrong

_NAMES = {
    "auth": "1002",
    "expired": "1003",
    "balance": "1113",
    "parameters": "1210",
    "unknown-model": "1211",
    "duplicate": "1231",
    "too-long": "1261",
    "unsafe": "1301",
    "rate-limit": "1302",
    "frequency": "1303",
    "daily-limit": "1304",
    "overloaded": "1305",
    "window-limit": "1308",
    "plan-expired": "1309",
}
_STATUSES = {
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
    "529": "Overloaded",
}
_WIRE = {
    "html": N_("HTTP 200 with a web page, as from a login portal in between"),
    "502-html": N_("HTTP 502 with a proxy's web page"),
    "redirect": N_("HTTP 302 to another host"),
    "200-error": N_('HTTP 200 whose body is {"error": …}'),
    "200-code": N_('HTTP 200 whose body is {"code": 1001, "msg": …, "success": false}, as a gateway sends'),
    "slow-first": N_("20 seconds of silence before the first token"),
    "stall": N_("the stream falls silent after a few events and never goes on"),
    "comments": N_("after a few events only keep-alive comments, for ever"),
    "cut": N_("the stream ends cleanly without a finish reason, after a few events or (cut:N) N bytes"),
    "reset": N_("the connection is reset after a few events"),
    "malformed": N_("one event of the stream is broken JSON"),
    "event-error": N_("an `event: error` in the middle of the stream"),
    "midstream-error": N_('a `data: {"error": …}` in the middle of the stream'),
    "network_error": N_("finish reason network_error: the platform's own inference failed"),
    "sensitive": N_("finish reason sensitive: the content policy cut the answer"),
    "no-usage": N_("the answer comes without its token counts"),
    "no-done": N_("the stream ends without [DONE]"),
    "bom": N_("the stream starts with a byte order mark"),
    "crlf": N_("the stream's lines end in CR LF"),
    "spoil-rows": N_("an answer about several rows leaves one in 20 out and breaks one in 50"),
    "sloppy-json": N_(
        'a JSON answer in a fence, with a comma too many, a price as "4.50 EUR", a wrong label'
    ),
    "bad-json": N_("a JSON answer of another form than asked for"),
    "bad-json-once": N_("the same for the first request only: asked again, it answers right"),
    "empty": N_("thinking uses up all tokens: no text, finish reason length"),
}

FAULTS: Mapping[str, str] = MappingProxyType(
    {name: f"{code}: {CODES[code][1]}" for name, code in _NAMES.items()}
    | {code: message for code, (_, message) in CODES.items()}
    | {status: f"HTTP {status} {reason}, with a plain text body" for status, reason in _STATUSES.items()}
    | _WIRE
)
"""Every fault by name, with a line that explains it."""


@dataclass(frozen=True, slots=True)
class Page:
    """A reply that is not the API's."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """`times` is how many requests it hits (None: all of them)."""

    name: str
    times: int | None = None
    cut_bytes: int | None = None
    retry_after: str | None = None

    @property
    def refusal(self) -> Refusal | None:
        """The platform's refusal, when the fault is one of its codes."""
        if self.name not in CODES:
            return None
        status, message = CODES[self.name]
        return Refusal(status, self.name, message, headers=self._headers)

    @property
    def page(self) -> Page | None:
        """The reply that comes in place of the API's, when the fault is that."""
        if self.name in _STATUSES:
            headers = {"Content-Type": "text/plain", **self._headers}
            return Page(int(self.name), headers, _STATUSES[self.name].encode())
        made = _PAGES.get(self.name)
        return replace(made, headers={**made.headers, **self._headers}) if made else None

    @property
    def with_usage(self) -> bool:
        return self.name != "no-usage"

    def on_answer(self, answer: Answer) -> Answer:
        """The answer as the fault leaves it."""
        if self.name == "empty":
            thinking = answer.reasoning or "…"
            return replace(
                answer,
                reasoning=thinking,
                text="",
                calls=(),
                finish_reason="length",
                reasoning_tokens=answer.completion_tokens,
            )
        if self.name in _TEXTS and not answer.calls and answer.finish_reason == "stop":
            text = _TEXTS[self.name](answer.text)
            tokens = answer.reasoning_tokens + estimate(text)
            return replace(answer, text=text, completion_tokens=tokens)
        if self.name in ("network_error", "sensitive"):
            half = answer.text[: len(answer.text) // 2]
            return replace(answer, text=half, calls=(), finish_reason=self.name)
        return answer

    def on_stream(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The events of a streamed answer as the fault leaves them."""
        if self.cut_bytes is not None:
            return _first_bytes(pieces, self.cut_bytes)
        spoil = _STREAMS.get(self.name)
        return spoil(iter(pieces)) if spoil else iter(pieces)

    def on_whole(self, body: bytes) -> Iterator[Piece]:
        """The JSON of an unstreamed answer as the fault leaves it."""
        if self.cut_bytes is not None:
            return iter([Piece(body[: self.cut_bytes])])
        spoil = _WHOLES.get(self.name)
        return spoil(body) if spoil else iter([Piece(body)])

    @property
    def _headers(self) -> dict[str, str]:
        return {"Retry-After": self.retry_after} if self.retry_after else {}


def parse_fault(spec: str | None) -> Fault | None:
    """The fault that `spec` names; None for None or "". Raises `SettingError` with the nearest names."""
    if not spec:
        return None
    name, _, retry_after = spec.strip().partition("@")
    times: int | None = None
    if name == "bad-json-once":
        times, name = 1, "bad-json"
    if name.startswith("once:"):
        times, name = 1, name.removeprefix("once:")
    elif name.startswith("n:"):
        count, _, name = name.removeprefix("n:").partition(":")
        times = _count(count, spec)
    cut_bytes: int | None = None
    if name.startswith("cut:"):
        cut_bytes, name = _count(name.removeprefix("cut:"), spec), "cut"
    if name not in FAULTS:
        raise _unknown(name)
    if retry_after:
        _count(retry_after, spec)
    return Fault(_NAMES.get(name, name), times, cut_bytes, retry_after or None)


def _count(text: str, spec: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise SettingError(
            f"fault {spec!r}: expected a whole number, got {text!r}",
            hint="Write it like n:3:1302, cut:500 or 1302@2.",
        )
    return int(text)


def _unknown(name: str) -> SettingError:
    near = get_close_matches(name, FAULTS, n=3)
    guess = f": did you mean {' or '.join(near)}?" if near else ""
    names = ", ".join([*_NAMES, *_WIRE])
    hint = f"A code of the platform (1302), or: {names}. once: or n:3: before it limits it."
    return SettingError(f"{name!r} is not a fault{guess}", hint=hint)


# Replies that are not the API's

_HTML = "text/html; charset=utf-8"
_PORTAL = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in to Wi-Fi</h1></body></html>"
)
_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"
_ERROR = json.dumps({"error": {"code": "1234", "message": CODES["1234"][1]}}).encode()
_CODE = json.dumps({"code": 1001, "msg": CODES["1001"][1], "success": False}).encode()

_PAGES = {
    "html": Page(200, {"Content-Type": _HTML}, _PORTAL),
    "502-html": Page(502, {"Content-Type": _HTML}, _GATEWAY),
    "redirect": Page(302, {"Content-Type": _HTML, "Location": "https://elsewhere.invalid/v4"}, b""),
    "200-error": Page(200, {"Content-Type": "application/json"}, _ERROR),
    "200-code": Page(200, {"Content-Type": "application/json"}, _CODE),
}


# Answers that are not what was asked for

_TEXTS: Mapping[str, Callable[[str], str]] = {
    "sloppy-json": sloppy,
    "bad-json": unfit,
    "spoil-rows": spoiled,
}


# Streams that go wrong


def _first_bytes(pieces: Iterable[Piece], count: int) -> Iterator[Piece]:
    for piece in pieces:
        if count <= 0:
            return
        yield replace(piece, data=piece.data[:count])
        count -= len(piece.data)


def _few(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """A few events, never so many that the answer is whole."""
    begun = list(islice(pieces, _SHOWN + 2))
    return iter(begun[:-2][:_SHOWN])


def _silence() -> Iterator[Piece]:
    return repeat(Piece(b"", _TICK))


def _reset() -> Iterator[Piece]:
    raise ConnectionResetError("connection reset by the demo")
    yield Piece(b"")  # this makes it a generator: it raises when read, not when made


def _then(end: Callable[[], Iterable[Piece]]) -> Callable[[Iterator[Piece]], Iterator[Piece]]:
    return lambda pieces: chain(_few(pieces), _lazily(end))


def _lazily(end: Callable[[], Iterable[Piece]]) -> Iterator[Piece]:
    yield from end()


def _between(event: bytes) -> Callable[[Iterator[Piece]], Iterator[Piece]]:
    return lambda pieces: chain(_few_kept(pieces), [Piece(event)], pieces)


def _few_kept(pieces: Iterator[Piece]) -> Iterator[Piece]:
    yield from islice(pieces, 2)


def _after_bom(pieces: Iterator[Piece]) -> Iterator[Piece]:
    for n, piece in enumerate(pieces):
        yield piece if n else replace(piece, data=b"\xef\xbb\xbf" + piece.data)


def _with_crlf(pieces: Iterator[Piece]) -> Iterator[Piece]:
    return (replace(piece, data=piece.data.replace(b"\n", b"\r\n")) for piece in pieces)


def _without_done(pieces: Iterator[Piece]) -> Iterator[Piece]:
    return (piece for piece in pieces if piece.data != DONE)


def _late(pieces: Iterator[Piece]) -> Iterator[Piece]:
    return chain([Piece(b"", _TICK)] * round(SLOW_SECONDS / _TICK), pieces)


_STREAMS: Mapping[str, Callable[[Iterator[Piece]], Iterator[Piece]]] = {
    "slow-first": _late,
    "stall": _then(_silence),
    "comments": _then(lambda: repeat(Piece(b": keep-alive\n\n", _TICK))),
    "cut": _then(lambda: ()),
    "reset": _then(_reset),
    "malformed": _between(b'data: {"id":"demo","choices":[{"index":0,"delta":{"content":"bro\n\n'),
    "event-error": _then(lambda: [Piece(b"event: error\ndata: " + _ERROR + b"\n\n"), Piece(DONE)]),
    "midstream-error": _then(lambda: [Piece(b"data: " + _ERROR + b"\n\n"), Piece(DONE)]),
    "no-done": _without_done,
    "bom": _after_bom,
    "crlf": _with_crlf,
}

_WHOLES: Mapping[str, Callable[[bytes], Iterator[Piece]]] = {
    "slow-first": lambda body: _late(iter([Piece(body)])),
    "stall": lambda body: _silence(),
    "comments": lambda body: _silence(),
    "cut": lambda body: iter([Piece(body[: len(body) // 2])]),
    "reset": lambda body: _reset(),
    "malformed": lambda body: iter([Piece(body[:-1])]),
    "event-error": lambda body: iter([Piece(_ERROR)]),
    "midstream-error": lambda body: iter([Piece(_ERROR)]),
    "bom": lambda body: iter([Piece(b"\xef\xbb\xbf" + body)]),
}
