"""What an answer must look like: one JSON Schema from any spelling, and all that follows from it.

    schema("name: str, price: float?, mood: good|bad")
    schema(Model), schema(list[Model]), schema({"name": str, "n": "int"}), schema(frame), schema(json_schema)

From the JSON Schema come the text of the prompt, the check of the answer and the dtypes of its table. A class
given by the user checks its own answers; every other spelling is checked by the same validator.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import pydantic
from pydantic_core import ValidationError
from typing_extensions import TypedDict

from glm_magics.structured.checker import Checker, checker
from glm_magics.structured.describe import prompt_text, tool_text
from glm_magics.structured.exact import loads, needs_exact, with_exact_decimals
from glm_magics.structured.normal import Node, resolved
from glm_magics.structured.problems import SchemaError, Validated
from glm_magics.structured.spellings import Spelled, element_type, spelled
from glm_magics.structured.validation import json_text, validated

if TYPE_CHECKING:
    from glm_magics.structured.dtypes import Backend, Decimals, DType, Nested

__all__ = ["Schema", "Shape", "schema"]

Shape = Literal["rows", "record", "value"]


def schema(spec: Any, *, shape: Shape | None = None) -> Schema:
    """The `Schema` of any spelling: a shorthand string, a pydantic model, dataclass, TypedDict, NamedTuple,
    Enum or other type, a JSON Schema or `{name: type}` dict, an example DataFrame or its dtypes.

    Named fields (and a list of them) are "rows" unless `shape` says "record"; everything else is a "value".
    Raises `SchemaError` in one line that points at the place.
    """
    if shape is not None and shape not in get_args(Shape):
        raise SchemaError(f"a shape is 'rows', 'record' or 'value', got {shape!r}")
    if isinstance(spec, Schema):
        return spec if shape in (None, spec.shape) else _reshaped(spec, shape)
    return _shaped(spelled(spec), shape)


@dataclass(frozen=True)
class Schema:
    """What an answer must look like. Made by `schema(...)`.

    `json_schema` is that of one record for the shapes "rows" and "record", else of the value, in the normal
    form of `glm_magics.structured.normal`; `model` is the user's class, if they gave one.
    """

    json_schema: Node
    shape: Shape
    model: Any = None
    annotation: Any = field(default=None, repr=False)

    def __hash__(self) -> int:
        return hash(self.key())

    def __getstate__(self) -> dict[str, Any]:
        # The validators are made again where they are needed: they do not pickle.
        return {name: getattr(self, name) for name in ("json_schema", "shape", "model", "annotation")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @cached_property
    def adapter(self) -> Checker:
        """The validator of one record or value: the user's class, else one made of the JSON Schema."""
        return checker(self.json_schema) if self.annotation is None else pydantic.TypeAdapter(self.annotation)

    @property
    def wire_schema(self) -> Node:
        """JSON Schema of the root object to ask for: `{"rows": […]}`, the record, or `{"value": …}`."""
        if self.shape == "record":
            return self.json_schema
        node, defs = _split(self.whole_schema)
        root: Node = {"type": "object", "properties": {self._root: node}, "required": [self._root]}
        return {**root, "$defs": defs} if defs else root

    @property
    def whole_schema(self) -> Node:
        """JSON Schema of the unwrapped value: the list of records for "rows", else `json_schema`."""
        if self.shape != "rows":
            return self.json_schema
        node, defs = _split(self.json_schema)
        rows: Node = {"type": "array", "items": node}
        return {**rows, "$defs": defs} if defs else rows

    def prompt(self) -> str:
        """The type of the answer as compact text, and how to answer."""
        return prompt_text(self.wire_schema)

    def tool_prompt(self, name: str) -> str:
        """How to answer where the schema is the parameters of the function `name`."""
        return tool_text(self.wire_schema, name)

    def unwrap(self, value: Any) -> Any:
        """The rows, record or value in the root object. What comes without the root object stays as it is,
        except that one record for "rows" becomes a list of it.
        """
        if self.shape == "record" or not isinstance(value, dict):
            return value
        inner = value.get(self._root)
        if self.shape == "value":
            return inner if set(value) == {"value"} and not self._is_value(value, inner) else value
        names = self._row_names()
        if isinstance(inner, list) and "rows" not in names:
            return inner
        if len(value) == 1:
            ((name, only),) = value.items()
            if isinstance(only, list) and name not in names:
                return only
        return [value]

    def validate(self, value: Any) -> Validated:
        """`value` (JSON as Python values, with its root object or without) against the schema, strictly.

        The result's `value` holds typed values: dates, Decimals, instances of the user's class. Whatever
        does not fit is listed in `errors` with its path, and then `value` is what came.
        """
        inner = self.unwrap(value)
        run = self._whole.validate_python if self.annotation is None else self._run_class
        return validated(
            inner,
            run=run,
            schema=self.whole_schema,
            root="" if self.shape == "record" else self._root,
            drop_extra=self.annotation is None,
        )

    def validate_json(self, text: str) -> Validated:
        """JSON text against the schema, exactly: no digit of a decimal number is lost.

        Raises `ValueError` when the text is not JSON.
        """
        if not (self._has_decimals and needs_exact(text)) and "NaN" not in text and "Infinity" not in text:
            fast = self._fast(text)
            if fast is not None:
                return fast
        return self.validate(loads(text))

    def dtypes(
        self,
        *,
        nested: Nested = "flatten",
        decimals: Decimals = "decimal",
        backend: Backend = "numpy_nullable",
    ) -> dict[str, DType]:
        """The pandas dtype of every column of the answer's table; nested objects give dotted names."""
        from glm_magics.structured.dtypes import dtypes_of

        return dtypes_of(self.row_schema, nested=nested, decimals=decimals, backend=backend)

    @property
    def row_schema(self) -> Node:
        """JSON Schema of one row of the answer's table, an object: see `row_of`."""
        from glm_magics.structured.dtypes import row_schema

        return self.json_schema if self.shape != "value" else row_schema(self.json_schema)

    def key(self) -> str:
        """32 hex digits, the same for the same JSON Schema and shape in every process and spelling."""
        canonical = json.dumps([self.shape, _unordered(self.json_schema)], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:32]

    @property
    def _root(self) -> str:
        return "rows" if self.shape == "rows" else "value"

    @cached_property
    def _whole(self) -> Checker:
        """The validator of the unwrapped value."""
        if self.shape != "rows":
            return self.adapter
        if self.annotation is None:
            return checker(self.whole_schema)
        return pydantic.TypeAdapter(_many(self.annotation))

    @cached_property
    def _wrapped(self) -> Checker:
        """The validator of the root object."""
        if self.shape == "record":
            return self.adapter
        if self.annotation is None:
            return checker(self.wire_schema)
        make: Any = TypedDict
        whole = _many(self.annotation) if self.shape == "rows" else self.annotation
        return pydantic.TypeAdapter(make("Root", {self._root: whole}))

    @cached_property
    def _has_decimals(self) -> bool:
        return '"format": "decimal"' in json.dumps(self.json_schema)

    def _fast(self, text: str) -> Validated | None:
        """Text straight to typed values when all is well, else None: the slow way finds out what is wrong."""
        # The validator of a JSON Schema is strict where it should be; a class is asked to be.
        strict = None if self.annotation is None else True
        try:
            if text.lstrip()[:1] == "[" and self.shape == "rows":
                return Validated(self._whole.validate_json(text, strict=strict))
            root = self._wrapped.validate_json(text, strict=strict)
        except (ValidationError, UnicodeError):
            return None
        return Validated(root if self.shape == "record" else root[self._root])

    def _run_class(self, value: Any) -> Any:
        whole, defs = self.whole_schema, self.json_schema.get("$defs", {})
        exact = with_exact_decimals(value, whole, defs) if self._has_decimals else value
        # A lone half of a surrogate pair is no character: no class could take it, so it becomes U+FFFD.
        text = json_text(exact).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return self._whole.validate_json(text, strict=True)

    def _row_names(self) -> set[str]:
        return set(resolved(self.json_schema, self.json_schema.get("$defs", {})).get("properties", ()))

    def _is_value(self, value: Any, inner: Any) -> bool:
        """Whether an object of the one key "value" is itself the value that is asked for."""
        return self._fits(value) and not self._fits(inner)

    def _fits(self, value: Any) -> bool:
        return not validated(
            value,
            run=self.adapter.validate_python if self.annotation is None else self._run_class,
            schema=self.json_schema,
            root="",
            drop_extra=False,
        ).errors


