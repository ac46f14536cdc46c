"""The prompt of a cell: its text with `{{names}}` filled, and what is attached to it.

Text and numbers stand where their `{{name}}` is. A table stands in the data block below the prompt, once, and
its `{{name}}` becomes its name; so do lists and dicts where the rules withhold something of them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glm_magics.chat import Message
from glm_magics.grammar import GrammarError, Line, nearest
from glm_magics.inert import inert
from glm_magics.template import data_names, fill, left_as_text, show_value

if TYPE_CHECKING:
    from glm_magics._options import Options
    from glm_magics._session import Session
    from glm_magics.frames.rules import Rules

__all__ = ["composed"]


def composed(
    text: str, parsed: Line, names: Mapping[str, Any], *, session: Session, options: Options
) -> tuple[tuple[Message, ...], Options]:
    """What the cell says, and its options with the system message filled.

    Raises `TemplateError` or `GrammarError` for a name that cannot go in, and `SettingError` for rules about
    tables that cannot be kept.
    """
    from glm_magics.frames import attach

    rules = attach.rules_of(options, session.defaults)
    attached: dict[str, Any] = {}
    prompt = text
    if not parsed.values.get("raw"):
        prompt = _filled(text, names, rules, attached)
        if options.system is not None:  # a table that it names stands with the others, for it is data
            options = replace(options, system=_filled(options.system, names, rules, attached))
        _say_what_stayed(text, names)
    attached |= _inputs(parsed, names)
    if not attached:
        return (Message("user", prompt),), options
    limits = options.over(session.defaults)
    said = f"{prompt}\n{limits.system or ''}"
    rules = attach.room_for_data(rules, session.find_tier(limits.tier), limits.max_tokens, said)
    return (attach.asking_about(prompt, attached, rules, must_mask=options.mask),), options


def _filled(text: str, names: Mapping[str, Any], rules: Rules, attached: dict[str, Any]) -> str:
    """`text` with its `{{names}}` in place; `attached` takes those that stand in the data block."""
    from glm_magics.frames.attach import belongs_in_the_block

    def show(name: str, value: Any) -> str:
        if not belongs_in_the_block(name, value, rules):
            return inert(show_value(name, value))
        attached[name] = value
        return f"`{name}`"

    return fill(text, names, show=show)


def _inputs(parsed: Line, names: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def keep(name: str, value: Any) -> str:
        found[name] = value
        return ""

    for name in parsed.values.get("inputs", ()):
        if name not in names:
            near = nearest(name, data_names(names))
            raise GrammarError(f"-i {name}: there is no variable of that name in the notebook.{near}")
        # A template of nothing but the name keeps to the same rules for what may be read.
        fill(f"{{{{{name}}}}}", names, show=keep)
    return found


def _say_what_stayed(text: str, names: Mapping[str, Any]) -> None:
    """Who writes `{{df.shape}}` expects a value: say that it was sent as written."""
    for slot in left_as_text(text, names):
        print(f"{slot} is sent as it is written: only plain names are filled.", file=sys.stderr)
