"""SVG becomes pixels where the user has a renderer; what a drawing links to is left out."""

from __future__ import annotations

import re

from glm_magics.errors import RequestError

__all__ = ["drawn", "is_svg"]

_COMMENT = rb"<!--(?:(?!-->).){0,2000}-->"
_HEAD = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>)?(?:\s|"
    + _COMMENT
    + rb"|<!DOCTYPE[^>\[]{0,300}>)*<svg[\s>]",
    re.DOTALL,
)
_ROOT = re.compile(rb"<svg\b[^>]{0,4000}>")
_NUMBER = rb"([0-9.eE+-]{1,20})"
_LENGTH = re.compile(rb"\s(?:width|height)\s*=\s*[\"']\s*" + _NUMBER + rb"\s*([a-z]{0,2})")
_BOX = re.compile(rb"\sviewBox\s*=\s*[\"']\s*\S+[\s,]+\S+[\s,]+" + _NUMBER + rb"[\s,]+" + _NUMBER)
_UNITS = {b"": 1.0, b"px": 1.0, b"pt": 1.34, b"mm": 3.78, b"pc": 16.0, b"cm": 37.8, b"in": 96.0}  # in pixels
_LONGEST_SIDE = 6_000
_HEAD_BYTES = 8_000


def is_svg(data: bytes) -> bool:
    return _HEAD.match(data[:_HEAD_BYTES]) is not None


def drawn(data: bytes, name: str) -> bytes:
    """The drawing as PNG. Raises `RequestError` without CairoSVG, and for what it cannot draw."""
    try:
        import cairosvg
    except (ImportError, OSError):  # OSError: the package is there, the cairo library is not
        raise RequestError(
            f"{name} is SVG, and a model sees pixels only; drawing it needs CairoSVG.",
            hint="`pip install cairosvg` (it uses the system's cairo library), or save it as PNG.",
        ) from None
    _check_size(data, name)
    try:
        png = cairosvg.surface.PNGSurface.convert(bytestring=data, url_fetcher=_own)
    except Exception as error:  # whatever a parser or a renderer raises for a drawing it cannot read
        reason = f"{type(error).__name__}: {error}"[:200]
    else:
        return bytes(png)
    raise RequestError(f"{name} cannot be drawn ({reason}).", hint="Save it as PNG, and pass that.")


def _check_size(data: bytes, name: str) -> None:
    root = _ROOT.search(data[:_HEAD_BYTES])
    sides = [_number(n) * _UNITS.get(unit, 96.0) for n, unit in _LENGTH.findall(root[0])] if root else []
    box = _BOX.search(root[0]) if root and len(sides) < 2 else None
    sides += [_number(n) for n in box.groups()] if box else []
    if not root or not all(side <= _LONGEST_SIDE for side in sides):
        size = " × ".join(f"{side:g}" for side in sides) or "unknown size"
        raise RequestError(
            f"{name} is a drawing of {size}; {_LONGEST_SIDE:,} pixels is the longest side that is drawn.",
            hint="Give its <svg> a smaller width and height. Nothing was sent.",
        )


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")  # no number compares as small


def _own(url: str, resource_type: str = "") -> bytes:
    """What a drawing links to, where it holds that itself; else nothing is read or loaded for it."""
    if not url.startswith("data:"):
        return b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
    from urllib.request import urlopen

    with urlopen(url) as held:
        return bytes(held.read())
