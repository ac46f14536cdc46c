"""The runs of a cascade: the same row map, called on parts of the table for each tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glm_magics._options import Options
from glm_magics.chat import Cost
from glm_magics.errors import GLMError, RequestError
from glm_magics.frames.agreement import same_rows
from glm_magics.frames.job import Job, JobOptions
from glm_magics.frames.measured import Measured, ask_measured, fields_of
from glm_magics.frames.outcome import STATUS, with_answers
from glm_magics.frames.rows import How, RowOptions, estimate_rows
from glm_magics.frames.votes import Ballot
from glm_magics.rows.item import DONE, Answer
from glm_magics.rows.plan import record_schema
from glm_magics.rows.work import START
from glm_magics.structured.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics.frames.prompts import RowTask

__all__ = ["TIER", "Voted", "Work"]

TIER = "_glm_tier"
_FAILED = ("invalid", "refused")
_NOT_ASKED = ("pending", "skipped_budget")
_INTERRUPTED = "The run was interrupted."


@dataclass(frozen=True, slots=True, eq=False)
class Voted:
    """The cheap tier's answers by position in the frame, and whether it was sure of each. What was not
    answered at all, for want of money or time, is neither sure nor `unsure`."""

    answers: pd.DataFrame
    sure: pd.Series[Any]
    unsure: list[int]

    @classmethod
    def nothing(cls, like: Voted) -> Voted:
        return cls(like.answers.iloc[:0], like.sure.iloc[:0], [])


@dataclass(eq=False, slots=True)
class Work:
    """The runs of one cascade, behind one wall."""

    frame: pd.DataFrame
    task: RowTask
    cascade: Sequence[str]
    ballot: Ballot
    options: RowOptions
    tolerance: float = 0.0
    job: Job = field(init=False)
    record: Schema = field(init=False)
    fields: list[str] = field(init=False)

    def __post_init__(self) -> None:
        given: Any = {
            name: value for name, value in self.options.items() if name in JobOptions.__annotations__
        }
        self.job = Job(given)
        if self.cheap_tier == self.strong_tier:
            raise RequestError(f"cascade={list(self.cascade)!r}: both are {self.cheap_tier}.")
        self.record = record_schema(self.ballot.first, self.options.get("column", "answer"))
        self.fields = fields_of(self.record)

    @property
    def cheap_tier(self) -> str:
        return self.job.session.find_tier(self.cascade[0]).id

    @property
    def strong_tier(self) -> str:
        return self.job.session.find_tier(self.cascade[1]).id

    def how(self, tier: str, schema: Any, *, sampled: bool = False) -> How:
        """How a tier is asked. Samples travel with as many rows in a request as a long run begins with, so
        that a row costs what it would there."""
        given = self.options
        think, wanted = given.get("think", "auto"), given.get("rows_per_request", "auto")
        options = Options(
            tier=tier,
            system=given.get("system"),
            think=None if think == "auto" else think,
            temperature=given.get("temperature"),
            max_tokens=given.get("max_answer_tokens"),
        )
        return self.job.how(
            self.task,
            schema,
            title=f"{tier}: ",
            options=options,
            says_how_to_think=think != "auto",
            column=given.get("column", "answer"),
            rows_per_request=START if sampled and wanted == "auto" else wanted,
        )

    def ask(self, tier: str, at: list[int], schema: Any, *, sampled: bool = False) -> pd.DataFrame:
        """The answers for these positions. What the account refuses is pending, so that all that was answered
        before comes back; the first run raises it."""
        if not at or self.job.is_stopped:
            return self.pending(at, _INTERRUPTED)
        try:
            return self._asked(tier, at, schema, sampled=sampled)[0]
        except GLMError as error:
            if sampled:
                raise
            return self.pending(at, str(error))

    def calibrated(self, at: list[int]) -> tuple[pd.DataFrame, Cost | None]:
        """The strong tier's answers for the sample, and what a row cost."""
        if not at or self.job.is_stopped:
            return self.pending(at, _INTERRUPTED), None
        strong, measured = self._asked(self.strong_tier, at, self.ballot.first, sampled=True)
        return strong, measured.row_cost

    def _asked(
        self, tier: str, at: list[int], schema: Any, *, sampled: bool
    ) -> tuple[pd.DataFrame, Measured]:
        how = self.how(tier, schema, sampled=sampled)
        result, measured = ask_measured(self.job, self.frame.iloc[at], how)
        return result[list(self.pending([], "").columns)].set_axis(at), measured

    def pending(self, at: list[int], why: str) -> pd.DataFrame:
        import pandas as pd

        none = pd.DataFrame(index=pd.Index(at, dtype="int64"))
        return with_answers(none, [0] * len(at), {0: Answer("pending", error=why)}, self.record)

    def cheap(self, at: list[int], votes: int, *, sampled: bool = False) -> Voted:
        """The cheap tier's answers, and which of them it is sure about."""
        one = self.ask(self.cheap_tier, at, self.ballot.first, sampled=sampled)
        answered = one[STATUS].isin(list(DONE))
        unsure = one[STATUS].isin(_FAILED) | (answered & self.ballot.unsure(one))
        sure = answered & ~unsure
        if votes == 2:
            one, sure, unsure = self._second(one, sure, unsure)
        return Voted(one, sure, [int(position) for position in one.index[unsure]])

    def _second(self, one: pd.DataFrame, sure: Any, unsure: Any) -> tuple[pd.DataFrame, Any, Any]:
        """The same when a second vote has been heard about what the first was sure of."""
        import pandas as pd

        asked = [int(position) for position in one.index[sure]]
        two = self.ask(self.cheap_tier, asked, self.ballot.second)[list(one.columns)]
        two = two.astype({name: one.dtypes[name] for name in self.fields})
        answered = two[STATUS].isin(list(DONE))
        same = same_rows(one.loc[asked, self.fields], two[self.fields], self.tolerance)
        alike = answered & pd.Series(same, two.index)
        open_ = two.index[~answered & ~two[STATUS].isin(_FAILED)]
        one = pd.concat([one.drop(index=open_), two.loc[open_]]).loc[one.index] if len(open_) else one
        sure = alike.reindex(one.index, fill_value=False)
        changed = (~alike & ~two.index.isin(open_)).reindex(one.index, fill_value=False)
        return one, sure, unsure | changed

    def together(
        self, first: Voted, strong: pd.DataFrame, rest: Voted, escalated: pd.DataFrame, *, trusted: bool
    ) -> pd.DataFrame:
        """The frame with the answer that stands for each row, and whose it is."""
        import pandas as pd

        decided = strong[STATUS].isin(list(DONE)) & ~self.ballot.unsure(strong)
        cheaper = first.sure & ~decided if trusted else first.sure & False
        own = rest.answers.drop(index=escalated.index, errors="ignore")
        parts = [
            (self.cheap_tier, own),
            (self.cheap_tier, first.answers[cheaper]),
            (self.strong_tier, strong[~cheaper]),
            (self.strong_tier, escalated),
        ]
        marked = [part.assign(**{TIER: tier}) for tier, part in parts if len(part)]
        made = pd.concat(marked) if marked else strong.assign(**{TIER: ""})
        made = self.ballot.settled(made.sort_index())
        made[TIER] = made[TIER].where(~made[STATUS].isin(_NOT_ASKED)).astype("category")
        made = made.set_axis(self.frame.index)
        kept = self.frame.drop(columns=[name for name in made if name in self.frame.columns])
        return pd.concat([kept, made], axis=1)

    def money(self, row_cost: Cost | None, answered: int) -> dict[str, str | None]:
        """What was spent, and what the strong tier would have cost for the rows that were answered now."""
        spent = self.job.spent()["cost"]
        if spent is None:
            return {}
        alone = None if row_cost is None else str(round(row_cost.amount * answered, 9))
        return {"spent": str(spent.amount), "strong_only": alone, "currency": spent.currency}

    def estimate(self, drawn: list[int], votes: int) -> pd.DataFrame:
        """What each step costs: all rows of the cheap tier, the sample of the strong one, and, at most, all
        the others of it too. Nothing is sent."""
        import pandas as pd

        others = sorted(set(range(len(self.frame))) - set(drawn))
        steps = {"cheap": (self.cheap_tier, self.ballot.first, list(range(len(self.frame))))}
        if votes == 2:
            steps["second vote"] = (self.cheap_tier, self.ballot.second, list(range(len(self.frame))))
        steps["calibration"] = (self.strong_tier, self.ballot.first, drawn)
        steps["escalated, at most"] = (self.strong_tier, self.ballot.first, others)
        tables = {
            name: estimate_rows(self.frame.iloc[at], self.how(tier, schema)).iloc[:1]
            for name, (tier, schema, at) in steps.items()
        }
        return pd.concat(tables, names=["step"])
