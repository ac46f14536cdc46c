"""What the demo says: true where it can be, plain about itself, the same for the same request."""

from __future__ import annotations

import contextlib
import io
import json
import re
from typing import Any

import pytest

from glm_magics._tiers import tiers
from glm_magics.demo.ask import Ask, Draft, Function, Turn
from glm_magics.demo.pictures import Picture
from glm_magics.demo.writer import compose
from glm_magics.demo.writer.shape import Shape, from_json_schema
from glm_magics.demo.writer.tables import attached, without_tables
from glm_magics.demo.writer.wanted import find_shape

AIR = tiers().find("glm-4.5-air")


def draft(question: str, *, system: str = "", **changed: Any) -> Draft:
    turns = (Turn("system", system),) if system else ()
    return compose(Ask(tier=AIR, turns=(*turns, Turn("user", question)), **changed))


def said(question: str, **changed: Any) -> str:
    return draft(question, **changed).text


def filled(question: str, **changed: Any) -> Any:
    return json.loads(said(question, **changed))


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("what is 17*23", "391"),
        ("What is (3 + 4)^2 / 7?", "7"),
        ("12 plus 30 times 2", "72"),
        ("how much is 1,000 divided by 8", "125"),
        ("2 x 21", "42"),
        ("0.1 + 0.2", "0.3"),
        ("1/3", "0.3333333333"),
        ("17乘以23等于多少", "391"),
        ("-4 + 1", "-3"),
        ("2**64", "18446744073709551616"),
    ],
)
def test_sums_are_worked_out(question: str, value: str) -> None:
    assert f"**{value}**" in said(question)


@pytest.mark.parametrize(
    "question", ["1/0", "9**9**9**9", "call 2024-01-05", "version 3.11 please", "10 apples"]
)
def test_what_is_no_sum_is_not_worked_out(question: str) -> None:
    assert " = **" not in said(question)


def test_counting_and_lists_have_the_length_asked_for() -> None:
    assert said("count to 12").startswith("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12\n")
    assert said("count from 5 to 3").startswith("5, 4, 3\n")
    assert said("数到5").startswith("1, 2, 3, 4, 5\n")
    assert said("List three planets").startswith("1. Mercury\n2. Venus\n3. Earth\n")
    assert said("列出五个城市").count("\n") >= 5
    assert "7. reasons to read: example 7" in said("give me 7 reasons to read")


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("hello", "Hello!"),
        ("你好", "你好！"),
        ("What is the capital of France?", "**Paris**"),
        ("法国的首都是哪里？", "**巴黎**"),
        ("translate 'good morning' to French", "bonjour"),
        ("Translate to Chinese: thank you, friend", "谢谢, 朋友"),
        ("把“猫”翻译成英文", "cat"),
    ],
)
def test_simple_wishes_are_granted(question: str, part: str) -> None:
    assert part in said(question)


@pytest.mark.parametrize(
    ("question", "printed"),
    [
        ("write a Python function for fibonacci numbers", "[0, 1, 1, 2, 3, 5, 8, 13, 21, 34]"),
        ("write code for prime numbers", "[2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]"),
        ("写一段阶乘的代码", "3628800"),
        ("implement sorting", "[1, 1, 2, 3, 4, 5, 6, 9]"),
        ("write a palindrome function", "True"),
        ("write a fizzbuzz program", "FizzBuzz"),
        ("write a script that counts word frequency", "[('the', 2), ('cat', 1)]"),
        ("write a small program", "Hello, GLM!"),
    ],
)
def test_code_runs_and_is_right(question: str, printed: str) -> None:
    code = re.search(r"```python\n(.*?)```", said(question), re.DOTALL)
    assert code is not None
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code[1], {})
    assert printed in output.getvalue()


def test_it_says_once_that_it_is_a_demo() -> None:
    for question in (
        "hello",
        "why is the sky blue",
        "count to 3",
        "write 300 tokens about tea",
        "list 2 planets",
    ):
        assert said(question).lower().count("synthetic") == 1
    assert said("为什么天空是蓝色的").count("合成") == 1


def test_the_plain_answer_explains_what_arrived() -> None:
    text = said(
        "Why | is the sky blue?", system="Be kind", settings=(("temperature", "0.5"),), prompt_tokens=31
    )
    assert "**glm-4.5-air**" in text
    assert "> Why | is the sky blue?" in text
    assert "| input tokens | 31 |" in text
    assert "| temperature | `0.5` |" in text
    assert "| system | Be kind |" in text


