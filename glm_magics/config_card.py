"""`%glm config`: each setting with its value, where the value comes from, and whether it is locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_magics import _connect
from glm_magics._lang import N_, _
from glm_magics._options import DEFAULT_TIER
from glm_magics.render import plain
from glm_magics.render.text import columns, padded

if TYPE_CHECKING:
    from glm_magics._session import Session

__all__ = ["OPTIONS", "SETTINGS", "Setting", "card", "settings"]

OPTIONS = ("tier", "system", "think", "temperature", "max_tokens", "timeout", "privacy", "mask")
SETTINGS = ("endpoint", "tiers", *OPTIONS, "budget", "budget_per_cell", "budget_shared")
_BUILT_IN = N_("built-in")
_SESSION = N_("this session")
_WIDEST = 48  # characters of a value


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str
    origin: str
    is_locked: bool


def settings(session: Session, configured: Mapping[str, Any]) -> list[Setting]:
    """All of them; `configured` is what `%config GLMMagics` and IPython's own files say. Nothing is sent."""
    policy = session.policy
    found = [
        _endpoint(session),
        _row(session, "tiers", ", ".join(policy.tiers) or _("all"), bool(policy.tiers)),
    ]
    found += [_option(session, name, configured) for name in OPTIONS]
    ledger = session.ledger
    walls = {
        "budget": ledger.budget.limit if ledger.budget else None,
        "budget_per_cell": session.money(session.cell_budget) if session.cell_budget is not None else None,
        "budget_shared": ledger.shared.standing().limit if ledger.shared else None,
    }
    for name, limit in walls.items():
        most = getattr(policy, name)
        waiting = limit is None and most is not None  # it stands as soon as something is asked
        is_policy = waiting or (limit is not None and limit.amount == most)
        shown = most if waiting else limit
        found.append(
            _row(session, name, _("none") if shown is None else str(shown), is_policy, shown is not None)
        )
    return found


def card(found: Iterable[Setting], session: Session) -> str:
    """The settings as lines, under the policy that is in force."""
    policy = session.policy
    head = [_("policy: {file}").format(file=policy.file or _("none"))]
    head += [policy.problem] if policy.problem else []
    rows = [
        (one.name, _cut(plain(one.value)), _(one.origin), _("locked") if one.is_locked else "")
        for one in found
    ]
    return "\n".join([*head, *_lines([(_("setting"), _("value"), _("from"), ""), *rows])])


def _lines(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(padded, row, widths)).rstrip() for row in rows]


def _cut(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…"


def _row(session: Session, name: str, value: str, is_policy: bool, is_set: bool = False) -> Setting:
    origin = session.policy.place(name) if is_policy else _SESSION if is_set else _BUILT_IN
    return Setting(name, value, origin, session.policy.holds(name))


def _endpoint(session: Session) -> Setting:
    where = _connect.describe(session.client.endpoint)
    return Setting("endpoint", where, session.origin, session.policy.holds("endpoint"))


def _option(session: Session, name: str, configured: Mapping[str, Any]) -> Setting:
    policy, value = session.policy, getattr(session.defaults, name)
    most = policy.max_tokens if name == "max_tokens" else None
    wanted = most if most is not None else getattr(policy.defaults, name)
    if value in (None, ()) and most is not None:
        value = most
    if value in (None, ()):
        origin = _BUILT_IN
    elif name in configured and _same(configured[name], value):
        origin = "%config GLMMagics"
    elif value == wanted:
        origin = policy.place("hints" if name == "system" and "hints" in policy.lines else name)
        origin = policy.place("tiers") if name == "tier" and "tier" not in policy.lines else origin
    else:
        origin = _SESSION
    return Setting(name, _text(session, name, value), origin, policy.holds(name))


def _same(configured: Any, value: Any) -> bool:
    return bool((tuple(configured) if isinstance(configured, list) else configured) == value)


def _text(session: Session, name: str, value: Any) -> str:
    if isinstance(value, tuple) and value:
        return ", ".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    if value not in (None, ()):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if name == "tier":
        return DEFAULT_TIER if session.client.endpoint.dialect == "glm" else _("none yet")
    if name in ("think", "temperature", "max_tokens", "timeout"):
        return _("the tier's own")
    return "full" if name == "privacy" else _("none")
