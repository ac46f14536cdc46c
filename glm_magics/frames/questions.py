"""Questions about one table: what `df.glm.ask` and `df.glm.preview` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glm_magics import api
from glm_magics._options import Options
from glm_magics.chat import Completion, Message, Privacy
from glm_magics.frames import attach
from glm_magics.frames import preview as previews
from glm_magics.frames.preview import Preview
from glm_magics.inert import one_line

__all__ = ["ask", "preview"]


def ask(
    table: Any,
    question: str,
    tokens: int | None,
    privacy: Privacy | None,
    mask: Sequence[str] | str,
    tier: str | None,
    name: str,
    options: Mapping[str, Any],
) -> Completion:
    asked = Options(
        tier=tier,
        system=options.get("system"),
        max_tokens=options.get("max_tokens"),
        privacy=privacy,
        mask=_names(mask),
        data_tokens=tokens,
    )
    return api.ask([_message(question, table, name, asked)], tier=tier, **options)


def preview(
    table: Any,
    tokens: int | None,
    privacy: Privacy | None,
    mask: Sequence[str] | str,
    tier: str | None,
    name: str,
) -> Preview:
    asked = Options(tier=tier, privacy=privacy, mask=_names(mask), data_tokens=tokens)
    message = _message("", table, name, asked)
    session = api.session()
    return previews.preview(session, session.request((message,), asked), message.text)


def _message(question: str, table: Any, name: str, asked: Options) -> Message:
    session = api.session()
    limits = asked.over(session.defaults)
    rules = attach.rules_of(asked, session.defaults)
    said = f"{question}\n{limits.system or ''}"
    rules = attach.room_for_data(rules, session.find_tier(limits.tier), limits.max_tokens, said)
    return attach.asking_about(question, {one_line(name): table}, rules, must_mask=asked.mask)


def _names(mask: Sequence[str] | str) -> tuple[str, ...]:
    return (mask,) if isinstance(mask, str) else tuple(mask)
