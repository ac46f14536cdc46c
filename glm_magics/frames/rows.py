"""A prompt over every row of a frame: the same rows come back, with what was answered in new typed
columns."""

from __future__ import annotations

import os
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from glm_magics import _asking, _connect, api
from glm_magics._lang import N_, _
from glm_magics._options import Options
from glm_magics.chat import Message
from glm_magics.errors import RequestError, SettingError
from glm_magics.frames.attach import rules_of
from glm_magics.frames.estimate import MOST_COUNTED, SAMPLED, estimated
from glm_magics.frames.outcome import STATUS, with_answers
from glm_magics.frames.progress import Progress, summary
from glm_magics.frames.prompts import Prompts, RowTask, prompts
from glm_magics.frames.rules import Rules
from glm_magics.ledger import Budget, Ledger
from glm_magics.rows.cache import RowCache
from glm_magics.rows.engine import Bounds, Run
from glm_magics.rows.item import DONE, Answer, Item
from glm_magics.rows.loop import background
from glm_magics.rows.plan import Plan, Task
from glm_magics.rows.protocol import RowPlan
from glm_magics.rows.purse import Purse
from glm_magics.rows.slots import Slots
from glm_magics.rows.work import RowsPerRequest

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics._session import Session
    from glm_magics._tier import Tier
    from glm_magics.client import Endpoint

__all__ = [
    "CacheMode",
    "How",
    "RowOptions",
    "Summed",
    "account_of",
    "answered",
    "ask_rows",
    "check_bounds",
    "check_number",
    "check_privacy",
    "errors",
    "estimate_rows",
    "keep_key_out",
    "map_rows",
    "not_cached",
    "open_cache",
    "planned",
    "retry",
    "run_items",
    "sendable",
    "settled",
]

CacheMode: TypeAlias = "Literal['on', 'fresh', 'off'] | os.PathLike[str]"

RUN, MAY_BE_BILLED = "glm_run", "glm_may_be_billed"  # in a result's attrs
_REMEMBERED = 50  # runs whose result can be asked again


class RowOptions(TypedDict, total=False):
    """The options of `map_rows`, for those that pass them on."""

    tier: str | None
    column: str
    rows_per_request: RowsPerRequest
    concurrency: int | None
    budget: Decimal | float | str | None
    cache: CacheMode
    progress: bool
    estimate: bool
    system: str | None
    think: bool | Literal["auto"] | None
    temperature: float | None
    max_answer_tokens: int | None
    max_calls: int | None
    max_tokens: int | None
    max_seconds: float | None


@dataclass(frozen=True, slots=True)
class How:
    """How rows are asked: see `map_rows`. `fixed` are texts for `{{names}}` that are no columns; `job` is the
    ledger of several runs that stay behind its wall together, `title` what stands before the summary."""

    task: RowTask
    schema: Any
    options: Options
    says_how_to_think: bool = False
    column: str = "answer"
    rows_per_request: RowsPerRequest = "auto"
    budget: Decimal | None = None
    cache: CacheMode = "on"
    progress: bool = True
    bounds: Bounds = field(default_factory=Bounds)
    fixed: Mapping[str, str] = field(default_factory=dict)
    job: Ledger | None = None
    title: str = ""


Summed: TypeAlias = "Callable[[pd.DataFrame, str], Mapping[str, str]]"
"""Makes the MIME bundle that stays in the output, of the result and its summary in words."""


_runs: OrderedDict[str, How] = OrderedDict()
_demo_answers: RowCache | None = None


