"""`demo://` addresses: the engine's settings as the options of a URL.

demo://?fault=once:1302&pace=0&level=V1&currency=USD&key=my-key
demo://?slips=glm-4.5-air:wrong:0.1,glm-4.5-air:unsure:0.05
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from glm_magics.demo.engine import Engine
from glm_magics.errors import SettingError

__all__ = ["connect_transport", "engine_from_url", "settings"]


def settings(url: str) -> dict[str, Any]:
    """The arguments for `Engine` that a `demo://` address names. Raises `SettingError` for a bad one."""
    parts = urlsplit(url)
    if parts.scheme != "demo":
        raise SettingError(
            f"expected a demo:// address, got {url!r}", hint="Write demo:// or demo://?pace=0."
        )
    found: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise _unknown(name)
        argument, read = _OPTIONS[name]
        found[argument] = read(value)
    return found


def engine_from_url(url: str) -> Engine:
    """An engine with the settings of a `demo://` address."""
    return Engine(**settings(url))


def connect_transport(url: str) -> Any:
    """A `DemoTransport` on a new engine with the settings of a `demo://` address."""
    from glm_magics.demo.transport import DemoTransport

    return DemoTransport(engine_from_url(url))


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise SettingError(
            f"{name}: expected a number, got {value!r}", hint="1 is realistic, 0 waits for nothing."
        ) from None


def _whole(name: str, value: str) -> int:
    if value.isascii() and value.isdigit() and int(value) > 0:
        return int(value)
    raise SettingError(f"{name}: expected a whole number above 0, got {value!r}")


def _keys(value: str) -> tuple[str, ...] | None:
    return None if value == "*" else (value,)


_OPTIONS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "fault": ("fault", str),
    "pace": ("pace", lambda value: _number("pace", value)),
    "level": ("level", lambda value: value if value == "z.ai" else value.upper()),
    "currency": ("currency", str.upper),
    "key": ("keys", _keys),
    "limit": ("most_in_flight", lambda value: _whole("limit", value)),
    "slips": ("slips", str),
    "seconds": ("answer_seconds", lambda value: _number("seconds", value)),
}


def _unknown(name: str) -> SettingError:
    near = get_close_matches(name, _OPTIONS, n=1)
    guess = f": did you mean {near[0]}?" if near else ""
    return SettingError(
        f"{name!r} is not an option of the demo{guess}",
        hint=f"Options: {', '.join(_OPTIONS)} (key=* takes any key).",
    )
