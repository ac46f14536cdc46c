"""A policy is read: `glm_policy.toml`, or the table `[tool.glm_magics]` of a `pyproject.toml`.

tiers = ["glm-4.5-air", "glm-4.7-flash"]   # no others
max_tokens = 2048                # the longest answer, thinking included
budget = 2.00                    # each session's, in the currency of the endpoint
budget_per_cell = 0.10
tier = "glm-4.7-flash"           # from here on: where a session begins
hints = true                     # a tutor that gives hints; or system = "…", a text of your own
think = false
privacy = "stats"
locked = ["hints", "privacy"]    # these stay as they are; true for all that is set
contact = "Ms. Li"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from glm_magics._connect import BY_HOST, ENVIRONMENT, PLATFORMS, environment_keys
from glm_magics._lang import _
from glm_magics._options import DEFAULT_TIER, Options
from glm_magics._policy import DEFAULTS, HINTS, LIMITS, Policy
from glm_magics.errors import SettingError, UnknownTier
from glm_magics.grammar import PRIVACY_LEVELS
from glm_magics.keys import PLATFORM_KEY

__all__ = ["broken", "read_policy"]

_PROJECT = "pyproject.toml"
_MOST_BYTES = 1_000_000
_MENTION = re.compile(r"glm[-_ ]?magics", re.IGNORECASE)
_SECRET_NAME = re.compile(r"(?:.*_)?(?:api_?)?(?:key|token|secret|password)s?", re.IGNORECASE)
# the form of the platform's keys, of OpenAI's and of a class's tokens
_SECRET = re.compile(rf"\b{PLATFORM_KEY}\b|\bsk-[\w-]{{16,}}|\bglm-class-[\w-]{{8,}}")


class _Wrong(ValueError):
    """What is wrong, in a sentence without the name of the file."""


def read_policy(file: Path, environ: Mapping[str, str] = ENVIRONMENT) -> Policy | None:
    """The policy of a file; None for a `pyproject.toml` that has none. It never raises: a file that
    cannot be used is a policy with a `problem`."""
    try:
        text = _text(file)
        if file.name == _PROJECT and not _MENTION.search(text):
            return None
        table = _table(file, text)
        return None if table is None else _policy(file, text, table, environ)
    except OSError as error:
        return broken(
            file, _("it cannot be read: {reason}").format(reason=error.strerror or _("no reason given"))
        )
    except (ValueError, SettingError) as error:
        return broken(file, error.message if isinstance(error, SettingError) else str(error))


def broken(file: Path, problem: str) -> Policy:
    """What is left of a file with this problem."""
    if problem.endswith(("?", "？")):
        told = _("The policy {file} cannot be used: {problem}")
    else:
        told = _("The policy {file} cannot be used: {problem}.")
    return Policy(file=file.absolute(), problem=told.format(file=file.name, problem=problem.rstrip(".。")))


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        data = opened.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise _Wrong(_("it has more than {most:,} bytes").format(most=_MOST_BYTES))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Wrong(_("it is not UTF-8 text")) from None


def _table(file: Path, text: str) -> dict[str, Any] | None:
    from glm_magics._tier_rows import toml_of

    try:
        whole = toml_of(text)
    except ValueError as error:
        raise _Wrong(_("it is not TOML: {reason}").format(reason=error)) from None
    if file.name != _PROJECT:
        return whole
    tools = whole.get("tool")
    if not isinstance(tools, dict):
        return None
    for name, table in tools.items():
        if _MENTION.fullmatch(name):
            if name != "glm_magics" or not isinstance(table, dict):
                raise _Wrong(_("tool.{name}: expected a table [tool.glm_magics]").format(name=name))
            return table
    return None


def _policy(file: Path, text: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> Policy:
    _keep_secrets_out(text, table, environ)
    _check_names(table)
    values = {name: _READERS[name](name, value) for name, value in table.items()}
    endpoint = values.get("endpoint")
    tiers = _ids("tiers", values["tiers"], endpoint) if "tiers" in values else ()
    defaults = _defaults(values, tiers, endpoint)
    return Policy(
        file=file.absolute(),
        lines=_lines(text, table, within=file.name == _PROJECT),
        tiers=tiers,
        max_tokens=values.get("max_tokens"),
        budget=values.get("budget"),
        budget_per_cell=values.get("budget_per_cell"),
        **_shared(values, file),
        endpoint=endpoint,
        defaults=defaults,
        locked=_locked(values),
        contact=values.get("contact", ""),
    )


def _keep_secrets_out(text: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Raises for a key, without a character of it."""
    named = [
        name for name in table if _SECRET_NAME.fullmatch(name.replace("-", "_")) and name not in _READERS
    ]
    if named:
        raise _Wrong(
            _("{name}: a policy holds no key or password. `%glm login` takes it, or the environment").format(
                name=named[0]
            )
        )
    values = " ".join(str(value) for value in table.values())
    own = any(key.appears_in(text) for key in environment_keys(environ))
    if own or _SECRET.search(values) or "@" in urlsplit(str(table.get("endpoint", ""))).netloc:
        raise _Wrong(
            _("it holds what looks like an API key. Take it out, and change the key if others saw the file")
        )


