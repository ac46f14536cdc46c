"""What a tier cannot take, said before a request is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial

from glm_magics._lang import _
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
        found.append(
            _("{tier} cannot call tools{others}").format(
                tier=tier.id, others=others(_("that can"), lambda t: t.tools is True)
            )
        )
    elif tools > _MAX_TOOLS and tier.platforms:
        found.append(
            _("{tools} tools: the platform takes at most {most}; offer fewer").format(
                tools=tools, most=_MAX_TOOLS
            )
        )
    found += _image_problems(tier, images, embedded, currency, others)
    if json_object and tier.json_object is False:
        having = others(_("that have it"), lambda t: t.json_object is True)
        found.append(
            _("{tier} has no JSON mode: ask for JSON in the prompt instead{having}").format(
                tier=tier.id, having=having
            )
        )
    if len(stop) > _MAX_STOP_WORDS and tier.platforms:
        found.append(_("{count} stop words: the platform honours only one; keep one").format(count=len(stop)))
    return found


def _thinking_problems(
    tier: Tier, thinking: bool | None, effort: str | None, others: Callable[..., str]
) -> Iterator[str]:
    if tier.thinking is None:
        return
    if thinking and not tier.can_think:
        yield _("{tier} has no thinking mode{others}").format(
            tier=tier.id, others=others(_("that think"), lambda t: t.can_think)
        )
    if thinking is False and not tier.can_skip_thinking:
        if tier.efforts:
            yield _("{tier} always thinks: leave thinking on; effort {effort} is the least of it").format(
                tier=tier.id, effort=tier.efforts[0]
            )
        else:
            answers = others(_("that can answer without"), lambda t: t.can_skip_thinking)
            yield _("{tier} always thinks, it cannot be switched off{answers}").format(
                tier=tier.id, answers=answers
            )
    if effort is not None and effort not in tier.efforts:
        if tier.efforts:
            yield _("effort {effort}: {tier} takes {efforts}").format(
                effort=effort, tier=tier.id, efforts=any_of(tier.efforts)
            )
        else:
            with_effort = others(_("that take one"), lambda t: bool(t.efforts))
            yield _("effort {effort}: {tier} has no effort setting, leave it out{others}").format(
                effort=effort, tier=tier.id, others=with_effort
            )


def _image_problems(
    tier: Tier, images: int, embedded: int, currency: str | None, others: Callable[..., str]
) -> Iterator[str]:
    def sees(other: Tier) -> bool:
        most = other.images.most(currency)
        takes = not embedded or other.images.base64 is not False
        return other.vision is True and takes and (most is None or images <= most)

    most = tier.images.most(currency)
    if images and tier.vision is False:
        yield _("{tier} cannot see images{others}").format(
            tier=tier.id, others=others(_("that can"), sees, currency=currency)
        )
    elif most is not None and images > most:
        more = others(_("that take so many"), sees, currency=currency)
        yield _("{images} images: {tier} takes at most {most} in a request{more}").format(
            images=images, tier=tier.id, most=most, more=more
        )
    elif embedded and tier.images.base64 is False:
        held = others(_("that take the image itself"), sees, currency=currency)
        yield _("{tier} takes images by their address only{held}").format(tier=tier.id, held=held)


def _range_problems(name: str, value: float | None, allowed: Range | None, tier: Tier) -> Iterator[str]:
    if value is None or allowed is None or allowed.minimum <= value <= allowed.maximum:
        return
    limit = allowed.minimum if value < allowed.minimum else allowed.maximum
    yield _("{name} {value}: {tier} takes {minimum} to {maximum}; use {limit}").format(
        name=name, value=value, tier=tier.id, minimum=allowed.minimum, maximum=allowed.maximum, limit=limit
    )


def _length_problems(tier: Tier, max_tokens: int | None) -> Iterator[str]:
    if max_tokens is None:
        return
    if max_tokens < 1 and tier.platforms:
        yield _("max tokens {max_tokens}: an answer needs at least 1").format(max_tokens=max_tokens)
    if tier.max_output is not None and max_tokens > tier.max_output:
        most = f"{tier.max_output:,}"
        yield _("max tokens {asked:,}: {tier} answers with at most {most}; ask for {most} or fewer").format(
            asked=max_tokens, tier=tier.id, most=most
        )


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
    return _("; tiers {which}: {names}{more}").format(
        which=which, names=", ".join(ids[:6]), more=", …" if len(ids) > 6 else ""
    )


def _price_of(tier: Tier, currency: str) -> tuple[bool, Decimal]:
    """For sorting: a short question and answer in the dearest step; tiers without a price come last."""
    price = tier.prices.get(currency)
    return (True, Decimal(0)) if price is None else (False, price.ceiling(1_000, 1_000).amount)
