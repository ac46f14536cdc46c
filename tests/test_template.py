"""A template reaches plain data by plain names, once, and nothing else."""

from __future__ import annotations

import datetime
import enum
import json
import math
import os
import random
import threading
import types
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics.client import Client, Endpoint
from glm_magics.errors import TemplateError
from glm_magics.keys import ApiKey
from glm_magics.template import data_names, fill, left_as_text, names

SECRET = "5f3a9c0de1b24c7f.Zq8CanaryW2p"


class Account:
    """An object whose every access is noted."""

    touched: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.secret = SECRET

    def __getattribute__(self, name: str) -> Any:
        Account.touched.append(name)
        return object.__getattribute__(self, name)

    def __str__(self) -> str:
        Account.touched.append("__str__")
        return SECRET

    __repr__ = __format__ = __str__  # type: ignore[assignment]

    def __getitem__(self, key: Any) -> str:
        Account.touched.append("__getitem__")
        return SECRET

    def __call__(self) -> str:
        Account.touched.append("__call__")
        return SECRET


class Pretender(Account):
    """Says that it is text."""

    @property
    def __class__(self) -> type:  # type: ignore[override]
        return str

    @__class__.setter
    def __class__(self, value: type) -> None: ...


class Colour(enum.Enum):
    RED = SECRET


def namespace() -> dict[str, Any]:
    key = ApiKey(SECRET, source="the test")
    endpoint = Endpoint("n", "https://x/v1", key=key)
    return {
        "x": "plain",
        "n": 3,
        "row": {"a": 1},
        "items": [1, 2],
        "nested": "{{x}} and {{account}}",
        "account": Account(),
        "Account": Account,
        "pretender": Pretender(),
        "key": key,
        "endpoint": endpoint,
        "client": Client(endpoint),
        "os": os,
        "environ": os.environ,
        "function": namespace,
        "method": key.authorization,
        "generator": (SECRET for _ in "x"),
        "module": types.ModuleType("m", SECRET),
        "colour": Colour.RED,
        "space": types.SimpleNamespace(secret=SECRET),
        "with_key": {"a": [key]},
        "with_account": [Account()],
        "keyed_by": {Account: 1},
        "error": ValueError(SECRET),
        "lock": threading.Lock(),
        "data": SECRET.encode(),
        "_hidden": SECRET,
        "__builtins__": {"secret": SECRET},
        "_": SECRET,
        "_1": SECRET,
        "In": [SECRET],
        "Out": {1: SECRET},
        "get_ipython": lambda: SECRET,
        "exit": SECRET,
        "quit": SECRET,
    }


REFUSED = [
    "account", "Account", "pretender", "key", "endpoint", "client", "os", "environ", "function", "method", "generator",
    "module", "colour", "space", "with_key", "with_account", "keyed_by", "error", "lock", "data", "_hidden",
    "__builtins__", "_", "_1", "In", "Out", "get_ipython", "exit", "quit", "missing", "class", "None", "lambda",
]  # fmt: skip

