"""The language of what a person reads: source strings are English, a gettext catalog has the others.

`_("… {name} …").format(name=…)` translates when it runs; `N_` marks a constant for `_` to translate where it
is used. The language is GLM_LANG (en, zh, zh_CN, zh-Hans), else the one of the locale as POSIX orders its
variables; what has no catalog is English. Names for programs (columns, statuses, options) are not marked.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["N_", "_", "language_of", "use"]

LANGUAGES = ("en", "zh")
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")

_translate: Callable[[str], str] | None = None  # not chosen yet
_catalogs: dict[str, Callable[[str], str]] = {"en": str}
_loading = threading.Lock()


def _(message: str) -> str:
    """`message` in the language of this session."""
    translate = _translate or use()
    return translate(message) if message else ""  # gettext keeps its header under the empty message


def N_(message: str) -> str:
    """Mark a constant for the catalog, and leave it as it is."""
    return message


def use(language: str = "") -> Callable[[str], str]:
    """Messages are in `language`, one of LANGUAGES, from now on; "" for that of the environment."""
    global _translate
    _translate = _catalog(language or _wanted(os.environ))
    return _translate


def language_of(name: str) -> str | None:
    """ "zh" for zh, zh_CN.UTF-8, zh-Hans, …; None where there is no catalog for it."""
    code = name.replace("-", "_").lower().partition("_")[0].partition(".")[0]
    return code if code in LANGUAGES else None


def _wanted(environ: Mapping[str, str]) -> str:
    names = (environ.get(variable, "").strip() for variable in ("GLM_LANG", *_LOCALE))
    return language_of(next(filter(None, names), "")) or "en"


def _catalog(language: str) -> Callable[[str], str]:
    with _loading:
        if language not in _catalogs:
            import gettext  # not needed for English

            folder = Path(__file__).parent / "locale"
            _catalogs[language] = gettext.translation("glm_magics", folder, [language]).gettext
        return _catalogs[language]
