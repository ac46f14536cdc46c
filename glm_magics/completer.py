"""Tab completion for `%glm` and `%%glm`: options, tiers, levels, commands, and names of data in `{{…`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from glm_magics import check_commands
from glm_magics._tiers import tiers
from glm_magics.data_cells import frame_names, schema_names
from glm_magics.grammar import OPTIONS, PRIVACY_LEVELS, SHAPES, Option, option_named, words
from glm_magics.manual import COMMANDS
from glm_magics.template import data_names

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

__all__ = ["candidates", "matches"]

_PACES = ("real", "fast")

_CELL = re.compile(r"\s*%%glm\b")
_MAGIC = re.compile(r"\s*(?:[^%\s][^%]*=\s*)?(%{1,2})glm\s+")  # `x = %glm …` too
_SLOT = re.compile(r"\{\{[ \t]*(\w*)$")
_COMMAND_WORDS: dict[str, Callable[[], Iterable[str]]] = {
    "tiers": lambda: ("--free", "--vision", "--thinking", "--context"),
    "use": lambda: _tier_names(),
    "login": lambda: ("z.ai", "bigmodel", "--remember", "--new"),
    "connect": lambda: ("z.ai", "bigmodel", "demo", "--currency", "--level", "--gateway", "--tier"),
    "usage": lambda: ("--plot",),
    "budget": lambda: ("off", "per", "cell", "shared"),
    "config": lambda: _setting_names(),
    "record": lambda: ("--update", "--prune"),
    "replay": lambda: ("--pace",),
    "demo": lambda: ("on", "off", "fault", "pace"),
    "doctor": lambda: ("--scan",),
}


def matches(context: CompletionContext, namespace: Mapping[str, Any]) -> SimpleMatcherResult:
    """The answer to IPython's question what may follow; `suppress` keeps the other completers out."""
    from IPython.core.completer import SimpleCompletion

    lines = context.full_text.split("\n")
    before = lines[context.cursor_line][: context.cursor_position]
    prompt = context.cursor_line > 0 and _CELL.match(lines[0]) is not None
    fragment, found = candidates(before, namespace, prompt=prompt)
    if found is None:
        return {"completions": [], "suppress": False}
    return {
        "completions": [SimpleCompletion(text, type="magic") for text in found],
        "matched_fragment": fragment,
        "suppress": True,
    }


def candidates(
    before: str, namespace: Mapping[str, Any], *, prompt: bool = False
) -> tuple[str, list[str] | None]:
    """What may follow `before`, the line up to the cursor: the fragment to replace, and its replacements.

    `prompt` says that the line is below `%%glm`. None where this module has nothing to say and IPython's own
    completion goes on.
    """
    magic = None if prompt else _MAGIC.match(before)
    slot = _SLOT.search(before) if prompt or magic else None
    if slot:
        return slot[1], [name for name in data_names(namespace) if name.startswith(slot[1])]
    if magic is None:
        return "", None
    given = list(words(before[magic.end() :]))
    fragment = "" if not given or before[-1].isspace() else given.pop()
    name, equals, value = fragment.partition("=")
    if equals and option_named(name) is not None:
        given, fragment = [*given, name], value
    found = _after(given, fragment, cell=magic[1] == "%%", namespace=namespace)
    return fragment, None if found is None else [text for text in found if text.startswith(fragment)]


def _after(
    given: list[str], fragment: str, *, cell: bool, namespace: Mapping[str, Any]
) -> Iterable[str] | None:
    if not cell and given[:2] == ["demo", "fault"]:
        from glm_magics.demo import FAULTS

        return (*FAULTS, "off")
    if not cell and given and given[0] in ("record", "replay") and not fragment.startswith("-"):
        return _PACES if given[-1] == "--pace" else None  # IPython completes paths
    if not cell and given and given[0] == "check":
        return _check_words(given, namespace)
    if not cell and given[:2] == ["doctor", "--scan"]:
        return None
    if not cell and len(given) == 2 and given[0] == "config":
        return _setting_values(given[1])
    if not cell and given and given[0] in COMMANDS:
        return _COMMAND_WORDS.get(given[0], tuple)()
    asked = option_named(given[-1]) if given else None
    if asked is not None and asked.kind == "path":
        return None  # IPython completes paths
    if asked is not None and asked.kind != "flag":
        return _values(asked, given, fragment, namespace)
    if fragment.startswith("-"):
        return [name for option in OPTIONS for name in option.names]
    if cell:
        return _tier_names() if not any(_is_tier(word) for word in given) else ()
    return COMMANDS if not given else None


def _check_words(given: list[str], namespace: Mapping[str, Any]) -> Iterable[str]:
    if len(given) == 1:
        return check_commands.answers(namespace)
    if given[-1] == "--tier":
        return _tier_names()
    if given[-1] == "--schema":
        return schema_names(namespace)
    return () if given[-1] in check_commands.VALUES else (*check_commands.VALUES, *check_commands.FLAGS)


def _values(option: Option, given: list[str], fragment: str, namespace: Mapping[str, Any]) -> Iterable[str]:
    if option.kind == "tier":
        return _tier_names()
    if option.kind == "tiers":
        before = "".join(fragment.rpartition(",")[:2])
        return [before + name for name in _tier_names()]
    if option.kind == "effort":
        named = [tier for tier in map(tiers().get, given) if tier is not None]
        levels = [level for tier in (named or tiers()) for level in tier.efforts]
        return dict.fromkeys(levels)
    if option.kind == "shape":
        return SHAPES
    if option.kind == "schema":
        return schema_names(namespace)
    if option.kind == "frame":
        return frame_names(namespace)
    if option.kind == "privacy":
        return PRIVACY_LEVELS
    return data_names(namespace) if option.kind in ("name", "image") else ()


def _setting_names() -> tuple[str, ...]:
    from glm_magics.config_card import SETTINGS

    return SETTINGS


def _setting_values(name: str) -> Iterable[str]:
    values = {"tier": _tier_names(), "think": ("true", "false"), "privacy": PRIVACY_LEVELS}
    return (*values.get(name, ()), "default")


def _tier_names() -> list[str]:
    return [*(tier.id for tier in tiers()), *(alias for tier in tiers() for alias in tier.aliases)]


def _is_tier(word: str) -> bool:
    return tiers().get(word) is not None
