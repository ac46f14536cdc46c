"""`{{name}}` in a prompt becomes the value of that name: plain names, data only, filled once.

A name is looked up in the mapping that is passed in and nowhere else; no attribute, index, call or filter can
be reached, and what a value says is never read as a template again. All other braces are text, so code, JSON
and LaTeX need no escape; `\\{{name}}` keeps the braces of a name.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from pathlib import PurePath
from typing import Any, TypeVar
from uuid import UUID

from glm_magics._lang import N_, _
from glm_magics.errors import TemplateError

__all__ = [
    "MOST_CHARACTERS",
    "data_names",
    "fill",
    "left_as_text",
    "look_up",
    "names",
    "pieces",
    "show_value",
    "too_long",
]

_SLOT = re.compile(r"(\\?)\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}")
_LOOKALIKE = re.compile(r"(?<!\\)\{\{[ \t]*([^\W\d]\w*)[^{}\n]{0,80}\}\}")
_HIDDEN = frozenset({"In", "Out", "get_ipython", "exit", "quit"})
_PLAIN = (
    str,
    bool,
    int,
    float,
    complex,
    type(None),
    Decimal,
    Fraction,
    date,
    datetime,
    time,
    timedelta,
    PurePath,
    UUID,
)
MOST_CHARACTERS = 2_000_000
_TOO_LONG_HINT = N_("Attach less, or put the long part in with --input, which keeps to a token budget.")

Show = Callable[[str, Any], str]
_T = TypeVar("_T")


def names(text: str) -> tuple[str, ...]:
    """The names that `text` asks for, each once, in their order."""
    return tuple(dict.fromkeys(name for escape, name in _SLOT.findall(text) if not escape))


def left_as_text(text: str, namespace: Mapping[str, Any]) -> tuple[str, ...]:
    """What looks like a slot but is none, though it begins with a name that is there: `{{df.shape}}`."""
    found = (match for match in _LOOKALIKE.finditer(text) if not _SLOT.fullmatch(match[0]))
    return tuple(dict.fromkeys(match[0] for match in found if match[1] in namespace))


def fill(text: str, namespace: Mapping[str, Any], *, show: Show | None = None) -> str:
    """`text` with every `{{name}}` in place, in one pass.

    `show` turns a value into its text (`show_value`, unless given). Raises `TemplateError` for a name that is
    not there, hidden (`_name`, `In`, `Out`) or not data.
    """
    return "".join(pieces(text, namespace, show=show or show_value))


def pieces(
    text: str, namespace: Mapping[str, Any], *, show: Callable[[str, Any], str | _T]
) -> list[str | _T]:
    """As `fill`, in pieces: the text between the slots, and for each slot what `show` made of its value."""
    found: list[str | _T] = []
    end = 0
    for slot in _SLOT.finditer(text):
        escape, name = slot.groups()
        found.append(text[end : slot.start()])
        found.append(slot[0][1:] if escape else show(name, look_up(name, namespace)))
        end = slot.end()
    found.append(text[end:])
    characters = sum(len(piece) for piece in found if isinstance(piece, str))
    if characters > MOST_CHARACTERS:
        raise too_long(characters)
    return found


def too_long(characters: int) -> TemplateError:
    """The error about a prompt of more than `MOST_CHARACTERS`."""
    return TemplateError(
        _("The prompt would have {characters:,} characters; {most:,} is the most.").format(
            characters=characters, most=MOST_CHARACTERS
        ),
        hint=_(_TOO_LONG_HINT),
    )


def look_up(name: str, namespace: Mapping[str, Any]) -> Any:
    """The value of a name that a prompt may use. Raises `TemplateError` for a hidden or a missing one."""
    if name.startswith("_") or name in _HIDDEN or keyword.iskeyword(name):
        raise TemplateError(
            _(
                "{{{{{name}}}}} is not filled: names that begin with _, In and Out stay in the notebook."
            ).format(name=name),
            hint=_("Bind the value to a name of its own first."),
        )
    if name not in namespace:
        near = get_close_matches(name, data_names(namespace), n=3)
        raise TemplateError(
            _("{{{{{name}}}}} is not defined in this notebook.").format(name=name),
            hint=(_("Did you mean {names}? ").format(names=", ".join(near)) if near else "")
            + _("Use --raw to send the braces as they are, or \\{{ for one of them."),
        )
    return namespace[name]


def data_names(namespace: Mapping[str, Any]) -> list[str]:
    """The names a template may use, for completion and suggestions."""
    return [
        name
        for name, value in namespace.items()
        if isinstance(name, str) and not name.startswith("_") and name not in _HIDDEN and is_data(value)
    ]


def is_data(value: Any) -> bool:
    """Whether a value is of a kind that may stand in a prompt. Looks at types only, never into the value."""
    kinds = (*_PLAIN, list, tuple, dict, set, frozenset)
    return _is(value, kinds) or _is_array_like(value) or _is_picture(value)


def _is(value: Any, kinds: tuple[type, ...]) -> bool:
    """As `isinstance`, which asks a value for its `__class__` and so runs its code."""
    return issubclass(type(value), kinds)


def _is_array_like(value: Any) -> bool:
    home = type(value).__module__.partition(".")[0]
    return (
        home in ("pandas", "numpy", "polars", "pyarrow") and not _is(value, (type,)) and not callable(value)
    )


_PICTURES = {("matplotlib", "FigureBase"), ("matplotlib", "_AxesBase"), ("PIL", "Image")}


def _is_picture(value: Any) -> bool:
    """Figures and pictures, which a prompt takes as images (`glm_magics.images`)."""
    kinds = ((kind.__module__.partition(".")[0], kind.__name__) for kind in type(value).__mro__)
    return not _PICTURES.isdisjoint(kinds)


def show_value(name: str, value: Any) -> str:
    """The text of a value: strings as they are, lists and dicts as JSON, pandas and numpy as they print.

    Raises `TemplateError` for what is not data: functions, modules, classes, objects.
    """
    try:
        return _shown(name, value)
    except ValueError as error:  # an int of more digits than Python writes out
        reason = str(error).partition(";")[0]
    raise TemplateError(
        _("{{{{{name}}}}} cannot be written as text: {reason}.").format(name=name, reason=reason)
    )


def _shown(name: str, value: Any) -> str:
    if _is(value, _PLAIN):
        return str(value)
    if _is(value, (list, tuple, dict, set, frozenset)):
        return json.dumps(_Nested(name).plain(value), ensure_ascii=False)
    if _is_array_like(value):
        return str(value)
    raise _not_data(name, value)


class _Nested:
    """Lists and dicts as JSON takes them, as long as they are data and no larger than a prompt may be.

    The size is counted on the way, because a few lists that share each other can stand for billions of items.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._room = MOST_CHARACTERS

    def plain(self, value: Any, depth: int = 0) -> Any:
        if depth > 50:
            raise TemplateError(
                _("{{{{{name}}}}} is nested more than 50 deep, or holds itself.").format(name=self._name)
            )
        self._count(2)  # no item is shorter, with its comma
        if _is(value, (dict,)):
            return {self._key(key): self.plain(item, depth + 1) for key, item in value.items()}
        if _is(value, (list, tuple, set, frozenset)):
            return [self.plain(item, depth + 1) for item in value]
        if value is None or _is(value, (bool, int, float)):
            return value
        if _is(value, _PLAIN) or _is_array_like(value):
            text = str(value)
            self._count(len(text))
            return text
        raise _not_data(self._name, value)

    def _key(self, key: Any) -> str:
        if not _is(key, _PLAIN):
            raise _not_data(self._name, key)
        return str(key)

    def _count(self, characters: int) -> None:
        self._room -= characters
        if self._room < 0:
            raise TemplateError(
                _("{{{{{name}}}}} has more than {most:,} characters, the most of a prompt.").format(
                    name=self._name, most=MOST_CHARACTERS
                ),
                hint=_(_TOO_LONG_HINT),
            )


def _not_data(name: str, value: Any) -> TemplateError:
    return TemplateError(
        _("{{{{{name}}}}} is a {kind}, which is not data.").format(name=name, kind=type(value).__name__),
        hint=_("A prompt takes text, numbers, dates, lists, dicts, DataFrames, Series, arrays and images."),
    )
