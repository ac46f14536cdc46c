"""Values of the notebook as images: every kind that is taken, and every kind of refusal."""

from __future__ import annotations

import base64
import io
import json
import os
import pathlib
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import matplotlib
import numpy as np
import pytest
from IPython.display import SVG as ShownSVG
from IPython.display import Image as ShownImage
from matplotlib.figure import Figure
from PIL import Image

import glm_magics as glm
from glm_magics import api, local_files
from glm_magics._session import Session
from glm_magics._tiers import tiers
from glm_magics.chat import ImagePart, Message, TextPart
from glm_magics.client import Client, Endpoint
from glm_magics.errors import RequestError
from glm_magics.image_header import ImageHeader, data_uri, header, image_bytes
from glm_magics.images.fetch import fetch
from glm_magics.images.fit import fitted
from glm_magics.images.values import image, is_picture
from tests.pictures import FORMATS, SVG, noise, photo, picture

matplotlib.use("Agg")

V46 = tiers().find("glm-4.6v")
Demo = Callable[..., Session]


def figure(width: float = 5, height: float = 3) -> Figure:
    drawn = Figure(figsize=(width, height), dpi=100)
    drawn.subplots().plot([1, 3, 2])
    return drawn


def seen(value: Any, **options: Any) -> ImageHeader:
    """The header of what would be sent."""
    return header(image_bytes(image(value, **options).url))


def pixels(value: Any) -> Any:
    return np.asarray(Image.open(io.BytesIO(image_bytes(image(value).url))))


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Kinds of values


@pytest.mark.parametrize(
    ("value", "form", "size"),
    [
        pytest.param(figure(), "PNG", (500, 300), id="figure"),
        pytest.param(figure(4, 4).axes[0], "PNG", (400, 400), id="axes"),
        pytest.param(figure(6, 2).subfigures(1, 2)[0], "PNG", (600, 200), id="subfigure"),
        pytest.param(Image.new("RGBA", (30, 20)), "PNG", (30, 20), id="PIL RGBA"),
        pytest.param(Image.new("CMYK", (30, 20)), "PNG", (30, 20), id="PIL CMYK"),
        pytest.param(Image.new("F", (30, 20)), "PNG", (30, 20), id="PIL float"),
        *(pytest.param(picture(form), form, (64, 48), id=f"{form} bytes") for form in FORMATS),
        pytest.param(bytearray(picture()), "PNG", (64, 48), id="bytearray"),
        pytest.param(memoryview(picture("JPEG")), "JPEG", (64, 48), id="memoryview"),
        pytest.param(data_uri(picture("GIF")), "GIF", (64, 48), id="data URI"),
        pytest.param(SVG, "PNG", (50, 40), id="SVG text"),
        pytest.param(b'<?xml version="1.0"?>\n<!-- x -->\n' + SVG.encode(), "PNG", (50, 40), id="SVG bytes"),
        pytest.param(ShownSVG(SVG), "PNG", (50, 40), id="IPython SVG"),
        pytest.param(ShownImage(picture("JPEG")), "JPEG", (64, 48), id="IPython Image"),
        pytest.param(np.zeros((7, 9), np.uint8), "PNG", (9, 7), id="array"),
        pytest.param(np.zeros((7, 9, 3)), "PNG", (9, 7), id="array of floats"),
        pytest.param(np.zeros((7, 9, 4), np.float32), "PNG", (9, 7), id="array with transparency"),
        pytest.param(np.zeros((14, 9, 3), np.uint8)[::2], "PNG", (9, 7), id="array in strides"),
        pytest.param(np.eye(8, dtype=bool), "PNG", (8, 8), id="array of truth"),
    ],
)  # fmt: skip
def test_what_shows_a_picture_is_an_image(value: Any, form: str, size: tuple[int, int]) -> None:
    found = seen(value)
    assert (found.format, (found.width, found.height)) == (form, size)


