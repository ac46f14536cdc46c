"""The magic line: options, quotes, the text that follows, and one clear sentence for what cannot be read."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics.chat import Privacy
from glm_magics.grammar import (
    OPTIONS,
    PRIVACY_LEVELS,
    GrammarError,
    manual,
    nearest,
    option_named,
    parse,
    parse_all,
    words,
)


@pytest.mark.parametrize(
    ("line", "values", "text"),
    [
        pytest.param("", {}, "", id="nothing"),
        pytest.param("why is the sky blue?", {}, "why is the sky blue?", id="question"),
        pytest.param("what's up, \"doc", {}, "what's up, \"doc", id="apostrophe-and-open-quote"),
        pytest.param("  two  blanks   stay ", {}, "two  blanks   stay", id="blanks-inside"),
        pytest.param("-5 + 3 is", {}, "-5 + 3 is", id="negative-number"),
        pytest.param("- a list", {}, "- a list", id="lone-dash"),
        pytest.param("-- --help me", {}, "--help me", id="two-dashes-end-options"),
        pytest.param("-t 0.5 hi -t 3", {"temperature": 0.5}, "hi -t 3", id="options-come-first"),
        pytest.param("-m air hi", {"tier": "air"}, "hi", id="tier-short"),
        pytest.param("--model=air hi", {"tier": "air"}, "hi", id="equals"),
        pytest.param('--system="Be brief." hi', {"system": "Be brief."}, "hi", id="equals-quoted"),
        pytest.param("-s 'a \\'b\\' c' hi", {"system": "a 'b' c"}, "hi", id="escaped-quotes"),
        pytest.param('-s "C:\\new" hi', {"system": "C:\\new"}, "hi", id="other-backslashes-stay"),
        pytest.param('-s "" hi', {"system": ""}, "hi", id="empty-quotes"),
        pytest.param("-s don't say it", {"system": "don't"}, "say it", id="apostrophe-in-a-word"),
        pytest.param("--think hi", {"think": True}, "hi", id="think"),
        pytest.param("--no-think hi", {"think": False}, "hi", id="no-think"),
        pytest.param("--no-stream -q hi", {"stream": False, "quiet": True}, "hi", id="flags"),
        pytest.param("--max-tokens 2k hi", {"max_tokens": 2000}, "hi", id="thousands"),
        pytest.param("--max_tokens 1_000 hi", {"max_tokens": 1000}, "hi", id="underscores"),
        pytest.param("--timeout 30s hi", {"timeout": 30.0}, "hi", id="seconds"),
        pytest.param("--budget .50 hi", {"budget": Decimal("0.50")}, "hi", id="money"),
        pytest.param("--stop a --stop b hi", {"stop": ("a", "b")}, "hi", id="repeated"),
        pytest.param("-i a -i b", {"inputs": ("a", "b")}, "", id="inputs-alone"),
        pytest.param("--temperature -1 hi", {"temperature": -1.0}, "hi", id="negative-value"),
        pytest.param("总结一下 这个", {}, "总结一下 这个", id="chinese"),
    ],
)
def test_a_line_is_options_and_then_text(line: str, values: dict[str, Any], text: str) -> None:
    parsed = parse(line)
    assert (parsed.values, parsed.text) == (values, text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("--nonsense hi", "--nonsense is not an option.", id="unknown"),
        pytest.param("--temprature 1 hi", "Did you mean --temperature?", id="near-miss"),
        pytest.param("--web hi", "--web is not an option.", id="a-later-release"),
        pytest.param("-z", "-z is not an option.", id="unknown-short"),
        pytest.param("-o", "-o needs a value: -o NAME.", id="no-value"),
        pytest.param("-o --think", "-o needs a value: -o NAME.", id="option-for-a-value"),
        pytest.param("--think=yes", "--think takes no value.", id="flag-with-value"),
        pytest.param("-o 5", "expected the name of a variable", id="not-a-name"),
        pytest.param("-o class", "expected the name of a variable", id="keyword"),
        pytest.param("-t warm", "expected a number", id="not-a-number"),
        pytest.param("-t nan", "expected a number", id="nan"),
        pytest.param("-t 1e999", "expected a number", id="infinity"),
        pytest.param("--max-tokens 0", "expected a whole number of 1 or more", id="zero"),
        pytest.param("--max-tokens 1.5", "expected a whole number", id="fraction"),
        pytest.param("--max-tokens -3", "expected a whole number", id="negative"),
        pytest.param("--max-tokens ٣", "expected a whole number", id="arabic-digits"),
        pytest.param("--budget five", "expected an amount such as 0.50", id="not-money"),
        pytest.param("--budget -1", "expected an amount", id="negative-money"),
        pytest.param("--budget 1e9", "expected an amount", id="exponent"),
        pytest.param("--think --no-think", "--think and --no-think exclude each other.", id="both-ways"),
        pytest.param("-t 1 -t 2", "-t is given twice.", id="twice"),
        pytest.param(
            "-t 1 --temperature 2", "-t and --temperature exclude each other.", id="twice-two-names"
        ),
        pytest.param("--stop=", "needs a value", id="equals-nothing"),
        pytest.param("--system= hi", "needs a value", id="equals-blank"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(line: str, message: str) -> None:
    with pytest.raises(GrammarError) as raised:
        parse(line)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_first_line_of_a_cell_takes_options_anywhere() -> None:
    parsed = parse_all("air -o summary --max-tokens 2k")
    assert parsed.words == ("air",)
    assert parsed.values == {"out": "summary", "max_tokens": 2000}
    assert parse_all("-o summary air").words == ("air",)


def test_every_option_is_found_by_each_of_its_names_and_shown_in_the_manual() -> None:
    spelled = dict(manual())
    for option in OPTIONS:
        assert all(option_named(name) is option for name in option.names)
        (shown,) = (text for text in spelled if text.startswith(", ".join(option.names)))
        assert spelled[shown] == option.meaning
        assert shown.endswith(option.metavar)


def test_no_name_belongs_to_two_options() -> None:
    names = [name for option in OPTIONS for name in option.names]
    assert len(names) == len(set(names))


def test_a_far_word_gets_no_suggestion() -> None:
    assert nearest("--zzz", ("--think",)) == ""


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_text_without_options_reaches_the_model_as_it_was_typed(text: str) -> None:
    line = f"ask {text}"
    assert parse(line).text == line.strip()


@given(st.text(max_size=80))
def test_any_line_is_read_or_refused_with_a_grammar_error(line: str) -> None:
    for read in (parse, parse_all):
        with suppress(GrammarError):
            read(line)


@given(
    st.lists(
        st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8)
    )
)
def test_a_quoted_word_is_read_back(parts: list[str]) -> None:
    quoted = " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
    assert list(words(quoted)) == parts


def test_the_levels_of_privacy_are_those_of_the_vocabulary() -> None:
    assert get_args(Privacy) == PRIVACY_LEVELS
