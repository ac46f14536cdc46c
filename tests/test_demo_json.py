"""The demo's answers to a schema: always valid, found in the input, and plainly empty or made up where not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glm_magics as glm
from glm_magics._session import Session
from glm_magics._tiers import tiers
from glm_magics.demo.ask import Ask, Turn
from glm_magics.demo.writer import compose
from glm_magics.demo.writer.notation import read_types
from glm_magics.demo.writer.pattern import sample
from glm_magics.errors import ParseError
from glm_magics.structured.describe import type_text
from glm_magics.structured.normal import normal
from glm_magics.structured.schema import Schema, schema

AIR = tiers().find("glm-4.5-air")


def answer(prompt: str, plan: Schema, *, on_the_wire: bool = False) -> Any:
    wire = plan.wire_schema if on_the_wire else None
    turns = (Turn("user", f"{prompt}\n\n{plan.prompt()}"),)
    return json.loads(compose(Ask(tier=AIR, turns=turns, json_mode=True, json_schema=wire)).text)


def rows(prompt: str, spec: str) -> list[dict[str, Any]]:
    """The rows of the answer, which have to fit."""
    plan = schema(spec)
    found = answer(prompt, plan)
    assert plan.validate(found).errors == ()
    return list(found["rows"])


# Reading the type


@pytest.mark.parametrize("form", ["date", "date-time", "time", "duration", "decimal", "uuid", "email"])
def test_every_format_is_read_back(form: str) -> None:
    node = normal({"properties": {"a": {"type": "string", "format": form}}, "required": ["a"]})
    assert type_text(read_types(type_text(node)) or {}) == type_text(node)


_LEAVES: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "string", "minLength": 2, "maxLength": 3},
    {"type": "string", "maxLength": 4},
    {"type": "string", "minLength": 9},
    {"type": "string", "pattern": r"^\d{5}$"},
    {"type": "string", "pattern": r"^[A-Z]{2}-\d+; x/y$"},
    {"type": "string", "pattern": "^(foo|bar)+$", "minLength": 7},
    {"type": "integer"},
    {"type": "integer", "minimum": -3, "maximum": -1},
    {"type": "integer", "multipleOf": 5, "minimum": 3},
    {"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7},
    {"type": "number"},
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    {"type": "number", "multipleOf": 0.5, "minimum": 0.75},
    {"type": "boolean"},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "time"},
    {"type": "string", "format": "duration"},
    {"type": "string", "format": "decimal", "minimum": 3},
    {"type": "string", "format": "uuid"},
    {"enum": ["lo", "mid", "高"]},
    {"enum": ["", 'a"b', "c|d"]},
    {"enum": [1, 2.5]},
    {"enum": [True]},
    {},
]
_NAMES = st.sampled_from(
    ["name", "price", "city", "date", "姓名", "价格", "id", "age", "mood", "unit price", "tags"]
)


def _deeper(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    size = st.integers(0, 2)
    lists = st.builds(
        lambda item, low, more: {"type": "array", "items": item, "minItems": low, "maxItems": low + more},
        inner,
        size,
        size,
    )
    keys = inner.map(lambda value: {"type": "object", "additionalProperties": value, "minProperties": 1})
    tuples = st.lists(inner, min_size=2, max_size=3).map(
        lambda parts: {
            "type": "array",
            "prefixItems": parts,
            "minItems": len(parts),
            "maxItems": len(parts),
        }
    )
    optional = inner.map(lambda node: {"anyOf": [node, {"type": "null"}]})
    unions = inner.map(lambda node: {"anyOf": [node, {"type": "boolean"}]})
    return lists | keys | tuples | optional | unions | _records(inner)


def _records(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda fields, count: {"type": "object", "properties": fields, "required": list(fields)[:count]},
        st.dictionaries(_NAMES, inner, min_size=1, max_size=4),
        st.integers(0, 4),
    )


PLANS = _records(st.recursive(st.sampled_from(_LEAVES), _deeper, max_leaves=6)).map(schema)
PROMPTS = st.text(max_size=60) | st.sampled_from(
    [
        "List 3 invented customers.",
        "生成 5 条虚构客户",
        "Anna (34) of Berlin 10115 paid $4.50 on 2026-03-05 at 14:30; 2 x tea, good.",
        "张三今年28岁，住在上海。很好 4.50元",
        "- tea 2.50\n- rice 3, bad",
        "name,price\n1,x\n2,y\n",
    ]
)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(PLANS)
def test_any_type_that_can_be_written_is_read_back_the_same(plan: Schema) -> None:
    text = type_text(plan.wire_schema)
    read = read_types(text)
    assert read is not None
    assert type_text(read) == text


@pytest.mark.parametrize("on_the_wire", [False, True])
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(plan=PLANS, prompt=PROMPTS)
def test_an_answer_fits_any_schema_whatever_was_asked(on_the_wire: bool, plan: Schema, prompt: str) -> None:
    assert plan.validate(answer(prompt, plan, on_the_wire=on_the_wire)).errors == ()


def test_recursion_ends() -> None:
    node = {"properties": {"name": {"type": "string"}, "next": {"$ref": "#"}}, "required": ["name"]}
    plan = schema(node, shape="record")
    assert plan.validate(answer("A tea called Oolong.", plan)).errors == ()
    assert answer("", plan) == {"name": ""}


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{5}$",
        r"^[A-Z]{2}-\d+$",
        "^(foo|bar)+$",
        r"\w+@\w+\.org",
        "^[^a-z]{3,}$",
        r"^\+?\d[\d ]{6,}$",
        "a|b",
    ],
)
def test_a_simple_pattern_gets_a_text_that_it_matches(pattern: str) -> None:
    for number in range(5):
        made = sample(pattern, number)
        assert made is not None
        assert re.search(pattern, made)


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a)\1", "[", "(", "a{99999}", "*"])
def test_a_pattern_beyond_it_gets_none(pattern: str) -> None:
    assert sample(pattern) is None


# Finding

REVIEWS = """Which items are reviewed here?
Reviews:
- The green tea (4.50) was excellent, I would buy it again.
- Our salt lamp for 19.99 broke after two days. Terrible.
- A notebook, price 3.20: fine paper, good for sketches."""


def test_reviews_become_rows_with_names_prices_and_moods() -> None:
    assert rows(REVIEWS, "name: str, price: float?, mood: good|bad|neutral") == [
        {"name": "green tea", "price": 4.5, "mood": "good"},
        {"name": "salt lamp", "price": 19.99, "mood": "bad"},
        {"name": "notebook", "price": 3.2, "mood": "good"},
    ]


def test_chinese_reviews_too() -> None:
    text = "哪些商品？\n评论：绿茶（4.50元）很好，还会再买。\n评论：盐灯19.99元，两天就坏了。\n评论：笔记本3.20元，一般。"
    assert rows(text, "名称: str, 价格: float?, 评价: 好|坏|中性") == [
        {"名称": "绿茶", "价格": 4.5, "评价": "好"},
        {"名称": "盐灯", "价格": 19.99, "评价": "坏"},
        {"名称": "笔记本", "价格": 3.2, "评价": "中性"},
    ]


def test_an_order_is_one_row_with_a_customer_and_items() -> None:
    text = (
        "Extract the order.\nOrder 01234 of 2026-03-05 by Anna Schmidt (anna@example.org), Berlin 10115: "
        "2 × green tea at 4.50 EUR, 1 × salt lamp at 19.99 EUR. Express delivery."
    )
    spec = (
        "id: str, date: date, customer: {name: str, city: str, zip: str}, "
        "items: list[{name: str, quantity: int, price: decimal}], express: bool"
    )
    assert rows(text, spec) == [
        {
            "id": "01234",
            "date": "2026-03-05",
            "customer": {"name": "Anna Schmidt", "city": "Berlin", "zip": "10115"},
            "items": [
                {"name": "green tea", "quantity": 2, "price": "4.50"},
                {"name": "salt lamp", "quantity": 1, "price": "19.99"},
            ],
            "express": True,
        }
    ]


def test_clauses_are_rows_when_each_has_its_own_number() -> None:
    text = "Extract people: Anna is 34, Bob is 41 and Carl is 29."
    assert rows(text, "name: str, age: int") == [
        {"name": "Anna", "age": 34},
        {"name": "Bob", "age": 41},
        {"name": "Carl", "age": 29},
    ]


def test_what_the_text_does_not_say_is_null_or_left_out_or_empty() -> None:
    found = rows("- The tea costs 3.", "name: str, price: float, since: date?, seller: str?, paid: bool?")
    assert found == [{"name": "tea", "price": 3, "since": None, "seller": None, "paid": None}]


def test_chinese_people_are_found_by_where_they_stand() -> None:
    assert rows("张三今年28岁，住在上海。李四35岁，来自北京。", "姓名: str, 年龄: int, 城市: str") == [
        {"姓名": "张三", "年龄": 28, "城市": "上海"},
        {"姓名": "李四", "年龄": 35, "城市": "北京"},
    ]


# Inventing


def test_invented_rows_are_as_many_as_asked_varied_and_the_same_each_time() -> None:
    spec = "name: str, city: str, age: 18..99, since: date"
    found = rows("List 200 invented customers.", spec)
    assert len(found) == len({row["name"] for row in found}) == 200
    assert len({row["age"] for row in found}) > 20
    assert found == rows("List 200 invented customers.", spec)


def test_invented_chinese_rows_are_chinese() -> None:
    found = rows("生成 5 条虚构客户", "姓名: str, 城市: str")
    assert len(found) == 5
    assert not any(value.isascii() for row in found for value in row.values())


def test_of_real_things_only_the_names_are_known() -> None:
    assert rows("List 2 planets", "name: str, mass: float?") == [
        {"name": "Mercury", "mass": None},
        {"name": "Venus", "mass": None},
    ]


def test_records_in_the_input_are_not_replaced_by_invented_ones() -> None:
    assert [
        row["name"] for row in rows("List 2 items.\n- tea 2.50\n- rice 3.20", "name: str, price: float")
    ] == [
        "tea",
        "rice",
    ]


# Asked again, and told to answer badly

SPEC = "name: str, price: float?, mood: good|bad|neutral"


@pytest.mark.parametrize("fault", ["bad-json-once", "once:sloppy-json"])
def test_asked_again_it_answers_the_task(demo: Callable[..., Session], fault: str) -> None:
    demo(f"fault={fault}")
    done = glm.ask(REVIEWS, schema=SPEC, tier="air")
    assert [row["name"] for row in done.value] == ["green tea", "salt lamp", "notebook"]
    assert "asked for again" in done.notes[-1]


def test_sloppy_json_is_mended_but_its_wrong_label_is_refused(demo: Callable[..., Session]) -> None:
    demo("fault=sloppy-json")
    with pytest.raises(ParseError, match="probably good") as raised:
        glm.ask(REVIEWS, schema=SPEC, tier="air")
    assert "4.5 EUR" in (raised.value.text or "")
    done = glm.ask(REVIEWS, schema="name: str, price: float?", tier="air")
    assert done.value[0] == {"name": "green tea", "price": 4.5}


def test_a_bad_answer_fits_nothing(demo: Callable[..., Session]) -> None:
    demo("fault=bad-json")
    with pytest.raises(ParseError):
        glm.ask(REVIEWS, schema=SPEC, tier="air")