def test_an_array_keeps_its_colours() -> None:
    colours = np.random.default_rng(1).integers(0, 256, (11, 13, 4), np.uint8)
    assert (pixels(colours) == colours).all()
    assert (pixels(colours[..., 0]) == colours[..., 0]).all()
    assert (pixels(colours[..., :3] / 255) == colours[..., :3]).all()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param(object(), "is a object, which is no image", id="object"),
        pytest.param(lambda: 1, "is a function, which is no image", id="function"),
        pytest.param({"a": 1}, "is a dict", id="dict"),
        pytest.param(b"%PDF-1.7", "not a PNG", id="other bytes"),
        pytest.param(b"", "not a PNG", id="no bytes"),
        pytest.param(picture()[:-20], "cut off", id="cut off"),
        pytest.param("data:image/png;base64,@@", "no data URI", id="bad base64"),
        pytest.param(np.zeros((5, 5, 2, 2)), "array of 5 × 5 × 2 × 2", id="four dimensions"),
        pytest.param(np.zeros((5, 5, 7)), "array of 5 × 5 × 7", id="seven channels"),
        pytest.param(np.zeros((0, 5)), "array of 0 × 5", id="empty array"),
        pytest.param(np.full((5, 5), 1.5), "values from 1.5 to 1.5; expected 0 to 1", id="too bright"),
        pytest.param(np.full((5, 5), -3), "expected 0 to 255", id="below black"),
        pytest.param(np.full((5, 5), np.nan), "values that are no colours", id="NaN"),
        pytest.param(np.full((5, 5), "x"), "values that are no colours", id="array of text"),
        pytest.param(
            ShownImage(url="https://a.example/x.png"), "holds no image", id="IPython Image of a URL"
        ),
        pytest.param('<svg width="9000" height="10"/>', "drawing of 9000 × 10", id="huge SVG"),
        pytest.param('<svg viewBox="0 0 1e9 1e9"/>', "drawing of 1e\\+09", id="endless SVG"),
        pytest.param("<svg <<", "drawing of unknown size", id="broken SVG"),
    ],
)
def test_what_is_no_image_is_refused_with_the_reason(value: Any, why: str) -> None:
    with pytest.raises(RequestError, match=why):
        image(value)


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    bomb = bytearray(picture())
    bomb[16:24] = struct.pack(">II", 60_000, 60_000)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    with pytest.raises(RequestError, match="60,000 × 60,000 pixels"):
        image(bytes(bomb))


@pytest.mark.parametrize(
    ("value", "implied"),
    [
        (figure(), True),
        (Image.new("L", (3, 3)), True),
        (picture(), True),
        (np.zeros((9, 9, 3), np.uint8), True),
        (np.ones((9, 9, 3)), True),
        (np.zeros((9, 9)), False),
        (np.full((9, 9, 3), 7.0), False),
        (np.zeros((9, 9, 3), np.int64), False),
        ("plot.png", False),
        (SVG, False),
        (b"bytes", False),
        (pathlib.Path("plot.png"), False),
        (3, False),
    ],
)
def test_only_what_can_be_nothing_else_is_an_image_by_itself(value: Any, implied: bool) -> None:
    assert is_picture(value) is implied


def test_a_value_that_pretends_to_be_a_figure_runs_nothing() -> None:
    class Trap:
        @property
        def __class__(self) -> type:  # type: ignore[override]
            raise AssertionError("asked for its class")

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    assert not is_picture(Trap())
    with pytest.raises(RequestError, match="is a Trap"):
        image(Trap())


def test_an_svg_reads_no_file_and_loads_nothing() -> None:
    inner = (
        '<image href="file:///etc/hostname" width="9" height="9"/>'
        '<use href="http://127.0.0.1:9/x.svg#a"/><style>@import url(http://127.0.0.1:9/x.css);</style>'
    )
    assert seen(SVG.replace("<rect", inner + "<rect")).width == 50


