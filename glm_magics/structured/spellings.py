"""The many ways to write a schema, each read into JSON Schema and, for Python types, the type itself."""

from __future__ import annotations

import dataclasses
import enum
import re
import sys
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, get_args, get_origin

import pydantic
import typing_extensions
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema
from typing_extensions import TypedDict, is_typeddict

from glm_magics.structured.normal import Node, looks_like_json_schema, normal, nullable
from glm_magics.structured.problems import SchemaError
from glm_magics.structured.shorthand import parse_shorthand, parse_type

__all__ = ["Spelled", "element_type", "spelled"]

_EXPECTED = (
    "expected a shorthand string, a pydantic model, dataclass, TypedDict, NamedTuple, Enum or other type, "
    "a JSON Schema or {name: type} dict, or an example DataFrame"
)
_PLAIN = (str, int, float, bool, type(None), Any, Decimal, date, datetime, time, timedelta, list, dict)
_NO_JSON = re.compile(r"Unable to generate pydantic-core schema for <class '(?:__main__\.)?(.+?)'>")
_FRAMES = ("pandas", "polars", "pyarrow")
_PLAIN_GENERIC = (list, dict, typing.Union, types.UnionType)
_QUALIFIERS = tuple(
    getattr(module, name)
    for module in (typing, typing_extensions)
    for name in ("Required", "NotRequired", "ReadOnly")
    if hasattr(module, name)
)
_MANY = (list, set, frozenset, Sequence, Iterable, AbstractSet)


@dataclass(frozen=True)
class Spelled:
    """A specification as JSON Schema in normal form, and the Python type it was, if it was one.

    `checking` is that type again where it checks values in its own way; a type that says no more than its
    JSON Schema (`list[str]`, a TypedDict of numbers) leaves the check to the validator of the JSON Schema.
    """

    json_schema: Node
    annotation: Any = None
    checking: Any = None


def spelled(spec: Any) -> Spelled:
    """What `spec` says. Raises `SchemaError` in one line that points at the place."""
    if isinstance(spec, str):
        return Spelled(normal(parse_shorthand(spec)))
    if type(spec).__module__.partition(".")[0] in _FRAMES and not isinstance(spec, type):
        return Spelled(normal(_from_example(spec)))
    if isinstance(spec, Mapping):
        if looks_like_json_schema(spec):
            return Spelled(normal(spec))
        return Spelled(normal(_fields(spec, "")))
    if _is_type(spec):
        return _from_type(spec)
    raise SchemaError(f"{_EXPECTED}; got {_kind(spec)}")


def element_type(annotation: Any) -> Any:
    """`X` of `list[X]` and its like, else None."""
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin in _MANY and len(arguments) == 1:
        return arguments[0]
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return arguments[0]
    return None


def _kind(spec: Any) -> str:
    if isinstance(spec, pydantic.BaseModel) or dataclasses.is_dataclass(spec):
        return f"a value of {type(spec).__name__}: give the class itself"
    return f"{type(spec).__name__} {spec!r:.60}"


# {name: type}


def _fields(spec: Mapping[Any, Any], path: str) -> Node:
    properties = {}
    required = []
    for key, value in spec.items():
        if not isinstance(key, str) or not key:
            raise SchemaError(f"the names of fields are text, got {key!r}", path=path)
        name = key.removesuffix("?")
        node = _field(value, f"{path}.{name}" if path else name)
        properties[name] = nullable(node) if name != key else node
        if "anyOf" not in properties[name] or {"type": "null"} not in properties[name]["anyOf"]:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required}


def _field(value: Any, path: str) -> Node:
    try:
        if isinstance(value, str):
            return normal(parse_type(value))
        if isinstance(value, list) and len(value) == 1:
            return {"type": "array", "items": _field(value[0], f"{path}[]")}
        if isinstance(value, Mapping) and not looks_like_json_schema(value):
            return normal(_fields(value, path))
        if isinstance(value, Mapping) or _is_type(value):
            return spelled(value).json_schema
    except SchemaError as error:
        raise error if error.path.startswith(path) else SchemaError(error.message, path=path) from None
    raise SchemaError(f"expected a type or its shorthand, got {value!r:.60}", path=path)


# Example frames


def _from_example(spec: Any) -> Node:
    from glm_magics.structured.examples import schema_of_example

    found = schema_of_example(spec)
    if found is None:
        raise SchemaError(f"{_EXPECTED}; got a {type(spec).__name__}: give its DataFrame (`.to_frame()`)")
    return found


# Python types


def _is_type(spec: Any) -> bool:
    return isinstance(spec, (type, types.UnionType)) or get_origin(spec) is not None or spec is Any


def _from_type(spec: Any) -> Spelled:
    annotation = _understood(spec, ())
    try:
        adapter: Any = pydantic.TypeAdapter(annotation)
        raw = adapter.json_schema(schema_generator=_JsonSchema)
    except (pydantic.errors.PydanticUserError, NameError) as error:
        raise _refused(spec, error) from None
    plain = _is_plain(annotation)
    return Spelled(normal(raw, lenient=not plain), annotation, None if plain else annotation)


