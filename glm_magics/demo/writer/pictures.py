"""What the demo says of images: their true format and size, since nothing here looks at them."""

from __future__ import annotations

from glm_magics.demo.pictures import Picture

__all__ = ["described", "picture_summary", "unseen"]


def picture_summary(pictures: tuple[Picture, ...], chinese: bool) -> str:
    """A line for each image."""
    lead = (
        f"收到 **{len(pictures)}** 张图片："
        if chinese
        else f"**{len(pictures)}** image{'s' if len(pictures) > 1 else ''} came with the question:"
    )
    lines = [f"{n}. {described(picture, chinese)}" for n, picture in enumerate(pictures, 1)]
    return "\n".join([lead, "", *lines])


def unseen(chinese: bool) -> str:
    """What there is to answer when the question is about what an image shows."""
    return (
        "演示引擎读得出尺寸，看不见内容。"
        if chinese
        else "The demo reads the size of an image; it cannot see what is in it."
    )


def described(picture: Picture, chinese: bool) -> str:
    if picture.address:
        return (
            f"地址 `{picture.address}`（演示引擎不联网，未下载）"
            if chinese
            else f"at `{picture.address}`, not loaded: the demo opens no connection"
        )
    size = f"{picture.width} × {picture.height}"
    if chinese:
        return f"{picture.format}，{size} 像素，{picture.bytes:,} 字节"
    return f"{picture.format}, {size} pixels, {picture.bytes:,} bytes"
