"""`df.glm` and `series.glm`: what GLM can do with a table, on the table itself.

The class is a table of methods; what they do is imported when they are called. pandas is never imported to
register it: that happens when pandas is there, or when `pandas()` asks for it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glm_magics.frames.meaning import MeaningOperators

if TYPE_CHECKING:
    from glm_magics.chat import Completion, Privacy
    from glm_magics.frames.preview import Preview

__all__ = ["TableAccessor", "pandas", "register_if_pandas_is_there", "unregister", "unwatch", "watch"]

_NAME = "glm"
_watching: dict[int, Any] = {}  # the callback in a shell that waits for pandas


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

    for kind, register in (
        (pd.DataFrame, pd.api.extensions.register_dataframe_accessor),
        (pd.Series, pd.api.extensions.register_series_accessor),
    ):
        if _accessor_of(kind) is not TableAccessor:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the one of an earlier import of this package is replaced
                register(_NAME)(TableAccessor)


def register_if_pandas_is_there() -> bool:
    """Register where pandas is imported already, wholly; whether it is."""
    loaded = sys.modules.get("pandas")
    if loaded is None or not hasattr(loaded, "api"):  # it is being imported just now
        return False
    pandas()
    return True


def unregister() -> None:
    """Take `.glm` away again."""
    loaded = sys.modules.get("pandas")
    for kind in (getattr(loaded, "DataFrame", None), getattr(loaded, "Series", None)):
        if kind is not None and _accessor_of(kind) is not None:
            delattr(kind, _NAME)


def watch(shell: Any) -> None:
    """Register as soon as a cell of `shell` has imported pandas, then look no more."""
    if register_if_pandas_is_there():
        return

    def look(*_: Any) -> None:
        if register_if_pandas_is_there():
            unwatch(shell)

    _watching[id(shell)] = look
    shell.events.register("post_run_cell", look)


def unwatch(shell: Any) -> None:
    look = _watching.pop(id(shell), None)
    if look is not None:
        shell.events.unregister("post_run_cell", look)


def _accessor_of(kind: Any) -> Any:
    """The class behind `kind.glm`, if it is one of this package."""
    found = kind.__dict__.get(_NAME)
    accessor = getattr(found, "_accessor", None)
    home = str(getattr(accessor, "__module__", ""))
    return accessor if home.partition(".")[0] == "glm_magics" else None
