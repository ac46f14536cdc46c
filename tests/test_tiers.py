"""Tiers: the rows are whole and sourced, the prices exact, the names forgiving, the refusals helpful."""

from __future__ import annotations

import copy
import decimal
import json
import pickle
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glm_magics._tiers
from glm_magics._tier import Price, PriceStep, Range, Tier, parse_size, unlisted
from glm_magics._tier_checks import problems
from glm_magics._tier_rows import tier_from
from glm_magics._tiers import Tiers, add_tier, load_toml, tiers
from glm_magics.chat import Cost, Usage
from glm_magics.errors import SettingError, UnknownTier

TABLE = Tiers.load()
FILE = Path(glm_magics._tiers.__file__).with_name("tiers.json")
EVERY_TIER = [pytest.param(tier, id=tier.id) for tier in TABLE]


@pytest.fixture
def _restored_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds to the table in use is gone after it."""
    monkeypatch.setattr(glm_magics._tiers, "_current", None)


# The rows


@pytest.mark.parametrize("tier", EVERY_TIER)
def test_a_row_is_whole_and_sourced(tier: Tier) -> None:
    assert tier.id == tier.id.strip().lower()
    assert tier.status in ("listed", "leaving", "legacy")
    assert set(tier.platforms) <= {"bigmodel.cn", "z.ai"}
    assert tier.platforms
    assert tier.generation
    assert tier.checked is not None
    assert tier.released is None or tier.released <= tier.checked
    assert set(tier.concurrency) <= {"V0", "V1", "V2", "V3", "z.ai"}
    assert set(tier.prices) <= {"CNY", "USD"}
    assert tier.sources
    for fact, source in {
        "limits": tier.context or tier.max_output,
        "thinking": tier.thinking,
        "sampling": tier.temperature,
        "price_cny": tier.prices.get("CNY"),
        "price_usd": tier.prices.get("USD"),
        "concurrency": tier.concurrency,
    }.items():
        assert not source or fact in tier.sources, f"{tier.id} states its {fact} without a source"


@pytest.mark.parametrize("tier", EVERY_TIER)
def test_limits_are_possible(tier: Tier) -> None:
    if tier.context is not None and tier.max_output is not None:
        assert 0 < tier.max_output < tier.context
    levels = [tier.concurrency[level] for level in ("V0", "V1", "V2", "V3") if level in tier.concurrency]
    assert levels == sorted(levels)
    assert len(levels) in (0, 4)
    for allowed in (tier.temperature, tier.top_p):
        if allowed is not None and allowed.default is not None:
            assert allowed.minimum <= allowed.default <= allowed.maximum
    assert not tier.efforts or tier.can_think


def test_the_table_holds_every_chat_model_once() -> None:
    assert len(TABLE) == 48
    assert len({tier.id for tier in TABLE}) == 48


def test_money_in_the_file_is_text_so_that_it_stays_exact() -> None:
    rows = json.loads(FILE.read_text(encoding="utf-8"))["tiers"]
    steps = [step for row in rows for price in row["prices"].values() for step in price]
    assert steps
    assert all(
        isinstance(step[key], str)
        for step in steps
        for key in ("input", "cached_input", "output")
        if key in step
    )


def test_every_field_of_the_file_is_read() -> None:
    rows = json.loads(FILE.read_text(encoding="utf-8"))["tiers"]
    assert {key for row in rows for key in row} == set(Tier.__dataclass_fields__)


# Facts of the platform's own pages: context, most output, CNY per million both ways, V0 to V3


@pytest.mark.parametrize(
    ("id", "context", "max_output", "cny", "in_flight"),
    [
        ("glm-4-plus", 128_000, 4_096, "5", (50, 100, 300, 500)),
        ("glm-4-long", 1_000_000, 4_096, "1", (10, 30, 40, 50)),
        ("glm-4-air-250414", 128_000, 16_384, "0.5", (30, 40, 50, 60)),
    ],
)
def test_the_guides_of_bigmodel_cn(
    id: str, context: int, max_output: int, cny: str, in_flight: tuple[int, ...]
) -> None:
    tier = TABLE.find(id)
    assert (tier.context, tier.max_output, tier.thinking) == (context, max_output, "none")
    assert (tier.tools, tier.json_object) == (True, True)
    assert [(s.input, s.output) for s in tier.prices["CNY"].steps] == [(Decimal(cny), Decimal(cny))]
    assert tuple(tier.concurrency[level] for level in ("V0", "V1", "V2", "V3")) == in_flight


@pytest.mark.parametrize("id", ["glm-4.5", "glm-4.5-air", "glm-4.5-x", "glm-4.5-airx", "glm-4.5-flash"])
def test_the_guide_of_glm_4_5_gives_the_series_one_window(id: str) -> None:
    tier = TABLE.find(id)
    assert (tier.context, tier.max_output) == (131_072, 98_304)
    assert tier.thinking == "hybrid"
    assert (tier.tools, tier.json_object, tier.vision) == (True, True, False)


def test_air_of_4_5_has_the_launch_price_of_the_guide() -> None:
    (step,) = TABLE.find("glm-4.5-air").prices["USD"].steps
    assert (step.input, step.output) == (Decimal("0.2"), Decimal("1.1"))


def test_facts_of_the_glm_4_page() -> None:
    assert TABLE.find("glm-4-airx").context == 8_000
    assert TABLE.find("glm-4-plus").released == date(2024, 8, 29)
    assert TABLE.find("glm-4-long").released == date(2024, 8, 13)
    assert TABLE.find("glm-4").released == date(2024, 1, 16)
    assert TABLE.find("glm-4-flash").free


@pytest.mark.parametrize(
    ("id", "thinking", "skips"),
    [
        ("glm-5.3", "always", False),
        ("glm-5.2", "hybrid", True),
        ("glm-4.7", "forced", True),
        ("glm-4.7-flash", "toggle", True),
        ("glm-z1-air", "always", False),
        ("glm-4-plus", "none", True),
    ],
)
def test_which_tiers_think(id: str, thinking: str, skips: bool) -> None:
    tier = TABLE.find(id)
    assert (tier.thinking, tier.can_skip_thinking) == (thinking, skips)
    assert tier.can_think == (thinking != "none")


def test_sampling_ranges_are_those_of_the_api_reference() -> None:
    assert TABLE.find("glm-4.5").temperature == Range(0.0, 1.0, 0.6)
    assert TABLE.find("glm-4-plus").top_p == Range(0.01, 1.0, 0.9)
    assert TABLE.find("glm-4-alltools").temperature == Range(0.01, 0.99)


def test_free_tiers_cost_nothing_and_a_tier_without_a_price_is_not_free() -> None:
    assert TABLE.find("glm-4.7-flash").prices["CNY"].cost(Usage(10_000, 0, 10_000)) == Cost(Decimal(0), "CNY")
    assert not TABLE.find("charglm-4").free
    assert not unlisted("llama").free


# Facts go stale


def test_the_date_of_the_table_is_that_of_its_newest_row_and_no_row_lags_half_a_year() -> None:
    # When this fails: rows were checked again and the date at the top was not, or some rows were left behind.
    assert TABLE.checked == max(tier.checked for tier in TABLE if tier.checked)
    assert TABLE.stale(TABLE.checked) == ()


def test_a_row_is_stale_when_its_check_is_too_long_ago() -> None:
    new, old = (Tier("new", checked=date(2026, 6, 1)), Tier("old", checked=date(2026, 1, 1)))
    table = Tiers((new, old, Tier("mine")))
    assert table.stale(date(2026, 1, 1) + timedelta(days=180)) == ()
    assert table.stale(date(2026, 1, 1) + timedelta(days=181)) == (old,)
    assert table.stale(date(2026, 6, 8), days=6) == (new, old)


# Prices


@pytest.mark.parametrize(
    ("id", "input_tokens", "output_tokens", "cny"),
    [
        pytest.param("glm-4.7", 31_999, 199, ("2", "8"), id="below-both-edges"),
        pytest.param("glm-4.7", 31_999, 200, ("3", "14"), id="at-the-output-edge"),
        pytest.param("glm-4.7", 32_000, 199, ("4", "16"), id="at-the-input-edge"),
        pytest.param("glm-4.7", 202_752, 1, ("4", "16"), id="a-full-window"),
        pytest.param("glm-4.7", 0, 0, ("2", "8"), id="nothing"),
        pytest.param("glm-4.5-air", 31_999, 200, ("0.8", "6"), id="only-the-output-price-steps"),
        pytest.param("glm-5", 31_999, 5_000, ("4", "18"), id="two-steps-lower"),
        pytest.param("glm-5", 32_000, 5_000, ("6", "22"), id="two-steps-upper"),
        pytest.param("glm-4-plus", 100_000, 4_096, ("5", "5"), id="one-step"),
    ],
)
def test_the_step_is_chosen_by_both_lengths(
    id: str, input_tokens: int, output_tokens: int, cny: tuple[str, str]
) -> None:
    cost = TABLE.find(id).prices["CNY"].cost(Usage(input_tokens, 0, output_tokens))
    expected = (input_tokens * Decimal(cny[0]) + output_tokens * Decimal(cny[1])) / 1_000_000
    assert cost == Cost(expected, "CNY")


def test_cached_tokens_cost_the_cached_price_or_else_the_full_one() -> None:
    usage = Usage(1_000_000, cached_tokens=400_000)
    known = Price("USD", (PriceStep(Decimal("1"), Decimal("2"), cached_input=Decimal("0.25")),))
    unknown = Price("USD", (PriceStep(Decimal("1"), Decimal("2")),))
    assert known.cost(usage).amount == Decimal("0.7")
    assert unknown.cost(usage).amount == Decimal("1")


def test_a_cost_is_exact_even_where_the_notebook_rounds_decimals() -> None:
    price = TABLE.find("glm-4.5").prices["USD"]
    with decimal.localcontext() as rough:
        rough.prec = 2
        assert price.cost(Usage(12_345, 0, 6_789)).amount == Decimal("0.0223428")
        assert price.ceiling(12_345, 6_789).amount == Decimal("0.0223428")


def test_a_cost_made_of_estimated_usage_says_so() -> None:
    price = TABLE.find("glm-4.5").prices["USD"]
    assert price.cost(Usage(1, 0, 1, estimated=True)).estimated
    assert not price.cost(Usage(1, 0, 1)).estimated
    assert price.ceiling(1, 1).estimated


lengths = st.integers(0, 300_000) | st.sampled_from([0, 199, 200, 201, 31_999, 32_000, 32_001])
listed_prices = st.sampled_from([price for tier in TABLE for price in tier.prices.values()])
amounts = st.decimals(0, 100, places=3)


@st.composite
def odd_prices(draw: st.DrawFn) -> Price:
    """Prices that fall with length, and cached tokens dearer than others: nothing says they cannot."""
    edge, out = draw(st.integers(1, 40_000)), draw(st.integers(1, 400))
    inputs: Any = ({"max_input_tokens": edge}, {"min_input_tokens": edge})
    outputs: Any = ({"max_output_tokens": out}, {"min_output_tokens": out})
    steps = [
        PriceStep(draw(amounts), draw(amounts), draw(st.none() | amounts), **i, **o)
        for i in inputs
        for o in outputs
    ]
    return Price("USD", tuple(steps))


@given(price=listed_prices | odd_prices(), most=st.tuples(lengths, lengths), data=st.data())
def test_a_ceiling_is_never_below_the_cost_of_a_request_within_its_lengths(
    price: Price, most: tuple[int, int], data: st.DataObject
) -> None:
    input_tokens = data.draw(st.integers(0, most[0]))
    usage = Usage(input_tokens, data.draw(st.integers(0, input_tokens)), data.draw(st.integers(0, most[1])))
    assert price.ceiling(*most).amount >= price.cost(usage).amount


def test_the_ceiling_of_a_long_answer_is_the_dearest_step() -> None:
    price = TABLE.find("glm-4.7").prices["CNY"]
    assert price.ceiling(1_000, 100).amount == (1_000 * Decimal(2) + 100 * Decimal(8)) / 1_000_000
    assert price.ceiling(1_000, 4_000).amount == (1_000 * Decimal(3) + 4_000 * Decimal(14)) / 1_000_000


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        pytest.param(
            [{"max_input_tokens": 100}], "100 tokens in and 0 out have no price", id="gap-at-the-end"
        ),
        pytest.param([{"max_input_tokens": 9}, {}], "0 tokens in and 0 out have 2 prices", id="overlap"),
        pytest.param([], "have no price", id="none"),
    ],
)
def test_price_steps_that_leave_a_length_without_one_price_are_refused(
    steps: list[dict[str, Any]], complaint: str
) -> None:
    with pytest.raises(SettingError, match=complaint):
        Price("USD", tuple(PriceStep(Decimal(1), Decimal(1), **step) for step in steps))


# Names


@pytest.mark.parametrize("tier", EVERY_TIER)
def test_every_name_of_a_tier_finds_it(tier: Tier) -> None:
    for name in (tier.id, tier.id.upper(), f"  {tier.id} ", tier.id.replace("-", "_"), *tier.aliases):
        assert TABLE.find(name) is tier
        assert TABLE.find(name.lower().removeprefix("glm-")) is tier


def test_no_name_means_two_tiers() -> None:
    names = [name.removeprefix("glm-") for name in TABLE.names]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("plus", "glm-4-plus"), ("long", "glm-4-long"), ("air", "glm-4.5-air"), ("airx", "glm-4.5-airx"),
        ("x", "glm-4.5-x"), ("flash", "glm-4.7-flash"), ("flashx", "glm-4.7-flashx"), ("vision", "glm-4.6v"),
        ("4.5", "glm-4.5"), ("4.5-air", "glm-4.5-air"), ("5", "glm-5"), ("5-turbo", "glm-5-turbo"),
        ("5v", "glm-5v-turbo"), ("4v-flash", "glm-4v-flash"), ("z1-air", "glm-z1-air"), ("4-air", "glm-4-air"),
        ("GLM 4.5 Air", "glm-4.5-air"), ("glm_4_plus", "glm-4-plus"), ("glm4.6", "glm-4.6"),
        ("glm-4-flashX-250414", "glm-4-flashx-250414"),
    ],
)  # fmt: skip
def test_names_that_people_type(name: str, id: str) -> None:
    assert TABLE.find(name).id == id
    assert TABLE.get(name) is TABLE.find(name)


def test_the_short_words_mean_tiers_that_are_current() -> None:
    for word in ("air", "airx", "x", "flash", "flashx", "vision"):
        assert not TABLE.find(word).deprecated, f"{word!r} should move to a current tier"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("glm-4.5-ari", "'glm-4.5-ari' is not a tier: did you mean glm-4.5-air, glm-4.5-airx?"),
        ("plsu", "'plsu' is not a tier: did you mean glm-4-plus?"),
        ("gpt-4o", "'gpt-4o' is not a tier"),
        ("agent-of-chaos", "'agent-of-chaos' is not a tier"),
        (
            "z1",
            "'z1' can mean glm-z1-air, glm-z1-airx, glm-z1-flashx or glm-z1-flash: give one of these in full",
        ),
        (
            "4.1v",
            "'4.1v' can mean glm-4.1v-thinking-flash or glm-4.1v-thinking-flashx: give one of these in full",
        ),
        ("0414", "'0414' is not a tier: did you mean glm-4-32b-0414-128k?"),
        ("", "no tier is named"),
        ("  ", "no tier is named"),
    ],
)
def test_an_unknown_or_ambiguous_name_is_refused_with_what_it_may_mean(name: str, message: str) -> None:
    with pytest.raises(UnknownTier) as caught:
        TABLE.find(name)
    assert caught.value.message == message
    assert "%glm tiers" in caught.value.hint
    assert TABLE.get(name) is None


@given(st.text(max_size=30))
def test_any_text_is_found_or_refused_as_an_unknown_tier(name: str) -> None:
    try:
        assert TABLE.find(name) in TABLE.rows
    except UnknownTier:
        assert TABLE.get(name) is None


def test_an_unlisted_tier_knows_nothing_and_complains_of_nothing() -> None:
    tier = unlisted("Qwen/Qwen3-8B")
    assert (tier.id, tier.status, tier.prices, tier.context) == ("Qwen/Qwen3-8B", "unlisted", {}, None)
    assert problems(
        tier, thinking=True, effort="high", temperature=2.0, top_p=0.0, max_tokens=10**9, tools=500, images=9,
        json_object=True, stop=("a", "b"),
    ) == []  # fmt: skip


# Filters and sizes


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("200k", 200_000), ("128K", 128_000), ("1m", 1_000_000), ("1.5M", 1_500_000), (" 32 k ", 32_000),
        ("131072", 131_072), ("200_000", 200_000), ("200,000", 200_000), (8_000, 8_000), ("0", 0),
    ],
)  # fmt: skip
def test_sizes(text: str | int, tokens: int) -> None:
    assert parse_size(text) == tokens


@pytest.mark.parametrize("text", ["", "k", "12q", "-5", "1e6", "many", -1, True, None, 1.5, "٣k"])
def test_what_is_not_a_size_is_refused_with_an_example(text: Any) -> None:
    with pytest.raises(SettingError, match="is not a number of tokens") as caught:
        parse_size(text)
    assert "200k" in caught.value.hint


def test_filters_keep_the_tiers_that_are_known_to_fit() -> None:
    def ids(**asked: Any) -> set[str]:
        return {tier.id for tier in TABLE.filter(**asked)}

    assert ids() == {tier.id for tier in TABLE}
    assert {"glm-4.7-flash", "glm-4.5-flash", "glm-4-flash-250414", "glm-z1-flash"} <= ids(free=True)
    assert "glm-4.5" in ids(free=False)
    assert {"glm-4-long", "glm-5.2", "glm-5.3"} <= ids(context="1m")
    assert "glm-4.5" in ids(context="128k")
    assert "glm-4.5" not in ids(context=131_073)
    assert ids(vision=True, free=True) == {"glm-4.6v-flash", "glm-4.1v-thinking-flash", "glm-4v-flash"}
    assert "glm-4-plus" in ids(thinking=False, tools=True, json=True, currency="cny")
    assert "glm-4-plus" not in ids(currency="USD")


def test_an_unknown_fact_fits_neither_answer() -> None:
    table = Tiers((unlisted("llama"),))
    for asked in ("free", "vision", "thinking", "tools", "json"):
        for answer in (True, False):
            question: dict[str, Any] = {asked: answer}
            assert table.filter(**question) == ()
    assert table.filter(context=1) == ()


# What a tier does not take


@pytest.mark.parametrize(
    ("id", "asked", "complaint"),
    [
        ("glm-4-plus", {"thinking": True}, "glm-4-plus has no thinking mode; tiers that think: glm-5.3, glm-5.3-flash, glm-5.3-flashx, glm-5.2, glm-5.1, glm-5, …"),
        ("glm-5.3", {"thinking": False}, "glm-5.3 always thinks: leave thinking on; effort low is the least of it"),
        ("glm-4.1v-thinking-flash", {"thinking": False}, "glm-4.1v-thinking-flash always thinks, it cannot be switched off; tiers that can answer without: glm-4.6v, glm-4.6v-flashx, glm-4.6v-flash, glm-4v-flash"),
        ("glm-5.3", {"effort": "medium"}, "effort medium: glm-5.3 takes low, high or max"),
        ("glm-4.5", {"effort": "high"}, "effort high: glm-4.5 has no effort setting, leave it out; tiers that take one: glm-5.3, glm-5.3-flash, glm-5.3-flashx, glm-5.2"),
        ("glm-4.5", {"temperature": 1.5}, "temperature 1.5: glm-4.5 takes 0.0 to 1.0; use 1.0"),
        ("glm-4.5", {"top_p": 0.0}, "top-p 0.0: glm-4.5 takes 0.01 to 1.0; use 0.01"),
        ("glm-4.5", {"temperature": float("nan")}, "temperature nan: glm-4.5 takes 0.0 to 1.0; use 1.0"),
        ("glm-4-plus", {"max_tokens": 9_000}, "max tokens 9,000: glm-4-plus answers with at most 4,096; ask for 4,096 or fewer"),
        ("glm-4-plus", {"max_tokens": 0}, "max tokens 0: an answer needs at least 1"),
        ("glm-4.5v", {"tools": 1}, "glm-4.5v cannot call tools; tiers that can: glm-5.3-flash, glm-5.3-flashx, glm-4.6v, glm-4.6v-flashx, glm-4.6v-flash, autoglm-phone"),
        ("glm-4.5", {"tools": 129}, "129 tools: the platform takes at most 128; offer fewer"),
        ("glm-4.5", {"images": 1}, "glm-4.5 cannot see images; tiers that can: glm-5.3-flash, glm-5.3-flashx, glm-4.6v, glm-4.6v-flashx, glm-4.6v-flash, glm-4.5v, …"),
        ("glm-4.6v", {"json_object": True}, "glm-4.6v has no JSON mode: ask for JSON in the prompt instead"),
        ("glm-4.5", {"stop": ("a", "b")}, "2 stop words: the platform honours only one; keep one"),
    ],
)  # fmt: skip
def test_what_a_tier_cannot_take_is_said_with_what_to_do(
    id: str, asked: dict[str, Any], complaint: str
) -> None:
    assert problems(TABLE.find(id), known=TABLE, **asked) == [complaint]


def test_several_problems_are_all_said() -> None:
    found = problems(TABLE.find("plus"), thinking=True, temperature=2.0, max_tokens=5_000, images=1)
    assert len(found) == 4


@pytest.mark.parametrize("tier", EVERY_TIER)
def test_the_defaults_and_limits_of_a_tier_are_no_problem(tier: Tier) -> None:
    assert problems(tier) == []
    assert problems(
        tier,
        thinking=tier.can_think if tier.thinking else None,
        effort=tier.efforts[-1] if tier.efforts else None,
        temperature=tier.temperature.maximum if tier.temperature else None,
        top_p=tier.top_p.minimum if tier.top_p else None,
        max_tokens=tier.max_output,
        tools=1 if tier.tools else 0,
        images=1 if tier.vision else 0,
        json_object=bool(tier.json_object),
        stop=("END",),
    ) == []  # fmt: skip


def test_switching_thinking_off_where_there_is_none_is_no_problem() -> None:
    assert problems(TABLE.find("plus"), thinking=False) == []


# Rows of the user's own


def test_a_row_needs_only_an_id() -> None:
    assert tier_from({"id": "llama"}) == Tier("llama", status="custom")


def test_a_row_may_write_sizes_and_a_single_price_the_short_way() -> None:
    tier = tier_from({"id": "my", "context": "32k", "prices": {"usd": {"input": 0.1, "output": "0.4"}}})
    assert tier.context == 32_000
    assert tier.prices == {"USD": Price("USD", (PriceStep(Decimal("0.1"), Decimal("0.4")),))}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        pytest.param({"context": 1}, 'has no "id"', id="no-id"),
        pytest.param({"id": " "}, "id takes a name, got ' '", id="empty-id"),
        pytest.param({"id": "a", "contxt": 1}, "tier a: no field is called 'contxt'", id="unknown-field"),
        pytest.param({"id": "a", "context": "big"}, 'context takes a number of tokens .*, got \'big\'', id="size"),
        pytest.param({"id": "a", "tools": "yes"}, "tools takes true, false or nothing, got 'yes'", id="fact"),
        pytest.param({"id": "a", "thinking": "deep"}, "thinking takes one of none, hybrid", id="thinking"),
        pytest.param({"id": "a", "aliases": "b"}, "aliases takes a list of names, got 'b'", id="aliases"),
        pytest.param({"id": "a", "prices": {"USD": {"input": 1}}}, "prices takes", id="half-a-price"),
        pytest.param({"id": "a", "prices": {"USD": {"input": -1, "output": 1}}}, "prices takes", id="negative"),
        pytest.param({"id": "a", "prices": {"dollar": []}}, "prices takes", id="currency"),
        pytest.param({"id": "a", "prices": {"USD": {"input": "NaN", "output": 1}}}, "prices takes", id="nan"),
        pytest.param({"id": "a", "temperature": {"minimum": 1, "maximum": 0}}, "temperature takes", id="range"),
        pytest.param({"id": "a", "temperature": 0.5}, "temperature takes", id="not-a-range"),
        pytest.param({"id": "a", "concurrency": {"V0": 0}}, "concurrency takes", id="no-concurrency"),
        pytest.param({"id": "a", "checked": "yesterday"}, "checked takes a date", id="date"),
    ],
)  # fmt: skip
def test_a_malformed_row_is_refused_by_field(row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint):
        tier_from(row)


def test_a_row_with_a_known_id_changes_only_what_it_names() -> None:
    table = TABLE.with_row({"id": "GLM-4-Plus", "context": "256k"})
    changed, before = table.find("plus"), TABLE.find("plus")
    assert (changed.id, changed.context, changed.prices) == ("glm-4-plus", 256_000, before.prices)
    assert [tier.id for tier in table] == [tier.id for tier in TABLE]
    assert before.context == 128_000


def test_a_new_tier_takes_its_aliases_from_others() -> None:
    table = TABLE.with_tier(Tier("my-air", aliases=("air", "mine")))
    assert table.find("air").id == table.find("mine").id == table.find("my-air").id == "my-air"
    assert "air" not in table.find("glm-4.5-air").aliases
    assert len(table) == len(TABLE) + 1


def test_an_alias_cannot_hide_another_tier() -> None:
    with pytest.raises(SettingError, match="the alias 'glm-4-plus' is another tier's id"):
        TABLE.with_tier(Tier("mine", aliases=("glm_4_plus",)))


@pytest.mark.usefixtures("_restored_table")
def test_an_added_tier_is_in_the_table_in_use_and_not_in_the_shipped_one() -> None:
    added = add_tier({"id": "my-glm", "aliases": ["mine"], "thinking": "hybrid"})
    assert tiers().find("mine") is added
    assert add_tier(Tier("plain")) is tiers().find("plain")
    assert Tiers.load().get("my-glm") is None
    assert problems(added, thinking=False, effort=None) == []


TOML = """
[[tiers]]
id = "my-glm"
context = "32k"
checked = 2026-11-01
temperature = { minimum = 0, maximum = 2, default = 0.7 }
prices.USD = { input = 0.1, output = 0.3 }

