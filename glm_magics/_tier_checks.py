"""What a tier cannot take, said before a request is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial

from glm_magics._tier import PLATFORMS, Range, Tier
from glm_magics._tiers import Tiers, any_of, tiers

__all__ = ["problems"]

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
    embedded: int = 0,
    currency: str | None = None,
    json_object: bool = False,
    stop: Sequence[str] = (),
    known: Tiers | None = None,
) -> list[str]:
    """Why this tier cannot take these settings: one sentence each, with what to do; [] when nothing is wrong.

    `tools` and `images` are how many there are, `embedded` the images that are sent as base64, and
    `currency` is what the endpoint bills in. `known` is the table from which other tiers are proposed.
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
    found += _image_problems(tier, images, embedded, currency, others)
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
            yield f"effort {effort}: {tier.id} takes {any_of(tier.efforts)}"
        else:
            with_effort = others("that take one", lambda t: bool(t.efforts))
            yield f"effort {effort}: {tier.id} has no effort setting, leave it out{with_effort}"


def _image_problems(
    tier: Tier, images: int, embedded: int, currency: str | None, others: Callable[..., str]
) -> Iterator[str]:
    def sees(other: Tier) -> bool:
        most = other.images.most(currency)
        takes = not embedded or other.images.base64 is not False
        return other.vision is True and takes and (most is None or images <= most)

    most = tier.images.most(currency)
    if images and tier.vision is False:
        yield f"{tier.id} cannot see images{others('that can', sees, currency=currency)}"
    elif most is not None and images > most:
        more = others("that take so many", sees, currency=currency)
        yield f"{images} images: {tier.id} takes at most {most} in a request{more}"
    elif embedded and tier.images.base64 is False:
        held = others("that take the image itself", sees, currency=currency)
        yield f"{tier.id} takes images by their address only{held}"


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


def _others(
    tier: Tier,
    table: Tiers,
    which: str,
    fits: Callable[[Tier], bool],
    *,
    currency: str | None = None,
) -> str:
    """Proposes a few current tiers on the same platform, and with eyes if this one has them.

    With the `currency` of an endpoint: those of its platform, the cheapest first.
    """
    found = [
        other
        for other in table
        if other.status == "listed"
        and fits(other)
        and (other.vision or not tier.vision)
        and (not tier.platforms or set(tier.platforms).intersection(other.platforms))
    ]
    if currency is not None:
        here = [other for other in found if PLATFORMS.get(currency) in other.platforms]
        found = sorted(here or found, key=lambda other: _price_of(other, currency))
    ids = [other.id for other in found]
    if not ids:
        return ""
    return f"; tiers {which}: {', '.join(ids[:6])}{', …' if len(ids) > 6 else ''}"


def _price_of(tier: Tier, currency: str) -> tuple[bool, Decimal]:
    """For sorting: a short question and answer in the dearest step; tiers without a price come last."""
    price = tier.prices.get(currency)
    return (True, Decimal(0)) if price is None else (False, price.ceiling(1_000, 1_000).amount)
