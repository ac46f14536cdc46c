"""A value of the notebook as an image part: figures, pictures, arrays, bytes, files, SVG."""

from __future__ import annotations

import io
from collections.abc import Callable
from os import PathLike, fspath
from typing import Any

from glm_magics.chat import ImagePart
from glm_magics.errors import RequestError
from glm_magics.image_header import data_uri, format_of, header, image_bytes, is_address
from glm_magics.images import files, pixels, svg

__all__ = ["MOST_PIXELS", "image", "is_picture"]

MOST_PIXELS = 50_000_000  # more is taken for a decompression bomb: 200 MB and more when it is unpacked
_TAKEN = (
    "Images are matplotlib figures and axes, PIL images, numpy arrays (H×W, H×W×3, H×W×4), PNG, JPEG, GIF, "
    "WebP and SVG as bytes or paths, and IPython's Image and SVG."
)


def is_picture(value: Any) -> bool:
    """Whether `value` can only be meant as an image: by its type, the first bytes, or the shape of an array.

    A matrix is numbers and a text may be anything, so those are images only where they are asked for as such.
    """
    read = _reader(value)
    if read is _read_bytes:
        return format_of(bytes(value[:16])) is not None
    return read is not None and (read is not _array or pixels.is_coloured(value))


def image(value: Any, name: str = "", *, fetch: bool = False) -> ImagePart:
    """`value` as an image for a message. `name` is what notes and errors call it.

    Text is a path, SVG, a data URI, or an address (`https://…`), which is loaded only with `fetch`. Raises
    `RequestError` for what is no image, damaged, cut off, or of more than 50 million pixels.
    """
    if type(value) is ImagePart:
        return value
    if _is_path(value) or (issubclass(type(value), str) and not _is_inline(value)):
        return _part(_named(fspath(value), fetch), name or files.short(fspath(value)))
    read = _inline if issubclass(type(value), str) else _reader(value)
    if read is None:
        raise RequestError(f"{name or 'This'} is a {type(value).__name__}, which is no image.", hint=_TAKEN)
    return _part(read(value, name or "the image"), name)


def _part(data: bytes, name: str) -> ImagePart:
    shown = name or "the image"
    try:
        found = header(data)
    except ValueError as error:
        raise RequestError(f"{shown} cannot be sent: {error}.", hint=_TAKEN) from None
    if found.pixels > MOST_PIXELS:
        size = f"{found.width:,} × {found.height:,}"
        raise RequestError(
            f"{shown} says that it is {size} pixels; {MOST_PIXELS:,} is the most that is unpacked.",
            hint="Scale it down first. Nothing was sent.",
        )
    note = f"{shown} went out as it is, with its {' and '.join(found.metadata)}." if found.metadata else ""
    return ImagePart(data_uri(data), name=name, note=note)


# ---------------------------------------------------------------------------------------- by type of value

_Read = Callable[[Any, str], bytes]


def _reader(value: Any) -> _Read | None:
    """How a value of this type becomes bytes of an image. Only classes are looked at, by their names."""
    if issubclass(type(value), (bytes, bytearray, memoryview)):
        return _read_bytes
    for kind in type(value).__mro__:
        found = _READERS.get((kind.__module__.partition(".")[0], kind.__name__))
        if found is not None:
            return found
    return None


def _is_path(value: Any) -> bool:
    return issubclass(type(value), PathLike)


def _read_bytes(value: bytes | bytearray | memoryview, name: str) -> bytes:
    return _drawn(bytes(value), name)


def _is_inline(text: str) -> bool:
    """Whether a text is an image itself, and not the name of one."""
    return text[:5].lower() == "data:" or svg.is_svg(text.encode("utf-8", "replace"))


def _inline(text: str, name: str) -> bytes:
    if text[:5].lower() != "data:":
        return svg.drawn(text.encode("utf-8", "replace"), name)
    try:
        return image_bytes(text)
    except ValueError as error:
        raise RequestError(f"{name} is no data URI of an image: {error}.", hint=_TAKEN) from None


def _named(place: str, fetch: bool) -> bytes:
    """The image at a path, or at an address where that is allowed."""
    if is_address(place):
        return _fetched(place, fetch)
    return _drawn(files.read(place), files.short(place))


def _drawn(data: bytes, name: str) -> bytes:
    return svg.drawn(data, name) if format_of(data) is None and svg.is_svg(data) else data


def _fetched(address: str, allowed: bool) -> bytes:
    if not allowed:
        raise RequestError(
            f"{files.short(address)} is an address, and nothing is loaded from the network by itself.",
            hint="Add --fetch (fetch=True in Python) to load it, or save it and pass the path.",
        )
    from glm_magics.images.fetch import fetch

    return _drawn(fetch(address), files.short(address))


def _figure(value: Any, name: str) -> bytes:
    """A figure as it would be saved, with its own resolution; axes stand for the figure they are in."""
    figure = value
    while not hasattr(type(figure), "savefig"):
        figure = figure.figure
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _pillow(picture: Any, name: str) -> bytes:
    buffer = io.BytesIO()
    plain = picture if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else picture.convert("RGB")
    plain.save(buffer, "PNG", icc_profile=None)
    return buffer.getvalue()


def _ipython_image(shown: Any, name: str) -> bytes:
    if shown.data is None:
        raise RequestError(
            f"{name} shows an address and holds no image.",
            hint="Pass the address itself, with --fetch (fetch=True in Python).",
        )
    if isinstance(shown.data, str):  # base64, as a notebook stores it
        return _inline(f"data:image/png;base64,{shown.data}", name)
    return _drawn(bytes(shown.data), name)


def _ipython_svg(shown: Any, name: str) -> bytes:
    return svg.drawn(shown.data.encode() if isinstance(shown.data, str) else bytes(shown.data), name)


def _array(array: Any, name: str) -> bytes:
    return pixels.png(array, name)


_READERS: dict[tuple[str, str], _Read] = {
    ("matplotlib", "FigureBase"): _figure,
    ("matplotlib", "_AxesBase"): _figure,
    ("PIL", "Image"): _pillow,
    ("IPython", "Image"): _ipython_image,
    ("IPython", "SVG"): _ipython_svg,
    ("numpy", "ndarray"): _array,
}
