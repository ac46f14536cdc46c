"""A tier is a model at a price: its limits, features and prices, as values.

`None` is a fact that nobody found, and nothing here ever refuses a request because of one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from itertools import product
from typing import Literal, TypeAlias

from glm_magics.chat import Cost, Usage
from glm_magics.errors import SettingError

__all__ = [
    "PLATFORMS",
    "ImageLimits",
    "Price",
    "PriceStep",
    "Range",
    "Thinking",
    "Tier",
    "name_key",
    "parse_size",
    "unlisted",
]

# hybrid: the model decides whether to think; toggle: on or off; forced: when on it always thinks. All three
# can be switched off; `always` cannot (docs.z.ai, deep thinking, and the OpenAPI of chat completion).
Thinking: TypeAlias = Literal["none", "hybrid", "toggle", "forced", "always"]

PLATFORMS = {"CNY": "bigmodel.cn", "USD": "z.ai"}  # which one bills in which currency

_MILLION = Decimal(1_000_000)
_DIGITS = 60  # enough to be exact, whatever the notebook has set its own decimal context to


@dataclass(frozen=True, slots=True)
class PriceStep:
    """Money per million tokens for requests whose input and output lengths lie in [min, max)."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    min_input_tokens: int = 0
    max_input_tokens: int | None = None
    min_output_tokens: int = 0
    max_output_tokens: int | None = None

    def holds(self, input_tokens: int, output_tokens: int) -> bool:
        last_input, last_output = self.last
        return (
            self.min_input_tokens <= input_tokens <= last_input
            and self.min_output_tokens <= output_tokens <= last_output
        )

    @property
    def last(self) -> tuple[int, int]:
        """The greatest input and output length in the step."""
        return _last(self.max_input_tokens), _last(self.max_output_tokens)


@dataclass(frozen=True, slots=True)
class Price:
    """The price list of one tier in one currency. The steps cover every length exactly once.

    Raises `SettingError` when they leave a length without a price or give it two.
    """

    currency: str
    steps: tuple[PriceStep, ...]

    def __post_init__(self) -> None:
        inputs = {edge or 0 for s in self.steps for edge in (0, s.min_input_tokens, s.max_input_tokens)}
        outputs = {edge or 0 for s in self.steps for edge in (0, s.min_output_tokens, s.max_output_tokens)}
        for input_tokens, output_tokens in product(inputs or {0}, outputs or {0}):
            found = sum(step.holds(input_tokens, output_tokens) for step in self.steps)
            if found != 1:
                have = f"have {found} prices" if found else "have no price"
                raise SettingError(
                    f"{self.currency} steps: {input_tokens:,} tokens in and {output_tokens:,} out {have}",
                    hint="Let each step begin (min_…) where the one before it ends (max_…).",
                )

    def cost(self, usage: Usage) -> Cost:
        """The exact cost of one request; cached tokens at the input price where no cached one is known."""
        step = next(s for s in self.steps if s.holds(usage.input_tokens, usage.output_tokens))
        cached = min(usage.cached_tokens, usage.input_tokens)
        cached_price = step.input if step.cached_input is None else step.cached_input
        with localcontext() as exact:
            exact.prec = _DIGITS
            amount = (usage.input_tokens - cached) * step.input
            amount += cached * cached_price + usage.output_tokens * step.output
            return Cost(amount / _MILLION, self.currency, usage.estimated)

    def ceiling(self, input_tokens: int, max_output_tokens: int) -> Cost:
        """The most that a request of up to these lengths can cost: the dearest step, nothing cached."""
        with localcontext() as exact:
            exact.prec = _DIGITS
            amount = max(
                min(input_tokens, step.last[0]) * max(step.input, step.cached_input or step.input)
                + min(max_output_tokens, step.last[1]) * step.output
                for step in self.steps
                if step.min_input_tokens <= input_tokens and step.min_output_tokens <= max_output_tokens
            )
            return Cost(amount / _MILLION, self.currency, estimated=True)

    def affordable(self, input_tokens: int, max_output_tokens: int, left: Decimal) -> int:
        """The longest output, up to `max_output_tokens`, that `left` pays for after the input; 0 for none."""
        lengths = range(1, max_output_tokens + 1)
        return bisect_right(lengths, left, key=lambda length: self.ceiling(input_tokens, length).amount)


