"""A numpy array as a PNG: height × width, × 3 for colours, × 4 with transparency. No image library needed."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from glm_magics.errors import RequestError

__all__ = ["is_coloured", "png"]

_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> colour type (PNG specification, 11.2.2)
_TAKEN = "An image array is height × width, or × 3 or × 4, of whole numbers 0 to 255 or of floats 0 to 1."


def is_coloured(array: Any) -> bool:
    """Whether an array has the type, shape and range of a colour image."""
    if type(array).__name__ != "ndarray" or array.ndim != 3 or array.shape[2] not in (3, 4) or not array.size:
        return False
    return bool(array.dtype == "uint8" or (array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1))


def png(array: Any, name: str) -> bytes:
    """The array as PNG bytes. Raises `RequestError` for a shape or for values that are no image's."""
    import numpy as np

    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _COLOURS) or not array.size:
        shape = " × ".join(map(str, array.shape)) or "a single number"
        raise RequestError(f"{name} is an array of {shape}, which is no image.", hint=_TAKEN)
    values = np.ascontiguousarray(_bytes(array, name))
    height, width = values.shape[:2]
    colour = _COLOURS[values.shape[2] if values.ndim == 3 else 1]
    rows = values.reshape(height, -1)
    lines = np.zeros((height, rows.shape[1] + 1), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = rows
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    body = zlib.compress(lines.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _bytes(array: Any, name: str) -> Any:
    import numpy as np

    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if array.dtype.kind not in "uif" or not np.isfinite(array).all():
        raise RequestError(f"{name} has values that are no colours ({array.dtype}).", hint=_TAKEN)
    low, high = array.min(), array.max()
    most = 1 if array.dtype.kind == "f" else 255
    if low < 0 or high > most:
        raise RequestError(
            f"{name} has values from {low:g} to {high:g}; expected 0 to {most}.",
            hint=f"{_TAKEN} To show a matrix, draw it: plt.imshow(…).",
        )
    return np.rint(array * 255).astype(np.uint8) if most == 1 else array.astype(np.uint8)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
