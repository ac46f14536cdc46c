"""How a long document will be read: its parts, the room for notes, how many requests at once, its cost.

Made before anything is sent, so that it can be shown, priced and refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from glm_magics._options import Options
from glm_magics._session import Session
from glm_magics._tier import Tier
from glm_magics.chat import ChatRequest, Cost, Message
from glm_magics.client import Endpoint
from glm_magics.documents.document import Document
from glm_magics.documents.prompts import Note, answering, reading
from glm_magics.documents.splitting import Part, parts
from glm_magics.errors import BudgetExceeded, RequestError
from glm_magics.tokens import estimate

__all__ = ["Plan", "make_plan", "refuse_beyond_budget"]

# Short parts are read more exactly, side by side, and in the lowest step of the platform's prices, which ends
# at 32K tokens of input where there are steps (bigmodel.cn pricing, see tiers.json).
PART_TOKENS = 16_000
NOTE_TOKENS = 1_200
THINKING_TOKENS = 4_000  # thinking counts against the longest answer (docs.z.ai, thinking mode)
USUAL_WINDOW = 32_768  # where the tier's is not known
LEAST_PART_TOKENS = 200
_MARGIN = 0.85  # of the window is used: tokens are only estimated
_USUAL_AT_ONCE = 3  # where the tier's limit is not known
_MOST_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """`requests` are those for notes, one for each of the `parts`; `options` are those of all notes.

    `group_tokens` is how many tokens of notes are joined in one request, `answer_tokens` how many the last
    one takes.
    """

    tier: Tier
    task: str
    before: tuple[Message, ...]  # what was said before the task
    parts: tuple[Part, ...]
    requests: tuple[ChatRequest, ...]
    options: Options
    group_tokens: int
    answer_tokens: int
    at_once: int

    def messages(self, prompt: str) -> tuple[Message, ...]:
        return (*self.before, Message("user", prompt))


def make_plan(
    session: Session, messages: Sequence[Message], documents: Sequence[Document], options: Options
) -> Plan:
    """The plan for the task in the last of `messages`. Nothing is sent.

    Raises `RequestError` when the task alone fills the tier's window, and what `Session.request` raises.
    """
    options = options.over(session.defaults)
    tier = session.find_tier(options.tier)
    *before, last = messages
    if last.role != "user" or not isinstance(last.content, str):
        raise RequestError("Reading part by part takes a question in words.", hint="Nothing was sent.")
    task = last.content.strip()
    room = _room(tier, task, options, before)
    noting = _noting(tier, options, room)
    noting = replace(noting, max_tokens=session.policy.longest(tier, noting.max_tokens))
    most = min(PART_TOKENS, room - (noting.max_tokens or 0))
    cut = parts(documents, most)
    plan = Plan(
        tier=tier,
        task=task,
        before=tuple(before),
        parts=cut,
        requests=(),
        options=noting,
        group_tokens=most,
        answer_tokens=room - min(options.max_tokens or room // 3, room // 3),
        at_once=_at_once(tier, session.client.endpoint),
    )
    requests = (session.request(plan.messages(reading(task, part)), noting) for part in cut)
    return replace(plan, requests=tuple(requests))


def refuse_beyond_budget(session: Session, plan: Plan) -> None:
    """Raises `BudgetExceeded` when not even reading the parts fits into the budget."""
    left = session.ledger.left()
    if left is None:
        return
    costs = [cost for request in plan.requests if (cost := session.estimate(request).input_cost) is not None]
    if not costs or costs[0].currency != left.currency:
        return  # each request is checked against the wall again, and there it is said what is wrong
    needed = Cost(sum((cost.amount for cost in costs), Decimal(0)), left.currency, estimated=True)
    if needed.amount > left.amount:
        raise BudgetExceeded(
            f"Reading the {len(plan.parts)} parts costs {needed} for the input alone; {left} of the budget "
            "is left. Nothing was sent."
        )


def _room(tier: Tier, task: str, options: Options, before: Sequence[Message]) -> int:
    """Tokens that one request has for material and its answer."""
    window = int((tier.context or USUAL_WINDOW) * _MARGIN)
    said = estimate(options.system or "") + sum(estimate(message.text) + 5 for message in before)
    frame = max(
        estimate(reading(task, Part("S1000", "", "", "", 0))),
        estimate(answering(task, [Note(("S1",), "")], ())),
    )
    room = window - said - frame - 100  # names and places of parts
    if room < 3 * LEAST_PART_TOKENS:
        raise RequestError(
            f"The question alone has ≈ {estimate(task):,} tokens: too many for {tier.id} to read a document "
            f"beside it part by part ({tier.context or USUAL_WINDOW:,} tokens).",
            hint="Ask more briefly, or choose a tier with a longer window. Nothing was sent.",
        )
    return room


def _noting(tier: Tier, options: Options, room: int) -> Options:
    """How notes are asked for: without thinking where the tier can do without, unless it was asked for."""
    wanted = options.think is True or options.effort is not None
    skip = not wanted and tier.can_think and tier.can_skip_thinking
    thinks = tier.thinking != "none" and not skip and options.think is not False
    most = min(NOTE_TOKENS + (THINKING_TOKENS if thinks else 0), room // 3, tier.max_output or room)
    least_effort = tier.efforts[0] if thinks and tier.efforts else None
    return replace(
        options,
        think=False if skip else options.think,
        effort=options.effort or least_effort,
        max_tokens=most,
        stop=(),
        budget=None,
        stream=True,
    )


def _at_once(tier: Tier, endpoint: Endpoint) -> int:
    """How many requests may be in flight: the account's limit, else the lowest that is known."""
    known = tier.concurrency
    limit = known.get(endpoint.level or "") or min(known.values(), default=_USUAL_AT_ONCE)
    return max(1, min(limit, _MOST_AT_ONCE))