@dataclass(frozen=True, slots=True)
class Range:
    """The values a sampling parameter may take, both ends included; `default` is None where unknown."""

    minimum: float
    maximum: float
    default: float | None = None


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a request may hold of images: `count` by platform; `bytes` and `side` (pixels) for each image.

    `base64` is False where an image is taken by its address only.
    """

    count: Mapping[str, int] = field(default_factory=dict, hash=False)
    bytes: int | None = None
    side: int | None = None
    formats: tuple[str, ...] = ()
    base64: bool | None = None

    def most(self, currency: str | None) -> int | None:
        """The most images of a request on the platform that bills in `currency`, or on any without one."""
        known = self.count.get(PLATFORMS.get(currency or "", ""))
        return known if known is not None else min(self.count.values(), default=None)


@dataclass(frozen=True, slots=True)
class Tier:
    """One model. `context` and `max_output` are in tokens; `prices` by currency ("CNY", "USD").

    `concurrency` is requests in flight: "V0" … "V3" by account level of bigmodel.cn, "z.ai" as one account
    there was given. `status` is "listed", "leaving" (its end is announced), "legacy" (out of the platform's
    current lists, though it may still answer), "custom" (added by the user) or "unlisted" (nothing known).
    `checked` is the day the row was compared with its `sources`; `notes` say what they disagree about.
    """

    id: str
    aliases: tuple[str, ...] = ()
    generation: str = ""
    platforms: tuple[str, ...] = ()
    status: str = "custom"
    released: date | None = None
    checked: date | None = None
    context: int | None = None
    max_output: int | None = None
    thinking: Thinking | None = None
    efforts: tuple[str, ...] = ()
    tools: bool | None = None
    tool_stream: bool | None = None
    json_object: bool | None = None
    vision: bool | None = None
    images: ImageLimits = ImageLimits()
    temperature: Range | None = None
    top_p: Range | None = None
    prices: Mapping[str, Price] = field(default_factory=dict, hash=False)
    concurrency: Mapping[str, int] = field(default_factory=dict, hash=False)
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)
    notes: str = ""

    @property
    def free(self) -> bool:
        """Every known price is zero, and one is known."""
        steps = [step for price in self.prices.values() for step in price.steps]
        return bool(steps) and not any(step.input or step.output or step.cached_input for step in steps)

    @property
    def can_think(self) -> bool:
        return self.thinking not in (None, "none")

    @property
    def can_skip_thinking(self) -> bool:
        return self.thinking not in (None, "always")

    @property
    def deprecated(self) -> bool:
        return self.status in ("leaving", "legacy")


def unlisted(id: str) -> Tier:
    """A tier of which only the id is known, as on servers of other models: no price, no limits."""
    return Tier(id, status="unlisted")


def parse_size(size: int | str) -> int:
    """A number of tokens: 200_000, "200k" or "1m". K is 1,000, so that a window of 131,072 has "128k".

    Raises `SettingError` when it is not one.
    """
    if isinstance(size, int) and not isinstance(size, bool) and size >= 0:
        return size
    match = _SIZE.fullmatch(size.strip().lower()) if isinstance(size, str) else None
    if match is None:
        raise SettingError(f"{size!r} is not a number of tokens", hint="Write it as 200000, 200k or 1m.")
    number, unit = match.groups()
    return int(Decimal(re.sub("[_,]", "", number)) * {"": 1, "k": 1_000, "m": 1_000_000}[unit])


_SIZE = re.compile(r"(\d[\d_,]*(?:\.\d+)?)\s*([km]?)", re.ASCII)


def name_key(name: str) -> str:
    """`name` as it is compared: " GLM_4.5 Air" and "glm4.5-air" are "glm-4.5-air"."""
    joined = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    return re.sub(r"^glm(?=\d)", "glm-", joined)


def _last(end: int | None) -> int:
    """The last length before `end`; without one, a length beyond any."""
    return (1 << 62 if end is None else end) - 1