def test_without_a_renderer_svg_is_an_error_that_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(RequestError, match=r"pip install cairosvg"):
        image(SVG)


# Files


def test_a_file_is_read_by_its_path(folder: pathlib.Path) -> None:
    (folder / "中文 图.png").write_bytes(picture("JPEG"))
    for path in ("中文 图.png", folder / "中文 图.png", str(folder / "中文 图.png")):
        part = image(path)
        assert part.name == "中文 图.png"
        assert header(image_bytes(part.url)).format == "JPEG"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("missing.png", "No such file"),
        ("folder", "is a folder"),
        ("pipe", "a pipe"),
        ("../outside.png", "out of the working folder"),
        ("link.png", "out of the working folder"),
        (".hidden.png", "hidden"),
        ("text.png", "not a PNG"),
        ("large.png", "more than 20 MB"),
        ("id_rsa.png", "looks like a key"),
        ("a\0b", "Expected the path"),
        ("x" * 300, "cannot be read"),
        ("", "Expected the path"),
    ],
)
def test_a_file_that_may_not_be_read_is_refused(folder: pathlib.Path, path: str, why: str) -> None:
    inside = folder / "inside"
    inside.mkdir()
    os.chdir(inside)
    (folder / "outside.png").write_bytes(picture())
    (inside / "folder").mkdir()
    os.mkfifo(inside / "pipe")
    (inside / "link.png").symlink_to(folder / "outside.png")
    (inside / ".hidden.png").write_bytes(picture())
    (inside / "text.png").write_text("SECRET=1")
    with (inside / "large.png").open("wb") as large:
        large.truncate(local_files.MOST_BYTES + 1)
    (inside / "id_rsa.png").write_bytes(picture())
    with pytest.raises(RequestError, match=why) as raised:
        image(path)
    assert "SECRET" not in str(raised.value)


# Addresses


def served(*responses: httpx.Response) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return responses[len(requests) - 1]

    return httpx.MockTransport(answer), requests


def public(host: str, port: int) -> list[str]:
    return ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]


def test_an_address_is_loaded_only_when_that_is_allowed() -> None:
    with pytest.raises(RequestError, match=r"a\.png is an address.*\nAdd --fetch"):
        image("https://example.com/a.png?key=1")


def test_an_image_is_loaded_from_the_address_that_was_checked() -> None:
    transport, requests = served(httpx.Response(200, content=picture()))
    assert fetch("https://example.com/a.png?x=1#y", transport=transport, resolve=public) == picture()
    (request,) = requests
    assert str(request.url) == "https://93.184.216.34/a.png?x=1"
    assert request.headers["host"] == "example.com"
    assert request.extensions["sni_hostname"] == "example.com"
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(302, headers={"location": "https://127.0.0.1/"}), "redirects"),
        (httpx.Response(404), "HTTP 404"),
        (httpx.Response(200, content=bytes(10_000_001)), "more than 10,000,000 bytes"),
    ],
)
def test_what_the_host_answers_is_not_trusted(answer: httpx.Response, why: str) -> None:
    transport, requests = served(answer)
    with pytest.raises(RequestError, match=why):
        fetch("https://example.com/a.png", transport=transport, resolve=public)
    assert len(requests) == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/a.png",
        "https://user:word@example.com/a.png",
        "https:///a.png",
        "https://example.com:x/a.png",
        "ftp://example.com/a.png",
    ],
)
def test_only_plain_https_is_loaded(address: str) -> None:
    with pytest.raises(RequestError, match="expected https"):
        fetch(address, transport=served()[0], resolve=public)


@pytest.mark.parametrize(
    "found",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:10.0.0.1", "100.64.0.1", "2002:0a00:0001::", "224.0.0.1", "0.0.0.0"],
)  # fmt: skip
def test_nothing_is_loaded_from_a_private_network(found: str) -> None:
    for addresses in ([found], ["93.184.216.34", found]):
        with pytest.raises(RequestError, match="private network"):
            fetch("https://example.com/", transport=served()[0], resolve=lambda h, p, a=addresses: a)


