"""From a prompt to a priced answer: the checks, the money and the stream of one request of a session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from glm_magics import _governing
from glm_magics._decoder import StreamDecoder
from glm_magics._lang import N_, _
from glm_magics._options import DEFAULT_TIER, Options
from glm_magics._stream import Limits, Stream
from glm_magics._tier import Tier, unlisted
from glm_magics._tier_checks import problems
from glm_magics._tiers import tiers
from glm_magics._traffic import Traffic
from glm_magics.chat import ChatRequest, Completion, Cost, ImagePart, Message, SentImage, Usage
from glm_magics.errors import BudgetExceeded, GLMError, NoAnswer, RequestError, SettingError, StreamError
from glm_magics.image_header import header, image_bytes, is_address
from glm_magics.ledger import Budget, Reservation
from glm_magics.remarks import remarks
from glm_magics.tokens import ceiling, estimate_input

if TYPE_CHECKING:
    from glm_magics._session import Session

__all__ = [
    "Estimate",
    "decoder_for",
    "estimate",
    "find_tier",
    "idle_seconds",
    "keep_key_out",
    "may_be_billed",
    "money",
    "prepared",
    "price",
    "request",
    "stream",
]

_IDLE_SECONDS = 120.0
_THINKING_IDLE_SECONDS = 600.0  # GLM can be silent for minutes while it thinks
_LONGEST_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a request would cost: its input as counted here, its output at the most it may have."""

    tier: Tier
    input_tokens: int
    max_output_tokens: int | None
    input_cost: Cost | None
    most: Cost | None


def find_tier(session: Session, name: str | None) -> Tier:
    """The tier of that name or alias. A server other than the platform may have any, without a price.

    Raises `UnknownTier`, with the nearest names, and `PolicyError` for one that the class may not ask.
    """
    tier = _found(session, name or session.policy.defaults.tier)
    session.policy.check_tier(tier.id)
    return tier


def _found(session: Session, name: str | None) -> Tier:
    if session.client.endpoint.dialect == "glm":
        return tiers().find(name or DEFAULT_TIER)
    if name is None:
        return _only_model(session)
    return tiers().get(name) or unlisted(name)


def request(session: Session, prompt: str | tuple[Message, ...], options: Options) -> ChatRequest:
    """A checked request; nothing is sent. Raises `UnknownTier` or `RequestError` for what cannot work."""
    _governing.hold(session, options)
    options = options.over(session.defaults)
    tier = find_tier(session, options.tier)
    messages = (Message("user", prompt),) if isinstance(prompt, str) else prompt
    if options.system:
        messages = (Message("system", options.system), *messages)
    keep_key_out(session, messages)
    _check(session, tier, messages, options)
    messages = _fitted(session, tier, messages)
    made = ChatRequest(
        model=tier.id,
        messages=messages,
        stream=options.stream,
        thinking=None if options.think is False and tier.thinking == "none" else options.think,
        effort=options.effort,
        temperature=options.temperature,
        top_p=options.top_p,
        max_tokens=options.max_tokens,
        stop=options.stop,
    )
    return _governing.held(session, made, tier)


def estimate(session: Session, request: ChatRequest) -> Estimate:
    """Tokens and money of a request before it is sent; money is None where no price is known."""
    tier = find_tier(session, request.model)
    counted = estimate_input(request)
    most_output = request.max_tokens or tier.max_output
    price = tier.prices.get(session.client.endpoint.currency or "")
    return Estimate(
        tier=tier,
        input_tokens=counted,
        max_output_tokens=most_output,
        input_cost=price.cost(Usage(counted, estimated=True)) if price else None,
        most=price.ceiling(ceiling(counted), most_output) if price and most_output else None,
    )


def stream(
    session: Session, request: ChatRequest, *, options: Options | None = None, label: str = ""
) -> Stream:
    """Reserve the money and begin. Raises `BudgetExceeded` before anything is sent.

    The stream's last act is to settle, so an answer is in the ledger however it ends.
    """
    _governing.hold(session, options)
    options = (options or Options()).over(session.defaults)
    tier = find_tier(session, request.model)
    request = _governing.held(session, request, tier)
    budgets = _budgets_for_one(session, options)
    request = _within(session, request, tier, budgets)
    traffic = Traffic(label)
    reservation = session.ledger.reserve(estimate(session, request).most, label=label, budgets=budgets)
    idle = idle_seconds(tier, request)
    session.traffic.append(traffic)
    return session.client.stream(
        request,
        limits=Limits(idle=options.timeout or idle),
        decoder=decoder_for(tier),
        price=partial(price, session, tier),
        ended=partial(_settle, session, request, tier, reservation),
        traffic=traffic,
    )


def prepared(session: Session, request: ChatRequest, options: Options) -> Traffic:
    """What `stream` would send, budgets considered; nothing is sent. Raises `BudgetExceeded`."""
    _governing.hold(session, options)
    options = options.over(session.defaults)
    tier = find_tier(session, request.model)
    request = _governing.held(session, request, tier)
    request = _within(session, request, tier, _budgets_for_one(session, options))
    return session.client.prepared(request)


def keep_key_out(session: Session, messages: tuple[Message, ...]) -> None:
    """Raises `SettingError` for a prompt that holds the API key."""
    key = session.client.endpoint.key
    if key is not None and not session.client.endpoint.is_demo:
        for message in messages:
            if key.appears_in(message.text):
                raise SettingError(
                    _("The prompt contains your API key."), hint=_("Take it out; nothing was sent.")
                )


