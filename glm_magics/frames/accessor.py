"""`df.glm` and `series.glm`: what GLM can do with a table, on the table itself.

The classes are tables of methods; what they do is imported when they are called. Neither pandas nor Dask is
imported to register them: that happens when the library is there, or when `pandas()` or `dask()` asks for it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from glm_magics.errors import SettingError
from glm_magics.frames.meaning import MeaningOperators

if TYPE_CHECKING:
    from glm_magics.chat import Completion, Privacy
    from glm_magics.frames.preview import Preview

__all__ = ["TableAccessor", "dask", "pandas", "register", "unregister", "unwatch", "watch"]

_NAME = "glm"
_watching: dict[int, Any] = {}  # the callback in a shell that waits for pandas and Dask


class TableAccessor(MeaningOperators):
    """Questions about this table, or about each of its rows.

    `ask` sends what `preview` shows, and nothing else of the table; what is asked of rows, the cells that
    its prompt names.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def preview(
        self,
        *,
        tokens: int | None = None,
        privacy: Privacy | None = None,
        mask: Sequence[str] | str = (),
        tier: str | None = None,
        name: str = "df",
    ) -> Preview:
        """Exactly what would be sent about this table, and what it would cost. Nothing is sent.

        `tokens` is the most it may take (8,000 unless the tier has less room), `privacy` how much of it is
        sent ("schema", "stats", "sample", "full"), `mask` the columns whose values are not.
        """
        from glm_magics.frames import questions

        return questions.preview(self._table, tokens, privacy, mask, tier, name)

    def ask(
        self,
        question: str,
        *,
        tier: str | None = None,
        privacy: Privacy | None = None,
        mask: Sequence[str] | str = (),
        tokens: int | None = None,
        name: str = "df",
        **options: Any,
    ) -> Completion:
        """Ask about this table. Its notes say whether the answer rests on all rows or on some.

        Beside those of `preview`, the options of `glm.ask`. Raises what `glm.ask` raises.
        """
        from glm_magics.frames import questions

        return questions.ask(self._table, question, tokens, privacy, mask, tier, name, options)


def pandas() -> None:
    """Give every DataFrame and Series its `.glm`. For scripts that import pandas after glm_magics."""
    import pandas as pd

    extensions = pd.api.extensions
    _give(pd.DataFrame, TableAccessor, extensions.register_dataframe_accessor)
    _give(pd.Series, TableAccessor, extensions.register_series_accessor)


def dask() -> None:
    """Give every Dask DataFrame and Series its `.glm`. For scripts that import Dask after glm_magics.

    Raises `SettingError` where Dask is not installed.
    """
    try:
        import dask.dataframe as dd
        from dask.dataframe import extensions
    except ImportError as error:
        raise SettingError(f"Dask cannot be used: {error}.", hint="`pip install glm-magics[dask]`") from error
    from glm_magics.frames.dask import DaskAccessor

    _give(dd.DataFrame, DaskAccessor, extensions.register_dataframe_accessor)
    _give(dd.Series, DaskAccessor, extensions.register_series_accessor)


def register() -> bool:
    """Register with each library that is imported already, wholly; whether all are."""
    found = [_is_loaded("pandas", "api"), _is_loaded("dask.dataframe", "from_pandas")]
    for there, give in zip(found, (pandas, dask), strict=True):
        if there:
            give()
    return all(found)


def unregister() -> None:
    """Take `.glm` away again."""
    for library in ("pandas", "dask.dataframe"):
        loaded = sys.modules.get(library)
        for kind in (getattr(loaded, "DataFrame", None), getattr(loaded, "Series", None)):
            if kind is not None and _accessor_of(kind) is not None:
                delattr(kind, _NAME)
    if "glm_magics.frames.dask" in sys.modules and "dask" in sys.modules:
        from glm_magics.frames.dask import leave_computations

        leave_computations()


def watch(shell: Any) -> None:
    """Register as soon as a cell of `shell` has imported pandas or Dask; with both there, look no more."""
    if register():
        return

    def look(*_: Any) -> None:
        if register():
            unwatch(shell)

    _watching[id(shell)] = look
    shell.events.register("post_run_cell", look)


def unwatch(shell: Any) -> None:
    look = _watching.pop(id(shell), None)
    if look is not None:
        shell.events.unregister("post_run_cell", look)


def _is_loaded(library: str, last: str) -> bool:
    """Whether a library is imported, and not just now being so: `last` is one of the last names it gets."""
    return hasattr(sys.modules.get(library), last)


def _give(kind: Any, accessor: type, registers: Callable[[str], Callable[[type], Any]]) -> None:
    if _accessor_of(kind) is not accessor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the one of an earlier import of this package is replaced
            registers(_NAME)(accessor)


def _accessor_of(kind: Any) -> Any:
    """The class behind `kind.glm`, if it is one of this package."""
    found = kind.__dict__.get(_NAME)
    accessor = getattr(found, "_accessor", None)
    home = str(getattr(accessor, "__module__", ""))
    return accessor if home.partition(".")[0] == "glm_magics" else None