def test_a_host_that_is_not_there_is_said_so() -> None:
    with pytest.raises(RequestError, match="no host"):
        fetch("https://nowhere.example/a.png", transport=served()[0], resolve=lambda host, port: [])


# Within the limits of a tier


def fit(data: bytes, tier: Any = V46) -> ImagePart:
    (message,) = fitted([Message("user", (TextPart("?"), ImagePart(data_uri(data), name="pic")))], tier)
    assert message.content[0] == TextPart("?")
    (part,) = message.images
    return part


def test_an_image_within_the_limits_is_sent_as_it_is() -> None:
    part = fit(picture("JPEG"))
    assert image_bytes(part.url) == picture("JPEG")
    assert part.note == ""


def test_a_photo_is_sent_with_its_metadata_and_that_is_said() -> None:
    assert image(photo(), "beach").note == "beach went out as it is, with its EXIF."


@pytest.mark.parametrize(
    ("data", "form", "size", "said"),
    [
        pytest.param(picture("PNG", 7_000, 100), "PNG", (6_000, 86), "scaled from 7,000 × 100 to 6,000 × 86", id="wide"),
        pytest.param(picture("WebP"), "PNG", (64, 48), "converted from WebP to PNG", id="WebP"),
        pytest.param(picture("GIF"), "PNG", (64, 48), "its first picture only", id="GIF"),
        pytest.param(noise("PNG", 1_600, 1_300), "JPEG", (1_600, 1_300), "converted from PNG to JPEG", id="many bytes"),
    ],
)  # fmt: skip
def test_an_image_beyond_the_limits_is_made_to_fit_and_that_is_said(
    data: bytes, form: str, size: tuple[int, int], said: str
) -> None:
    part = fit(data)
    found = header(image_bytes(part.url))
    assert (found.format, (found.width, found.height)) == (form, size)
    assert len(image_bytes(part.url)) <= 5_000_000
    assert said in part.note
    assert part.note.startswith("pic was changed to fit glm-4.6v: ")


def test_a_photo_that_is_packed_anew_is_upright_and_without_metadata() -> None:
    small = tiers().with_row({"id": "tiny", "vision": True, "images": {"side": 30}}).find("tiny")
    found = header(image_bytes(fit(photo(), small).url))
    assert (found.width, found.height, found.metadata) == (20, 30, ())


def test_an_image_becomes_smaller_until_it_has_few_enough_bytes() -> None:
    small = tiers().with_row({"id": "tiny", "vision": True, "images": {"bytes": 20_000}}).find("tiny")
    assert len(image_bytes(fit(noise(), small).url)) <= 20_000
    impossible = tiers().with_row({"id": "none", "vision": True, "images": {"bytes": 10}}).find("none")
    with pytest.raises(RequestError, match="cannot be packed into 10 bytes"):
        fit(noise(), impossible)


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    webp = picture("WebP")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(
        RequestError, match=r"WebP, and glm-4\.6v takes PNG and JPEG(.|\n)*glm-magics\[images\]"
    ):
        fit(webp)


def test_pixels_that_cannot_be_unpacked_are_an_error() -> None:
    broken = picture("WebP", 300, 300)
    broken = broken[:40] + bytes(len(broken) - 40)
    with pytest.raises(RequestError, match="damaged"):
        fit(broken)


@pytest.mark.parametrize("url", ["data:image/png;base64,AAAA", "no base64 at all", data_uri(b"x")])
def test_an_image_part_made_by_hand_is_looked_at_too(demo: Demo, url: str) -> None:
    with pytest.raises(RequestError, match="cannot be sent"):
        glm.ask([Message("user", (TextPart("?"), ImagePart(url)))], tier="glm-4.6v")


# The way to the demo and back