def map_rows(
    frame: pd.DataFrame,
    task: RowTask,
    *,
    schema: Any = None,
    tier: str | None = None,
    column: str = "answer",
    rows_per_request: RowsPerRequest = "auto",
    concurrency: int | None = None,
    budget: Decimal | float | str | None = None,
    cache: CacheMode = "on",
    progress: bool = True,
    estimate: bool = False,
    system: str | None = None,
    think: bool | Literal["auto"] | None = "auto",
    temperature: float | None = None,
    max_answer_tokens: int | None = None,
    max_calls: int | None = None,
    max_tokens: int | None = None,
    max_seconds: float | None = None,
) -> pd.DataFrame:
    """Ask `task` for every row: a template with `{{column}}` in it, or a function of the row (a Series).

    Back come the same rows, in the same order, with the answer in `column`, or with a `schema` (any
    spelling that `glm.schema` takes) in a typed column for each of its fields. `_glm_status` says how each
    row fared: ok, repaired, cached, invalid, refused, error, skipped_budget or pending; `_glm_error` why,
    `_glm_raw` what the model had said, and `_glm_rows_per_request` with how many rows it was asked. A row's
    failure is never the end of the run. Where the account itself stops (no money, a quota), the rest is
    `pending`: run it again to go on.

    Identical prompts are asked once, and what was answered before, in any notebook, comes from the cache
    (`cache`: "fresh" pays again, "off" leaves nothing on disk, a path is a folder of its own). Short rows
    travel several in a request ("auto"; a number fixes how many, at most 50); an answer without a schema
    goes singly unless a number is given. `concurrency` is the most requests in flight; without it the
    account's limit is found. `budget` is a wall for this call, in the endpoint's currency; `max_calls`,
    `max_tokens` (in and out, of all rows) and `max_seconds` stop it too. `think="auto"` switches
    thinking off where the tier is known to have it and can do without; None leaves it to the platform.

    With `estimate` nothing is sent: back comes a table of what it would cost and how long it would take, with
    this tier and with cheaper ones, for the rows that no cache holds.

    An interrupt gives back what is done. Raises a `GLMError` when nothing can be sent, or when the account
    refuses the first request.
    """
    check_number("rows_per_request", rows_per_request, others=("auto",))
    check_bounds({"concurrency": concurrency, "max_calls": max_calls, "max_tokens": max_tokens})
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
        budget=None if budget is None else api.read_amount(budget),
        cache=cache,
        progress=progress,
        bounds=Bounds(concurrency, max_calls, max_tokens, max_seconds),
    )
    return estimate_rows(frame, how) if estimate else ask_rows(frame, how)[0]


