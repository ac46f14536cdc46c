"""Views without a widget: the whole answer at the end, or growing gently, or nothing at all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from glm_magics._lang import _
from glm_magics._stream import Progress
from glm_magics.chat import Completion, Cost, Event
from glm_magics.render import canonical, static_table
from glm_magics.views import words
from glm_magics.views.final import final, json_as_markdown
from glm_magics.views.news import News, news
from glm_magics.views.output import replace_output, show
from glm_magics.views.rows import GrowingRows, first_rows, growing_rows

if TYPE_CHECKING:
    from glm_magics.structured.schema import Schema

__all__ = ["GentleView", "QuietView", "StaticView"]

_NEVER = float("inf")


class QuietView:
    """Shows nothing: the name that the answer is bound to is all there is."""

    def __init__(self) -> None:
        self.run_id = uuid.uuid4().hex

    def start(self, title: str) -> None:
        pass

    def interval(self, progress: Progress) -> float:
        return _NEVER

    def update(self, events: Sequence[Event], progress: Progress, budget_left: Cost | None) -> None:
        pass

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        pass


class StaticView(QuietView):
    """Shows the answer when it is there. `note` says why it does not show more."""

    def __init__(self, note: str = "", *, plan: Schema | None = None, brief: bool = False) -> None:
        super().__init__()
        self._note = note
        self._plan = plan
        self._brief = brief

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        footer = words.footer(completion, budget_left)
        footer = f"{footer} · {self._note}" if self._note else footer
        bundle = final(completion, footer, plan=self._plan, brief=self._brief)
        show(bundle, record=words.record(completion))


class GentleView(StaticView):
    """The answer so far, sent whole again and again, where widgets would stay in the notebook (Colab).

    Four times a second at first, then ever more seldom, so that the bytes grow with the answer and not
    with its square. Of rows it shows the first, and their number.
    """

    def __init__(self, *, plan: Schema | None = None, brief: bool = False) -> None:
        super().__init__(plan=plan, brief=brief)
        self._begin()

    def start(self, title: str) -> None:
        show(_growing_text("", _("Waiting")), display_id=self.run_id)

    def interval(self, progress: Progress) -> float:
        return max(0.25, progress.usage.output_tokens / 10_000)

    def update(self, events: Sequence[Event], progress: Progress, budget_left: Cost | None) -> None:
        new = news(events)
        if new.refused:
            self._begin(words.asking_again(new.refused.problems))
        doing = " · ".join(
            [
                *([self._again] if self._again else []),
                words.status(progress),
                _("{seconds:.0f} s").format(seconds=progress.seconds),
            ]
        )
        replace_output(self._so_far(new, doing), display_id=self.run_id)

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        bundle = final(completion, words.footer(completion, budget_left), plan=self._plan, brief=self._brief)
        replace_output(bundle, display_id=self.run_id, record=words.record(completion))

    def _begin(self, again: str = "") -> None:
        self._again = again
        self._text: list[str] = []
        self._rows = growing_rows(self._plan)

    def _so_far(self, new: News, doing: str) -> dict[str, str]:
        if self._rows is not None:
            self._rows.feed(new.answer)
            return _growing_table(self._rows, doing)
        self._text.append(new.answer)
        text = "".join(self._text)
        return _growing_text(text if self._plan is None else json_as_markdown(text), doing)


def _growing_text(text: str, doing: str) -> dict[str, str]:
    whole = f"{text}\n\n*{doing}*" if text else f"*{doing}*"
    return {"text/markdown": canonical(whole), "text/plain": doing}


def _growing_table(rows: GrowingRows, doing: str) -> dict[str, str]:
    table = first_rows(rows.columns, rows.rows, more=False)
    return static_table(table, Completion(""), summary=rows.caption(), footer=doing)
