"""`%glm config NAME VALUE`: a setting of this session, written as on the line of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from traitlets import TraitError

from glm_magics import api, config_card, grammar
from glm_magics._lang import N_, _
from glm_magics.config_card import OPTIONS, SETTINGS
from glm_magics.grammar import GrammarError

if TYPE_CHECKING:
    from glm_magics.magics import GLMMagics

__all__ = ["config"]

_ELSEWHERE = {
    "endpoint": N_("`%glm connect URL` changes it."),
    "tiers": N_("only a policy file sets it."),
    "budget": N_("`%glm budget AMOUNT` changes it."),
    "budget_per_cell": N_("`%glm budget AMOUNT per cell` changes it."),
    "budget_shared": N_("`%glm budget AMOUNT shared FILE` changes it."),
}
_FLAGS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


def config(magics: GLMMagics, words: Sequence[str]) -> None:
    """Show all settings, or one; or set one. `default` gives back what the policy or the tier says."""
    if words and words[0] not in SETTINGS:
        near = grammar.nearest(words[0].replace("-", "_"), SETTINGS)
        raise GrammarError(
            _("%glm config does not know {name!r}.{near} It takes {names}.").format(
                name=words[0], near=near, names=", ".join(SETTINGS)
            )
        )
    if len(words) > 1:
        _set(magics, words[0], " ".join(words[1:]))
    session = api.session()
    found = config_card.settings(session, magics.config.get("GLMMagics", {}))
    shown = [one for one in found if not words or one.name == words[0]]
    print(config_card.card(shown, session))


def _set(magics: GLMMagics, name: str, text: str) -> None:
    if name not in OPTIONS:
        elsewhere = _ELSEWHERE[name]
        raise GrammarError(f"%glm config {name}: {_(elsewhere)}")
    session = api.session()
    value = getattr(session.policy.defaults, name) if text == "default" else _read(name, text)
    if name == "tier" and value:
        value = session.find_tier(value).id
    session.policy.check_option(name, value)
    try:
        setattr(magics, name, _as_trait(name, value))
    except TraitError as error:
        raise GrammarError(f"%glm config {name}: {error}") from None


def _as_trait(name: str, value: Any) -> Any:
    if name in ("tier", "system"):
        return value or ""
    return list(value) if isinstance(value, tuple) else value


def _read(name: str, text: str) -> Any:
    if name == "think":
        if text.lower() not in _FLAGS:
            raise GrammarError(
                _("%glm config think {text}: expected true, false or default.").format(text=text)
            )
        return _FLAGS[text.lower()]
    return grammar.read_value(name, text)
