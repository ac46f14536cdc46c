"""How well a tier does on rows like these: a random sample is asked, and compared with what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from glm_magics import template
from glm_magics._options import Options
from glm_magics.errors import RequestError
from glm_magics.frames.check_report import Check, Side, reported
from glm_magics.frames.job import Job, JobOptions
from glm_magics.frames.measured import ask_measured, fields_of
from glm_magics.frames.rows import check_number
from glm_magics.rows.plan import record_schema
from glm_magics.rows.work import START

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Unpack

    from glm_magics.frames.prompts import RowTask

__all__ = ["Truth", "check"]

Truth: TypeAlias = "str | Sequence[str] | Mapping[str, str] | pd.Series[Any] | pd.DataFrame | None"


def check(
    frame: pd.DataFrame,
    task: RowTask,
    *,
    truth: Truth = None,
    schema: Any = None,
    column: str = "answer",
    tier: str | None = None,
    against: str | None = None,
    sample: int = 200,
    seed: int = 0,
    tolerance: float = 0.0,
    **options: Unpack[JobOptions],
) -> Check:
    """Ask `task` of the tier for a random `sample` of the rows, and of the tier `against`, and compare.

    `truth` is the right answer: a column, or a Series with the frame's index; for several fields the columns
    that are named like them, a mapping of field to column, or a DataFrame. Its columns are not sent, and rows
    where it is missing are not drawn. Without it there has to be another tier, and how far the two agree is
    what comes back. The same `seed` draws the same rows. Numbers count as right within `tolerance`, a share
    of the true value.

    An answer that cannot be used, or is refused, counts as wrong; rows that were not answered for another
    reason (the network, the budget, an interrupt) are not counted. Bounds are 95 % Wilson intervals. The
    options are those of `map`, for both tiers together. Raises `RequestError` for what cannot be compared,
    else what `map` raises.
    """
    check_number("sample", sample, others=())
    job = Job(options)
    names = [tier, against] if against is not None else [tier]
    ids = [job.session.find_tier(name or job.session.defaults.tier).id for name in names]
    if len(set(ids)) < len(ids):
        raise RequestError(f"against={against!r}: that is the tier itself.", hint="Name another tier.")
    fields = fields_of(record_schema(str if schema is None else schema, column))
    known, used = _truths(frame, truth, fields)
    if known is None and against is None:
        raise RequestError(
            "There is nothing to compare with.", hint='Give truth="column", against="tier", or both.'
        )
    _keep_truth_out(task, used)
    drawn = _drawn(frame, known, sample, seed)
    asked = frame.iloc[drawn].drop(columns=[name for name in used if name in frame.columns])
    together = (
        "auto" if schema is None else START
    )  # as in a long run, so that a row costs what it would there
    sides = []
    for id in ids:
        how = job.how(
            task, schema, title=f"{id}: ", options=Options(tier=id), column=column, rows_per_request=together
        )
        result, measured = ask_measured(job, asked, how)
        sides.append(Side(result, measured))
    right = None if known is None else known.iloc[drawn]
    return reported(frame.iloc[drawn], sides, right, fields, tolerance)


def _truths(frame: pd.DataFrame, truth: Any, fields: list[str]) -> tuple[pd.DataFrame | None, list[str]]:
    """The right answers, a column for each field that has one, row by row as in `frame`; and which columns of
    the frame they stand in."""
    import pandas as pd

    if truth is None:
        return None, []
    if isinstance(truth, (pd.Series, pd.DataFrame)):
        return _of_rows(truth, frame, fields), []
    if isinstance(truth, Mapping):
        columns = dict(truth)
    elif isinstance(truth, str):
        columns = {truth if truth in fields else _only(fields): truth}
    else:
        columns = {name: name for name in truth}
    for field, name in columns.items():
        if field not in fields:
            raise RequestError(f"truth: the answer has no field {field!r}.", hint=_listed("Fields", fields))
        if list(frame.columns).count(name) != 1:
            listed = _listed("Columns", [str(known) for known in frame.columns])
            raise RequestError(f"truth={name!r}: expected a column of the frame.", hint=listed)
    known = pd.DataFrame({field: frame[name].array for field, name in columns.items()}, index=frame.index)
    return known, list(columns.values())


def _of_rows(truth: Any, frame: pd.DataFrame, fields: list[str]) -> pd.DataFrame:
    known: pd.DataFrame = truth
    if truth.ndim == 1:
        known = truth.to_frame(truth.name if truth.name in fields else _only(fields))
    if unknown := [str(name) for name in known.columns if name not in fields]:
        raise RequestError(f"truth: the answer has no field {unknown[0]!r}.", hint=_listed("Fields", fields))
    if known.index.equals(frame.index):
        return known
    if not known.index.is_unique or not known.index.isin(frame.index).any():
        raise RequestError("truth: its index does not say which rows of the frame it is about.")
    return known.reindex(frame.index)


def _only(fields: list[str]) -> str:
    if len(fields) == 1:
        return fields[0]
    raise RequestError(
        "truth: the answer has several fields.",
        hint=f'Give a column for each: truth={{"{fields[0]}": "column", …}}. {_listed("Fields", fields)}',
    )


def _listed(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(names[:20])}."


def _keep_truth_out(task: RowTask, used: Sequence[str]) -> None:
    shown = [name for name in template.names(task) if name in used] if isinstance(task, str) else []
    if shown:
        raise RequestError(
            f"The prompt shows {{{{{shown[0]}}}}}, which is the truth itself.",
            hint="Leave it out of the prompt. Nothing was sent.",
        )


def _drawn(frame: pd.DataFrame, known: pd.DataFrame | None, sample: int, seed: int) -> list[int]:
    """The positions of a random sample, in the order of the frame."""
    import numpy as np

    fit = np.arange(len(frame)) if known is None else np.flatnonzero(known.notna().all(axis=1).to_numpy())
    if not len(fit):
        raise RequestError("There is no row to check.", hint="Of each, the truth has to be known.")
    chosen = np.random.default_rng(seed).choice(fit, size=min(sample, len(fit)), replace=False)
    return [int(at) for at in np.sort(chosen)]