def _check_names(table: Mapping[str, Any]) -> None:
    for name in table:
        if name not in _READERS:
            near = get_close_matches(name.replace("-", "_").lower()[:60], _READERS, n=1, cutoff=0.6)
            meant = _(" Did you mean {near}?").format(near=near[0]) if near else ""
            raise _Wrong(
                _("{name}: no setting of this name.{near} Known: {known}").format(
                    name=_bare(name), near=meant, known=", ".join(_READERS)
                )
            )


def _bare(name: str) -> str:
    return name if re.fullmatch(r"[\w-]{1,60}", name, re.ASCII) else _short(name)


def _defaults(values: Mapping[str, Any], tiers: tuple[str, ...], endpoint: str | None) -> Options:
    if values.get("hints") and "system" in values:
        raise _Wrong(_("hints: expected either hints = true or a system message of your own, got both"))
    tier = _ids("tier", (values["tier"],), endpoint)[0] if "tier" in values else None
    if tier is not None and tiers and tier not in tiers:
        raise _Wrong(
            _("tier: expected one of the allowed tiers ({tiers}), got {tier}").format(
                tiers=", ".join(tiers), tier=tier
            )
        )
    if tier is None and tiers:
        tier = DEFAULT_TIER if DEFAULT_TIER in tiers else tiers[0]
    options = Options(tier=tier, system=HINTS if values.get("hints") else None)
    given = ("system", "think", "temperature", "privacy", "mask")
    return replace(options, **{name: values[name] for name in given if name in values})


def _shared(values: Mapping[str, Any], file: Path) -> dict[str, Any]:
    if ("budget_shared" in values) != ("shared_file" in values):
        raise _Wrong(_("budget_shared: expected together with shared_file, the file that all spend from"))
    if "budget_shared" not in values:
        return {}
    place = file.absolute().parent / Path(values["shared_file"]).expanduser()
    return {"budget_shared": values["budget_shared"], "shared_file": place}


def _locked(values: Mapping[str, Any]) -> frozenset[str]:
    named = values.get("locked", ())
    lockable = (*DEFAULTS, *LIMITS, "hints")
    if named is True:
        named = [name for name in values if name in lockable]
    locked = {"system" if name == "hints" else name for name in named or () if name not in LIMITS}
    for name in named or ():
        if name not in lockable:
            raise _wrong("locked", _("names of settings"), name, lockable)
        if name not in values and not (name == "system" and values.get("hints")):
            raise _Wrong(_("locked: {name} is locked, and the file does not set it").format(name=name))
    if "system" in locked and values.get("hints") is False and "system" not in values:
        raise _Wrong(_("locked: hints is locked, and the file does not switch it on"))
    return frozenset(locked)


