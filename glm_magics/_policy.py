"""What a class may do: the settings of a policy file, which of them are locked, and what a refusal says.

A policy is guidance for people who work together in kernels of their own. Whoever runs Python there can pass
it by, so it is no boundary of security; the gateway of a class is one (`glm_magics.gateway`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glm_magics._connect import PLATFORMS
from glm_magics._lang import _
from glm_magics._options import Options
from glm_magics.errors import PolicyError
from glm_magics.grammar import PRIVACY_LEVELS

if TYPE_CHECKING:
    from glm_magics._tier import Tier
    from glm_magics.client import Endpoint

__all__ = ["DEFAULTS", "HINTS", "LIMITS", "NO_POLICY", "Policy"]

# These hold as soon as a file sets them; the words are those of the gateway's `class.toml`.
LIMITS = ("tiers", "max_tokens", "budget", "budget_per_cell", "budget_shared")
# These are where a session begins, and hold where `locked` names them.
DEFAULTS = ("tier", "system", "think", "temperature", "privacy", "mask", "endpoint")

HINTS = """\
You are a tutor in a class. Help the learner to find the solution; do not give it. Ask one question or give \
one hint at a time, name the idea or the page of the documentation that is needed, and point to the line \
that is wrong without writing the right one. Do not write code or text that could be handed in as the \
answer, also when you are asked to. Praise what is right and say what to try next."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of a file. What it does not set is None or empty.

    `defaults` are where a session begins; `locked` are the names that hold beside the limits. `lines` are
    where the file has a name, from 1. `shared_file` is what all who share `budget_shared` spend from.
    `contact` is whom to ask. `problem` says what is wrong with a file that cannot be used: then nothing is
    asked at all.
    """

    file: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    tiers: tuple[str, ...] = ()
    max_tokens: int | None = None
    budget: Decimal | None = None
    budget_per_cell: Decimal | None = None
    budget_shared: Decimal | None = None
    shared_file: Path | None = None
    endpoint: str | None = None
    defaults: Options = field(default_factory=Options)
    locked: frozenset[str] = frozenset()
    contact: str = ""
    problem: str = ""

    def check(self) -> None:
        """Raises `PolicyError` where the file cannot be used."""
        if self.problem:
            raise PolicyError(
                self.problem,
                hint=_(
                    "Correct the file and restart the kernel; `%glm doctor` looks at it again. "
                    "Nothing was sent."
                ),
            )

    def check_listed(self, tier: str) -> None:
        """Raises `PolicyError` for a tier or embedding model that is not among `tiers`."""
        if self.tiers and tier not in self.tiers:
            raise self.refusal("tiers", tier, _(" or ").join(self.tiers))

    def check_tier(self, tier: str) -> None:
        """Raises `PolicyError` for a tier that may not answer."""
        self.check()
        self.check_listed(tier)
        if "tier" in self.locked and tier != self.defaults.tier:
            raise self.refusal("tier", tier, self.defaults.tier)

    def check_option(self, name: str, value: Any) -> None:
        """Raises `PolicyError` for the value of an option, by its name in `Options`."""
        if name == "max_tokens" and self.max_tokens is not None and value is not None:
            if value > self.max_tokens:
                raise self.refusal(
                    name, f"{value:,}", _("at most {most}").format(most=f"{self.max_tokens:,}")
                )
        elif name == "tier":
            if value is not None:
                self.check_tier(value)
        elif name in self.locked:
            wanted = getattr(self.defaults, name)
            if not _ALLOWS.get(name, _same)(wanted, value):
                raise self.refusal(name, _shown(value), _ALLOWED.get(name, _shown)(wanted))

    def check_endpoint(self, endpoint: Endpoint) -> None:
        """Raises `PolicyError` for another server than the locked one. A replay asks no server."""
        if "endpoint" not in self.locked or endpoint.is_recorded:
            return
        if self.endpoint == "demo":
            fits = endpoint.is_demo
        else:
            wanted = PLATFORMS.get(self.endpoint or "", (self.endpoint or "",))[0]
            fits = not endpoint.is_demo and endpoint.base_url == wanted.rstrip("/")
        if not fits:
            raise self.refusal("endpoint", endpoint.name, self.endpoint)

    def check_budget(self, name: str, amount: Decimal | None) -> None:
        """Raises `PolicyError` for a wall that is lifted (None), or higher than the file's."""
        most: Decimal | None = getattr(self, name)
        if most is not None and (amount is None or amount > most):
            raise self.refusal(
                name, _("none") if amount is None else str(amount), _("at most {most}").format(most=most)
            )

    def longest(self, tier: Tier, tokens: int | None) -> int | None:
        """The longest answer in tokens, where `tokens` were asked for; None for the tier's own."""
        if self.max_tokens is None:
            return tokens
        return min(most for most in (tokens, self.max_tokens, tier.max_output) if most is not None)

    def holds(self, name: str) -> bool:
        """Whether a setting is the file's to decide."""
        if name in LIMITS:
            return bool(getattr(self, name))
        return name in self.locked

    def place(self, name: str) -> str:
        """The file and line of a setting."""
        line = self.lines.get(name) or (self.lines.get("hints") if name == "system" else None)
        file = self.file.name if self.file else ""
        return f"{file}:{line}" if line else file

    def refusal(self, name: str, got: str, allowed: Any) -> PolicyError:
        """What is locked, by which file, what is allowed, and whom to ask."""
        whom = self.contact or _("whoever wrote that file")
        return PolicyError(
            _("{name} is locked by {place}: it allows {allowed}, not {came}.").format(
                name=name, place=self.place(name), allowed=allowed, came=got
            ),
            hint=_("Ask {whom} to change it. Nothing was sent.").format(whom=whom),
        )

    def without_money(self) -> Policy:
        """For work whose ledger stands below one that has the walls already."""
        return replace(self, budget=None, budget_per_cell=None, budget_shared=None, shared_file=None)


NO_POLICY = Policy()


def _same(wanted: Any, value: Any) -> bool:
    return bool(wanted == value)


def _no_more(wanted: Any, value: Any) -> bool:
    """Less of a table may always be sent; nothing said is everything."""
    return PRIVACY_LEVELS.index(value or PRIVACY_LEVELS[-1]) <= PRIVACY_LEVELS.index(wanted)


def _all_of(wanted: Any, value: Any) -> bool:
    return set(wanted) <= set(value or ())


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:59] + "…")
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


_ALLOWS = {"privacy": _no_more, "mask": _all_of}
_ALLOWED = {
    "privacy": lambda wanted: _(" or ").join(PRIVACY_LEVELS[: PRIVACY_LEVELS.index(wanted) + 1]),
    "mask": lambda wanted: _("{columns} and more").format(columns=", ".join(wanted)),
}
