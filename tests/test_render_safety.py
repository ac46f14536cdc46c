"""No text of a model becomes anything but text: the hostile corpus and fuzzing, in every form and renderer."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from render_checks import HOSTILE, PAYLOADS, Page, dom, hostile_texts, residue

from glm_magics.chat import Completion
from glm_magics.render import Blocks, canonical, html, static

NODE_SIDE = Path(__file__).parent / "render_fuzz"
each_payload = pytest.mark.parametrize(
    "payload", [pytest.param(item["payload"], id=item["id"]) for item in HOSTILE]
)


def nbconvert_html(text: str) -> str:
    """As nbconvert and nbviewer show it, without the anchors they add to headings."""
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(text).replace('<div class="highlight">', "<div>")


def vscode_html(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)


def node_html(texts: list[str], folder: Path) -> dict[str, list[str]]:
    """Each text rendered by the JavaScript renderers, by renderer."""
    node = shutil.which("node")
    if node is None or not (NODE_SIDE / "node_modules").is_dir():
        pytest.fail("the JavaScript renderers are missing: npm ci --prefix tests/render_fuzz")
    given, got = folder / "given.json", folder / "got.json"
    given.write_text(json.dumps(texts), "utf-8")
    subprocess.run([node, "render.mjs", str(given), str(got)], cwd=NODE_SIDE, check=True, timeout=240)
    rendered: dict[str, list[str]] = json.loads(got.read_text("utf-8"))
    return rendered


@each_payload
def test_a_payload_whole_is_inert_everywhere(payload: str) -> None:
    shown = html(payload)
    dom(shown)
    assert residue(shown) == []
    written = canonical(payload)
    assert residue(vscode_html(written), live=False) == []
    assert residue(nbconvert_html(written), live=False) == []


@each_payload
def test_a_payload_in_single_characters_is_inert_at_every_step(payload: str) -> None:
    blocks, page = Blocks(), Page()
    for character in payload:
        blocks.feed(character)
        page.apply(blocks.ops())
        assert residue(page.html()) == []
    page.apply(blocks.ops(final=True))
    assert page.html() == dom(html(payload)).html()


@pytest.mark.parametrize("place", ["reasoning", "text", "notes", "footer"])
def test_a_saved_output_with_a_payload_is_inert_and_keeps_its_shape(place: str, tmp_path: Path) -> None:
    bundles = []
    for payload in PAYLOADS:
        fields = {"reasoning": "ok", "text": "ok", place: (payload,) if place == "notes" else payload}
        footer = fields.pop("footer", "the footer")
        bundles.append(static(Completion(**fields), footer)["text/markdown"])
    rendered = node_html(bundles, tmp_path)
    rendered["nbconvert"] = [nbconvert_html(bundle) for bundle in bundles]
    for name, pages in rendered.items():
        for payload, page in zip(PAYLOADS, pages, strict=True):
            assert residue(page, live=False) == [], (name, payload)
            assert page.count("<details>") == page.count("</details>") == 1 or place == "reasoning", (
                name,
                payload,
            )
            assert page.count("<details>") == page.count("</details>") <= 1, (name, payload)
            assert place == "footer" or page.rstrip().removesuffix("</p>").endswith("the footer</small>"), (
                name,
                payload,
            )


def _nothing_escapes(count: int, seed: int, folder: Path) -> None:
    texts = list(hostile_texts(count, seed))
    written = [canonical(text) for text in texts]
    rendered = node_html(written, folder)
    rendered["nbconvert"] = [nbconvert_html(text) for text in written]
    rendered["markdown-it-py"] = [vscode_html(text) for text in written]
    for name, pages in rendered.items():
        unsafe = [
            (text, found)
            for text, page in zip(texts, pages, strict=True)
            if (found := residue(page, live=False))
        ]
        assert unsafe == [], f"{name}: {len(unsafe)} of {len(texts)}, first {unsafe[0]}"


def test_20_000_hostile_texts_written_canonically_are_inert_in_five_renderers(tmp_path: Path) -> None:
    _nothing_escapes(20_000, 1, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 7))
def test_100_000_more_hostile_texts_are_inert(seed: int, tmp_path: Path) -> None:
    _nothing_escapes(20_000, seed, tmp_path)


def test_the_judge_finds_what_raw_payloads_do(tmp_path: Path) -> None:
    """The fuzz proves something only if the same judge finds the same texts, unwritten, unsafe."""
    rendered = node_html(PAYLOADS, tmp_path)
    for name, pages in rendered.items():
        unsafe = sum(bool(residue(page, live=False)) for page in pages)
        assert unsafe > len(PAYLOADS) / 3, name