def test_chinese_is_answered_in_chinese() -> None:
    text = draft("解释一下均值的公式", thinking=True)
    assert "收到了你的问题" in text.text
    assert "\\bar{x}" in text.text
    assert "计划" in text.reasoning
    assert not re.search("[A-Za-z]{12,}", text.reasoning)


def test_length_follows_the_wish() -> None:
    assert len(said("describe tea in 10 words").split()) == 10
    assert len(said("why is the sky blue? briefly")) < 160
    assert len(said("用20个字解释天空")) <= 20
    assert len(said("write a long report on tea")) > 1500


# Tables

SALES = "city,amount,mood\nRome,3,good\nOslo,5.5,bad\nRome,4,\n"


@pytest.mark.parametrize(
    "block",
    [
        SALES,
        f"```csv\n{SALES}```",
        SALES.replace(",", "\t"),
        "| city | amount | mood |\n|---|---:|---|\n| Rome | 3 | good |\n| Oslo | 5.5 | bad |\n| Rome | 4 |  |\n",
        '[{"city":"Rome","amount":3,"mood":"good"},{"city":"Oslo","amount":5.5,"mood":"bad"},{"city":"Rome","amount":4,"mood":null}]',
        '{"columns":["city","amount","mood"],"rows":[["Rome",3,"good"],["Oslo",5.5,"bad"],["Rome",4,null]]}',
        '[["city","amount","mood"],["Rome",3,"good"],["Oslo",5.5,"bad"],["Rome",4,null]]',
    ],
    ids=["csv", "fenced", "tabs", "markdown", "records", "columns and rows", "header and rows"],
)
def test_attached_tables_are_summarised_from_their_values(block: str) -> None:
    text = said(f"Summarise this table\n\n{block}")
    assert "**3** rows and 3 columns" in text
    assert "| city | text | | | | Rome (2×) | 0 |" in text
    assert "| amount | numbers | 3 | 4.16667 | 5.5 | | 0 |" in text
    assert re.search(r"\| mood \| text \| \| \| \| good \(1×\) \| 1 \|", text)
    assert without_tables(f"Summarise\n\n{block}") == "Summarise"


def test_a_summary_says_when_it_saw_only_some_rows() -> None:
    text = said(f"What falls?\n\nTable `df`: 5,000 rows × 3 columns.\n\n```csv\n{SALES}```")
    assert "has **5,000** rows and 3 columns. The figures are those of the 3 that came:" in text
    assert "that came" not in said(f"What falls?\n\nTable `df`: 3 rows × 3 columns.\n\n```csv\n{SALES}```")


def test_the_numbers_of_rows_are_no_column_of_the_table() -> None:
    text = said("What falls?\n\nTable `df`: 9 rows × 1 column.\n\n```csv\nrow,units\n0,4\n8,6\n```")
    assert "**9** rows and 1 column." in text
    assert "| row |" not in text


REGIONS = "month,region,units\nJan,North,4\nJan,South,9\nFeb,North,6\nFeb,South,5\n"


@pytest.mark.parametrize("question", ["Which region declines?", "Compare the units by regions"])
def test_a_question_that_names_a_column_of_groups_gets_the_figures_of_each(question: str) -> None:
    text = said(f"{question}\n\n{REGIONS}")
    assert "| region | column | values | mean | first | last | change |" in text
    assert "| North | units | 2 | 5 | 4 | 6 | +2 |" in text
    assert "| South | units | 2 | 7 | 9 | 5 | -4 |" in text


def test_a_question_that_names_no_column_of_groups_gets_no_groups() -> None:
    assert "change" not in said(f"How many units were there?\n\n{REGIONS}")


def test_a_question_about_an_image_is_told_that_nothing_looks_at_it() -> None:
    picture = Picture("PNG", 5, 3, 70)
    text = compose(Ask(tier=AIR, turns=(Turn("user", "What is this?", ("image_url",), (picture,)),))).text
    assert "PNG, 5 × 3 pixels, 70 bytes" in text
    assert "cannot see what is in it" in text


def test_a_single_column_in_a_csv_fence_is_a_table() -> None:
    assert "| amount | numbers | 3 | 4.25 | 5.5 | | 1 |" in said('mean of\n```csv\namount\n3.0\n5.5\n""\n```')


@pytest.mark.parametrize(
    "prose",
    [
        "Well, I went home.\nThen, I slept.",
        "1. tea, coffee\n2. milk, sugar",
        "no table here",
        "",
        "[1, 2, 3]",
    ],
)
def test_prose_is_no_table(prose: str) -> None:
    assert attached(prose) == []


# Shapes