def errors(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a result that have no answer."""
    return frame[~_statuses(frame).isin(list(DONE))]


def retry(frame: pd.DataFrame) -> pd.DataFrame:
    """The result with those rows asked again that have no answer, as they were asked before.

    Raises `SettingError` where that is not known any more, as after a restart of the kernel.
    """
    how = _runs.get(str(frame.attrs.get(RUN)))
    if how is None:
        raise SettingError(
            _("How these rows were asked is not known here."),
            hint=_("Run the call that made them again: rows that are done come from the cache."),
        )
    import pandas as pd

    missing = (~_statuses(frame).isin(list(DONE))).to_numpy()
    again, _outcome = ask_rows(frame[missing], how)
    result = frame.copy()
    for at, name in enumerate(again.columns):
        values = frame[name].astype(again.dtypes.iloc[at]).array.copy()
        values[missing] = again.iloc[:, at].array
        result[name] = pd.Series(values, index=frame.index)
    result.attrs = again.attrs
    return result


def ask_rows(frame: pd.DataFrame, how: How, *, summed: Summed | None = None) -> tuple[pd.DataFrame, bool]:
    """What `map_rows` gives, and whether it was interrupted."""
    shown = Progress(shown=how.progress)
    result, run, told = answered(frame, how, api.session(), shown)
    result.attrs = {**frame.attrs, RUN: _remembered(how), MAY_BE_BILLED: sorted(run.may_be_billed)}
    shown.close(summed(result, told) if summed else {"text/plain": told})
    return result, run.is_stopped


def answered(
    frame: pd.DataFrame, how: How, session: Session, shown: Progress, *, slots: Slots | None = None
) -> tuple[pd.DataFrame, Run, str]:
    """The frame with its answers, the run that gave them, and a summary of it. `slots` bound the run beside
    the account's limit.
    """
    plan, items, which = planned(frame, how, session)
    answers, run, told = run_items(plan, items, how, shown, rows=len(frame), slots=slots)
    return with_answers(frame, which, answers, plan.record), run, told


def planned(frame: pd.DataFrame, how: How, session: Session) -> tuple[Plan, list[Item], list[int]]:
    """The plan, one item for each different prompt, and for each row the number of its item.

    Nothing is sent. Raises a `GLMError` for what cannot work.
    """
    made = sendable(session, frame, how)
    plan = Plan(session, Task(made.template, made.names, how.column), settled(session, how), how.schema)
    numbers: dict[str, int] = {}
    which = [numbers.setdefault(text, at) for at, text in enumerate(made.texts)]
    return plan, [plan.item(at, text, made.cells[at]) for text, at in numbers.items()], which


def sendable(session: Session, frame: pd.DataFrame, how: How) -> Prompts:
    """The prompts of all rows, as this session lets them go. Raises `SettingError` where it lets none go, and
    for the API key; else what `prompts` raises."""
    rules = check_privacy(session, how.options)
    made = prompts(frame, how.task, masked=rules.mask, fixed=how.fixed)
    keep_key_out(session, made.texts)
    return made


def check_privacy(session: Session, options: Options) -> Rules:
    """The session's rules. Raises `SettingError` where they let no row go."""
    rules = rules_of(options, session.defaults)
    if rules.has_rows:
        return rules
    raise SettingError(
        _("privacy is {level!r} in this session: no row leaves this machine.").format(level=rules.privacy),
        hint=_("`%config GLMMagics.privacy = 'sample'` lets rows go. Nothing was sent."),
    )


def estimate_rows(frame: pd.DataFrame, how: How) -> pd.DataFrame:
    """What `map_rows` gives with `estimate`. Nothing is sent."""
    plan, items, _left_out = planned(frame, how, api.session())
    left = not_cached(plan, items, how)
    table = estimated(plan, left, plan.pack_size(how.rows_per_request), concurrency=how.bounds.concurrency)
    if len(left) > MOST_COUNTED:
        told = _("Tokens are estimated from {sampled:,} of {left:,} rows, drawn at random.").format(
            sampled=SAMPLED, left=len(left)
        )
        Progress(shown=how.progress).close({"text/plain": told})
    return table


def not_cached(plan: RowPlan, items: list[Item], how: How) -> list[Item]:
    """The items that would be asked."""
    cache = _cache(plan.session, how.cache)
    known = {} if how.cache == "fresh" else cache.read([item.key for item in items])
    return [item for item in items if item.key not in known]


def run_items(
    plan: RowPlan, items: list[Item], how: How, shown: Progress, *, rows: int, slots: Slots | None = None
) -> tuple[dict[int, Answer], Run, str]:
    """What is known about the items, from the cache and by asking for the others; and a summary of it."""
    cache = _cache(plan.session, how.cache)
    try:
        known = {} if how.cache == "fresh" else cache.read([item.key for item in items])
        found = {
            item.number: Answer("cached", known[item.key].value, together=known[item.key].together)
            for item in items
            if item.key in known
        }
        left = [item for item in items if item.key not in known]
        lost = cache.left_behind([item.key for item in left])
        run = _run(plan, left, how, cache, slots)
        run.may_be_billed += [item.number for item in left if item.key in lost]
        background().run(run.go(), watch=lambda: shown.show(run), stop=run.stop)
        answered = any(answer.status in DONE for answer in run.answers.values())
        if run.error is not None and not found and not answered:
            raise run.error
        told = "\n".join([how.title + summary(run, rows=rows, cached=len(found)), *cache.notes])
    finally:
        if cache is not _demo_answers:
            cache.close()
    pending = Answer("pending", error=run.why)
    answers = {item.number: found.get(item.number) or run.answers.get(item.number, pending) for item in items}
    return answers, run, told


def account_of(endpoint: Endpoint, tier: Tier) -> tuple[str, ...]:
    """What tells apart whose requests in flight are counted together. It is kept in memory only."""
    fingerprint = endpoint.key.fingerprint() if endpoint.key is not None else ""
    return (endpoint.base_url, endpoint.address, fingerprint, tier.id)


def _run(plan: RowPlan, items: list[Item], how: How, cache: RowCache, slots: Slots | None) -> Run:
    session = plan.session
    endpoint = session.client.endpoint
    known = plan.tier.concurrency.get(endpoint.level or endpoint.name)
    gate = background().gates.of(account_of(endpoint, plan.tier), start=known or how.bounds.concurrency)
    walls = [(how.budget, N_("this call")), (session.cell_budget, N_("each cell"))]
    budgets = [Budget(session.money(amount), name) for amount, name in walls if amount is not None]
    purse = Purse(session.ledger, budgets, label=plan.label, job=how.job)
    work = plan.work(items, how.rows_per_request)
    if session.client.is_taped:
        work.settle()  # with a cassette the same rows travel together in every run
    return Run(plan, work, cache=cache, gate=gate, purse=purse, bounds=how.bounds, slots=slots)


def settled(session: Session, how: How) -> Options:
    """The options, without thinking where nothing was said about it and the tier can do without."""
    tier = session.find_tier(how.options.tier or session.defaults.tier)
    says = how.says_how_to_think or session.policy.holds("think")
    quiet = not says and tier.can_think and tier.can_skip_thinking
    return replace(how.options, think=False) if quiet else how.options


def _cache(session: Session, mode: CacheMode) -> RowCache:
    global _demo_answers
    if (
        mode == "off" or session.client.is_taped
    ):  # a cassette is to have every answer, and adds none to a cache
        return RowCache(None)
    if mode not in ("on", "fresh"):
        if isinstance(mode, str):
            raise SettingError(
                _("cache={mode!r}: expected 'on', 'fresh', 'off' or the Path of a folder.").format(mode=mode)
            )
        return RowCache(Path(mode))
    if session.client.endpoint.is_demo and not _connect.names_cache():
        _demo_answers = _demo_answers or RowCache(None)  # what costs nothing is not worth a file
        return _demo_answers
    return RowCache(_connect.cache_folder())


@contextmanager
def open_cache(session: Session, mode: CacheMode) -> Iterator[RowCache]:
    """The row cache, closed after the block where it is on disk."""
    cache = _cache(session, mode)
    try:
        yield cache
    finally:
        if cache is not _demo_answers:
            cache.close()


def keep_key_out(session: Session, texts: list[str]) -> None:
    """Raises `SettingError` for a text that holds the API key."""
    for at in range(0, len(texts), 1_000):
        _asking.keep_key_out(session, (Message("user", "\n".join(texts[at : at + 1_000])),))


def _remembered(how: How) -> str:
    run = uuid.uuid4().hex
    _runs[run] = how
    if len(_runs) > _REMEMBERED:
        _runs.popitem(last=False)
    return run


def _statuses(frame: pd.DataFrame) -> pd.Series[Any]:
    if STATUS not in frame.columns:
        raise SettingError(
            _("This frame is not the result of a row map."), hint=_("`df.glm.map(…)` makes one.")
        )
    return frame[STATUS]


def check_bounds(options: Mapping[str, Any]) -> None:
    """Raises `RequestError` for a bound that is no whole number above 0."""
    for name in ("concurrency", "max_calls", "max_tokens"):
        check_number(name, options.get(name), others=(None,))


def check_number(name: str, value: Any, *, others: tuple[Any, ...]) -> None:
    """Raises `RequestError` for what is neither a whole number above 0 nor one of the `others`."""
    if value in others or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return
    raise RequestError(
        _("{name}={value!r}: expected a whole number above 0.").format(name=name, value=value),
        hint=_("Nothing was sent."),
    )
