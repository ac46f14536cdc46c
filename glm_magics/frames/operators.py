"""What people ask of every row, each a few lines on the row map: extract, classify, filter, score.

The row map itself is imported when it is called, so that an accessor can have these methods from the start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from glm_magics.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Unpack

    from glm_magics.frames.batch import BatchOptions
    from glm_magics.frames.cascade import CascadeOptions
    from glm_magics.frames.cascade_report import CascadeReport
    from glm_magics.frames.check import Truth
    from glm_magics.frames.check_report import Check
    from glm_magics.frames.job import JobOptions
    from glm_magics.frames.prompts import RowTask
    from glm_magics.frames.rows import RowOptions

__all__ = ["RowOperators", "frame_of"]


class RowOperators:
    """Methods for an accessor whose `_table` is a DataFrame, or a Series: then its one column.

    `text` says what of a row is looked at: a column's name, a template with `{{column}}` in it, or all
    columns where it is left out. The other options are those of `map`. None changes the frame: a new one
    comes back.
    """

    _table: Any

    @property
    def _frame(self) -> pd.DataFrame:
        return frame_of(self._table)

    def map(
        self,
        task: RowTask,
        *,
        schema: Any = None,
        cascade: Sequence[str] | None = None,
        votes: int = 1,
        accuracy: float | None = None,
        calibrate: int | None = None,
        seed: int = 0,
        tolerance: float = 0.0,
        **options: Unpack[RowOptions],
    ) -> pd.DataFrame:
        """Ask `task` for every row; see `glm_magics.frames.rows.map_rows` for all that can be said.

        With `cascade=[cheap, strong]` the rows go to the cheap tier, and only those it is not sure about to
        the strong one; see `glm_magics.frames.cascade.map_cascade`, also for the options after it.
        """
        if cascade is None:
            from glm_magics.frames import rows

            if (votes, accuracy, calibrate) != (1, None, None):
                raise RequestError(
                    "votes, accuracy and calibrate belong to a cascade.", hint="cascade=[…, …]"
                )
            return rows.map_rows(self._frame, task, schema=schema, **options)
        from glm_magics.frames.cascade import map_cascade

        return map_cascade(
            self._frame,
            task,
            schema=schema,
            cascade=cascade,
            votes=votes,
            accuracy=accuracy,
            calibrate=calibrate,
            seed=seed,
            tolerance=tolerance,
            **options,
        )

    def batch(self, task: RowTask, *, schema: Any = None, **options: Unpack[BatchOptions]) -> Any:
        """Ask `task` for every row at half the price, answered within a day: a `BatchJob`; see
        `glm_magics.frames.batch.batch_rows`. Only open.bigmodel.cn has batches, and the demo.
        """
        from glm_magics.frames import batch

        return batch.batch_rows(self._frame, task, schema=schema, **options)

    def extract(
        self, schema: Any, text: str | None = None, **options: Unpack[CascadeOptions]
    ) -> pd.DataFrame:
        """The fields of `schema` as columns, as they are found in the text; what is not there is missing."""
        told = "Extract what is asked for from this text. Leave out what it does not say."
        return self.map(f"{told}\n\n{self._text(text)}", schema=schema, **options)

    def classify(
        self,
        text: str | None = None,
        *,
        labels: Sequence[str] | Mapping[str, str],
        **options: Unpack[CascadeOptions],
    ) -> pd.DataFrame:
        """The label that fits best, as a category in the column "label". `labels` may say what each means."""
        options = {"column": "label", **options}
        return self.map(_which(labels, self._text(text)), schema={"enum": list(labels)}, **options)

    def filter(self, condition: str, text: str | None = None, **options: Unpack[RowOptions]) -> pd.DataFrame:
        """The rows for which `condition` holds, such as "the customer is angry".

        Rows that got no answer stay as well, so that none is lost unseen; `errors()` shows them, and their
        "holds" is missing.
        """
        options = {"column": "holds", **options}
        task = f"Does this hold for the text below? {condition}\n\n{self._text(text)}"
        asked = self.map(task, schema=bool, **options)
        kept: pd.DataFrame = asked[asked[options["column"]].fillna(True)]
        return kept

    def score(
        self,
        question: str,
        text: str | None = None,
        *,
        low: int = 0,
        high: int = 10,
        **options: Unpack[RowOptions],
    ) -> pd.DataFrame:
        """A whole number from `low` to `high` in the column "score", such as for "how urgent is this?"."""
        if not low < high:
            raise RequestError(f"low={low}, high={high}: expected low below high.")
        options = {"column": "score", **options}
        task = f"{question}\nAnswer with a whole number from {low} to {high}.\n\n{self._text(text)}"
        return self.map(task, schema={"type": "integer", "minimum": low, "maximum": high}, **options)

    def check(
        self,
        task: RowTask,
        *,
        truth: Truth = None,
        labels: Sequence[str] | Mapping[str, str] | None = None,
        schema: Any = None,
        tier: str | None = None,
        against: str | None = None,
        sample: int = 200,
        seed: int = 0,
        tolerance: float = 0.0,
        **options: Unpack[JobOptions],
    ) -> Check:
        """How well a tier does on a random sample of the rows; see `glm_magics.frames.check.check`.

        With `labels`, `task` is the text to classify, as for `classify`; else it is the task of `map`.
        """
        from glm_magics.frames.check import check

        column = "answer"
        if labels is not None:
            if schema is not None or not isinstance(task, str):
                raise RequestError(
                    "With labels=…, expected a column or a template to classify, and no schema."
                )
            task, schema, column = _which(labels, self._text(task)), {"enum": list(labels)}, "label"
        return check(
            self._frame,
            task,
            truth=truth,
            schema=schema,
            column=column,
            tier=tier,
            against=against,
            sample=sample,
            seed=seed,
            tolerance=tolerance,
            **options,
        )

    def errors(self) -> pd.DataFrame:
        """The rows of a result that have no answer; `_glm_error` says why."""
        from glm_magics.frames import rows

        return rows.errors(self._frame)

    def retry(self) -> pd.DataFrame:
        """The result with those rows asked again that have no answer."""
        from glm_magics.frames import rows

        return rows.retry(self._frame)

    def report(self) -> CascadeReport:
        """What a cascade measured, spent and saved, of its result."""
        from glm_magics.frames.cascade_report import report_of

        return report_of(self._frame)

    def _text(self, text: str | None) -> str:
        """A template for what is looked at."""
        from glm_magics import api, template

        masked = api.session().defaults.mask
        names = [str(column) for column in self._frame.columns if not str(column).startswith("_glm_")]
        names = [name for name in names if name not in masked]
        if text is not None and template.names(text):
            return text
        if text is not None and text not in names:
            raise RequestError(
                f"text={text!r}: expected a column, or a template with {{{{column}}}} in it.",
                hint=f"Columns: {', '.join(names[:20])}.",
            )
        wanted = names if text is None else [text]
        unfit = [name for name in wanted if template.names(f"{{{{{name}}}}}") != (name,)]
        if unfit:
            raise RequestError(
                f"The column {unfit[0]!r} cannot stand in a template.",
                hint="Rename it to a plain name, or give `map` a function of the row.",
            )
        if len(wanted) == 1:
            return f"{{{{{wanted[0]}}}}}"
        return "\n".join(f"{name}: {{{{{name}}}}}" for name in wanted)


def frame_of(table: Any) -> pd.DataFrame:
    """A DataFrame as it is; of a Series its one column, "text" where it has no name."""
    frame: pd.DataFrame = table
    if table.ndim == 1:
        frame = table.to_frame("text" if table.name is None else table.name)
    return frame


def _which(labels: Sequence[str] | Mapping[str, str], text: str) -> str:
    """The task of a classification. Raises `RequestError` for labels that leave nothing to choose."""
    if isinstance(labels, str) or len(set(labels)) < 2 or len(set(labels)) != len(labels):
        raise RequestError(f"labels={labels!r}: expected two labels or more, all different.")
    meanings = [f"- {label}: {meaning}" for label, meaning in _items(labels) if meaning]
    told = "\n".join(["Which label fits this text best?", *meanings])
    return f"{told}\n\n{text}"


def _items(labels: Sequence[str] | Mapping[str, str]) -> list[tuple[str, str]]:
    return list(labels.items()) if isinstance(labels, Mapping) else [(label, "") for label in labels]
