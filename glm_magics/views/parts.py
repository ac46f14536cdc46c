"""The parts of a live answer on their way to the browser: each gives what is new for the next message.

`fields` are the message's fields since the last call, `all_fields` those for a page that has nothing yet;
what follows continues from there. The fields are described in `widgets/src/answer.js`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from glm_magics.render import Blocks
from glm_magics.render.text import Cleaner
from glm_magics.views.rows import GrowingRows, New, Row

if TYPE_CHECKING:
    from glm_magics.structured.schema import Schema

__all__ = ["Part", "Rows", "Section", "Words"]

_JSON_FENCE = "``````json\n"  # longer than any that JSON is likely to hold


class Part(Protocol):
    """What an answer is shown as."""

    def feed(self, text: str) -> None: ...
    def fields(self, *, over: bool = False) -> dict[str, Any]: ...
    def all_fields(self) -> dict[str, Any]: ...


class Section:
    """One Markdown text."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self._blocks = Blocks()
        self._open = False  # there is something that `over` has not settled

    def feed(self, text: str) -> None:
        if text:
            self.text.append(text)
            self._blocks.feed(text)
            self._open = True

    def ops(self, *, over: bool = False) -> dict[str, Any]:
        if not self._open:
            return {}
        ops = self._blocks.ops(final=over)
        if over:
            self._blocks, self._open = Blocks(), False
        return ops

    def all_ops(self) -> dict[str, Any]:
        """The ops for a browser that has nothing yet; what follows continues from there."""
        over = not self._open
        self._blocks, self._open = Blocks(), bool(self.text)
        self._blocks.feed("".join(self.text))
        return self.ops(over=over)


class Words:
    """An answer as Markdown. `data` says that JSON was asked for: if it comes bare, it is a block of code."""

    def __init__(self, *, data: bool = False) -> None:
        self._section = Section()
        self._raw = Cleaner()
        self._new: list[str] = []
        self._copied: list[str] = []
        self._may_be_bare = data

    def feed(self, text: str) -> None:
        if self._may_be_bare and text.strip():
            self._may_be_bare = False
            if text.lstrip()[:1] in ("{", "["):
                self._section.feed(_JSON_FENCE)
        self._section.feed(text)
        self._new.append(self._raw.feed(text))

    def fields(self, *, over: bool = False) -> dict[str, Any]:
        if over:
            self._new.append(self._raw.end())
        raw = "".join(self._new)
        self._new.clear()
        self._copied.append(raw)
        return {"answer": self._section.ops(over=over), "raw": raw}

    def all_fields(self) -> dict[str, Any]:
        self.fields()
        return {"answer": self._section.all_ops(), "raw": "".join(self._copied)}


class Rows:
    """An answer as the rows of a table. What is copied is the notebook's business: no raw text is sent."""

    def __init__(self, plan: Schema) -> None:
        self._growing = GrowingRows(plan)
        self._new: list[New] = []
        self._headed = False  # the columns are sent

    def feed(self, text: str) -> None:
        if text:
            self._new.append(self._growing.feed(text))

    def fields(self, *, over: bool = False) -> dict[str, Any]:
        if not (self._new or over):
            return {}
        rows = [row for new in self._new for row in new.rows]
        problems = [problem for new in self._new for problem in new.problems]
        tail = self._new[-1].tail if self._new and not over else None
        self._new.clear()
        return self._table(rows, problems, tail)

    def all_fields(self) -> dict[str, Any]:
        if not self._headed:
            return {}
        self._headed = False
        tail = self._new[-1].tail if self._new else None
        self._new.clear()
        return self._table(self._growing.rows, self._growing.problems, tail)

    def _table(self, rows: list[Row], problems: list[tuple[int, str]], tail: Row | None) -> dict[str, Any]:
        table: dict[str, Any] = {"tail": tail, "caption": self._growing.caption()}
        if not self._headed:
            columns = self._growing.columns
            numeric = [int(at in columns.numeric) for at in range(len(columns.names))]
            table["columns"] = list(zip(columns.names, columns.dtypes, numeric, strict=True))
            self._headed = True
        if rows:
            table["rows"] = rows
        if problems:
            table["problems"] = problems
        return {"table": table}
