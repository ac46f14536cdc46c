"""Two tiers for one table: all rows go to the cheap one, and those it is not sure about to the strong one.

How far the cheap tier can be relied on is measured first, on a random sample that both are asked about. The
API tells no probabilities of tokens, so a tier shows that it is unsure by its answer: it says so, it cannot
give a valid one, or it changes its mind when it is asked in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glm_magics.errors import RequestError
from glm_magics.frames.agreement import same_rows
from glm_magics.frames.cascade_report import CASCADE, CascadeReport
from glm_magics.frames.cascade_work import Voted, Work
from glm_magics.frames.interval import enough, wilson
from glm_magics.frames.outcome import STATUS
from glm_magics.frames.progress import Progress
from glm_magics.frames.rows import RowOptions, check_number
from glm_magics.frames.votes import ballot
from glm_magics.rows.item import DONE

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Unpack

    from glm_magics.frames.prompts import RowTask

__all__ = ["CascadeOptions", "map_cascade"]

_SAMPLE = 50


class CascadeOptions(RowOptions, total=False):
    """The options of `map`, and those of a cascade; see `map_cascade`."""

    cascade: Sequence[str] | None
    votes: int
    accuracy: float | None
    calibrate: int | None
    seed: int
    tolerance: float


def map_cascade(
    frame: pd.DataFrame,
    task: RowTask,
    *,
    schema: Any,
    cascade: Sequence[str],
    votes: int = 1,
    accuracy: float | None = None,
    calibrate: int | None = None,
    seed: int = 0,
    tolerance: float = 0.0,
    **options: Unpack[RowOptions],
) -> pd.DataFrame:
    """As `map_rows`, with `cascade`, a cheap tier and a strong one, in the place of `tier`.

    First a random sample goes to both: `calibrate` rows, else 50, or with `accuracy` as many as can show it
    in spite of a few disagreements. Then the others go to the cheap tier, and to the strong one go those
    where its answer is invalid or refused, where a label is "unsure", which is offered along with the others,
    and with `votes=2` those where a second answer, asked for with labels and fields the other way round, is
    another. Where the strong tier is unsure too, "unsure" stays. Numbers are the same within `tolerance`.

    With `accuracy` the cheap tier is used only where the lower bound of its measured agreement (95 % Wilson
    interval) reaches it; else all rows go to the strong one. The column `_glm_tier` says whose answer a row
    has, and `result.glm.report()` what was measured, spent and saved. `budget` and the other bounds hold for
    both tiers together. An interrupt gives back what is done. With `estimate`, what each step costs at most.

    Raises `RequestError` for what makes no cascade, else what `map_rows` raises.
    """
    _check(schema, cascade, votes, accuracy, options)
    sample = _sample_size(len(frame), accuracy, calibrate)
    votes_on = ballot(schema, options.get("column", "answer"), votes)
    work = Work(frame, task, cascade, votes_on, options, tolerance)
    drawn = _drawn(len(frame), sample, seed)
    if options.get("estimate"):
        return work.estimate(drawn, votes)
    others = sorted(set(range(len(frame))) - set(drawn))
    first = work.cheap(drawn, votes, sampled=True)
    strong, row_cost = work.calibrated(drawn)
    kept = first.sure & strong[STATUS].isin(list(DONE))
    agreed = same_rows(first.answers[kept][work.fields], strong[kept][work.fields], tolerance)
    found = wilson(int(agreed.sum()), int(kept.sum()))
    trusted = accuracy is None or found.low >= accuracy
    rest = work.cheap(others, votes) if trusted else Voted.nothing(first)
    upwards = rest.unsure if trusted else others
    escalated = work.ask(work.strong_tier, upwards, work.ballot.first)
    result = work.together(first, strong, rest, escalated, trusted=trusted)
    report = CascadeReport(
        cheap=work.cheap_tier,
        strong=work.strong_tier,
        rows=len(frame),
        calibrated=len(drawn),
        kept=found.of,
        agreed=found.good,
        accuracy=accuracy,
        trusted=trusted,
        stayed=int(rest.sure.sum()),
        escalated=len(upwards),
        unanswered=int((~result[STATUS].isin(list(DONE))).sum()),
        **work.money(row_cost, int(result[STATUS].isin([*DONE - {"cached"}]).sum())),
    )
    result.attrs = {**frame.attrs, CASCADE: report.plain()}
    Progress(shown=work.job.shows).close({"text/plain": str(report)})
    return result


def _check(schema: Any, cascade: Any, votes: int, accuracy: float | None, options: RowOptions) -> None:
    if isinstance(cascade, str) or len(cascade) != 2 or not all(isinstance(name, str) for name in cascade):
        raise RequestError(f"cascade={cascade!r}: expected two tiers, the cheap one first.")
    if options.get("tier") is not None:
        raise RequestError("tier and cascade: expected one of them.", hint="A cascade names its tiers.")
    if schema is None:
        raise RequestError("A cascade needs a schema: free texts cannot be compared.", hint="schema=…")
    if votes not in (1, 2) or isinstance(votes, bool):
        raise RequestError(f"votes={votes!r}: expected 1 or 2.")
    if accuracy is not None and not 0 < accuracy < 1:
        raise RequestError(f"accuracy={accuracy!r}: expected a share between 0 and 1, such as 0.95.")
    check_number("rows_per_request", options.get("rows_per_request", "auto"), others=("auto",))


def _sample_size(rows: int, accuracy: float | None, calibrate: int | None) -> int:
    check_number("calibrate", calibrate, others=(None,))
    fewest = 0 if accuracy is None else enough(accuracy)
    if calibrate is not None and calibrate < fewest:
        raise RequestError(
            f"calibrate={calibrate}: so few rows cannot show accuracy={accuracy:g}, even if all agree.",
            hint=f"It takes at least {fewest:,} that the cheap tier is sure about. Nothing was sent.",
        )
    return min(rows, calibrate or max(_SAMPLE, 2 * fewest))


def _drawn(rows: int, sample: int, seed: int) -> list[int]:
    import numpy as np

    return (
        sorted(np.random.default_rng(seed).choice(rows, size=sample, replace=False).tolist()) if rows else []
    )