def decoder_for(tier: Tier) -> StreamDecoder:
    """A decoder that knows the marks which the tier's generation puts into its answers."""
    return StreamDecoder(inline_thinking=tier.id.startswith("glm-z1"), boxed=bool(tier.vision))


def idle_seconds(tier: Tier, request: ChatRequest) -> float:
    """How long the platform may be silent."""
    return _THINKING_IDLE_SECONDS if tier.can_think and request.thinking is not False else _IDLE_SECONDS


def may_be_billed(error: GLMError, completion: Completion) -> bool:
    """A refusal costs nothing; silence after the request was sent, or a broken answer, may."""
    if completion.text or completion.reasoning or completion.tool_calls:
        return True
    return isinstance(error, (NoAnswer, StreamError))


def price(session: Session, tier: Tier, usage: Usage) -> Cost | None:
    """What so many tokens cost on this endpoint; None where no price is known."""
    price = tier.prices.get(session.client.endpoint.currency or "")
    return price.cost(usage) if price else None


def money(session: Session, amount: Decimal) -> Cost:
    """An amount in the currency of this endpoint. Raises `SettingError` where none is known."""
    currency = session.client.endpoint.currency
    if currency is None:
        raise SettingError(
            _("{name} has no currency, so a budget cannot be kept there.").format(
                name=session.client.endpoint.name
            ),
            hint=_("Connect with one: `%glm connect URL --currency USD`."),
        )
    return Cost(amount, currency)


def _only_model(session: Session) -> Tier:
    listed = session.client.models()
    if len(listed) != 1:
        raise SettingError(
            _("{name} serves {count} models, so one has to be named.").format(
                name=session.client.endpoint.name, count=len(listed)
            ),
            hint=_("`%glm use NAME` with one of: {names}.").format(
                names=", ".join(listed[:8]) or _("its models")
            ),
        )
    return tiers().get(listed[0]) or unlisted(listed[0])


def _check(session: Session, tier: Tier, messages: tuple[Message, ...], options: Options) -> None:
    if not any(message.role in ("user", "tool") and message.content for message in messages):
        raise RequestError(_("The prompt is empty."), hint=_("Write what you want to ask. Nothing was sent."))
    if options.timeout is not None and not 0 < options.timeout <= _LONGEST_SECONDS:
        raise RequestError(
            _("timeout {timeout:g}: expected seconds above 0, at most {most:,.0f}.").format(
                timeout=options.timeout, most=_LONGEST_SECONDS
            ),
            hint=_("Nothing was sent."),
        )
    if session.client.endpoint.dialect != "glm":
        return  # the table is about the platform; another server may take other values
    images = [part for message in messages for part in message.images]
    found = problems(
        tier,
        thinking=options.think,
        effort=options.effort,
        temperature=options.temperature,
        top_p=options.top_p,
        max_tokens=options.max_tokens,
        images=len(images),
        embedded=sum(not is_address(image.url) for image in images),
        currency=session.client.endpoint.currency,
        stop=options.stop,
    )
    if found:
        raise RequestError("\n".join(found), hint=_("Nothing was sent."))


def _fitted(session: Session, tier: Tier, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """With the images as this tier takes them."""
    if session.client.endpoint.dialect != "glm" or not any(message.images for message in messages):
        return messages
    from glm_magics.images.fit import fitted

    return fitted(messages, tier)


def _budgets_for_one(session: Session, options: Options) -> tuple[Budget, ...]:
    found = []
    if options.budget is not None:
        found.append(Budget(money(session, options.budget), N_("this cell")))
    if session.cell_budget is not None:
        found.append(Budget(money(session, session.cell_budget), N_("each cell")))
    return tuple(found)


def _within(session: Session, request: ChatRequest, tier: Tier, budgets: tuple[Budget, ...]) -> ChatRequest:
    """Without --max-tokens, a budget sets it: to as much output as the rest of the money buys."""
    price = tier.prices.get(session.client.endpoint.currency or "")
    if request.max_tokens is not None or price is None or not tier.max_output:
        return request
    walls = [session.ledger.left(), *(budget.limit for budget in budgets)]
    amounts = [wall.amount for wall in walls if wall is not None and wall.currency == price.currency]
    if not amounts:
        return request
    counted = ceiling(estimate_input(request))
    left = min(amounts)
    affordable = price.affordable(counted, tier.max_output, left)
    if affordable < 1:
        raise BudgetExceeded(
            _("The budget has {left} left: too little for this input and an answer.").format(
                left=Cost(left, price.currency)
            )
        )
    return replace(request, max_tokens=affordable)


def _settle(
    session: Session,
    request: ChatRequest,
    tier: Tier,
    reservation: Reservation,
    completion: Completion,
    error: GLMError | None,
) -> Completion:
    if error is not None and not may_be_billed(error, completion):
        session.ledger.release(reservation)
        return replace(completion, usage=Usage(), cost=None)
    sent = tuple(_sent(image) for message in request.messages for image in message.images)
    data = tuple(item for message in request.messages for item in message.data)
    completion = replace(completion, notes=remarks(request, tier, completion), images=sent, data=data)
    session.last = completion
    session.ledger.settle(reservation, completion)
    return completion


def _sent(image: ImagePart) -> SentImage:
    """What is kept of an image: of one at an address, only its name is known."""
    try:
        data = image_bytes(image.url)
        found = header(data)
    except ValueError:
        return SentImage(image.name, "", 0, 0, 0)
    return SentImage(image.name, found.format, found.width, found.height, len(data))
