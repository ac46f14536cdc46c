"""What the bytes of an image say of themselves: format, width and height, whether they are whole.

PNG, JPEG, GIF and WebP are told by their magic bytes, never by a name, and read without an image library:
only lengths and headers, so nothing is ever unpacked here. The inside of an image part (a data URI, bare
base64 or an address) is read here too, by the client and by the demo alike.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass

__all__ = [
    "MOST_IMAGE_TOKENS",
    "ImageHeader",
    "data_uri",
    "format_of",
    "header",
    "image_bytes",
    "image_tokens",
    "is_address",
]


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """`format` is "PNG", "JPEG", "GIF" or "WebP"; sizes in pixels. `metadata` names what else is inside."""

    format: str
    width: int
    height: int
    metadata: tuple[str, ...] = ()

    @property
    def pixels(self) -> int:
        return self.width * self.height


def format_of(data: bytes) -> str | None:
    """The format that the first bytes announce; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    return None


def header(data: bytes) -> ImageHeader:
    """The header of a whole image. Raises `ValueError` for any other format, and for a damaged file."""
    form = format_of(data)
    if form is None:
        raise ValueError("not a PNG, JPEG, GIF or WebP image")
    try:
        found = _READERS[form](data)
    except IndexError:
        raise ValueError(f"the {form} image is cut off") from None
    if not (found.width and found.height):
        raise ValueError(f"the {form} image has no pixels: {found.width} × {found.height}")
    return found


# ------------------------------------------------------------------------------------------------ formats


def _png(data: bytes) -> ImageHeader:
    """Chunks of length, name, body and checksum, from IHDR to IEND (PNG specification, 5.3)."""
    names: list[bytes] = []
    position = 8
    while b"IEND" not in names:
        length = _number(data, position, 4)
        name, end = data[position + 4 : position + 8], position + 12 + length
        if end > len(data):
            raise IndexError
        if name == b"IHDR" and _number(data, end - 4, 4) != zlib.crc32(data[position + 4 : end - 4]):
            raise ValueError("the PNG image is damaged: its header does not match its checksum")
        names.append(name)
        position = end
    if names[0] != b"IHDR" or b"IDAT" not in names:
        raise ValueError("the PNG image is damaged: its header or its picture is missing")
    private = {b"eXIf": "EXIF", b"tEXt": "text", b"zTXt": "text", b"iTXt": "text"}
    metadata = dict.fromkeys(private[name] for name in names if name in private)
    return ImageHeader("PNG", _number(data, 16, 4), _number(data, 20, 4), tuple(metadata))


_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the markers that begin a frame
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # the markers without a length


def _jpeg(data: bytes) -> ImageHeader:
    """Segments up to the start of the scan; after that only the end marker is looked for (ITU T.81, B.1)."""
    size: tuple[int, int] | None = None
    metadata: list[str] = []
    position = 2
    while True:
        position = _marker_at(data, position)
        marker = data[position]
        position += 1
        if marker in _ALONE:
            continue
        length = _number(data, position, 2)
        if length < 2:
            raise ValueError("the JPEG image is damaged: a segment has no length")
        body = data[position + 2 : position + length]
        if marker in _FRAMES:
            size = _number(body, 3, 2), _number(body, 1, 2)
        elif marker == 0xE1 and body.startswith((b"Exif\0", b"http://ns.adobe.com/xap/")):
            metadata.append("EXIF" if body.startswith(b"Exif") else "XMP")
        elif marker == 0xDA:
            break
        position += length
    if size is None:
        raise ValueError("the JPEG image is damaged: it has no frame before its scan")
    if data.rfind(b"\xff\xd9", position) < 0:
        raise IndexError
    return ImageHeader("JPEG", *size, tuple(dict.fromkeys(metadata)))


def _marker_at(data: bytes, position: int) -> int:
    """Where the marker's own byte is: after one or more 0xFF."""
    if data[position] != 0xFF:
        raise ValueError("the JPEG image is damaged: no segment where one should begin")
    while data[position] == 0xFF:
        position += 1
    return position


def _gif(data: bytes) -> ImageHeader:
    width, height = (int.from_bytes(data[at : at + 2], "little") for at in (6, 8))
    if len(data) < 14 or data.rstrip(b"\0")[-1] != 0x3B:
        raise IndexError
    return ImageHeader("GIF", width, height)


def _webp(data: bytes) -> ImageHeader:
    """A RIFF file whose first chunk says how it is packed (WebP container specification)."""
    if int.from_bytes(data[4:8], "little") + 8 > len(data) or len(data) < 30:
        raise IndexError
    kind, body = data[12:16], data[20:30]
    metadata = ("EXIF",) if b"EXIF" in data[30:] and kind == b"VP8X" and body[0] & 0x08 else ()
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(body[at : at + 3], "little") for at in (4, 7))
    elif kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    else:
        raise ValueError("the WebP image is damaged: its first chunk is unknown")
    return ImageHeader("WebP", width, height, metadata)


_READERS = {"PNG": _png, "JPEG": _jpeg, "GIF": _gif, "WebP": _webp}


def _number(data: bytes, position: int, size: int) -> int:
    found = data[position : position + size]
    if len(found) < size:
        raise IndexError
    return int.from_bytes(found, "big")


# --------------------------------------------------------------------------------------- inside a message


_DATA_URI = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)


def is_address(url: str) -> bool:
    """Whether an image part names an address, in place of holding the image."""
    return url[:8].lower().startswith(("http://", "https://"))


def data_uri(data: bytes) -> str:
    """The image as a data URI, with the type that its bytes announce."""
    kind = (format_of(data) or "octet-stream").lower()
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def image_bytes(url: str) -> bytes:
    """The bytes in a data URI or in bare base64; both forms are in use on the platform (docs.bigmodel.cn).

    Raises `ValueError` for what is neither.
    """
    prefix = _DATA_URI.match(url)
    try:
        return base64.b64decode(url[prefix.end() :] if prefix else url, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("neither an address nor base64") from None


# ------------------------------------------------------------------------------------------------- tokens

# One token stands for a square of 28 × 28 pixels (patches of 14, merged two by two), after the image was
# scaled to whole squares and into the range below. Source: the image processors of the open GLM-4.1V to
# GLM-4.6V models (transformers, glm4v and glm46v; read 2026-11), at most 6,144 tokens there; GLM-5.3's has
# at most 8,000. The platform's own figure is documented nowhere.
_SQUARE = 28
_FEWEST = 18
_MARKS = 2  # around each image
MOST_IMAGE_TOKENS = 8_000 + _MARKS


def image_tokens(width: int, height: int) -> int:
    """Tokens of an image of this size: rounded up, so rather more than the platform counts."""
    short, long = sorted((max(1, width), max(1, height)))
    squares = -(-short // _SQUARE) * -(-long // _SQUARE)
    strip = -(-long // short)  # one that is narrower than a square is scaled until it is as wide
    return min(max(squares, strip, _FEWEST) + _MARKS, MOST_IMAGE_TOKENS)