LEFT_ALONE = [
    "{{x.upper}}", "{{account.secret}}", "{{x[0]}}", "{{row['a']}}", "{{row.a}}", "{{x()}}", "{{account()}}", "{{x!r}}",
    "{{x:>10}}", "{{x|upper}}", "{{x | e}}", "{{x + x}}", "{{''.__class__}}", "{{x.__class__.__mro__}}", "{{'x'}}",
    "{{1}}", "{{1x}}", "{{}}", "{{ }}", "{x}", "{ {x} }", "{{x}", "{x}}", "{%if x%}", "{{x;y}}", "{{x,y}}", "{{x\n}}",
    "{{x y}}", "{{-x}}", "{{x-}}", "{{*x}}", "{{x=1}}", "{{x:=1}}", "{{lambda: x}}", "{{x if x else x}}", "{{$x}}",
    "{{#x}}", "{{/x}}", "{{>x}}", "{{&x}}", "{{x?}}", "${x}", "%(x)s", "$x", "{0}", "{x.__init__.__globals__}",
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_plain_data_by_a_plain_name_is_refused(name: str) -> None:
    Account.touched.clear()
    for form in (f"{{{{{name}}}}}", f"{{{{ {name} }}}}", f"text {{{{{name}}}}} text"):
        with pytest.raises(TemplateError) as caught:
            fill(form, namespace())
        assert SECRET not in f"{caught.value} {caught.value!r}"
        assert caught.value.hint
    assert Account.touched == []


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_not_a_name_in_two_braces_is_text(text: str) -> None:
    Account.touched.clear()
    assert fill(text, namespace()) == text
    assert names(text) == ()
    assert Account.touched == []


def test_completion_does_not_touch_values() -> None:
    values = namespace()
    Account.touched.clear()
    assert data_names(values) == ["x", "n", "row", "items", "nested", "with_key", "with_account", "keyed_by"]
    assert Account.touched == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("a {b} {{c}}", "a {b} {{c}}", id="text"),
        pytest.param("", "", id="empty"),
        pytest.param(3, "3", id="int"),
        pytest.param(1.5, "1.5", id="float"),
        pytest.param(math.inf, "inf", id="infinity"),
        pytest.param(True, "True", id="bool"),
        pytest.param(None, "None", id="none"),
        pytest.param(Decimal("1.10"), "1.10", id="decimal"),
        pytest.param(datetime.date(2026, 1, 2), "2026-01-02", id="date"),
        pytest.param(PurePosixPath("/a/b"), "/a/b", id="path"),
        pytest.param([1, "二", None, 1.5], '[1, "二", null, 1.5]', id="list"),
        pytest.param((1, 2), "[1, 2]", id="tuple"),
        pytest.param({"a": {"b": [Decimal("1.0")]}, 2: 3}, '{"a": {"b": ["1.0"]}, "2": 3}', id="dict"),
        pytest.param({7}, "[7]", id="set"),
    ],
)
def test_data_is_shown_as_text_or_json(value: Any, expected: str) -> None:
    assert fill("<{{v}}>", {"v": value}) == f"<{expected}>"


def test_pandas_and_numpy_are_shown_as_they_print() -> None:
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2]})
    assert fill("{{v}}", {"v": frame}) == str(frame)
    assert fill("{{v}}", {"v": frame["a"]}) == str(frame["a"])
    assert fill("{{v}}", {"v": np.arange(3)}) == "[0 1 2]"
    for value in (pd, np, pd.DataFrame, np.sin, pd.read_csv):
        with pytest.raises(TemplateError):
            fill("{{v}}", {"v": value})


def test_a_value_is_not_read_as_a_template() -> None:
    assert fill("{{nested}} {{x}}", namespace()) == "{{x}} and {{account}} plain"
    assert fill("{{a}}{{b}}", {"a": "{", "b": "{x}}", "x": "no"}) == "{{x}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{{x}}", "plain", id="name"),
        pytest.param("{{ x }} {{\tx}}", "plain plain", id="blanks"),
        pytest.param("{{{x}}}", "{plain}", id="three-braces"),
        pytest.param("{{{{x}}}}", "{{plain}}", id="four-braces"),
        pytest.param(r"\{{x}}", "{{x}}", id="escaped"),
        pytest.param(r"\{{x}} {{x}}", "{{x}} plain", id="escaped-once"),
        pytest.param(r"\{{account}}", "{{account}}", id="escaped-object"),
        pytest.param("{{x}}{{n}}", "plain3", id="side-by-side"),
    ],
)
def test_names_are_filled(text: str, expected: str) -> None:
    assert fill(text, namespace()) == expected


def test_names_in_any_script_are_filled() -> None:
    assert fill("{{城市}} {{ключ}} {{x_1}}", {"城市": "北京", "ключ": 1, "x_1": 2}) == "北京 1 2"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('def f():\n    return {"a": {"b": [1, {2}]}}\nprint(f"{f()}")', id="python"),
        pytest.param(json.dumps({"a": {"b": {"c": {}}}}), id="json"),
        pytest.param(r"\frac{a}{b} \sum_{i=0}^{n} \mathbf{{1}} x^{2^{k}}", id="latex"),
        pytest.param("function () { return {a: 1}; }", id="javascript"),
        pytest.param("{% for x in y %}{# note #}{%- endfor %}", id="jinja"),
        pytest.param("a{color:red}@media{b{c:d}}", id="css"),
    ],
)
def test_the_braces_of_code_are_text(text: str) -> None:
    assert fill(text, {}) == text


