"""A prompt over the rows of any part of a table, as one function that can be sent to other processes.

Engines that split a table call it for each part, a pandas DataFrame. `ddf.glm` does so for Dask. For others,
with `ask = glm.rows_function("Classify {{text}}", schema="label: good|bad", concurrency=5)`:

    # Ray Data
    dataset.map_batches(ask, batch_format="pandas", batch_size=1_000, concurrency=4)

    # Spark, for a table with the column `text`
    answered = "text string, label string, _glm_status string, _glm_error string, _glm_raw string"
    table.mapInPandas(lambda parts: map(ask, parts), f"{answered}, _glm_rows_per_request long")

These two follow the engines' documentation; they are not part of the tests. `concurrency` holds in each
process: with four of them, give a quarter of what the account allows. Both engines run a part again when a
worker is lost: the cache, which the processes of a machine share, keeps what was paid.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from glm_magics import api
from glm_magics._options import Options
from glm_magics.frames.elsewhere import Elsewhere
from glm_magics.frames.operators import frame_of
from glm_magics.frames.outcome import with_answers
from glm_magics.frames.progress import Progress
from glm_magics.frames.prompts import RowTask
from glm_magics.frames.rows import CacheMode, How, answered, check_number, planned, settled
from glm_magics.rows.engine import Bounds, Run
from glm_magics.rows.loop import background
from glm_magics.rows.plan import record_schema
from glm_magics.rows.slots import Slots
from glm_magics.rows.work import RowsPerRequest

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics._session import Session

__all__ = ["RowsFunction", "rows_function"]


def rows_function(
    task: RowTask,
    *,
    schema: Any = None,
    tier: str | None = None,
    column: str = "answer",
    rows_per_request: RowsPerRequest = "auto",
    concurrency: int | None = None,
    budget: Decimal | float | str | None = None,
    cache: CacheMode = "on",
    system: str | None = None,
    think: bool | Literal["auto"] | None = "auto",
    temperature: float | None = None,
    max_answer_tokens: int | None = None,
) -> RowsFunction:
    """A function that asks `task` for every row of the DataFrame it is given, and can be pickled.

    The options are those of `df.glm.map`, and so is the result. The endpoint, the tier and all that the
    session says now go along with it; a key does not: other processes read theirs from the environment.
    `concurrency` is the most requests in flight of each process. `budget` is a wall for all calls together,
    in whatever process of this machine.

    Raises a `GLMError` for what cannot work. Nothing is sent.
    """
    check_number("rows_per_request", rows_per_request, others=("auto",))
    check_number("concurrency", concurrency, others=(None,))
    options = Options(
        tier=tier,
        system=system,
        think=None if think == "auto" else think,
        temperature=temperature,
        max_tokens=max_answer_tokens,
    )
    how = How(
        task=task,
        schema=schema,
        options=options,
        says_how_to_think=think != "auto",
        column=column,
        rows_per_request=rows_per_request,
        cache=cache,
        progress=False,
        bounds=Bounds(concurrency),
    )
    return RowsFunction(how, api.session(), None if budget is None else api.read_amount(budget))


class RowsFunction:
    """DataFrame in, DataFrame with answers out: see `rows_function`.

    In the process that made it, it asks through that session's connection and enters in its ledger.
    """

    def __init__(self, how: How, session: Session, budget: Decimal | None = None) -> None:
        tier = session.find_tier(how.options.over(session.defaults).tier)
        options = replace(settled(session, how), tier=tier.id)
        session.request("-", options)  # raises for what the tier cannot do
        self.record = record_schema(str if how.schema is None else how.schema, how.column)
        self.how = replace(how, options=options, says_how_to_think=True)
        self.id = uuid.uuid4().hex
        self.elsewhere = Elsewhere.of(session, tier, budget)
        self._home = (session.client, session.ledger)

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows with their answers. Raises a `GLMError` when the account refuses them all."""
        return self.asked(frame, slots=self.own_slots())[0]

    def meta(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The result without rows: its columns and their types, for a frame like this one (or its `meta`).

        Raises `TemplateError` for a name in the task that is no column.
        """
        none = frame_of(frame).iloc[:0]
        planned(none, self.how, self.session())
        return with_answers(none, [], {}, self.record)

    def asked(
        self, frame: pd.DataFrame, *, slots: Slots | None, is_over: Callable[[], bool] = lambda: False
    ) -> tuple[pd.DataFrame, bool]:
        """The rows with their answers, within `slots` shared with others; and whether they were cut short, by
        an interrupt or because `is_over`, asked ten times a second, said so.
        """
        frame = frame_of(frame)
        if frame.empty:
            return with_answers(frame, [], {}, self.record), False
        result, run, _ = answered(frame, self.how, self.session(), _Unseen(is_over), slots=slots)
        result.attrs = dict(frame.attrs)
        return result, run.is_stopped

    @property
    def is_at_home(self) -> bool:
        """Whether this is the process that made it, and not a copy elsewhere."""
        return self._home is not None

    @property
    def limit(self) -> int | None:
        """The most requests in flight: what was given, else what is known of the account."""
        address, tier = self.elsewhere.address, self.elsewhere.tier
        return self.how.bounds.concurrency or tier.concurrency.get(address.level or address.name)

    def session(self) -> Session:
        """The session that it asks with. Raises `SettingError` where this process cannot have it."""
        return self.elsewhere.away() if self._home is None else self.elsewhere.at_home(*self._home)

    def own_slots(self) -> Slots | None:
        """The slots of this process, where `concurrency` was given."""
        most = self.how.bounds.concurrency
        return background().slots(self.id, most) if most is not None else None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_home": None}

    def __dask_tokenize__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return (
            f"<rows of {self.elsewhere.tier.id}: {', '.join(self.record.json_schema.get('properties', ()))}>"
        )


class _Unseen(Progress):
    """Shows nothing, and ends the run when nobody wants it any more."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        super().__init__(shown=False)
        self._is_over = is_over

    def show(self, run: Run) -> None:
        if self._is_over():
            background().soon(run.stop)
