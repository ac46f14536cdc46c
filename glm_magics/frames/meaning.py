"""What works on the meaning of rows: embed, dedupe, join, agg. Imported when it is called, as the row map
is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from glm_magics.frames.operators import RowOperators

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Unpack

    from glm_magics.frames.job import JobOptions

__all__ = ["MeaningOperators"]


class MeaningOperators(RowOperators):
    """More methods for an accessor. `text` is a column's name or a template, as in `RowOperators`."""

    def embed(
        self,
        text: str | None = None,
        *,
        dimensions: int | None = None,
        column: str = "embedding",
        tier: str | None = None,
        estimate: bool = False,
        **options: Unpack[JobOptions],
    ) -> pd.DataFrame:
        """A vector for each row in `column`; see `glm_magics.frames.embedding.embed_rows`."""
        from glm_magics.frames.embedding import embed_rows

        return embed_rows(
            self._frame,
            self._text(text),
            dimensions=dimensions,
            column=column,
            tier=tier,
            estimate=estimate,
            **options,
        )

    def dedupe(
        self,
        text: str | None = None,
        *,
        threshold: float | None = None,
        check: bool = True,
        keep: Literal["first"] | None = None,
        k: int = 10,
        column: str = "group",
        tier: str | None = None,
        embedding_tier: str | None = None,
        dimensions: int | None = None,
        estimate: bool = False,
        **options: Unpack[JobOptions],
    ) -> pd.DataFrame:
        """The rows with the number of their group of near-duplicates; see
        `glm_magics.frames.dedupe.dedupe`."""
        from glm_magics.frames.dedupe import dedupe

        return dedupe(
            self._frame,
            self._text(text),
            threshold=threshold,
            check=check,
            keep=keep,
            k=k,
            column=column,
            tier=tier,
            embedding_tier=embedding_tier,
            dimensions=dimensions,
            estimate=estimate,
            **options,
        )

    def join(
        self,
        right: Any,
        question: str | None = None,
        *,
        on: Sequence[str] | None = None,
        k: int = 5,
        how: Literal["left", "inner"] = "left",
        suffixes: tuple[str, str] = ("_x", "_y"),
        tier: str | None = None,
        embedding_tier: str | None = None,
        dimensions: int | None = None,
        estimate: bool = False,
        **options: Unpack[JobOptions],
    ) -> pd.DataFrame:
        """The rows of this table with those of `right` that a question holds for; see `frames.join.join`."""
        from glm_magics.frames.join import join

        return join(
            self._frame,
            right,
            question,
            on=on,
            k=k,
            how=how,
            suffixes=suffixes,
            tier=tier,
            embedding_tier=embedding_tier,
            dimensions=dimensions,
            estimate=estimate,
            **options,
        )

    def agg(
        self,
        task: str,
        text: str | None = None,
        *,
        by: str | Sequence[str],
        schema: Any = None,
        column: str = "answer",
        tier: str | None = None,
        estimate: bool = False,
        **options: Unpack[JobOptions],
    ) -> pd.DataFrame:
        """One answer for each group of rows, indexed by group; see `glm_magics.frames.groups.agg`."""
        from glm_magics.frames.groups import agg

        return agg(
            self._frame,
            task,
            self._text(text),
            by=by,
            schema=schema,
            column=column,
            tier=tier,
            estimate=estimate,
            **options,
        )
