"""Small images in every format, for the tests."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

FORMATS = ("PNG", "JPEG", "GIF", "WebP")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="50" height="40"><rect width="9" height="9"/></svg>'


def picture(form: str = "PNG", width: int = 64, height: int = 48, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(buffer, form, **options)
    return buffer.getvalue()


def noise(form: str = "PNG", width: int = 640, height: int = 480) -> bytes:
    """A picture that no format packs well."""
    values = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, form)
    return buffer.getvalue()


def photo() -> bytes:
    """A JPEG with a place in its EXIF data, lying on its side: 60 × 40 as stored, 40 × 60 when seen."""
    about = Image.Exif()
    about[0x0112] = 6  # turn right to see it upright
    about[0x010F] = "a camera"
    return picture("JPEG", 60, 40, exif=about)
