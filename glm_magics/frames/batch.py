"""A prompt over every row of a frame at half the price, answered within a day: the platform's batches.

What is asked is what the row map asks, in requests of one row each; answers go into the row cache, so that
the row map of the same prompt has them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from weakref import WeakValueDictionary

from glm_magics import api
from glm_magics._options import Options
from glm_magics._wire_batch import PRICE_SHARE
from glm_magics.chat import Cost
from glm_magics.errors import GLMError, SettingError
from glm_magics.frames.batch_job import BatchJob, Rows, described
from glm_magics.frames.batch_store import Store, store_of
from glm_magics.frames.estimate import estimated
from glm_magics.frames.prompts import RowTask
from glm_magics.frames.rows import CacheMode, How, not_cached, planned
from glm_magics.ledger import Budget
from glm_magics.rows.batch_files import remove_files, write_files
from glm_magics.rows.item import Item
from glm_magics.rows.journal import JobNote, Part
from glm_magics.rows.plan import Plan
from glm_magics.rows.purse import Held, Purse
from glm_magics.rows.splitting import FileLimits
from glm_magics.rows.work import PackSize

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics.client import Endpoint

__all__ = ["BatchJob", "BatchOptions", "batch_rows", "begin", "check_batches", "job", "jobs"]


_begun: WeakValueDictionary[str, BatchJob] = WeakValueDictionary()  # in this kernel


class BatchOptions(TypedDict, total=False):
    """The options of `batch_rows`, for those that pass them on."""

    tier: str | None
    column: str
    budget: Decimal | float | str | None
    cache: CacheMode
    estimate: bool
    system: str | None
    think: bool | Literal["auto"] | None
    temperature: float | None
    max_answer_tokens: int | None


def batch_rows(
    frame: pd.DataFrame,
    task: RowTask,
    *,
    schema: Any = None,
    tier: str | None = None,
    column: str = "answer",
    budget: Decimal | float | str | None = None,
    cache: CacheMode = "on",
    estimate: bool = False,
    system: str | None = None,
    think: bool | Literal["auto"] | None = "auto",
    temperature: float | None = None,
    max_answer_tokens: int | None = None,
) -> BatchJob | pd.DataFrame:
    """Ask `task` for every row as a batch job, at half the price; the options are those of `map_rows`.

    The job comes back as soon as its files are uploaded. The same call again, in any kernel, gives the same
    job and pays nothing twice; rows that the row cache holds are not asked. `budget` is a wall: where the
    most that the job can cost is above it, nothing is uploaded. With `estimate` nothing is sent: back comes a
    table of what it would cost.

    Raises `SettingError` for a server without batches, `BudgetExceeded`, and what `map_rows` raises. After an
    error the same call goes on where it ended.
    """
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
        rows_per_request=1,
        budget=None if budget is None else api.read_amount(budget),
        cache=cache,
    )
    return _estimate(frame, how) if estimate else begin(frame, how)


def begin(frame: pd.DataFrame, how: How, *, limits: FileLimits | None = None, attempt: int = 1) -> BatchJob:
    """The job that asks these rows: one that is there, or a new one. `attempt` tells apart jobs that ask the
    same rows again."""
    session = api.session()
    check_batches(session.client.endpoint)
    store = store_of(session, how.cache)
    plan, items, which = planned(frame, how, session)
    id = _job_id(plan, items, attempt)
    by_number = {item.number: item.key for item in items}
    keys = [by_number[number] for number in which]
    job = BatchJob(store, id, session, Rows(frame, how, plan, keys, attempt))
    with store.journal.held(id) as free:
        known = store.journal.job(id)
        if free and (known is None or not known.is_ready):
            job.steps.held = _write(plan, items, how, store, id, limits or FileLimits())
    _begun[id] = job
    job.steps.submit()
    return job


def check_batches(endpoint: Endpoint) -> None:
    """Raises `SettingError` for a server that documents no batches."""
    is_platform = endpoint.dialect == "glm" and endpoint.name != "z.ai"
    if not is_platform or "/coding/" in endpoint.base_url:
        raise SettingError(
            f"{endpoint.name} documents no batches.",
            hint="open.bigmodel.cn has them (`%glm connect bigmodel`); `map` asks everywhere. "
            "Nothing was written or sent.",
        )


def jobs() -> pd.DataFrame:
    """The batch jobs that are noted here, oldest first, as they were last seen. Nothing is sent."""
    import pandas as pd

    journal = store_of(api.session()).journal
    rows = [described(journal, note) for note in journal.jobs()]
    columns = [
        "job",
        "begun",
        "tier",
        "parts",
        "state",
        "prompts",
        "asked",
        "done",
        "failed",
        "cost",
        "currency",
    ]
    table: pd.DataFrame = pd.DataFrame(rows, columns=columns).set_index("job")
    return table


def job(id: str) -> BatchJob:
    """The job of that id (or its first letters), also after a restart of the kernel.

    Raises `SettingError` where none or several are noted here.
    """
    session = api.session()
    store = store_of(session)
    found = [note.id for note in store.journal.jobs() if id and note.id.startswith(id)]
    if len(found) != 1:
        raise SettingError(
            f"{len(found) or 'No'} jobs begin with {id!r}.",
            hint="`glm.jobs()` lists those that are noted here.",
        )
    known = _begun.get(found[0])
    return known if known is not None and known.session is session else BatchJob(store, found[0], session)


def _write(
    plan: Plan, items: list[Item], how: How, store: Store, id: str, limits: FileLimits
) -> dict[int, Held]:
    """Write the files and set the money aside; a budget that is too small leaves nothing behind."""
    note = JobNote(id, _server(plan), plan.tier.id, len(items), time.time(), _told(plan, how))
    journal = store.journal
    journal.begin(note)
    parts: list[Part] = []
    try:
        journal.add_prompts(id, ((_digest(item.prompt), item.key) for item in items))
        purse = _purse(plan, how)
        asked = not_cached(plan, items, how)
        parts = write_files(plan, asked, journal, id, store.files, limits=limits, bounded=purse.is_limited)
        held = _reserved(purse, parts)
    except (GLMError, OSError):
        remove_files(store.files, id, range(1, len(parts) + 2))
        journal.forget(id)
        raise
    journal.ready(replace(note, is_ready=True), parts)
    return held


def _purse(plan: Plan, how: How) -> Purse:
    session = plan.session
    walls = [(how.budget, "this job"), (session.cell_budget, "each cell")]
    budgets = [Budget(session.money(amount), name) for amount, name in walls if amount is not None]
    return Purse(session.ledger, budgets, label="batch")


def _reserved(purse: Purse, parts: Iterable[Part]) -> dict[int, Held]:
    """Set the most that each part can cost aside. Raises `BudgetExceeded`, with nothing set aside."""
    held: dict[int, Held] = {}
    try:
        for part in parts:
            most = part.amount("most")
            held[part.number] = purse.reserve(None if most is None else Cost(most, part.currency))
    except GLMError:
        for each in held.values():
            purse.release(each)
        raise
    return held


def _estimate(frame: pd.DataFrame, how: How) -> pd.DataFrame:
    session = api.session()
    check_batches(session.client.endpoint)
    plan, items, _ = planned(frame, how, session)
    table = estimated(plan, not_cached(plan, items, how), PackSize(1))
    table["cost"] = table["cost"].map(lambda cost: cost * PRICE_SHARE, na_action="ignore")
    return table


def _job_id(plan: Plan, items: list[Item], attempt: int) -> str:
    found = hashlib.sha256(f"{attempt}".encode())
    for key in sorted(item.key for item in items):
        found.update(key)
    return found.hexdigest()[:24]


def _server(plan: Plan) -> tuple[str, str]:
    endpoint = plan.session.client.endpoint
    return endpoint.base_url, endpoint.address if endpoint.is_demo else ""


def _told(plan: Plan, how: How) -> dict[str, Any] | None:
    """How the rows are asked, as JSON; None where a function or a class says it."""
    if not isinstance(how.task, str) or plan.record.annotation is not None:
        return None
    return {
        "task": how.task,
        "schema": None if plan.is_text else plan.record.json_schema,
        "column": how.column,
        "tier": plan.tier.id,
    }


def _digest(prompt: str) -> bytes:
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()