def _ids(name: str, given: tuple[str, ...], endpoint: str | None) -> tuple[str, ...]:
    """The ids of tiers; another server than the platform's may have any."""
    from glm_magics._embedding_models import embedding_models
    from glm_magics._tiers import tiers

    free = endpoint is not None and endpoint not in (*PLATFORMS, "demo") and "/paas/v4" not in endpoint
    embedding = {model.id for model in embedding_models()}
    found = []
    for tier in given:
        known = tiers().get(tier)
        if known is not None:
            found.append(known.id)
        elif free or tier in embedding:
            found.append(tier)
        else:
            try:
                tiers().find(tier)
            except UnknownTier as error:
                raise _Wrong(f"{name}: {error.message}") from None
    return tuple(dict.fromkeys(found))


def _lines(text: str, table: Mapping[str, Any], *, within: bool) -> dict[str, int]:
    """Where the names stand, in a file that is written as people write it."""
    found: dict[str, int] = {}
    inside = not within
    for number, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        if head and within:
            inside = head[1].replace(" ", "").replace('"', "") == "tool.glm_magics"
        name = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line)
        if inside and name and name[1] in table:
            found.setdefault(name[1], number)
    return found


# ------------------------------------------------------------------------------------------ the readers

Reader = Callable[[str, Any], Any]


def _short(value: Any) -> str:
    shown = repr(value) if not isinstance(value, Decimal) else str(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"


def _wrong(name: str, expected: str, got: Any, choices: tuple[str, ...] = ()) -> _Wrong:
    near = get_close_matches(got[:60], choices, n=1) if isinstance(got, str) else []
    if not near:
        return _Wrong(
            _("{name}: expected {expected}, got {came}").format(
                name=name, expected=expected, came=_short(got)
            )
        )
    return _Wrong(
        _("{name}: expected {expected}, got {came}. Did you mean {near}?").format(
            name=name, expected=expected, came=_short(got), near=near[0]
        )
    )


def _a_text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(name, _("a text"), value)
    return value.strip()


def _names(name: str, value: Any) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(each, str) and each.strip() for each in value)
    ):
        raise _wrong(name, _('a list of names, such as ["a", "b"]'), value)
    return tuple(each.strip() for each in value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, _("true or false"), value)
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not 0 <= value <= 1:
        raise _wrong(name, _("a number from 0.0 to 1.0"), value)
    return float(value)


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(name, _("a whole number, 1 or more"), value)
    return value


def _amount(name: str, value: Any) -> Decimal:
    fits = isinstance(value, (int, Decimal)) and not isinstance(value, bool) and Decimal(value).is_finite()
    if not fits or value <= 0 or Decimal(value).adjusted() > 12:
        raise _wrong(name, _("an amount of money above 0, such as 2.00"), value)
    return Decimal(value)


def _privacy(name: str, value: Any) -> str:
    if value not in PRIVACY_LEVELS:
        raise _wrong(name, ", ".join(PRIVACY_LEVELS), value, PRIVACY_LEVELS)
    return str(value)


def _endpoint(name: str, value: Any) -> str:
    choices = ("demo", *PLATFORMS)
    if value in choices:
        return str(value)
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        expected = _("{names}, or an address such as http://host:4000/v1").format(names=", ".join(choices))
        raise _wrong(name, expected, value, choices)
    if parts.netloc in BY_HOST and parts.scheme != "https":
        raise _wrong(name, _("an address that begins with https://"), value)
    return str(value).rstrip("/")


def _lock(name: str, value: Any) -> Any:
    return value if isinstance(value, bool) or value == [] else _names(name, value)


_READERS: dict[str, Reader] = {
    "tiers": _names,
    "tier": _a_text,
    "max_tokens": _count,
    "budget": _amount,
    "budget_per_cell": _amount,
    "budget_shared": _amount,
    "shared_file": _a_text,
    "hints": _flag,
    "system": _a_text,
    "think": _flag,
    "temperature": _number,
    "privacy": _privacy,
    "mask": _names,
    "endpoint": _endpoint,
    "locked": _lock,
    "contact": _a_text,
}
