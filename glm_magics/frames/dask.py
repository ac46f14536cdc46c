"""`ddf.glm`: a prompt over every row of a Dask DataFrame, more rows than one kernel holds.

Each partition is asked as a DataFrame of its own, by the same function and with the same result; identical
rows are asked once in each. Nothing is sent before the frame is computed, and again each time it is: what was
answered comes from the cache then (`GLM_CACHE` names its folder), also when a partition is run again because
a worker was lost.

How many requests are in flight at once:

- With the threaded scheduler, all partitions share the gate of this process, which finds the account's limit;
  `concurrency` is a bound for all of them together.
- On a cluster (`distributed`), all workers share leases of one semaphore. `concurrency` is their number, else
  what the table of tiers knows of the account; where neither is known, the work is refused. Calls with the
  same number, endpoint, key and tier share them.
- The scheduler "processes" has nothing to share, and is refused.

`budget` holds for all partitions of a call, computed how often one likes, on all workers of one machine: each
request sets aside in an SQLite file what it can cost at most. What a killed worker had set aside stays taken.
Workers on another machine refuse to work under it.

An interrupt, or the failure of one partition, ends the others too: what they have is in the cache.

The key does not travel: workers read it from their environment. What they spend is not in `glm.usage()`.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

from glm_magics.errors import GLMError, SettingError
from glm_magics.frames.operators import RowOperators

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Literal

    import pandas as pd
    from typing_extensions import Unpack

    from glm_magics.frames.partition import RowsFunction
    from glm_magics.frames.prompts import RowTask
    from glm_magics.frames.rows import CacheMode
    from glm_magics.rows.slots import Slots
    from glm_magics.rows.work import RowsPerRequest

__all__ = ["DaskAccessor", "DaskOptions", "leave_computations"]


class DaskOptions(TypedDict, total=False):
    """The options of `df.glm.map` that can hold over partitions."""

    tier: str | None
    column: str
    rows_per_request: RowsPerRequest
    concurrency: int | None
    budget: Decimal | float | str | None
    cache: CacheMode
    system: str | None
    think: bool | Literal["auto"] | None
    temperature: float | None
    max_answer_tokens: int | None


class DaskAccessor(RowOperators):
    """What is asked of each row of this Dask DataFrame or Series, as of a pandas one. Results are lazy."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def map(self, task: RowTask, *, schema: Any = None, **options: Unpack[DaskOptions]) -> Any:  # type: ignore[override]
        """Ask `task` for every row; a Dask DataFrame comes back, with the divisions of this one.

        See `glm_magics.frames.rows.map_rows` for the task, the schema, the options and the columns, and
        `glm_magics.frames.dask` for what holds over partitions. Raises a `GLMError` for what cannot work.
        """
        from glm_magics.frames.partition import rows_function

        ask = rows_function(task, schema=schema, **options)
        if ask.limit is None and _has_cluster():
            _refuse_without_limit(ask)
        _callback().register()  # Dask leaves partitions in other threads running when a computation fails
        frame: Any = self._frame
        return frame.map_partitions(OnePartition(ask), meta=ask.meta(frame._meta))

    def errors(self) -> Any:
        """The rows of a result that have no answer; `_glm_error` says why."""
        from glm_magics.frames.rows import errors

        frame: Any = self._frame
        return frame.map_partitions(errors)

    def retry(self) -> NoReturn:
        """A lazy frame has no rows yet that could be asked again."""
        raise SettingError(
            "A Dask frame is asked again by computing it again.",
            hint="Rows that are done come from the cache then, and cost nothing.",
        )


class OnePartition:
    """What runs on a worker, for each partition."""

    def __init__(self, ask: RowsFunction) -> None:
        self._ask = ask

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        worker = _worker()
        is_over = _has_failed() if worker is None else _is_cancelled(worker)
        while True:
            result, is_cut_short = self._ask.asked(frame, slots=self._slots(worker), is_over=is_over)
            if not is_cut_short:
                return result
            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt  # of the scheduler "synchronous": no other partition is begun
            if is_over():  # else somebody has asked for it again
                raise GLMError("Nobody waits for these rows any more.")

    def __dask_tokenize__(self) -> str:
        return self._ask.id

    def __repr__(self) -> str:
        return repr(self._ask)

    def _slots(self, worker: Any) -> Slots | None:
        if worker is not None:
            return _leases(self._ask, worker)
        if not self._ask.is_at_home:
            raise SettingError(
                "Dask's scheduler 'processes' gives its processes nothing to share a limit with.",
                hint="Use the scheduler 'threads', or `distributed.Client()`.",
            )
        return self._ask.own_slots()


def _leases(ask: RowsFunction, worker: Any) -> Slots:
    from glm_magics.frames.leases import leases_of
    from glm_magics.frames.rows import account_of

    if ask.limit is None:
        _refuse_without_limit(ask)
    endpoint = ask.session().client.endpoint
    about = repr((account_of(endpoint, ask.elsewhere.tier), ask.limit))
    return leases_of(worker, f"glm-{hashlib.sha256(about.encode()).hexdigest()[:24]}", ask.limit)


def _refuse_without_limit(ask: RowsFunction) -> NoReturn:
    raise SettingError(
        f"How many requests {ask.elsewhere.address.name} takes at once is not known, and the workers of a "
        "cluster cannot find out together.",
        hint="Give concurrency=…, or the account's level when you connect.",
    )


_failed = 0  # computations in this process that an error or an interrupt has ended


def _ended(graph: Any, state: Any, errored: bool) -> None:
    global _failed
    _failed += errored


@cache
def _callback() -> Any:
    from dask.callbacks import Callback

    return Callback(finish=_ended)  # type: ignore[no-untyped-call]


def leave_computations() -> None:
    """Look no more at how Dask's computations end; the next `map` does again."""
    with suppress(KeyError):
        _callback().unregister()


def _has_failed() -> Callable[[], bool]:
    before = _failed
    return lambda: _failed != before


def _is_cancelled(worker: Any) -> Callable[[], bool]:
    """Whether nobody waits any more for the task that this thread runs."""
    tasks, key = worker.state.tasks, worker.get_current_task()
    return lambda: key not in tasks or tasks[key].state == "cancelled"


def _worker() -> Any:
    """The worker of a cluster that this runs on; None elsewhere."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None


def _has_cluster() -> bool:
    """Whether a cluster computes what is lazy here."""
    if "distributed" not in sys.modules:
        return False
    from distributed import get_client

    try:
        get_client()
    except ValueError:
        return False
    return True