def test_a_name_that_is_not_there_gets_a_suggestion() -> None:
    with pytest.raises(TemplateError, match="not defined") as caught:
        fill("{{temprature}}", {"temperature": 1, "_temprature": 2, "temperatur": print})
    assert "Did you mean temperature?" in str(caught.value)
    assert "--raw" in caught.value.hint


def test_a_prompt_has_a_largest_size() -> None:
    with pytest.raises(TemplateError, match=r"2,000,000 is the most"):
        fill("{{a}}{{a}}{{a}}", {"a": "x" * 900_000})


def test_data_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TemplateError, match="holds itself"):
        fill("{{loop}}", {"loop": loop})


@pytest.mark.parametrize("value", [["x" * 100], []], ids=["text", "nothing"])
def test_data_that_grows_by_sharing_is_refused_soon(value: Any) -> None:
    for _ in range(40):
        value = [value, value]
    with pytest.raises(TemplateError):
        fill("{{value}}", {"value": value})


def test_each_name_is_asked_for_once_in_order() -> None:
    assert names(r"{{b}} {{a}} {{b}} \{{c}} {d}") == ("b", "a")


def test_another_way_to_show_values_gets_only_what_may_be_looked_up() -> None:
    asked: list[str] = []

    def show(name: str, value: Any) -> str:
        asked.append(name)
        return "{{x}}"

    assert fill("{{x}} {{n}}", namespace(), show=show) == "{{x}} {{x}}"
    with pytest.raises(TemplateError):
        fill("{{_hidden}}", namespace(), show=show)
    assert asked == ["x", "n"]


def test_five_thousand_random_templates_reach_nothing() -> None:
    chance = random.Random(11)
    values = namespace()
    pieces = [
        "{",
        "}",
        "{{",
        "}}",
        "{{{",
        "}}}",
        "\\",
        " ",
        ".",
        "[0]",
        "['secret']",
        "()",
        "!r",
        ":",
        "|",
        "%",
        "\n",
        "\t",
        "_",
        "__class__",
        "secret",
        *values,
        "x",
        "n",
        "nested",
    ]
    Account.touched.clear()
    filled = 0
    for _ in range(5_000):
        text = "".join(chance.choices(pieces, k=chance.randint(1, 12)))
        if chance.random() < 0.7:
            text = (
                text
                + "{{"
                + chance.choice([*values, "x", "x", "n"])
                + chance.choice(["", "", "", ".a", "[0]", "()", "!r", ":>9", "|e"])
                + "}}"
            )
        try:
            result = fill(text, values)
        except TemplateError as error:
            result = f"{error} {error!r}"
        else:
            filled += result != text
        assert SECRET not in result
    assert filled > 200
    assert Account.touched == []


@given(st.text(alphabet="{} x\\n\u0078y", max_size=30), st.text(max_size=20))
def test_filling_is_one_pass(text: str, value: str) -> None:
    """Putting a mark in the place of a name and the value in the place of the mark is the same."""
    try:
        once = fill(text, {"x": "\x00", "xx": "\x00"})
        assert fill(text, {"x": value, "xx": value}) == once.replace("\x00", value)
    except TemplateError:
        return


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{df.shape}} of {{df}}", ("{{df.shape}}",)),
        ("{{x|upper}}, {{df[0]}}, {{x|upper}}", ("{{x|upper}}", "{{df[0]}}")),
        ("{{ x + 1 }}", ("{{ x + 1 }}",)),
        (r"\frac{{a}}{{b}} and {{unknown.y}}", ()),
        (r"\{{x.y}}", ()),
        ('{"a": {"b": 1}}', ()),
    ],
)
def test_an_expression_on_a_known_name_is_told_apart_from_other_braces(
    text: str, said: tuple[str, ...]
) -> None:
    assert left_as_text(text, {"df": 1, "x": 2}) == said
