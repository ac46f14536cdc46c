"""JSON to DataFrame, and back: typed by a schema, or by what the values are."""

from __future__ import annotations

import dataclasses
import enum
import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pandas as pd

from glm_magics.structured.columns import array_of
from glm_magics.structured.dtypes import OBJECT, TEXT, Backend, Column, Decimals, Nested, columns_of
from glm_magics.structured.normal import Node, resolved, without_null
from glm_magics.structured.problems import InvalidAnswer, SchemaError, Validated

if TYPE_CHECKING:
    from glm_magics.structured.schema import Schema

__all__ = ["as_json", "as_record", "to_frame", "to_json_records"]

_ATOMS = frozenset((str, int, float, bool, type(None)))


def to_frame(
    answer: Any,
    schema: Any = None,
    *,
    nested: Nested = "flatten",
    explode: str | Sequence[str] = (),
    decimals: Decimals = "decimal",
    backend: Backend = "numpy_nullable",
) -> pd.DataFrame:
    """A DataFrame of the JSON in `answer`: text, or a value that was parsed or validated already.

    With a schema (any spelling that `schema` takes), the answer is checked strictly and the columns have
    the dtypes of `schema.dtypes()`, an empty answer's too; missing fields are missing values. Objects
    within rows become columns with dotted names unless `nested="keep"`. Each list named in `explode` gives
    a row for each of its items. `decimals="float"` and `backend="pyarrow"` choose those dtypes. What a
    dtype cannot hold exactly (an integer of more than 64 bits) makes the column one of Python objects; a
    time without an offset is taken as UTC.

    Without a schema, an array of objects is its rows; an object whose one value is such an array, as in
    `{"rows": […]}`, is unwrapped; any other object is one row. Columns have nullable dtypes and integers
    stay exact.

    What was settled or repaired on the way is listed in the frame's `attrs["glm_notes"]`. Raises
    `InvalidAnswer` (a `ValueError` with `.problems`) for a value that does not fit the schema, `ParseError`
    for a text that holds no such JSON.
    """
    if schema is None:
        return _inferred(_json_in(answer) if isinstance(answer, str) else answer)
    plan = _schema(schema)
    names = (explode,) if isinstance(explode, str) else tuple(explode)
    with _collector_paused():
        checked = _checked(answer, plan)
        frame = _Table(plan, nested, decimals, backend).frame(checked.value, names)
    if checked.notes:
        # As text: pandas writes attrs into files as JSON.
        frame.attrs["glm_notes"] = [str(note) for note in checked.notes]
    return frame


def as_record(answer: Any, schema: Any) -> Any:
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
    return json.loads(json_text(value if plan.annotation is None else _unwrapped(value)))


def to_json_records(frame: pd.DataFrame, schema: Any = None) -> str:
    """The rows of `frame` as a JSON array of objects: `to_frame` of it with the schema gives the frame again.

    With a schema, columns with dotted names become the objects they came from. The index is left out. Raises
    `ValueError` for NaN-like infinities, which JSON cannot say.
    """
    from glm_magics.structured.validation import json_text

    names = [str(name) for name in frame.columns]
    node: Node = {} if schema is None else _schema(schema).row_schema
    plan = {column.name: column for column in columns_of(node)}
    lists = [_plain_values(frame.iloc[:, at], plan.get(name)) for at, name in enumerate(names)]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]
    if node:
        defs = node.get("$defs", {})
        rows = [_fitted(_unflattened(row, plan), resolved(node, defs), defs) for row in rows]
    return json_text(rows)


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

    def frame(self, value: Any, explode: tuple[str, ...]) -> pd.DataFrame:
        rows = self._rows(value)
        row_schema = self.plan.row_schema
        index: Any = pd.RangeIndex(len(rows))
        for name in explode:
            rows, kept, row_schema = self._exploded(rows, name, row_schema)
            index = index.take(kept)
        columns = columns_of(row_schema, nested=self.nested, decimals=self.decimals, backend=self.backend)
        columns += self._others(rows, row_schema)
        values = _Values(rows, classes=self.classes)
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
            row = _mapping(raw)
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
        names = dict.fromkeys(key for row in rows for key in _mapping(row) if key not in node["properties"])
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


class _Values:
    """The values of rows by path; what lies within an object is looked up once for all of its columns."""

    def __init__(self, rows: Sequence[Any], *, classes: bool) -> None:
        self._classes = classes
        self._levels: dict[tuple[str, ...], list[Any]] = {
            (): [_mapping(row) for row in rows] if classes else list(rows)
        }

    def of(self, column: Column) -> list[Any]:
        *parent, name = column.path
        found = [None if level is None else level.get(name) for level in self._level(tuple(parent))]
        if not self._classes:
            return found
        if column.dtype == OBJECT or isinstance(column.dtype, pd.ArrowDtype):
            if _lists_of_atoms(column.node) and set(map(type, found)) <= {list, type(None)}:
                return found
            return [_unwrapped(value) for value in found]
        return [value.value if isinstance(value, enum.Enum) else value for value in found]

    def _level(self, path: tuple[str, ...]) -> list[Any]:
        if path not in self._levels:
            above = self._level(path[:-1])
            found = [None if level is None else level.get(path[-1]) for level in above]
            self._levels[path] = [_mapping(value) for value in found] if self._classes else found
        return self._levels[path]


