"""A run as it goes: a line that is renewed, and one that stays."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glm_magics._front_end import is_attended, is_inside_output, request_of
from glm_magics._lang import _

if TYPE_CHECKING:
    from glm_magics.rows.engine import Run
    from glm_magics.rows.tally import Tally

__all__ = ["Progress", "line", "summary"]

_SECONDS = 0.25  # between two lines


class Progress:
    """Shows lines in the notebook or terminal that runs this; only the last one in a file or pipe, where
    nobody watches, and where outputs cannot be renewed."""

    def __init__(self, *, shown: bool = True) -> None:
        shell = _kernel_shell() if shown else None
        self._notebook = shell is not None
        self._renews = shell is not None and _renews_outputs(shell)
        self._terminal = shown and not self._notebook and sys.stderr.isatty()
        self._shown = shown
        self._next = 0.0
        self._handle: Any = None
        self._width = 0

    def show(self, run: Run) -> None:
        """The line as it is now, at most four times a second."""
        if (self._renews or self._terminal) and time.monotonic() >= self._next:
            self._next = time.monotonic() + _SECONDS
            self._put({"text/plain": line(run)})

    def close(self, bundle: Mapping[str, str]) -> None:
        """Put a MIME bundle in the place of the line; where there is no notebook, its text."""
        if not self._shown:
            return
        self._put(bundle)
        if not self._notebook:
            print(file=sys.stderr)

    def _put(self, bundle: Mapping[str, str]) -> None:
        if not self._notebook:
            text = bundle["text/plain"].rstrip()
            start = "\r" if self._terminal else ""
            print(f"{start}{text.ljust(self._width)}", end="", file=sys.stderr, flush=True)
            self._width = len(text) if self._terminal else 0
            return
        from IPython import display

        if self._handle is None:
            show: Any = display.display
            self._handle = show(dict(bundle), raw=True, display_id=True)
        else:
            self._handle.update(dict(bundle), raw=True)


def line(run: Run) -> str:
    """Where a run stands."""
    tally = run.tally
    parts = [_("{known:,} of {total:,} rows").format(known=tally.known, total=tally.total)]
    parts += [
        _("{flying:,} in flight (limit {limit})").format(flying=tally.in_flight, limit=run.limiter.limit)
    ]
    parts += [_("{failed:,} failed").format(failed=tally.failed)] if tally.failed else []
    if tally.known and tally.seconds > 1:
        rate = tally.known / tally.seconds
        parts += [
            _("{rate:,.1f} rows/s").format(rate=rate),
            _("{time} left").format(time=_time((tally.total - tally.known) / rate)),
        ]
    parts += _money(tally)
    left = run.purse.left()
    parts += [_("budget left {money}").format(money=left)] if left is not None else []
    return " · ".join(parts)


def summary(run: Run, *, rows: int, cached: int) -> str:
    """What a run did, and why it ended, if that was early."""
    tally = run.tally
    different = tally.total + cached
    head = _("{rows:,} rows").format(rows=rows) + (
        _(" ({count:,} different)").format(count=different) if different != rows else ""
    )
    counts = {status: count for status, count in tally.statuses.items() if count}
    if cached:
        counts["cached"] = cached
    told = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    parts = [f"{head}: {told}" if told else head]
    if tally.total:
        requests = _("{count:,} request") if tally.calls == 1 else _("{count:,} requests")
        parts += [requests.format(count=tally.calls), _time(tally.seconds)]
    parts += _money(tally)
    text = " · ".join(parts)
    if run.why:
        again = _("Run it again to go on: rows that are done come from the cache and cost nothing.")
        text += f"\n{run.why}\n{again}"
    if run.may_be_billed:
        told = _("{count:,} rows were in flight then and may be billed.")
        text += "\n" + told.format(count=len(run.may_be_billed))
    return text


def _money(tally: Tally) -> list[str]:
    """What was spent; of answers from a cassette, what was spent when they were recorded."""
    costs = [str(cost) for cost in tally.spent.values()]
    if not tally.recorded:
        return costs
    told = _("{recorded} for {costs}").format(recorded=tally.recorded, costs=", ".join(costs))
    return [told if costs else tally.recorded]


def _time(seconds: float) -> str:
    if seconds < 100:
        return (_("{seconds:.1f} s") if seconds < 10 else _("{seconds:.0f} s")).format(seconds=seconds)
    minutes = round(seconds / 60)
    if minutes < 100:
        return _("{minutes} min").format(minutes=minutes)
    return _("{hours:.1f} h").format(hours=minutes / 60)


def _kernel_shell() -> Any:
    """The shell of a kernel, of any front end; None in a script, and in IPython in a terminal."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _renews_outputs(shell: Any) -> bool:
    request = request_of(shell)
    return is_attended(request) and not is_inside_output(request)
