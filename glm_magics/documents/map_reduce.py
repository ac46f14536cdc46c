"""A question about documents that do not fit: notes on each part, joined until they fit, then one answer.

To its reader it is a stream like any other: nothing comes while the parts are read, then the answer does. All
its requests stay behind one wall of money and stand in the session's ledger as rows of their own.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from glm_magics._options import Options
from glm_magics._session import Session
from glm_magics._stream import Progress, Pulled, Stream
from glm_magics.chat import Completion, Event, Message
from glm_magics.documents.document import Document
from glm_magics.documents.outcome import remarks, sources, total_cost, total_usage, written
from glm_magics.documents.plan import make_plan, refuse_beyond_budget
from glm_magics.documents.prompts import Note, answering, joining
from glm_magics.documents.rounds import Question, Round
from glm_magics.errors import GLMError
from glm_magics.ledger import Budget, Ledger
from glm_magics.tokens import estimate

__all__ = ["MapReduce", "note_groups", "note_tokens"]


class MapReduce(Pulled):
    """Reads `documents` part by part for the task in the last of `messages`. Used as a `Stream` is.

    Raises at once, with nothing sent, what `make_plan` raises, and `BudgetExceeded` where the budget is too
    small to read all parts. A part that could not be read is named in the answer's notes; an error that ends
    the whole carries what was noted so far in `.completion`.
    """

    def __init__(
        self,
        session: Session,
        messages: Sequence[Message],
        documents: Sequence[Document],
        *,
        options: Options,
        label: str = "ask",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run_id = uuid.uuid4().hex
        self.done = False
        self._session = session
        self._job = _job(session, options)
        self._options = replace(options, budget=None)
        self._label = label
        self._clock = clock
        self._began, self._started_at = clock(), time.time()
        self._stop = threading.Event()
        self.plan = make_plan(self._job, messages, documents, self._options)
        refuse_beyond_budget(self._job, self.plan)
        self._missing: dict[str, str] = {}
        self._notes: list[Note] = []
        self._level = 0
        self._material = [Note((part.id,), "") for part in self.plan.parts]  # what the round is about
        self._round = self._asked_in_a_round(
            [
                Question(request, f"{label} {part.id}")
                for part, request in zip(self.plan.parts, self.plan.requests, strict=True)
            ]
        )
        self._answer: Stream | None = None
        self._final: Completion | None = None

    def begin(self) -> None:
        """Send the first requests now."""
        if not self.done and self._answer is None:
            self._guarded(lambda: self._round.poll(0.0))

    def poll(self, timeout: float) -> list[Event]:
        """The events of the answer that have come, waiting up to `timeout` seconds; [] until it begins."""
        if self.done:
            return []
        if self._stop.is_set():
            self._end("stopped")
            return []
        return self._guarded(lambda: self._step(timeout))

    def stop(self) -> None:
        """End here, as the Stop button does. Safe from any thread; the next `poll` acts on it."""
        self._stop.set()

    def interrupt(self) -> None:
        """End here, as Ctrl-C does: no request follows, and what was finished stays."""
        if not self.done:
            self._end("interrupted")

    @property
    def completion(self) -> Completion:
        """The answer: whole when `done`, else what there is so far."""
        return self._final or self._collected("incomplete")

    def progress(self) -> Progress:
        """Tokens and money of all requests so far, those in flight included."""
        answer = self._answer.progress() if self._answer is not None else None
        going = [] if self.done else [answer] if answer is not None else self._round.progress()
        settled = self._job.ledger.entries
        return Progress(
            phase="done" if self.done else answer.phase if answer is not None else "reading",
            seconds=self._clock() - self._began,
            first_token_seconds=None,
            thinking_seconds=answer.thinking_seconds if answer is not None else 0.0,
            usage=total_usage([entry.usage for entry in settled] + [each.usage for each in going]),
            cost=total_cost([entry.cost for entry in settled] + [each.cost for each in going]),
            note=answer.note if answer is not None else self._status(),
        )

    # -- one step after the other -------------------------------------------------------------------

    def _step(self, timeout: float) -> list[Event]:
        if self._answer is not None:
            events = self._answer.poll(timeout)
            if self._answer.done:
                self._end(self._answer.completion.finish_reason)
            return events
        self._round.poll(timeout)
        if self._round.done:
            self._collect()
            self._next()
        return []

    def _collect(self) -> None:
        """The notes of a round; those that could not be made are missing from then on."""
        self._notes = self._finished_notes()
        self._collecting = False
        for note, outcome in zip(self._material, self._round.outcomes, strict=True):
            if not _has_text(outcome):
                why = "no notes came" if not isinstance(outcome, GLMError) else outcome.message
                self._missing.update((id, why) for id in note.ids)
        if not self._notes:
            errors = (outcome for outcome in self._round.outcomes if isinstance(outcome, GLMError))
            raise next(errors, None) or GLMError(
                "No notes came on any part of the document.", hint="Ask again."
            )

    def _next(self) -> None:
        """Join notes while there are too many for one request; then ask for the answer."""
        fits = sum(map(note_tokens, self._notes)) <= self.plan.answer_tokens
        if fits or len(self._notes) == 1:
            self._answer = self._asked_for_the_answer()
            self._answer.begin()
            return
        self._level += 1
        groups = note_groups(self._notes, self.plan.group_tokens)
        self._material = [Note(tuple(id for note in group for id in note.ids), "") for group in groups]
        questions = [
            Question(
                self._job.request(self.plan.messages(joining(self.plan.task, group)), self.plan.options),
                f"{self._label} join {self._level}.{number}",
            )
            for number, group in enumerate(groups, 1)
        ]
        self._round = self._asked_in_a_round(questions)

    def _asked_in_a_round(self, questions: Sequence[Question]) -> Round:
        self._collecting = True
        return Round(questions, self._begin_one, at_once=self.plan.at_once)

    def _begin_one(self, question: Question) -> Stream:
        return self._job.stream(question.request, options=self.plan.options, label=question.label)

    def _asked_for_the_answer(self) -> Stream:
        prompt = answering(self.plan.task, self._notes, [id for id in self._ids() if id in self._missing])
        request = self._job.request(self.plan.messages(prompt), self._options)
        return self._job.stream(request, options=self._options, label=f"{self._label} answer")

    def _status(self) -> str:
        count = len(self.plan.parts)
        if not self._level:
            return f"{self._round.finished} of {count} parts"
        return f"notes on {count} parts, {self._round.finished} of {len(self._material)} joined"

    # -- the end ------------------------------------------------------------------------------------

    def _guarded(self, step: Callable[[], list[Event] | None]) -> list[Event]:
        try:
            return step() or []
        except GLMError as error:
            self._end("incomplete")
            error.completion = self._final
            raise

    def _end(self, reason: str) -> None:
        if self._answer is not None:
            self._answer.interrupt()
        self._keep_finished_notes()
        self._round.interrupt()
        self._final = self._collected(reason)
        self._session.last = self._final
        self.done = True

    def _keep_finished_notes(self) -> None:
        """What a round had finished when it was broken off, and what earlier rounds had on the rest."""
        if self._collecting:
            joined = self._finished_notes()
            have = {id for note in joined for id in note.ids}
            self._notes = [*joined, *(note for note in self._notes if not have.issuperset(note.ids))]

    def _finished_notes(self) -> list[Note]:
        return [
            replace(note, text=outcome.text.strip())
            for note, outcome in zip(self._material, self._round.outcomes, strict=True)
            if isinstance(outcome, Completion) and _has_text(outcome)
        ]

    def _collected(self, reason: str) -> Completion:
        """Usage and cost of all requests; the answer, or while there is none the notes."""
        answer = (
            self._answer.completion if self._answer is not None else Completion("", model=self.plan.tier.id)
        )
        settled = self._job.ledger.entries
        return replace(
            answer,
            text=answer.text or written(self._notes),
            finish_reason=reason,
            usage=total_usage([entry.usage for entry in settled]),
            cost=total_cost([entry.cost for entry in settled]),
            endpoint=self._session.client.endpoint.name,
            started=self._started_at,
            first_token_seconds=None,
            seconds=self._clock() - self._began,
            notes=(*answer.notes, *remarks(self.plan, answer.text, self._notes, self._missing, len(settled))),
            sources=sources(self.plan.parts, answer.text, self._missing),
        )

    def _ids(self) -> list[str]:
        return [part.id for part in self.plan.parts]


def _job(session: Session, options: Options) -> Session:
    """The same endpoint and settings, with a ledger of its own: one wall for all requests."""
    walls = [amount for amount in (options.budget, session.cell_budget) if amount is not None]
    job = Session(session.client, session.defaults, policy=session.policy.without_money())
    job.ledger = Ledger(
        Budget(session.money(min(walls)), "this cell") if walls else None, parent=session.ledger
    )
    return job


def note_groups(notes: Sequence[Note], most: int) -> list[list[Note]]:
    """Neighbouring notes that fit into one request together, two at least, so that each round makes fewer."""
    groups: list[list[Note]] = [[]]
    size = 0
    for note in notes:
        if len(groups[-1]) >= 2 and size + note_tokens(note) > most:
            groups.append([])
            size = 0
        groups[-1].append(note)
        size += note_tokens(note)
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]  # a note is at most a third of the room beside a group
    return groups


def _has_text(outcome: Completion | GLMError | None) -> bool:
    return isinstance(outcome, Completion) and bool(outcome.text.strip())


def note_tokens(note: Note) -> int:
    """How many tokens a note takes in a prompt."""
    return estimate(note.text) + 20  # with the line above it
