"""What is known about each tier (model): limits, features, prices. Rows of data, and questions about them.

The rows live in `tiers.json`, each fact with its source and the date it was checked. `None` is a fact that
nobody found, and nothing here ever refuses a request because of one. A row can be added or overridden with
`add_tier` or a TOML file of the same shape:

    [[tiers]]
    id = "my-glm"                       # an id of the table overrides that row, field by field
    context = "32k"
    thinking = "hybrid"
    prices.USD = { input = 0.1, output = 0.4 }
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation, localcontext
from functools import cache, partial
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from glm_magics.chat import Cost, Usage
from glm_magics.errors import SettingError, UnknownTier

__all__ = [
    "Price",
    "PriceStep",
    "Range",
    "Thinking",
    "Tier",
    "Tiers",
    "add_tier",
    "add_tiers",
    "load_toml",
    "parse_size",
    "problems",
    "tiers",
    "unlisted",
]

# hybrid: the model decides whether to think; toggle: on or off; forced: when on it always thinks. All three
# can be switched off; `always` cannot (docs.z.ai, deep thinking, and the OpenAPI of chat completion).
Thinking: TypeAlias = Literal["none", "hybrid", "toggle", "forced", "always"]

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


@dataclass(frozen=True, slots=True)
class Range:
    """The values a sampling parameter may take, both ends included; `default` is None where unknown."""

    minimum: float
    maximum: float
    default: float | None = None


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
    temperature: Range | None = None
    top_p: Range | None = None
    prices: Mapping[str, Price] = field(default_factory=dict, hash=False)
    concurrency: Mapping[str, int] = field(default_factory=dict, hash=False)
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)
    notes: str = ""

    @classmethod
    def from_dict(cls, row: Mapping[str, Any], *, base: Tier | None = None) -> Tier:
        """A tier from a row as in `tiers.json`; fields it does not name are taken from `base`.

        Numbers of tokens may be written "32k"; a price with a single step needs no list around it.
        Raises `SettingError` naming the field, what it expects and what came.
        """
        name = row.get("id", base.id if base else None)
        values = {key: _read(name, key, value) for key, value in row.items()}
        if base is not None:
            return replace(base, **values)
        if "id" not in values:
            raise SettingError('a tier row has no "id"', hint='Give it one: {"id": "my-model", …}.')
        return cls(**values)

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


@dataclass(frozen=True, slots=True)
class Tiers:
    """An immutable table of tiers, found by id or alias. `checked` is the date of the whole table.

    Names are matched without regard to case, `_` and a space count as `-`, and every glm-X answers to X too.
    """

    rows: tuple[Tier, ...]
    checked: date | None = None
    _by_name: Mapping[str, Tier] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # An id wins over an alias, an alias over the short form of an id.
        by_name = {_short(tier.id): tier for tier in reversed(self.rows)}
        by_name |= {name: tier for tier in self.rows for alias in tier.aliases for name in _forms(alias)}
        by_name |= {_key(tier.id): tier for tier in self.rows}
        object.__setattr__(self, "_by_name", by_name)

    @classmethod
    def load(cls) -> Tiers:
        """The table as it is shipped."""
        return _shipped()

    def __iter__(self) -> Iterator[Tier]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """Every id and every alias, for completion."""
        return tuple(name for tier in self.rows for name in (tier.id, *tier.aliases))

    def get(self, name: str) -> Tier | None:
        return self._by_name.get(_key(name))

    def find(self, name: str) -> Tier:
        """The tier of this id or alias.

        Raises `UnknownTier` with the nearest names, or with the several that the name may mean.
        """
        tier = self.get(name)
        if tier is not None:
            return tier
        if not _key(name):
            raise UnknownTier("no tier is named")
        meant = self._containing(name)
        if len(meant) > 1:
            raise UnknownTier(f"{name!r} can mean {_any_of(meant)}: give one of these in full")
        nearest = meant or self.nearest(name)
        guess = f": did you mean {', '.join(nearest)}?" if nearest else ""
        raise UnknownTier(f"{name!r} is not a tier{guess}")

    def nearest(self, name: str) -> tuple[str, ...]:
        """The ids whose own name or alias is spelt most like `name`, best first; () when nothing is close."""
        from difflib import SequenceMatcher  # only a misspelt name needs it

        matcher = SequenceMatcher(b=_short(name))
        likeness: dict[str, float] = {}
        for known, tier in self._by_name.items():
            matcher.set_seq1(_short(known))
            likeness[tier.id] = max(likeness.get(tier.id, 0.0), matcher.ratio())
        best = max(likeness.values(), default=0.0)
        close = [id for id, ratio in likeness.items() if ratio >= max(0.6, best - 0.1)]
        return tuple(sorted(close, key=lambda id: (-likeness[id], id))[:3])

    def filter(
        self,
        *,
        free: bool | None = None,
        vision: bool | None = None,
        thinking: bool | None = None,
        context: int | str | None = None,
        tools: bool | None = None,
        json: bool | None = None,
        currency: str | None = None,
    ) -> tuple[Tier, ...]:
        """The tiers known to fit; one whose fact is unknown fits neither True nor False.

        `context` is the least number of tokens ("200k"), `currency` one in which a price is known.
        """
        least = None if context is None else parse_size(context)

        def fits(tier: Tier) -> bool:
            asked = (
                (free, tier.free if tier.prices else None),
                (vision, tier.vision),
                (thinking, None if tier.thinking is None else tier.can_think),
                (tools, tier.tools),
                (json, tier.json_object),
            )
            return (
                all(wanted is None or fact is wanted for wanted, fact in asked)
                and (least is None or (tier.context is not None and tier.context >= least))
                and (currency is None or currency.upper() in tier.prices)
            )

        return tuple(tier for tier in self.rows if fits(tier))

    def with_tier(self, tier: Tier) -> Tiers:
        """This table with the tier added, or in place of the row of its id. Its aliases leave other tiers.

        Raises `SettingError` when an alias is another tier's id.
        """
        taken = {form for alias in tier.aliases for form in _forms(alias)}
        rows = []
        for row in self.rows:
            if _key(row.id) == _key(tier.id):
                continue
            if _key(row.id) in taken:
                raise SettingError(
                    f"tier {tier.id}: the alias {row.id!r} is another tier's id",
                    hint="Choose another alias, or override that tier by using its id.",
                )
            kept = tuple(alias for alias in row.aliases if not taken.intersection(_forms(alias)))
            rows.append(row if kept == row.aliases else replace(row, aliases=kept))
        places = {_key(row.id): place for place, row in enumerate(self.rows)}
        rows.insert(places.get(_key(tier.id), len(rows)), tier)
        return Tiers(tuple(rows), self.checked)

    def with_row(self, row: Mapping[str, Any]) -> Tiers:
        """As `with_tier`, from a row: one with a known id changes only the fields it names."""
        base = self._of_id(str(row.get("id", "")))
        tier = Tier.from_dict(row, base=base)
        return self.with_tier(tier if base is None else replace(tier, id=base.id))

    def stale(self, today: date, *, days: int = 180) -> tuple[Tier, ...]:
        """The rows last checked more than `days` ago: their facts may have changed."""
        return tuple(t for t in self.rows if t.checked is not None and (today - t.checked).days > days)

    def _of_id(self, id: str) -> Tier | None:
        tier = self.get(id)
        return tier if tier is not None and _key(tier.id) == _key(id) else None

    def _containing(self, name: str) -> tuple[str, ...]:
        """Ids with `name` as whole words inside: z1 is in glm-z1-air, but 4.5 is not in glm-4.5v."""
        part = _short(name)
        return tuple(tier.id for tier in self.rows if part and f"-{part}-" in f"-{_key(tier.id)}-")


_current: Tiers | None = None


def tiers() -> Tiers:
    """The table in use: the shipped one, with whatever `add_tier` put over it."""
    return _shipped() if _current is None else _current


def add_tier(tier: Tier | Mapping[str, Any]) -> Tier:
    """Add a tier to the table in use, or override one; returns it as it now stands.

    A mapping is a row as in `tiers.json`; with a known id it changes only the fields it names.
    Raises `SettingError` when the row is malformed.
    """
    global _current
    table = tiers().with_tier(tier) if isinstance(tier, Tier) else tiers().with_row(tier)
    _current = table
    return table.find(tier.id if isinstance(tier, Tier) else tier["id"])


def add_tiers(path: str | Path) -> Tiers:
    """Put the `[[tiers]]` of a TOML file over the table in use; returns the table as it now stands.

    Raises `SettingError` when the file cannot be read or a row is malformed; the table is unchanged then.
    """
    global _current
    _current = load_toml(path)
    return _current


def load_toml(path: str | Path, *, over: Tiers | None = None) -> Tiers:
    """`over` (the table in use) with the `[[tiers]]` of a TOML file added or overriding.

    Raises `SettingError` when the file cannot be read or a row is malformed.
    """
    table = tiers() if over is None else over
    rows = _toml(Path(path)).get("tiers")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingError(
            f"{path} has no [[tiers]] rows", hint='Write one: [[tiers]], then id = "my-model".'
        )
    try:
        for row in rows:
            table = table.with_row(row)
    except SettingError as error:
        raise SettingError(f"{path}: {error.message}", hint=error.hint) from error
    return table


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


# Facts of the platform, not of a tier; another server may take more.
_MAX_TOOLS = 128  # docs.z.ai, chat completion: `tools`
_MAX_STOP_WORDS = 1  # docs.bigmodel.cn, chat completion: `stop` takes one; docs.z.ai says the same in words


def problems(
    tier: Tier,
    *,
    thinking: bool | None = None,
    effort: str | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    tools: int = 0,
    images: int = 0,
    json_object: bool = False,
    stop: Sequence[str] = (),
    known: Tiers | None = None,
) -> list[str]:
    """Why this tier cannot take these settings: one sentence each, with what to do; [] when nothing is wrong.

    `tools` and `images` are how many there are. `known` is the table from which other tiers are proposed.
    Facts that are unknown never lead to a complaint.
    """
    others = partial(_others, tier, tiers() if known is None else known)
    found = [
        *_thinking_problems(tier, thinking, effort, others),
        *_range_problems("temperature", temperature, tier.temperature, tier),
        *_range_problems("top-p", top_p, tier.top_p, tier),
        *_length_problems(tier, max_tokens),
    ]
    if tools and tier.tools is False:
        found.append(f"{tier.id} cannot call tools{others('that can', lambda t: t.tools is True)}")
    elif tools > _MAX_TOOLS and tier.platforms:
        found.append(f"{tools} tools: the platform takes at most {_MAX_TOOLS}; offer fewer")
    if images and tier.vision is False:
        found.append(f"{tier.id} cannot see images{others('that can', lambda t: t.vision is True)}")
    if json_object and tier.json_object is False:
        having = others("that have it", lambda t: t.json_object is True)
        found.append(f"{tier.id} has no JSON mode: ask for JSON in the prompt instead{having}")
    if len(stop) > _MAX_STOP_WORDS and tier.platforms:
        found.append(f"{len(stop)} stop words: the platform honours only one; keep one")
    return found


def _thinking_problems(
    tier: Tier, thinking: bool | None, effort: str | None, others: Callable[..., str]
) -> Iterator[str]:
    if tier.thinking is None:
        return
    if thinking and not tier.can_think:
        yield f"{tier.id} has no thinking mode{others('that think', lambda t: t.can_think)}"
    if thinking is False and not tier.can_skip_thinking:
        if tier.efforts:
            yield f"{tier.id} always thinks: leave thinking on; effort {tier.efforts[0]} is the least of it"
        else:
            answers = others("that can answer without", lambda t: t.can_skip_thinking)
            yield f"{tier.id} always thinks, it cannot be switched off{answers}"
    if effort is not None and effort not in tier.efforts:
        if tier.efforts:
            yield f"effort {effort}: {tier.id} takes {_any_of(tier.efforts)}"
        else:
            with_effort = others("that take one", lambda t: bool(t.efforts))
            yield f"effort {effort}: {tier.id} has no effort setting, leave it out{with_effort}"


def _range_problems(name: str, value: float | None, allowed: Range | None, tier: Tier) -> Iterator[str]:
    if value is None or allowed is None or allowed.minimum <= value <= allowed.maximum:
        return
    limit = allowed.minimum if value < allowed.minimum else allowed.maximum
    yield f"{name} {value}: {tier.id} takes {allowed.minimum} to {allowed.maximum}; use {limit}"


def _length_problems(tier: Tier, max_tokens: int | None) -> Iterator[str]:
    if max_tokens is None:
        return
    if max_tokens < 1 and tier.platforms:
        yield f"max tokens {max_tokens}: an answer needs at least 1"
    if tier.max_output is not None and max_tokens > tier.max_output:
        most = f"{tier.max_output:,}"
        yield f"max tokens {max_tokens:,}: {tier.id} answers with at most {most}; ask for {most} or fewer"


def _others(tier: Tier, table: Tiers, which: str, fits: Callable[[Tier], bool]) -> str:
    """Proposes a few current tiers on the same platform, and with eyes if this one has them."""
    ids = [
        other.id
        for other in table
        if other.status == "listed"
        and fits(other)
        and (other.vision or not tier.vision)
        and (not tier.platforms or set(tier.platforms).intersection(other.platforms))
    ]
    if not ids:
        return ""
    return f"; tiers {which}: {', '.join(ids[:6])}{', …' if len(ids) > 6 else ''}"


@cache
def _shipped() -> Tiers:
    # Not importlib.resources: importing it costs more than all of this, and the package is never zipped.
    table = json.loads(Path(__file__).with_name("tiers.json").read_text(encoding="utf-8"))
    return Tiers(tuple(map(Tier.from_dict, table["tiers"])), date.fromisoformat(table["checked"]))


def _toml(path: Path) -> dict[str, Any]:
    try:
        table: dict[str, Any] = _toml_reader().loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}", hint="Check the path.") from error
    except ValueError as error:
        raise SettingError(f"{path} is not TOML: {error}", hint="Correct the file at that place.") from error
    return table


def _toml_reader() -> Any:
    for name in ("tomllib", "tomli"):  # the first is Python 3.11's own
        with suppress(ImportError):
            return import_module(name)
    raise SettingError(
        "Python 3.10 has no TOML reader of its own", hint="`pip install tomli`, or use a newer Python."
    )


def _read(tier: object, key: str, value: object) -> Any:
    if key not in _READERS:
        raise SettingError(f"tier {tier}: no field is called {key!r}", hint=f"Known: {', '.join(_READERS)}.")
    reader, expected = _READERS[key]
    try:
        return reader(value)
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation):
        raise SettingError(
            f"tier {tier}: {key} takes {expected}, got {value!r}", hint="Correct the row."
        ) from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _name(value: Any) -> str:
    if not _key(_text(value)):
        raise ValueError
    return _text(value).strip()


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError
    return tuple(map(_name, value))


def _date(value: Any) -> date | None:
    return value if value is None or isinstance(value, date) else date.fromisoformat(value)


def _tokens(value: Any) -> int | None:
    if value is None:
        return None
    try:
        return parse_size(value)
    except SettingError:
        raise ValueError from None


def _fact(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise TypeError
    return value


def _thinking(value: Any) -> Thinking | None:
    if value is not None and value not in get_args(Thinking):
        raise ValueError
    return value  # type: ignore[no-any-return]


def _range(value: Any) -> Range | None:
    if value is None:
        return None
    numbers = {key: None if number is None else float(number) for key, number in value.items()}
    found = Range(**numbers)  # type: ignore[arg-type]
    if not found.minimum <= found.maximum:
        raise ValueError
    return found


def _prices(value: Any) -> dict[str, Price]:
    return {_currency(currency): Price(currency.upper(), _steps(steps)) for currency, steps in value.items()}


def _currency(value: str) -> str:
    if not re.fullmatch("[A-Za-z]{3}", value):
        raise ValueError
    return value.upper()


def _steps(value: Any) -> tuple[PriceStep, ...]:
    steps = [value] if isinstance(value, Mapping) else value
    return tuple(PriceStep(**{key: _STEP[key](number) for key, number in step.items()}) for step in steps)


def _money(value: Any) -> Decimal:
    # A float such as 0.1 is taken as it is written, not as the binary number next to it.
    amount = Decimal(str(value))
    if not amount.is_finite() or amount < 0:
        raise ValueError
    return amount


_STEP: Mapping[str, Callable[[Any], Any]] = {
    "input": _money,
    "output": _money,
    "cached_input": lambda value: None if value is None else _money(value),
    "min_input_tokens": parse_size,
    "max_input_tokens": _tokens,
    "min_output_tokens": parse_size,
    "max_output_tokens": _tokens,
}


def _counts(value: Any) -> dict[str, int]:
    if not all(type(count) is int and count > 0 for count in value.values()):
        raise ValueError
    return {_text(level): count for level, count in value.items()}


def _strings(value: Any) -> dict[str, str]:
    return {_text(key): _text(text) for key, text in value.items()}


_Reader: TypeAlias = tuple[Callable[[Any], Any], str]
_TOKENS: _Reader = (_tokens, 'a number of tokens (131072 or "128k")')
_FACT: _Reader = (_fact, "true, false or nothing")
_RANGE: _Reader = (_range, "{minimum, maximum, default} in numbers")

_READERS: Mapping[str, _Reader] = {
    "id": (_name, "a name"),
    "aliases": (_texts, "a list of names"),
    "generation": (_text, "text"),
    "platforms": (_texts, "a list of names"),
    "status": (_text, "text"),
    "released": (_date, "a date (2026-11-21)"),
    "checked": (_date, "a date (2026-11-21)"),
    "context": _TOKENS,
    "max_output": _TOKENS,
    "thinking": (_thinking, f"one of {', '.join(get_args(Thinking))}"),
    "efforts": (_texts, "a list of names"),
    "tools": _FACT,
    "tool_stream": _FACT,
    "json_object": _FACT,
    "vision": _FACT,
    "temperature": _RANGE,
    "top_p": _RANGE,
    "prices": (
        _prices,
        '{"USD": {input, output, cached_input}} in money per million tokens, or a list of steps',
    ),
    "concurrency": (_counts, 'requests in flight by level ({"V0": 50})'),
    "sources": (_strings, "text by field"),
    "notes": (_text, "text"),
}


def _last(end: int | None) -> int:
    """The last length before `end`; without one, a length beyond any."""
    return (1 << 62 if end is None else end) - 1


def _key(name: str) -> str:
    """`name` as it is compared: " GLM_4.5 Air" and "glm4.5-air" are "glm-4.5-air"."""
    joined = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    return re.sub(r"^glm(?=\d)", "glm-", joined)


def _short(name: str) -> str:
    return _key(name).removeprefix("glm-")


def _forms(name: str) -> tuple[str, str]:
    return _key(name), _short(name)


def _any_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
