"""JSON to DataFrame: typed by a schema, or by what the values are."""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, overload

import pandas as pd

from glm_magics.errors import SettingError
from glm_magics.structured.columns import array_of
from glm_magics.structured.dtypes import OBJECT, TEXT, Backend, Column, Decimals, Nested, columns_of
from glm_magics.structured.instances import Values, mapping_of, plain
from glm_magics.structured.normal import Node, resolved, without_null
from glm_magics.structured.polars_frame import polars_frame
from glm_magics.structured.problems import InvalidAnswer, SchemaError, Validated

if TYPE_CHECKING:
    import polars as pl

    from glm_magics.structured.schema import Schema

__all__ = ["as_json", "to_frame", "to_record"]


@overload
def to_frame(
    answer: Any,
    schema: Any = None,
    *,
    nested: Nested = "flatten",
    explode: str | Sequence[str] = (),
    decimals: Decimals = "decimal",
    backend: Literal["numpy_nullable", "pyarrow"] = "numpy_nullable",
) -> pd.DataFrame: ...


@overload
def to_frame(
    answer: Any,
    schema: Any,
    *,
    nested: Nested = "flatten",
    explode: str | Sequence[str] = (),
    decimals: Decimals = "decimal",
    backend: Literal["polars"],
) -> pl.DataFrame: ...


def to_frame(
    answer: Any,
    schema: Any = None,
    *,
    nested: Nested = "flatten",
    explode: str | Sequence[str] = (),
    decimals: Decimals = "decimal",
    backend: Backend = "numpy_nullable",
) -> Any:
    """A DataFrame of the JSON in `answer`: text, or a value that was parsed or validated already.

    With a schema (any spelling that `schema` takes), the answer is checked strictly and the columns have
    the dtypes of `schema.dtypes()`, an empty answer's too; missing fields are missing values. Objects
    within rows become columns with dotted names unless `nested="keep"`. Each list named in `explode` gives
    a row for each of its items. `decimals="float"` and `backend="pyarrow"` choose those dtypes, and
    `backend="polars"` gives a polars DataFrame (labels are an `Enum`, decimals a `Decimal` with the scale
    that this answer needs). What a dtype cannot hold exactly (an integer of more than 64 bits) makes the
    column one of Python objects; a time without an offset is taken as UTC.

    Without a schema, an array of objects is its rows; an object whose one value is such an array, as in
    `{"rows": […]}`, is unwrapped; any other object is one row. Columns have nullable dtypes and integers
    stay exact.

    What was settled or repaired on the way is listed in the frame's `attrs["glm_notes"]`; polars has no such
    place, so there each is a warning. Raises
    `InvalidAnswer` (a `ValueError` with `.problems`) for a value that does not fit the schema, `ParseError`
    for a text that holds no such JSON.
    """
    if schema is None and backend != "numpy_nullable":
        raise SettingError(f"backend={backend!r} needs a schema, whose types it takes.")
    if schema is None:
        return _inferred(_json_in(answer) if isinstance(answer, str) else answer)
    plan = _schema(schema)
    names = (explode,) if isinstance(explode, str) else tuple(explode)
    with _collector_paused():
        checked = _checked(answer, plan)
        frame = _Table(plan, nested, decimals, backend).frame(checked.value, names)
    _tell(frame, [str(note) for note in checked.notes])
    return frame


def _tell(frame: Any, notes: list[str]) -> None:
    """Text, for pandas writes attrs into files as JSON."""
    if notes and isinstance(frame, pd.DataFrame):
        frame.attrs["glm_notes"] = notes
    else:
        for note in notes:
            warnings.warn(note, stacklevel=3)


def to_record(answer: Any, schema: Any) -> Any:
    """One record: an instance of the user's class, or a Series of typed values by (dotted) name.

    Raises `InvalidAnswer` for what does not fit.
    """
    plan = _schema(schema, shape="record")
    value = _checked(answer, plan).value
    if plan.model is not None and plan.annotation is not None:
        return value
    frame = _Table(plan, "flatten", "decimal", "numpy_nullable").frame(value, ())
    return pd.Series({name: frame[name].iloc[0] for name in frame}, dtype="object")


