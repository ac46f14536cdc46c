"""The pieces of a body, as bytes on the wire and as values that can be read in a file.

Bytes in are bytes out: a piece is written as JSON only where that JSON gives the same bytes again, and as
text otherwise. A character that the network cut in two is put together in the later piece.
"""

from __future__ import annotations

import codecs
import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from glm_magics._sse import SSEParser
from glm_magics.cassette.request import dumps

__all__ = ["Chunk", "decode", "encode", "spoken"]

Chunk: TypeAlias = tuple[int, bytes]
"""Milliseconds since the request, and the bytes."""

_BEFORE, _AFTER = "data: ", "\n\n"
_ENDS_ENVELOPE = ("choices", "usage", "error")


def encode(chunks: Sequence[Chunk]) -> tuple[dict[str, Any], list[list[Any]]]:
    """`(every, written)`: the fields that every event begins with, and the pieces, each `[ms, item, …]`.

    An item is `{"delta": …}`, the first choice's delta of an event that has nothing else of its own;
    `{"rest": …}`, all of an event but `every`; `{"data": …}`, a whole event; `{"json": …}`, a body that is no
    stream; or the text itself.
    """
    texts = list(_texts(chunks))
    every = _every(texts)
    return every, [[ms, *_items(text, every)] for ms, text in texts]


def decode(every: Mapping[str, Any], written: Sequence[Sequence[Any]]) -> list[Chunk]:
    """The chunks that `encode` was given. Raises `KeyError`, `TypeError` or `ValueError` for other values."""
    return [(int(ms), b"".join(_bytes(item, every) for item in items)) for ms, *items in written]


def spoken(body: bytes) -> dict[str, str]:
    """The strings of a body by the name of their field, put together across the events of a stream."""
    found: dict[str, list[str]] = {}
    for value in _values(body):
        _gather("", value, found)
    return {name: "".join(parts) for name, parts in found.items()}


def _values(body: bytes) -> Iterator[Any]:
    texts = [body.decode("utf-8", "replace")]
    if b"data:" in body:
        parser = SSEParser()
        texts += [text for _, text in (*parser.feed(body), *parser.close())]
    for text in texts:
        with contextlib.suppress(ValueError, RecursionError):
            yield json.loads(text)


def _gather(name: str, value: Any, found: dict[str, list[str]]) -> None:
    if isinstance(value, dict):
        for inner, part in value.items():
            _gather(inner, part, found)
    elif isinstance(value, list):
        for part in value:
            _gather(name, part, found)
    elif isinstance(value, str):
        found.setdefault(name, []).append(value)


def _texts(chunks: Sequence[Chunk]) -> Iterator[tuple[int, str]]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for at, (ms, data) in enumerate(chunks):
        text = decoder.decode(data, final=at == len(chunks) - 1)
        if text:
            yield ms, text


def _every(texts: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """The head of the first event: what comes before its choices."""
    for _, text in texts:
        for piece in text.split(_AFTER):
            event = _event(piece)
            if event is not None:
                names = list(event)
                stop = next((at for at, name in enumerate(names) if name in _ENDS_ENVELOPE), 0)
                return {name: event[name] for name in names[:stop]}
    return {}


def _event(piece: str) -> dict[str, Any] | None:
    """The object of an event that can be written as JSON."""
    return _same(piece[len(_BEFORE) :]) if piece.startswith(_BEFORE) else None


def _same(text: str) -> dict[str, Any] | None:
    """The object that `text` is, if it is written as `dumps` writes it."""
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
        return value if isinstance(value, dict) and dumps(value) == text else None
    except (ValueError, RecursionError):
        return None


def _items(text: str, every: Mapping[str, Any]) -> list[Any]:
    pieces = text.split(_AFTER)
    tail = pieces.pop()
    items: list[Any] = []
    for piece in pieces:
        event = _event(piece)
        items.append(piece + _AFTER if event is None else _short(event, every))
    if tail:
        whole = None if pieces else _same(tail)
        items.append(tail if whole is None else {"json": whole})
    return items


def _short(event: dict[str, Any], every: Mapping[str, Any]) -> dict[str, Any]:
    head = dict(list(event.items())[: len(every)])
    if not every or dumps(head) != dumps(every):
        return {"data": event}
    rest = dict(list(event.items())[len(every) :])
    choices = rest.get("choices")
    if list(rest) == ["choices"] and isinstance(choices, list) and len(choices) == 1:
        choice = choices[0]
        if isinstance(choice, dict) and list(choice) == ["index", "delta"] and choice["index"] == 0:
            return {"delta": choice["delta"]}
    return {"rest": rest}


def _bytes(item: Any, every: Mapping[str, Any]) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8", "surrogateescape")
    ((kind, value),) = item.items()
    if kind == "json":
        return _encoded(dumps(value))
    if kind == "delta":
        value = {**every, "choices": [{"index": 0, "delta": value}]}
    elif kind == "rest":
        value = {**every, **value}
    elif kind != "data":
        raise ValueError(f"{kind!r} is no kind of item")
    return _encoded(f"{_BEFORE}{dumps(value)}{_AFTER}")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