def test_images_of_a_question_reach_the_demo_with_their_true_sizes(demo: Demo) -> None:
    done = glm.ask("What is this?", images=[figure(), picture("JPEG", 321, 123)], tier="glm-4.6v")
    assert "1. PNG, 500 × 300 pixels" in done.text
    assert "2. JPEG, 321 × 123 pixels" in done.text
    assert [(sent.name, sent.format, sent.width, sent.height) for sent in done.images] == [
        ("image 1", "PNG", 500, 300),
        ("image 2", "JPEG", 321, 123),
    ]


def test_the_answer_notes_what_was_changed(demo: Demo) -> None:
    done = glm.ask("What is this?", images=[np.zeros((6_100, 50), np.uint8)], tier="glm-4.6v")
    assert done.notes[0].startswith(
        "image 1 was changed to fit glm-4.6v: scaled from 50 × 6,100 to 49 × 6,000"
    )
    with glm.stream("And this?", images=[photo()], tier="glm-4.6v") as stream:
        list(stream)
    assert stream.completion.notes == ("image 1 went out as it is, with its EXIF.",)


def test_an_image_made_beforehand_stands_in_a_message(demo: Demo) -> None:
    part = glm.image(figure(), "sales")
    done = glm.ask([Message("user", (TextPart("Before"), part, TextPart("after"))), Message("assistant", "ok"), Message("user", "Now?")], images=[picture()], tier="glm-4.6v")  # fmt: skip
    assert "**2** images" in done.text
    assert [sent.name for sent in done.images] == ["sales", "image 1"]


def test_a_text_tier_names_the_tiers_that_see_the_cheapest_first(demo: Demo) -> None:
    with pytest.raises(
        RequestError, match=r"glm-4\.5-air cannot see images; tiers that can: glm-4.6v-flash, "
    ) as cny:
        glm.ask("?", images=[picture()], tier="glm-4.5-air")
    assert "glm-4v-flash" not in str(cny.value), "it takes addresses only"
    demo("currency=USD")
    with pytest.raises(RequestError) as usd:
        glm.ask("?", images=[picture()], tier="glm-4.5-air")
    listed = str(usd.value).split("tiers that can: ")[1].partition("\n")[0].split(", ")
    assert listed[:4] == ["glm-4.6v-flash", "glm-5.3-flash", "glm-4.6v", "glm-5.3-flashx"]
    assert "glm-4.1v-thinking-flash" not in listed, "it is not on that platform"


def test_the_number_of_images_depends_on_tier_and_platform(demo: Demo) -> None:
    with pytest.raises(RequestError, match=r"51 images: glm-4\.6v takes at most 50 in a request"):
        glm.ask("?", images=[picture()] * 51, tier="glm-4.6v")
    demo("currency=USD")
    assert "**51** images" in glm.ask("?", images=[picture()] * 51, tier="glm-4.6v").text


def test_a_tier_that_takes_addresses_only_says_so(demo: Demo) -> None:
    with pytest.raises(RequestError, match="glm-4v-flash takes images by their address only; tiers that"):
        glm.ask("?", images=[picture()], tier="glm-4v-flash")


def test_another_server_gets_a_data_uri_and_the_platform_bare_base64(bare_environment: None) -> None:
    sent = []
    for dialect in ("glm", "openai", "gateway"):

        def answer(request: httpx.Request) -> httpx.Response:
            sent.append(json.loads(request.content)["messages"][0]["content"][1]["image_url"]["url"])
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}}
            return httpx.Response(200, json={"choices": [choice]})

        endpoint = Endpoint("test", "http://test/v4", dialect=dialect, currency="USD")
        api.use_client(Client(endpoint, transport=httpx.MockTransport(answer)), tier="glm-4.6v")
        glm.ask("?", images=[picture()])
    bare = base64.b64encode(picture()).decode()
    assert sent == [bare, f"data:image/png;base64,{bare}", f"data:image/png;base64,{bare}"]
