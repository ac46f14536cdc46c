"""Whether a prompt with documents fits its tier, and which tier would take it, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glm_magics._session import Session
from glm_magics._tier import Tier
from glm_magics._tier_checks import problems
from glm_magics._tiers import tiers
from glm_magics.chat import ChatRequest, Cost, Usage
from glm_magics.documents.document import Document
from glm_magics.errors import PromptTooLong
from glm_magics.tokens import estimate_messages

__all__ = ["Offer", "cheapest", "check"]

ANSWER_TOKENS = 1_024  # the least room for an answer that docs.z.ai advises


@dataclass(frozen=True, slots=True)
class Offer:
    """A tier that fits, and what the input costs on it."""

    tier: Tier
    input_cost: Cost


def check(session: Session, request: ChatRequest, documents: Sequence[Document]) -> None:
    """Raises `PromptTooLong` where the request cannot fit into its tier's window; it names a way out.

    Where the window is not known, nothing is refused.
    """
    tier = session.find_tier(request.model)
    counted = estimate_messages(request.messages)
    if tier.context is None or counted + _answer(request) <= tier.context:
        return
    sizes = ", ".join(f"{document.name} ≈ {document.tokens:,}" for document in documents)
    raise PromptTooLong(
        f"The prompt has ≈ {counted:,} tokens ({sizes}); {tier.id} takes {tier.context:,}, the answer "
        "included. Nothing was sent.",
        hint=_ways_out(cheapest(session, request, counted)),
    )


def cheapest(session: Session, request: ChatRequest, tokens: int) -> Offer | None:
    """The tier of this endpoint that takes so many, and the request's settings, for the least money.

    One that has left the platform's lists is offered only where no other fits.
    """
    currency = session.client.endpoint.currency
    if currency is None or session.client.endpoint.dialect != "glm":
        return None
    output = _answer(request)
    found = [
        (tier.deprecated, price.ceiling(tokens, output).amount, -(tier.context or 0), tier)
        for tier in tiers()
        if (price := tier.prices.get(currency)) is not None
        and (tier.context or 0) >= tokens + output
        and not problems(
            tier,
            thinking=request.thinking,
            effort=request.effort,
            temperature=request.temperature,
            top_p=request.top_p,
            max_tokens=request.max_tokens,
        )
    ]
    if not found:
        return None
    tier = min(found, key=lambda offer: offer[:3])[3]
    return Offer(tier, tier.prices[currency].cost(Usage(tokens, estimated=True)))


def _answer(request: ChatRequest) -> int:
    return min(request.max_tokens or ANSWER_TOKENS, ANSWER_TOKENS)


def _ways_out(offer: Offer | None) -> str:
    if offer is None:
        return "No tier of this endpoint fits: --map-reduce reads the document part by part."
    cost = offer.input_cost
    price = f"{cost} for the input" if cost.amount else "free"
    return (
        f"{offer.tier.id} is the cheapest that fits ({offer.tier.context:,} tokens; {price}). "
        "Or --map-reduce reads the document part by part."
    )
