"""`--schema` and `--as`: which schema a line names, and what its answer is bound as."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glm_magics._lang import _
from glm_magics.errors import GLMError
from glm_magics.grammar import GrammarError, Line, nearest

if TYPE_CHECKING:
    from glm_magics.chat import Completion
    from glm_magics.structured.schema import Schema

__all__ = ["data_of", "frame_names", "plan_of", "schema_names", "shape_of"]

_LIST_OF = re.compile(r"list\[\s*(\w+)\s*\]")


def plan_of(parsed: Line, names: Mapping[str, Any]) -> Schema | None:
    """The schema that `--schema` names or spells out; None without one. Raises `GrammarError`."""
    text = parsed.values.get("schema")
    if text is None:
        if "shape" in parsed.values:
            raise GrammarError(_("--as needs --schema: `--schema 'name: str, price: float' --as record`."))
        return None
    from glm_magics.structured.problems import SchemaError
    from glm_magics.structured.schema import schema

    try:
        return schema(_spec(text, names), shape="record" if parsed.values.get("shape") == "record" else None)
    except SchemaError as error:
        raise GrammarError(_("--schema: {problem}").format(problem=error.line)) from None


def shape_of(parsed: Line) -> str:
    """What the answer is bound as: one of `grammar.SHAPES`."""
    shape: str = parsed.values.get("shape", "frame")
    return shape


def data_of(completion: Completion, shape: str) -> Any:
    """What a name is bound to: a DataFrame, a record, plain JSON values or the answer's text.

    A DataFrame has the record of the answer (tier, usage, cost, ids) in `frame.attrs["glm_magics"]`.
    Raises `GLMError` when the answer brought no value.
    """
    from glm_magics.structured.problems import Validated
    from glm_magics.structured.table import as_json, to_record
    from glm_magics.views import record

    if completion.schema is None:
        raise GLMError(_("No whole record had come."), completion=completion)
    if shape == "text":
        return completion.text
    checked = Validated(completion.value)
    if shape == "json":
        return as_json(checked, completion.schema)
    if shape == "record":
        return to_record(checked, completion.schema)
    frame = completion.to_frame()
    frame.attrs["glm_magics"] = record(completion)
    return frame


def schema_names(names: Mapping[str, Any]) -> list[str]:
    """The names in the notebook that can stand after `--schema`, for completion."""
    return [name for name, value in names.items() if not name.startswith("_") and _is_spec(value)]


def frame_names(names: Mapping[str, Any]) -> list[str]:
    """The names in the notebook that can stand after `--each`: tables and columns, of pandas or polars."""
    return [name for name, value in names.items() if not name.startswith("_") and _is_frame(value)]


def _is_frame(value: Any) -> bool:
    bases = type.mro(type(value))
    homes = {(base.__module__.partition(".")[0], base.__name__) for base in bases}
    return not _FRAMES.isdisjoint(homes)


_FRAMES = {(home, kind) for home in ("pandas", "polars") for kind in ("DataFrame", "Series")}


def _spec(text: str, names: Mapping[str, Any]) -> Any:
    """A variable of the notebook, a list of one, or the shorthand itself."""
    from glm_magics.structured.shorthand import TYPES

    listed = _LIST_OF.fullmatch(text)
    name = listed[1] if listed else text
    if not name.isidentifier() or name in TYPES:
        return text
    if name not in names:
        near = nearest(name, schema_names(names))
        raise GrammarError(
            _(
                "--schema {text}: there is no {name} in the notebook.{near} One field of text is "
                "'{name}: str'."
            ).format(text=text, name=name, near=near)
        )
    found = names[name]
    many: Any = list
    return many[found] if listed and isinstance(found, type) else found  # fields are rows without saying so


_FIELDS = ("__pydantic_fields__", "__dataclass_fields__", "__required_keys__", "_fields")


def _is_spec(value: Any) -> bool:
    """Whether a value describes data: a class with fields, a DataFrame, a schema. Runs none of its code."""
    kind = type(value)
    if issubclass(kind, type):
        bases = type.mro(value)
        return any(mark in vars(base) for base in bases for mark in _FIELDS)
    return kind.__module__.partition(".")[0] == "pandas" or kind.__module__ == "glm_magics.structured.schema"
