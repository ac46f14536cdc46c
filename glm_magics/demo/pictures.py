"""The images of a request, looked at as the platform does: whole, of a known format, within the limits.

Formats, sizes and counts are those of the tier (docs.z.ai and docs.bigmodel.cn, chat completion with
vision). The platform's words for a refusal are not documented; its code for wrong parameters is 1210. An
image at an address is not loaded, since the demo opens no connection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from glm_magics._tier import Tier
from glm_magics.demo.refusals import Refusal, refuse
from glm_magics.image_header import MOST_IMAGE_TOKENS, header, image_bytes, image_tokens, is_address

__all__ = ["Picture", "check_pictures", "picture_at"]

MOST_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that came in: its true size in pixels, its bytes, a digest; or only its `address`."""

    format: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    digest: str = ""
    address: str = ""

    @property
    def tokens(self) -> int:
        return MOST_IMAGE_TOKENS if self.address else image_tokens(self.width, self.height)


def picture_at(url: str, where: str) -> Picture:
    """The image in an image part. Raises `Refusal` for what is none, damaged or cut off."""
    if is_address(url):
        return Picture(address=url, digest=url)
    try:
        data = image_bytes(url)
        found = header(data)
    except ValueError as error:
        raise _wrong(where, str(error)) from None
    if found.pixels > MOST_PIXELS:
        raise _wrong(where, f"{found.width} × {found.height} pixels is too large")
    digest = hashlib.sha256(data).hexdigest()
    return Picture(found.format, found.width, found.height, len(data), digest)


def check_pictures(pictures: Sequence[Picture], tier: Tier, currency: str) -> None:
    """Raises `Refusal` for images that `tier` does not take on the platform that bills in `currency`."""
    limits = tier.images
    most = limits.most(currency)
    if most is not None and len(pictures) > most:
        raise _wrong("messages", f"{tier.id} takes at most {most} images, not {len(pictures)}")
    for picture in pictures:
        if picture.address:
            continue
        if limits.base64 is False:
            raise _wrong("image_url", f"{tier.id} takes images by their address only, not as base64")
        if limits.formats and picture.format not in limits.formats:
            raise _wrong("image_url", f"{picture.format} is not one of {', '.join(limits.formats)}")
        if limits.bytes is not None and picture.bytes > limits.bytes:
            raise _wrong("image_url", f"{picture.bytes} bytes, more than {limits.bytes}")
        if limits.side is not None and max(picture.width, picture.height) > limits.side:
            size = f"{picture.width} × {picture.height}"
            raise _wrong("image_url", f"{size} pixels, more than {limits.side} × {limits.side}")


def _wrong(where: str, reason: str) -> Refusal:
    return refuse("1210", f"Incorrect parameter `{where}`: the image cannot be used: {reason}.")
