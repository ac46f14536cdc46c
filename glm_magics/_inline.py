"""Marks that some models write into the text itself, and characters that servers cut in two."""

from __future__ import annotations

from glm_magics.chat import Event, ReasoningDelta, TextDelta

__all__ = ["InlineMarks", "Unbroken"]

_OPEN = "<think>"
_CLOSE = "</think>"
_BOX_MARKS = ("<|begin_of_box|>", "<|end_of_box|>")


class InlineMarks:
    """Thinking inside the text becomes `ReasoningDelta`.

    `<think>` counts at the very start only, so an answer may talk about the tag. `opened` starts inside the
    block, for chat templates that open it themselves. `never_closed` says that such a block never ended, so
    what was taken for thinking was the answer.
    """

    def __init__(self, *, opened: bool, boxed: bool) -> None:
        self._state = "start"
        self._opened = opened
        self._assumed = False  # whether the block was opened by the template alone
        self._boxed = boxed
        self._held = ""

    @property
    def never_closed(self) -> bool:
        return self._assumed and self._state == "thinking"

    def reasoning_came(self) -> None:
        """The server has a field of its own for thinking, so the text is plain."""
        if self._assumed or self._state == "start":
            self._state, self._assumed, self._opened = "plain", False, False

    def feed(self, text: str) -> list[Event]:
        if self._state == "plain" and not self._held and (not self._boxed or "<" not in text):
            return [TextDelta(text)]
        text, self._held = self._held + text, ""
        return self._split(text)

    def close(self) -> list[Event]:
        held, self._held = self._held, ""
        if not held:
            return []
        return [ReasoningDelta(held) if self._state == "thinking" else TextDelta(held)]

    def _split(self, text: str) -> list[Event]:
        if self._state == "start":
            return self._start(text)
        if self._state == "thinking":
            return self._thinking(text)
        return self._plain(text)

    def _start(self, text: str) -> list[Event]:
        visible = text.lstrip()
        if _OPEN.startswith(visible):  # nothing but blanks so far, or the beginning of the tag
            self._held = text
            return []
        if visible.startswith(_OPEN):
            self._state = "thinking"
            return self._thinking(visible[len(_OPEN) :])
        if self._opened:
            self._state, self._assumed = "thinking", True
            return self._thinking(text)
        self._state = "plain"
        return self._plain(text)

    def _thinking(self, text: str) -> list[Event]:
        thought, closed, rest = text.partition(_CLOSE)
        if closed:
            self._state = "plain"
            events: list[Event] = [ReasoningDelta(thought)] if thought else []
            return events + (self._plain(rest.lstrip("\n")) if rest.lstrip("\n") else [])
        thought, self._held = _split_before_mark(thought, (_CLOSE,))
        return [ReasoningDelta(thought)] if thought else []

    def _plain(self, text: str) -> list[Event]:
        if self._boxed:
            for mark in _BOX_MARKS:
                text = text.replace(mark, "")
            text, self._held = _split_before_mark(text, _BOX_MARKS)
        return [TextDelta(text)] if text else []


def _split_before_mark(text: str, marks: tuple[str, ...]) -> tuple[str, str]:
    """`text` up to a tail that could be the beginning of a mark, and that tail."""
    longest = max(len(mark) for mark in marks) - 1
    for at in range(max(0, len(text) - longest), len(text)):
        if any(mark.startswith(text[at:]) for mark in marks):
            return text[:at], text[at:]
    return text, ""


class Unbroken:
    """Text whose characters are whole: surrogate halves that came apart are joined, lone ones replaced.

    Line feeds at the very start are dropped (`strip`): most servers send one before thinking and answer.
    """

    def __init__(self, *, strip: bool = True) -> None:
        self._half = ""
        self._started = not strip

    def take(self, text: str) -> str:
        if not self._started:
            text = text.lstrip("\n")
            if not text:
                return ""
            self._started = True
        if not self._half and text.isascii():
            return text
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return _paired(text)

    def close(self) -> list[str]:
        """The replacement for a half that stayed alone."""
        half, self._half = self._half, ""
        return ["\ufffd"] if half else []


def _paired(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
