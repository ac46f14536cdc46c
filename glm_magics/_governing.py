"""The policy of a session is held here, where every request of every kind is prepared.

Cells, `ask`, row maps, batches and embeddings all come through `hold`; what is sent comes through `held`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from glm_magics._connect import PLATFORMS
from glm_magics._options import Options
from glm_magics.errors import SettingError

if TYPE_CHECKING:
    from glm_magics._session import Session
    from glm_magics._tier import Tier
    from glm_magics.chat import ChatRequest, Cost
    from glm_magics.ledger import Ledger

__all__ = ["held", "hold", "raise_walls"]

_OPTIONS = ("system", "think", "temperature", "max_tokens", "privacy")


def hold(session: Session, options: Options | None = None) -> None:
    """Put the policy's walls up. Raises `PolicyError` for a session or options that it does not allow."""
    policy = session.policy
    if policy.file is None:
        return
    policy.check()
    policy.check_endpoint(session.client.endpoint)
    _check_key(session)
    asked = (options or Options()).over(session.defaults)
    for name in _OPTIONS:
        policy.check_option(name, getattr(asked, name))
    policy.check_option("mask", (*asked.mask, *session.defaults.mask))
    raise_walls(session)


def held(session: Session, request: ChatRequest, tier: Tier) -> ChatRequest:
    """The request, its answer no longer than the policy allows. Raises `PolicyError` for what it does not."""
    policy = session.policy
    if policy.file is None:
        return request
    policy.check_tier(tier.id)
    policy.check_option("max_tokens", request.max_tokens)
    policy.check_option("temperature", request.temperature)
    if tier.can_think:
        policy.check_option("think", request.thinking)
    if "system" in policy.locked:
        found = [message.text for message in request.messages if message.role == "system"]
        if found != [policy.defaults.system]:
            raise policy.refusal("system", "another or a second system message", "its own alone")
    return replace(request, max_tokens=policy.longest(tier, request.max_tokens))


def raise_walls(session: Session, *, shared: bool = True) -> None:
    """The budgets of the policy, where none or a wider one stands; the shared one is a file, so it can wait.

    Raises `SettingError` where the endpoint has no currency.
    """
    policy = session.policy
    most = policy.budget_per_cell
    if most is not None and (session.cell_budget is None or session.cell_budget > most):
        session.cell_budget = most
    if policy.budget is not None:
        from glm_magics.ledger import Budget

        limit = session.money(policy.budget)
        standing = session.ledger.budget
        if standing is None or standing.limit.amount > limit.amount:
            session.ledger.budget = Budget(limit, "this session")
    is_spending = not session.client.endpoint.is_recorded  # a replay is not
    if shared and is_spending and policy.budget_shared is not None:
        _share(session.ledger, session.money(policy.budget_shared), session)


def _share(ledger: Ledger, limit: Cost, session: Session) -> None:
    from glm_magics.shared_budget import SharedBudget

    file = session.policy.shared_file
    if file is None or (ledger.shared is not None and ledger.shared.file == file):
        return
    found = SharedBudget(file, limit=limit)
    if found.standing().limit.amount > limit.amount:
        raise session.policy.refusal("budget_shared", str(found.standing().limit), f"at most {limit}")
    ledger.shared = found


def _check_key(session: Session) -> None:
    endpoint = session.client.endpoint
    if endpoint.name in PLATFORMS and endpoint.key is None:
        raise SettingError(
            f"The policy ({session.policy.place('endpoint')}) names {endpoint.name}; there is no key for it.",
            hint=f"Log in with `%glm login {endpoint.name}`. Nothing was sent.",
        )
