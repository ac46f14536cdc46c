"""The live view: one small widget, fed with new material only, replaced at the end by the static output.

Messages, not traits: a trait would be sent whole each time, and stay in the saved notebook. Their fields
are described in `widgets/src/answer.js`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from glm_magics._assets import script, style
from glm_magics._lang import _
from glm_magics._stream import Progress
from glm_magics.chat import AskedAgain, Completion, Cost, Event, ToolCallDelta
from glm_magics.render import reveal
from glm_magics.views import words
from glm_magics.views.final import final, json_as_markdown
from glm_magics.views.news import news
from glm_magics.views.output import replace_output, show_object
from glm_magics.views.parts import Part, Rows, Section, Words

if TYPE_CHECKING:
    from glm_magics.structured.schema import Schema

__all__ = ["PIN_SECONDS", "LiveView", "retire"]

PIN_SECONDS = 0.08  # from the message that holds the output's height to the swap
_FACTS_SECONDS = 0.25

# Twenty updates a second look like writing. Each costs about 0.6 kB whatever it holds, so an answer that goes
# on is shown in larger steps, down to two a second: after T seconds, at most 400 (1 + ln(T / 20)) of them.
_FASTEST, _SLOWEST, _STEPS = 1 / 20, 1 / 2, 400
_FASTEST_ROWS = 1 / 10  # rows come whole, and each time all that are in sight are new


# A page that was loaded anew while the answer streamed never hears of the swap: it shows the widget, and asks
# for it once the kernel is free. So a widget lives until the next answer begins.
_retired: list[Any] = []


def retire(widget: Any) -> None:
    """Close a widget that is no longer shown, when the next one begins."""
    _retired.append(widget)


class LiveView:
    """A widget in the output. With `swap` the static output takes its place at the end; without, it stays.

    `plan` is the schema of the data that was asked for; `brief` leaves the data out of the static output.
    """

    def __init__(self, *, swap: bool = True, plan: Schema | None = None, brief: bool = False) -> None:
        self.run_id = uuid.uuid4().hex
        self.swaps = swap
        self._plan = plan
        self._brief = brief
        self._has_rows = plan is not None and plan.shape == "rows"
        self._thinking = Section()
        self._answer: Part
        self._calls: list[tuple[int, str, str]] = []
        self._latest: dict[str, Any] = {}  # the fields that replace what was there
        self._title = ""
        self._facts_at = 0.0
        self._sent = 0
        self._replay = self._over = False

    def start(self, title: str) -> None:
        while _retired:
            _retired.pop().close()
        self._widget = self._open()
        self._widget.on_msg(self._asked)
        self._title = title
        self._send(title=title, status=_("Waiting"), facts=[title])
        self._answer = self._empty_answer()  # which may load pandas, while nothing has come yet

    def interval(self, progress: Progress) -> float:
        fastest = _FASTEST_ROWS if self._has_rows else _FASTEST
        return min(max(fastest, progress.seconds / _STEPS), _SLOWEST)

    def update(self, events: Sequence[Event], progress: Progress, budget_left: Cost | None) -> None:
        new = news(events)
        if new.refused:
            self._begin_again(new.refused)
        self._thinking.feed(new.thinking)
        thinking = self._thinking.ops(over=bool(new.answer or new.calls))
        self._answer.feed(new.answer)
        calls = [_call_piece(call) for call in new.calls]
        self._calls += calls
        self._send(
            thinking=thinking,
            tools=calls,
            status=words.status(progress),
            **self._answer.fields(),
            **self._figures(progress, budget_left),
        )
        if self._replay:
            self._replay = False
            self._send_all()

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        summary = words.thinking_summary(
            completion.thinking_seconds, completion.usage.reasoning_tokens, over=True
        )
        self._over = True
        if self._plan is not None and completion.value is None:
            self._show_as_text(completion)
        self._answer.feed(words.sources(completion))
        self._send(
            thinking=self._thinking.ops(over=True),
            status=words.ending(completion),
            summary=summary,
            facts=words.facts(completion, budget_left),
            notes=list(completion.notes),
            end=1,
            **self._answer.fields(over=True),
            **({"pin": 1} if self.swaps else {}),
        )
        if self.swaps:
            time.sleep(PIN_SECONDS)
            footer = words.footer(completion, budget_left)
            bundle = final(completion, footer, plan=self._plan, brief=self._brief)
            replace_output(bundle, display_id=self.run_id, record=words.record(completion))
            retire(self._widget)

    def _open(self) -> Any:
        """The widget, displayed."""
        widget = _widget_class()(run_id=self.run_id, words=words.of_widget())
        show_object(widget, display_id=self.run_id)
        return widget

    def _empty_answer(self) -> Part:
        if self._plan is not None and self._has_rows:
            return Rows(self._plan)
        return Words(data=self._plan is not None)

    def _begin_again(self, refused: AskedAgain) -> None:
        """Forget the answer so far, but not the thinking, and say why."""
        self._answer, self._calls = self._empty_answer(), []
        self._facts_at = 0.0  # the second request counts its own seconds
        self._latest["notes"] = [reveal(words.asking_again(refused.problems))]
        self._send_all()

    def _show_as_text(self, completion: Completion) -> None:
        """What came is not the data that was asked for: show what it is instead."""
        self._answer = Words()
        self._answer.feed(json_as_markdown(completion.text))
        self._send_all()

    def _figures(self, progress: Progress, budget_left: Cost | None) -> dict[str, Any]:
        """Numbers change often and are read seldom: four times a second."""
        if progress.seconds - self._facts_at < _FACTS_SECONDS:
            return {}
        self._facts_at = progress.seconds
        figures: dict[str, Any] = {"facts": [self._title, *words.facts_so_far(progress, budget_left)]}
        if self._thinking.text:
            figures["summary"] = words.thinking_summary(
                progress.thinking_seconds, progress.usage.reasoning_tokens, over=progress.phase != "thinking"
            )
        return figures

    def _send(self, **fields: Any) -> None:
        """Send what is there and new."""
        new = {name: value for name, value in fields.items() if value and self._latest.get(name) != value}
        self._latest |= {
            name: new[name] for name in ("title", "status", "summary", "facts", "notes") if name in new
        }
        if new:
            self._widget.send({"seq": self._sent, **new})
            self._sent += 1

    def _asked(self, widget: Any, content: Any, buffers: Any) -> None:
        """The browser missed something, or shows the widget anew: it wants everything.

        Often called in another thread; while the answer streams, the next update sees to it.
        """
        if isinstance(content, dict) and content.get("replay"):
            if self._over:
                self._send_all()
            else:
                self._replay = True

    def _send_all(self) -> None:
        latest, self._latest = self._latest, {}
        self._send(
            reset=1,
            thinking=self._thinking.all_ops(),
            tools=self._calls,
            end=1 if self._over else 0,
            **self._answer.all_fields(),
            **latest,
        )


def _call_piece(call: ToolCallDelta) -> tuple[int, str, str]:
    return call.index, f"{reveal(call.name)} " if call.name else "", reveal(call.arguments)


@cache
def _widget_class() -> Any:
    """Made when first needed: anywidget takes longer to import than all the rest."""
    import anywidget
    import traitlets

    class LiveAnswer(anywidget.AnyWidget):
        _esm = script("stream.js")
        _css = style("stream.css", "table.css")
        run_id = traitlets.Unicode().tag(sync=True)
        words = traitlets.Dict().tag(sync=True)

        def __repr__(self) -> str:
            return "(an answer, while it was being written)"

    return LiveAnswer
