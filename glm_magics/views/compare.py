"""Several answers side by side: one widget with a column for each, and at the end one static output."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from glm_magics._assets import script, style
from glm_magics._lang import _
from glm_magics.chat import Completion, Cost
from glm_magics.render.compared import Compared, compared
from glm_magics.views import words
from glm_magics.views.final import final
from glm_magics.views.live import PIN_SECONDS, LiveView, retire
from glm_magics.views.output import replace_output, show, show_object
from glm_magics.views.static import QuietView, StaticView

if TYPE_CHECKING:
    from glm_magics.structured.schema import Schema
    from glm_magics.views.follow import View

__all__ = ["columns"]


def columns(view: View, titles: Sequence[str], *, plan: Schema | None = None) -> list[View]:
    """A view for each of several answers, of the kind of `view`, which is the one for a single answer."""
    if isinstance(view, LiveView):
        together = _Together(plan, swap=view.swaps)
        together.views = [_LiveColumn(together, number, plan) for number in range(len(titles))]
        together.titles = titles
        return list(together.views)
    if isinstance(view, QuietView) and not isinstance(view, StaticView):
        return [QuietView() for _ in titles]
    together = _Together(plan, swap=False)
    together.views = [_Column(together) for _ in titles]
    return list(together.views)


class _Together:
    """What the columns have in common: the answers, shown as one output when all have come."""

    def __init__(self, plan: Schema | None, *, swap: bool) -> None:
        self.views: list[Any] = []
        self.titles: Sequence[str] = ()
        self.swap = swap
        self.display_id = uuid.uuid4().hex
        self._plan = plan
        self._finished: dict[int, tuple[Completion, Cost | None]] = {}

    def finished(self, view: View, completion: Completion, left: Cost | None) -> bool:
        """Take an answer; whether it was the last."""
        self._finished[self.views.index(view)] = completion, left
        return len(self._finished) == len(self.views)

    def bundle(self) -> tuple[dict[str, str], dict[str, Any]]:
        each = [self._finished[number] for number in range(len(self.views))]
        shown = [self._shown(completion) for completion, _ in each]
        left = [left for _, left in each if left is not None]
        nearest = min(left, key=lambda cost: cost.amount, default=None)
        record = {"version": 1, "compared": [words.record(completion) for completion, _ in each]}
        return compared(shown, _("{money} left").format(money=nearest) if nearest is not None else ""), record

    def _shown(self, completion: Completion) -> Compared:
        data = ""
        if self._plan is not None and completion.value is not None:
            data = final(completion, "", plan=self._plan)["text/plain"]
        return Compared(words.title(completion), completion, words.footer(completion), data)


class _Column(QuietView):
    """Nothing until all answers are there."""

    def __init__(self, together: _Together) -> None:
        super().__init__()
        self._together = together

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        if self._together.finished(self, completion, budget_left):
            bundle, record = self._together.bundle()
            show(bundle, record=record)


# ------------------------------------------------------------------------------------------ live


class _LiveColumn(LiveView):
    """The live view of one answer, whose messages go to its column of the common widget."""

    def __init__(self, together: _Together, number: int, plan: Schema | None) -> None:
        super().__init__(swap=False, plan=plan)
        self._together = together
        self._number = number

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        super().finish(completion, budget_left)
        if self._together.finished(self, completion, budget_left) and self._together.swap:
            self._send(pin=1)
            time.sleep(PIN_SECONDS)
            bundle, record = self._together.bundle()
            replace_output(bundle, display_id=self._together.display_id, record=record)
            retire(self._widget.whole)

    def _open(self) -> Any:
        if self._number == 0:
            run_ids = [view.run_id for view in self._together.views]
            widget = _widget_class()(
                run_ids=run_ids, titles=list(self._together.titles), words=words.of_widget()
            )
            show_object(widget, display_id=self._together.display_id)
        else:
            widget = self._together.views[0]._widget.whole
        return _Channel(widget, self._number)


class _Channel:
    """The part of the common widget that one column is."""

    def __init__(self, whole: Any, number: int) -> None:
        self.whole = whole
        self._number = number

    def send(self, content: dict[str, Any]) -> None:
        self.whole.send({"column": self._number, "content": content})

    def on_msg(self, asked: Any) -> None:
        def asked_here(widget: Any, message: Any, buffers: Any) -> None:
            if isinstance(message, dict) and message.get("column") == self._number:
                asked(widget, message.get("content"), buffers)

        self.whole.on_msg(asked_here)


@cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    class LiveComparison(anywidget.AnyWidget):
        _esm = script("compare.js")
        _css = style("stream.css", "table.css", "compare.css")
        run_ids = traitlets.List(traitlets.Unicode()).tag(sync=True)
        titles = traitlets.List(traitlets.Unicode()).tag(sync=True)
        words = traitlets.Dict().tag(sync=True)

        def __repr__(self) -> str:
            return "(answers, while they were being written)"

    return LiveComparison
