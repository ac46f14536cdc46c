"""Views without a widget: the whole answer at the end, or growing gently, or nothing at all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from glm_magics._stream import Progress
from glm_magics.chat import Completion, Cost, Event
from glm_magics.render import canonical, static
from glm_magics.views import words
from glm_magics.views.news import news
from glm_magics.views.output import replace_output, show

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

    def __init__(self, note: str = "") -> None:
        super().__init__()
        self._note = note

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        footer = words.footer(completion, budget_left)
        footer = f"{footer} · {self._note}" if self._note else footer
        show(static(completion, footer), record=words.record(completion))


class GentleView(QuietView):
    """Markdown sent whole again and again, for front ends that keep widgets in the notebook (Colab).

    Four times a second at first, then ever more seldom, so that the bytes grow with the answer and not
    with its square.
    """

    def __init__(self) -> None:
        super().__init__()
        self._text: list[str] = []

    def start(self, title: str) -> None:
        show(_growing("", "Waiting"), display_id=self.run_id)

    def interval(self, progress: Progress) -> float:
        return max(0.25, progress.usage.output_tokens / 10_000)

    def update(self, events: Sequence[Event], progress: Progress, budget_left: Cost | None) -> None:
        self._text.append(news(events).answer)
        doing = f"{words.status(progress)} · {progress.seconds:.0f} s"
        replace_output(_growing("".join(self._text), doing), display_id=self.run_id)

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        bundle = static(completion, words.footer(completion, budget_left))
        replace_output(bundle, display_id=self.run_id, record=words.record(completion))


def _growing(text: str, doing: str) -> dict[str, str]:
    whole = f"{text}\n\n*{doing}*" if text else f"*{doing}*"
    return {"text/markdown": canonical(whole), "text/plain": doing}
