"""What a check found: tables, and a line of advice in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_magics.frames.agreement import same, same_rows
from glm_magics.frames.check_words import Pair, advice
from glm_magics.frames.interval import Interval, wilson
from glm_magics.frames.outcome import STATUS
from glm_magics.rows.item import DONE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from glm_magics.frames.measured import Measured

__all__ = ["Check", "Side", "reported"]

NO_ANSWER = "(no answer)"
_COUNTED = [*DONE, "invalid", "refused"]
_ALL = "all fields"


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """The tables are DataFrames; those that a check has nothing for are empty.

    `accuracy`: for each tier and field how many of the counted rows were right, with the 95 % Wilson
    interval. `agreement`: how many rows two tiers answer alike. `confusion`: the true label (without a truth
    that of `against`) by the tier's own. `labels`: precision, recall and number of rows of each label.
    `disagreements`: the rows that were not answered alike. `tiers`: cost and wall-clock seconds per 1,000
    rows, missing where all came from the cache or no price is known. `statuses`: how the rows fared.
    """

    rows: int
    accuracy: pd.DataFrame
    agreement: Interval | None
    confusion: pd.DataFrame
    labels: pd.DataFrame
    disagreements: pd.DataFrame
    tiers: pd.DataFrame
    statuses: pd.DataFrame
    advice: str

    def __repr__(self) -> str:
        lines = [f"Checked {self.rows:,} rows."]
        for name, row in self.accuracy.to_dict("index").items():
            found = Interval(row["right"], row["rows"], row["low"], row["high"])
            lines.append(f"{', '.join(map(str, _tuple(name)))}: right {found}")
        if self.agreement is not None:
            lines.append(f"{' and '.join(self.tiers.index)} agree: {self.agreement}")
        for tier, row in self.tiers.to_dict("index").items():
            lines.append(f"{tier}, per 1,000 rows: {_amount(row)}, {_seconds(row)}")
        for tier, row in self.statuses.to_dict("index").items():
            told = ", ".join(f"{count:,} {status}" for status, count in row.items() if count)
            lines.append(f"{tier}, statuses: {told}")
        return "\n".join([*lines, self.advice])


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The sample as one tier answered it."""

    result: pd.DataFrame
    measured: Measured

    @property
    def tier(self) -> str:
        return self.measured.tier

    @property
    def counted(self) -> NDArray[np.bool_]:
        """The rows that say something about the tier."""
        return self.result[STATUS].isin(_COUNTED).to_numpy(bool)

    @property
    def done(self) -> NDArray[np.bool_]:
        return self.result[STATUS].isin(list(DONE)).to_numpy(bool)


def reported(
    rows: pd.DataFrame, sides: Sequence[Side], truth: pd.DataFrame | None, fields: list[str], tolerance: float
) -> Check:
    """The report on `rows` as the sides answered them; all are in the same order."""
    import pandas as pd

    first, other = sides[0], sides[1] if len(sides) > 1 else None
    agree = None if other is None else _agree(first, other, fields, tolerance)
    accuracy = pd.DataFrame()
    reference, where = truth, first.counted
    pair = Pair(len(rows), first.measured, None if other is None else other.measured)
    if truth is not None:
        right = [_right(side, truth, tolerance) for side in sides]
        accuracy = pd.concat([_accuracy(side, truth, tolerance) for side in sides])
        pair = pair.judged(
            [
                wilson(int((r & s.counted).sum()), int(s.counted.sum()))
                for s, r in zip(sides, right, strict=True)
            ]
        )
        if other is not None:
            both = first.counted & other.counted
            pair = pair.parted(
                int((right[0] & ~right[1] & both).sum()), int((right[1] & ~right[0] & both).sum())
            )
        wrong = ~right[0] & first.counted
    else:
        assert other is not None
        reference, where = other.result[fields], first.counted & other.done
        wrong = first.counted & ~first.done
    if other is not None and agree is not None:
        both = first.counted & other.counted
        pair = pair.agreeing(wilson(int((agree & both).sum()), int(both.sum())))
        wrong = wrong | (~agree & both)
    confusion, labels = _labels(first, reference, where, fields)
    return Check(
        rows=len(rows),
        accuracy=accuracy,
        agreement=pair.agreement,
        confusion=confusion,
        labels=labels,
        disagreements=_side_by_side(rows, sides, truth, fields)[wrong],
        tiers=_tiers(sides),
        statuses=pd.DataFrame({side.tier: side.result[STATUS].value_counts() for side in sides}).T,
        advice=advice(pair),
    )


