"""The images of a request within the limits of its tier: scaled and converted with Pillow, and said so."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from glm_magics._tier import Tier
from glm_magics.chat import ContentPart, ImagePart, Message
from glm_magics.errors import RequestError
from glm_magics.image_header import ImageHeader, data_uri, header, image_bytes, is_address

__all__ = ["fitted"]

_STEPS = 8  # how often an image is made smaller until it has few enough bytes


def fitted(messages: Iterable[Message], tier: Tier) -> tuple[Message, ...]:
    """The messages with images that `tier` takes. Raises `RequestError` where one cannot be made to fit."""
    return tuple(_message(message, tier) for message in messages)


def _message(message: Message, tier: Tier) -> Message:
    if isinstance(message.content, str):
        return message
    parts: tuple[ContentPart, ...] = tuple(
        _image(part, tier) if isinstance(part, ImagePart) else part for part in message.content
    )
    return replace(message, content=parts)


def _image(part: ImagePart, tier: Tier) -> ImagePart:
    if is_address(part.url):
        return part
    name = part.name or "the image"
    try:
        data = image_bytes(part.url)
        found = header(data)
    except ValueError as error:
        raise RequestError(f"{name} cannot be sent: {error}.", hint="Nothing was sent.") from None
    wrong = _too_much(data, found, tier)
    if not wrong:
        return part
    smaller = _reencoded(data, found, tier, name, wrong)
    now = header(smaller)
    return ImagePart(data_uri(smaller), name=part.name, note=_note(name, found, now, tier))


def _too_much(data: bytes, found: ImageHeader, tier: Tier) -> str:
    """What about an image is outside the limits, in words; "" when nothing is."""
    limits = tier.images
    if limits.side is not None and max(found.width, found.height) > limits.side:
        return f"{found.width:,} × {found.height:,} pixels, and {tier.id} takes sides up to {limits.side:,}"
    if limits.bytes is not None and len(data) > limits.bytes:
        return f"{len(data):,} bytes, and {tier.id} takes up to {limits.bytes:,}"
    if limits.formats and found.format not in limits.formats:
        return f"{found.format}, and {tier.id} takes {' and '.join(limits.formats)}"
    return ""


def _note(name: str, before: ImageHeader, now: ImageHeader, tier: Tier) -> str:
    changes = []
    if now.format != before.format:
        changes.append(f"converted from {before.format} to {now.format}")
    if sorted((now.width, now.height)) != sorted((before.width, before.height)):
        was, size = (f"{h.width:,} × {h.height:,}" for h in (before, now))
        changes.append(f"scaled from {was} to {size} pixels")
    if before.format == "GIF":
        changes.append("its first picture only")
    said = ", ".join(changes) or "packed anew with less detail"
    return f"{name} was changed to fit {tier.id}: {said}; metadata was left out."


def _reencoded(data: bytes, found: ImageHeader, tier: Tier, name: str, wrong: str) -> bytes:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise RequestError(
            f"{name} is {wrong}; changing it needs Pillow.",
            hint='`pip install "glm-magics[images]"`, or change it yourself. Nothing was sent.',
        ) from None
    try:
        with Image.open(io.BytesIO(data), formats=[found.format.upper()]) as opened:
            upright = ImageOps.exif_transpose(opened) or opened
            picture = upright.convert(
                "RGBA" if "A" in upright.getbands() or "transparency" in opened.info else "RGB"
            )
    except Exception as error:  # Pillow raises what its decoders raise
        reason = f"{type(error).__name__}: {error}"[:200]
    else:
        return _within(picture, found.format == "JPEG", tier, name)
    raise RequestError(f"{name} is damaged and cannot be unpacked ({reason}).", hint="Nothing was sent.")


def _within(picture: Any, photo: bool, tier: Tier, name: str) -> bytes:
    """The picture as PNG, or JPEG where it was one or would be too large; ever smaller until it fits."""
    limits = tier.images
    side = limits.side or max(picture.size)
    most = limits.bytes or float("inf")
    for _ in range(_STEPS):
        picture.thumbnail((side, side))  # keeps the proportions, and never enlarges
        for encode in (_jpeg,) if photo else (_png, _jpeg):
            data = encode(picture)
            if len(data) <= most:
                return data
        side = max(1, max(picture.size) * 3 // 4)
    raise RequestError(f"{name} cannot be packed into {most:,} bytes.", hint="Nothing was sent.")


def _png(picture: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _jpeg(picture: Any) -> bytes:
    """On white, as JPEG has no transparency."""
    from PIL import Image

    flat = picture
    if picture.mode == "RGBA":
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(picture, mask=picture.getchannel("A"))
    buffer = io.BytesIO()
    flat.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
