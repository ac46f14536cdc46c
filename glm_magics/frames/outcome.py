"""What a run leaves: the frame with typed new columns, and how each row fared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from glm_magics.rows.item import Answer, Status
from glm_magics.structured.problems import InvalidAnswer
from glm_magics.structured.schema import Schema, schema

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ERROR", "RAW", "STATUS", "TOGETHER", "told", "with_answers"]

STATUS, ERROR, RAW, TOGETHER = "_glm_status", "_glm_error", "_glm_raw", "_glm_rows_per_request"


def with_answers(
    frame: pd.DataFrame, which: Sequence[int], answers: Mapping[int, Answer], record: Schema
) -> pd.DataFrame:
    """`frame` with the fields of `record` as columns, and four that begin with `_glm_`.

    Row number n has the answer `answers[which[n]]`. A column of the same name is replaced, as by `assign`.
    """
    import pandas as pd

    table, at, answers = _table(answers, record)
    of_rows = [at.get(number, -1) for number in which]
    new = table.reindex(of_rows).set_axis(frame.index)
    fared = told([answers[number] for number in which], frame.index)
    columns = pd.concat([new, fared], axis=1)
    kept = frame.drop(columns=[name for name in columns if name in frame.columns])
    return pd.concat([kept, columns], axis=1)


def _table(
    answers: Mapping[int, Answer], record: Schema
) -> tuple[pd.DataFrame, dict[int, int], Mapping[int, Answer]]:
    """The records as one typed table, where each number's row is, and the answers as they turned out.

    All records have been checked; should one not become a row of the table after all, it is invalid.
    """
    from glm_magics.structured.table import to_frame

    plan = schema(Schema(record.json_schema, "record"), shape="rows")
    while True:
        good = [number for number, answer in answers.items() if answer.value is not None]
        text = ",".join(answers[number].value or "" for number in good)
        try:
            table = to_frame(f"[{text}]", plan)
        except InvalidAnswer as error:
            bad = {good[int(problem.loc[0])]: str(problem) for problem in error.problems if problem.loc}
            if not bad:
                raise
            answers = {
                n: Answer("invalid", error=bad[n], raw=a.value or "", together=a.together) if n in bad else a
                for n, a in answers.items()
            }
        else:
            return table, {number: at for at, number in enumerate(good)}, answers


def told(answers: Sequence[Answer], index: pd.Index[Any]) -> pd.DataFrame:
    """How each row fared, as columns."""
    import pandas as pd

    from glm_magics.structured.dtypes import TEXT

    statuses = pd.Categorical([answer.status for answer in answers], categories=get_args(Status))
    return pd.DataFrame(
        {
            STATUS: statuses,
            ERROR: pd.Series([answer.error or None for answer in answers], index, dtype=TEXT),
            RAW: pd.Series([answer.raw or None for answer in answers], index, dtype=TEXT),
            TOGETHER: pd.array([answer.together or None for answer in answers], dtype="Int64"),
        },
        index=index,
    )