def _shaped(spec: Spelled, shape: Shape | None) -> Schema:
    node, defs = _split(spec.json_schema)
    if shape != "value" and _is_record(node, defs):
        return Schema(spec.json_schema, shape or "rows", _class(spec.annotation), spec.checking)
    items = resolved(node, defs).get("items") or {}
    element = element_type(spec.annotation)
    many = shape != "value" and _is_record(items, defs) and (spec.annotation is None or element is not None)
    if many:
        json_schema = {**items, "$defs": defs} if defs else items
        checking = None if spec.checking is None else element
        return Schema(json_schema, shape or "rows", _class(element), checking)
    if shape in ("rows", "record"):
        raise SchemaError(
            f"{shape!r} needs named fields, such as 'name: str, price: float'; this is one value"
        )
    return Schema(spec.json_schema, "value", _class(spec.annotation), spec.checking)


def _reshaped(spec: Schema, shape: Shape | None) -> Schema:
    if spec.shape == "value" or shape is None:
        return _shaped(Spelled(spec.json_schema, spec.annotation or spec.model, spec.annotation), shape)
    return replace(spec, shape=shape)


def _unordered(node: Any) -> Any:
    """The schema without the order of its required names; that of labels has a meaning."""
    if isinstance(node, dict):
        return {
            key: sorted(part) if key == "required" and isinstance(part, list) else _unordered(part)
            for key, part in node.items()
        }
    return [_unordered(part) for part in node] if isinstance(node, list) else node


def _many(annotation: Any) -> Any:
    return list[annotation]


def _is_record(node: Node, defs: dict[str, Node]) -> bool:
    return bool(resolved(node, defs).get("properties"))


def _class(annotation: Any) -> Any:
    return annotation if isinstance(annotation, type) else None


def _split(node: Node) -> tuple[Node, dict[str, Node]]:
    return {key: value for key, value in node.items() if key != "$defs"}, node.get("$defs", {})
