"""A notebook as the texts in it, each with its place; no string of the file is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from glm_magics.documents.notebook import mapping

__all__ = ["Part", "output_bytes", "parts"]

_MIME = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """`kind` is the MIME type of an output's data, "" for other text."""

    cell: int | None
    where: str
    text: str
    kind: str = ""

    @property
    def is_output(self) -> bool:
        return self.where.startswith("output")

    @property
    def is_binary(self) -> bool:
        """Base64 of pictures, sound and the like: words in it are chance."""
        return self.kind == "application/pdf" or (
            self.kind.startswith(("image/", "audio/", "video/", "font/")) and self.kind != "image/svg+xml"
        )


def parts(notebook: Mapping[str, Any]) -> Iterator[Part]:
    """Every text of a notebook (nbformat 4): sources, outputs, metadata, attachments, all there is."""
    for number, cell in enumerate(notebook["cells"], 1):
        if isinstance(cell, dict):
            yield from _cell(number, cell)
        else:
            yield from _rest(number, "metadata", cell)
    yield from _rest(None, "metadata", {name: part for name, part in notebook.items() if name != "cells"})


def output_bytes(cell: Any) -> int:
    """About what the outputs of a cell take in the file, in bytes."""
    import json

    outputs = mapping(cell).get("outputs") or []
    return len(json.dumps(outputs, ensure_ascii=False).encode("utf-8", "surrogatepass")) if outputs else 0


def _cell(number: int, cell: Mapping[str, Any]) -> Iterator[Part]:
    rest = dict(cell)
    yield from _text(number, "source", rest.pop("source", ""))
    if isinstance(cell.get("outputs"), list):
        for output in rest.pop("outputs"):
            yield from _output(number, output)
    if isinstance(cell.get("attachments"), dict):
        for name, bundle in rest.pop("attachments").items():
            yield from _rest(number, "attachment", name)
            yield from _bundle(number, "attachment", bundle)
    yield from _rest(number, "metadata", rest)


def _output(number: int, output: Any) -> Iterator[Part]:
    rest = dict(output) if isinstance(output, dict) else {"": output}
    yield from _bundle(number, "output", rest.pop("data", ""))
    yield from _text(number, "output", rest.pop("text", ""))
    yield from _text(number, "output traceback", rest.pop("traceback", ""), between="\n")
    yield from _rest(number, "output metadata", rest.pop("metadata", ""))
    yield from _rest(number, "output", rest)


def _bundle(number: int, where: str, bundle: Any) -> Iterator[Part]:
    if not isinstance(bundle, dict):
        yield from _rest(number, where, bundle)
        return
    for kind, data in bundle.items():
        kind = kind if _MIME.fullmatch(kind) else ""
        yield from _text(number, f"{where} {kind}".rstrip(), data, kind)
    yield from _rest(number, where, [*bundle])


def _text(number: int, where: str, value: Any, kind: str = "", *, between: str = "") -> Iterator[Part]:
    """A text that may be a list of its lines; any other value as what is in it."""
    lines = value if isinstance(value, list) else [value]
    if not all(isinstance(line, str) for line in lines):
        yield from (replace(part, kind=kind) for part in _rest(number, where, value))
    elif text := between.join(lines):
        yield Part(number, where, text, kind)


def _rest(number: int | None, where: str, value: Any) -> Iterator[Part]:
    """The strings, names and whole numbers inside a value."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.values(), *value]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, (str, int)) and value not in ("", 0, 1):
            yield Part(number, where, str(value))