def _lists_of_atoms(node: Node) -> bool:
    """Whether the values are lists of what JSON and Python have alike."""
    items = node.get("items") or {}
    return items.get("type") in ("string", "integer", "number", "boolean") and "format" not in items


def _mapping(value: Any) -> Any:
    """A record as a mapping by the names it has in JSON: an instance of a class by its fields."""
    if value is None or isinstance(value, dict):
        return value
    kind: Any = type(value)
    return _fields_reader(kind)(value)


@lru_cache(maxsize=256)
def _fields_reader(kind: type) -> Callable[[Any], Any]:
    """How to read the fields of the instances of a class."""
    if hasattr(kind, "model_fields"):
        aliases = _aliases(kind)
        if not aliases and kind.model_config.get("extra") != "allow":  # type: ignore[attr-defined]
            return attrgetter("__dict__")
        return lambda value: {
            aliases.get(name, name): part
            for name, part in {**value.__dict__, **(value.model_extra or {})}.items()
        }
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return lambda value: {name: getattr(value, name) for name in names}
    return (lambda value: value._asdict()) if hasattr(kind, "_asdict") else dict


def _aliases(kind: Any) -> dict[str, str]:
    """The names of a model's fields whose JSON has another one."""
    named = {name: field.validation_alias or field.alias for name, field in kind.model_fields.items()}
    return {name: alias for name, alias in named.items() if isinstance(alias, str) and alias != name}


def _unwrapped(value: Any) -> Any:
    """Plain Python within lists and objects: dicts for instances, values for members of an Enum."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (list, tuple, set, frozenset)) and not hasattr(kind, "_fields"):
        return [item if type(item) in _ATOMS else _unwrapped(item) for item in value]
    if isinstance(value, dict) or hasattr(kind, "model_fields") or hasattr(kind, "_asdict"):
        return {name: _unwrapped(part) for name, part in _mapping(value).items()}
    if dataclasses.is_dataclass(kind):
        return {name: _unwrapped(part) for name, part in _mapping(value).items()}
    return value


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


# Back to JSON


def _plain_values(column: pd.Series[Any], plan: Column | None) -> list[Any]:
    """The values of a column as JSON has them, None where one is missing."""
    if column.dtype.kind == "M":
        found = _iso(column, plan)
    elif isinstance(column.dtype, pd.CategoricalDtype):
        found = column.astype(object).tolist()
    else:
        found = column.tolist()
    if column.dtype == OBJECT:
        return [
            None if value is pd.NA or value is pd.NaT or value != value else value
            for value in map(_scalar, found)
        ]
    missing = column.isna().tolist()
    return [None if gone else value for gone, value in zip(missing, found, strict=True)]


def _scalar(value: Any) -> Any:
    return None if value is pd.NA or value is pd.NaT else value


def _iso(column: pd.Series[Any], plan: Column | None) -> list[Any]:
    as_date = plan.node.get("format") == "date" if plan else str(column.dtype) == "datetime64[s]"
    moments = [None if moment is pd.NaT else moment for moment in column]
    if as_date:
        return [None if moment is None else moment.date() for moment in moments]
    return [None if moment is None else pd.Timestamp(moment).to_pydatetime() for moment in moments]


class _Inner(dict[str, Any]):
    """An object that is made again of its columns, unlike one that was a column's value."""


def _unflattened(row: dict[str, Any], plan: Mapping[str, Column]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, value in row.items():
        path = plan[name].path if name in plan else (name,)
        level = record
        for part in path[:-1]:
            level = level.setdefault(part, _Inner())
        level[path[-1]] = value
    return record


def _fitted(record: dict[str, Any], node: Node, defs: Mapping[str, Node]) -> dict[str, Any]:
    """What is missing as the schema has it: null where it may be, no key where that is allowed.

    An object within is missing when all of its fields are.
    """
    for name, raw in node.get("properties", {}).items():
        part, optional = without_null(resolved(raw, defs))
        inner = record.get(name)
        if _missing(inner) and optional:
            record[name] = None
        elif _missing(inner) and name not in node.get("required", ()):
            record.pop(name, None)
        elif isinstance(inner, _Inner):
            record[name] = _fitted(inner, resolved(part, defs), defs)
    return record


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, _Inner) and all(map(_missing, value.values())))