def as_json(answer: Any, schema: Any) -> Any:
    """The answer as plain JSON values (dict, list, str, int, …) that fit the schema, without its root object.

    Raises `InvalidAnswer` for what does not fit.
    """
    from glm_magics.structured.validation import json_text

    plan = _schema(schema)
    value = _checked(answer, plan).value
    return json.loads(json_text(value if plan.annotation is None else plain(value)))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the collector of cycles, which would walk all records again and again while they grow.

    Records hold no cycles; on 50,000 of them it takes longer than reading and checking them.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _schema(spec: Any, shape: Any = None) -> Schema:
    from glm_magics.structured.schema import schema

    return schema(spec, shape=shape)


def _json_in(text: str) -> Any:
    """The JSON of a text without a schema: all of it, or what the parser finds in it."""
    from glm_magics.structured.parse import parse

    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return parse(text).value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _checked(answer: Any, plan: Schema) -> Validated:
    """The typed value of an answer (its rows, record or value) with what was noted on the way."""
    checked = answer if isinstance(answer, Validated) else _validated(answer, plan)
    if checked.errors:
        raise InvalidAnswer(checked.errors)
    return checked


def _validated(answer: Any, plan: Schema) -> Validated:
    if isinstance(answer, str):
        return _read(answer, plan)
    if plan.annotation is not None and _is_typed(answer, plan):
        return Validated(answer)
    return plan.validate(answer)


def _read(text: str, plan: Schema) -> Validated:
    """Text that is the JSON asked for, or from which the parser can tell what is meant."""
    from glm_magics.structured.parse import parse

    try:
        checked = plan.validate_json(text)
    except (ValueError, RecursionError):
        checked = None
    if checked is not None and checked.ok:
        return checked
    parsed = parse(text, plan)
    return Validated(parsed.value, notes=parsed.notes)


def _is_typed(answer: Any, plan: Schema) -> bool:
    """Whether the answer holds the user's own instances, which have been checked when they were made."""
    first = answer[0] if plan.shape == "rows" and isinstance(answer, (list, tuple)) and answer else answer
    return (
        isinstance(plan.model, type) and not isinstance(first, (dict, list)) and isinstance(first, plan.model)
    )


# With a schema


