"""Keys in a text: the user's own, however they are written, and those whose shape says what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from glm_magics._lang import N_, _
from glm_magics.cassette.secrets import secret_in
from glm_magics.keys import PLATFORM_KEY, ApiKey, unwrapped
from glm_magics.local_files import PRIVATE_KEY
from glm_magics.sharing.finding import Finding, masked
from glm_magics.sharing.parts import Part

__all__ = ["keys_in"]

_OWN = N_("revoke the key on the platform's key page, make a new one, and clear this")
_FOREIGN = N_("revoke it where it was made, and clear this")
_LEAST_LETTERS = 8  # different ones: sk-xxxxxxxx of an example has fewer


class _Shape(NamedTuple):
    name: str
    pattern: re.Pattern[str]


def _shape(name: str, pattern: str) -> _Shape:
    return _Shape(name, re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])"))


# The forms that the vendors document, or write in the keys of their consoles (read 2026-11).
_SHAPES = (
    _shape(N_("a key of Zhipu / Z.ai"), PLATFORM_KEY),
    _shape(N_("a key that begins with sk-"), r"sk-(?=[\w-]*\d)(?:[a-z]+-|[a-z]+\d+-)*[A-Za-z0-9_-]{20,}"),
    _shape(N_("an access key of AWS"), r"(?:AKIA|ASIA)[A-Z2-7]{16}"),
    _shape(N_("a token of GitHub"), r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,}"),
    _shape(N_("a token of GitLab"), r"glpat-[\w-]{20,}"),
    _shape(N_("a token of Hugging Face"), r"hf_[A-Za-z0-9]{34,}"),
    _shape(N_("a token of Slack"), r"xox[abeoprs]-\d[\w-]{20,}"),
    _shape(N_("a key of Google"), r"AIza[\w-]{35}"),
    _shape(N_("a key of Stripe"), r"[rs]k_live_[A-Za-z0-9]{20,}"),
    _shape(N_("a token of npm"), r"npm_[A-Za-z0-9]{36}"),
    _shape(N_("a token of PyPI"), r"pypi-AgEI[\w-]{50,}"),
    _shape(N_("a bearer token"), r"(?i:bearer)\s+(?=[\w.~+/=-]*\d)[\w.~+/=-]{20,}"),
)
_NAMED = re.compile(  # aws_secret_access_key = "…", "api_key": "…", PASSWORD=…
    r"(?i:secret_?access_?key|api_?key|auth_?token|access_?token|client_?secret|secret_?key|passwo?r?d)"
    r"[\"']?\s*[=:]\s*[\"'](?=[^\"']*\d)(?=[^\"']*[A-Za-z])([\w.~+/=-]{16,200})[\"']"
)
_IN_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+]{1,15}://[^\s:/@\"'<>{}$]{0,60}:([^\s:/@\"'<>{}$*]{3,100})@[\w.-]+"
)
_PLACEHOLDERS = re.compile(
    r"(?i)example|placeholder|your[_-]|dummy|changeme|x{6}|\bpass(?:word|wd)?\b|\bsecret\b"
)
_PRIVATE_KEY = re.compile(PRIVATE_KEY)


def keys_in(part: Part, keys: Sequence[ApiKey]) -> Iterator[Finding]:
    """Findings for the keys in a part: `keys` are the user's own. None of them quotes a key."""
    plain = unwrapped(part.text)
    own = [key for key in keys if key.hides_in(part.text, plain)]
    for key in own:
        yield Finding(
            "error",
            part.cell,
            part.where,
            _("your API key (from {source}) or a half of it").format(source=key.source),
            _(_OWN),
        )
    if part.is_binary:
        return
    views = list(dict.fromkeys((part.text, plain)))
    seen: set[str] = set()
    for view in views:
        for name, secret in _shaped(view):
            is_told = any(secret in other or other in secret for other in seen)
            if not is_told and not any(key.hides_in(secret) for key in own):
                seen.add(secret)
                yield Finding("error", part.cell, part.where, name, _(_FOREIGN), masked(secret))
    if not seen and not own:
        other = secret_in(views, ())
        if other:
            yield Finding("error", part.cell, part.where, other, _(_FOREIGN))


def _shaped(text: str) -> Iterator[tuple[str, str]]:
    for name, pattern in _SHAPES:
        for found in pattern.finditer(text):
            if _is_real(found[0]):
                yield _(name), found[0]
    for found in _NAMED.finditer(text):
        if _is_real(found[1]):
            yield _("a value that is named a secret"), found[1]
    for found in _IN_ADDRESS.finditer(text):
        if not _PLACEHOLDERS.search(found[1]):
            yield _("a password in an address"), found[1]
    if _PRIVATE_KEY.search(text):
        yield _("a private key"), "-----BEGIN"


def _is_real(secret: str) -> bool:
    return len(set(secret)) >= _LEAST_LETTERS and not _PLACEHOLDERS.search(secret)
