"""How to ask, beside the prompt."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from glm_magics.chat import Privacy

__all__ = ["DEFAULT_TIER", "Options"]

DEFAULT_TIER = "glm-4.5-air"


@dataclass(frozen=True, slots=True)
class Options:
    """How to ask, beside the prompt. None leaves a choice to the session, the tier or the platform.

    `timeout` is the longest silence in seconds; `budget` a wall for this request, in the endpoint's currency.
    `privacy`, `mask` and `data_tokens` say how much of attached tables is sent (see `frames.rules`).
    """

    tier: str | None = None
    system: str | None = None
    think: bool | None = None
    effort: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    timeout: float | None = None
    budget: Decimal | None = None
    privacy: Privacy | None = None
    mask: tuple[str, ...] = ()
    data_tokens: int | None = None
    stream: bool = True

    def over(self, defaults: Options) -> Options:
        """These, with `defaults` in the place of what is not set."""
        unset = {
            f.name: getattr(defaults, f.name) for f in fields(self) if getattr(self, f.name) in (None, ())
        }
        return replace(self, **unset)