def _right(side: Side, truth: pd.DataFrame, tolerance: float) -> NDArray[np.bool_]:
    return same_rows(side.result[list(truth.columns)], truth, tolerance) & side.done


def _agree(one: Side, other: Side, fields: list[str], tolerance: float) -> NDArray[np.bool_]:
    return same_rows(one.result[fields], other.result[fields], tolerance) & one.done & other.done


def _accuracy(side: Side, truth: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    import pandas as pd

    counted = side.counted
    right = {str(name): same(side.result[name], truth[name], tolerance) & side.done for name in truth.columns}
    if len(right) > 1:
        right[_ALL] = _right(side, truth, tolerance)
    found = {name: wilson(int((of & counted).sum()), int(counted.sum())) for name, of in right.items()}
    index = pd.MultiIndex.from_tuples([(side.tier, name) for name in found], names=["tier", "field"])
    rows = [(each.good, each.of, each.share, each.low, each.high) for each in found.values()]
    return pd.DataFrame(rows, index=index, columns=["right", "rows", "accuracy", "low", "high"])


def _labels(
    side: Side, reference: pd.DataFrame | None, where: NDArray[np.bool_], fields: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The confusion of each field with labels, and how well each label is found; by field if there are
    several."""
    import pandas as pd

    assert reference is not None
    tables, found = {}, {}
    for name in [field for field in fields if field in reference.columns]:
        answers = side.result[name]
        if not (isinstance(answers.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(answers.dtype)):
            continue
        said = answers.astype(object).where(side.done & answers.notna().to_numpy(), NO_ANSWER).astype(str)
        true = reference[name].astype(object).astype(str).set_axis(said.index)
        tables[name] = pd.crosstab(
            true[where].to_numpy(), said[where].to_numpy(), rownames=["reference"], colnames=[side.tier]
        )
        found[name] = _each_label(tables[name])
    if not tables:
        return pd.DataFrame(), pd.DataFrame()
    if len(tables) == 1:
        (name,) = tables
        return tables[name], found[name]
    names = ["field"]
    return pd.concat(tables, names=names).fillna(0).astype(int), pd.concat(found, names=names)


def _each_label(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = {}
    for label in table.index.union(table.columns.drop(NO_ANSWER, errors="ignore")):
        hits = int(table.loc[label, label]) if label in table.index and label in table.columns else 0
        said = int(table[label].sum()) if label in table.columns else 0
        true = int(table.loc[label].sum()) if label in table.index else 0
        rows[label] = (hits / said if said else None, hits / true if true else None, true)
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["precision", "recall", "rows"])
    return found.astype({"precision": float, "recall": float}).rename_axis("label")


def _side_by_side(
    rows: pd.DataFrame, sides: Sequence[Side], truth: pd.DataFrame | None, fields: list[str]
) -> pd.DataFrame:
    """The rows with all that was said about them. With one field the columns are "truth" and the tiers' ids,
    else the field stands before them."""
    shown = rows.copy()
    shown.attrs = {}
    for field in fields:
        start = "" if len(fields) == 1 else f"{field}: "
        if truth is not None and field in truth.columns:
            shown[f"{start}truth"] = truth[field].array
        for side in sides:
            shown[f"{start}{side.tier}"] = side.result[field].array
    return shown


def _tiers(sides: Sequence[Side]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for side in sides:
        cost = side.measured.row_cost
        amount = None if cost is None else round(cost.amount * 1_000, 6)
        rows.append(
            (amount, cost.currency if cost else None, side.measured.seconds_per_1000, side.measured.rows)
        )
    index = pd.Index([side.tier for side in sides], name="tier")
    columns = ["cost_per_1000", "currency", "seconds_per_1000", "rows_asked"]
    return pd.DataFrame(rows, index=index, columns=columns).astype({"seconds_per_1000": float})


def _tuple(name: Any) -> tuple[Any, ...]:
    return name if isinstance(name, tuple) else (name,)


def _amount(row: Any) -> str:
    return "cost not known" if row["cost_per_1000"] is None else f"{row['cost_per_1000']} {row['currency']}"


def _seconds(row: Any) -> str:
    return "all from the cache" if not row["rows_asked"] else f"{row['seconds_per_1000']:.1f} s"
