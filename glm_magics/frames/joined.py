"""The frame of a join: what of two tables belongs together, side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from glm_magics.frames.outcome import ERROR, STATUS
from glm_magics.rows.item import DONE, Status
from glm_magics.structured.dtypes import TEXT

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Match", "joined"]


@dataclass(frozen=True, slots=True)
class Match:
    """What a record of the left matches: numbers of records and their cosines, nearest first; and how it
    fared."""

    found: tuple[tuple[int, float], ...]
    status: str
    error: str


def joined(
    left: pd.DataFrame,
    right: pd.DataFrame,
    which: Sequence[int],
    matches: Mapping[int, Match],
    *,
    how: Literal["left", "inner"],
    suffixes: tuple[str, str],
) -> pd.DataFrame:
    """The columns of both, then `similarity`, `_glm_status` and `_glm_error`.

    `which` says for each row of the left, then of the right, the number of its record.
    """
    import pandas as pd

    ends = list(_ends(which[: len(left)], which[len(left) :], matches, how))
    rows = [row for row, _, _ in ends]
    ours = left.iloc[rows].reset_index(drop=True)
    theirs = right.reset_index(drop=True).reindex([other for _, other, _ in ends]).reset_index(drop=True)
    fared = [matches[which[row]] for row in rows]
    new = pd.DataFrame(
        {
            "similarity": pd.Series([cosine for _, _, cosine in ends], dtype="float64"),
            STATUS: pd.Categorical([match.status for match in fared], categories=get_args(Status)),
            ERROR: pd.Series([match.error or None for match in fared], dtype=TEXT),
        }
    )
    ours, theirs = (part.loc[:, [not _is_replaced(name) for name in part]] for part in (ours, theirs))
    both = set(ours) & set(theirs)
    named = [
        part.rename(columns={name: f"{name}{suffix}" for name in both})
        for part, suffix in zip((ours, theirs), suffixes, strict=True)
    ]
    result: pd.DataFrame = pd.concat([*named, new], axis=1)
    return result


def _ends(
    ours: Sequence[int], theirs: Sequence[int], matches: Mapping[int, Match], how: str
) -> Iterator[tuple[int, int, float | None]]:
    """Rows of the left and right that belong together, with their cosine; -1 and None for nobody."""
    rows_of = defaultdict(list)
    for row, number in enumerate(theirs):
        rows_of[number].append(row)
    for row, number in enumerate(ours):
        match = matches[number]
        for other, cosine in match.found:
            yield from ((row, at, cosine) for at in rows_of[other])
        if not match.found and (how == "left" or match.status not in DONE):
            yield row, -1, None


def _is_replaced(name: object) -> bool:
    """As by `assign`: the columns of an earlier result make place for those of this one."""
    return name == "similarity" or str(name).startswith("_glm_")