[[tiers]]
id = "glm-4.5"
max_output = 1000
"""


def test_a_toml_file_adds_and_overrides_rows(tmp_path: Path) -> None:
    pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    path = tmp_path / "tiers.toml"
    path.write_text(TOML, encoding="utf-8")
    table = load_toml(path, over=TABLE)
    mine = table.find("my-glm")
    assert (mine.context, mine.checked, mine.temperature) == (32_000, date(2026, 11, 1), Range(0.0, 2.0, 0.7))
    assert mine.prices["USD"].cost(Usage(3, 0, 0)).amount == Decimal("0.0000003")
    assert (table.find("4.5").max_output, table.find("4.5").context) == (1_000, 131_072)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("id = ", "is not TOML", id="not-toml"),
        pytest.param("id = 'a'", r"has no \[\[tiers\]\] rows", id="no-rows"),
        pytest.param("tiers = ['a']", r"has no \[\[tiers\]\] rows", id="rows-of-text"),
        pytest.param(
            "[[tiers]]\nid = 'a'\ntools = 1", r"tiers\.toml: tier a: tools takes true", id="bad-row"
        ),
    ],
)
def test_a_toml_file_that_is_wrong_is_named_with_what_is_wrong(
    tmp_path: Path, text: str, complaint: str
) -> None:
    pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    path = tmp_path / "tiers.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingError, match=complaint):
        load_toml(path, over=TABLE)


def test_a_toml_file_that_is_not_there_is_a_setting_error(tmp_path: Path) -> None:
    pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    with pytest.raises(SettingError, match="cannot be read: No such file"):
        load_toml(tmp_path / "none.toml")


def test_without_a_toml_reader_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reader in ("tomllib", "tomli"):
        monkeypatch.setitem(sys.modules, reader, None)
    (tmp_path / "tiers.toml").write_text("")
    with pytest.raises(SettingError) as caught:
        load_toml(tmp_path / "tiers.toml")
    assert "pip install tomli" in caught.value.hint


# Values


@pytest.mark.parametrize("through", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))], ids=["copy", "pickle"])  # fmt: skip
def test_tiers_travel_to_other_processes(through: Any) -> None:
    tier = TABLE.find("glm-4.7")
    assert through(tier) == tier
    assert through(TABLE).find("4.7") == tier
    assert hash(through(tier)) == hash(tier)


def test_the_table_is_read_once() -> None:
    assert Tiers.load() is Tiers.load()


def test_importing_tiers_needs_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import glm_magics._tiers; glm_magics._tiers.tiers()\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        "print(*sorted(new))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FILE.parents[1]
    )
    assert done.stdout.split() == ["glm_magics"]
