"""An answer as text in a terminal, as it comes, free of control characters of the model's."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from glm_magics._lang import _
from glm_magics._stream import Progress
from glm_magics.chat import Completion, Cost, Event
from glm_magics.render.text import Cleaner, plain, reveal
from glm_magics.views import words
from glm_magics.views.news import news
from glm_magics.views.rows import growing_rows

if TYPE_CHECKING:
    from glm_magics.structured.schema import Schema

__all__ = ["TerminalView"]

_DIM, _NORMAL, _CLEAR_LINE = "\x1b[2m", "\x1b[0m", "\r\x1b[K"
_BAR = "│ "


class TerminalView:
    """Writes to `out`, by default standard output. Thinking has a bar in front; on a terminal it is dim.

    An answer that is data (`plan`) is written when it is whole; until then a terminal counts its rows.
    """

    def __init__(self, out: TextIO | None = None, *, plan: Schema | None = None, brief: bool = False) -> None:
        self.run_id = uuid.uuid4().hex
        self._out = sys.stdout if out is None else out
        self._fancy = self._out.isatty()
        self._thinking = Cleaner()
        self._answer = Cleaner()
        self._plan = plan
        self._brief = brief
        self._rows = growing_rows(plan)
        self._part = ""  # what is being written: "thinking", "answer", "call …", "data" (which is not)
        self._column = 0  # characters in the line so far, for knowing whether it is empty
        self._waiting = False

    def start(self, title: str) -> None:
        pass

    def interval(self, progress: Progress) -> float:
        return 1 / 20

    def update(self, events: Sequence[Event], progress: Progress, budget_left: Cost | None) -> None:
        new = news(events)
        if new.refused:
            self._write("refused", f"{reveal(plain(words.asking_again(new.refused.problems)))}\n")
            self._rows = growing_rows(self._plan)
        self._write("thinking", self._thinking.feed(new.thinking))
        if self._plan is None:
            self._write("answer", self._answer.feed(new.answer))
        elif new.answer:
            self._count(new.answer)
        for call in new.calls:
            if call.name:
                self._write(f"call {call.index}", f"{reveal(plain(call.name))} ")
            self._write(f"call {call.index}", reveal(plain(call.arguments)))
        if self._part in ("", "data") and self._fancy:
            doing = f"{words.status(progress)} {_('{seconds:.0f} s').format(seconds=progress.seconds)}"
            rows = f" · {plain(self._rows.caption())}" if self._part and self._rows else ""
            self._out.write(f"{_CLEAR_LINE}{_DIM}{doing}{rows}{_NORMAL}")
            self._waiting = True
        self._out.flush()

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        self._write("thinking", self._thinking.end())
        footer = words.footer(completion, budget_left)
        if self._plan is not None:
            from glm_magics.views.final import final  # which needs the Markdown parser

            self._begin("whole")
            self._out.write(final(completion, footer, plan=self._plan, brief=self._brief)["text/plain"])
            self._out.flush()
            return
        self._write("answer", self._answer.end())
        if completion.shown_sources:
            lines = "\n".join(f"- {source}" for source in completion.shown_sources)
            self._write("sources", plain(lines))
        self._begin("footer")
        for line in (*completion.notes, footer):
            self._out.write(self._dim(plain(line)) + "\n")
        self._out.flush()

    def _count(self, text: str) -> None:
        if self._part != "data":
            self._begin("data")
        if self._rows is not None:
            self._rows.feed(text)

    def _write(self, part: str, text: str) -> None:
        if not text:
            return
        if part != self._part:
            self._begin(part)
        if part in ("answer", "sources"):
            self._out.write(text)
        else:
            for line in text.splitlines(keepends=True):
                self._out.write(self._dim(line if self._column else _BAR + line))
                self._column = 0 if line.endswith("\n") else 1
        self._column = 0 if text.endswith("\n") else 1

    def _begin(self, part: str) -> None:
        if self._waiting:
            self._out.write(_CLEAR_LINE)
            self._waiting = False
        if self._part:
            self._out.write("\n\n" if self._column else "\n")
        self._part, self._column = part, 0

    def _dim(self, text: str) -> str:
        line = text.rstrip("\n")
        return f"{_DIM}{line}{_NORMAL}{text[len(line) :]}" if self._fancy else text
