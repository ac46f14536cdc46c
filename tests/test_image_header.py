"""Headers of images: the true size of every format, and no trust in files that are damaged or cut off."""

from __future__ import annotations

import base64
import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics.image_header import (
    MOST_IMAGE_TOKENS,
    ImageHeader,
    data_uri,
    format_of,
    header,
    image_bytes,
    image_tokens,
    is_address,
)
from tests.pictures import FORMATS, photo, picture


@pytest.mark.parametrize("size", [(1, 1), (640, 480), (333, 1777)])
@pytest.mark.parametrize(
    ("form", "options"),
    [*((form, {}) for form in FORMATS), ("JPEG", {"progressive": True}), ("WebP", {"lossless": True})],
)
def test_the_size_of_every_format_is_read(form: str, options: dict[str, bool], size: tuple[int, int]) -> None:
    found = header(picture(form, *size, **options))
    assert (found.format, found.width, found.height) == (form, *size)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_cut_off_anywhere_is_refused(form: str) -> None:
    whole = picture(form, 40, 30)
    for end in range(len(whole) - 1):
        with pytest.raises(ValueError, match=r"cut off|not a|damaged|no pixels"):
            header(whole[:end])


@given(st.binary(max_size=200), st.sampled_from(FORMATS), st.integers(0, 60))
def test_bytes_of_any_kind_are_an_image_or_a_value_error(noise: bytes, form: str, kept: int) -> None:
    for data in (noise, picture(form)[:kept] + noise):
        with suppress(ValueError):
            assert header(data).pixels > 0


def test_a_changed_png_header_is_noticed() -> None:
    data = bytearray(picture("PNG"))
    data[19] ^= 1  # the width
    with pytest.raises(ValueError, match="checksum"):
        header(bytes(data))


def test_a_size_of_nothing_is_refused() -> None:
    data = bytearray(picture("PNG"))
    data[16:20] = b"\0\0\0\0"
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(ValueError, match="no pixels"):
        header(bytes(data))


def test_what_else_is_inside_is_named() -> None:
    assert header(photo()).metadata == ("EXIF",)
    assert header(picture("WebP", exif=b"Exif\0\0MM\0*")).metadata == ("EXIF",)
    assert header(picture("JPEG")).metadata == ()


def test_a_data_uri_and_bare_base64_hold_the_same_image() -> None:
    data = picture("JPEG")
    uri = data_uri(data)
    assert uri.startswith("data:image/jpeg;base64,")
    assert image_bytes(uri) == image_bytes(base64.b64encode(data).decode()) == data
    assert not is_address(uri)
    for bad in ("https://a.example/x.png", "data:image/png;base64,@@@", "not base64!", "data:text/html,x"):
        with pytest.raises(ValueError, match="base64"):
            image_bytes(bad)


def test_a_name_and_a_type_do_not_count_the_bytes_do() -> None:
    assert format_of(b"%PDF-1.7") is None
    assert header(image_bytes("data:image/png;base64," + base64.b64encode(picture("GIF")).decode())) == (
        ImageHeader("GIF", 64, 48)
    )


@pytest.mark.parametrize(
    ("size", "least", "most"),
    [
        # squares of 28 pixels, as the open models count: 640 × 480 is scaled to 644 × 476, 23 × 17 squares
        ((640, 480), 23 * 17, 23 * 18 + 2),
        ((28, 28), 8, 20),
        ((6000, 6000), 6144, MOST_IMAGE_TOKENS),
        ((10, 1000), 100, 104),
    ],
)
def test_tokens_follow_the_size_and_are_rather_too_many(size: tuple[int, int], least: int, most: int) -> None:
    assert least <= image_tokens(*size) <= most
    assert image_tokens(*size) == image_tokens(*reversed(size))