def _is_plain(annotation: Any) -> bool:
    """Whether the type says no more than its JSON Schema: no class of the user's, no `Annotated`."""
    if annotation in _PLAIN or annotation is None:
        return True
    if _is_typed_dict(annotation):
        return all(_is_plain(hint) for hint in _hints(annotation).values())
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is typing.Literal:
        return all(
            isinstance(label, (str, int, float, bool)) and not isinstance(label, enum.Enum)
            for label in arguments
        )
    return origin in _PLAIN_GENERIC and all(_is_plain(argument) for argument in arguments)


class _JsonSchema(GenerateJsonSchema):
    """As pydantic writes it, but exact numbers say so, a NamedTuple is an object, titles are the user's."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> dict[str, Any]:
        names = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
        bounds = {names[key]: _plain_number(value) for key, value in schema.items() if key in names}
        return {"type": "string", "format": "decimal", **bounds}

    def named_tuple_schema(self, schema: Any) -> dict[str, Any]:
        fields = {field["name"]: field["schema"] for field in schema["fields"]}
        return self._named(fields)

    def arguments_schema(self, schema: core_schema.ArgumentsSchema) -> dict[str, Any]:
        """A NamedTuple before pydantic 2.13."""
        return self._named({each["name"]: each["schema"] for each in schema["arguments_schema"]})

    def _named(self, fields: dict[str, Any]) -> dict[str, Any]:
        properties = {name: self.generate_inner(field) for name, field in fields.items()}
        required = [name for name, field in fields.items() if field["type"] != "default"]
        return {"type": "object", "properties": properties, "required": required}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _plain_number(value: Any) -> int | float:
    return int(value) if value == int(value) else float(value)


def _refused(spec: Any, error: Exception) -> SchemaError:
    """One line for what pydantic says in many, at the field it is about."""
    name = spec.__name__ if isinstance(spec, type) and not get_args(spec) else str(spec)
    for field, hint in _hints(spec).items():
        if wrong := _wrong_with(hint):
            return SchemaError(wrong, path=f"{name}.{field}")
    return SchemaError(f"{name} cannot be a schema: {_plainly(error)}")


def _wrong_with(hint: Any) -> str:
    try:
        pydantic.TypeAdapter(hint).json_schema()
    except Exception as error:  # whatever it is, it names the field
        return _plainly(error)
    return ""


def _plainly(error: Exception) -> str:
    what = str(error).strip().partition("\n")[0].rstrip(".")
    if unknown := _NO_JSON.match(what):
        return f"{unknown[1]} has no JSON form; expected a type such as str or a class with typed fields"
    if "is not fully defined" in what:
        return "it names a type that is not defined here"
    return what


def _hints(spec: Any) -> dict[str, Any]:
    """The types of the fields of a class, without `Required` and its like."""
    try:
        hints = typing.get_type_hints(spec, include_extras=True)
    except (TypeError, NameError, AttributeError):
        return {}
    return {name: _unqualified(hint) for name, hint in hints.items()}


# pydantic reads `typing.TypedDict` from Python 3.12 on; before that the same class is made again with the
# one of typing_extensions.


def _understood(annotation: Any, within: tuple[Any, ...]) -> Any:
    if sys.version_info >= (3, 12) or not _holds_old(annotation, ()):
        return annotation
    if _is_typed_dict(annotation):
        return _typed_dict(annotation, within)
    changed = tuple(_understood(argument, within) for argument in get_args(annotation))
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is typing.Union:
        return typing.Union[changed]  # noqa: UP007 - made of a tuple
    if get_origin(annotation) is typing.Annotated:
        return typing.Annotated[(changed[0], *annotation.__metadata__)]
    return (
        annotation.copy_with(changed) if hasattr(annotation, "copy_with") else get_origin(annotation)[changed]
    )


def _holds_old(annotation: Any, seen: tuple[Any, ...]) -> bool:
    """Whether there is a `typing.TypedDict` in the type."""
    if not _is_typed_dict(annotation):
        return any(_holds_old(argument, seen) for argument in get_args(annotation))
    if type(annotation).__module__ == "typing":
        return True
    fresh = annotation not in seen
    return fresh and any(_holds_old(hint, (*seen, annotation)) for hint in _hints(annotation).values())


def _typed_dict(annotation: Any, within: tuple[Any, ...]) -> Any:
    if annotation in within:
        message = "a TypedDict that holds itself needs typing_extensions.TypedDict on this Python"
        raise SchemaError(message, path=annotation.__name__)
    fields = {}
    for name, raw in typing.get_type_hints(annotation, include_extras=True).items():
        required = _is_required(raw, name in annotation.__required_keys__)
        hint = _understood(_unqualified(raw), (*within, annotation))
        fields[name] = hint if required else _not_required(hint)
    make: Any = TypedDict
    return make(annotation.__name__, fields)


def _is_required(hint: Any, otherwise: bool) -> bool:
    """As the field itself says. The class does not know when its annotations are strings."""
    name = getattr(get_origin(hint), "_name", "")
    return otherwise if name not in ("Required", "NotRequired") else name == "Required"


def _unqualified(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in _QUALIFIERS else hint


def _not_required(hint: Any) -> Any:
    return typing_extensions.NotRequired[hint]


def _is_typed_dict(annotation: Any) -> bool:
    return is_typeddict(annotation) or typing.is_typeddict(annotation)
