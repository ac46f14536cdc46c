"""`%%glm --each NAME -o OUT`: the prompt of a cell, for every row of a table of the notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glm_magics import api, prompting, template
from glm_magics._lang import _
from glm_magics.chat import Completion
from glm_magics.data_cells import frame_names
from glm_magics.errors import TemplateError
from glm_magics.grammar import OPTIONS, GrammarError, Line, nearest

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics._options import Options
    from glm_magics.frames.rows import How
    from glm_magics.render import Table
    from glm_magics.structured.schema import Schema

__all__ = ["Each", "check"]

# What is about one answer, or about one prompt: by the targets of the options.
_UNFIT = (
    "code",
    "raw",
    "inputs",
    "images",
    "fetch",
    "files",
    "map_reduce",
    "force",
    "stop",
    "stream",
    "data_tokens",
)
_LONGEST_CELL = 200  # characters


def check(parsed: Line) -> None:
    """Raises `GrammarError` for options that do not go together with `--each`, or need it."""
    values = parsed.values
    if "each" not in values:
        if "fresh" in values:
            raise GrammarError(_("--fresh is about the cache of rows, so it needs --each NAME."))
        return
    unfit = [option.names[-1] for option in OPTIONS if option.target in _UNFIT and option.target in values]
    if unfit:
        raise GrammarError(
            _("{option} does not go with --each, which asks once for every row.").format(option=unfit[0])
        )
    if values.get("shape", "frame") != "frame":
        raise GrammarError(
            _("--as {shape} does not go with --each: its result is a frame.").format(shape=values["shape"])
        )
    if "out" not in values and not values.get("estimate"):
        raise GrammarError(
            _("--each {name} needs -o NAME, the name that the result is bound to.").format(
                name=values["each"]
            )
        )


class Each:
    """A cell with `--each`, ready to be asked. Raises `GrammarError`, `TemplateError` and `SettingError`
    before anything is sent.
    """

    def __init__(
        self, text: str, plan: Schema | None, parsed: Line, names: Mapping[str, Any], options: Options
    ) -> None:
        from glm_magics.frames.attach import rules_of
        from glm_magics.frames.fields import field_labels
        from glm_magics.frames.rules import check_mask
        from glm_magics.rows.plan import record_schema

        self._frame = _frame(parsed.values["each"], names)
        check_mask(options.mask, field_labels(self._frame))
        self._mask = rules_of(options, api.session().defaults).mask
        self._names = names
        columns = {str(column) for column in self._frame.columns}
        used = template.names(text)
        new = list(record_schema(str if plan is None else plan, "answer").dtypes())
        self._shown_columns = [name for name in used if name in columns and name not in new] + new
        prompting.say_what_stayed(text, names)
        if options.system is not None:
            options = replace(options, system=template.fill(options.system, names, show=self._shown))
        self._how = self._asked(text, plan, parsed, options, [name for name in used if name not in columns])

    def ask(self) -> tuple[pd.DataFrame, bool]:
        """The rows with their answers, and whether it was interrupted. Shows them, unless it is quiet."""
        from glm_magics.frames.rows import ask_rows

        return ask_rows(self._frame, self._how, summed=self._summed)

    def estimate(self) -> pd.DataFrame:
        """What it would cost, on this tier and on cheaper ones. Nothing is sent."""
        from glm_magics.frames.rows import estimate_rows

        table = estimate_rows(self._frame, self._how)
        print(_("Usual answers; rows in the cache cost nothing and are not counted. Nothing was sent."))
        return table

    def _asked(
        self, text: str, plan: Schema | None, parsed: Line, options: Options, others: list[str]
    ) -> How:
        from glm_magics.frames.rows import How

        return How(
            task=text,
            schema=plan,
            options=replace(options, budget=None),
            says_how_to_think="think" in parsed.values or "effort" in parsed.values,
            budget=options.budget,
            cache="fresh" if parsed.values.get("fresh") else "on",
            progress=not parsed.values.get("quiet"),
            fixed={name: self._fixed(name) for name in others},
        )

    def _fixed(self, name: str) -> str:
        """The text of a variable of the notebook."""
        if name not in self._names:
            columns = [str(column) for column in self._frame.columns]
            near = nearest(name, [*columns, *template.data_names(self._names)])
            raise TemplateError(
                _("{{{{{name}}}}} is neither a column of the frame nor defined in this notebook.").format(
                    name=name
                ),
                hint=_("{near} Columns: {columns}.")
                .format(near=near.strip(), columns=", ".join(columns[:20]))
                .strip(),
            )
        return self._shown(name, template.look_up(name, self._names))

    def _shown(self, name: str, value: Any) -> str:
        from glm_magics.frames.attach import without_masked
        from glm_magics.frames.tables import as_table
        from glm_magics.inert import inert

        if as_table(name, value) is not None:
            raise TemplateError(
                _("{{{{{name}}}}} is a table, which cannot stand in the prompt of every row.").format(
                    name=name
                ),
                hint=_("Put what is needed of it into a text or a list. Nothing was sent."),
            )
        return inert(template.show_value(name, without_masked(value, self._mask)))

    def _summed(self, result: pd.DataFrame, told: str) -> Mapping[str, str]:
        """The first rows, with the columns that the prompt names and those that are new."""
        from glm_magics.render import static_table

        head, *notes = told.split("\n")
        shape = _("{rows:,} rows × {columns:,} columns").format(rows=len(result), columns=len(result.columns))
        remarks = Completion("", notes=tuple(notes))
        return static_table(_first_rows(result, self._shown_columns), remarks, summary=shape, footer=head)


def _frame(name: str, names: Mapping[str, Any]) -> pd.DataFrame:
    if name not in names:
        near = nearest(name, frame_names(names))
        raise GrammarError(
            _("--each {name}: there is no variable of that name in the notebook.{near}").format(
                name=name, near=near
            )
        )
    value = names[name]
    if name not in frame_names({name: value}):
        near = nearest(name, frame_names(names))
        raise GrammarError(
            _("--each {name}: expected a DataFrame or a Series, got {kind}.{near}").format(
                name=name, kind=type(value).__name__, near=near
            )
        )
    from glm_magics.frames.operators import frame_of
    from glm_magics.frames.tables import as_table

    table = as_table(name, value)
    is_pandas = any(base.__module__.partition(".")[0] == "pandas" for base in type(value).__mro__)
    return frame_of(value) if is_pandas or table is None else table.frame


def _first_rows(result: pd.DataFrame, names: list[str]) -> Table:
    """The first rows as text; how they fared, where some row has no answer."""
    from glm_magics.frames.cells import cell
    from glm_magics.frames.outcome import ERROR, STATUS
    from glm_magics.render import Table
    from glm_magics.rows.item import DONE
    from glm_magics.views.rows import FIRST_ROWS

    all_done = bool(result[STATUS].isin(list(DONE)).all())
    shown = result[names if all_done else [*names, STATUS, ERROR]]
    first = shown.head(FIRST_ROWS)
    missing = first.isna().to_numpy()
    rows = [
        [None if missing[at, to] else cell(value, most=_LONGEST_CELL) for to, value in enumerate(row)]
        for at, row in enumerate(first.itertuples(index=False, name=None))
    ]
    dtypes = [str(dtype) for dtype in shown.dtypes]
    numeric = frozenset(at for at, dtype in enumerate(shown.dtypes) if dtype.kind in "iuf")
    labels = [cell(label, most=_LONGEST_CELL) for label in first.index]
    return Table(
        [str(name) for name in shown.columns], rows, dtypes, numeric, labels, len(result) > FIRST_ROWS
    )