@pytest.mark.parametrize(
    "text",
    [
        'Schema: {"type":"object","properties":{"name":{"type":"string"},"age":{"type":["integer","null"]},"mood":{"enum":["good","bad"]},"tags":{"type":"array","items":{"type":"string"}}},"required":["name","age","mood","tags"]}',
        'Answer as {name: string, age: integer | null, mood: "good" | "bad", tags: string[]}',
        "Answer as { name: str, age: int?, mood: good|bad, tags: list[str] }",
        "type Mood = ...\ninterface Row {\n  name: string; // who\n  age: int | null\n  mood: 'good' | 'bad',\n  tags: Array<string>\n}",
    ],
    ids=["JSON Schema", "TypeScript", "shorthand", "interface"],
)
def test_a_shape_is_found_in_each_spelling(text: str) -> None:
    found = find_shape(text)
    assert found is not None
    assert found.sure
    fields = dict(found.shape.fields)
    assert [fields[name].kind for name in ("name", "age", "mood", "tags")] == [
        "string",
        "integer",
        "enum",
        "array",
    ]
    assert fields["age"].nullable
    assert fields["mood"].options == ("good", "bad")
    assert fields["tags"].item is not None
    assert fields["tags"].item.kind == "string"
    assert "name" not in found.rest


def test_named_types_references_and_unions_are_followed() -> None:
    found = find_shape("type Row = { id: int }\nAnswer: { rows: Row[] }")
    assert found is not None
    rows = dict(found.shape.fields).get("rows")
    assert rows is not None
    assert rows.item == Shape("object", (("id", Shape("integer")),))
    schema = {
        "$defs": {"P": {"type": "object", "properties": {"x": {"type": "number"}}}},
        "type": "array",
        "items": {"$ref": "#/$defs/P"},
    }
    assert from_json_schema(schema).item == Shape("object", (("x", Shape("number")),))
    loop = {
        "$defs": {"N": {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}},
        "$ref": "#/$defs/N",
    }
    assert from_json_schema(loop).kind == "object"
    assert from_json_schema({"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}]}) == Shape(
        "date", nullable=True
    )


@pytest.mark.parametrize(
    "text",
    ["no shape", "f{x}", "{ }", "{not: , valid", "[]", "a = {'x'}", '{"a": 1}', "{'a': [x], b: 3}", "```python\nx = {'a': str}\n```"],
)  # fmt: skip
def test_other_braces_are_no_shape(text: str) -> None:
    found = find_shape(text)
    assert found is None or not found.sure


# JSON


def test_keys_named_in_words_are_filled_from_the_text() -> None:
    text = 'Extract as JSON with keys name, price and date: "Anna bought a lamp for $39.50 on 3 March 2024 in Berlin."'
    assert filled(text) == {"name": "Anna", "price": 39.5, "date": "2024-03-03"}


def test_people_become_rows() -> None:
    text = """Answer with JSON: {"rows": [{name: string, age: int, city: string | null}]}
    Text: Anna is 34 and lives in Paris. Bob, 41 years old, comes from Rome."""
    rows = [{"name": "Anna", "age": 34, "city": "Paris"}, {"name": "Bob", "age": 41, "city": "Rome"}]
    assert filled(text) == {"rows": rows}


NUMBERED = "1. I love this phone, worth every cent of the $299.\n2. It broke after a day, terrible.\n3. It is a phone."
TAGGED = '<row id="1">I love this phone ($299)</row>\n<row id="2">terrible, it broke</row><row id="3">It is a phone.</row>'
RECORDS = '[{"id": 1, "text": "I love it, only $299"}, {"id": 2, "text": "terrible"}, {"id": 3, "text": "It is a phone"}]'
LINES = '{"id": 1, "text": "I love it, only $299"}\n{"id": 2, "text": "terrible"}\n{"id": 3, "text": "It is a phone"}'
TABLE = "id,text\n1,I love it for $299\n2,terrible\n3,It is a phone"


@pytest.mark.parametrize(
    "rows", [NUMBERED, TAGGED, RECORDS, LINES, TABLE], ids=["numbered", "tagged", "records", "lines", "table"]
)
def test_each_record_of_the_input_becomes_a_row_with_its_id(rows: str) -> None:
    shape = '{ rows: { id: int, label: "good" | "bad" | "neutral", price: number | null }[] }'
    found = filled(f"Classify each. Return JSON: {shape}\n\n{rows}")["rows"]
    assert [(row["id"], row["label"]) for row in found] == [(1, "good"), (2, "bad"), (3, "neutral")]
    assert [row["price"] for row in found] == [299, None, None]


def test_cells_of_a_table_are_taken_over_by_name() -> None:
    text = "JSON of {rows: [{City: string, amount: number, big: boolean}]}\n\ncity,amount\nRome,3\nOslo,5.5\n"
    assert [(row["City"], row["amount"]) for row in filled(text)["rows"]] == [("Rome", 3), ("Oslo", 5.5)]


def test_the_shape_may_stand_in_the_system_message() -> None:
    system = 'Reply with JSON matching {"type":"object","properties":{"category":{"enum":["billing","technical","other"]},"urgent":{"type":"boolean"}}}'
    assert filled("The app crashes on login. Urgent!", system=system) == {
        "category": "technical",
        "urgent": True,
    }
    assert filled("You charged my card twice, not urgent", system=system) == {
        "category": "billing",
        "urgent": False,
    }


def test_an_example_is_a_shape_when_the_words_call_it_one() -> None:
    text = 'Return JSON in this format: {"sentiment": "positive|negative", "score": 3, "day": "2024-01-01"}\nI hate it. 5 May 2025.'
    assert filled(text) == {"sentiment": "negative", "score": pytest.approx(1, abs=1), "day": "2025-05-05"}


def test_what_is_not_there_is_null_where_null_is_allowed() -> None:
    shape = "{price: number | null, when: date | null, email: string | null, count: int, ok: bool}"
    assert filled(f"JSON {shape}\n\nnothing of the kind") == {
        "price": None,
        "when": None,
        "email": None,
        "count": 0,
        "ok": False,
    }


def test_json_that_is_only_attached_is_not_answered_in_json() -> None:
    for data in ('{"a": 1, "b": 2}', "{'a': [1], 'b': x}"):
        assert said(f"What is in it, and what is it like?\n```json\n{data}\n```").startswith(
            "**glm-4.5-air**"
        )


def test_facts_of_many_kinds_find_their_fields() -> None:
    shape = "{email: string, website: string, phone: string, year: int, discount: number, total: number, lang: string}"
    text = "Write to ann@example.com or https://example.com/a, +49 30 1234567. In 2019 a 15% discount made it €1,200."
    assert filled(f"JSON {shape}\n\n{text}") == {
        "email": "ann@example.com",
        "website": "https://example.com/a",
        "phone": "+49 30 1234567",
        "year": 2019,
        "discount": 15,
        "total": 1200,
        "lang": "en",
    }


def test_json_mode_without_a_shape_is_still_an_object() -> None:
    assert isinstance(filled("Tell me about Rome", json_mode=True), dict)
    assert filled("What is 7 June 2024?", json_mode=True)["dates"] == ["2024-06-07"]


@pytest.mark.parametrize(
    "hostile",
    ["{" * 5000, "[" * 5000 + "]" * 5000, "```" * 999, "," * 9999, "| " * 5000, "\n" * 5000, '{"a":' * 900, "<a id=1>" * 900, "\ud83c", "9" * 5000, f"count to {'9' * 5000}", f"write {'9' * 5000} tokens", "write 999999999999 tokens"],
    ids=["open braces", "nested", "fences", "commas", "pipes", "lines", "cut JSON", "tags", "surrogate", "digits", "counting", "digits of tokens", "very many tokens"],
)  # fmt: skip
@pytest.mark.parametrize("json_mode", [True, False])
def test_no_prompt_upsets_the_writer(hostile: str, json_mode: bool) -> None:
    text = said(f"do this: {hostile}", json_mode=json_mode, thinking=True)
    assert text
    if json_mode:
        json.loads(text)


# Tools


def tool(name: str, description: str, **properties: Any) -> Function:
    return Function(
        name, description, {"type": "object", "properties": properties, "required": list(properties)}
    )


SUM = tool("calculate", "Evaluate an arithmetic expression", expression={"type": "string"})
CODE = tool("python", "Run Python code in the notebook", code={"type": "string"})
ADD = tool("add", "Add two numbers", a={"type": "number"}, b={"type": "number"})
FIND = tool("search_docs", "Search the documentation", query={"type": "string"}, limit={"type": "integer"})


@pytest.mark.parametrize(
    ("question", "offered", "arguments"),
    [
        ("what is 2*21", SUM, {"expression": "2*21"}),
        ("run python to get 6*7", CODE, {"code": "print(6*7)"}),
        ("run `len('abc')` with python", CODE, {"code": "len('abc')"}),
        ("add 5 and 7.5", ADD, {"a": 5, "b": 7.5}),
        (
            "search the docs for groupby, limit 3",
            FIND,
            {"query": "search the docs for groupby, limit 3", "limit": 3},
        ),
    ],
)
def test_arguments_come_from_the_question(
    question: str, offered: Function, arguments: dict[str, Any]
) -> None:
    calls = draft(question, functions=(offered,)).calls
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [(offered.name, arguments)]