class _Table:
    """How the values of one schema become a frame."""

    def __init__(self, plan: Schema, nested: Nested, decimals: Decimals, backend: Backend) -> None:
        self.plan = plan
        self.classes = plan.annotation is not None
        self.nested: Nested = nested
        self.decimals: Decimals = decimals
        self.backend: Backend = backend

    def frame(self, value: Any, explode: tuple[str, ...]) -> Any:
        rows = self._rows(value)
        row_schema = self.plan.row_schema
        index: Any = pd.RangeIndex(len(rows))
        for name in explode:
            rows, kept, row_schema = self._exploded(rows, name, row_schema)
            index = index.take(kept)
        columns = columns_of(row_schema, nested=self.nested, decimals=self.decimals, backend=self.backend)
        columns += self._others(rows, row_schema)
        values = Values(rows, classes=self.classes)
        if self.backend == "polars":
            return polars_frame(columns, map(values.of, columns))
        return pd.DataFrame(
            {column.name: _series(values.of(column), column, index) for column in columns},
            index=index,
            copy=False,
        )

    def _rows(self, value: Any) -> Sequence[Any]:
        """Records for the rows of `plan.row_schema`."""
        if self.plan.shape == "rows":
            return list(value)
        if self.plan.shape == "record":
            return [value]
        if isinstance(value, (list, tuple, set, frozenset)):
            items = list(value)
            record = set(self.plan.row_schema["properties"]) != {"value"} or self._items_are_records()
            return items if record else [{"value": item} for item in items]
        if set(self.plan.row_schema["properties"]) == {"key", "value"} and isinstance(value, Mapping):
            return [{"key": key, "value": item} for key, item in value.items()]
        return [value if _fields(self.plan.json_schema) else {"value": value}]

    def _items_are_records(self) -> bool:
        defs = self.plan.json_schema.get("$defs", {})
        return _fields(resolved(resolved(self.plan.json_schema, defs).get("items") or {}, defs))

    def _exploded(
        self, rows: Sequence[Any], name: str, row_schema: Node
    ) -> tuple[list[dict[str, Any]], list[int], Node]:
        """A row for each item of the list `name`, where each comes from, and the schema of these rows."""
        defs = row_schema.get("$defs", {})
        row_schema = {**resolved(row_schema, defs), **({"$defs": defs} if defs else {})}
        node = resolved(without_null(row_schema["properties"].get(name, {}))[0], defs)
        if node.get("type") != "array":
            lists = [
                each
                for each, part in row_schema["properties"].items()
                if resolved(without_null(part)[0], defs).get("type") == "array"
            ]
            raise SchemaError(
                f"explode takes the name of a list ({', '.join(lists) or 'there is none'})", path=name
            )
        exploded, kept = [], []
        for at, raw in enumerate(rows):
            row = mapping_of(raw)
            for item in row.get(name) or [None]:
                exploded.append({**row, name: item})
                kept.append(at)
        properties = {**row_schema["properties"], name: node.get("items") or {}}
        return exploded, kept, {**row_schema, "properties": properties}

    def _others(self, rows: Sequence[Any], row_schema: Node) -> list[Column]:
        """Columns for the keys that the schema allows without naming them."""
        node = resolved(row_schema, row_schema.get("$defs", {}))
        if not isinstance(node.get("additionalProperties"), dict):
            return []
        names = dict.fromkeys(key for row in rows for key in mapping_of(row) if key not in node["properties"])
        rest = {"type": "object", "properties": dict.fromkeys(names, node["additionalProperties"])}
        defs = {"$defs": row_schema["$defs"]} if "$defs" in row_schema else {}
        return columns_of({**rest, **defs}, nested="keep", decimals=self.decimals, backend=self.backend)


def _series(values: list[Any], column: Column, index: Any) -> pd.Series[Any]:
    found = array_of(values, column)
    # The dtype is repeated, or pandas 3 would make text of an object column that happens to hold only text.
    series: pd.Series[Any] = pd.Series(found, index=index, dtype=found.dtype, copy=False)
    return series


def _fields(node: Node) -> bool:
    return bool(resolved(node, node.get("$defs", {})).get("properties"))


# Without a schema


def _inferred(value: Any) -> pd.DataFrame:
    rows = _rows(value)
    names = dict.fromkeys(name for row in rows for name in row)
    index = pd.RangeIndex(len(rows))
    columns = {name: _column([row.get(name) for row in rows], index) for name in names}
    return pd.DataFrame(columns, index=index)


def _rows(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        if len(value) == 1:
            (only,) = value.values()
            if isinstance(only, list) and all(isinstance(row, dict) for row in only):
                return only
        return [value]
    if not isinstance(value, list):
        raise ValueError(f"Expected JSON text, a list or a dict for a DataFrame, got {type(value).__name__}.")
    return [row if isinstance(row, dict) else {"value": row} for row in value]


def _column(values: list[Any], index: Any) -> pd.Series[Any]:
    """Values of one JSON type become that nullable dtype; mixed, nested and huge ones stay objects."""
    kinds = {type(value) for value in values if value is not None}
    nodes: dict[type, Node] = {int: {"type": "integer"}, bool: {"type": "boolean"}, str: {"type": "string"}}
    dtypes: dict[type, Any] = {int: pd.Int64Dtype(), bool: pd.BooleanDtype(), str: TEXT}
    if kinds <= {int, float} and float in kinds:
        return _series(values, Column("", (), {"type": "number"}, pd.Float64Dtype()), index)
    kind = kinds.pop() if len(kinds) == 1 else object
    return _series(values, Column("", (), nodes.get(kind, {}), dtypes.get(kind, OBJECT)), index)
