"""The text of a schema: compact, faithful, and with the rules of the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, Field

from glm_magics import tokens
from glm_magics.structured.describe import type_text
from glm_magics.structured.normal import normal
from glm_magics.structured.schema import schema

CRM = (
    "name: str 'as on the invoice', price: float? >= 0 'in euro', mood: good|bad|neutral, tags: list[str] len <= 5, "
    "when: datetime, day: date?, dim: {w: int, h: int}, zip: str /^\\d{5}$/, stars: int 1..5"
)


class Node(BaseModel):
    name: str
    children: list[Node] = []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        pytest.param("a: int, b: float, c: bool, d", "{a: int, b: number, c: boolean, d: string}", id="short fits a line"),
        pytest.param("a: int?, b: good|bad?", '{a: int | null, b: "good" | "bad" | null}', id="optional"),
        pytest.param("a: int[], b: (x|y)[], c: list[int?]", '{a: int[], b: ("x" | "y")[], c: (int | null)[]}', id="lists"),
        pytest.param("a: {b: {c: int}}[]", "{a: {b: {c: int}}[]}", id="nested"),
        pytest.param("a: dict[str, int], b: dict, c: list", "{a: {[key: string]: int}, b: {[key: string]: any}, c: any[]}", id="open"),
        pytest.param("a: 1|2, b: int|str", "{a: 1 | 2, b: int | string}", id="unions"),
        pytest.param("a: int 'x', b: int >= 0 <= 5, c: int > 1", "{\na: int // x\nb: int // 0..5\nc: int // > 1\n}", id="comments take lines"),
        pytest.param("a: date?, b", '{\na: date | null // "YYYY-MM-DD"\nb: string\n}', id="formats"),
        pytest.param("a: list[date]", '{\na: date[] // each "YYYY-MM-DD"\n}', id="a comment of the items"),
        pytest.param("'unit price': int, 数量: int", '{"unit price": int, 数量: int}', id="names"),
        pytest.param("a: str len 2..5 /^x/ 'code'", "{\na: string // 2..5 characters; matches /^x/; code\n}", id="constraints"),
    ],
)  # fmt: skip
def test_a_schema_reads(spec: str, text: str) -> None:
    assert type_text(schema(spec, shape="record").json_schema) == text


def test_the_prompt_asks_for_the_root_object_and_gives_the_rules() -> None:
    assert schema("name: str, price: float? 'in euro'").prompt() == (
        "Answer with JSON only, no Markdown and no other text: one object of this type.\n"
        "{rows: {\n"
        "name: string\n"
        "price: number | null // in euro\n"
        "}[]}\n"
        "Every key as written, no other keys. Give null for what is not known, never invent a value."
    )


def test_null_is_offered_only_where_the_schema_takes_it() -> None:
    assert "null" not in schema("a: int").prompt()
    assert "{value: string[]}" in schema("list[str]").prompt()
    assert "\n{a: int}\n" in schema("a: int", shape="record").prompt()


def test_a_recursive_model_is_a_named_type() -> None:
    prompt = schema(Node).prompt()
    assert "type Node = {name: string, children?: Node[]}\n{rows: Node[]}\n" in prompt


def test_a_part_used_twice_is_written_once() -> None:
    class Point(BaseModel):
        x: int
        y: int

    class Line(BaseModel):
        start: Point = Field(description="where it begins")
        end: Point | None

    text = type_text(schema(Line, shape="record").json_schema)
    assert text == "type Point = {x: int, y: int}\n{\nstart: Point // where it begins\nend: Point | null\n}"


def test_everything_a_json_schema_demands_is_in_the_text() -> None:
    node = normal(
        {
            "type": "object",
            "properties": {
                "code": {"type": "string", "minLength": 2, "maxLength": 2, "pattern": "^[A-Z]+$"},
                "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
                "ids": {"type": "array", "items": {"type": "integer", "multipleOf": 5}, "uniqueItems": True, "minItems": 1},
                "mail": {"type": "string", "format": "email"},
            },
            "required": ["code", "pair", "ids"],
        }
    )  # fmt: skip
    assert type_text(node) == (
        "{\n"
        "code: string // 2 characters; matches /^[A-Z]+$/\n"
        "pair: [string, int]\n"
        "ids: int[] // each multiple of 5; 1 or more items; no item twice\n"
        "mail?: string // email\n"
        "}"
    )


@pytest.mark.parametrize(
    "spec",
    [pytest.param(CRM, id="crm"), pytest.param(Node, id="recursive"), pytest.param("a, b int", id="small")],
)
def test_the_text_is_shorter_than_the_schema(spec: Any) -> None:
    plan = schema(spec)
    text = tokens.estimate(type_text(plan.wire_schema))
    whole = tokens.estimate(json.dumps(plan.wire_schema, ensure_ascii=False))
    print(f"tokens: {text} as a type, {whole} as JSON Schema, {text / whole:.2f}")
    assert text < whole
